//! Extended resources of a pod as a claim: `vendor.example/gpu: 2` in a container becomes requests for a device class.
//!
//! A pure function from pod, classes and (if known) node to a claim that nobody has written. Never reads slices and
//! never allocates. Start at [`extended_claim`]; which class serves which resource is in [`ExtendedResources`].
//!
//! Oddities, kept:
//! - Classes are taken in the order of their names. One that loses its explicit name to a class taken before also
//!   goes without its implicit one (upstream: in the order of events).
//! - An amount that is no whole number is as good as none.
//!
//! Not as upstream:
//! - The claim's name is made of the pod's. Upstream names all of them `<extended-resources>` until they are written,
//!   and could not keep those of two pods apart here. Both are no valid names, so no claim of a cluster can have them.
//! - No claim without requests is made, which upstream adds where device plugins serve everything.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::quantity::Quantity;
use crate::wire::claim::{DeviceClass, DeviceRequest, ExactDeviceRequest, ResourceClaim};
use crate::wire::core::{Container, Node, ObjectMeta, OwnerReference, Pod};

/// Marks the claim that stands for extended resources of its owner.
pub const CLAIM_ANNOTATION: &str = "resource.kubernetes.io/extended-resource-claim";
/// Every class can be asked for by this and its name.
const IMPLICIT_PREFIX: &str = "deviceclass.resource.kubernetes.io/";

/// Which class serves which extended resource.
#[derive(Clone, Debug, Default)]
pub struct ExtendedResources<'a> {
    classes: BTreeMap<String, &'a DeviceClass>,
}

impl<'a> ExtendedResources<'a> {
    /// The resources of classes given in the order of their names. Of two classes with the same explicit name the
    /// younger one has it; of two of the same age the first.
    pub fn of(classes: impl IntoIterator<Item = &'a DeviceClass>) -> Self {
        let mut known = Self::default();
        for class in classes {
            let explicit = class.spec.extended_resource_name.as_ref();
            if let Some(other) = explicit.and_then(|name| known.class(name))
                && created(class) <= created(other)
            {
                continue;
            }
            if let Some(name) = explicit {
                known.classes.insert(name.clone(), class);
            }
            let implicit = format!("{IMPLICIT_PREFIX}{}", class.metadata.name);
            known.classes.insert(implicit, class);
        }
        known
    }

    /// The class that serves a resource.
    pub fn class(&self, resource: &str) -> Option<&'a DeviceClass> {
        self.classes.get(resource).copied()
    }
}

/// When a class was made, in a form that compares; one that does not say so is older than all others.
///
/// The API server writes times in UTC to the second, which compare as text.
fn created(class: &DeviceClass) -> &str {
    class
        .metadata
        .creation_timestamp
        .as_deref()
        .unwrap_or_default()
}

/// A claim for extended resources, and what of it is for whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtendedClaim {
    /// The claim.
    pub claim: ResourceClaim,
    /// Which container uses which request for which resource, as `status.extendedResourceClaimStatus` lists it.
    pub mappings: Vec<RequestMapping>,
}

/// A request that a container uses for a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestMapping {
    /// Name of the container.
    pub container: String,
    /// Name of the resource.
    pub resource: String,
    /// Name of the request.
    pub request: String,
}

/// A resource that the node has neither from a device plugin nor through a class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CannotFit {
    /// Name of the resource.
    pub resource: String,
}

impl fmt::Display for CannotFit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot fit resource {}", self.resource)
    }
}

