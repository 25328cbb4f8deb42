//! Facts that need no case distinction: too little room, too little of some counters, too many devices for a claim.
//!
//! Start at [`quick`] and [`slow`].

use std::collections::BTreeMap;

use fixedbitset::FixedBitSet;

use super::flow::{Network, Wanting, wanting};
use super::packing::Packings;
use super::problem::Problem;
use super::state::State;
use super::sum::{self, Weights};
use crate::feasibility::prepare::MAX_RESULTS;
use crate::proof::{Excluded, Few, Grouping, Proof};

/// What was found out for other states and is of use again.
#[derive(Default)]
pub(super) struct Known {
    pub(super) weights: Weights,
    packings: Packings,
}

/// A fact that rules the state out and is quickly found.
pub(super) fn quick(problem: &Problem, state: &State) -> Option<Proof> {
    limit(problem, state)
        .or_else(|| single(problem, state))
        .or_else(|| few(problem, state, &By::Devices))
        .or_else(|| few(problem, state, &By::CounterSets(&BTreeMap::new())))
        .or_else(|| distinct(problem, state))
        .or_else(|| sum::plain(problem, state))
}

/// A fact that rules the state out and takes longer to find.
pub(super) fn slow(problem: &Problem, state: &State, known: &mut Known) -> Option<Proof> {
    if problem.counters.is_empty() {
        return None;
    }
    sum::weighed(problem, state, &mut known.weights).or_else(|| {
        let most = packed(problem, state, &mut known.packings);
        few(problem, state, &By::CounterSets(&most))
    })
}

/// A claim of which even the smallest alternatives take too many devices.
fn limit(problem: &Problem, state: &State) -> Option<Proof> {
    let mut needed: BTreeMap<usize, usize> = BTreeMap::new();
    for (data, open) in problem.demands.iter().zip(&state.demands) {
        let of_claim = needed
            .entry(data.at.claim)
            .or_insert(state.picked(data.at.claim));
        *of_claim = of_claim.saturating_add(open.needed());
    }
    let (claim, needed) = needed
        .into_iter()
        .find(|(_, needed)| *needed > MAX_RESULTS)?;
    Some(Proof::Limit { claim, needed })
}

/// A demand that has too few candidates by itself.
fn single(problem: &Problem, state: &State) -> Option<Proof> {
    for (data, open) in problem.demands.iter().zip(&state.demands) {
        let [only] = open.choices.as_slice() else {
            continue;
        };
        let room = only.candidates.count_ones(..);
        if room >= only.needed {
            continue;
        }
        let choice = &data.choices[only.index];
        let is_plain = state.is_root && data.choices.len() == 1;
        let excluded = choice.sort.excluded.iter().filter(|_| is_plain);
        return Some(Proof::Few(Few {
            demands: vec![data.at],
            needed: only.needed,
            room,
            grouping: Grouping::Devices,
            excluded: excluded
                .map(|(device, reason)| Excluded {
                    device: problem.devices[*device].name.clone(),
                    reason: *reason,
                })
                .collect(),
        }));
    }
    None
}

/// What limits how many devices can be picked together.
enum By<'k> {
    Devices,
    /// How many devices of a set fit together, as far as that is known.
    CounterSets(&'k BTreeMap<usize, usize>),
    /// A rule, its values in the order in which they claim devices, and the group of each device.
    Distinct(usize, Vec<u32>, BTreeMap<usize, usize>),
}

/// Demands that have too little room together.
fn few(problem: &Problem, state: &State, by: &By<'_>) -> Option<Proof> {
    let demands: Vec<usize> = (0..state.demands.len())
        .filter(|demand| counts(problem, state, *demand, by))
        .collect();
    let has_sets = || problem.devices.iter().any(|device| device.set.is_some());
    if demands.is_empty() || matches!(by, By::CounterSets(_)) && !has_sets() {
        return None;
    }
    let network = network(problem, state, &demands, by);
    let reached = wanting(&network)?;
    let mut members: Vec<usize> = reached
        .iter()
        .flat_map(|at| network.demands[*at].members.iter().copied())
        .collect();
    members.sort_unstable();
    let needed = members
        .iter()
        .map(|demand| state.demands[*demand].needed())
        .sum();
    let room = room(problem, state, &members, by);
    (needed > room).then(|| {
        Proof::Few(Few {
            demands: members
                .iter()
                .map(|demand| problem.demands[*demand].at)
                .collect(),
            needed,
            room,
            grouping: grouping(problem, by),
            excluded: Vec::new(),
        })
    })
}

fn grouping(problem: &Problem, by: &By<'_>) -> Grouping {
    match by {
        By::Devices => Grouping::Devices,
        By::CounterSets(_) => Grouping::CounterSets,
        By::Distinct(rule, values, _) => Grouping::Distinct {
            constraint: problem.rules[*rule].constraint,
            values: values
                .iter()
                .map(|v| problem.elements[*v as usize].clone())
                .collect(),
        },
    }
}

