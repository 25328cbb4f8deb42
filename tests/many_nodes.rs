//! Nodes that come and go, so many that the table of nodes has several chunks, which grow, split and move; after every
//! step all nodes are asked, and fare as at a fresh start.
//!
//! If this were deleted, a node could be given the verdict of its neighbour of before.
//! `GPUALLOC_WALKS` chooses how many walks.

#[path = "support/random.rs"]
mod random;
#[path = "support/settings.rs"]
mod settings;

use std::sync::Arc;

use gpualloc::allocation::{Options, allocate_on, survey};
use gpualloc::inventory::{ClaimKey, Inventory, ObjectRef};
use gpualloc::wire::claim::ResourceClaim;
use random::Random;
use serde_json::{Value, json};
use settings::setting;

const API: &str = "resource.k8s.io/v1";

fn node(random: &mut Random, name: &str) -> [Value; 2] {
    let device = |index: usize| json!({"name": format!("gpu-{index}"), "attributes": {"model": {"string": random.pick(&["A", "B"])}}});
    let devices: Vec<Value> = (0..4).map(device).collect();
    [
        json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}}),
        json!({"apiVersion": API, "kind": "ResourceSlice", "metadata": {"name": format!("s-{name}")},
            "spec": {"driver": "d", "nodeName": name, "devices": devices,
                "pool": {"name": name, "generation": 1, "resourceSliceCount": 1}}}),
    ]
}

fn claim(random: &mut Random, name: &str) -> Arc<ResourceClaim> {
    let mut exactly = json!({"deviceClassName": "any", "allocationMode": "ExactCount", "count": 1 + random.below(3)});
    if random.chance(70) {
        let model = random.pick(&["A", "B"]);
        let expression = format!("device.attributes['d'].model == '{model}'");
        exactly["selectors"] = json!([{"cel": {"expression": expression}}]);
    }
    let claim = json!({"metadata": {"name": name, "namespace": "ns"},
        "spec": {"devices": {"requests": [{"name": "r", "exactly": exactly}]}}});
    Arc::new(serde_json::from_value(claim).expect("a claim"))
}

fn gone(kind: &str, name: &str) -> ObjectRef {
    ObjectRef {
        kind: kind.to_owned(),
        key: ClaimKey::new("", name),
        uid: String::new(),
    }
}

fn begin(random: &mut Random) -> Inventory {
    let nodes = (0..200).flat_map(|index| node(random, &format!("n{index:03}")));
    let class =
        json!({"apiVersion": API, "kind": "DeviceClass", "metadata": {"name": "any"}, "spec": {}});
    let documents: Vec<Value> = nodes.chain([class]).collect();
    let text = serde_json::to_vec(&documents).expect("JSON");
    Inventory::from_json(&text).expect("documents")
}

/// Nodes come after one of them, or go from one of them on; or one gives devices, or gets them back.
fn step(random: &mut Random, inventory: &Inventory, number: usize) -> Inventory {
    let nodes = inventory.node_names();
    let at = random.below(nodes.len());
    let keys: Vec<ClaimKey> = inventory
        .held_claims()
        .map(|held| held.key.clone())
        .collect();
    match random.below(8) {
        0 => {
            let name = |index| format!("{}-{number}-{index}", nodes[at]);
            let names: Vec<String> = (0..=random.below(90)).map(name).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            inventory
                .with_nodes_like(&nodes[at], &names)
                .expect("new names")
        }
        1 => {
            let some = nodes[at..].iter().take(random.below(nodes.len() - 1));
            let objects = some.flat_map(|node| {
                let slices = inventory.slices_on_node(node);
                let slices = slices.map(|slice| gone("ResourceSlice", slice.name()));
                slices.chain([gone("Node", node)])
            });
            let objects: Vec<ObjectRef> = objects.collect();
            inventory.update(b"[]", &objects).expect("documents")
        }
        2 | 3 if !keys.is_empty() => inventory.release(&keys[random.below(keys.len())]),
        _ => {
            let wanted = claim(random, &format!("c{number}"));
            let answer = allocate_on(inventory, &nodes[at], &[wanted], &Options::default());
            let next = inventory.commit(&answer);
            next.unwrap_or_else(|_| inventory.clone())
        }
    }
}

#[test]
fn nodes_that_come_and_go_fare_as_at_a_fresh_start() {
    let walks = setting("GPUALLOC_WALKS", 6);
    let (mut changes, mut most) = (0, 0);
    for seed in 0..u64::min(walks, 2_000) {
        let mut random = Random::new(seed);
        let mut inventory = begin(&mut random);
        let (options, asked) = (Options::default(), [claim(&mut random, "asked")]);
        let mut last = survey(&inventory, &asked, &options, None);
        for number in 0..40 {
            inventory = step(&mut random, &inventory, number);
            let next = survey(&inventory, &asked, &options, Some(&last));
            let fresh = Inventory::from_state_json(&inventory.to_state_json()).expect("a state");
            let anew = survey(&fresh, &asked, &options, None);
            let (kept, all): (Vec<_>, Vec<_>) = (next.iter().collect(), anew.iter().collect());
            assert_eq!(kept, all, "walk {seed}, step {number}");
            assert_eq!(next.first_fitting(), anew.first_fitting());
            changes += usize::from(next.verdicts().ne(last.verdicts()));
            most = most.max(all.len());
            last = next;
        }
    }
    assert!(
        changes > 20 && most > 300,
        "{changes} changes, {most} nodes"
    );
}
