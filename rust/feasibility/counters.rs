//! Shared counters and compatibility groups of the pools during an attempt.
//!
//! Oddities kept: devices taken for administration consume counters like others; a held device that is no longer
//! published consumes none; a counter that is overdrawn anywhere in a pool blocks every device of the pool that
//! consumes counters. Start at [`Counters::reserve`] and [`Groups::admit`].

use std::collections::{BTreeMap, BTreeSet};

use super::view::View;
use crate::inventory::pool::{Pool, PoolState};
use crate::inventory::{CounterPlan, Draws, Slice};
use crate::wire::slice::DeviceCounterConsumption;

/// What is left of each counter, by pool. Amounts are in nanos.
pub struct Counters<'v> {
    pools: Vec<PoolCounters<'v>>,
}

/// The counters of one pool.
pub struct PoolCounters<'v> {
    plan: Option<&'v CounterPlan>,
    /// What is left of each.
    pub left: Vec<i128>,
    /// How many are overdrawn.
    overdrawn: usize,
}

impl<'v> Counters<'v> {
    /// The counters of all pools, less what held devices draw.
    pub fn new(view: &View<'v>) -> Self {
        let pools = view.pools.iter();
        let mut counters = Self {
            pools: pools.map(PoolCounters::new).collect(),
        };
        counters.draw_held(view);
        counters
    }

    /// The same, of a view of which other devices are held since.
    pub fn renew(&mut self, view: &View<'v>) {
        self.pools.iter_mut().for_each(PoolCounters::fill);
        self.draw_held(view);
    }

    fn draw_held(&mut self, view: &View<'v>) {
        if self.pools.iter().all(|pool| pool.plan.is_none()) {
            return;
        }
        for device in &view.held {
            let draws = self.draws(view, *device);
            self.pools[view.devices[*device].pool as usize].take(draws);
        }
        for (pool, counters) in view.pools.iter().zip(&mut self.pools) {
            let Some(plan) = counters.plan else { continue };
            held_elsewhere(view, pool, |at, _, index| {
                counters.take(plan.draws(at, index));
            });
        }
    }

    /// The counters of a pool.
    pub fn pool(&self, pool: usize) -> &PoolCounters<'v> {
        &self.pools[pool]
    }

    /// What the device draws of the counters of its pool, by number.
    pub fn draws(&self, view: &View<'_>, device: usize) -> Draws<'v> {
        let viewed = &view.devices[device];
        let plan = self.pools[viewed.pool as usize].plan;
        plan.map_or_else(Draws::default, |plan| {
            plan.draws(viewed.slice_at as usize, viewed.index as usize)
        })
    }

    /// Takes what the device draws, unless that overdraws a counter of its pool.
    pub fn reserve(&mut self, view: &View<'_>, device: usize) -> bool {
        let draws = self.draws(view, device);
        let pool = &mut self.pools[view.devices[device].pool as usize];
        if pool.surely_lacks(draws) {
            return false;
        }
        pool.take(draws);
        if pool.overdrawn == 0 {
            return true;
        }
        pool.give(draws);
        false
    }

    /// Gives back what the device draws.
    pub fn free(&mut self, view: &View<'_>, device: usize) {
        let draws = self.draws(view, device);
        self.pools[view.devices[device].pool as usize].give(draws);
    }
}

impl<'v> PoolCounters<'v> {
    /// As if nothing were held.
    fn new(pool: &'v Pool) -> Self {
        let plan = match &pool.state {
            PoolState::Usable { counters, .. } => counters.as_deref(),
            PoolState::Incomplete { .. } | PoolState::Invalid { .. } => None,
        };
        let mut counters = Self {
            plan,
            overdrawn: 0,
            left: Vec::new(),
        };
        counters.fill();
        counters
    }

    fn fill(&mut self) {
        if let Some(plan) = self.plan {
            self.left.clear();
            self.left.extend_from_slice(&plan.totals);
            self.overdrawn = plan.overdrawn;
        }
    }

    /// Counter set and counter, ascending.
    pub fn names(&self) -> &'v [(String, String)] {
        self.plan.map_or(&[], |plan| &plan.names)
    }

    /// Whether a look at what is left is enough to know that drawing this overdraws a counter, or that one is overdrawn.
    fn surely_lacks(&self, draws: Draws<'_>) -> bool {
        let lacks = |(number, amount): (usize, i128)| self.left[number] < amount;
        self.plan.is_some_and(|plan| !plan.has_negative)
            && (self.overdrawn > 0 || draws.iter().any(lacks))
    }

    fn take(&mut self, draws: Draws<'_>) {
        for (number, amount) in draws.iter() {
            let left = &mut self.left[number];
            // Nearly always there is enough: no counter becomes overdrawn, or less so.
            if (0..=*left).contains(&amount) {
                *left -= amount;
            } else {
                self.set(number, |left| left.saturating_sub(amount));
            }
        }
    }

    fn give(&mut self, draws: Draws<'_>) {
        for (number, amount) in draws.iter() {
            self.set(number, |left| left.saturating_add(amount));
        }
    }

    fn set(&mut self, number: usize, change: impl FnOnce(i128) -> i128) {
        let left = &mut self.left[number];
        self.overdrawn -= usize::from(*left < 0);
        *left = change(*left);
        self.overdrawn += usize::from(*left < 0);
    }
}

/// Shows the devices of the pool for other nodes that somebody holds: the position of the slice, the slice, and the
/// position of the device in it.
fn held_elsewhere<'p>(
    view: &View<'_>,
    pool: &'p Pool,
    mut show: impl FnMut(usize, &'p Slice, usize),
) {
    let PoolState::Usable {
        slices, elsewhere, ..
    } = &pool.state
    else {
        return;
    };
    for (at, slice) in (slices.len()..).zip(elsewhere) {
        let Some(usage) = view.inventory.slice_usage(slice) else {
            continue;
        };
        for index in usage.held() {
            show(at, slice, index);
        }
    }
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
            for viewed in view.held.iter().map(|device| &view.devices[*device]) {
                for consumption in &viewed.document().consumes_counters {
                    groups.join(viewed.pool as usize, consumption);
                }
            }
            for (position, pool) in view.pools.iter().enumerate() {
                held_elsewhere(view, pool, |_, slice, index| {
                    let device = &slice.document().spec.devices[index];
                    for consumption in &device.consumes_counters {
                        groups.join(position, consumption);
                    }
                });
            }
        }
        groups
    }

    /// Lets the device join the users of its counter sets; `None` if they have no group in common.
    pub fn admit(&mut self, view: &View<'_>, device: usize) -> Option<GroupsBefore> {
        let viewed = &view.devices[device];
        let mut before = GroupsBefore(Vec::new());
        for consumption in &viewed.document().consumes_counters {
            let set = (viewed.pool as usize, consumption.counter_set.clone());
            let common = self.common.get(&set).cloned();
            if !is_compatible(common.as_ref(), consumption) {
                self.restore(before);
                return None;
            }
            before.0.push((set, common));
            self.join(viewed.pool as usize, consumption);
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
