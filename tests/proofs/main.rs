//! Proofs of impossibility against the judge of proofs, which shares no code with what finds them.
//!
//! If this were deleted, a wrong proof would be believed. `GPUALLOC_PROOFS` and `GPUALLOC_SEED` choose how many random
//! cases and which, `GPUALLOC_MUTATIONS` how many changes are made to a proof. Every impossible answer has to have a proof that is accepted; no proof, changed or not, may be
//! accepted where the claims fit. Start at [`every_impossible_answer_has_a_proof`].

#![expect(
    dead_code,
    clippy::print_stdout,
    reason = "the modules are shared with tests that use more of them; the counts are the result"
)]

#[path = "../support/case.rs"]
mod case;
mod families;
#[path = "../differential/generate/mod.rs"]
mod generate;
mod mutate;
#[path = "../support/mutilate.rs"]
mod mutilate;
mod packing;
#[path = "../support/random.rs"]
mod random;
#[path = "../support/settings.rs"]
mod settings;

use std::collections::BTreeMap;
use std::sync::Arc;

use case::Case;
use gpualloc::allocation::{Options, prove_on};
use gpualloc::proof::{CounterRef, Demand, Few, Grouping, Proof, Sum, Weighed};
use gpualloc::verify::check_proof;
use gpualloc::wire::claim::ResourceClaim;
use random::Random;
use serde_json::{Value, json};
use settings::setting;

/// Changed proofs tried on each cluster with a device added.
const MUTATIONS: u64 = 60;

/// A case as a caller with the default options would ask about it; nothing if it cannot be read.
fn read(case: &Value) -> Option<Case> {
    let mut read = Case::read(case).ok()?;
    read.options.foresight = Options::default().foresight;
    Some(read)
}

fn prove(case: &Case, node: &str) -> Option<Proof> {
    prove_on(&case.inventory, node, &case.claims, &case.options)
}

fn check(case: &Case, node: &str, proof: &Proof) -> Result<(), Vec<String>> {
    let asked = case
        .claims
        .iter()
        .filter(|claim| claim.status.allocation.is_none());
    let asked: Vec<&ResourceClaim> = asked.map(Arc::as_ref).collect();
    let Options {
        features, exclude, ..
    } = &case.options;
    check_proof(&case.inventory, node, &asked, exclude, *features, proof)
}

fn kind(proof: &Proof) -> &'static str {
    match proof {
        Proof::Few(few) => match few.grouping {
            Grouping::Devices => "few devices",
            Grouping::CounterSets => "few by counter sets",
            Grouping::Distinct { .. } => "few by values",
        },
        Proof::Sum(_) => "sum",
        Proof::Limit { .. } => "limit",
        Proof::ByValue { .. } => "by value",
        Proof::ByAlternative { .. } => "by alternative",
        Proof::ByDevice { .. } => "by device",
        Proof::Exhausted { .. } => "exhausted",
    }
}

/// The proof without its last case, where every case is needed.
fn without_a_case(mut proof: Proof) -> Option<Proof> {
    match &mut proof {
        Proof::ByAlternative { cases, .. } => drop(cases.pop()?),
        Proof::ByDevice { cases, .. } => drop(cases.pop()?),
        _ => return None,
    }
    Some(proof)
}

/// What became of the proofs of a campaign.
#[derive(Debug, Default)]
struct Counts {
    proofs: usize,
    short: usize,
    kinds: BTreeMap<&'static str, usize>,
    faults: Vec<String>,
}

impl Counts {
    fn add(&mut self, document: &Value, name: &str) {
        let Some(case) = read(document) else { return };
        for node in &case.nodes {
            let Some(proof) = prove(&case, node) else {
                continue;
            };
            self.proofs += 1;
            self.short += usize::from(proof.is_short());
            *self.kinds.entry(kind(&proof)).or_default() += 1;
            let text = serde_json::to_string(&proof).expect("a proof is data");
            let again: Proof = serde_json::from_str(&text).expect("what was written");
            assert_eq!(proof, again, "written and read");
            if let Err(texts) = check(&case, node, &again) {
                self.faults
                    .push(format!("{name} on {node}: {texts:?}\n{text}"));
            }
        }
    }

