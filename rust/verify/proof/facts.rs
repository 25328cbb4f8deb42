//! Facts: every number is computed again and compared with what the proof says.
//!
//! Start at [`few`] and [`limit`]; sums are in [`super::sum`].

use std::collections::{BTreeMap, BTreeSet};

use super::packing;
use super::problem::Way;
use super::state::State;
use crate::proof::{Demand, Element, Few, Grouping};

/// Most devices a claim can have.
const MOST_RESULTS: usize = 32;

/// The demands of a fact, none twice and all of them real.
pub(super) fn demands<'f>(
    state: &State<'_, '_, '_, '_>,
    named: &'f [Demand],
) -> Result<&'f [Demand], String> {
    let distinct: BTreeSet<&Demand> = named.iter().collect();
    if named.is_empty() || distinct.len() != named.len() {
        return Err("the demands are none, or one is there twice".to_owned());
    }
    for demand in named {
        state.problem.ways_of(*demand)?;
    }
    Ok(named)
}

fn is_equal<T: PartialEq + std::fmt::Display>(what: &str, said: &T, is: &T) -> Result<(), String> {
    if said == is {
        return Ok(());
    }
    Err(format!("{what} is {is}, the proof says {said}"))
}

/// Whether a claim really takes more devices than a claim can have.
pub(super) fn limit(
    state: &State<'_, '_, '_, '_>,
    claim: usize,
    needed: usize,
) -> Result<(), String> {
    let demands = state.problem.ways.keys().filter(|at| at.claim == claim);
    let least = demands.fold(0_usize, |sum, at| {
        let all = state.needed(*at).saturating_add(state.taken(*at));
        sum.saturating_add(all)
    });
    is_equal("the least number of devices", &needed, &least)?;
    if least > MOST_RESULTS {
        return Ok(());
    }
    Err(format!("{least} devices are not too many"))
}

/// Whether the demands really have too little room.
pub(super) fn few(state: &State<'_, '_, '_, '_>, fact: &Few) -> Result<(), String> {
    let demands = demands(state, &fact.demands)?;
    let mut ways = demands.iter().flat_map(|at| state.open(*at));
    if demands.len() > 1 && ways.any(|(_, way)| way.wish.is_admin()) {
        return Err("access for administration stands beside other demands".to_owned());
    }
    let needed = demands
        .iter()
        .fold(0_usize, |sum, at| sum.saturating_add(state.needed(*at)));
    is_equal("the need", &fact.needed, &needed)?;
    let room = room(state, demands, &fact.grouping)?;
    if room > fact.room || fact.room >= fact.needed {
        let (needed, said) = (fact.needed, fact.room);
        return Err(format!(
            "the room is {room}, the proof says {said} for a need of {needed}"
        ));
    }
    excluded(state, fact)
}

/// Whether each device that is said to be none is really refused, by the check that is named.
fn excluded(state: &State<'_, '_, '_, '_>, fact: &Few) -> Result<(), String> {
    if fact.excluded.is_empty() {
        return Ok(());
    }
    let problem = state.problem;
    let ([at], true) = (fact.demands.as_slice(), state.is_root()) else {
        return Err("devices are excluded for many demands, or in a case".to_owned());
    };
    let [way] = problem.ways_of(*at)? else {
        return Err("devices are excluded for a demand with alternatives".to_owned());
    };
    for excluded in &fact.excluded {
        let (device, reason) = (&excluded.device, excluded.reason);
        let position = problem.device(device)?;
        let (document, found) = (problem.claims[at.claim], problem.devices[position]);
        let refuses = problem.checks.refuses(reason, document, &way.wish, found);
        if refuses != Ok(true) || way.candidates[position] {
            let reason = reason.word();
            return Err(format!("device {device} is not refused for its {reason}"));
        }
    }
    Ok(())
}

