//! What demands cost at the least, when counters have weights and devices have prices, and what there is to spend.
//!
//! Each demand is served alone; constraints count as far as they are between the devices of one demand. Start at
//! [`Purse::bill`].

use std::collections::BTreeMap;

use super::choice::Choice;
use super::problem::Problem;
use super::state::State;
use super::sum::Weights;
use super::units::Units;

/// The demands of a state and what is left for them.
pub(super) struct Purse<'p> {
    units: &'p Units,
    demands: Vec<Wanted>,
    /// What is left of the counters that can run out, in units.
    pub(super) left: Vec<(usize, i64)>,
    /// Whole devices that several demands could take.
    pub(super) devices: Vec<usize>,
    /// Candidates of any demand.
    candidates: Vec<usize>,
    sizes: (usize, usize),
}

/// What a demand wants.
struct Wanted {
    demand: usize,
    count: usize,
    candidates: Vec<usize>,
    together: Vec<Together>,
}

/// Which candidates a constraint accepts together.
enum Together {
    /// Those of one group.
    Alike(Vec<Vec<usize>>),
    /// One of each group.
    Apart(Vec<Vec<usize>>),
}

/// The cheapest choice for each demand.
pub(super) struct Bill {
    pub(super) needed: i64,
    pub(super) left: i64,
    /// Units of each counter that the choices take, and how many take each device.
    pub(super) used: Vec<i64>,
    pub(super) picked: Vec<i64>,
    /// The demands that cost something.
    pub(super) demands: Vec<usize>,
}

impl<'p> Purse<'p> {
    /// The purse of a state; nothing if no counter can run out.
    pub(super) fn new(problem: &'p Problem, state: &State) -> Option<Self> {
        let units = problem.units();
        let demands: Vec<Wanted> = (0..state.demands.len())
            .filter(|demand| state.demands[*demand].needed() > 0)
            .map(|demand| Wanted::new(problem, state, demand))
            .collect();
        let mut users = vec![0_usize; problem.devices.len()];
        for device in demands.iter().flat_map(|wanted| &wanted.candidates) {
            users[*device] += 1;
        }
        let all = 0..problem.devices.len();
        let candidates: Vec<usize> = all.filter(|device| users[*device] > 0).collect();
        let is_admin = |wanted: &Wanted| {
            let mut choices = problem.demands[wanted.demand].choices.iter();
            choices.any(|choice| choice.is_admin)
        };
        let is_priced = |device: &usize| users[*device] > 1 && !problem.devices[*device].is_shared;
        let has_admin = demands.iter().any(is_admin);
        let devices = candidates.iter().copied();
        let devices = devices.filter(|device| is_priced(device) && !has_admin);
        let mut purse = Self {
            units,
            devices: devices.collect(),
            demands,
            left: Vec::new(),
            candidates,
            sizes: (problem.counters.len(), problem.devices.len()),
        };
        purse
            .candidates
            .retain(|device| !problem.devices[*device].is_shared);
        purse.find_scarce(state);
        (!purse.left.is_empty()).then_some(purse)
    }

    /// Finds the counters that can run out.
    fn find_scarce(&mut self, state: &State) {
        let mut wanted: BTreeMap<usize, i64> = BTreeMap::new();
        for device in &self.candidates {
            for (counter, amount) in &self.units.amounts[*device] {
                *wanted.entry(*counter).or_default() += amount;
            }
        }
        for (counter, wanted) in wanted {
            let left = state.left[counter].max(0) / self.units.of[counter];
            if let Some(left) = i64::try_from(left).ok().filter(|left| *left < wanted) {
                self.left.push((counter, left));
            }
        }
    }

    /// What the demands cost at these weights.
    pub(super) fn bill(&self, weights: &Weights) -> Bill {
        let mut costs = vec![0_i64; self.sizes.1];
        for device in &self.candidates {
            let amounts = self.units.amounts[*device].iter();
            let cost = amounts.map(|(counter, amount)| weights.counters[*counter] * amount);
            costs[*device] = weights.devices[*device] + cost.sum::<i64>();
        }
        let spent = self.left.iter();
        let spent = spent.map(|(counter, left)| weights.counters[*counter] * left);
        let prices = self.devices.iter().map(|device| weights.devices[*device]);
        let mut bill = Bill {
            needed: 0,
            left: spent.chain(prices).sum(),
            used: vec![0; self.sizes.0],
            picked: vec![0; self.sizes.1],
            demands: Vec::new(),
        };
        for wanted in &self.demands {
            let (cost, picks) = wanted.least(&costs);
            if cost > 0 {
                bill.demands.push(wanted.demand);
            }
            bill.needed += cost;
            for device in picks {
                bill.picked[device] += 1;
                for (counter, amount) in &self.units.amounts[device] {
                    bill.used[*counter] += amount;
                }
            }
        }
        bill
    }
}

impl Wanted {
    fn new(problem: &Problem, state: &State, demand: usize) -> Self {
        let open = &state.demands[demand];
        let mut wanted = Self {
            demand,
            count: open.needed(),
            candidates: open.candidates().ones().collect(),
            together: Vec::new(),
        };
        if let [only] = open.choices.as_slice()
            && wanted.count > 1
        {
            let choice = &problem.demands[demand].choices[only.index];
            for rule in &choice.rules {
                let data = &problem.rules[*rule];
                if data.is_plain {
                    let together = wanted.groups(choice, *rule, data.is_match);
                    wanted.together.push(together);
                }
            }
        }
        wanted
    }

    fn groups(&self, choice: &Choice, rule: usize, is_match: bool) -> Together {
        let mut by_value: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        let mut alone = Vec::new();
        for device in &self.candidates {
            match choice.values(rule, *device).unwrap_or_default() {
                values if is_match => {
                    for value in values {
                        by_value.entry(*value).or_default().push(*device);
                    }
                }
                [value] => by_value.entry(*value).or_default().push(*device),
                // It may stand beside others that it shares a value with, which makes the choice cheaper only.
                _ => alone.push(vec![*device]),
            }
        }
        let groups = by_value.into_values();
        if is_match {
            Together::Alike(groups.filter(|group| group.len() >= self.count).collect())
        } else {
            Together::Apart(groups.chain(alone).collect())
        }
    }

    /// The cheapest choice, as the constraint sees it that makes it dearest.
    fn least(&self, costs: &[i64]) -> (i64, Vec<usize>) {
        let bounds = self.together.iter().filter_map(|together| match together {
            Together::Alike(groups) => {
                let of_groups = groups.iter();
                let of_groups = of_groups.map(|group| cheapest(group.clone(), self.count, costs));
                of_groups.min_by_key(|(cost, _)| *cost)
            }
            Together::Apart(groups) => {
                let first = |group: &Vec<usize>| {
                    let devices = group.iter().copied();
                    devices.min_by_key(|device| costs[*device])
                };
                let firsts = groups.iter().filter_map(first).collect();
                Some(cheapest(firsts, self.count, costs))
            }
        });
        let dearest = bounds.max_by_key(|(cost, _)| *cost);
        dearest.unwrap_or_else(|| cheapest(self.candidates.clone(), self.count, costs))
    }
}

/// So many of the devices that cost least, and what they cost.
fn cheapest(mut devices: Vec<usize>, count: usize, costs: &[i64]) -> (i64, Vec<usize>) {
    if count < devices.len() {
        devices.select_nth_unstable_by_key(count, |device| (costs[*device], *device));
        devices.truncate(count);
    }
    let cost = devices.iter().map(|device| costs[*device]).sum();
    (cost, devices)
}
