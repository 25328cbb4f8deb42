//! The judge against upstream on random cases rich in features.
//!
//! As `verify_mutations.rs`, with cases from the campaign's generator and answers from the real allocator, asked here and
//! now; without the oracle the test says that it skipped. `GPUALLOC_CASES` and `GPUALLOC_SEED` choose how many and which.

#![expect(
    dead_code,
    clippy::print_stdout,
    reason = "the modules are shared with tests that use more of them; the counts are the result"
)]

#[path = "verify/case.rs"]
mod case;
#[path = "verify/enumerate.rs"]
mod enumerate;
#[path = "differential/generate/mod.rs"]
mod generate;
#[path = "verify/mutations.rs"]
mod mutations;
#[path = "support/oracle.rs"]
mod oracle;
#[path = "support/random.rs"]
mod random;
#[path = "support/settings.rs"]
mod settings;

use case::Case;
use gpualloc::verify::Objection;
use gpualloc::wire::core::Node;
use serde_json::Value;
use settings::setting;

/// Tries of brute force per case; larger cases are counted and left out.
const BUDGET: usize = 3_000;

/// What was compared.
#[derive(Debug, Default)]
struct Counts {
    accepted: usize,
    rejected: usize,
    searched: usize,
    too_large: usize,
}

#[test]
fn judges_as_upstream_does() {
    let Some(oracle) = oracle::path() else {
        println!("skipped: no oracle (see tests/oracle/build.sh)");
        return;
    };
    let (wanted, seed) = (
        setting("GPUALLOC_CASES", 1_000),
        setting("GPUALLOC_SEED", 7),
    );
    let cases: Vec<Value> = (0..wanted)
        .map(|index| generate::case(seed, index))
        .collect();
    let lines: Vec<String> = cases.iter().map(Value::to_string).collect();
    let mut counts = Counts::default();
    let mut faults = Vec::new();
    for (mut case, answer) in cases
        .into_iter()
        .zip(oracle::ask(&oracle, "allocate", &lines))
    {
        case["expect"] = serde_json::from_str(&answer).expect("the oracle answers in JSON");
        let line = case.to_string();
        let case = Case::read(&line);
        for (node, answer) in case.answers() {
            let fault = match answer.outcome.as_str() {
                "placed" => placed(&case, node, answer, &mut counts),
                "unfit" => searched(&case, node, None, &mut counts),
                _ => None,
            };
            faults.extend(
                fault.map(|fault| format!("{} on {}: {fault}\n{line}", case.name, answer.node)),
            );
        }
    }
    println!("{counts:?}");
    for fault in &faults {
        println!("{}", fault.lines().next().unwrap_or_default());
    }
    assert!(
        faults.is_empty(),
        "{} faults, first {}",
        faults.len(),
        faults[0]
    );
    let enough = counts.accepted as u64 * 4 >= wanted && counts.searched as u64 * 2 >= wanted;
    assert!(enough, "the cases decide too little: {counts:?}");
}

/// What is wrong with the judge's opinion of upstream's answer and of changed answers.
fn placed(
    case: &Case,
    node: &Node,
    answer: &case::NodeAnswer,
    counts: &mut Counts,
) -> Option<String> {
    if let Err(objections) = case.judge(node, &case.claims, &answer.results) {
        let texts: Vec<String> = objections.iter().map(Objection::to_string).collect();
        return Some(format!("refused: {}", texts.join("; ")));
    }
    counts.accepted += 1;
    for (what, mutant) in mutations::all(&answer.results) {
        // Nothing is a legal answer where an alternative asks for none, which only the API forbids.
        if case.may_be_empty() && (what.ends_with("left out") || what.ends_with("no devices")) {
            continue;
        }
        if case.judge(node, &case.claims, &mutant).is_ok() {
            return Some(format!("accepted with {what}"));
        }
        counts.rejected += 1;
    }
    let expected = enumerate::bare(&answer.results);
    searched(case, node, Some(&expected), counts)
}

/// Whether the first devices that the judge allows are others than upstream's.
fn searched(
    case: &Case,
    node: &Node,
    expected: Option<&enumerate::Bare>,
    counts: &mut Counts,
) -> Option<String> {
    let Ok(found) = enumerate::first(case, node, BUDGET) else {
        counts.too_large += 1;
        return None;
    };
    counts.searched += 1;
    (found.as_ref() != expected).then(|| format!("found {found:?}, upstream {expected:?}"))
}
