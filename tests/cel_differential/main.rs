//! Random expressions on random devices, answered by our CEL and by upstream's: same compile verdict, same value or
//! class of error, same cost, same verdict of the cost limit.
//!
//! If this were deleted, nothing would hold our CEL to the Kubernetes dialect outside the recorded table.
//! `GPUALLOC_CASES` and `GPUALLOC_SEED` choose how many and which; without the oracle the test says that it skipped.

#![expect(clippy::print_stdout, reason = "the tally is the result")]

mod compare;
mod device;
mod expression;
mod grammar;
#[path = "../support/oracle.rs"]
mod oracle;
#[path = "../support/random.rs"]
mod random;

use compare::{Tally, ours};
use expression::Generator;
use grammar::{Grammar, Kind};
use random::Random;
use serde_json::{Value, json};

/// Cases asked for in one run of the oracle, to bound memory.
const BATCH: usize = 20_000;

#[test]
fn cel_agrees_with_upstream() {
    let Some(oracle) = oracle::path() else {
        println!("skipped: no oracle (see tests/oracle/build.sh)");
        return;
    };
    let number = |name: &str, default: usize| -> usize {
        std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
    };
    let (wanted, seed) = (number("GPUALLOC_CASES", 5_000), number("GPUALLOC_SEED", 1));
    let grammar = Grammar::new();
    let mut random = Random::new(u64::try_from(seed).expect("fits"));
    let mut tally = Tally::default();
    let mut left = wanted;
    while left > 0 {
        let batch: Vec<Value> = (0..left.min(BATCH))
            .map(|_| case(&grammar, &mut random))
            .collect();
        left -= batch.len();
        let lines: Vec<String> = batch.iter().map(Value::to_string).collect();
        for (case, answer) in batch.iter().zip(oracle::ask(&oracle, "cel", &lines)) {
            let theirs: Value = serde_json::from_str(&answer).expect("the oracle answers in JSON");
            tally.add(case, &theirs, &ours(case));
        }
    }
    println!("{tally}");
    assert!(tally.disagreements.is_empty(), "{}", tally.report());
    assert!(
        wanted < 1_000 || tally.evaluated() * 100 >= wanted * 30,
        "the generator lost its bite: {tally}"
    );
}

/// One random case: half of them ask for the truth of a selector, half for the value of a derived attribute.
fn case(grammar: &Grammar, random: &mut Random) -> Value {
    let derived = random.chance(50);
    let kinds = [
        "Int",
        "String",
        "Bool",
        "Semver",
        "IntList",
        "StringList",
        "BoolList",
        "Dyn",
    ];
    let kind = match (derived, random.chance(10)) {
        (true, _) => Kind::named(random.pick(&kinds)),
        (false, true) => Kind::named("Dyn"),
        (false, false) => Kind::named("Bool"),
    };
    let expression = Generator::new(grammar, random).expression(kind);
    let mut case = device::random(random);
    case["expression"] = json!(expression);
    case["mode"] = json!(if derived { "derived" } else { "selector" });
    // Upstream's answer to what depends on the order of its maps is random; several tries show it.
    case["repeat"] = json!(40);
    case["features"] = json!({"ConsumableCapacity": true, "ListTypeAttributes": true});
    case
}
