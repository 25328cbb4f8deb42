//! What holds for every input: the order of documents does not matter, commit and release undo each other, one more free
//! device never makes a possible claim impossible, and no document or expression, however mutilated, makes anything panic.
//!
//! If this were deleted, determinism and robustness would rest on the cases somebody thought of. `GPUALLOC_SHUFFLES` chooses
//! how many clusters are shuffled.

#[path = "support/case.rs"]
mod case;
#[path = "differential/generate/mod.rs"]
mod generate;
#[path = "support/mutilate.rs"]
mod mutilate;
#[path = "support/random.rs"]
mod random;
#[path = "support/settings.rs"]
mod settings;

use case::Case;
use gpualloc::advice::{self, Asked, advise};
use gpualloc::allocation::{Foresight, allocate_on, prove_on, survey};
use gpualloc::cel::{Derived, Selector};
use gpualloc::inventory::{ClaimKey, Inventory};
use mutilate::mutilate;
use proptest::prelude::*;
use random::Random;
use serde_json::{Value, json};
use settings::setting;

/// The documents of a case in another order.
fn shuffled(case: &Value, random: &mut Random) -> Value {
    let mut case = case.clone();
    for field in ["nodes", "classes", "slices", "taintRules", "held"] {
        if let Some(documents) = case.get_mut(field).and_then(Value::as_array_mut) {
            for index in (1..documents.len()).rev() {
                documents.swap(index, random.below(index + 1));
            }
        }
    }
    case
}

/// Answers, explanations and proofs of all nodes by name, what all of them come to, and advice, as text.
fn said(case: &Value) -> Vec<String> {
    let mut read = Case::read(case).expect("a generated case can be read");
    read.options.foresight = Foresight::AtOnce;
    let Case {
        inventory,
        nodes,
        claims,
        options,
    } = &mut read;
    nodes.sort();
    let mut said = vec![inventory.to_state_json()];
    for node in nodes.iter() {
        said.push(format!(
            "{:?}",
            allocate_on(inventory, node, claims, options).outcome
        ));
        said.push(format!("{:?}", prove_on(inventory, node, claims, options)));
    }
    let all = survey(inventory, claims, options, None);
    said.extend(all.iter().map(|verdict| format!("{verdict:?}")));
    let asked = Asked::Claims(claims.clone());
    let options = advice::Options {
        allocation: options.clone(),
        max_trials: 64,
        ..advice::Options::default()
    };
    let advice = advise(inventory, nodes, &asked, &options);
    said.push(advice.map_or_else(
        |error| error.to_string(),
        |advice| advice.to_json().to_string(),
    ));
    said
}

/// The case with one more free device, a copy of one that is there, in a pool of its own.
fn with_twin(case: &Value, random: &mut Random) -> Option<Value> {
    let slices = case["slices"].as_array()?;
    let mut slice = slices.get(random.below(slices.len()))?.clone();
    let devices = slice["spec"]["devices"].as_array()?;
    let mut device = devices.get(random.below(devices.len().max(1)))?.clone();
    for field in [
        "consumesCounters",
        "taints",
        "nodeName",
        "nodeSelector",
        "allNodes",
    ] {
        device.as_object_mut()?.remove(field);
    }
    for field in ["nodeName", "nodeSelector", "perDeviceNodeSelection"] {
        slice["spec"].as_object_mut()?.remove(field);
    }
    slice["metadata"]["name"] = json!("twin");
    slice["spec"]["allNodes"] = json!(true);
    slice["spec"]["pool"] = json!({"name": "twin", "generation": 1, "resourceSliceCount": 1});
    slice["spec"]["devices"] = json!([device]);
    let mut case = case.clone();
    case["slices"].as_array_mut()?.push(slice);
    Some(case)
}

