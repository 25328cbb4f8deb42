//! Which devices cannot be told apart: they may change places in any solution.
//!
//! What never changes is numbered once for a problem; a state adds who is still a candidate and what room is left.
//! Start at [`kinds`].

use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::choice::Choice;
use super::problem::{DeviceData, Problem};
use super::state::State;

/// Numbers for what never changes of devices; equal numbers mean equal content.
#[derive(Debug, Default)]
pub(super) struct Marks {
    /// Of each device for itself.
    own: Vec<u32>,
    /// Of each device for each alternative of each demand.
    of_choices: Vec<Vec<Arc<Vec<u32>>>>,
}

impl Marks {
    pub(super) fn new(problem: &Problem) -> Self {
        let all = 0..problem.devices.len();
        let mut known = BTreeMap::new();
        let own = problem.devices.iter().map(|data| {
            let key = own_key(data);
            number(&mut known, key)
        });
        let own = own.collect();
        let mut sorts: BTreeMap<(usize, Vec<bool>), Arc<Vec<u32>>> = BTreeMap::new();
        let mut of_choice = |choice: &Choice| {
            let rules = choice.rules.iter();
            let plain = rules.map(|rule| problem.rules[*rule].is_plain).collect();
            let marks = sorts.entry((choice.sort.number, plain)).or_insert_with(|| {
                let mut known = BTreeMap::new();
                let devices = all.clone();
                let marks =
                    devices.map(|device| number(&mut known, choice_key(problem, choice, device)));
                Arc::new(marks.collect())
            });
            Arc::clone(marks)
        };
        let of_choices = problem.demands.iter().map(|demand| {
            let choices = demand.choices.iter();
            choices.map(&mut of_choice).collect()
        });
        let of_choices = of_choices.collect();
        Self { own, of_choices }
    }
}

/// A number for each device; devices with the same number cannot be told apart in the state.
pub(super) fn kinds(problem: &Problem, state: &State) -> Vec<usize> {
    let marks = problem.marks();
    let mut known: FxHashMap<Vec<i128>, usize> = FxHashMap::default();
    let mut key = Vec::new();
    let kind = |device: usize| {
        key.clear();
        key.push(i128::from(marks.own[device]));
        key.extend(state.room(problem, device));
        key.push(i128::from(state.is_shared_already(device)));
        for (demand, open) in state.demands.iter().enumerate() {
            for choice in &open.choices {
                let mark = i128::from(marks.of_choices[demand][choice.index][device]);
                let is_candidate = i128::from(choice.candidates.contains(device));
                key.push(2 * mark + is_candidate);
            }
        }
        let next = known.len();
        match known.get(&key) {
            Some(number) => *number,
            None => *known.entry(key.clone()).or_insert(next),
        }
    };
    (0..problem.devices.len()).map(kind).collect()
}

/// Whether a solution that has the other device for a demand has one with this one in its place, both being candidates of
/// the demand. The same demands change places if both are taken; if this one is free, it costs no more.
pub(super) fn will_do_for(problem: &Problem, state: &State, own: usize, other: usize) -> bool {
    let marks = problem.marks();
    let (data, of_other) = (&problem.devices[own], &problem.devices[other]);
    if data.is_shared || of_other.is_shared {
        return false;
    }
    let costs_no_more = data.consumption.iter().all(|(counter, amount)| {
        let mut others = of_other.consumption.iter();
        *amount <= 0 || others.any(|(of, others)| of == counter && amount <= others)
    });
    let mut demands = state.demands.iter().enumerate();
    costs_no_more
        && demands.all(|(demand, open)| {
            open.choices.iter().all(|choice| {
                let marks = &marks.of_choices[demand][choice.index];
                let has = |device| choice.candidates.contains(device);
                let is_admin = problem.demands[demand].choices[choice.index].is_admin;
                !is_admin && (!has(own) || has(other) && marks[own] == marks[other])
            })
        })
}

fn number(known: &mut BTreeMap<Vec<i128>, u32>, key: Vec<i128>) -> u32 {
    let next = u32::try_from(known.len()).unwrap_or(u32::MAX);
    *known.entry(key).or_insert(next)
}

fn own_key(data: &DeviceData) -> Vec<i128> {
    let mut key = vec![i128::from(data.is_shared), wide(data.groups)];
    for (counter, amount) in &data.consumption {
        key.extend([wide(*counter), *amount]);
    }
    key
}

fn choice_key(problem: &Problem, choice: &Choice, device: usize) -> Vec<i128> {
    let takes = choice
        .sort
        .takes
        .get(&device)
        .map_or(&[][..], |takes| takes);
    // How many they are comes first, so that they are not taken for values.
    let mut key = vec![wide(takes.len())];
    key.extend(takes);
    for (rule, own) in choice.values_of(device) {
        if !problem.rules[rule].is_plain {
            // How the rule compares the device is not known here: it is like no other.
            key.push(wide(device));
        }
        let own = own.unwrap_or_default().iter();
        key.extend(own.map(|value| i128::from(*value)));
        key.push(-2);
    }
    key
}

fn wide(number: usize) -> i128 {
    i128::try_from(number).unwrap_or(-1)
}
