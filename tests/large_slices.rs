//! The same devices in one large slice and in many small ones: selectors say the same of each, errors among it.
//!
//! If this were deleted, a device of a large slice could get the verdict on another that differs from it in something that
//! the selector sees: there a selector is asked once for each value, in small slices once for each device.
//! `GPUALLOC_SLICES` chooses how many pairs are compared.

#[path = "support/random.rs"]
mod random;
#[path = "support/settings.rs"]
mod settings;

use std::sync::Arc;

use gpualloc::allocation::{Options, Outcome, allocate_on};
use gpualloc::inventory::Inventory;
use gpualloc::wire::claim::ResourceClaim;
use random::Random;
use serde_json::{Value, json};
use settings::setting;

/// Devices of the large slice; of a small one fewer than share verdicts.
const LARGE: usize = 300;
const SMALL: usize = 8;

/// A value for one of the attributes: few different ones, of any type, or none.
fn attribute(random: &mut Random) -> Option<Value> {
    Some(match random.below(12) {
        0 => return None,
        1 => json!({"int": 1}),
        2 => json!({"bool": random.chance(50)}),
        3 => json!({"version": random.pick(&["1.0.0", "2.0.0"])}),
        4 => json!({"string": "1"}),
        _ => json!({"string": random.pick(&["A", "B", "C"])}),
    })
}

fn device(random: &mut Random, index: usize, is_plain: bool) -> Value {
    let mut attributes = json!({"uuid": {"string": format!("u{index}")}});
    for name in ["model", "d/kind", "e/model"] {
        let plain = || json!({"string": "A"});
        let value = if is_plain {
            Some(plain())
        } else {
            attribute(random)
        };
        if let Some(value) = value {
            attributes[name] = value;
        }
    }
    let mut device = json!({"name": format!("g{index}"), "attributes": attributes,
        "capacity": {"memory": {"value": random.pick(&["40Gi", "40960Mi", "80Gi"])}},
        "allowMultipleAllocations": random.chance(30)});
    if !is_plain && random.chance(10) {
        device["attributes"]["kind"] = json!({"string": "B"});
    }
    device
}

fn term(random: &mut Random) -> String {
    let place = random.pick(&[
        "device.attributes[\"d\"].model",
        "device.attributes[\"d\"].kind",
        "device.attributes[\"e\"].model",
    ]);
    match random.below(10) {
        0 => "device.capacity[\"d\"].memory.compareTo(quantity(\"40Gi\")) == 0".to_owned(),
        1 => "device.allowMultipleAllocations".to_owned(),
        2 => format!("has({place})"),
        3 => "device.attributes[\"d\"].exists(name, name == \"kind\")".to_owned(),
        4 => format!("type({place}) == string && {place} > \"A\""),
        5 => format!("device.attributes[\"d\"].uuid == \"u{}\"", random.below(40)),
        6 => "device.driver == \"d\"".to_owned(),
        7 => format!("{place} in [\"A\", \"C\"]"),
        _ => format!(
            "{place} {} \"{}\"",
            random.pick(&["==", "!="]),
            random.pick(&["A", "B"])
        ),
    }
}

fn claim(random: &mut Random) -> Arc<ResourceClaim> {
    let operator = random.pick(&["&&", "||"]);
    let expression = format!("({}) {operator} ({})", term(random), term(random));
    let count = 1 + random.below(12);
    let document = json!({"metadata": {"name": "asked", "namespace": "ns"}, "spec": {"devices": {"requests":
        [{"name": "r", "exactly": {"deviceClassName": "c", "allocationMode": "ExactCount", "count": count,
            "selectors": [{"cel": {"expression": expression}}]}}]}}});
    Arc::new(serde_json::from_value(document).expect("a claim"))
}

/// The devices in slices of so many.
fn inventory(devices: &[Value], class: &str, of: usize) -> Inventory {
    let mut documents = vec![
        json!({"apiVersion": "resource.k8s.io/v1", "kind": "DeviceClass", "metadata": {"name": "c"},
            "spec": {"selectors": [{"cel": {"expression": class}}]}}),
    ];
    let count = devices.len().div_ceil(of);
    for (index, devices) in devices.chunks(of).enumerate() {
        documents.push(json!({"apiVersion": "resource.k8s.io/v1", "kind": "ResourceSlice",
            "metadata": {"name": format!("s{index:03}")}, "spec": {"driver": "d", "nodeName": "n", "devices": devices,
            "pool": {"name": "p", "generation": 1, "resourceSliceCount": count}}}));
    }
    let list = json!({"apiVersion": "v1", "kind": "List", "items": documents});
    Inventory::from_json(list.to_string().as_bytes()).expect("documents")
}

#[test]
fn devices_fare_alike_in_large_slices_and_in_small() {
    let pairs = setting("GPUALLOC_SLICES", 400);
    let mut ends = [0; 3];
    for seed in 0..pairs {
        let mut random = Random::new(seed);
        let is_plain = random.chance(50);
        let most = if random.chance(10) { LARGE } else { 40 };
        let count = 16 + random.below(most);
        let devices: Vec<Value> = (0..count)
            .map(|index| {
                // Now and then one differs from the rest.
                let is_plain = is_plain && random.below(count) > 1;
                device(&mut random, index, is_plain)
            })
            .collect();
        let class = term(&mut random);
        let [large, small] = [LARGE + 40, SMALL].map(|of| inventory(&devices, &class, of));
        let options = Options::default();
        // Twice, since the second is answered from what was learnt with the first.
        for _ in 0..2 {
            let asked = [claim(&mut random)];
            let [large, small] = [&large, &small].map(|at| allocate_on(at, "n", &asked, &options));
            let end = match large.outcome {
                Outcome::Placed(_) => 0,
                Outcome::Error(_) => 1,
                _ => 2,
            };
            ends[end] += 1;
            assert_eq!(large.steps, small.steps, "seed {seed}: {asked:?}");
            assert_eq!(large.outcome, small.outcome, "seed {seed}: {asked:?}");
        }
    }
    assert!(ends.iter().all(|count| *count > 50), "one-sided: {ends:?}");
}
