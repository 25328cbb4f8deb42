//! Takes the objects of one feature out of a case, to see whether they decide anything.
//!
//! Works on the JSON alone and never makes a case invalid where it was valid. Start reading at [`FEATURES`].

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::generate::FAILING;

/// Changes a case.
type Strip = fn(&mut Value);

/// A feature's name and how its objects are taken out.
pub(crate) const FEATURES: [(&str, Strip); 24] = [
    ("admin access", |case| drop_keys(case, &["adminAccess"])),
    ("prioritized list", first_alternative),
    ("partitionable devices", |case| {
        drop_keys(case, &["consumesCounters", "sharedCounters"]);
    }),
    ("taints", |case| {
        devices(case, |device| remove(device, &["taints"]));
    }),
    ("taint rules", |case| remove_at(case, &["taintRules"])),
    ("tolerations", |case| drop_keys(case, &["tolerations"])),
    ("consumable capacity", |case| {
        wishes(case, |wish| remove(wish, &["capacity"]));
        drop_keys(case, &["allowMultipleAllocations", "requestPolicy"]);
    }),
    ("fractional ranges", whole_ranges),
    ("binding conditions", |case| {
        drop_keys(
            case,
            &[
                "bindingConditions",
                "bindingFailureConditions",
                "bindsToNode",
            ],
        );
    }),
    ("list attributes", no_lists),
    ("derived attributes", |case| {
        drop_keys(case, &["derivedAttributes"]);
    }),
    ("compatibility groups", |case| {
        drop_keys(case, &["compatibilityGroups"]);
    }),
    ("optional node operations", |case| {
        drop_keys(case, &["skipNodeOperations"]);
    }),
    ("several pools", |case| keep_first(case, "/spec/pool/name")),
    ("several drivers", |case| keep_first(case, "/spec/driver")),
    ("generations", one_generation),
    ("incomplete pools", complete),
    ("node selectors", |case| reachable(case, "nodeSelector")),
    ("per-device nodes", per_device),
    ("run-time CEL errors", |case| {
        selectors(case, |text| !text.contains(FAILING));
    }),
    ("CEL selectors", |case| selectors(case, |_| false)),
    ("constraints", |case| drop_keys(case, &["constraints"])),
    ("held claims", |case| remove_at(case, &["held"])),
    ("configuration", |case| drop_keys(case, &["config"])),
];

/// The case without the feature's objects; nothing if it has none.
pub(crate) fn without(case: &Value, strip: Strip) -> Option<Value> {
    let mut stripped = case.clone();
    strip(&mut stripped);
    (stripped != *case).then_some(stripped)
}

fn remove(value: &mut Value, keys: &[&str]) {
    if let Value::Object(fields) = value {
        for key in keys {
            fields.remove(*key);
        }
    }
}

fn remove_at(case: &mut Value, keys: &[&str]) {
    remove(case, keys);
}

/// Removes fields by name wherever they are.
fn drop_keys(value: &mut Value, keys: &[&str]) {
    match value {
        Value::Object(fields) => {
            fields.retain(|key, _| !keys.contains(&key.as_str()));
            fields.values_mut().for_each(|field| drop_keys(field, keys));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| drop_keys(item, keys)),
        _ => {}
    }
}

fn items<'a>(value: &'a mut Value, path: &str) -> impl Iterator<Item = &'a mut Value> {
    value
        .pointer_mut(path)
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
}

fn devices(case: &mut Value, mut change: impl FnMut(&mut Value)) {
    for slice in items(case, "/slices") {
        items(slice, "/spec/devices").for_each(&mut change);
    }
}

/// Every exact request and every alternative.
fn wishes(case: &mut Value, mut change: impl FnMut(&mut Value)) {
    for claim in items(case, "/claims") {
        for request in items(claim, "/spec/devices/requests") {
            if let Some(exactly) = request.get_mut("exactly") {
                change(exactly);
            }
            items(request, "/firstAvailable").for_each(&mut change);
        }
    }
}