    fn judge(&self) {
        let Self {
            proofs,
            short,
            kinds,
            faults,
        } = self;
        println!("{proofs} proofs, {short} of them short: {kinds:?}");
        for fault in faults.iter().take(20) {
            println!("{fault}");
        }
        assert!(faults.is_empty(), "{} of {proofs} refused", faults.len());
        assert!(
            short * 100 >= proofs * 95,
            "only {short} of {proofs} proofs are short"
        );
    }
}

#[test]
fn every_impossible_answer_has_a_proof() {
    let seed = setting("GPUALLOC_SEED", 5);
    let mut counts = Counts::default();
    for index in 0..setting("GPUALLOC_PROOFS", 1_000) {
        counts.add(&generate::case(seed, index), &format!("{seed}-{index}"));
    }
    counts.judge();
}

/// The same with documents that no API server would take, as far as they can be read.
#[test]
fn so_has_every_impossible_answer_about_mutilated_documents() {
    let seed = setting("GPUALLOC_SEED", 5);
    let mut counts = Counts::default();
    for index in 0..setting("GPUALLOC_PROOFS", 1_000) {
        let mut document = generate::case(seed, index);
        mutilate::mutilate(&mut document, &mut Random::new(seed ^ index));
        generate::sort(&mut document);
        counts.add(&document, &format!("mutilated {seed}-{index}"));
    }
    counts.judge();
}

#[test]
fn no_proof_is_accepted_where_the_claims_fit() {
    let (wanted, seed) = (
        setting("GPUALLOC_PROOFS", 1_000),
        setting("GPUALLOC_SEED", 5),
    );
    let (mut enlarged, mut mutations) = (0, 0);
    for index in 0..wanted {
        let document = generate::case(seed, index);
        let Some(case) = read(&document) else {
            continue;
        };
        let mut random = Random::new(seed ^ index);
        for node in &case.nodes {
            let Some(proof) = prove(&case, node) else {
                continue;
            };
            let Some(larger) = with_a_device(&document, node) else {
                continue;
            };
            enlarged += 1;
            let name = format!("{seed}-{index} on {node}");
            mutations += refused(&larger, node, &proof, &mut random, &name);
        }
    }
    println!(
        "{enlarged} proofs and {mutations} changed ones, each refused where a device was added"
    );
    assert!(
        wanted < 1_000 || mutations >= 10_000,
        "only {mutations} mutations"
    );
}

/// Sees to it that the proof, and what changes make of it, is refused where the claims fit; how many changes there were.
fn refused(fitting: &Case, node: &str, proof: &Proof, random: &mut Random, name: &str) -> usize {
    let verdict = check(fitting, node, proof);
    assert!(verdict.is_err(), "{name}: {proof:?}");
    let wanted = usize::try_from(setting("GPUALLOC_MUTATIONS", MUTATIONS)).expect("a count");
    let mutants = mutate::some(proof, wanted, random);
    for mutant in &mutants {
        let verdict = check(fitting, node, mutant);
        assert!(verdict.is_err(), "{name}: {mutant:?}, made from {proof:?}");
    }
    mutants.len()
}

/// The case with more devices on the node, so that the claims fit; nothing if copies of single devices do not help.
fn with_a_device(document: &Value, node: &str) -> Option<Case> {
    let slices = document["slices"].as_array()?;
    for copies in [1, 4] {
        for (at, slice) in slices.iter().enumerate() {
            let devices = slice["spec"]["devices"]
                .as_array()
                .map_or(&[][..], Vec::as_slice);
            for device in devices {
                let mut larger = document.clone();
                let list = larger["slices"][at]["spec"]["devices"].as_array_mut()?;
                for copy in 0..copies {
                    let mut added = device.clone();
                    added["name"] = json!(format!("added-{copy}"));
                    let fields = added.as_object_mut()?;
                    fields.remove("taints");
                    if copies > 1 {
                        fields.remove("consumesCounters");
                    }
                    list.push(added);
                }
                let Some(case) = read(&larger) else { continue };
                if case.ask(node).is_placed() {
                    return Some(case);
                }
            }
        }
    }
    None
}

