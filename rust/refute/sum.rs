//! Counters that are added up and of which too little is left: first as they are, then with weights that are looked for.
//!
//! Weights start where they were of use before, and rise with the counters of which the cheapest choice takes too much,
//! until it costs more than there is to spend or a number of rounds is over. Start at [`plain`] and [`weighed`].

use fixedbitset::FixedBitSet;

use super::least::Purse;
use super::problem::Problem;
use super::state::State;
use crate::proof::{Price, Proof, Sum, Weighed};

/// Rounds in which weights are looked for.
const ROUNDS: usize = 48;

/// A weight that makes all that is left of a counter count for one.
const ONE: i64 = 1 << 24;

/// What a weight rises by when twice of what is left is taken, were it [`ONE`].
const STEP: i64 = ONE / 8;

/// Weights of counters and prices of devices.
#[derive(Clone, Default)]
pub(super) struct Weights {
    pub(super) counters: Vec<i64>,
    pub(super) devices: Vec<i64>,
}

impl Weights {
    /// Makes them fit for what a state leaves: nothing else has a weight, and all together are worth as much as ever.
    fn fit(&mut self, problem: &Problem, purse: &Purse<'_>) {
        let mut fit = Self {
            counters: vec![0; problem.counters.len()],
            devices: vec![0; problem.devices.len()],
        };
        let mut worth = 0_i64;
        for (counter, left) in &purse.left {
            fit.counters[*counter] = self.counters.get(*counter).copied().unwrap_or_default();
            worth += fit.counters[*counter] * left;
        }
        for device in &purse.devices {
            fit.devices[*device] = self.devices.get(*device).copied().unwrap_or_default();
            worth += fit.devices[*device];
        }
        for (counter, left) in &purse.left {
            let weight = &mut fit.counters[*counter];
            *weight = if worth < ONE {
                ONE / (*left).max(1)
            } else {
                // Shares of what they are all worth.
                *weight / (worth / ONE / size(purse.left.len())).max(1)
            };
        }
        for device in &purse.devices {
            let weight = &mut fit.devices[*device];
            *weight /= (worth / ONE / size(purse.left.len())).max(1);
        }
        *self = fit;
    }

    /// What a device costs.
    pub(super) fn cost(&self, problem: &Problem, device: usize) -> i64 {
        let Some(price) = self.devices.get(device) else {
            return 0;
        };
        let amounts = problem.units().amounts[device].iter();
        let cost = amounts.map(|(counter, amount)| self.counters[*counter] * amount);
        price + cost.sum::<i64>()
    }

    /// So much smaller ones.
    fn less(&self, shift: u32) -> Self {
        let less = |all: &[i64]| all.iter().map(|weight| weight >> shift).collect();
        Self {
            counters: less(&self.counters),
            devices: less(&self.devices),
        }
    }
}

/// Counters of one family that are added up as they are.
pub(super) fn plain(problem: &Problem, state: &State) -> Option<Proof> {
    if problem.counters.is_empty() {
        return None;
    }
    let demands: Vec<Drawn> = (0..state.demands.len())
        .filter(|demand| state.demands[*demand].needed() > 0)
        .map(|demand| Drawn::new(problem, state, demand))
        .collect();
    let mut families = 0..problem.families.all.len();
    families.find_map(|family| sum_of(problem, state, &demands, family))
}

/// What every candidate of a demand takes of the counters.
struct Drawn {
    demand: usize,
    candidates: usize,
    by_family: Vec<Least>,
    touched: FixedBitSet,
}

/// The least that candidates take, and how many take something.
#[derive(Clone, Copy, Default)]
struct Least {
    candidates: usize,
    amount: i128,
}

impl Drawn {
    fn new(problem: &Problem, state: &State, demand: usize) -> Self {
        let families = &problem.families;
        let mut drawn = Self {
            demand,
            candidates: 0,
            by_family: vec![Least::default(); families.all.len()],
            touched: FixedBitSet::with_capacity(problem.counters.len()),
        };
        // What a device takes of each family, of which families it takes something, and which device was the last to.
        let mut sums = vec![0_i128; families.all.len()];
        let mut taken: Vec<usize> = Vec::new();
        let mut last = vec![usize::MAX; families.all.len()];
        for device in state.demands[demand].candidates().ones() {
            drawn.candidates += 1;
            let data = &problem.devices[device];
            for (counter, amount) in &data.consumption {
                drawn.touched.insert(*counter);
                // Only the first share of a shared device pays.
                for family in families.of[*counter].iter().filter(|_| !data.is_shared) {
                    if std::mem::replace(&mut last[*family], device) != device {
                        taken.push(*family);
                    }
                    sums[*family] = sums[*family].saturating_add(*amount);
                }
            }
            for family in taken.drain(..) {
                let amount = std::mem::take(&mut sums[family]);
                let least = &mut drawn.by_family[family];
                least.amount = match least.candidates {
                    0 => amount,
                    _ => least.amount.min(amount),
                };
                least.candidates += 1;
            }
        }
        drawn
    }

