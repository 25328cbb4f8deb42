//! What cases have in common, in numbers.
//!
//! Start at [`Traits`].

use std::collections::BTreeSet;
use std::fmt;

use crate::world::{Way, World};

/// Numbers by name.
pub(crate) struct Traits(Vec<(&'static str, Option<i64>)>);

impl Traits {
    pub(crate) fn of(world: &World) -> Self {
        let requests = || world.claims.iter().flat_map(|claim| &claim.requests);
        let rules = || world.claims.iter().flat_map(|claim| &claim.rules);
        let kinds: BTreeSet<_> = world.devices.iter().collect();
        let shapes: BTreeSet<_> = world.devices.iter().map(|device| &device.draws).collect();
        let drawn = world.devices.iter().flat_map(|device| &device.draws);
        let sets: BTreeSet<usize> = drawn.map(|(set, _)| *set).collect();
        let needed = requests().map(|request| request.ways.iter().map(|way| way.count).min());
        let needed: usize = needed.map(Option::unwrap_or_default).sum();
        let counted = |number: usize| i64::try_from(number).ok();
        Self(vec![
            ("devices", counted(world.devices.len())),
            ("needed", counted(needed)),
            ("kinds", counted(kinds.len())),
            ("shapes", counted(shapes.len())),
            ("sets", counted(sets.len())),
            ("counters", counted(world.sets.len() * world.sets[0].len())),
            ("slack %", slack(world)),
            (
                "shared",
                counted(world.devices.iter().filter(|d| d.shared.is_some()).count()),
            ),
            ("claims", counted(world.claims.len())),
            ("requests", counted(requests().count())),
            (
                "with ways",
                counted(requests().filter(|r| r.ways.len() > 1).count()),
            ),
            ("match", counted(rules().filter(|r| r.is_match).count())),
            ("distinct", counted(rules().filter(|r| !r.is_match).count())),
        ])
    }
}

impl fmt::Display for Traits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (name, number)) in self.0.iter().enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            match number {
                Some(number) => write!(f, "{comma}{name} {number}")?,
                None => write!(f, "{comma}{name} -")?,
            }
        }
        Ok(())
    }
}

/// The median of each number.
pub(crate) fn medians(all: impl Iterator<Item = Traits>) -> Traits {
    let all: Vec<Traits> = all.collect();
    let names = all.first().map(|one| one.0.iter().map(|(name, _)| *name));
    let names = names.into_iter().flatten().enumerate();
    Traits(
        names
            .map(|(place, name)| {
                let mut numbers: Vec<i64> = all.iter().filter_map(|one| one.0[place].1).collect();
                numbers.sort_unstable();
                (name, numbers.get(numbers.len() / 2).copied())
            })
            .collect(),
    )
}

/// What is left over of the tightest counter when every demand takes the device that draws least from it, over all sets,
/// in percent; nothing where no counter has to be drawn from.
fn slack(world: &World) -> Option<i64> {
    let tightest = (0..world.sets[0].len()).filter_map(|counter| {
        let left: usize = world.sets.iter().map(|set| set[counter]).sum();
        let requests = world.claims.iter().flat_map(|claim| &claim.requests);
        let needed = requests.map(|request| {
            let of_way = |way: &Way| way.count * least(world, way, counter);
            request.ways.iter().map(of_way).min().unwrap_or_default()
        });
        let needed: usize = needed.sum();
        let (left, needed) = (i64::try_from(left).ok()?, i64::try_from(needed).ok()?);
        (needed > 0 && left > 0).then(|| (left - needed) * 100 / left)
    });
    tightest.min()
}

/// The least that a device for this wish draws from the counter.
fn least(world: &World, way: &Way, counter: usize) -> usize {
    let will_do = |model: usize| way.models.is_empty() || way.models.contains(&model);
    let devices = world.devices.iter().filter(|d| will_do(d.model));
    let drawn = devices.map(|device| match device.shared {
        Some(_) => 0,
        None => device.draws.iter().map(|(_, of)| of[counter]).sum(),
    });
    drawn.min().unwrap_or_default()
}
