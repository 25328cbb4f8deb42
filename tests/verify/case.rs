//! Recorded cases as the judge reads them: plain documents, held claims, the answers of upstream.

use std::collections::BTreeMap;
use std::path::Path;

use gpualloc::gates::Features;
use gpualloc::quantity::Quantity;
use gpualloc::verify::{Documents, Objection, judge};
use gpualloc::wire::allocation::{AllocationResult, DeviceRequestAllocationResult};
use gpualloc::wire::claim::{DeviceClass, ResourceClaim};
use gpualloc::wire::core::Node;
use gpualloc::wire::slice::{DeviceTaintRule, ResourceSlice};
use serde::Deserialize;

/// A case with what upstream answered.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Case {
    pub(crate) name: String,
    #[serde(default, rename = "features")]
    feature_names: BTreeMap<String, bool>,
    taint_rules_enabled: Option<bool>,
    pub(crate) nodes: Vec<Node>,
    #[serde(default)]
    classes: Vec<DeviceClass>,
    #[serde(default)]
    pub(crate) slices: Vec<ResourceSlice>,
    #[serde(default)]
    taint_rules: Vec<DeviceTaintRule>,
    #[serde(default)]
    held: Vec<ResourceClaim>,
    #[serde(default)]
    allocated: Allocated,
    pub(crate) claims: Vec<ResourceClaim>,
    /// The devices that the selectors leave over, per claim, where a case pins them.
    #[serde(default)]
    pub(crate) pinned: Vec<AllocationResult>,
    expect: Expect,
}

/// The allocated state, given directly.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Allocated {
    devices: Vec<Taken>,
    shared: Vec<Taken>,
    capacity: Vec<Taken>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Taken {
    driver: String,
    pool: String,
    device: String,
    #[serde(rename = "shareID")]
    share_id: Option<String>,
    capacity: Option<BTreeMap<String, Quantity>>,
}

#[derive(Debug, Deserialize)]
struct Expect {
    nodes: Vec<NodeAnswer>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct NodeAnswer {
    pub(crate) node: String,
    pub(crate) outcome: String,
    #[serde(default)]
    pub(crate) results: Vec<AllocationResult>,
}

impl Case {
    /// All cases of a vector file.
    pub(crate) fn all(file: &str) -> Vec<Self> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/vectors")
            .join(file);
        let text = std::fs::read_to_string(&path).expect("the vectors are readable");
        text.lines().map(Self::read).collect()
    }

    /// One case with its answer.
    pub(crate) fn read(line: &str) -> Self {
        let mut case: Self = serde_json::from_str(line).expect("a case with its answer");
        case.number_shares();
        case
    }

    /// Recorded answers say `SHARE` for every share; the judge wants identifiers that differ.
    fn number_shares(&mut self) {
        for answer in &mut self.expect.nodes {
            let results = answer
                .results
                .iter_mut()
                .flat_map(|r| &mut r.devices.results);
            for (index, result) in results.enumerate() {
                if result.share_id.is_some() {
                    result.share_id = Some(format!("00000000-0000-5000-8000-{index:012x}"));
                }
            }
        }
    }

    pub(crate) fn features(&self) -> Features {
        let on = |name: &str| self.feature_names.get(name) == Some(&true);
        Features {
            admin_access: on("AdminAccess"),
            compatibility_groups: on("CompatibilityGroups"),
            consumable_capacity: on("ConsumableCapacity"),
            derived_attributes: on("DerivedAttributes"),
            device_binding_and_status: on("DeviceBindingAndStatus"),
            device_taints: on("DeviceTaints"),
            device_taint_rules: on("DeviceTaints") && self.taint_rules_enabled != Some(false),
            fractional_capacity_range: on("FractionalCapacityRange"),
            list_type_attributes: on("ListTypeAttributes"),
            optional_node_operations: on("OptionalNodeOperations"),
            partitionable_devices: on("PartitionableDevices"),
            prioritized_list: on("PrioritizedList"),
            extended_resource: false,
        }
    }

    /// Whether a request has an alternative that asks for no devices.
    #[allow(
        dead_code,
        clippy::allow_attributes,
        reason = "one of the two runners asks"
    )]
    pub(crate) fn may_be_empty(&self) -> bool {
        let requests = self
            .claims
            .iter()
            .flat_map(|claim| &claim.spec.devices.requests);
        let mut alternatives = requests.flat_map(|request| &request.first_available);
        alternatives.any(|way| way.allocation_mode == "ExactCount" && way.count == 0)
    }

    /// The nodes with upstream's answers.
    pub(crate) fn answers(&self) -> impl Iterator<Item = (&Node, &NodeAnswer)> {
        self.nodes
            .iter()
            .zip(&self.expect.nodes)
            .inspect(|(node, answer)| {
                assert_eq!(node.metadata.name, answer.node, "{}", self.name);
            })
    }

    /// What is held, as results.
    fn held(&self) -> Vec<AllocationResult> {
        let claims = self
            .held
            .iter()
            .filter_map(|claim| claim.status.allocation.clone());
        let allocated = &self.allocated;
        let devices = allocated.devices.iter().map(|taken| taken.result(None));
        let shared = allocated
            .shared
            .iter()
            .map(|taken| taken.result(taken.share_id.clone()));
        let capacity = allocated
            .capacity
            .iter()
            .map(|taken| taken.result(Some("of the aggregate".to_owned())));
        let mut state = AllocationResult::default();
        state.devices.results = devices.chain(shared).chain(capacity).collect();
        claims.chain([state]).collect()
    }

    /// What the judge says to these results.
    pub(crate) fn judge(
        &self,
        node: &Node,
        claims: &[ResourceClaim],
        results: &[AllocationResult],
    ) -> Result<(), Vec<Objection>> {
        let held = self.held();
        let documents = Documents {
            node,
            slices: self.slices.iter().collect(),
            classes: self.classes.iter().collect(),
            taint_rules: self.taint_rules.iter().collect(),
            held: held.iter().collect(),
        };
        let claims: Vec<&ResourceClaim> = claims.iter().collect();
        judge(&documents, &claims, results, self.features())
    }
}

impl Taken {
    fn result(&self, share_id: Option<String>) -> DeviceRequestAllocationResult {
        DeviceRequestAllocationResult {
            driver: self.driver.as_str().into(),
            pool: self.pool.as_str().into(),
            device: self.device.as_str().into(),
            share_id,
            consumed_capacity: self.capacity.clone(),
            ..DeviceRequestAllocationResult::default()
        }
    }
}
