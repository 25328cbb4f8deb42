//! Taking and giving back: a claim's allocation, device by device, in every index that tells who holds what.
//!
//! Never judges what is taken. Start at [`Inventory::hold`].

use std::collections::BTreeSet;
use std::sync::Arc;

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
        next.take_anew(Arc::new(held), None, &mut Vec::new());
        next
    }

    /// The same inventory in which the claim holds nothing; its document stays.
    #[must_use]
    pub fn release(&self, key: &ClaimKey) -> Self {
        let mut next = self.clone();
        next.give_back(key);
        next
    }

    /// As [`Inventory::hold`] for a claim that holds nothing, in this snapshot itself. Adds the nodes for which what is
    /// held is another then; most likely it is the one `near`.
    pub(crate) fn take_anew(
        &mut self,
        held: Arc<Held>,
        near: Option<Position>,
        changed: &mut Vec<Position>,
    ) {
        let before = changed.len();
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
                None => DeviceUsage::only(holder),
            };
            self.set_usage(device, usage, near, changed);
        }
        self.held.insert_mut(held.key.clone(), held);
        self.change();
        self.forget_usage(&changed[before..]);
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
                self.set_usage(device, usage, None, &mut changed);
            }
        }
        self.change();
        self.forget_usage(&changed);
        changed
    }

    /// Makes this another snapshot than all that others have.
    fn change(&mut self) {
        // A stamp that nobody else has tells it from all others already.
        if Arc::get_mut(&mut self.stamp).is_none() {
            self.stamp = Arc::default();
        }
    }

    /// Notes who holds a device now, and the nodes for which that is another number.
    fn set_usage(
        &mut self,
        device: DeviceId,
        usage: DeviceUsage,
        near: Option<Position>,
        changed: &mut Vec<Position>,
    ) {
        let usage = (!usage.is_empty()).then(|| Arc::new(usage));
        for slice in self.slices_with(&device) {
            for index in places_in(&slice, &device) {
                self.set_usage_at(&slice, index, usage.clone());
                if let Some(table) = self.table.get() {
                    let node = table.only_node_of(&slice);
                    changed.extend(node.and_then(|node| table.position_near(node, near)));
                }
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
        if let Some(table) = self.table.get_mut() {
            Arc::make_mut(table).forget_usage(changed);
        }
    }

    /// The slices of the pool of a device, of every generation.
    fn slices_with(&self, device: &DeviceId) -> impl Iterator<Item = Arc<Slice>> + use<> {
        let pool = PoolId {
            driver: Arc::clone(&device.driver),
            pool: Arc::clone(&device.pool),
        };
        // Most pools have one slice, which the census finds faster than the map of all slices.
        let only = self.census(&pool).and_then(Census::only).cloned();
        let several: Vec<Arc<Slice>> = match only {
            Some(_) => Vec::new(),
            None => self.slices_of_pool(&pool).cloned().collect(),
        };
        only.into_iter().chain(several)
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
        let slices = devices.flat_map(|device| {
            let slices = self.slices_with(&device);
            slices.filter(move |slice| places_in(slice, &device).next().is_some())
        });
        slices
            .filter_map(|slice| table.only_node_of(&slice).map(Name::from))
            .collect()
    }
}

/// The positions in a slice at which the device stands.
fn places_in<'s>(slice: &'s Slice, device: &'s DeviceId) -> impl Iterator<Item = usize> + use<'s> {
    let devices = slice.document().spec.devices.iter().enumerate();
    let same = devices.filter(|(_, other)| other.name.as_str() == &*device.device);
    same.map(|(index, _)| index)
}
