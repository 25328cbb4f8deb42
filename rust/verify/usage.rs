//! What is taken: by held claims, and by the answer under judgement so far.
//!
//! Sums are made afresh from the list of holdings each time somebody asks; nothing is cached. Start at [`Usage`].

use std::collections::{BTreeMap, BTreeSet};

use super::capacity::Amounts;
use super::pools::{Found, Pool};
use crate::gates::Features;
use crate::quantity::Quantity;
use crate::wire::allocation::{AllocationResult, DeviceRequestAllocationResult};
use crate::wire::slice::{Device, DeviceCounterConsumption};

/// Driver, pool and name of a device.
pub(super) type Id<'a> = (&'a str, &'a str, &'a str);

pub(super) fn id_of(result: &DeviceRequestAllocationResult) -> Id<'_> {
    (&result.driver, &result.pool, &result.device)
}

/// A device picked by the answer under judgement.
#[derive(Debug)]
pub(super) struct Pick<'p, 'a> {
    pub(super) claim: usize,
    pub(super) found: Found<'p, 'a>,
    /// Whether it is one share of a shared device; other picks have the device for themselves.
    pub(super) shared: bool,
    pub(super) share_id: Option<String>,
    pub(super) consumed: Amounts,
    /// Whether it pays the counters of the device; of the shares of a device, only the first does.
    pub(super) pays_counters: bool,
}

impl Pick<'_, '_> {
    pub(super) fn id(&self) -> Id<'_> {
        (
            self.found.pool.driver,
            self.found.pool.name,
            &self.found.device.name,
        )
    }
}

/// What is taken.
#[derive(Debug, Default)]
pub(super) struct Usage<'p, 'a> {
    /// Devices that held claims have for themselves.
    exclusive: BTreeSet<Id<'a>>,
    /// Devices of which held claims have shares, with the identifiers of the shares.
    share_ids: BTreeMap<Id<'a>, BTreeSet<&'a str>>,
    /// What the shares of held claims consume.
    consumed: BTreeMap<Id<'a>, Amounts>,
    /// The picks so far.
    pub(super) picks: Vec<Pick<'p, 'a>>,
}

