//! Cases that are made as hard as hill-climbing can make them: what part of them stays undecided, and what those have in
//! common.
//!
//! A climb starts at a random case of one node with at most 128 devices (`world.rs`), changes it a little, and goes on
//! with the change if the search takes no fewer steps than before; it ends after so many changes, or at the first case
//! that is undecided at the budget of 2^20 steps. Two populations are counted: all cases that the climbs looked at, and
//! the last case of each climb alone, which is as hostile as a measure can be.
//!
//! If this were deleted, a bound that prunes could go missing and only those who meet a hard case would notice.
//! `GPUALLOC_CLIMBS`, `GPUALLOC_CHANGES`, `GPUALLOC_BUDGET` and `GPUALLOC_SEED` choose how many climbs of how many
//! changes, the budget, and which; a single climb prints the case where it ends. Start at [`few_cases_stay_undecided`].

#![expect(
    dead_code,
    clippy::print_stdout,
    reason = "the modules are shared with tests that use more of them; the counts are the result"
)]

#[path = "../support/case.rs"]
mod case;
#[path = "../support/random.rs"]
mod random;
mod traits;
mod world;

use case::Case;
use gpualloc::allocation::{MAX_STEPS, Options, Outcome, prove_on};
use random::Random;
use traits::Traits;
use world::World;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

/// A world and what the engine says of it.
struct Tried {
    world: World,
    outcome: &'static str,
    steps: u64,
    /// How hard it was: steps beyond those that every search takes before it looks ahead; among those that were refuted
    /// there, the size of the proof.
    score: (u64, usize),
}

fn attempt(world: World, budget: u64) -> Tried {
    let mut case = Case::read(&world.to_case()).expect("a generated case can be read");
    case.options.foresight = Options::default().foresight;
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

#[test]
fn few_cases_stay_undecided() {
    let (climbs, changes) = (
        setting("GPUALLOC_CLIMBS", 60),
        setting("GPUALLOC_CHANGES", 100),
    );
    let budget = setting("GPUALLOC_BUDGET", MAX_STEPS);
    let first = setting("GPUALLOC_SEED", 0);
    let mut summits: Vec<Tried> = Vec::new();
    let mut looked_at = 0;
    for seed in first..first + climbs {
        let (summit, cases) = climb(seed, changes, budget);
        looked_at += cases;
        if summit.outcome == "undecided" {
            println!(
                "climb {seed}, after {cases} cases: {}",
                Traits::of(&summit.world)
            );
        }
        if climbs == 1 {
            println!("{}", summit.world.to_case());
        }
        summits.push(summit);
    }
    report(&summits);
    let undecided = summits.iter().filter(|s| s.outcome == "undecided").count();
    println!(
        "undecided at {budget} steps: {} cases looked at",
        part(undecided, looked_at)
    );
    assert!(
        u64::try_from(undecided).expect("small") * 100 <= looked_at,
        "too many are undecided: {}",
        part(undecided, looked_at)
    );
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
