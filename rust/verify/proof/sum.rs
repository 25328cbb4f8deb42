//! Sums of counters: what the demands cost at the least is worked out again and compared with what there is to spend.
//!
//! Start at [`sum`].

use std::collections::{BTreeMap, BTreeSet};

use super::facts::{demands, paid};
use super::state::State;
use crate::proof::{CounterRef, Demand, DeviceRef, Element, Sum};

/// A counter by position, its unit and its weight.
type Row = (usize, i128, i128);

/// Whether the demands really cost more than there is to spend.
pub(super) fn sum(state: &State<'_, '_, '_, '_>, fact: &Sum) -> Result<(), String> {
    let rows = rows(state, fact)?;
    let prices = prices(state, fact)?;
    let cost = |device: usize| -> i128 {
        if state.problem.is_shared(device) {
            return 0;
        }
        let price = prices.get(&device).copied().unwrap_or(0);
        rows.iter().fold(price, |cost, (counter, unit, weight)| {
            let units = paid(state, device, *counter) / unit;
            cost.saturating_add(units.saturating_mul(*weight))
        })
    };
    let mut needed = 0_i128;
    for at in demands(state, &fact.demands)? {
        needed = needed.saturating_add(least(state, *at, &cost));
    }
    let left = rows.iter().map(|(counter, unit, weight)| {
        let units = state.left(*counter) / unit;
        units.checked_mul(*weight)
    });
    let mut left = left.chain(prices.values().map(|price| Some(*price)));
    let left = left.try_fold(0_i128, |sum, more| sum.checked_add(more?));
    let left = left.ok_or("what is left is too much to count")?;
    if needed < fact.needed || left > fact.left {
        let (needed_said, left_said) = (fact.needed, fact.left);
        return Err(format!(
            "{needed} is needed and {left} left; the proof says {needed_said} and {left_said}"
        ));
    }
    if fact.needed > fact.left {
        return Ok(());
    }
    let (needed, left) = (fact.needed, fact.left);
    Err(format!("a need of {needed} is not more than {left}"))
}

/// The counters, none twice and all of them real, with units and weights that do not turn anything around.
fn rows(state: &State<'_, '_, '_, '_>, fact: &Sum) -> Result<Vec<Row>, String> {
    let mut named: BTreeSet<&CounterRef> = BTreeSet::new();
    let mut rows = Vec::new();
    for weighed in &fact.counters {
        let counter = &weighed.counter;
        let mut counters = state.problem.counters.iter();
        let position = counters.position(|(known, _)| known == counter);
        let (true, Some(position)) = (named.insert(counter), position) else {
            return Err("the node has not all of these counters, or one is there twice".to_owned());
        };
        if weighed.unit <= 0 || weighed.weight < 0 {
            return Err("a unit or a weight is not positive".to_owned());
        }
        rows.push((position, weighed.unit, weighed.weight));
    }
    Ok(rows)
}

/// The prices by device. A device can be had once, so it has to be a whole one, and no demand for administration.
fn prices(state: &State<'_, '_, '_, '_>, fact: &Sum) -> Result<BTreeMap<usize, i128>, String> {
    let mut prices = BTreeMap::new();
    let named: BTreeSet<&DeviceRef> = fact.prices.iter().map(|price| &price.device).collect();
    if named.len() != fact.prices.len() {
        return Err("a device has two prices".to_owned());
    }
    for priced in &fact.prices {
        let device = state.problem.device(&priced.device)?;
        if priced.price < 0 || state.problem.is_shared(device) {
            return Err("a price is less than nothing, or one of a shared device".to_owned());
        }
        prices.insert(device, priced.price);
    }
    let mut ways = fact.demands.iter().flat_map(|at| state.open(*at));
    if !prices.is_empty() && ways.any(|(_, way)| way.wish.is_admin()) {
        return Err("access for administration does not use a device up".to_owned());
    }
    Ok(prices)
}

/// What a demand costs at the least: alone, or as far as one of its constraints accepts the devices together.
fn least(state: &State<'_, '_, '_, '_>, at: Demand, cost: &dyn Fn(usize) -> i128) -> i128 {
    let (count, candidates) = (state.needed(at), state.candidates(at));
    let all = candidates.iter().map(|device| cost(*device)).collect();
    let mut least = cheapest(all, count);
    let open = state.open(at);
    let [(_, way)] = open.as_slice() else {
        return least;
    };
    for (constraint, values) in way.values.iter().enumerate() {
        let rule = state.problem.rules[&(at.claim, constraint)];
        let Some(values) = values.as_ref().filter(|_| rule.is_plain) else {
            continue;
        };
        let mut alone: Vec<i128> = Vec::new();
        let mut by_value: BTreeMap<&Element, Vec<i128>> = BTreeMap::new();
        for device in &candidates {
            let of_device: Vec<&Element> = values[*device].iter().flatten().collect();
            if rule.is_match || of_device.len() == 1 {
                for value in of_device {
                    by_value.entry(value).or_default().push(cost(*device));
                }
            } else {
                alone.push(cost(*device));
            }
        }
        let together = if rule.is_match {
            let groups = by_value.into_values();
            let groups = groups.filter(|group| group.len() >= count);
            // Where no group is large enough there is nothing to say here.
            groups.map(|group| cheapest(group, count)).min()
        } else {
            let groups = by_value.into_values();
            alone.extend(groups.filter_map(|group| group.into_iter().min()));
            Some(cheapest(alone, count))
        };
        least = least.max(together.unwrap_or(0));
    }
    least
}

/// The sum of so many of the costs, the smallest.
fn cheapest(mut costs: Vec<i128>, count: usize) -> i128 {
    costs.sort_unstable();
    costs.into_iter().take(count).fold(0, i128::saturating_add)
}
