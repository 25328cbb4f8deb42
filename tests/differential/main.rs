//! Random allocation cases, answered by this crate and by the real upstream allocator: same devices, same refusals,
//! same errors, same number of steps.
//!
//! If this were deleted, only the recorded vectors would hold the engine to upstream. `GPUALLOC_CASES` and
//! `GPUALLOC_SEED` choose how many and which; without the oracle the tests say that they skipped.

#[path = "../support/case.rs"]
mod case;
#[path = "../support/compare.rs"]
mod compare;
mod generate;
#[path = "../support/oracle.rs"]
mod oracle;
#[path = "../support/random.rs"]
mod random;
mod shrink;
mod strip;
mod tally;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use strip::{FEATURES, without};
use tally::Tally;

/// Cases given to the oracle at once, to bound memory.
const BATCH: u64 = 5_000;

/// Disagreements that are made small and written down; one is usually enough to find a fault.
const SHRUNK: usize = 5;

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

#[test]
fn agrees_with_upstream() {
    let Some(oracle) = oracle::path() else {
        println!("skipped: no oracle (see tests/oracle/build.sh)");
        return;
    };
    let (wanted, seed) = (
        setting("GPUALLOC_CASES", 2_000),
        setting("GPUALLOC_SEED", 1),
    );
    let mut tally = Tally::default();
    let mut disagreements = Vec::new();
    for start in (0..wanted).step_by(usize::try_from(BATCH).expect("small")) {
        let cases: Vec<Value> = (start..wanted.min(start + BATCH))
            .map(|index| generate::case(seed, index))
            .collect();
        for (case, theirs) in cases.iter().zip(ask(&oracle, &cases)) {
            tally.add(case, &theirs);
            if let Some(difference) = differs(case, &theirs) {
                println!("{}: {difference}", case["name"]);
                disagreements.push(case.clone());
            }
        }
    }
    println!("{tally}");
    for case in disagreements.iter().take(SHRUNK) {
        let small = shrink::shrink(case, |candidates| disagreeing(&oracle, candidates));
        println!(
            "smallest: {small}\nwritten to {}",
            write(&oracle, &small).display()
        );
    }
    assert!(
        disagreements.is_empty(),
        "{} of {wanted} cases disagree",
        disagreements.len()
    );
    assert!(
        wanted < 1_000 || tally.has_bite(),
        "the generator lost its bite: {tally}"
    );
}

/// What differs between upstream's answer and ours, or what the verifier objects to in ours.
fn differs(case: &Value, theirs: &Value) -> Option<String> {
    compare::difference(theirs, &case::answer(case))
}

/// Which of the cases disagree. Cases that one side cannot read do not count: shrinking must not end there.
fn disagreeing(oracle: &Path, cases: &[Value]) -> Vec<bool> {
    let theirs = ask(oracle, cases);
    let judge = |(case, theirs): (&Value, &Value)| {
        let ours = case::answer(case);
        let read = theirs["error"].is_null() && ours["error"].is_null();
        read && compare::difference(theirs, &ours).is_some()
    };
    cases.iter().zip(&theirs).map(judge).collect()
}

/// Writes a disagreement as a vector with upstream's answer, ready to be kept.
fn write(oracle: &Path, case: &Value) -> PathBuf {
    let mut case = case.clone();
    case["expect"] = ask(oracle, std::slice::from_ref(&case)).remove(0);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("build/disagreements");
    std::fs::create_dir_all(&folder).expect("a folder for disagreements");
    let file = folder.join(format!(
        "{}.ndjson",
        case["name"].as_str().unwrap_or("case")
    ));
    std::fs::write(&file, format!("{case}\n")).expect("the disagreement is written");
    file
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
    let (wanted, seed) = (
        setting("GPUALLOC_CASES", 5_000),
        setting("GPUALLOC_SEED", 1),
    );
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
            *bites.entry(feature).or_default() += changed
                .filter(|(index, answer)| decision(&answers[**index]) != decision(answer))
                .count();
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
