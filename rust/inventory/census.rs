//! How many slices each generation of a pool has, over the whole cluster.
//!
//! Kept beside the slices, so that a node need not look at those of other nodes to know whether a pool is complete.
//! Counts only. Start at [`Census`].

use std::cmp::Ordering;

use super::slice::Slice;

/// A pool's generations, ascending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Census(Vec<Generation>);

/// What a pool has of one generation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Generation {
    number: i64,
    /// All slices.
    pub slices: Count,
    /// Those in which a device names compatibility groups.
    pub with_groups: Count,
    /// Slices with counter sets, or with devices that consume counters.
    pub with_counters: usize,
}

/// Slices and the devices in them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// How many slices.
    pub slices: usize,
    /// How many devices in them.
    pub devices: usize,
}

impl Census {
    /// Whether slices of a newer generation are there.
    pub fn is_newer_than(&self, generation: i64) -> bool {
        self.0.last().is_some_and(|last| last.number > generation)
    }

    /// What there is of a generation.
    pub fn of(&self, generation: i64) -> Generation {
        let at = self.0.binary_search_by_key(&generation, |own| own.number);
        at.map(|at| self.0[at]).unwrap_or_default()
    }

    /// Whether no slice is left.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn add(&mut self, slice: &Slice) {
        let number = slice.document().spec.pool.generation;
        let at = self.0.partition_point(|own| own.number < number);
        if self.0.get(at).is_none_or(|own| own.number != number) {
            self.0.insert(at, Generation::default());
            self.0[at].number = number;
        }
        self.0[at].count(slice, Ordering::Greater);
    }

    pub(super) fn remove(&mut self, slice: &Slice) {
        let number = slice.document().spec.pool.generation;
        let Ok(at) = self.0.binary_search_by_key(&number, |own| own.number) else {
            return;
        };
        self.0[at].count(slice, Ordering::Less);
        if self.0[at].slices.slices == 0 {
            self.0.remove(at);
        }
    }
}

impl Generation {
    fn count(&mut self, slice: &Slice, way: Ordering) {
        let devices = slice.document().spec.devices.len();
        self.slices.count(devices, way);
        if slice.uses().groups {
            self.with_groups.count(devices, way);
        }
        if slice.uses().counters {
            self.with_counters = step(self.with_counters, 1, way);
        }
    }
}

impl Count {
    fn count(&mut self, devices: usize, way: Ordering) {
        self.slices = step(self.slices, 1, way);
        self.devices = step(self.devices, devices, way);
    }

    /// What is left without some of them.
    pub fn without(self, others: Self) -> Self {
        Self {
            slices: self.slices.saturating_sub(others.slices),
            devices: self.devices.saturating_sub(others.devices),
        }
    }
}

fn step(count: usize, by: usize, way: Ordering) -> usize {
    match way {
        Ordering::Less => count.saturating_sub(by),
        _ => count + by,
    }
}
