//! Slices and device taint rules.

use super::{Check, Path, device, name, selector};
use crate::wire::core::NodeSelector;
use crate::wire::slice::{CounterSet, DeviceTaint, DeviceTaintRuleSpec, ResourceSliceSpec};

const DEVICES: usize = 128;
/// Where a device has taints, counters or lists.
const ADVANCED_DEVICES: usize = 64;
const COUNTER_SETS: usize = 8;
const COUNTERS: usize = 32;

pub(super) fn spec(check: &mut Check, at: &Path<'_>, spec: &ResourceSliceSpec) {
    check.required_name(&at.field("driver"), &spec.driver, name::driver);
    let pool = at.field("pool");
    check.required_name(&pool.field("name"), &spec.pool.name, name::pool);
    if spec.pool.generation < 0 {
        check.invalid(
            &pool.field("generation"),
            spec.pool.generation,
            "must not be negative",
        );
    }
    if spec.pool.resource_slice_count <= 0 {
        let count = spec.pool.resource_slice_count;
        check.invalid(&pool.field("resourceSliceCount"), count, "must be positive");
    }
    let own = Reach {
        node_name: spec.node_name.as_deref(),
        node_selector: spec.node_selector.as_ref(),
        all_nodes: spec.all_nodes,
    };
    let per_device = spec.per_device_node_selection;
    let fourth = ("perDeviceNodeSelection", per_device.is_some());
    reach(check, at, &own, Some(fourth));
    only_true(check, &at.field("perDeviceNodeSelection"), per_device);
    if let Some(attribute) = &spec.partition_type_attribute {
        check.name(
            &at.field("partitionTypeAttribute"),
            attribute,
            name::fully_qualified,
        );
    }
    let operations = &spec.skip_node_operations;
    skip_node_operations(check, &at.field("skipNodeOperations"), operations);
    devices(check, at, spec);
    counter_sets(check, &at.field("sharedCounters"), &spec.shared_counters);
    if !spec.devices.is_empty() && !spec.shared_counters.is_empty() {
        check.wrong(
            at,
            "devices and sharedCounters must stand in different slices",
        );
    }
}

fn devices(check: &mut Check, at: &Path<'_>, spec: &ResourceSliceSpec) {
    let devices = at.field("devices");
    let advanced = spec.devices.iter().any(device::is_advanced);
    let limit = if advanced { ADVANCED_DEVICES } else { DEVICES };
    check.at_most(&devices, spec.devices.len(), limit);
    for (index, device) in spec.devices.iter().enumerate() {
        let per_device = spec.per_device_node_selection == Some(true);
        device::device(check, &devices.index(index), device, per_device);
    }
    let names = spec.devices.iter().map(|device| device.name.as_str());
    check.unique(&devices, Some("name"), names);
}

fn counter_sets(check: &mut Check, at: &Path<'_>, sets: &[CounterSet]) {
    check.at_most(at, sets.len(), COUNTER_SETS);
    for (index, set) in sets.iter().enumerate() {
        let set_at = at.index(index);
        check.required_name(&set_at.field("name"), &set.name, name::label);
        let names = set.counters.keys().map(String::as_str);
        counter_names(check, &set_at.field("counters"), names);
    }
    check.unique(at, Some("name"), sets.iter().map(|set| set.name.as_str()));
}

/// Counters of a set, or of a device's use of one.
pub(super) fn counter_names<'a>(
    check: &mut Check,
    at: &Path<'_>,
    names: impl ExactSizeIterator<Item = &'a str>,
) {
    check.at_most(at, names.len(), COUNTERS);
    if names.len() == 0 {
        check.wrong(at, "is required");
    }
    for counter in names {
        check.name(&at.key(counter), counter, name::label);
    }
}

/// Which nodes reach a slice or a device.
pub(super) struct Reach<'a> {
    pub(super) node_name: Option<&'a str>,
    pub(super) node_selector: Option<&'a NodeSelector>,
    pub(super) all_nodes: Option<bool>,
}

impl Reach<'_> {
    pub(super) fn is_set(&self) -> bool {
        self.node_name.is_some() || self.node_selector.is_some() || self.all_nodes.is_some()
    }
}

/// `fourth` is the alternative that only slices have.
pub(super) fn reach(
    check: &mut Check,
    at: &Path<'_>,
    reach: &Reach<'_>,
    fourth: Option<(&str, bool)>,
) {
    let mut alternatives = vec![
        ("nodeName", reach.node_name.is_some()),
        ("nodeSelector", reach.node_selector.is_some()),
        ("allNodes", reach.all_nodes.is_some()),
    ];
    alternatives.extend(fourth);
    check.exactly_one(at, &alternatives);
    if let Some(node) = reach.node_name {
        check.required_name(&at.field("nodeName"), node, name::subdomain);
    }
    if let Some(nodes) = reach.node_selector {
        selector::single_term(check, &at.field("nodeSelector"), nodes);
    }
    only_true(check, &at.field("allNodes"), reach.all_nodes);
}

fn only_true(check: &mut Check, at: &Path<'_>, value: Option<bool>) {
    if value == Some(false) {
        check.invalid(at, false, "must be true or absent");
    }
}

/// A set of operations; leaving out the preparation alone makes no sense.
pub(super) fn skip_node_operations(check: &mut Check, at: &Path<'_>, operations: &[String]) {
    const PREPARE: &str = "NodePrepareResources";
    const UNPREPARE: &str = "NodeUnprepareResources";
    const ALL: &str = "*";
    for (index, operation) in operations.iter().enumerate() {
        check.one_of(&at.index(index), operation, &[PREPARE, UNPREPARE, ALL]);
    }
    check.unique(at, None, operations.iter().map(String::as_str));
    let lists = |operation| operations.iter().any(|listed| listed == operation);
    if lists(PREPARE) && !lists(UNPREPARE) && !lists(ALL) {
        check.wrong(at, format!("{PREPARE} needs {UNPREPARE} or {ALL}"));
    }
}

pub(super) fn taint(check: &mut Check, at: &Path<'_>, taint: &DeviceTaint) {
    check.required_name(&at.field("key"), &taint.key, name::label_key);
    check.name(&at.field("value"), &taint.value, name::label_value);
    let effect = at.field("effect");
    if check.required(&effect, &taint.effect) {
        check.one_of(&effect, &taint.effect, &["NoExecute", "NoSchedule", "None"]);
    }
}

pub(super) fn taint_rule(check: &mut Check, at: &Path<'_>, rule: &DeviceTaintRuleSpec) {
    if let Some(selector) = &rule.device_selector {
        let selector_at = at.field("deviceSelector");
        let fields: [(&str, &Option<String>, name::Rule); 3] = [
            ("driver", &selector.driver, name::driver),
            ("pool", &selector.pool, name::pool),
            ("device", &selector.device, name::label),
        ];
        for (field, value, rule) in fields {
            if let Some(value) = value {
                check.name(&selector_at.field(field), value, rule);
            }
        }
    }
    taint(check, &at.field("taint"), &rule.taint);
}
