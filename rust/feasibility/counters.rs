//! Shared counters and compatibility groups of the pools during an attempt.
//!
//! Oddities kept: devices taken for administration consume counters like others; a held device that is no longer
//! published consumes none; a counter that is overdrawn anywhere in a pool blocks every device of the pool that
//! consumes counters. Start at [`Counters::reserve`] and [`Groups::admit`].

use std::collections::{BTreeMap, BTreeSet};

use super::view::View;
use crate::inventory::pool::{Pool, PoolState};
use crate::wire::slice::{Device, DeviceCounterConsumption};

/// Name of a counter set and of a counter in it.
pub type CounterName<'v> = (&'v str, &'v str);

/// Counters of a pool by number, in nanos.
pub type Consumption = Vec<(usize, i128)>;

/// What is left of each counter, by pool. Amounts are in nanos.
pub struct Counters<'v> {
    pools: Vec<PoolCounters<'v>>,
    /// What each device consumes of its pool's counters, once somebody asked.
    consumption: Vec<Option<Consumption>>,
}

/// The counters of one pool.
pub struct PoolCounters<'v> {
    /// Set and counter, ascending.
    pub names: Vec<CounterName<'v>>,
    /// What is left of each.
    pub left: Vec<i128>,
    /// How many are overdrawn.
    overdrawn: usize,
}

impl<'v> Counters<'v> {
    /// The counters of all pools, less what held devices consume.
    pub fn new(view: &'v View<'_>) -> Self {
        Self {
            pools: view
                .pools
                .iter()
                .map(|pool| PoolCounters::new(view, pool))
                .collect(),
            consumption: vec![None; view.devices.len()],
        }
    }

    /// The counters of a pool.
    pub fn pool(&self, pool: usize) -> &PoolCounters<'v> {
        &self.pools[pool]
    }

    /// What the device consumes.
    pub fn consumption(&mut self, view: &View<'_>, device: usize) -> &Consumption {
        let viewed = &view.devices[device];
        let pool = &self.pools[viewed.pool];
        self.consumption[device].get_or_insert_with(|| pool.consumption(viewed.document()))
    }

    /// Takes what the device consumes, unless that overdraws a counter of its pool.
    pub fn reserve(&mut self, view: &View<'_>, device: usize) -> bool {
        self.consumption(view, device);
        let consumption = self.consumption[device].as_deref().unwrap_or_default();
        let pool = &mut self.pools[view.devices[device].pool];
        pool.add(consumption, -1);
        if pool.overdrawn == 0 {
            return true;
        }
        pool.add(consumption, 1);
        false
    }

    /// Gives back what the device consumes.
    pub fn free(&mut self, view: &View<'_>, device: usize) {
        let consumption = self.consumption[device].as_deref().unwrap_or_default();
        self.pools[view.devices[device].pool].add(consumption, 1);
    }
}

impl<'v> PoolCounters<'v> {
    fn new(view: &View<'_>, pool: &'v Pool) -> Self {
        let mut amounts: BTreeMap<CounterName<'v>, i128> = BTreeMap::new();
        for set in pool.counter_sets() {
            for (name, counter) in &set.counters {
                amounts.insert((&set.name, name), counter.value.nanos());
            }
        }
        let (names, left): (Vec<_>, Vec<_>) = amounts.into_iter().unzip();
        let mut counters = Self {
            overdrawn: left.iter().filter(|amount| **amount < 0).count(),
            names,
            left,
        };
        if !counters.names.is_empty() {
            for device in held_devices(view, pool) {
                counters.add(&counters.consumption(device), -1);
            }
        }
        counters
    }

    fn consumption(&self, device: &Device) -> Consumption {
        let entries = device.consumes_counters.iter().flat_map(|consumption| {
            let counters = consumption.counters.iter();
            counters.map(|(name, counter)| {
                let name = (consumption.counter_set.as_str(), name.as_str());
                let number = self.names.binary_search(&name).ok()?;
                Some((number, counter.value.nanos()))
            })
        });
        entries.flatten().collect()
    }

