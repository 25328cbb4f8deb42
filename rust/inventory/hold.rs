//! Taking and giving back: a claim's allocation, device by device, in every index that tells who holds what.
//!
//! Never judges what is taken. Start at [`Inventory::hold`].

use std::collections::BTreeSet;
use std::sync::Arc;

use super::usage::{DeviceUsage, Held, Holder, SliceUsage};
use super::{ClaimKey, DeviceId, Inventory, Name, NodeTable, PoolId, Slice};
use crate::wire::allocation::{AllocationResult, DeviceRequestAllocationResult};

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
            let take = |usage: Option<&DeviceUsage>| match usage {
                Some(usage) => Some(usage.with(holder)),
                None => Some(DeviceUsage::only(holder)),
            };
            self.change_usage(result, take, near, changed);
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
            let give = |usage: Option<&DeviceUsage>| usage.map(|usage| usage.without(key));
            self.change_usage(result, give, None, &mut changed);
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

    /// Changes who holds a device, and adds the nodes for which that is another number; nothing where `change` makes
    /// nothing of what was held.
    fn change_usage(
        &mut self,
        result: &DeviceRequestAllocationResult,
        change: impl FnOnce(Option<&DeviceUsage>) -> Option<DeviceUsage>,
        near: Option<Position>,
        changed: &mut Vec<Position>,
    ) {
        let pool = PoolId::of(result);
        let places = self.places_of(&pool, &result.device);
        let is_with_slice = !places.is_empty() && self.only_slice_of(&pool).is_some();
        let device = (!is_with_slice).then(|| DeviceId::of(result));
        let known = match &device {
            Some(device) => self.usage_by_id.get(device),
            None => self.usage_at(&places),
        };
        let Some(usage) = change(known) else {
            return;
        };
        let usage = Some(usage).filter(|usage| !usage.is_empty());
        match (device, &usage) {
            (Some(device), Some(usage)) => self.usage_by_id.insert_mut(device, usage.clone()),
            (Some(device), None) => {
                self.usage_by_id.remove_mut(&device);
            }
            (None, _) => {}
        }
        for (slice, index) in &places {
            self.set_usage_at(slice, *index, usage.clone());
            if let Some(table) = self.table.get() {
                let node = table.only_node_of(slice);
                changed.extend(node.and_then(|node| table.position_near(node, near)));
            }
        }
    }

    /// Who holds a device.
    pub fn usage(&self, device: &DeviceId) -> Option<&DeviceUsage> {
        let pool = device.pool_id();
        let is_single = self.only_slice_of(&pool).is_some();
        let places = is_single.then(|| self.places_of(&pool, &device.device));
        match places.filter(|places| !places.is_empty()) {
            Some(places) => self.usage_at(&places),
            None => self.usage_by_id.get(device),
        }
    }

    /// The slice of a pool that has but one, as most have. It alone says who holds its devices.
    fn only_slice_of(&self, pool: &PoolId) -> Option<&Arc<Slice>> {
        self.census(pool)?.only()
    }

    /// As [`Inventory::usage`], of a device that stands at these places.
    fn usage_at(&self, places: &[(Arc<Slice>, usize)]) -> Option<&DeviceUsage> {
        // It is the same at every place.
        let (slice, index) = places.first()?;
        self.slice_usage(slice)?.device(*index)
    }

    fn set_usage_at(&mut self, slice: &Slice, index: usize, usage: Option<DeviceUsage>) {
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

    /// Where the device stands: a slice and a position in it, of every generation.
    fn places_of(&self, pool: &PoolId, device: &str) -> Vec<(Arc<Slice>, usize)> {
        // Most pools have one slice, which the census finds faster than the map of all slices.
        let only = self.only_slice_of(pool);
        let mut places = Vec::with_capacity(1);
        let add = |slice: &Arc<Slice>| {
            for (index, other) in slice.document().spec.devices.iter().enumerate() {
                if other.name.as_str() == device {
                    places.push((Arc::clone(slice), index));
                }
            }
        };
        match only {
            Some(slice) => [slice].into_iter().for_each(add),
            None => self.slices_of_pool(pool).for_each(add),
        }
        places
    }

    /// Notes who holds the devices of a slice that has come.
    pub(super) fn note_usage_of(&mut self, slice: &Slice) {
        if self.held.is_empty() {
            return;
        }
        let pool = slice.pool();
        if self.census(pool).is_some_and(|pool| pool.slices() == 2) {
            let mut slices = self.slices_of_pool(pool);
            let first = slices.find(|other| other.number() != slice.number());
            let first = first.cloned();
            drop(slices);
            if let Some(first) = first {
                self.add_by_id(&first);
            }
        }
        if self.usage_by_id.is_empty() {
            return;
        }
        let mut now = SliceUsage::none(slice);
        for index in 0..slice.document().spec.devices.len() {
            let usage = self.usage_by_id.get(&slice.device_id(index));
            now.set(index, usage.cloned());
        }
        if self.only_slice_of(pool).is_some() {
            self.remove_by_id(slice);
        }
        if !now.is_empty() {
            self.in_use.insert_mut(slice.number(), Arc::new(now));
        }
    }

    /// Notes who holds the devices of a slice that is gone.
    pub(super) fn forget_usage_of(&mut self, slice: &Slice) {
        match self.census(slice.pool()) {
            None => self.add_by_id(slice),
            Some(pool) => {
                if let Some(only) = pool.only().cloned() {
                    self.remove_by_id(&only);
                }
            }
        }
        self.in_use.remove_mut(&slice.number());
    }

    fn add_by_id(&mut self, slice: &Slice) {
        let Some(usage) = self.in_use.get(&slice.number()).cloned() else {
            return;
        };
        for index in usage.held() {
            if let Some(usage) = usage.device(index) {
                let device = slice.device_id(index);
                self.usage_by_id.insert_mut(device, usage.clone());
            }
        }
    }

    fn remove_by_id(&mut self, slice: &Slice) {
        for index in 0..slice.document().spec.devices.len() {
            self.usage_by_id.remove_mut(&slice.device_id(index));
        }
    }

    /// The nodes that alone see devices of the allocation.
    pub(super) fn nodes_of(
        &self,
        allocation: &AllocationResult,
        table: &NodeTable,
    ) -> BTreeSet<Name> {
        let results = allocation.devices.results.iter();
        let places = results.flat_map(|result| self.places_of(&PoolId::of(result), &result.device));
        places
            .filter_map(|(slice, _)| table.only_node_of(&slice).map(Name::from))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::ObjectRef;

    fn slice(name: &str, generation: i64, devices: &[&str]) -> String {
        let devices: Vec<String> = devices
            .iter()
            .map(|device| format!(r#"{{"name":"{device}"}}"#))
            .collect();
        format!(
            r#"{{"apiVersion":"resource.k8s.io/v1","kind":"ResourceSlice","metadata":{{"name":"{name}"}},
                "spec":{{"driver":"d.io","nodeName":"n","devices":[{}],
                "pool":{{"name":"p","generation":{generation},"resourceSliceCount":1}}}}}}"#,
            devices.join(",")
        )
    }

    fn gone(slice: &str) -> ObjectRef {
        ObjectRef {
            kind: "ResourceSlice".to_owned(),
            key: ClaimKey::new("", slice),
            uid: String::new(),
        }
    }

    /// Who holds what does not depend on which slices come and go, and in what order.
    #[test]
    fn what_is_held_stays_held_while_slices_come_and_go() {
        let claim = r#"{"apiVersion":"resource.k8s.io/v1","kind":"ResourceClaim","metadata":{"name":"c","namespace":"x"},
            "spec":{"devices":{}},"status":{"allocation":{"devices":{"results":[
            {"request":"r","driver":"d.io","pool":"p","device":"a"}]}}}}"#;
        let (key, device) = (ClaimKey::new("x", "c"), DeviceId::new("d.io", "p", "a"));
        let mut now = Inventory::from_json(claim.as_bytes()).expect("a claim");
        let steps: [(Option<String>, Option<&str>); 8] = [
            (Some(slice("s", 1, &["b", "a"])), None),
            (Some(slice("t", 2, &["a"])), None),
            (None, Some("s")),
            (Some(slice("t", 2, &["b"])), None),
            (Some(slice("s", 2, &["a", "b"])), None),
            (Some(slice("u", 3, &["b", "c", "a"])), None),
            (None, Some("s")),
            (None, Some("u")),
        ];
        for (comes, goes) in steps {
            let goes: Vec<_> = goes.map(gone).into_iter().collect();
            let comes = comes.unwrap_or_default();
            now = now.update(comes.as_bytes(), &goes).expect("documents");
            let holders = now.usage(&device).map(DeviceUsage::holders);
            assert_eq!(holders.map(<[Holder]>::len), Some(1));
            // As after reading all of it at once, slice by slice.
            let anew = Inventory::from_state_json(&now.to_state_json()).expect("a state");
            for slice in now.slices() {
                let same = anew.slices().find(|other| other.name() == slice.name());
                let same = same.expect("the same slices");
                for at in 0..slice.document().spec.devices.len() {
                    let held = now.slice_usage(slice).and_then(|usage| usage.device(at));
                    let other = anew.slice_usage(same).and_then(|usage| usage.device(at));
                    assert_eq!(held, other, "{} {at}", slice.name());
                }
            }
            assert!(now.release(&key).usage(&device).is_none());
        }
    }
}
