//! Random allocation cases, answered by this crate and by the real upstream allocator: same devices, same refusals,
//! same errors, same number of steps.
//!
//! If this were deleted, only the recorded vectors would hold the engine to upstream. `GPUALLOC_CASES`,
//! `GPUALLOC_SEED` and `GPUALLOC_FIRST` choose how many and which (case `7-42` is number 42 of seed 7); without the oracle
//! the tests say that they skipped.

#![expect(
    clippy::print_stdout,
    reason = "the counts and the smallest disagreements are for people to read"
)]

#[path = "../support/case.rs"]
mod case;
#[path = "../support/compare.rs"]
mod compare;
mod generate;
#[path = "../support/mutilate.rs"]
mod mutilate;
#[path = "../support/oracle.rs"]
mod oracle;
#[path = "../support/random.rs"]
mod random;
#[path = "../support/settings.rs"]
mod settings;
mod shrink;
mod strip;
mod tally;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use random::Random;
use serde_json::Value;
use settings::setting;
use strip::{FEATURES, without};
use tally::Tally;

/// Cases given to the oracle at once, to bound memory.
const BATCH: u64 = 5_000;

/// Disagreements that are made small and written down; one is usually enough to find a fault.
const SHRUNK: usize = 5;

fn ask(oracle: &std::path::Path, cases: &[Value]) -> Vec<Value> {
    let lines: Vec<String> = cases.iter().map(Value::to_string).collect();
    oracle::ask(oracle, "allocate", &lines)
        .iter()
        .map(|answer| serde_json::from_str(answer).expect("the oracle answers in JSON"))
        .collect()
}

#[test]
fn agrees_with_upstream() {
    let tally = campaign("GPUALLOC_CASES", 2_000, generate::case);
    assert!(
        tally.cases < 1_000 || tally.has_bite(),
        "the generator lost its bite: {tally}"
    );
}

/// The same with documents that no API server would take, as far as both sides can read them.
#[test]
fn agrees_with_upstream_on_mutilated_cases() {
    campaign("GPUALLOC_WILD_CASES", 1_000, |seed, index| {
        let mut case = generate::case(seed, index);
        mutilate::mutilate(&mut case, &mut Random::new(seed ^ index));
        generate::sort(&mut case);
        case
    });
}

/// Compares as many cases as the variable asks for, makes what disagrees small, and fails if anything does.
fn campaign(variable: &str, default: u64, make: fn(u64, u64) -> Value) -> Tally {
    let mut tally = Tally::default();
    let Some(oracle) = oracle::path() else {
        println!("skipped: no oracle (see tests/oracle/build.sh)");
        return tally;
    };
    let (wanted, seed) = (setting(variable, default), setting("GPUALLOC_SEED", 1));
    let first = setting("GPUALLOC_FIRST", 0);
    let mut disagreements = Vec::new();
    for start in (first..first + wanted).step_by(usize::try_from(BATCH).expect("small")) {
        let end = (first + wanted).min(start + BATCH);
        let cases: Vec<Value> = (start..end).map(|index| make(seed, index)).collect();
        for (case, theirs) in cases.iter().zip(ask(&oracle, &cases)) {
            let ours = case::answer(case);
            if !are_read(&theirs, &ours) {
                continue;
            }
            tally.add(case, &theirs);
            let foresighted = with_steps_of(
                case::answer_with(case, gpualloc::allocation::Foresight::AtOnce),
                &theirs,
            );
            let difference = compare::difference(&theirs, &ours)
                .or_else(|| compare::difference(&theirs, &foresighted));
            if let Some(difference) = difference {
                println!("{}: {difference}", case["name"]);
                disagreements.push(case.clone());
            }
        }
    }
    println!("{tally}");
    for case in disagreements.iter().take(SHRUNK) {
        let small = shrink::shrink(case, |candidates| disagreeing(&oracle, candidates));
        let file = write(&oracle, &small);
        println!("smallest: {small}\nwritten to {}", file.display());
    }
    assert!(
        disagreements.is_empty(),
        "{} of {wanted} cases disagree",
        disagreements.len()
    );
    tally
}

/// The answer with upstream's steps: those of a search that looks ahead are fewer.
fn with_steps_of(mut ours: Value, theirs: &Value) -> Value {
    for (index, node) in theirs["nodes"].as_array().into_iter().flatten().enumerate() {
        if let Some(own) = ours["nodes"].get_mut(index) {
            own["steps"] = node["steps"].clone();
        }
    }
    ours
}

/// Whether both sides could read the case. Only cases made on purpose are unreadable, and shrinking must not end there.
fn are_read(theirs: &Value, ours: &Value) -> bool {
    theirs["error"].is_null() && ours["error"].is_null()
}

/// Which of the cases disagree.
fn disagreeing(oracle: &Path, cases: &[Value]) -> Vec<bool> {
    let theirs = ask(oracle, cases);
    let judge = |(case, theirs): (&Value, &Value)| {
        let ours = case::answer(case);
        let foresighted = with_steps_of(
            case::answer_with(case, gpualloc::allocation::Foresight::AtOnce),
            theirs,
        );
        are_read(theirs, &ours)
            && (compare::difference(theirs, &ours).is_some()
                || compare::difference(theirs, &foresighted).is_some())
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
        let share = u64::try_from(count).expect("small") * 300_000 / wanted;
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