/// Words of the language, to be thrown together.
const WORDS: [&str; 40] = [
    "device",
    ".",
    "attributes",
    "[",
    "]",
    "(",
    ")",
    "{",
    "}",
    "\"a\"",
    "'",
    "1",
    "0x",
    "-",
    "!",
    "&&",
    "||",
    "?",
    ":",
    "==",
    "<",
    "in",
    "has",
    "all",
    "map",
    "x",
    ",",
    "quantity",
    "semver",
    "1.5",
    "u",
    "r\"\\",
    "\u{1f980}",
    "cel.bind",
    "matches",
    "+",
    "%",
    "null",
    "/",
    "// ",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn release_undoes_commit(seed: u64) {
        let read = Case::read(&generate::case(seed, 1)).expect("a generated case can be read");
        for node in &read.nodes {
            let answer = read.ask(node);
            if !answer.is_placed() {
                continue;
            }
            let committed = read.inventory.commit(&answer).expect("the snapshot is the same");
            let back = read.claims.iter().fold(committed, |inventory, claim| {
                inventory.release(&ClaimKey::new(&claim.metadata.namespace, &claim.metadata.name))
            });
            prop_assert_eq!(&back, &read.inventory);
            prop_assert_eq!(back.to_state_json(), read.inventory.to_state_json());
        }
    }

    #[test]
    fn one_more_device_never_hurts(seed: u64) {
        let case = generate::case(seed, 2);
        // `All` asks for every device, so there one more can hurt.
        prop_assume!(!case["claims"].to_string().contains("\"All\""));
        let Some(more) = with_twin(&case, &mut Random::new(seed)) else { return Ok(()) };
        let (before, after) = (case::answer(&case), case::answer(&more));
        for (before, after) in before["nodes"].as_array().into_iter().flatten().zip(after["nodes"].as_array().into_iter().flatten()) {
            // Selectors can fail on the new device, and the devices picked with it can have odd node selectors.
            let fails = after["outcome"] == "error" && after["scope"] == "fatal";
            prop_assert!(before["outcome"] != "placed" || after["outcome"] == "placed" || fails, "{case}\n{after}");
        }
    }

    #[test]
    fn state_document_is_read_back(seed: u64) {
        let read = Case::read(&generate::case(seed, 3)).expect("a generated case can be read");
        let state = read.inventory.to_state_json();
        let back = Inventory::from_state_json(&state).expect("the state can be read");
        prop_assert_eq!(&back, &read.inventory);
        prop_assert_eq!(back.to_state_json(), state);
    }
}

/// Every map of the standard library in the engine hashes with a seed of its own, so these differ between the two, too.
#[test]
fn order_of_documents_does_not_matter() {
    for seed in 0..setting("GPUALLOC_SHUFFLES", 512) {
        let case = generate::case(12, seed);
        let other = shuffled(&case, &mut Random::new(seed));
        assert_eq!(said(&case), said(&other), "{seed}");
    }
}

#[test]
fn mutilated_documents_never_panic() {
    let mut random = Random::new(5);
    let mut read = 0;
    for index in 0..25_000 {
        let mut case = generate::case(5, index / 10);
        for _ in 0..=random.below(3) {
            mutilate(&mut case, &mut random);
        }
        let Ok(mut case) = Case::read(&case) else {
            continue;
        };
        case.options.max_steps = 2_000;
        read += 1;
        for node in &case.nodes {
            let answer = allocate_on(&case.inventory, node, &case.claims, &case.options);
            if answer.is_placed() {
                // A name can hold devices once, for one object.
                let names: std::collections::BTreeSet<_> = answer.claims.iter().collect();
                let is_held = names.iter().any(|name| case.inventory.held(name).is_some());
                let committed = case.inventory.commit(&answer);
                assert!(committed.is_ok() || is_held || names.len() < answer.claims.len());
            }
        }
    }
    assert!(read > 5_000, "only {read} could be read");
}

#[test]
fn mutilated_text_never_panics() {
    let mut random = Random::new(6);
    for index in 0..35_000 {
        let case = generate::case(6, index / 100);
        let slices = case["slices"].as_array().expect("slices");
        let mut document = slices[random.below(slices.len())].clone();
        document["kind"] = json!(random.pick(&["ResourceSlice", "ResourceClaim", "Node", "List"]));
        document["apiVersion"] =
            json!(random.pick(&["resource.k8s.io/v1", "resource.k8s.io/v1beta1", "v1"]));
        let mut text = document.to_string().into_bytes();
        for _ in 0..=random.below(4) {
            let place = random.below(text.len().max(1));
            match random.below(4) {
                0 => text.truncate(place),
                1 => text.insert(place, u8::try_from(random.below(256)).expect("a byte")),
                2 => drop(text.splice(place..place, *b"[{")),
                _ if place < text.len() => drop(text.remove(place)),
                _ => {}
            }
        }
        drop(Inventory::from_json(&text));
    }
}

#[test]
fn token_soup_never_panics() {
    let mut random = Random::new(7);
    for _ in 0..40_000 {
        let count = 1 + random.below(24);
        let soup: String = (0..count).map(|_| random.pick(&WORDS)).collect();
        drop(Selector::compile(&soup));
        drop(Derived::compile(&soup));
    }
    for opening in [
        "(", "[", "{", "!", "-", "a.", "[1,", "f(", "true?", "{1:", "\"\"+", "1+", "a[", "x.map(y,",
    ] {
        drop(Selector::compile(&opening.repeat(10_240 / opening.len())));
    }
}
