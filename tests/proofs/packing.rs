//! Machines of some size on which devices draw from several counters at once, where what fits is a question of packing.
//!
//! `GPUALLOC_PACKINGS` and `GPUALLOC_SEED` choose how many and which. Start at [`packing`].

use std::time::{Duration, Instant};

use gpualloc::allocation::{Foresight, Outcome, allocate_on};
use gpualloc::proof::Proof;
use serde_json::{Value, json};

use crate::case::Case;
use crate::families::cluster;
use crate::random::Random;
use crate::{check, kind, prove, read, refused, setting};

/// The cases that were asked for, with names.
fn packings() -> impl Iterator<Item = (u64, Random, Value)> {
    let seed = setting("GPUALLOC_SEED", 5);
    (0..setting("GPUALLOC_PACKINGS", 300)).map(move |index| {
        let mut random = Random::new((seed << 32) ^ index);
        let document = packing(&mut random);
        (index, random, document)
    })
}

/// Counter sets, and counters in each.
const SETS: usize = 2;
const COUNTERS: usize = 3;

fn between(random: &mut Random, least: usize, most: usize) -> usize {
    least + random.below(most - least + 1)
}

fn counters(random: &mut Random, least: usize, most: usize) -> Value {
    let mut counters = json!({});
    for counter in 0..COUNTERS {
        let amount = between(random, least, most).to_string();
        counters[format!("c{counter}")] = json!({"value": amount});
    }
    counters
}

fn device(index: usize, random: &mut Random) -> Value {
    let set = random.below(SETS);
    json!({"name": format!("d{index:02}"),
           "attributes": {"a": {"int": random.below(4)}, "b": {"string": random.pick(&["x", "y", "z"])}},
           "consumesCounters": [{"counterSet": format!("s{set}"), "counters": counters(random, 0, 5)}]})
}

fn request(index: usize, random: &mut Random) -> Value {
    let selector = random.pick(&[
        "true",
        "device.attributes['d'].a >= 1",
        "device.attributes['d'].b != 'x'",
    ]);
    json!({"name": format!("r{index}"), "exactly":
           {"deviceClassName": "c", "allocationMode": "ExactCount", "count": between(random, 1, 4),
            "selectors": [{"cel": {"expression": selector}}]}})
}

/// Two to four requests of one to four devices, some with a constraint each, on 12 to 48 devices.
fn packing(random: &mut Random) -> Value {
    let devices = [12, 20, 32, 48][random.below(4)];
    let sets: Vec<Value> = (0..SETS)
        .map(|set| json!({"name": format!("s{set}"), "counters": counters(random, 6, 14)}))
        .collect();
    let devices: Vec<Value> = (0..devices).map(|index| device(index, random)).collect();
    let wanted = between(random, 2, 4);
    let requests: Vec<Value> = (0..wanted).map(|index| request(index, random)).collect();
    let mut constraints = Vec::new();
    for index in 0..wanted {
        if random.chance(50) {
            let rule = random.pick(&["matchAttribute", "distinctAttribute"]);
            let attribute = random.pick(&["d/a", "d/b"]);
            constraints.push(json!({rule: attribute, "requests": [format!("r{index}")]}));
        }
    }
    let claim = json!({"metadata": {"namespace": "x", "name": "claim"},
                       "spec": {"devices": {"requests": requests, "constraints": constraints}}});
    cluster(&devices, &sets, &[claim])
}

#[derive(Debug, Default)]
struct Counts {
    placed: usize,
    undecided: usize,
    proofs: usize,
    short: usize,
    cases: usize,
    most_cases: usize,
    sizes: Vec<(usize, u64)>,
    asking: Duration,
    proving: Duration,
    checking: Duration,
    slowest: (Duration, Duration, Duration),
    exhausted: Vec<(u64, u64)>,
    refused: Vec<String>,
}

fn timed<T>(sum: &mut Duration, most: &mut Duration, work: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let done = work();
    let took = begun.elapsed();
    *sum += took;
    *most = took.max(*most);
    done
}

