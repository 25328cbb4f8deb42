//! Taking and giving back: a claim's allocation, device by device, in every index that tells who holds what.
//!
//! Never judges what is taken. Start at [`Inventory::hold`].

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use super::usage::{DeviceUsage, Held, Holder, SliceUsage};
use super::{Census, ClaimKey, DeviceId, Inventory, Name, NodeTable, PoolId, Slice};
use crate::wire::allocation::AllocationResult;

/// Where a node stands in the table: its chunk, and its place in it.
pub type Position = (usize, usize);

impl Inventory {
    /// The same inventory in which the claim holds the allocation, instead of what it held before.
    #[must_use]
    pub fn hold(&self, held: Held) -> Self {
        let mut next = self.clone();
        next.give_back(&held.key);
        next.take_anew(Arc::new(held));
        next
    }

    /// The same inventory in which the claim holds nothing; its document stays.
    #[must_use]
    pub fn release(&self, key: &ClaimKey) -> Self {
        let mut next = self.clone();
        next.give_back(key);
        next
    }

    /// As [`Inventory::hold`] for a claim that holds nothing, in this snapshot itself. Returns the nodes for which what is
    /// held is another then.
    pub(crate) fn take_anew(&mut self, held: Arc<Held>) -> Vec<Position> {
        let mut changed = Vec::new();
        for result in &held.allocation.devices.results {
            if result.admin_access == Some(true) {
                continue;
            }
            let holder = Holder {
                claim: held.key.clone(),
                share_id: result.share_id.as_deref().map(Arc::from),
                consumed: result.consumed_capacity.clone().unwrap_or_default(),
            };
            let device = DeviceId::of(result);
            let usage = match self.usage.get(&device) {
                Some(usage) => usage.with(holder),
                None => DeviceUsage::default().with(holder),
            };
            self.set_usage(device, usage, &mut changed);
        }
        self.held.insert_mut(held.key.clone(), held);
        self.stamp = Arc::default();
        self.forget_usage(&changed);
        changed
    }

    /// As [`Inventory::release`], in this snapshot itself. Returns the nodes for which what is held is another then.
    pub(crate) fn give_back(&mut self, key: &ClaimKey) -> Vec<Position> {
        let mut changed = Vec::new();
        let Some(held) = self.held.get(key).cloned() else {
            return changed;
        };
        self.held.remove_mut(key);
        for result in &held.allocation.devices.results {
            let device = DeviceId::of(result);
            if let Some(usage) = self.usage.get(&device).map(|usage| usage.without(key)) {
                self.set_usage(device, usage, &mut changed);
            }
        }
        self.stamp = Arc::default();
        self.forget_usage(&changed);
        changed
    }

    /// Notes who holds a device now, and the nodes for which that is another number.
    fn set_usage(&mut self, device: DeviceId, usage: DeviceUsage, changed: &mut Vec<Position>) {
        let usage = (!usage.is_empty()).then(|| Arc::new(usage));
        for (slice, index) in self.places_of(&device) {
            self.set_usage_at(&slice, index, usage.clone());
            if let Some(table) = self.table.get() {
                let node = table.only_node_of(&slice);
                changed.extend(node.and_then(|node| table.position(node)));
            }
        }
        match usage {
            Some(usage) => self.usage.insert_mut(device, usage),
            None => {
                self.usage.remove_mut(&device);
            }
        }
    }

    fn set_usage_at(&mut self, slice: &Slice, index: usize, usage: Option<Arc<DeviceUsage>>) {
        let number = slice.number();
        if let Some(known) = self.in_use.get_mut(&number) {
            let known = Arc::make_mut(known);
            known.set(index, usage);
            if known.is_empty() {
                self.in_use.remove_mut(&number);
            }
        } else if usage.is_some() {
            let mut now = SliceUsage::none(slice);
            now.set(index, usage);
            self.in_use.insert_mut(number, Arc::new(now));
        }
    }

    /// Brings the table up to date after something was taken or given back on these nodes.
    fn forget_usage(&mut self, changed: &[Position]) {
        if changed.is_empty() {
            return;
        }
        if let Some(mut table) = self.table.take() {
            Arc::make_mut(&mut table).forget_usage(changed);
            self.table = OnceLock::from(table);
        }
    }

    /// Where the device stands: a slice and a position in it, of every generation.
    fn places_of(&self, device: &DeviceId) -> Vec<(Arc<Slice>, usize)> {
        let pool = PoolId {
            driver: Arc::clone(&device.driver),
            pool: Arc::clone(&device.pool),
        };
        // Most pools have one slice, which the census finds faster than the map of all slices.
        let only = self.census(&pool).and_then(Census::only);
        let several = only.is_none().then(|| self.slices_of_pool(&pool));
        let slices = only.into_iter().chain(several.into_iter().flatten());
        let places = slices.flat_map(|slice| {
            let devices = slice.document().spec.devices.iter().enumerate();
            let same = devices.filter(|(_, other)| other.name.as_str() == &*device.device);
            same.map(|(index, _)| (Arc::clone(slice), index))
        });
        places.collect()
    }

    /// Notes who holds the devices of a new slice.
    pub(super) fn note_usage_of(&mut self, slice: &Slice) {
        if self.usage.is_empty() {
            return;
        }
        let mut now = SliceUsage::none(slice);
        for index in 0..slice.document().spec.devices.len() {
            now.set(index, self.usage.get(&slice.device_id(index)).cloned());
        }
        if !now.is_empty() {
            self.in_use.insert_mut(slice.number(), Arc::new(now));
        }
    }

    /// The nodes that alone see devices of the allocation.
    pub(super) fn nodes_of(
        &self,
        allocation: &AllocationResult,
        table: &NodeTable,
    ) -> BTreeSet<Name> {
        let results = allocation.devices.results.iter();
        let devices = results.map(DeviceId::of);
        let places = devices.flat_map(|device| self.places_of(&device));
        places
            .filter_map(|(slice, _)| table.only_node_of(&slice).map(Name::from))
            .collect()
    }
}