/// What the demands can get at the most.
pub(super) fn room(
    state: &State<'_, '_, '_, '_>,
    demands: &[Demand],
    grouping: &Grouping,
) -> Result<usize, String> {
    let mut users: BTreeMap<usize, Vec<(Demand, &Way<'_>)>> = BTreeMap::new();
    for at in demands {
        for (_, way) in state.open(*at) {
            for device in 0..state.problem.devices.len() {
                if state.is_candidate(*at, way, device) {
                    users.entry(device).or_default().push((*at, way));
                }
            }
        }
    }
    let group: Groups = match grouping {
        Grouping::Devices => Groups::default(),
        Grouping::CounterSets => by_counter_sets(state, &users),
        Grouping::Distinct { constraint, values } => {
            by_values(state, demands, &users, *constraint, values)?
        }
    };
    let mut room = 0_usize;
    let mut in_group: BTreeMap<usize, usize> = BTreeMap::new();
    for (device, users) in &users {
        let picks = picks(state, *device, users);
        match group.of.get(device) {
            Some(group) => *in_group.entry(*group).or_default() += picks,
            None => room = room.saturating_add(picks),
        }
    }
    for (number, picks) in in_group {
        let limit = group.limits.get(&number).copied();
        room = room.saturating_add(limit.map_or(picks, |limit| picks.min(limit)));
    }
    Ok(room)
}

/// How often a device can be picked: once, or for as many demands as there is capacity for at the least consumption.
fn picks(state: &State<'_, '_, '_, '_>, device: usize, users: &[(Demand, &Way<'_>)]) -> usize {
    if !state.problem.is_shared(device) {
        return 1;
    }
    let demands: BTreeSet<Demand> = users.iter().map(|(at, _)| *at).collect();
    let room = state.room(device).into_iter().enumerate();
    let shares = room.filter_map(|(capacity, room)| {
        let takes = users.iter().map(|(_, way)| way.takes[device].get(capacity));
        let least = takes.map(|take| take.copied().unwrap_or(0)).min()?;
        // Where the least consumption is nothing, there is no bound.
        usize::try_from(room.max(0).checked_div(least)?).ok()
    });
    shares.min().unwrap_or(usize::MAX).min(demands.len())
}

/// Devices that limit each other.
#[derive(Default)]
struct Groups {
    /// The group of a device.
    of: BTreeMap<usize, usize>,
    /// How many picks a group allows.
    limits: BTreeMap<usize, usize>,
}

/// Devices for one user each that draw from one counter set only.
fn by_counter_sets(
    state: &State<'_, '_, '_, '_>,
    users: &BTreeMap<usize, Vec<(Demand, &Way<'_>)>>,
) -> Groups {
    let problem = state.problem;
    let mut members: BTreeMap<(usize, &str), Vec<usize>> = BTreeMap::new();
    for device in users.keys().filter(|device| !problem.is_shared(**device)) {
        let found = problem.devices[*device];
        if let [only] = found.device.consumes_counters.as_slice() {
            let set = (found.position.0, only.counter_set.as_str());
            members.entry(set).or_default().push(*device);
        }
    }
    let mut groups = Groups::default();
    for (number, ((pool, set), devices)) in members.into_iter().enumerate() {
        let counters = problem.counters.iter().enumerate();
        let of_set = counters.filter(|(_, (counter, of))| *of == pool && counter.set == set);
        for (counter, _) in of_set {
            let paid = devices.iter().map(|device| paid(state, *device, counter));
            let limit = fitting(paid.collect(), state.left(counter));
            let known = groups.limits.entry(number).or_insert(limit);
            *known = limit.min(*known);
        }
        let most = packing::most(state, &devices);
        let known = groups.limits.entry(number).or_insert(most);
        *known = most.min(*known);
        for device in devices {
            groups.of.insert(device, number);
        }
    }
    groups
}

/// How many of the amounts, the smallest first, fit into what is left.
pub(super) fn fitting(mut amounts: Vec<i128>, left: i128) -> usize {
    amounts.sort_unstable();
    let mut spent = 0_i128;
    let fits = |amount: &&i128| {
        spent = spent.saturating_add(**amount);
        spent <= left
    };
    amounts.iter().take_while(fits).count()
}

/// What the first user of the device pays of the counter.
pub(super) fn paid(state: &State<'_, '_, '_, '_>, device: usize, counter: usize) -> i128 {
    let payment = state.problem.payments[device].iter();
    let of = payment.filter(|(of, _)| *of == counter);
    of.map(|(_, amount)| *amount).sum()
}

/// Devices that have a value in common under a `distinctAttribute`, of which one can be picked.
fn by_values(
    state: &State<'_, '_, '_, '_>,
    demands: &[Demand],
    users: &BTreeMap<usize, Vec<(Demand, &Way<'_>)>>,
    constraint: usize,
    values: &[Element],
) -> Result<Groups, String> {
    let claim = demands.first().map_or(0, |at| at.claim);
    let rule = state.problem.rules.get(&(claim, constraint));
    let is_usable = rule.is_some_and(|rule| !rule.is_match && rule.is_plain);
    let is_under = |at: &Demand| {
        let ways = state.open(*at);
        at.claim == claim && ways.iter().all(|(_, way)| way.values[constraint].is_some())
    };
    if !is_usable || !demands.iter().all(is_under) {
        return Err(format!(
            "constraint {constraint} does not keep all devices of the demands apart"
        ));
    }
    let mut groups = Groups::default();
    for (device, users) in users {
        let mut own = users
            .iter()
            .map(|(_, way)| way.values[constraint].as_ref()?[*device].as_ref());
        let first = own.next().flatten();
        // A derived attribute may differ by demand; such a device counts for itself.
        let Some(first) = first.filter(|_| own.all(|values| values == first)) else {
            continue;
        };
        if let Some(group) = values.iter().position(|value| first.contains(value)) {
            groups.of.insert(*device, group);
            groups.limits.insert(group, 1);
        }
    }
    Ok(groups)
}
