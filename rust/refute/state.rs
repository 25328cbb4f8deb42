//! What the enclosing cases of a proof assume: open alternatives, picked devices, what is left.
//!
//! Only ever narrows; every case works on its own copy. Start at [`State::take`].

use std::collections::{BTreeMap, BTreeSet};

use fixedbitset::FixedBitSet;

use super::choice::Choice;
use super::problem::Problem;

/// The assumptions of a case.
#[derive(Clone)]
pub(super) struct State {
    pub(super) demands: Vec<Open>,
    /// What is left of each counter.
    pub(super) left: Vec<i128>,
    /// What is left of the capacities of shared devices that were picked.
    room: BTreeMap<usize, Vec<i128>>,
    /// Values that a match rule can still settle on, once it is narrowed.
    common: BTreeMap<usize, BTreeSet<u32>>,
    /// Devices picked, by claim.
    picked: BTreeMap<usize, usize>,
    /// Whether no case has been assumed yet.
    pub(super) is_root: bool,
}

/// A demand with the alternatives that are open.
#[derive(Clone)]
pub(super) struct Open {
    pub(super) choices: Vec<OpenChoice>,
}

/// An open alternative.
#[derive(Clone)]
pub(super) struct OpenChoice {
    /// Its position in the request.
    pub(super) index: usize,
    /// Devices it still takes.
    pub(super) needed: usize,
    pub(super) candidates: FixedBitSet,
}

impl Open {
    /// The least number of devices that an open alternative takes.
    pub(super) fn needed(&self) -> usize {
        let needed = self.choices.iter().map(|choice| choice.needed);
        needed.min().unwrap_or(0)
    }

    /// The candidates of all open alternatives together.
    pub(super) fn candidates(&self) -> FixedBitSet {
        let mut all = FixedBitSet::new();
        for choice in &self.choices {
            all.grow(choice.candidates.len());
            all.union_with(&choice.candidates);
        }
        all
    }
}

impl State {
    /// Nothing assumed.
    pub(super) fn new(problem: &Problem) -> Self {
        let open = |choice: (usize, &Choice)| OpenChoice {
            index: choice.0,
            needed: choice.1.needed,
            candidates: choice.1.sort.candidates.clone(),
        };
        let demands = problem.demands.iter().map(|demand| Open {
            choices: demand.choices.iter().enumerate().map(open).collect(),
        });
        Self {
            demands: demands.collect(),
            left: problem.left.clone(),
            room: BTreeMap::new(),
            common: BTreeMap::new(),
            picked: BTreeMap::new(),
            is_root: true,
        }
    }

    /// What is left of the capacities of a shared device.
    pub(super) fn room<'s>(&'s self, problem: &'s Problem, device: usize) -> &'s [i128] {
        let known = self.room.get(&device);
        known.unwrap_or(&problem.devices[device].room)
    }

    /// Whether a shared device has been picked, so that a further share adds nothing to its counters.
    pub(super) fn is_shared_already(&self, device: usize) -> bool {
        self.room.contains_key(&device)
    }

    /// Devices picked for a claim.
    pub(super) fn picked(&self, claim: usize) -> usize {
        self.picked.get(&claim).copied().unwrap_or(0)
    }

    /// Whether the rule has been narrowed.
    pub(super) fn is_settled(&self, rule: usize) -> bool {
        self.common.contains_key(&rule)
    }

    /// Assumes that the alternative serves the demand.
    pub(super) fn choose(&mut self, demand: usize, index: usize) {
        self.is_root = false;
        self.demands[demand].choices.retain(|c| c.index == index);
    }

    /// Assumes that the rule settles on the value.
    pub(super) fn settle(&mut self, problem: &Problem, rule: usize, value: u32) {
        self.is_root = false;
        self.narrow(problem, rule, &BTreeSet::from([value]));
    }

    fn narrow(&mut self, problem: &Problem, rule: usize, values: &BTreeSet<u32>) {
        let common = match self.common.get(&rule) {
            Some(before) => before.intersection(values).copied().collect(),
            None => values.clone(),
        };
        self.retain(problem, rule, |own| own.iter().any(|v| common.contains(v)));
        self.common.insert(rule, common);
    }