/// Whether a demand has a part in such a fact.
fn counts(problem: &Problem, state: &State, demand: usize, by: &By<'_>) -> bool {
    let open = &state.demands[demand];
    let of = |index: usize| &problem.demands[demand].choices[index];
    open.needed() > 0
        && open.choices.iter().all(|choice| {
            let choice = of(choice.index);
            let under = match by {
                By::Distinct(rule, ..) => choice.is_under(*rule),
                By::Devices | By::CounterSets(_) => true,
            };
            under && !choice.is_admin
        })
}

fn network(problem: &Problem, state: &State, demands: &[usize], by: &By<'_>) -> Network {
    let mut merged: Vec<Wanting> = Vec::new();
    for demand in demands {
        let candidates = state.demands[*demand].candidates();
        let needed = state.demands[*demand].needed();
        match merged
            .iter_mut()
            .find(|other| other.candidates == candidates)
        {
            Some(other) => {
                other.members.push(*demand);
                other.needed += needed;
            }
            None => merged.push(Wanting {
                members: vec![*demand],
                needed,
                candidates,
            }),
        }
    }
    let picks = (0..problem.devices.len())
        .map(|device| picks(problem, state, demands, device))
        .collect();
    let (group, room) = groups(problem, state, demands, by);
    Network {
        demands: merged,
        picks,
        group,
        room,
    }
}

/// What the demands can get at the most.
fn room(problem: &Problem, state: &State, demands: &[usize], by: &By<'_>) -> usize {
    let (group, limits) = groups(problem, state, demands, by);
    let mut in_group = vec![0_usize; limits.len()];
    let mut room = 0_usize;
    for (device, group) in group.iter().enumerate() {
        let users = users(state, demands, device).count();
        let picks = picks(problem, state, demands, device).min(users);
        match group {
            Some(group) => in_group[*group] += picks,
            None => room += picks,
        }
    }
    room + in_group
        .iter()
        .zip(&limits)
        .map(|(picks, limit)| picks.min(limit))
        .sum::<usize>()
}

/// The demands that have the device as a candidate.
fn users<'s>(
    state: &'s State,
    demands: &'s [usize],
    device: usize,
) -> impl Iterator<Item = usize> + 's {
    let has = move |demand: &usize| {
        let choices = &state.demands[*demand].choices;
        choices
            .iter()
            .any(|choice| choice.candidates.contains(device))
    };
    demands.iter().copied().filter(has)
}

/// How many picks a device allows: one, or as many shares as fit at the least consumption.
fn picks(problem: &Problem, state: &State, demands: &[usize], device: usize) -> usize {
    if !problem.devices[device].is_shared {
        return 1;
    }
    let room = state.room(problem, device);
    let mut least: Option<Vec<i128>> = None;
    for demand in users(state, demands, device) {
        for open in &state.demands[demand].choices {
            let choice = &problem.demands[demand].choices[open.index];
            let Some(takes) = choice
                .sort
                .takes
                .get(&device)
                .filter(|_| open.candidates.contains(device))
            else {
                continue;
            };
            least = Some(match least {
                None => takes.clone(),
                Some(least) => least.iter().zip(takes).map(|(a, b)| *a.min(b)).collect(),
            });
        }
    }
    let shares = least.unwrap_or_default().into_iter().zip(room);
    let shares = shares.filter(|(take, _)| *take > 0);
    let shares =
        shares.map(|(take, room)| usize::try_from(room.max(&0) / take).unwrap_or(usize::MAX));
    shares
        .min()
        .unwrap_or(usize::MAX)
        .min(problem.demands.len())
}

/// The group of each device, and how many picks each group allows.
fn groups(
    problem: &Problem,
    state: &State,
    demands: &[usize],
    by: &By<'_>,
) -> (Vec<Option<usize>>, Vec<usize>) {
    match by {
        By::Devices => (vec![None; problem.devices.len()], Vec::new()),
        By::Distinct(_, values, of) => {
            let group = (0..problem.devices.len()).map(|device| of.get(&device).copied());
            (group.collect(), vec![1; values.len()])
        }
        By::CounterSets(most) => counter_sets(problem, state, demands, most),
    }
}

