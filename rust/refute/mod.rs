//! Proofs that a node cannot serve the claims: facts first, then cases over values, alternatives and devices.
//!
//! Never searches for a solution and never decides what upstream would answer: what it refutes has no solution at all.
//! Every state it looks at costs one unit of a budget. Start at [`refute`].

mod choice;
mod facts;
mod families;
mod flow;
mod kinds;
mod least;
mod lookahead;
mod packing;
mod problem;
mod state;
mod sum;
mod units;

pub use lookahead::{Assumed, Lookahead};
pub use problem::Problem;

use std::collections::BTreeMap;

use facts::Known;
use kinds::{kinds, will_do_for};
use state::State;

use crate::proof::{AlternativeCase, DeviceCase, Proof, ValueCase};

/// How much may be tried for a proof.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// States, so that the proof stays short enough to read and to check.
    states: usize,
    /// Pairs of a demand and a device, over all states.
    pairs: usize,
}

/// While nodes are searched.
pub const BUDGET: Budget = Budget {
    states: 1 << 9,
    pairs: 1 << 20,
};

/// Where somebody asks for the proof.
pub const PATIENCE: Budget = Budget {
    states: 1 << 14,
    pairs: 1 << 25,
};

/// Cases deep that a proof may be.
const DEPTH: usize = 40;

/// A proof that there is no solution; `None` if none was found within the budget.
pub fn refute(problem: &Problem, budget: Budget) -> Option<Proof> {
    if problem.is_odd {
        return None;
    }
    let mut refuter = Refuter {
        problem,
        budget: budget.states.min(budget.pairs / problem.weight()),
        depth: 0,
        known: Known::default(),
    };
    refuter.refute(&State::new(problem))
}

struct Refuter<'p> {
    problem: &'p Problem,
    budget: usize,
    depth: usize,
    known: Known,
}