impl Counts {
    fn add(&mut self, index: u64, document: &Value) {
        let case = read(document).expect("a case");
        let answer = timed(&mut self.asking, &mut self.slowest.0, || {
            allocate_on(&case.inventory, "n", &case.claims, &case.options)
        });
        match answer.outcome {
            Outcome::Placed(_) => self.placed += 1,
            Outcome::Undecided(_) => self.undecided += 1,
            Outcome::Impossible(_) => {
                self.proofs += 1;
                let proof = timed(&mut self.proving, &mut self.slowest.1, || prove(&case, "n"));
                let proof = proof.expect("a proof");
                self.short += usize::from(proof.is_short());
                self.cases += proof.size();
                self.sizes.push((proof.size(), index));
                self.most_cases = self.most_cases.max(proof.size());
                if let Proof::Exhausted { steps } = proof {
                    self.exhausted.push((index, steps));
                }
                let verdict = timed(&mut self.checking, &mut self.slowest.2, || {
                    check(&case, "n", &proof)
                });
                if let Err(texts) = verdict {
                    self.refused
                        .push(format!("{index}, {}: {texts:?}", kind(&proof)));
                }
            }
            Outcome::Error(error) => panic!("{index}: {error:?}"),
        }
    }
}

#[test]
fn packings_that_do_not_fit_have_short_proofs() {
    let mut counts = Counts::default();
    for (index, _, document) in packings() {
        counts.add(index, &document);
    }
    counts.sizes.sort_unstable();
    counts.sizes.reverse();
    counts.sizes.truncate(20);
    println!("{counts:?}");
    let Counts {
        proofs,
        short,
        refused,
        ..
    } = counts;
    assert!(refused.is_empty(), "{} of {proofs} refused", refused.len());
    assert!(
        short * 100 >= proofs * 95,
        "only {short} of {proofs} proofs are short"
    );
}

/// The case with just so much more of every counter that the claims fit; nothing if none would be enough.
fn with_more(document: &Value) -> Option<Case> {
    (1..=8).find_map(|more| {
        let mut larger = document.clone();
        for set in larger["slices"][0]["spec"]["sharedCounters"].as_array_mut()? {
            for (_, counter) in set["counters"].as_object_mut()? {
                let value: u64 = counter["value"].as_str()?.parse().ok()?;
                counter["value"] = json!((value + more).to_string());
            }
        }
        read(&larger).filter(|case| case.ask("n").is_placed())
    })
}

#[test]
fn no_proof_of_a_packing_is_accepted_where_it_fits() {
    let (mut fitting, mut mutations) = (0, 0);
    for (index, mut random, document) in packings() {
        let case = read(&document).expect("a case");
        let Some(proof) = prove(&case, "n") else {
            continue;
        };
        if let Some(larger) = with_more(&document) {
            fitting += 1;
            mutations += refused(&larger, "n", &proof, &mut random, &index.to_string());
        }
    }
    println!(
        "{fitting} proofs and {mutations} changed ones, each refused where there was more of the counters"
    );
}

/// What is ruled out has no solution: a search that rules nothing out, where it comes to an end, finds the same.
#[test]
fn packings_fare_as_a_plain_search_says() {
    let (mut compared, mut impossible) = (0, 0);
    for (index, _, document) in packings() {
        let mut case = read(&document).expect("a case");
        case.options.max_steps = 1 << 16;
        case.options.foresight = Foresight::Never;
        let plain = case.ask("n").outcome;
        if matches!(plain, Outcome::Undecided(_)) {
            continue;
        }
        compared += 1;
        impossible += usize::from(matches!(plain, Outcome::Impossible(_)));
        for foresight in [Foresight::WhenStuck, Foresight::AtOnce] {
            case.options.foresight = foresight;
            match (&plain, case.ask("n").outcome) {
                (Outcome::Impossible(_), Outcome::Impossible(_)) => {}
                (Outcome::Placed(plain), Outcome::Placed(found)) => {
                    assert_eq!(format!("{plain:?}"), format!("{found:?}"), "{index}");
                }
                (plain, found) => panic!("{index}: {plain:?}, then {found:?}"),
            }
        }
    }
    println!("{compared} cases, {impossible} of them impossible, end as a plain search says");
}