    /// Keeps the candidates under a rule whose values will do.
    fn retain(&mut self, problem: &Problem, rule: usize, will_do: impl Fn(&[u32]) -> bool) {
        for (data, open) in problem.demands.iter().zip(&mut self.demands) {
            for choice in &mut open.choices {
                let of = &data.choices[choice.index];
                if !of.is_under(rule) {
                    continue;
                }
                let out: Vec<usize> = choice
                    .candidates
                    .ones()
                    .filter(|device| of.values(rule, *device).is_some_and(|own| !will_do(own)))
                    .collect();
                for device in out {
                    choice.candidates.remove(device);
                }
            }
        }
    }

    /// Assumes that the demand, of which one alternative is open, takes the device.
    pub(super) fn take(&mut self, problem: &Problem, demand: usize, device: usize) {
        self.is_root = false;
        let index = self.demands[demand].choices[0].index;
        let choice = &problem.demands[demand].choices[index];
        let claim = problem.demands[demand].at.claim;
        *self.picked.entry(claim).or_default() += 1;
        let own = &mut self.demands[demand].choices[0];
        own.needed -= 1;
        own.candidates.remove(device);
        if problem.devices[device].is_shared {
            self.take_share(problem, choice, device);
        } else {
            self.take_whole(problem, demand, device);
            self.take_counters(problem, device);
        }
        for (rule, values) in choice.values_of(device) {
            let Some(values) = values.filter(|_| problem.rules[rule].is_plain) else {
                continue;
            };
            if problem.rules[rule].is_match {
                self.narrow(problem, rule, &values.iter().copied().collect());
            } else {
                self.retain(problem, rule, |own| !own.iter().any(|v| values.contains(v)));
            }
        }
    }

    /// Whoever comes after a whole device is taken cannot have it, but for administration by another claim; and it
    /// would not be free had somebody before it taken it.
    fn take_whole(&mut self, problem: &Problem, demand: usize, device: usize) {
        let kind = |of: usize| {
            let data = &problem.demands[of];
            (data.at.claim, data.choices[0].is_admin)
        };
        let (claim, _) = kind(demand);
        for other in 0..self.demands.len() {
            let (other_claim, _) = kind(other);
            let (_, later_is_admin) = kind(demand.max(other));
            if later_is_admin && claim != other_claim {
                continue;
            }
            for choice in &mut self.demands[other].choices {
                choice.candidates.remove(device);
            }
        }
    }

    fn take_share(&mut self, problem: &Problem, choice: &Choice, device: usize) {
        let is_further = self.is_shared_already(device);
        let mut room = self.room(problem, device).to_vec();
        if let Some(takes) = choice.sort.takes.get(&device) {
            for (room, take) in room.iter_mut().zip(takes) {
                *room = room.saturating_sub(*take);
            }
        }
        for (data, open) in problem.demands.iter().zip(&mut self.demands) {
            for other in &mut open.choices {
                let takes = data.choices[other.index].sort.takes.get(&device);
                let fits = takes.is_none_or(|takes| takes.iter().zip(&room).all(|(t, r)| t <= r));
                if !fits {
                    other.candidates.remove(device);
                }
            }
        }
        self.room.insert(device, room);
        // Only the first share pays the counters; noted before, so that further shares stay possible.
        if !is_further {
            self.take_counters(problem, device);
        }
    }

    /// Takes the counters of the device, and with them the candidates for which too little is left.
    fn take_counters(&mut self, problem: &Problem, device: usize) {
        let consumption = &problem.devices[device].consumption;
        if consumption.is_empty() {
            return;
        }
        for (counter, amount) in consumption {
            self.left[*counter] = self.left[*counter].saturating_sub(*amount);
        }
        let (left, room) = (&self.left, &self.room);
        let fits = |candidate: usize| {
            let data = &problem.devices[candidate];
            (data.is_shared && room.contains_key(&candidate))
                || data
                    .consumption
                    .iter()
                    .all(|(c, amount)| *amount <= left[*c])
        };
        for choice in self.demands.iter_mut().flat_map(|open| &mut open.choices) {
            let out: Vec<usize> = choice.candidates.ones().filter(|d| !fits(*d)).collect();
            for candidate in out {
                choice.candidates.remove(candidate);
            }
        }
    }
}
