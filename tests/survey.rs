//! All nodes at once against each node on its own, over random walks of commits, releases and updates.
//!
//! If this were deleted, a node could be given the fate of another that only looks like it, or an old one.
//! `GPUALLOC_WALKS` chooses how many walks.

#![expect(
    dead_code,
    reason = "the modules are shared with tests that use more of them"
)]

#[path = "support/case.rs"]
mod case;
#[path = "differential/generate/mod.rs"]
mod generate;
#[path = "support/random.rs"]
mod random;

use std::sync::Arc;

use case::Case;
use gpualloc::allocation::{Fate, Options, Outcome, Survey, allocate_on, survey};
use gpualloc::inventory::Inventory;
use gpualloc::wire::claim::ResourceClaim;
use random::Random;
use serde_json::{Value, json};

fn walks(default: u64) -> u64 {
    std::env::var("GPUALLOC_WALKS").map_or(default, |text| text.parse().expect("a number"))
}

/// Every node of the survey has the fate and the steps that it has on its own.
fn check(
    survey: &Survey,
    inventory: &Inventory,
    claims: &[Arc<ResourceClaim>],
    options: &Options<'_>,
) {
    for (node, verdict) in survey.iter() {
        let answer = allocate_on(inventory, node, claims, options);
        let fate = match answer.outcome {
            Outcome::Placed(_) => Fate::Placed,
            Outcome::Impossible(_) => Fate::Impossible,
            Outcome::Error(_) => Fate::Error,
            Outcome::Undecided(_) => Fate::Undecided,
        };
        assert_eq!(
            (verdict.fate, verdict.steps),
            (fate, answer.steps),
            "{node}"
        );
        assert_eq!(
            survey.answer(node, options).outcome,
            answer.outcome,
            "{node}"
        );
    }
}

#[test]
fn random_cases_fare_as_on_each_node() {
    for seed in 0..walks(1_000).min(20_000) {
        let case = Case::read(&generate::case(11, seed)).expect("a generated case can be read");
        let found = survey(&case.inventory, &case.claims, &case.options, None);
        check(&found, &case.inventory, &case.claims, &case.options);
    }
}

/// A node with its slice: some of few kinds, so that many are alike.
fn node(random: &mut Random, name: &str) -> Vec<Value> {
    let memory = random.pick(&["40Gi", "80Gi"]);
    let model = random.pick(&["A", "B", "C"]);
    let shared = random.chance(20);
    let devices: Vec<Value> = (0..4 + random.below(2))
        .map(|index| {
            json!({
                "name": format!("gpu-{index}"),
                "attributes": {"model": {"string": model}, "uuid": {"string": format!("{name}-{index}")},
                    "numa": {"int": index / 2}},
                "capacity": {"memory": {"value": memory}},
                "allowMultipleAllocations": shared,
            })
        })
        .collect();
    let pool = json!({"name": name, "generation": 1, "resourceSliceCount": 1});
    let spec = json!({"driver": "d", "nodeName": name, "pool": pool, "devices": devices});
    vec![
        json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}}),
        json!({"apiVersion": "resource.k8s.io/v1", "kind": "ResourceSlice",
               "metadata": {"name": format!("slice-{name}")}, "spec": spec}),
    ]
}

fn claim(random: &mut Random, name: &str) -> Arc<ResourceClaim> {
    let selectors = [
        "device.attributes[\"d\"].model == \"A\"",
        "device.capacity[\"d\"].memory.compareTo(quantity(\"60Gi\")) >= 0",
        "device.attributes[\"d\"].uuid.startsWith(\"n1\")",
        "device.attributes[\"d\"].numa == 1",
        "true",
    ];
    let mut exactly = json!({"deviceClassName": "any", "allocationMode": "ExactCount",
        "count": 1 + random.below(3), "selectors": [{"cel": {"expression": random.pick(&selectors)}}]});
    if random.chance(30) {
        exactly["capacity"] = json!({"requests": {"memory": random.pick(&["10Gi", "30Gi"])}});
    }
    let mut devices = json!({"requests": [{"name": "r", "exactly": exactly}]});
    if random.chance(30) {
        devices["constraints"] = json!([{"matchAttribute": "d/numa"}]);
    }
    let document =
        json!({"metadata": {"name": name, "namespace": "ns"}, "spec": {"devices": devices}});
    Arc::new(serde_json::from_value(document).expect("a claim"))
}

fn read(documents: &[Value]) -> String {
    Value::from(documents.to_vec()).to_string()
}

#[test]
fn walks_end_where_a_fresh_start_does() {
    let options = Options::default();
    for seed in 0..walks(40).min(400) {
        let mut random = Random::new(seed);
        let mut documents: Vec<Value> = (0..12)
            .flat_map(|index| node(&mut random, &format!("n{index}")))
            .collect();
        documents.push(
            json!({"apiVersion": "resource.k8s.io/v1", "kind": "DeviceClass",
            "metadata": {"name": "any"}, "spec": {}}),
        );
        let mut inventory = Inventory::from_json(read(&documents).as_bytes()).expect("documents");
        let asked = vec![claim(&mut random, "asked")];
        let mut last = survey(&inventory, &asked, &options, None);
        for step in 0..25 {
            match random.below(4) {
                0 | 1 => {
                    let wanted = vec![claim(&mut random, &format!("c{step}"))];
                    let node = format!("n{}", random.below(12));
                    let answer = allocate_on(&inventory, &node, &wanted, &options);
                    inventory = inventory.commit(&answer).unwrap_or(inventory);
                }
                2 => {
                    let held = inventory.held_claims().next().map(|held| held.key.clone());
                    inventory = held.map_or(inventory.clone(), |key| inventory.release(&key));
                }
                _ => {
                    let name = format!("n{}", random.below(13));
                    let changed = read(&node(&mut random, &name));
                    inventory = inventory
                        .update(changed.as_bytes(), &[])
                        .expect("documents");
                }
            }
            let next = survey(&inventory, &asked, &options, Some(&last));
            check(&next, &inventory, &asked, &options);
            let fresh = Inventory::from_state_json(&inventory.to_state_json()).expect("a state");
            let fresh = survey(&fresh, &asked, &options, None);
            assert!(fresh.iter().eq(next.iter()), "walk {seed}, step {step}");
            last = next;
        }
    }
}
