//! The counters of a pool, in numbers: what there is of each, and what each device draws.
//!
//! Made once for pools whose slices are of equal shapes, since they have equal counters; who holds what is not looked at.
//! Start at [`CounterPlan::of`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::kinds::Kinds;
use super::slice::Slice;
use crate::wire::slice::Device;

/// The counters of a pool.
#[derive(Debug)]
pub struct CounterPlan {
    /// Counter set and counter, ascending.
    pub names: Box<[(String, String)]>,
    /// What there is of each when nothing is held, in nanos.
    pub totals: Box<[i128]>,
    /// How many of them are negative, which no API server accepts.
    pub overdrawn: usize,
    /// For each slice the number of its first device: slices for the node first, then those for others.
    slices: Box<[u32]>,
    /// For each device where its draws end, which is where those of the next begin.
    ends: Box<[u32]>,
    /// Counters with amounts, by number: in one piece and small, since searches of many nodes go over them.
    draws: Box<[(u32, u32)]>,
    /// The different amounts, in nanos.
    amounts: Box<[i128]>,
    /// Whether a device gives to a counter instead of drawing from it, which no API server accepts.
    pub has_negative: bool,
    /// Whether every counter that a device draws from is there, and no set is there twice.
    pub is_valid: bool,
}

/// What a device draws; a counter of which it draws nothing is left out.
#[derive(Clone, Copy, Default)]
pub struct Draws<'p> {
    draws: &'p [(u32, u32)],
    amounts: &'p [i128],
}

impl<'p> Draws<'p> {
    /// Counters by number, with amounts in nanos.
    pub fn iter(self) -> impl Iterator<Item = (usize, i128)> + use<'p> {
        let draws = self.draws.iter();
        draws.map(move |(counter, amount)| (*counter as usize, self.amounts[*amount as usize]))
    }
}

impl CounterPlan {
    /// The plan of a pool; nothing where no counter is involved.
    pub(super) fn of(
        kinds: &Kinds,
        slices: &[Arc<Slice>],
        elsewhere: &[Arc<Slice>],
        counter_sets: &[(Arc<Slice>, usize)],
    ) -> Option<Arc<Self>> {
        let all = || slices.iter().chain(elsewhere);
        if counter_sets.is_empty() && !all().any(|slice| slice.uses().counters) {
            return None;
        }
        let mut key: Vec<u32> = all().map(|slice| slice.kind().shape).collect();
        for (slice, index) in counter_sets {
            key.extend([
                slice.kind().shape,
                u32::try_from(*index).unwrap_or(u32::MAX),
            ]);
        }
        key.extend([slices.len(), elsewhere.len()].map(|len| u32::try_from(len).unwrap_or(0)));
        Some(kinds.plan(key, || Self::new(all(), counter_sets)))
    }

    fn new<'s>(
        slices: impl Iterator<Item = &'s Arc<Slice>>,
        counter_sets: &[(Arc<Slice>, usize)],
    ) -> Self {
        let mut totals: BTreeMap<(&str, &str), i128> = BTreeMap::new();
        let mut sets = BTreeSet::new();
        let mut is_valid = true;
        for (slice, index) in counter_sets {
            let set = &slice.document().spec.shared_counters[*index];
            is_valid &= sets.insert(set.name.as_str());
            for (name, counter) in &set.counters {
                totals.insert((&set.name, name), counter.value.nanos());
            }
        }
        let names: Vec<(&str, &str)> = totals.keys().copied().collect();
        let mut table = Table::default();
        for slice in slices {
            table.slices.push(number(table.ends.len()));
            for device in &slice.document().spec.devices {
                is_valid &= table.add(device, &names, &sets);
            }
        }
        let owned = |(set, counter): &(&str, &str)| ((*set).to_owned(), (*counter).to_owned());
        Self {
            names: names.iter().map(owned).collect(),
            overdrawn: totals.values().filter(|amount| **amount < 0).count(),
            totals: totals.into_values().collect(),
            has_negative: table.amounts.iter().any(|amount| *amount < 0),
            slices: table.slices.into(),
            ends: table.ends.into(),
            draws: table.draws.into(),
            amounts: table.amounts.into(),
            is_valid,
        }
    }

    /// What a device draws, by slice and position in it.
    pub fn draws(&self, slice: usize, device: usize) -> Draws<'_> {
        let device = self.slices[slice] as usize + device;
        let start = device.checked_sub(1).map_or(0, |before| self.ends[before]);
        Draws {
            draws: &self.draws[start as usize..self.ends[device] as usize],
            amounts: &self.amounts,
        }
    }
}

/// The draws of a plan in the making.
#[derive(Default)]
struct Table {
    slices: Vec<u32>,
    ends: Vec<u32>,
    draws: Vec<(u32, u32)>,
    amounts: Vec<i128>,
    numbers: FxHashMap<i128, u32>,
}

impl Table {
    /// Adds a device; false if a counter that it draws from is not there.
    fn add(&mut self, device: &Device, names: &[(&str, &str)], sets: &BTreeSet<&str>) -> bool {
        let mut is_valid = true;
        for consumption in &device.consumes_counters {
            let set = consumption.counter_set.as_str();
            is_valid &= sets.contains(set);
            for (counter, amount) in &consumption.counters {
                match names.binary_search(&(set, counter.as_str())) {
                    Ok(counter) if !amount.value.is_zero() => {
                        let amount = self.number(amount.value.nanos());
                        self.draws.push((number(counter), amount));
                    }
                    Ok(_) => {}
                    Err(_) => is_valid = false,
                }
            }
        }
        self.ends.push(number(self.draws.len()));
        is_valid
    }

    fn number(&mut self, amount: i128) -> u32 {
        *self.numbers.entry(amount).or_insert_with(|| {
            self.amounts.push(amount);
            number(self.amounts.len() - 1)
        })
    }
}

/// Four thousand million draws would take more memory than there is.
fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