/// The claim for those extended resources of a pod that classes serve, or `None` when there are none.
///
/// With a node, resources that its device plugins offer are left to them, and one that nothing offers is refused.
/// Without one, every resource that a class can serve is taken to be served by it.
pub fn extended_claim(
    pod: &Pod,
    resources: &ExtendedResources<'_>,
    node: Option<&Node>,
) -> Result<Option<ExtendedClaim>, CannotFit> {
    let containers = Containers::of(pod);
    let asked = containers.extended_resources();
    if !asked
        .iter()
        .any(|resource| resources.class(resource).is_some())
    {
        return Ok(None);
    }
    let mut requests = Vec::new();
    let mut mappings = Vec::new();
    for resource in asked {
        let allocatable = node.and_then(|node| node.status.allocatable.get(resource));
        match resources.class(resource) {
            Some(class) if allocatable.is_none_or(Quantity::is_zero) => {
                let class = class.metadata.name.as_str();
                containers.serve(&Wanted { resource, class }, &mut requests, &mut mappings);
            }
            None if node.is_some() && allocatable.is_none() => {
                let resource = resource.to_owned();
                return Err(CannotFit { resource });
            }
            _ => {}
        }
    }
    if requests.is_empty() {
        return Ok(None);
    }
    // As text: `container-10-…` goes before `container-2-…`.
    requests.sort_by(|a: &DeviceRequest, b| a.name.cmp(&b.name));
    let mut claim = ResourceClaim {
        metadata: owned_by(pod, "extended-resources"),
        ..ResourceClaim::default()
    };
    let annotations = &mut claim.metadata.annotations;
    annotations.insert(CLAIM_ANNOTATION.to_owned(), "true".to_owned());
    claim.spec.devices.requests = requests;
    Ok(Some(ExtendedClaim { claim, mappings }))
}

/// Metadata of a claim that is made for a pod and was never written: its name is no valid one, so that it can neither
/// be taken for a claim of the cluster nor for that of another pod.
pub(crate) fn owned_by(pod: &Pod, purpose: &str) -> ObjectMeta {
    ObjectMeta {
        name: format!("<{}-{purpose}>", pod.metadata.name),
        namespace: pod.metadata.namespace.clone(),
        owner_references: vec![OwnerReference {
            api_version: "v1".to_owned(),
            kind: "Pod".to_owned(),
            name: pod.metadata.name.clone(),
            uid: pod.metadata.uid.clone(),
            controller: Some(true),
        }],
        ..ObjectMeta::default()
    }
}

/// Whether a name is that of an extended resource, explicit or implied by a class.
fn is_extended(resource: &str) -> bool {
    let is_native = !resource.contains('/') || resource.contains("kubernetes.io/");
    resource.starts_with(IMPLICIT_PREFIX) || !is_native && !resource.starts_with("requests.")
}

/// A resource and the class that serves it.
struct Wanted<'a> {
    resource: &'a str,
    class: &'a str,
}

/// The containers of a pod, those that run before the others first, and what each of them asks for.
struct Containers<'a> {
    all: Vec<(&'a Container, BTreeMap<&'a str, &'a Quantity>)>,
    /// How many of them run before the others.
    init: usize,
}

impl<'a> Containers<'a> {
    fn of(pod: &'a Pod) -> Self {
        let all = pod.spec.init_containers.iter().chain(&pod.spec.containers);
        Self {
            all: all
                .map(|container| (container, amounts(container)))
                .collect(),
            init: pod.spec.init_containers.len(),
        }
    }

    /// The extended resources that any container asks for, by name.
    fn extended_resources(&self) -> BTreeSet<&'a str> {
        let amounts = self.all.iter().flat_map(|(_, amounts)| amounts);
        amounts
            .filter(|(resource, amount)| is_extended(resource) && !amount.is_zero())
            .map(|(resource, _)| *resource)
            .collect()
    }

    /// Whether a container is gone before those after it start.
    fn is_short_lived(&self, position: usize) -> bool {
        let policy = self.all[position].0.restart_policy.as_deref();
        position < self.init && policy != Some("Always")
    }

    /// Adds the requests for one resource. Containers that last get their own devices; one that is gone before uses
    /// the devices of those that last after it, and what it needs beyond them is needed once for all such containers.
    fn serve(
        &self,
        wanted: &Wanted<'_>,
        requests: &mut Vec<DeviceRequest>,
        mappings: &mut Vec<RequestMapping>,
    ) {
        let mut lasting: Vec<Option<DeviceRequest>> = vec![None; self.all.len()];
        for (position, slot) in lasting.iter_mut().enumerate() {
            if !self.is_short_lived(position) {
                *slot = self.request(position, wanted, &[], mappings);
            }
        }
        let mut shared: Option<DeviceRequest> = None;
        let mut own_names = BTreeSet::new();
        let mut early = Vec::new();
        for position in (0..self.init).filter(|position| self.is_short_lived(*position)) {
            let Some(own) = self.request(position, wanted, &lasting[position..], &mut early) else {
                continue;
            };
            own_names.insert(own.name.clone());
            if shared
                .as_ref()
                .is_none_or(|largest| count(largest) < count(&own))
            {
                shared = Some(own);
            }
        }
        if let Some(shared) = &shared {
            for mapping in early
                .iter_mut()
                .filter(|mapping| own_names.contains(&mapping.request))
            {
                mapping.request.clone_from(&shared.name);
            }
        }
        mappings.append(&mut early);
        requests.extend(shared.into_iter().chain(lasting.into_iter().flatten()));
    }

    /// What a container needs of a resource beyond requests it can use; notes which requests it uses.
    fn request(
        &self,
        position: usize,
        wanted: &Wanted<'_>,
        usable: &[Option<DeviceRequest>],
        mappings: &mut Vec<RequestMapping>,
    ) -> Option<DeviceRequest> {
        let (container, amounts) = &self.all[position];
        let needed = amounts
            .get(wanted.resource)?
            .as_i64()
            .filter(|needed| *needed > 0)?;
        let mapping = |request: &str| RequestMapping {
            container: container.name.clone(),
            resource: wanted.resource.to_owned(),
            request: request.to_owned(),
        };
        let mut sum: i64 = 0;
        for request in usable.iter().flatten() {
            sum = sum.saturating_add(count(request));
            mappings.push(mapping(&request.name));
            if sum >= needed {
                return None;
            }
        }
        let index = amounts
            .keys()
            .position(|resource| *resource == wanted.resource)?;
        let name = format!("container-{position}-request-{index}");
        mappings.push(mapping(&name));
        Some(DeviceRequest {
            name,
            exactly: Some(ExactDeviceRequest {
                device_class_name: wanted.class.to_owned(),
                allocation_mode: "ExactCount".to_owned(),
                count: needed - sum,
                ..ExactDeviceRequest::default()
            }),
            ..DeviceRequest::default()
        })
    }
}

