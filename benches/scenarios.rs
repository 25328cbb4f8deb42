//! Named clusters and claims for the benches: the same bytes at every run.

use std::fmt::Write as _;

/// A cluster of HGX machines: one node document and one slice of `gpus` devices per machine, and the device class.
pub(crate) fn hgx_cluster(nodes: usize, gpus: usize) -> String {
    let mut documents = String::from(
        r#"{"apiVersion":"resource.k8s.io/v1","kind":"DeviceClass","metadata":{"name":"gpu.nvidia.com"},"spec":{"selectors":[{"cel":{"expression":"device.driver == 'gpu.nvidia.com' && device.attributes['gpu.nvidia.com'].type == 'gpu'"}}]}}"#,
    );
    documents.push('\n');
    for node in 0..nodes {
        hgx_node(&mut documents, node, gpus);
    }
    documents
}

fn hgx_node(documents: &mut String, node: usize, gpus: usize) {
    let name = format!("hgx-{node:05}");
    let _ = writeln!(
        documents,
        r#"{{"apiVersion":"v1","kind":"Node","metadata":{{"name":"{name}","labels":{{"kubernetes.io/hostname":"{name}"}}}}}}"#
    );
    let _ = write!(
        documents,
        r#"{{"apiVersion":"resource.k8s.io/v1","kind":"ResourceSlice","metadata":{{"name":"00000-gpu.nvidia.com-{name}-abcde"}},"spec":{{"driver":"gpu.nvidia.com","nodeName":"{name}","pool":{{"name":"{name}","generation":1,"resourceSliceCount":1}},"devices":["#
    );
    for gpu in 0..gpus {
        let comma = if gpu == 0 { "" } else { "," };
        let _ = write!(
            documents,
            r#"{comma}{{"name":"gpu-{gpu}","attributes":{{"type":{{"string":"gpu"}},"uuid":{{"string":"GPU-{node:08x}-0000-4000-8000-{gpu:012x}"}},"productName":{{"string":"NVIDIA H100 80GB HBM3"}},"brand":{{"string":"Nvidia"}},"architecture":{{"string":"Hopper"}},"cudaComputeCapability":{{"version":"9.0.0"}},"driverVersion":{{"version":"580.126.20"}},"cudaDriverVersion":{{"version":"13.0.0"}},"resource.kubernetes.io/pcieRoot":{{"string":"pci0000:{gpu:02x}"}}}},"capacity":{{"memory":{{"value":"81559Mi"}}}}}}"#
        );
    }
    documents.push_str("]}}\n");
}

/// A claim for `count` devices of the class, with a selector on the product.
pub(crate) fn gpu_claim(count: usize) -> String {
    format!(
        r#"{{"apiVersion":"resource.k8s.io/v1","kind":"ResourceClaim","metadata":{{"name":"train","namespace":"default"}},"spec":{{"devices":{{"requests":[{{"name":"gpu","exactly":{{"deviceClassName":"gpu.nvidia.com","count":{count},"selectors":[{{"cel":{{"expression":"device.attributes['gpu.nvidia.com'].productName == 'NVIDIA H100 80GB HBM3'"}}}}]}}}}]}}}}}}"#
    )
}

/// The selector that every class of a driver begins with.
pub(crate) const DRIVER_SELECTOR: &str = "device.driver == \"gpu.nvidia.com\"";

/// The selector whose speed is promised.
pub(crate) const MEMORY_SELECTOR: &str =
    "device.capacity[\"gpu.nvidia.com\"].memory.compareTo(quantity(\"40Gi\")) >= 0";

/// The selector that most claims carry.
pub(crate) const PRODUCT_SELECTOR: &str =
    "device.attributes[\"gpu.nvidia.com\"].productName == \"NVIDIA H100 80GB HBM3\"";

/// All of the kinds of terms that selectors are made of.
pub(crate) const JOINED_SELECTOR: &str = "device.driver == \"gpu.nvidia.com\" && device.attributes[\"gpu.nvidia.com\"].productName == \"NVIDIA H100 80GB HBM3\" && device.capacity[\"gpu.nvidia.com\"].memory.compareTo(quantity(\"40Gi\")) >= 0";

/// A domain that is looked into twice, bound to a name.
pub(crate) const BIND_SELECTOR: &str = "cel.bind(gpu, device.attributes[\"gpu.nvidia.com\"], gpu.type == \"gpu\" && gpu.productName == \"NVIDIA H100 80GB HBM3\")";

/// A version that is at least another.
pub(crate) const VERSION_SELECTOR: &str =
    "device.attributes[\"gpu.nvidia.com\"].cudaComputeCapability.compareTo(semver(\"8.0.0\")) >= 0";

/// A selector that gives another result for each device.
pub(crate) const UUID_SELECTOR: &str = "device.attributes[\"gpu.nvidia.com\"].uuid.endsWith(\"7\")";
