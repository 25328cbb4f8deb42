//! Shared counters and compatibility groups of the pools during an attempt.
//!
//! Oddities kept: devices taken for administration consume counters like others; a held device that is no longer
//! published consumes none; a counter that is overdrawn anywhere in a pool blocks every device of the pool that
//! consumes counters. Start at [`Counters::reserve`] and [`Groups::admit`].

use std::collections::{BTreeMap, BTreeSet};

use super::view::View;
use crate::inventory::pool::{Pool, PoolState};
use crate::quantity::Quantity;
use crate::wire::slice::{Device, DeviceCounterConsumption};

/// Name of a counter set and of a counter in it.
type CounterName = (String, String);

/// What is left of each counter, by pool.
pub(super) struct Counters {
    left: Vec<BTreeMap<CounterName, Quantity>>,
}

impl Counters {
    /// The counters of all pools, less what held devices consume.
    pub(super) fn new(view: &View<'_>) -> Self {
        Self {
            left: view
                .pools
                .iter()
                .map(|pool| available(view, pool))
                .collect(),
        }
    }

    /// Takes what the device consumes, unless that overdraws a counter of its pool.
    pub(super) fn reserve(&mut self, view: &View<'_>, device: usize) -> bool {
        let viewed = &view.devices[device];
        let left = &mut self.left[viewed.pool];
        subtract(left, viewed.document());
        if left.values().all(|amount| amount.sign().is_ge()) {
            return true;
        }
        self.free(view, device);
        false
    }

    /// Gives back what the device consumes.
    pub(super) fn free(&mut self, view: &View<'_>, device: usize) {
        let viewed = &view.devices[device];
        for (name, amount) in consumption(viewed.document()) {
            if let Some(left) = self.left[viewed.pool].get_mut(&name) {
                *left = left.add(amount);
            }
        }
    }
}

fn available(view: &View<'_>, pool: &Pool) -> BTreeMap<CounterName, Quantity> {
    let mut left = BTreeMap::new();
    for set in pool.counter_sets() {
        for (name, counter) in &set.counters {
            left.insert((set.name.clone(), name.clone()), counter.value.clone());
        }
    }
    for device in held_devices(view, pool) {
        subtract(&mut left, device);
    }
    left
}

fn subtract(left: &mut BTreeMap<CounterName, Quantity>, device: &Device) {
    for (name, amount) in consumption(device) {
        if let Some(left) = left.get_mut(&name) {
            *left = left.sub(amount);
        }
    }
}

fn consumption(device: &Device) -> impl Iterator<Item = (CounterName, &Quantity)> {
    device.consumes_counters.iter().flat_map(|consumption| {
        consumption.counters.iter().map(move |(name, counter)| {
            (
                (consumption.counter_set.clone(), name.clone()),
                &counter.value,
            )
        })
    })
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
        for (index, device) in slice.document().spec.devices.iter().enumerate() {
            if view.usage(slice.device_id(index)).is_some() {
                held.push(device);
            }
        }
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
pub(super) struct Groups {
    common: BTreeMap<(usize, String), Common>,
}

/// What [`Groups::admit`] replaced.
#[derive(Debug)]
pub(super) struct GroupsBefore(Vec<((usize, String), Option<Common>)>);

impl Groups {
    /// The groups of held devices; nothing while the gate is off.
    pub(super) fn new(view: &View<'_>) -> Self {
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
    pub(super) fn admit(&mut self, view: &View<'_>, device: usize) -> Option<GroupsBefore> {
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
    pub(super) fn restore(&mut self, before: GroupsBefore) {
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