fn first_alternative(case: &mut Value) {
    for claim in items(case, "/claims") {
        for request in items(claim, "/spec/devices/requests") {
            let first = request.pointer("/firstAvailable/0").cloned();
            if let Some(mut first) = first {
                remove(&mut first, &["name"]);
                remove(request, &["firstAvailable"]);
                request["exactly"] = first;
            }
        }
    }
}

fn whole_ranges(case: &mut Value) {
    let fractional = |range: &Value| {
        let fields = range.as_object().into_iter().flat_map(Map::values);
        fields
            .filter_map(Value::as_str)
            .any(|amount| amount.ends_with('m'))
    };
    devices(case, |device| {
        let Some(capacities) = device.get_mut("capacity").and_then(Value::as_object_mut) else {
            return;
        };
        for capacity in capacities.values_mut() {
            if capacity
                .pointer("/requestPolicy/validRange")
                .is_some_and(fractional)
            {
                remove(&mut capacity["requestPolicy"], &["validRange"]);
            }
        }
    });
}

fn no_lists(case: &mut Value) {
    devices(case, |device| {
        if let Some(attributes) = device.get_mut("attributes").and_then(Value::as_object_mut) {
            let list = |value: &Value| {
                let fields = value.as_object();
                fields.is_some_and(|fields| fields.values().any(Value::is_array))
            };
            attributes.retain(|_, value| !list(value));
        }
    });
}

fn keep_first(case: &mut Value, path: &str) {
    if let Some(slices) = case.get_mut("slices").and_then(Value::as_array_mut) {
        let identity = |slice: &Value| {
            (
                slice["spec"]["driver"].clone(),
                slice.pointer(path).cloned(),
            )
        };
        let first = slices.first().map(identity);
        slices.retain(|slice| Some(identity(slice)) == first);
    }
}

fn pool_of(slice: &Value) -> String {
    format!(
        "{} {}",
        slice["spec"]["driver"], slice["spec"]["pool"]["name"]
    )
}

fn generation_of(slice: &Value) -> i64 {
    slice["spec"]["pool"]["generation"].as_i64().unwrap_or(0)
}

/// Without their numbers all generations are one.
fn one_generation(case: &mut Value) {
    for slice in items(case, "/slices") {
        if slice["spec"]["pool"]["generation"] != 1 {
            slice["spec"]["pool"]["generation"] = Value::from(1);
        }
    }
}

fn complete(case: &mut Value) {
    let mut counts: BTreeMap<(String, i64), usize> = BTreeMap::new();
    for slice in items(case, "/slices") {
        *counts
            .entry((pool_of(slice), generation_of(slice)))
            .or_default() += 1;
    }
    for slice in items(case, "/slices") {
        let count = counts[&(pool_of(slice), generation_of(slice))];
        slice["spec"]["pool"]["resourceSliceCount"] = Value::from(count);
    }
}

/// Slices that say where they are reachable in this way become reachable from everywhere.
fn reachable(case: &mut Value, field: &str) {
    for slice in items(case, "/slices") {
        if slice["spec"].get(field).is_some() {
            remove(&mut slice["spec"], &[field]);
            slice["spec"]["allNodes"] = Value::Bool(true);
        }
    }
}

fn per_device(case: &mut Value) {
    for slice in items(case, "/slices") {
        if slice["spec"].get("perDeviceNodeSelection").is_some() {
            items(slice, "/spec/devices")
                .for_each(|device| remove(device, &["nodeName", "nodeSelector", "allNodes"]));
        }
    }
    reachable(case, "perDeviceNodeSelection");
}

fn selectors(case: &mut Value, keep: fn(&str) -> bool) {
    let filter = |wish: &mut Value| {
        if let Some(selectors) = wish.get_mut("selectors").and_then(Value::as_array_mut) {
            selectors.retain(|selector| {
                selector
                    .pointer("/cel/expression")
                    .and_then(Value::as_str)
                    .is_some_and(keep)
            });
        }
    };
    for class in items(case, "/classes") {
        filter(&mut class["spec"]);
    }
    wishes(case, filter);
}
