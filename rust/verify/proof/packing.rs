//! How many devices fit together into what is left of the counters.
//!
//! Tries every choice that could have more devices than the best so far, as long as that is not too long. Start at
//! [`most`].

use super::facts::{fitting, paid};
use super::state::State;

/// Choices to try; more than that are not needed where the answer is a fact of a proof.
const MOST_CHOICES: usize = 20_000;

/// A number of devices that is not exceeded by any that fit together.
pub(super) fn most(state: &State<'_, '_, '_, '_>, devices: &[usize]) -> usize {
    let all = devices
        .iter()
        .flat_map(|device| &state.problem.payments[*device]);
    let mut counters: Vec<usize> = all.map(|(counter, _)| *counter).collect();
    counters.sort_unstable();
    counters.dedup();
    let amounts = |device: &usize| -> Vec<i128> {
        let counters = counters.iter();
        counters
            .map(|counter| paid(state, *device, *counter))
            .collect()
    };
    let mut open: Vec<Vec<i128>> = devices.iter().map(amounts).collect();
    open.sort_by_cached_key(|amounts| {
        (
            amounts.iter().fold(0, |a: i128, b| a.saturating_add(*b)),
            amounts.clone(),
        )
    });
    let left: Vec<i128> = counters
        .iter()
        .map(|counter| state.left(*counter))
        .collect();
    let mut best = 0;
    let mut choices = MOST_CHOICES;
    match pack(&open, &left, 0, &mut best, &mut choices) {
        Some(()) => best,
        None => bound(&open, &left),
    }
}

/// Each device of those that are open is taken, or none of them; nothing if that takes too long.
fn pack(
    open: &[Vec<i128>],
    left: &[i128],
    taken: usize,
    best: &mut usize,
    choices: &mut usize,
) -> Option<()> {
    *choices = choices.checked_sub(1)?;
    *best = taken.max(*best);
    let fits = |amounts: &&Vec<i128>| amounts.iter().zip(left).all(|(own, left)| own <= left);
    let mut open: Vec<Vec<i128>> = open.iter().filter(fits).cloned().collect();
    while !open.is_empty() && taken + bound(&open, left) > *best {
        let amounts = open.remove(0);
        let rest: Vec<i128> = left
            .iter()
            .zip(&amounts)
            .map(|(left, own)| left - own)
            .collect();
        pack(&open, &rest, taken + 1, best, choices)?;
        // Where this one is not, none that takes as much of everything has to be: this one would do in its place.
        open.retain(|other| other.iter().zip(&amounts).any(|(other, own)| other < own));
    }
    Some(())
}

/// As many as fit into each counter by itself.
fn bound(open: &[Vec<i128>], left: &[i128]) -> usize {
    let of_counter = |(counter, left): (usize, &i128)| {
        let amounts = open.iter().map(|amounts| amounts[counter]);
        fitting(amounts.collect(), *left)
    };
    let bounds = left.iter().enumerate().map(of_counter);
    bounds.min().unwrap_or(open.len())
}
