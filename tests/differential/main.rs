//! Random allocation cases, answered by this crate and by the real upstream allocator: same devices, same refusals,
//! same errors, same number of steps.
//!
//! If this were deleted, only the recorded vectors would hold the engine to upstream. `GPUALLOC_CASES` and
//! `GPUALLOC_SEED` choose how many and which; without the oracle the tests say that they skipped.

mod generate;
#[path = "../support/oracle.rs"]
mod oracle;
#[path = "../support/random.rs"]
mod random;
mod strip;
mod tally;

use std::collections::BTreeMap;

use serde_json::Value;
use strip::{FEATURES, without};
use tally::Tally;

/// Cases given to the oracle at once, to bound memory.
const BATCH: u64 = 5_000;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

fn ask(oracle: &std::path::Path, cases: &[Value]) -> Vec<Value> {
    let lines: Vec<String> = cases.iter().map(Value::to_string).collect();
    oracle::ask(oracle, "allocate", &lines)
        .iter()
        .map(|answer| serde_json::from_str(answer).expect("the oracle answers in JSON"))
        .collect()
}

/// Measures whether the cases decide anything: for each feature, how many upstream answers change when the feature's
/// objects are taken out of the case. Run by `make bite`.
#[test]
#[ignore = "a measurement of the generator, not a check"]
fn bite() {
    let Some(oracle) = oracle::path() else {
        println!("skipped: no oracle (see tests/oracle/build.sh)");
        return;
    };
    let (wanted, seed) = (setting("GPUALLOC_CASES", 5_000), setting("GPUALLOC_SEED", 1));
    let mut tally = Tally::default();
    let mut bites: BTreeMap<&str, usize> = BTreeMap::new();
    for start in (0..wanted).step_by(1_000) {
        let cases: Vec<Value> = (start..wanted.min(start + 1_000))
            .map(|index| generate::case(seed, index))
            .collect();
        let answers = ask(&oracle, &cases);
        for (case, answer) in cases.iter().zip(&answers) {
            assert!(answer["error"].is_null(), "{answer} to {case}");
            tally.add(case, answer);
        }
        for (feature, strip) in FEATURES {
            let (indices, stripped): (Vec<usize>, Vec<Value>) = cases
                .iter()
                .enumerate()
                .filter_map(|(index, case)| Some((index, without(case, strip)?)))
                .unzip();
            let changed = indices.iter().zip(ask(&oracle, &stripped));
            *bites.entry(feature).or_default() +=
                changed.filter(|(index, answer)| decision(&answers[**index]) != decision(answer)).count();
        }
    }
    println!("{tally}\nanswers that change without");
    for (feature, count) in bites {
        let share = count as u64 * 300_000 / wanted;
        println!("  {feature:<28} {count:>8}  ({share} of 300 000)");
    }
}

/// An answer without its step counts: what a user sees of it.
fn decision(answer: &Value) -> Vec<Value> {
    let mut nodes = answer["nodes"].as_array().cloned().unwrap_or_default();
    for node in &mut nodes {
        node["steps"] = Value::Null;
    }
    nodes
}
