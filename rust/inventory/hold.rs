//! Taking and giving back: a claim's allocation, device by device, in every index that tells who holds what.
//!
//! Never judges what is taken. Start at [`Inventory::hold`].

use std::collections::BTreeSet;
use std::sync::Arc;

use super::usage::{DeviceUsage, Held, Holder, SliceUsage};
use super::{ClaimKey, DeviceId, Inventory, Name, NodeTable, PoolId, Slice};
use crate::wire::allocation::AllocationResult;

impl Inventory {
    /// The same inventory in which the claim holds the allocation, instead of what it held before.
    #[must_use]
    pub fn hold(&self, held: Held) -> Self {
        let mut next = self.release(&held.key);
        let mut nodes = BTreeSet::new();
        for result in &held.allocation.devices.results {
            if result.admin_access == Some(true) {
                continue;
            }
            let holder = Holder {
                claim: held.key.clone(),
                share_id: result.share_id.as_deref().map(Arc::from),
                consumed: result.consumed_capacity.clone().unwrap_or_default(),
            };
            let device = DeviceId::new(&result.driver, &result.pool, &result.device);
            let usage = next.usage.get(&device);
            let usage = usage.map_or_else(
                || DeviceUsage::default().with(holder.clone()),
                |usage| usage.with(holder.clone()),
            );
            next.set_usage(device, usage, &mut nodes);
        }
        next.held.insert_mut(held.key.clone(), Arc::new(held));
        next.stamp = Arc::default();
        next.patch_usage(&nodes);
        next
    }

    /// The same inventory in which the claim holds nothing; its document stays.
    #[must_use]
    pub fn release(&self, key: &ClaimKey) -> Self {
        let mut next = self.clone();
        let Some(held) = self.held.get(key) else {
            return next;
        };
        next.held.remove_mut(key);
        let mut nodes = BTreeSet::new();
        for result in &held.allocation.devices.results {
            let device = DeviceId::new(&result.driver, &result.pool, &result.device);
            if let Some(usage) = next.usage.get(&device).map(|usage| usage.without(key)) {
                next.set_usage(device, usage, &mut nodes);
            }
        }
        next.stamp = Arc::default();
        next.patch_usage(&nodes);
        next
    }

    /// Notes who holds a device now, and the nodes for which that is another number.
    fn set_usage(&mut self, device: DeviceId, usage: DeviceUsage, nodes: &mut BTreeSet<Name>) {
        let usage = (!usage.is_empty()).then(|| Arc::new(usage));
        for (slice, index) in self.places_of(&device) {
            let known = self.in_use.get(&slice.number());
            let mut now = known.map_or_else(|| SliceUsage::none(&slice), |known| (**known).clone());
            now.set(index, usage.clone());
            if now.is_empty() {
                self.in_use.remove_mut(&slice.number());
            } else {
                self.in_use.insert_mut(slice.number(), Arc::new(now));
            }
            if let Some(table) = self.table.get() {
                nodes.extend(table.only_node_of(&slice));
            }
        }
        match usage {
            Some(usage) => self.usage.insert_mut(device, usage),
            None => {
                self.usage.remove_mut(&device);
            }
        }
    }

    /// Where the device stands: a slice and a position in it, of every generation.
    fn places_of(&self, device: &DeviceId) -> Vec<(Arc<Slice>, usize)> {
        let pool = PoolId {
            driver: Arc::clone(&device.driver),
            pool: Arc::clone(&device.pool),
        };
        let slices = self.slices_of_pool(&pool);
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
            now.set(index, self.usage.get(slice.device_id(index)).cloned());
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
        let devices = results.map(|r| DeviceId::new(&r.driver, &r.pool, &r.device));
        let places = devices.flat_map(|device| self.places_of(&device));
        places
            .filter_map(|(slice, _)| table.only_node_of(&slice))
            .collect()
    }
}