fn count(request: &DeviceRequest) -> i64 {
    request.exactly.as_ref().map_or(0, |exactly| exactly.count)
}

/// What a container asks for. The API server fills in a limit where a request is missing; manifests usually say only
/// the limit.
fn amounts(container: &Container) -> BTreeMap<&str, &Quantity> {
    let resources = &container.resources;
    let all = resources.limits.iter().chain(&resources.requests);
    all.map(|(resource, amount)| (resource.as_str(), amount))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn classes(documents: Value) -> Vec<DeviceClass> {
        serde_json::from_value(documents).expect("classes")
    }

    fn gpu_class() -> Vec<DeviceClass> {
        classes(
            json!([{"metadata": {"name": "gpu"}, "spec": {"extendedResourceName": "example.com/gpu"}}]),
        )
    }

    fn pod(spec: &Value) -> Pod {
        let document =
            json!({"metadata": {"name": "p", "namespace": "n", "uid": "u"}, "spec": spec});
        serde_json::from_str(&document.to_string()).expect("a pod")
    }

    fn container(name: &str, requests: &Value) -> Value {
        json!({"name": name, "resources": {"requests": requests}})
    }

    fn served(pod: &Pod, node: Option<&Node>) -> Option<ExtendedClaim> {
        let classes = gpu_class();
        extended_claim(pod, &ExtendedResources::of(&classes), node).expect("fits")
    }

    /// Requests as `name=count`, mappings as `container:request`.
    fn texts(claim: &ExtendedClaim) -> (Vec<String>, Vec<String>) {
        let requests = claim.claim.spec.devices.requests.iter();
        let mappings = claim.mappings.iter();
        (
            requests
                .map(|request| format!("{}={}", request.name, count(request)))
                .collect(),
            mappings
                .map(|mapping| format!("{}:{}", mapping.container, mapping.request))
                .collect(),
        )
    }

    #[test]
    fn a_limit_alone_is_a_request_and_the_index_counts_all_resources() {
        let pod = pod(&json!({"containers": [
            {"name": "a", "resources": {"requests": {"cpu": "1"}, "limits": {"example.com/gpu": 2, "memory": "1Gi"}}}]}));
        let claim = served(&pod, None).expect("a claim");
        let (requests, mappings) = texts(&claim);
        assert_eq!(requests, ["container-0-request-1=2"]);
        assert_eq!(mappings, ["a:container-0-request-1"]);
        assert_eq!(claim.claim.metadata.name, "<p-extended-resources>");
        assert_eq!(claim.claim.metadata.owner_references[0].uid, "u");
    }

    #[test]
    fn short_lived_containers_reuse_what_lasts_and_share_the_rest() {
        let gpus = |count: i64| json!({"example.com/gpu": count});
        let mut sidecar = container("side", &gpus(1));
        sidecar["restartPolicy"] = json!("Always");
        let pod = pod(&json!({
            "initContainers": [container("i0", &gpus(4)), sidecar, container("i2", &gpus(5)), container("i3", &gpus(2))],
            "containers": [container("c4", &gpus(2))]}));
        let (requests, mappings) = texts(&served(&pod, None).expect("a claim"));
        // i0 lacks 1 beyond side and c4, i2 lacks 3 beyond c4, i3 lacks nothing: one request of 3 serves both.
        assert_eq!(
            requests,
            [
                "container-1-request-0=1",
                "container-2-request-0=3",
                "container-4-request-0=2"
            ]
        );
        assert_eq!(
            mappings,
            [
                "side:container-1-request-0",
                "c4:container-4-request-0",
                "i0:container-1-request-0",
                "i0:container-4-request-0",
                "i0:container-2-request-0",
                "i2:container-4-request-0",
                "i2:container-2-request-0",
                "i3:container-4-request-0",
            ]
        );
    }

    #[test]
    fn requests_are_sorted_as_text() {
        let containers: Vec<Value> = (0..11)
            .map(|number| container(&format!("c{number}"), &json!({"example.com/gpu": 1})))
            .collect();
        let pod = pod(&json!({ "containers": containers }));
        let (requests, _) = texts(&served(&pod, None).expect("a claim"));
        assert_eq!(requests[2], "container-10-request-0=1");
        assert_eq!(requests[3], "container-2-request-0=1");
    }

    #[test]
    fn amounts_that_are_no_whole_number_ask_for_nothing() {
        for amount in [json!("500m"), json!(0)] {
            let pod =
                pod(&json!({"containers": [container("a", &json!({"example.com/gpu": amount}))]}));
            assert_eq!(served(&pod, None), None);
        }
        let native =
            pod(&json!({"containers": [container("a", &json!({"cpu": 1, "kubernetes.io/x": 1}))]}));
        assert_eq!(served(&native, None), None);
    }

    #[test]
    fn a_device_plugin_goes_first_and_what_nothing_offers_is_refused() {
        let node = |allocatable: Value| -> Node {
            let text = json!({"metadata": {"name": "n1"}, "status": {"allocatable": allocatable}})
                .to_string();
            serde_json::from_str(&text).expect("a node")
        };
        let gpus = json!({"example.com/gpu": 1, "other.example/nic": 1});
        let pod = pod(&json!({"containers": [container("a", &gpus)]}));
        let classes = gpu_class();
        let on = |allocatable| {
            let claim = extended_claim(
                &pod,
                &ExtendedResources::of(&classes),
                Some(&node(allocatable)),
            );
            claim.map(|claim| claim.is_some())
        };
        assert_eq!(
            on(json!({"example.com/gpu": 8, "other.example/nic": 1})),
            Ok(false)
        );
        assert_eq!(
            on(json!({"example.com/gpu": 0, "other.example/nic": 1})),
            Ok(true)
        );
        assert_eq!(on(json!({"other.example/nic": 0})), Ok(true));
        let resource = "other.example/nic".to_owned();
        assert_eq!(on(json!({})), Err(CannotFit { resource }));
    }

    #[test]
    fn of_classes_with_one_name_the_younger_has_it_and_a_late_loser_has_nothing() {
        let class = |name: &str, created: &str| {
            json!({"metadata": {"name": name, "creationTimestamp": created},
                   "spec": {"extendedResourceName": "example.com/gpu"}})
        };
        let (old, new) = ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z");
        let winner = |first: &str, second: &str| {
            let classes = classes(json!([class("a", first), class("b", second)]));
            let resources = ExtendedResources::of(&classes);
            let name = |resource: &str| {
                resources
                    .class(resource)
                    .map(|class| class.metadata.name.clone())
            };
            let implicit = |class: &str| name(&format!("{IMPLICIT_PREFIX}{class}"));
            (
                name("example.com/gpu"),
                implicit("a").is_some(),
                implicit("b").is_some(),
            )
        };
        assert_eq!(winner(old, new), (Some("b".to_owned()), true, true));
        assert_eq!(winner(new, old), (Some("a".to_owned()), true, false));
        assert_eq!(winner(old, old), (Some("a".to_owned()), true, false));
    }
}
