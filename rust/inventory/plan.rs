//! The counters of a pool, in numbers: what there is of each, and what each device draws.
//!
//! Made once for pools whose slices are of equal shapes, since they have equal counters; who holds what is not looked at.
//! Start at [`CounterPlan::of`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::kinds::Kinds;
use super::slice::Slice;
use crate::wire::slice::Device;

/// Counters by number, in nanos.
type Draws = Box<[(u32, i128)]>;

/// The counters of a pool.
#[derive(Debug)]
pub struct CounterPlan {
    /// Counter set and counter, ascending.
    pub names: Box<[(String, String)]>,
    /// What there is of each when nothing is held, in nanos.
    pub totals: Box<[i128]>,
    /// How many of them are negative, which no API server accepts.
    pub overdrawn: usize,
    /// What each device draws, by slice and position in it: slices for the node first, then those for others.
    draws: Box<[Box<[Draws]>]>,
    /// Whether a device gives to a counter instead of drawing from it, which no API server accepts.
    pub has_negative: bool,
    /// Whether every counter that a device draws from is there, and no set is there twice.
    pub is_valid: bool,
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
        let draws = slices.map(|slice| {
            let devices = slice.document().spec.devices.iter();
            devices
                .map(|device| draws(device, &names, &sets, &mut is_valid))
                .collect()
        });
        let draws: Box<[Box<[Draws]>]> = draws.collect();
        let mut amounts = draws.iter().flatten().flatten();
        let owned = |(set, counter): &(&str, &str)| ((*set).to_owned(), (*counter).to_owned());
        Self {
            names: names.iter().map(owned).collect(),
            overdrawn: totals.values().filter(|amount| **amount < 0).count(),
            totals: totals.into_values().collect(),
            has_negative: amounts.any(|(_, amount)| *amount < 0),
            draws,
            is_valid,
        }
    }

    /// What a device draws.
    pub fn draws(&self, slice: usize, device: usize) -> &[(u32, i128)] {
        &self.draws[slice][device]
    }
}

fn draws(
    device: &Device,
    names: &[(&str, &str)],
    sets: &BTreeSet<&str>,
    is_valid: &mut bool,
) -> Draws {
    let mut draws = Vec::new();
    for consumption in &device.consumes_counters {
        let set = consumption.counter_set.as_str();
        *is_valid &= sets.contains(set);
        for (counter, amount) in &consumption.counters {
            match names.binary_search(&(set, counter.as_str())) {
                Ok(number) => {
                    let number = u32::try_from(number).unwrap_or(u32::MAX);
                    draws.push((number, amount.value.nanos()));
                }
                Err(_) => *is_valid = false,
            }
        }
    }
    draws.into()
}
