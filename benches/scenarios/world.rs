//! A world: the documents of a cluster and the claims of one pod, as both engines read them.
//!
//! Holds text, asks nobody. Start at [`World`], then at the functions that write one document each.

use serde_json::{Value, json};

const API: &str = "resource.k8s.io/v1";

/// A machine with what its drivers publish.
pub(crate) struct Machine {
    pub(crate) name: String,
    pub(crate) node: String,
    pub(crate) slices: Vec<String>,
}

/// Everything both engines are given.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) machines: Vec<Machine>,
    /// Machines that nobody asks about.
    pub(crate) bystanders: Vec<Machine>,
    pub(crate) classes: Vec<String>,
    /// Claims that hold something.
    pub(crate) held: Vec<String>,
    /// What is asked for together: the claims of one pod.
    pub(crate) claims: Vec<String>,
    /// A claim that fits nearly anywhere, committed between two questions.
    pub(crate) passer_by: Option<String>,
    /// Whether attributes may be lists, which is a gate.
    pub(crate) has_list_attributes: bool,
}

impl World {
    /// The names of all nodes, in order.
    pub(crate) fn nodes(&self) -> Vec<String> {
        self.machines.iter().map(|m| m.name.clone()).collect()
    }

    fn all_machines(&self) -> impl Iterator<Item = &Machine> {
        self.machines.iter().chain(&self.bystanders)
    }

    /// What stands in the cluster, one document a line; the claims asked for are no part of it.
    pub(crate) fn documents(&self) -> String {
        let nodes = self.all_machines().map(|m| &m.node);
        let slices = self.all_machines().flat_map(|m| &m.slices);
        let all: Vec<&str> = self
            .classes
            .iter()
            .chain(nodes)
            .chain(slices)
            .chain(&self.held)
            .map(String::as_str)
            .collect();
        all.join("\n")
    }

    /// The world as the oracle reads it, with further fields that say what to do.
    pub(crate) fn case(&self, more: &Value) -> String {
        let list = |documents: Vec<&String>| {
            let texts: Vec<&str> = documents.into_iter().map(String::as_str).collect();
            format!("[{}]", texts.join(","))
        };
        let mut fields = vec![
            format!("\"features\":{}", features(self.has_list_attributes)),
            format!(
                "\"nodes\":{}",
                list(self.all_machines().map(|m| &m.node).collect())
            ),
            format!("\"classes\":{}", list(self.classes.iter().collect())),
            format!(
                "\"slices\":{}",
                list(self.all_machines().flat_map(|m| &m.slices).collect())
            ),
            format!("\"held\":{}", list(self.held.iter().collect())),
            format!("\"claims\":{}", list(self.claims.iter().collect())),
        ];
        for (name, value) in more.as_object().into_iter().flatten() {
            fields.push(format!("\"{name}\":{value}"));
        }
        format!("{{{}}}", fields.join(","))
    }
}

/// So many positions below `limit`, evenly spread, ascending.
pub(crate) fn spread(count: usize, limit: usize) -> Vec<usize> {
    let count = count.min(limit);
    (0..count).map(|index| index * limit / count).collect()
}

/// The gates that are on by default in the newest Kubernetes, as the oracle names them.
fn features(has_list_attributes: bool) -> Value {
    json!({
        "AdminAccess": true, "ConsumableCapacity": true, "DeviceBindingAndStatus": true, "DeviceTaints": true,
        "FractionalCapacityRange": true, "PartitionableDevices": true, "PrioritizedList": true,
        "ListTypeAttributes": has_list_attributes,
    })
}

pub(crate) fn node(name: &str) -> String {
    json!({"apiVersion": "v1", "kind": "Node",
           "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}}})
    .to_string()
}

pub(crate) fn class(name: &str, expression: &str) -> String {
    json!({"apiVersion": API, "kind": "DeviceClass", "metadata": {"name": name},
           "spec": {"selectors": [{"cel": {"expression": expression}}]}})
    .to_string()
}

/// Which nodes may use a slice.
pub(crate) enum Place {
    /// By the name of the node.
    Named,
    /// By a selector on its host name.
    Selected,
}

/// A slice of a pool on a node; `content` has its devices, or its counters.
pub(crate) fn slice(
    name: &str,
    driver: &str,
    node: &str,
    pool: (&str, usize),
    place: &Place,
    (kind, content): (&str, Value),
) -> String {
    let mut spec = json!({
        "driver": driver,
        "pool": {"name": pool.0, "generation": 1, "resourceSliceCount": pool.1},
        kind: content,
    });
    match place {
        Place::Named => spec["nodeName"] = json!(node),
        Place::Selected => {
            spec["nodeSelector"] = json!({"nodeSelectorTerms": [{"matchExpressions": [
                {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}]}]});
        }
    }
    json!({"apiVersion": API, "kind": "ResourceSlice", "metadata": {"name": name}, "spec": spec})
        .to_string()
}

/// A claim that holds devices; each result as the API writes it, without the name of its request.
pub(crate) fn held(name: &str, class: &str, mut results: Vec<Value>) -> String {
    for result in &mut results {
        result["request"] = json!("device");
    }
    let exactly = json!({"deviceClassName": class, "allocationMode": "ExactCount", "count": results.len().max(1)});
    json!({
        "apiVersion": API, "kind": "ResourceClaim",
        "metadata": {"name": name, "namespace": "tenants", "uid": format!("uid-{name}")},
        "spec": {"devices": {"requests": [{"name": "device", "exactly": exactly}]}},
        "status": {"allocation": {"devices": {"results": results}}},
    })
    .to_string()
}

pub(crate) fn result(driver: &str, pool: &str, device: &str) -> Value {
    json!({"driver": driver, "pool": pool, "device": device})
}

/// A claim with these requests and constraints.
pub(crate) fn claim(name: &str, requests: &[Value], constraints: &[Value]) -> String {
    let mut devices = json!({"requests": requests});
    if !constraints.is_empty() {
        devices["constraints"] = json!(constraints);
    }
    json!({"apiVersion": API, "kind": "ResourceClaim",
           "metadata": {"name": name, "namespace": "default"}, "spec": {"devices": devices}})
    .to_string()
}

/// A request for so many devices of a class, with selectors.
pub(crate) fn request(name: &str, class: &str, count: usize, selectors: &[&str]) -> Value {
    json!({"name": name, "exactly": wish(class, count, selectors)})
}

/// What stands in a request, and beside a name in each of its alternatives.
pub(crate) fn wish(class: &str, count: usize, selectors: &[&str]) -> Value {
    let mut wish =
        json!({"deviceClassName": class, "allocationMode": "ExactCount", "count": count});
    if !selectors.is_empty() {
        let selectors: Vec<Value> = selectors
            .iter()
            .map(|expression| json!({"cel": {"expression": expression}}))
            .collect();
        wish["selectors"] = json!(selectors);
    }
    wish
}

pub(crate) fn match_attribute(attribute: &str, requests: &[&str]) -> Value {
    json!({"matchAttribute": attribute, "requests": requests})
}

pub(crate) fn distinct_attribute(attribute: &str, requests: &[&str]) -> Value {
    json!({"distinctAttribute": attribute, "requests": requests})
}
