//! Cases that are made as hard as hill-climbing can make them: what part of them stays undecided, and what those have in
//! common.
//!
//! A climb starts at a random case of one node with at most 128 devices (`world.rs`), changes it a little, and goes on
//! with the change if the search takes no fewer steps than before; it ends after so many changes, or at the first case
//! that is undecided. Two parts are printed. The one that is judged, at most 1 % at 2^20 steps, is of all the cases that
//! the climbs looked at: random ones and ever harder ones, each counted once. The other is of the climbs, by how they
//! end: since each goes on until it meets an undecided case or runs out of changes, that is how often so much effort
//! finds one, not how frequent they are.
//!
//! If this were deleted, a bound that prunes could go missing and only those who meet a hard case would notice.
//! `GPUALLOC_CLIMBS`, `GPUALLOC_CHANGES`, `GPUALLOC_BUDGET` and `GPUALLOC_SEED` choose how many climbs of how many
//! changes, the budget, and which; a hundred climbs or more have the full budget unless another is given. A single climb
//! prints the case where it ends, and the smallest part of it that ends alike. Start at [`few_cases_stay_undecided`].

#![expect(
    dead_code,
    clippy::print_stdout,
    reason = "the modules are shared with tests that use more of them; the counts are the result"
)]

#[path = "../support/case.rs"]
mod case;
#[path = "../support/random.rs"]
mod random;
#[path = "../support/settings.rs"]
mod settings;
mod shrink;
mod traits;
mod world;

use case::Case;
use gpualloc::allocation::{MAX_STEPS, Options, Outcome, prove_on};
use gpualloc::proof::Proof;
use gpualloc::verify::check_proof;
use gpualloc::wire::claim::ResourceClaim;
use random::Random;
use settings::setting;
use traits::Traits;
use world::World;

/// A world and what the engine says of it.
struct Tried {
    world: World,
    outcome: &'static str,
    steps: u64,
    /// How hard it was: steps beyond those that every search takes before it looks ahead; among those that were refuted
    /// there, the size of the proof.
    score: (u64, usize),
}

fn read(world: &World) -> Case {
    let mut case = Case::read(&world.to_case()).expect("a generated case can be read");
    case.options.foresight = Options::default().foresight;
    case
}

fn attempt(world: World, budget: u64) -> Tried {
    let mut case = read(&world);
    case.options.max_steps = budget;
    let answer = case.ask("n");
    let outcome = match answer.outcome {
        Outcome::Placed(_) => "placed",
        Outcome::Impossible(_) => "impossible",
        Outcome::Undecided(_) => "undecided",
        Outcome::Error(error) => panic!("nothing can fail: {error:?} in {}", world.to_case()),
    };
    let beyond = answer.steps.saturating_sub(world.plain_steps());
    let is_refuted = outcome == "impossible" && beyond == 0;
    let size = || {
        let Case {
            inventory,
            claims,
            options,
            ..
        } = &case;
        prove_on(inventory, "n", claims, options).map(|proof| proof.size())
    };
    let size = is_refuted.then(size).flatten();
    Tried {
        world,
        outcome,
        steps: answer.steps,
        score: (beyond, size.unwrap_or_default()),
    }
}

/// Where a climb ended, and how many cases were looked at, the last one among them.
fn climb(seed: u64, changes: u64, budget: u64) -> (Tried, u64) {
    let mut random = Random::new(seed);
    let mut best = attempt(World::random(&mut random), budget);
    let mut looked_at = 1;
    while looked_at <= changes && best.outcome != "undecided" {
        let next = attempt(best.world.changed(&mut random), budget);
        looked_at += 1;
        if next.score >= best.score {
            best = next;
        }
    }
    (best, looked_at)
}

/// What part of so many, in hundredths of a percent.
fn part(of: usize, all: u64) -> String {
    let all = usize::try_from(all).expect("small").max(1);
    let parts = of * 10_000 / all;
    format!("{of} of {all} ({}.{:02} %)", parts / 100, parts % 100)
}

/// A short proof, if there is one, is accepted by the judge.
fn judge(tried: &Tried) {
    let case = read(&tried.world);
    let Case {
        inventory,
        claims,
        options,
        ..
    } = &case;
    let proof = prove_on(inventory, "n", claims, options);
    if let Some(proof) = proof.filter(Proof::is_short) {
        let asked: Vec<&ResourceClaim> = claims.iter().map(AsRef::as_ref).collect();
        let (exclude, features) = (&options.exclude, options.features);
        let verdict = check_proof(inventory, "n", &asked, exclude, features, &proof);
        assert_eq!(verdict, Ok(()), "{proof:?} in {}", tried.world.to_case());
    }
}

#[test]
fn few_cases_stay_undecided() {
    let climbs = setting("GPUALLOC_CLIMBS", 8);
    let changes = setting("GPUALLOC_CHANGES", if climbs < 100 { 40 } else { 100 });
    let budget = setting(
        "GPUALLOC_BUDGET",
        if climbs < 100 { 1 << 14 } else { MAX_STEPS },
    );
    let first = setting("GPUALLOC_SEED", 0);
    let mut summits: Vec<Tried> = Vec::new();
    let mut looked_at = 0;
    for seed in first..first + climbs {
        let (summit, cases) = climb(seed, changes, budget);
        looked_at += cases;
        match summit.outcome {
            "undecided" => {
                let traits = Traits::of(&summit.world);
                println!("climb {seed}, after {cases} cases: {traits}");
            }
            "impossible" if summit.steps < 1 << 14 => judge(&summit),
            _ => {}
        }
        if climbs == 1 {
            show(&summit, budget);
        }
        summits.push(summit);
    }
    report(&summits);
    let undecided = summits.iter().filter(|s| s.outcome == "undecided").count();
    let part = part(undecided, looked_at);
    println!("undecided at {budget} steps: {part} cases looked at");
    // With a small budget, or of a few climbs, it says little.
    let is_full = climbs >= 100 && budget >= MAX_STEPS;
    let most = looked_at / 100;
    assert!(
        !is_full || u64::try_from(undecided).expect("small") <= most,
        "too many: {part}"
    );
}

/// The case, and the least of it that ends alike.
fn show(tried: &Tried, budget: u64) {
    println!("{}", tried.world.to_case());
    let is_so = |world: &World| attempt(world.clone(), budget).outcome == tried.outcome;
    println!("{}", shrink::shrunk(tried.world.clone(), is_so).to_case());
}

fn report(summits: &[Tried]) {
    let climbs = u64::try_from(summits.len()).expect("small");
    for outcome in ["placed", "impossible", "undecided"] {
        let own = summits.iter().filter(|summit| summit.outcome == outcome);
        let mut steps: Vec<u64> = own.clone().map(|summit| summit.steps).collect();
        steps.sort_unstable();
        let median = steps.get(steps.len() / 2).copied().unwrap_or_default();
        let count = steps.len();
        println!(
            "{outcome}: {} climbs end so, median of {median} steps",
            part(count, climbs)
        );
        println!(
            "  in the middle: {}",
            traits::medians(own.map(|summit| Traits::of(&summit.world)))
        );
    }
}
