//! How many slices each generation of a pool has, over the whole cluster.
//!
//! Kept beside the slices, so that a node need not look at those of other nodes to know whether a pool is complete.
//! Counts only. Start at [`Census`].

use std::cmp::Ordering;
use std::sync::Arc;

use super::slice::Slice;

/// A pool's generations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Ascending.
    generations: Vec<Generation>,
    /// The slice, where there is but one: most pools have one.
    only: Option<Arc<Slice>>,
}

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
        self.generations
            .last()
            .is_some_and(|last| last.number > generation)
    }

    /// What there is of a generation.
    pub fn of(&self, generation: i64) -> Generation {
        let at = self
            .generations
            .binary_search_by_key(&generation, |own| own.number);
        at.map(|at| self.generations[at]).unwrap_or_default()
    }

    /// Whether no slice is left.
    pub(super) fn is_empty(&self) -> bool {
        self.generations.is_empty()
    }

    /// The slice of a pool that has but one.
    pub(super) fn only(&self) -> Option<&Arc<Slice>> {
        self.only.as_ref()
    }

    /// Says which slice is the only one, if one is.
    pub(super) fn set_only(&mut self, only: Option<Arc<Slice>>) {
        self.only = only;
    }

    /// How many slices there are, of all generations.
    pub(super) fn slices(&self) -> usize {
        let generations = self.generations.iter();
        generations.map(|of| of.slices.slices).sum()
    }

    pub(super) fn add(&mut self, slice: &Slice) {
        let number = slice.document().spec.pool.generation;
        let at = self.generations.partition_point(|own| own.number < number);
        if self
            .generations
            .get(at)
            .is_none_or(|own| own.number != number)
        {
            self.generations.insert(at, Generation::default());
            self.generations[at].number = number;
        }
        self.generations[at].count(slice, Ordering::Greater);
    }

    pub(super) fn remove(&mut self, slice: &Slice) {
        let number = slice.document().spec.pool.generation;
        let Ok(at) = self
            .generations
            .binary_search_by_key(&number, |own| own.number)
        else {
            return;
        };
        self.generations[at].count(slice, Ordering::Less);
        if self.generations[at].slices.slices == 0 {
            self.generations.remove(at);
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