impl<'a> Usage<'_, 'a> {
    /// What the held claims take. Access for administration takes nothing. With the gate for sharing off, a share
    /// takes the whole device.
    pub(super) fn of_held(
        held: impl IntoIterator<Item = &'a AllocationResult>,
        features: Features,
    ) -> Self {
        let mut usage = Self::default();
        let results = held.into_iter().flat_map(|held| &held.devices.results);
        for result in results.filter(|result| result.admin_access != Some(true)) {
            let Some(share_id) = result
                .share_id
                .as_deref()
                .filter(|_| features.consumable_capacity)
            else {
                usage.exclusive.insert(id_of(result));
                continue;
            };
            usage
                .share_ids
                .entry(id_of(result))
                .or_default()
                .insert(share_id);
            let Some(consumed) = &result.consumed_capacity else {
                continue;
            };
            let sums = usage.consumed.entry(id_of(result)).or_default();
            for (name, amount) in consumed {
                let sum = sums.entry(name.clone()).or_default();
                *sum = sum.add(amount);
            }
        }
        usage
    }

    /// Whether a held claim has the device for itself.
    pub(super) fn is_held_exclusively(&self, id: Id<'_>) -> bool {
        self.exclusive.contains(&id)
    }

    /// Whether held claims have the device or shares of it.
    fn is_held(&self, id: Id<'_>) -> bool {
        self.exclusive.contains(&id) || self.is_held_shared(id)
    }

    fn is_held_shared(&self, id: Id<'_>) -> bool {
        self.consumed.contains_key(&id) || self.share_ids.contains_key(&id)
    }

    /// Whether there are shares of the device, held or picked.
    pub(super) fn is_shared_already(&self, id: Id<'_>) -> bool {
        self.is_held_shared(id) || self.picks.iter().any(|pick| pick.shared && pick.id() == id)
    }

    /// Whether an earlier pick, of the claim if one is given, has the device for itself.
    pub(super) fn is_picked(&self, id: Id<'_>, claim: Option<usize>) -> bool {
        self.picks.iter().any(|pick| {
            !pick.shared && pick.id() == id && claim.is_none_or(|claim| claim == pick.claim)
        })
    }

    /// Whether a share of the device has this identifier already.
    pub(super) fn has_share(&self, id: Id<'_>, share_id: &str) -> bool {
        let held = self.share_ids.get(&id);
        let mut picks = self.picks.iter().filter(|pick| pick.id() == id);
        held.is_some_and(|held| held.contains(share_id))
            || picks.any(|pick| pick.share_id.as_deref() == Some(share_id))
    }

    /// What held claims consume of a device.
    pub(super) fn held_amounts<'b>(&'b self, id: Id<'b>) -> Option<&'b Amounts> {
        self.consumed.get(&id)
    }

    /// What the picks so far consume of a device.
    pub(super) fn picked_amounts(&self, id: Id<'_>) -> Amounts {
        let mut sums = Amounts::new();
        for pick in self.picks.iter().filter(|pick| pick.id() == id) {
            for (name, amount) in &pick.consumed {
                let sum = sums.entry(name.clone()).or_default();
                *sum = sum.add(amount);
            }
        }
        sums
    }

    /// The devices of a pool that held claims have or share, as far as they are still published (Q6).
    pub(super) fn held_devices<'b>(
        &'b self,
        pool: &'b Pool<'a>,
    ) -> impl Iterator<Item = &'a Device> + 'b {
        let slices = pool.slices.iter().chain(&pool.elsewhere);
        let devices = slices.flat_map(|slice| &slice.spec.devices);
        devices.filter(|device| self.is_held((pool.driver, pool.name, &device.name)))
    }

    fn paying_picks<'b>(&'b self, pool: &'b Pool<'a>) -> impl Iterator<Item = &'a Device> + 'b {
        let paying = self.picks.iter().filter(|pick| {
            let at = (pick.found.pool.driver, pick.found.pool.name);
            pick.pays_counters && at == (pool.driver, pool.name)
        });
        paying.map(|pick| pick.found.device)
    }

    /// A counter of the pool that would be overdrawn if the device were picked as well. All counters of the pool are
    /// looked at, also those that the device does not draw from; a device for administration pays as others do (Q5).
    pub(super) fn overdrawn(&self, pool: &Pool<'a>, device: &'a Device) -> Option<String> {
        for (set_name, set) in &pool.counter_sets {
            for (counter_name, counter) in &set.counters {
                let drawn = |device: &Device| {
                    let consumptions = device.consumes_counters.iter();
                    let ours = consumptions.filter(|c| c.counter_set == *set_name);
                    let amounts = ours.filter_map(|c| c.counters.get(counter_name));
                    amounts.fold(Quantity::default(), |sum, more| sum.add(&more.value))
                };
                let users = self.held_devices(pool).chain(self.paying_picks(pool));
                let total = users
                    .chain([device])
                    .fold(Quantity::default(), |sum, user| sum.add(&drawn(user)));
                if total > counter.value {
                    let value = &counter.value;
                    return Some(format!(
                        "counter {counter_name} of {set_name} has {value}, {total} would be used"
                    ));
                }
            }
        }
        None
    }

    /// A counter set whose other users have no compatibility group in common with the device.
    pub(super) fn incompatible(&self, pool: &Pool<'a>, device: &'a Device) -> Option<&'a str> {
        let users: Vec<&Device> = self
            .held_devices(pool)
            .chain(self.paying_picks(pool))
            .chain([device])
            .collect();
        let mut sets = device.consumes_counters.iter().map(|c| &c.counter_set);
        let refused = sets.find(|set| {
            let groups: Vec<BTreeSet<&str>> = users
                .iter()
                .flat_map(|user| &user.consumes_counters)
                .filter(|consumption| consumption.counter_set == **set)
                .map(group_set)
                .collect();
            !compatible(&groups)
        });
        refused.map(String::as_str)
    }
}

fn group_set(consumption: &DeviceCounterConsumption) -> BTreeSet<&str> {
    let groups = consumption.compatibility_groups.iter();
    groups.map(String::as_str).collect()
}

/// Whether users of a counter set go together: none has groups, or all have one in common. The last of them is the new
/// one. What is held is never refused: where held users contradict each other already, only the new one counts.
fn compatible(users: &[BTreeSet<&str>]) -> bool {
    let Some((new, before)) = users.split_last() else {
        return true;
    };
    let Some((first, more)) = before.split_first() else {
        return true;
    };
    if first.is_empty() || new.is_empty() {
        return first.is_empty() && new.is_empty();
    }
    let common = more
        .iter()
        .filter(|groups| !groups.is_empty())
        .fold(first.clone(), |common, groups| {
            common.intersection(groups).copied().collect()
        });
    !common.is_disjoint(new)
}