    /// What every candidate takes at least.
    fn least(&self, family: usize) -> i128 {
        let least = self.by_family[family];
        if least.candidates == self.candidates {
            least.amount
        } else {
            least.amount.min(0)
        }
    }
}

fn sum_of(problem: &Problem, state: &State, drawn: &[Drawn], family: usize) -> Option<Proof> {
    let draws = || drawn.iter().filter(|drawn| drawn.least(family) > 0);
    let needed = draws().fold(0_i128, |needed, drawn| {
        let count = i128::try_from(state.demands[drawn.demand].needed()).unwrap_or(i128::MAX);
        needed.saturating_add(drawn.least(family).saturating_mul(count))
    });
    if needed <= 0 {
        return None;
    }
    let counters = problem.families.all[family].iter().copied();
    let touched = |counter: &usize| draws().any(|drawn| drawn.touched.contains(*counter));
    let counters = || counters.clone().filter(touched);
    let left = counters().map(|counter| state.left[counter].max(0)).sum();
    (needed > left).then(|| {
        Proof::Sum(Sum {
            counters: counters()
                .map(|counter| weighed_counter(problem, counter, 1, 1))
                .collect(),
            prices: Vec::new(),
            demands: draws()
                .map(|drawn| problem.demands[drawn.demand].at)
                .collect(),
            needed,
            left,
        })
    })
}

fn weighed_counter(problem: &Problem, counter: usize, unit: i128, weight: i64) -> Weighed {
    Weighed {
        counter: problem.counters[counter].clone(),
        unit,
        weight: i128::from(weight),
    }
}

/// Counters and devices with weights for which the cheapest choice costs too much.
pub(super) fn weighed(problem: &Problem, state: &State, weights: &mut Weights) -> Option<Proof> {
    if problem.counters.is_empty() {
        return None;
    }
    let purse = Purse::new(problem, state)?;
    weights.fit(problem, &purse);
    for _ in 0..ROUNDS {
        let bill = purse.bill(weights);
        if bill.needed > bill.left {
            return Some(proof(problem, &purse, weights));
        }
        for (counter, left) in &purse.left {
            let weight = &mut weights.counters[*counter];
            let (over, left) = (bill.used[*counter] - left, (*left).max(1));
            *weight = (*weight + STEP * over / left / left).max(0);
        }
        for device in &purse.devices {
            let weight = &mut weights.devices[*device];
            *weight = (*weight + STEP * (bill.picked[*device] - 1)).max(0);
        }
    }
    None
}

/// The proof, with the smallest weights that will do.
fn proof(problem: &Problem, purse: &Purse<'_>, weights: &Weights) -> Proof {
    let smaller = (0..24_u32).rev().map(|shift| weights.less(shift));
    let mut smaller = smaller.map(|weights| (purse.bill(&weights), weights));
    let (bill, weights) = smaller
        .find(|(bill, _)| bill.needed > bill.left)
        .unwrap_or_else(|| (purse.bill(weights), weights.clone()));
    let units = problem.units();
    let counters = purse.left.iter().map(|(counter, _)| *counter);
    let counters = counters.filter(|counter| weights.counters[*counter] > 0);
    let devices = purse.devices.iter().copied();
    let devices = devices.filter(|device| weights.devices[*device] > 0);
    Proof::Sum(Sum {
        counters: counters
            .map(|c| weighed_counter(problem, c, units.of[c], weights.counters[c]))
            .collect(),
        prices: devices
            .map(|device| Price {
                device: problem.devices[device].name.clone(),
                price: i128::from(weights.devices[device]),
            })
            .collect(),
        demands: bill
            .demands
            .iter()
            .map(|demand| problem.demands[*demand].at)
            .collect(),
        needed: i128::from(bill.needed),
        left: i128::from(bill.left),
    })
}

fn size(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(1).max(1)
}
