//! The devices of a slice.

use super::slice::Reach;
use super::{Check, Path, capacity, name, slice};
use crate::wire::slice::{Device, DeviceAttribute};

const ATTRIBUTES_AND_CAPACITIES: usize = 32;
const ATTRIBUTE_VALUES: usize = 48;
const TEXT_LENGTH: usize = 64;
const CONSUMED_COUNTER_SETS: usize = 2;
const COMPATIBILITY_GROUPS: usize = 2;
const TAINTS: usize = 16;
const CONDITIONS: usize = 4;

/// Whether the device makes its slice one of those that hold fewer devices.
pub(super) fn is_advanced(device: &Device) -> bool {
    let is_list = |attribute: &DeviceAttribute| list_lengths(attribute).iter().any(|n| *n > 0);
    !device.taints.is_empty()
        || !device.consumes_counters.is_empty()
        || device.attributes.values().any(is_list)
}

fn list_lengths(attribute: &DeviceAttribute) -> [usize; 4] {
    [
        attribute.ints().map_or(0, <[_]>::len),
        attribute.bools().map_or(0, <[_]>::len),
        attribute.strings().map_or(0, <[_]>::len),
        attribute.versions().map_or(0, <[_]>::len),
    ]
}

pub(super) fn device(check: &mut Check, at: &Path<'_>, device: &Device, per_device: bool) {
    check.required_name(&at.field("name"), &device.name, name::label);
    attributes(check, at, device);
    let capacities = at.field("capacity");
    let shared = device.allow_multiple_allocations == Some(true);
    for (key, value) in &device.capacity {
        let entry = capacities.key(key);
        check.name(&entry, key, name::qualified);
        capacity::capacity(check, &entry, value, shared);
    }
    counters(check, &at.field("consumesCounters"), device);
    let own = Reach {
        node_name: device.node_name.as_deref(),
        node_selector: device.node_selector.as_ref(),
        all_nodes: device.all_nodes,
    };
    if per_device {
        slice::reach(check, at, &own, None);
    } else if own.is_set() {
        let message =
            "nodeName, nodeSelector and allNodes need perDeviceNodeSelection in the slice";
        check.wrong(at, message);
    }
    let taints = at.field("taints");
    check.at_most(&taints, device.taints.len(), TAINTS);
    for (index, taint) in device.taints.iter().enumerate() {
        slice::taint(check, &taints.index(index), taint);
    }
    let needed = device.binding_conditions.as_deref().unwrap_or_default();
    let failing = device
        .binding_failure_conditions
        .as_deref()
        .unwrap_or_default();
    conditions(check, at, needed, failing);
}

fn attributes(check: &mut Check, at: &Path<'_>, device: &Device) {
    let entries = device.attributes.len() + device.capacity.len();
    if entries > ATTRIBUTES_AND_CAPACITIES {
        let message = format!(
            "has {entries} attributes and capacities, at most {ATTRIBUTES_AND_CAPACITIES} are allowed"
        );
        check.wrong(at, message);
    }
    let values: usize = device.attributes.values().map(value_count).sum();
    if values > ATTRIBUTE_VALUES {
        let message =
            format!("has {values} attribute values, at most {ATTRIBUTE_VALUES} are allowed");
        check.wrong(at, message);
    }
    let attributes = at.field("attributes");
    for (key, value) in &device.attributes {
        let entry = attributes.key(key);
        check.name(&entry, key, name::qualified);
        attribute(check, &entry, value);
    }
}

fn value_count(attribute: &DeviceAttribute) -> usize {
    let scalars = [
        attribute.int().is_some(),
        attribute.bool().is_some(),
        attribute.string().is_some(),
        attribute.version().is_some(),
    ];
    let scalars = scalars.into_iter().filter(|is_set| *is_set).count();
    scalars + list_lengths(attribute).iter().sum::<usize>()
}

fn attribute(check: &mut Check, at: &Path<'_>, attribute: &DeviceAttribute) {
    let [ints, bools, strings, versions] = list_lengths(attribute).map(|length| length > 0);
    let alternatives = [
        ("int", attribute.int().is_some()),
        ("bool", attribute.bool().is_some()),
        ("string", attribute.string().is_some()),
        ("version", attribute.version().is_some()),
        ("ints", ints),
        ("bools", bools),
        ("strings", strings),
        ("versions", versions),
    ];
    check.exactly_one(at, &alternatives);
    if let Some(text) = attribute.string() {
        check.at_most_bytes(&at.field("string"), text, TEXT_LENGTH);
    }
    if let Some(text) = attribute.version() {
        check.name(&at.field("version"), text.text(), name::version);
    }
    let list = at.field("strings");
    for (index, text) in attribute.strings().into_iter().flatten().enumerate() {
        check.at_most_bytes(&list.index(index), text, TEXT_LENGTH);
    }
    let list = at.field("versions");
    for (index, text) in attribute.versions().into_iter().flatten().enumerate() {
        check.name(&list.index(index), text.text(), name::version);
    }
}

fn counters(check: &mut Check, at: &Path<'_>, device: &Device) {
    let consumed = &device.consumes_counters;
    check.at_most(at, consumed.len(), CONSUMED_COUNTER_SETS);
    for (index, entry) in consumed.iter().enumerate() {
        let entry_at = at.index(index);
        check.required_name(
            &entry_at.field("counterSet"),
            &entry.counter_set,
            name::label,
        );
        let names = entry.counters.keys().map(String::as_str);
        slice::counter_names(check, &entry_at.field("counters"), names);
        let groups = entry_at.field("compatibilityGroups");
        check.at_most(
            &groups,
            entry.compatibility_groups.len(),
            COMPATIBILITY_GROUPS,
        );
        for (index, group) in entry.compatibility_groups.iter().enumerate() {
            check.name(&groups.index(index), group, name::label);
        }
        let names = entry.compatibility_groups.iter().map(String::as_str);
        check.unique(&groups, None, names);
    }
    let sets = consumed.iter().map(|entry| entry.counter_set.as_str());
    check.unique(at, Some("counterSet"), sets);
}

/// Conditions for binding and for its failure, of a device or of an allocation.
pub(super) fn conditions(check: &mut Check, at: &Path<'_>, needed: &[String], failing: &[String]) {
    for (field, conditions) in [
        ("bindingConditions", needed),
        ("bindingFailureConditions", failing),
    ] {
        let list = at.field(field);
        check.at_most(&list, conditions.len(), CONDITIONS);
        for (index, condition) in conditions.iter().enumerate() {
            check.name(&list.index(index), condition, name::label_key);
        }
        check.unique(&list, None, conditions.iter().map(String::as_str));
    }
    if needed.is_empty() != failing.is_empty() {
        let message =
            "bindingConditions and bindingFailureConditions must both be set or both be empty";
        check.wrong(at, message);
    }
    let list = at.field("bindingFailureConditions");
    for (index, condition) in failing.iter().enumerate() {
        if needed.contains(condition) {
            let message = format!("{condition:?} is also a binding condition");
            check.wrong(&list.index(index), message);
        }
    }
}
