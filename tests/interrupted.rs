//! Searches that the caller ended, and what is said afterwards.
//!
//! If this were deleted, a node whose search was ended once could stay undecided for all pods and surveys to come.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gpualloc::allocation::{Fate, Foresight, Options, Outcome, allocate_first, survey};
use gpualloc::in_turn::InTurn;
use gpualloc::inventory::Inventory;
use gpualloc::wire::claim::ResourceClaim;
use serde_json::{Value, json};

const API: &str = "resource.k8s.io/v1";

/// A node with so many devices of the first kind and then of the second; odd, if its slices disagree on their number.
fn node(name: &str, kinds: [usize; 2], is_odd: bool) -> Vec<Value> {
    let slice = |number: usize, count: usize, devices: &[Value]| {
        json!({"apiVersion": API, "kind": "ResourceSlice", "metadata": {"name": format!("s{number}-{name}")},
            "spec": {"driver": "d", "nodeName": name, "devices": devices,
                "pool": {"name": name, "generation": 1, "resourceSliceCount": count}}})
    };
    let kinds = [("a", kinds[0]), ("b", kinds[1])];
    let devices = kinds.iter().flat_map(|(kind, count)| {
        (0..*count).map(move |index| {
            json!({"name": format!("{kind}{index}"), "attributes": {"kind": {"string": kind}}})
        })
    });
    let devices: Vec<Value> = devices.collect();
    let mut documents = vec![
        json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}}),
        slice(0, 1, &devices),
    ];
    if is_odd {
        // The old generation counts no more, but it is there.
        let mut old = slice(1, 1, &[]);
        old["spec"]["pool"]["generation"] = json!(0);
        documents.push(old);
    }
    documents
}

/// The first node takes 15 of one kind after having tried all of 14 others; the second at once.
fn cluster(is_odd: bool) -> (Inventory, Vec<Arc<ResourceClaim>>) {
    let mut documents = node("n0", [14, 15], is_odd);
    documents.extend(node("n1", [0, 15], false));
    documents.push(
        json!({"apiVersion": API, "kind": "DeviceClass", "metadata": {"name": "any"}, "spec": {}}),
    );
    let text = serde_json::to_vec(&documents).expect("JSON");
    let claim = json!({"metadata": {"name": "c", "namespace": "ns"}, "spec": {"devices": {
        "requests": [{"name": "r", "exactly":
            {"deviceClassName": "any", "allocationMode": "ExactCount", "count": 15}}],
        "constraints": [{"matchAttribute": "d/kind"}]}}});
    let claim = serde_json::from_value(claim).expect("a claim");
    let inventory = Inventory::from_json(&text).expect("documents");
    (inventory, vec![Arc::new(claim)])
}

fn patient() -> Options<'static> {
    Options {
        foresight: Foresight::Never,
        ..Options::default()
    }
}

#[test]
fn an_ended_search_leaves_nothing_behind() {
    for is_odd in [false, true] {
        let (inventory, claims) = cluster(is_odd);
        let fresh = allocate_first(&inventory, &["n0".into(), "n1".into()], &claims, &patient());
        assert_eq!((fresh.node.as_str(), fresh.steps > 1 << 13), ("n0", true));

        let stop = || true;
        let ended = Options {
            interrupt: Some(&stop),
            ..patient()
        };
        let mut pods = InTurn::new(inventory.clone());
        let answer = pods.place(&claims, &ended);
        let Outcome::Undecided(statistics) = &answer.outcome else {
            panic!("{:?}", answer.outcome);
        };
        assert!(statistics.is_interrupted);
        let answer = pods.place(&claims, &patient());
        assert_eq!((&*answer.node, answer.steps), ("n0", fresh.steps));

        let before = survey(&inventory, &claims, &ended, None);
        assert_eq!(
            before.verdict("n0").map(|verdict| verdict.fate),
            Some(Fate::Undecided)
        );
        let after = survey(&inventory, &claims, &patient(), Some(&before));
        assert_eq!(after.first_fitting(), Some("n0"));
    }
}

/// Where the caller asks to stop only once, no node after the one that was searched then is taken.
#[test]
fn a_node_that_was_not_searched_to_the_end_is_not_passed_over() {
    for is_odd in [false, true] {
        let (inventory, claims) = cluster(is_odd);
        let is_first = AtomicBool::new(true);
        let stop = || is_first.swap(false, Ordering::Relaxed);
        let once = Options {
            interrupt: Some(&stop),
            ..patient()
        };
        let answer = InTurn::new(inventory).place(&claims, &once);
        assert_ne!(answer.node, "n1");
    }
}