fn counter_sets(
    problem: &Problem,
    state: &State,
    demands: &[usize],
    most: &BTreeMap<usize, usize>,
) -> (Vec<Option<usize>>, Vec<usize>) {
    let sets = problem.devices.iter().filter_map(|device| device.set).max();
    let sets = sets.map_or(0, |last| last + 1);
    let mut group = vec![None; problem.devices.len()];
    let mut sizes = vec![0_usize; sets];
    // A counter is of one set.
    let mut set_of = vec![0_usize; problem.counters.len()];
    let mut amounts: Vec<Vec<i128>> = vec![Vec::new(); problem.counters.len()];
    let mut wanted = FixedBitSet::with_capacity(problem.devices.len());
    for demand in demands {
        wanted.union_with(&state.demands[*demand].candidates());
    }
    for device in wanted.ones() {
        let data = &problem.devices[device];
        let Some(set) = data.set.filter(|_| !data.is_shared) else {
            continue;
        };
        group[device] = Some(set);
        sizes[set] += 1;
        for (counter, amount) in data.consumption.iter().filter(|(_, amount)| *amount > 0) {
            set_of[*counter] = set;
            amounts[*counter].push(*amount);
        }
    }
    let mut room = vec![usize::MAX; sets];
    for (counter, amounts) in amounts.into_iter().enumerate() {
        let set = set_of[counter];
        let free = sizes
            .get(set)
            .map_or(0, |size| size.saturating_sub(amounts.len()));
        if let Some(fitting) = fitting(amounts, state.left[counter]) {
            room[set] = room[set].min(free + fitting);
        }
    }
    for (set, most) in most {
        room[*set] = room[*set].min(*most);
    }
    (group, room)
}

/// How many of all candidates fit together into each counter set.
fn packed(problem: &Problem, state: &State, packings: &mut Packings) -> BTreeMap<usize, usize> {
    let units = problem.units();
    let mut candidates = FixedBitSet::with_capacity(problem.devices.len());
    for open in state.demands.iter().filter(|open| open.needed() > 0) {
        candidates.union_with(&open.candidates());
    }
    let mut sets: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for device in candidates.ones() {
        let data = &problem.devices[device];
        if let Some(set) = data.set.filter(|_| !data.is_shared) {
            sets.entry(set).or_default().push(device);
        }
    }
    let most = sets.into_iter().map(|(set, devices)| {
        let of_devices = devices.iter().flat_map(|device| &units.amounts[*device]);
        let mut counters: Vec<usize> = of_devices.map(|(counter, _)| *counter).collect();
        counters.sort_unstable();
        counters.dedup();
        let amounts = devices.iter().map(|device| {
            let mut dense = vec![0; counters.len()];
            for (counter, amount) in &units.amounts[*device] {
                if let Ok(at) = counters.binary_search(counter) {
                    dense[at] = *amount;
                }
            }
            dense
        });
        let left = counters.iter().map(|counter| {
            let left = state.left[*counter].max(0) / units.of[*counter];
            i64::try_from(left).unwrap_or(i64::MAX).min(units.enough)
        });
        let left: Vec<i64> = left.collect();
        (set, packings.most(amounts.collect(), &left))
    });
    most.collect()
}

/// How many of the amounts, the smallest first, fit into what is left; nothing if all do.
fn fitting(mut amounts: Vec<i128>, left: i128) -> Option<usize> {
    let all = amounts.iter().copied().fold(0, i128::saturating_add);
    if all <= left {
        return None;
    }
    amounts.sort_unstable();
    let mut spent = 0_i128;
    amounts.iter().position(|amount| {
        spent = spent.saturating_add(*amount);
        spent > left
    })
}

/// Demands under a `distinctAttribute` constraint with too few values.
fn distinct(problem: &Problem, state: &State) -> Option<Proof> {
    let rules = problem.rules.iter().enumerate();
    let mut rules = rules.filter(|(_, rule)| !rule.is_match && rule.is_plain);
    rules.find_map(|(rule, _)| few(problem, state, &by_values(problem, state, rule)))
}

/// Each candidate under the rule goes to a value that it has; those with the most candidates come first.
fn by_values(problem: &Problem, state: &State, rule: usize) -> By<'static> {
    let mut of: BTreeMap<usize, &[u32]> = BTreeMap::new();
    for (data, open) in problem.demands.iter().zip(&state.demands) {
        for open in &open.choices {
            for device in open.candidates.ones() {
                if let Some(values) = data.choices[open.index].values(rule, device) {
                    // A device whose values differ by demand, being derived, belongs to none.
                    let own = of.entry(device).or_insert(values);
                    if *own != values {
                        *own = &[];
                    }
                }
            }
        }
    }
    let (mut values, mut group) = (Vec::new(), BTreeMap::new());
    loop {
        let mut counts: BTreeMap<u32, usize> = BTreeMap::new();
        let open = of.iter().filter(|(device, _)| !group.contains_key(*device));
        for value in open.flat_map(|(_, values)| values.iter()) {
            *counts.entry(*value).or_default() += 1;
        }
        let most = counts
            .iter()
            .max_by_key(|(value, count)| (**count, std::cmp::Reverse(**value)));
        let Some((value, _)) = most else {
            return By::Distinct(rule, values, group);
        };
        for (device, own) in &of {
            if own.contains(value) && !group.contains_key(device) {
                group.insert(*device, values.len());
            }
        }
        values.push(*value);
    }
}