/// Facts that would rule out claims which fit are refused, whatever numbers they state.
#[test]
fn facts_about_claims_that_fit_are_refused() {
    let (wanted, seed) = (
        setting("GPUALLOC_PROOFS", 1_000),
        setting("GPUALLOC_SEED", 5),
    );
    let mut refused = 0;
    for index in 0..wanted {
        let Some(case) = read(&generate::case(seed, index)) else {
            continue;
        };
        for node in &case.nodes {
            let answer = case.ask(node);
            if !answer.is_placed() || answer.claims.is_empty() {
                continue;
            }
            for proof in wrong(&case) {
                let verdict = check(&case, node, &proof);
                assert!(verdict.is_err(), "{seed}-{index} on {node}: {proof:?}");
                refused += 1;
            }
        }
    }
    println!("{refused} wrong facts refused");
}

/// Facts of every kind with all numbers that they could state.
fn wrong(case: &Case) -> Vec<Proof> {
    let mut demands = Vec::new();
    for (claim, document) in case.claims.iter().enumerate() {
        let requests = 0..document.spec.devices.requests.len();
        demands.extend(requests.map(|request| Demand { claim, request }));
    }
    let mut proofs = vec![Proof::Exhausted { steps: 1_000 }];
    let mut sets: Vec<Vec<Demand>> = demands.iter().map(|demand| vec![*demand]).collect();
    sets.push(demands.clone());
    let counters = counters(case);
    for demands in sets {
        for needed in 1..6 {
            for grouping in [Grouping::Devices, Grouping::CounterSets] {
                proofs.push(Proof::Few(Few {
                    demands: demands.clone(),
                    needed,
                    room: needed - 1,
                    grouping,
                    excluded: Vec::new(),
                }));
            }
        }
        proofs.extend(counters.iter().flat_map(|counter| sums(counter, &demands)));
    }
    for demand in demands {
        let (claim, request) = (demand.claim, demand.request);
        proofs.push(Proof::Limit { claim, needed: 33 });
        proofs.push(Proof::ByAlternative {
            claim,
            request,
            cases: Vec::new(),
        });
        proofs.push(Proof::ByDevice {
            claim,
            request,
            cases: Vec::new(),
            without: None,
        });
        proofs.push(Proof::ByValue {
            claim,
            constraint: request,
            cases: Vec::new(),
        });
    }
    proofs
}

/// All counters of the case.
fn counters(case: &Case) -> Vec<CounterRef> {
    let mut counters = Vec::new();
    for slice in case.inventory.slices() {
        let spec = &slice.document().spec;
        for set in &spec.shared_counters {
            counters.extend(set.counters.keys().map(|counter| CounterRef {
                driver: spec.driver.to_string(),
                pool: spec.pool.name.to_string(),
                set: set.name.clone(),
                counter: counter.clone(),
            }));
        }
    }
    counters
}

/// Sums of one counter that say too much is needed, also in units and with weights that turn everything around.
fn sums(counter: &CounterRef, demands: &[Demand]) -> Vec<Proof> {
    let stated = [(2, 1), (1, 0), (41, 40)];
    let counted = [(1, 1), (1_000_000_000, 3), (0, 1), (-1, 1), (1, -1), (1, 0)];
    let sum = |(needed, left): (i128, i128), (unit, weight): (i128, i128)| {
        Proof::Sum(Sum {
            counters: vec![Weighed {
                counter: counter.clone(),
                unit,
                weight,
            }],
            prices: Vec::new(),
            demands: demands.to_vec(),
            needed: needed * 1_000_000_000,
            left: left * 1_000_000_000,
        })
    };
    let sums = stated
        .iter()
        .flat_map(|stated| counted.iter().map(|counted| sum(*stated, *counted)));
    sums.collect()
}