    fn add(&mut self, consumption: &[(usize, i128)], factor: i128) {
        for (number, amount) in consumption {
            let left = &mut self.left[*number];
            self.overdrawn -= usize::from(*left < 0);
            *left = left.saturating_add(amount.saturating_mul(factor));
            self.overdrawn += usize::from(*left < 0);
        }
    }
}

/// Devices of the pool, for this node and others, that somebody holds.
fn held_devices<'p>(view: &View<'_>, pool: &'p Pool) -> Vec<&'p Device> {
    let PoolState::Usable {
        slices, elsewhere, ..
    } = &pool.state
    else {
        return Vec::new();
    };
    let mut held = Vec::new();
    for slice in slices.iter().chain(elsewhere) {
        let Some(usage) = view.inventory.slice_usage(slice) else {
            continue;
        };
        let devices = slice.document().spec.devices.iter().enumerate();
        let taken = devices.filter(|(index, _)| usage.device(*index).is_some());
        held.extend(taken.map(|(_, device)| device));
    }
    held
}

/// The groups that all users of a counter set have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Common {
    /// The users have no groups at all.
    NoGroups,
    /// The groups they share.
    Shared(BTreeSet<String>),
}

/// The common groups, by pool and counter set; a counter set without users is absent.
pub struct Groups {
    common: BTreeMap<(usize, String), Common>,
}

/// What [`Groups::admit`] replaced.
#[derive(Debug)]
pub struct GroupsBefore(Vec<((usize, String), Option<Common>)>);

impl Groups {
    /// The groups of held devices; nothing while the gate is off.
    pub fn new(view: &View<'_>) -> Self {
        let mut groups = Self {
            common: BTreeMap::new(),
        };
        if view.features.compatibility_groups {
            for (position, pool) in view.pools.iter().enumerate() {
                for consumption in held_devices(view, pool)
                    .iter()
                    .flat_map(|d| &d.consumes_counters)
                {
                    groups.join(position, consumption);
                }
            }
        }
        groups
    }

    /// Lets the device join the users of its counter sets; `None` if they have no group in common.
    pub fn admit(&mut self, view: &View<'_>, device: usize) -> Option<GroupsBefore> {
        let viewed = &view.devices[device];
        let mut before = GroupsBefore(Vec::new());
        for consumption in &viewed.document().consumes_counters {
            let set = (viewed.pool, consumption.counter_set.clone());
            let common = self.common.get(&set).cloned();
            if !is_compatible(common.as_ref(), consumption) {
                self.restore(before);
                return None;
            }
            before.0.push((set, common));
            self.join(viewed.pool, consumption);
        }
        Some(before)
    }

    /// Undoes [`Groups::admit`].
    pub fn restore(&mut self, before: GroupsBefore) {
        for (set, common) in before.0.into_iter().rev() {
            match common {
                Some(common) => self.common.insert(set, common),
                None => self.common.remove(&set),
            };
        }
    }

    fn join(&mut self, pool: usize, consumption: &DeviceCounterConsumption) {
        let groups: BTreeSet<String> = consumption.compatibility_groups.iter().cloned().collect();
        let set = (pool, consumption.counter_set.clone());
        let next = match self.common.get(&set) {
            None if groups.is_empty() => Common::NoGroups,
            None => Common::Shared(groups),
            Some(Common::NoGroups) => Common::NoGroups,
            Some(Common::Shared(common)) if groups.is_empty() => Common::Shared(common.clone()),
            Some(Common::Shared(common)) => {
                Common::Shared(common.intersection(&groups).cloned().collect())
            }
        };
        self.common.insert(set, next);
    }
}

fn is_compatible(common: Option<&Common>, consumption: &DeviceCounterConsumption) -> bool {
    let groups = &consumption.compatibility_groups;
    match common {
        None => true,
        Some(Common::NoGroups) => groups.is_empty(),
        Some(Common::Shared(common)) => groups.iter().any(|group| common.contains(group)),
    }
}