impl Refuter<'_> {
    /// A fact that is quickly found.
    fn quick(&mut self, state: &State) -> Option<Proof> {
        self.budget = self.budget.checked_sub(1)?;
        facts::quick(self.problem, state)
    }

    fn slow(&mut self, state: &State) -> Option<Proof> {
        facts::slow(self.problem, state, &mut self.known)
    }

    fn fact(&mut self, state: &State) -> Option<Proof> {
        self.quick(state).or_else(|| self.slow(state))
    }

    fn refute(&mut self, state: &State) -> Option<Proof> {
        if let Some(proof) = self.quick(state) {
            return Some(proof);
        }
        if self.budget == 0 {
            return None;
        }
        // One distinction whose cases are plain facts, before anything deeper.
        let flat = self
            .rules(state)
            .into_iter()
            .find_map(|rule| self.by_value(state, rule, Self::quick));
        if flat.is_some() {
            return flat;
        }
        let open = Self::alternatives(state);
        let flat = open
            .iter()
            .find_map(|demand| self.by_alternative(state, *demand, Self::quick));
        let plain = flat.or_else(|| self.slow(state));
        if plain.is_some() || self.depth >= DEPTH {
            return plain;
        }
        self.depth += 1;
        let deep = self.deeper(state, open.first().copied());
        self.depth -= 1;
        deep
    }

    fn deeper(&mut self, state: &State, alternative: Option<usize>) -> Option<Proof> {
        if let Some(demand) = alternative {
            return self.by_alternative(state, demand, Self::refute);
        }
        if let Some(rule) = self.rules(state).first() {
            return self.by_value(state, *rule, Self::refute);
        }
        self.by_device(state)
    }

    /// Rules that have not settled yet and compare two devices at least.
    fn rules(&self, state: &State) -> Vec<usize> {
        let open = |rule: &usize| {
            let is_open = self.problem.rules[*rule].is_match && self.problem.rules[*rule].is_plain;
            let needed = self
                .under(state, *rule)
                .map(|demand| state.demands[demand].needed());
            is_open && !state.is_settled(*rule) && needed.sum::<usize>() > 1
        };
        (0..self.problem.rules.len()).filter(open).collect()
    }

    /// Demands that are under the rule whichever alternative serves them.
    fn under<'s>(&'s self, state: &'s State, rule: usize) -> impl Iterator<Item = usize> + 's {
        (0..state.demands.len()).filter(move |demand| {
            let choices = &self.problem.demands[*demand].choices;
            let mut open = state.demands[*demand].choices.iter();
            open.all(|choice| choices[choice.index].is_under(rule))
        })
    }

    fn by_value(
        &mut self,
        state: &State,
        rule: usize,
        prove: fn(&mut Self, &State) -> Option<Proof>,
    ) -> Option<Proof> {
        let mut values = std::collections::BTreeSet::new();
        for demand in self.under(state, rule) {
            for open in &state.demands[demand].choices {
                let choice = &self.problem.demands[demand].choices[open.index];
                for device in open.candidates.ones() {
                    values.extend(choice.values(rule, device).unwrap_or_default());
                }
            }
        }
        let mut cases: Vec<ValueCase> = Vec::new();
        for value in values {
            let mut inner = state.clone();
            inner.settle(self.problem, rule, value);
            let proof = prove(self, &inner)?;
            let element = self.problem.elements[value as usize].clone();
            match cases.iter_mut().find(|case| case.proof == proof) {
                Some(case) => case.values.push(element),
                None => cases.push(ValueCase {
                    values: vec![element],
                    proof,
                }),
            }
        }
        let rule = &self.problem.rules[rule];
        Some(Proof::ByValue {
            claim: rule.claim,
            constraint: rule.constraint,
            cases,
        })
    }

    /// Demands with more than one alternative open, those with the fewest first.
    fn alternatives(state: &State) -> Vec<usize> {
        let mut open: Vec<usize> = (0..state.demands.len())
            .filter(|demand| state.demands[*demand].choices.len() > 1)
            .collect();
        open.sort_by_key(|demand| state.demands[*demand].choices.len());
        open
    }

    fn by_alternative(
        &mut self,
        state: &State,
        demand: usize,
        prove: fn(&mut Self, &State) -> Option<Proof>,
    ) -> Option<Proof> {
        let mut cases = Vec::new();
        for choice in &state.demands[demand].choices {
            let mut inner = state.clone();
            inner.choose(demand, choice.index);
            cases.push(AlternativeCase {
                alternative: choice.index,
                proof: prove(self, &inner)?,
            });
        }
        let at = self.problem.demands[demand].at;
        Some(Proof::ByAlternative {
            claim: at.claim,
            request: at.request,
            cases,
        })
    }

    /// The demand with the fewest kinds of candidates takes one of them.
    fn by_device(&mut self, state: &State) -> Option<Proof> {
        let kinds = kinds(self.problem, state);
        let open = (0..state.demands.len()).filter(|demand| state.demands[*demand].needed() > 0);
        let classes = open.map(|demand| (demand, classes(&kinds, state, demand)));
        let (demand, classes) = classes.min_by_key(|(demand, all)| (all.len(), *demand))?;
        let mut state = state.clone();
        let mut cases = Vec::new();
        let mut without = None;
        // What is said of the rest is not said of the whole.
        state.is_root = false;
        for class in self.covered(&state, classes) {
            let mut inner = state.clone();
            inner.take(self.problem, demand, class[0]);
            let proof = self.refute(&inner)?;
            let names = class.iter().map(|d| self.problem.devices[*d].name.clone());
            let mut names = names.collect::<Vec<_>>().into_iter();
            cases.push(DeviceCase {
                device: names.next()?,
                equals: names.collect(),
                proof,
            });
            for device in class {
                state.demands[demand].choices[0].candidates.remove(device);
            }
            let is_over = state.demands[demand].candidates().is_clear();
            without = (!is_over)
                .then(|| self.fact(&state))
                .flatten()
                .map(Box::new);
            if without.is_some() {
                break;
            }
        }
        let at = self.problem.demands[demand].at;
        Some(Proof::ByDevice {
            claim: at.claim,
            request: at.request,
            cases,
            without,
        })
    }

    /// Puts devices to those that would do in their place, the cheapest first.
    fn covered(&self, state: &State, mut classes: Vec<Vec<usize>>) -> Vec<Vec<usize>> {
        let weights = &self.known.weights;
        let cost = |device: usize| {
            let weighed = weights.cost(self.problem, device);
            let consumption = self.problem.devices[device].consumption.iter();
            let cost = consumption.fold(0_i128, |sum, (_, amount)| sum.saturating_add(*amount));
            let users = state.demands.iter();
            let users = users.filter(|open| open.candidates().contains(device));
            (weighed, cost, users.count())
        };
        classes.sort_by_cached_key(|class| (cost(class[0]), class[0]));
        let mut covered: Vec<Vec<usize>> = Vec::new();
        for class in classes {
            let mut before = covered.iter_mut();
            let cover = before.find(|cover| will_do_for(self.problem, state, cover[0], class[0]));
            match cover {
                Some(cover) => cover.extend(class),
                None => covered.push(class),
            }
        }
        covered
    }
}

/// The candidates of a demand, those together that cannot be told apart.
fn classes(kinds: &[usize], state: &State, demand: usize) -> Vec<Vec<usize>> {
    let candidates = &state.demands[demand].choices[0].candidates;
    let mut classes: Vec<Vec<usize>> = Vec::new();
    let mut known: BTreeMap<usize, usize> = BTreeMap::new();
    for device in candidates.ones() {
        let next = classes.len();
        let class = *known.entry(kinds[device]).or_insert(next);
        if class == next {
            classes.push(Vec::new());
        }
        classes[class].push(device);
    }
    classes
}
