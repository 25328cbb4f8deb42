//! One node as the search sees it: the usable devices in search order, with everything that is held.
//!
//! Built once per call and never changed by the search. Positions in [`View::devices`] stand for devices from here on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::claim::taint;
use crate::gates::Features;
use crate::inventory::pool::{Pool, PoolState};
use crate::inventory::{DeviceId, DeviceUsage, Inventory, Layout, Place, Slice};
use crate::quantity::Quantity;
use crate::wire::core::Node;
use crate::wire::slice::{Device, DeviceTaint, DeviceTaintRule};

/// A node with its pools and devices.
pub struct View<'a> {
    /// The inventory it was taken from.
    pub inventory: &'a Inventory,
    /// The node; a bare one where there is no document.
    pub node: Arc<Node>,
    /// The gates in force.
    pub features: Features,
    /// Pools in search order.
    pub pools: &'a [Pool],
    /// Devices of all usable pools in search order.
    pub devices: Vec<DeviceView<'a>>,
    /// For each pool the range of its devices.
    pub ranges: &'a [std::ops::Range<usize>],
}

/// One device.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says one thing of the device"
)]
pub struct DeviceView<'a> {
    /// Its slice.
    pub slice: &'a Arc<Slice>,
    /// Position of the slice in its pool.
    pub slice_at: usize,
    /// Its position in the slice.
    pub index: usize,
    /// Position of its pool in [`View::pools`].
    pub pool: usize,
    /// Whether several allocations may share it, with the gate on.
    pub is_shareable: bool,
    /// Whether it is held as a whole, or excluded by the caller.
    pub is_held: bool,
    /// Whether the caller excluded it.
    pub is_excluded: bool,
    /// Whether shares of it are held.
    pub has_shares: bool,
    /// What the held shares consume.
    pub consumed: BTreeMap<&'a str, Quantity>,
    /// Taints from rules, beside those of the document.
    pub rule_taints: Vec<&'a DeviceTaint>,
}

impl DeviceView<'_> {
    /// The device as published.
    pub fn document(&self) -> &Device {
        &self.slice.document().spec.devices[self.index]
    }

    /// Its id.
    pub fn id(&self) -> &DeviceId {
        self.slice.device_id(self.index)
    }

    /// All taints, the driver's first.
    pub fn taints(&self) -> impl Iterator<Item = &DeviceTaint> {
        self.document()
            .taints
            .iter()
            .chain(self.rule_taints.iter().copied())
    }
}

impl<'a> View<'a> {
    /// Looks at a node.
    pub fn new(
        inventory: &'a Inventory,
        node: Arc<Node>,
        layout: &'a Layout,
        features: Features,
        exclude: &BTreeSet<DeviceId>,
    ) -> Self {
        let mut view = Self {
            inventory,
            node,
            features,
            pools: &layout.pools,
            devices: Vec::with_capacity(layout.ranges.last().map_or(0, |range| range.end)),
            ranges: &layout.ranges,
        };
        let rules: Vec<&DeviceTaintRule> = inventory
            .taint_rules()
            .filter(|_| features.device_taint_rules)
            .map(AsRef::as_ref)
            .collect();
        let mut held = None;
        for place in layout.places() {
            if place.index == 0 {
                held = inventory.slice_usage(place.slice);
            }
            let usage = held.and_then(|held| held.device(place.index));
            let mut device = view.device(place, usage);
            if !exclude.is_empty() && exclude.contains(device.id()) {
                device.is_held = true;
                device.is_excluded = true;
            }
            if !rules.is_empty() {
                let id = place.slice.device_id(place.index);
                let rules = rules
                    .iter()
                    .filter(|rule| taint::rule_applies(rule, &id.driver, &id.pool, &id.device));
                device.rule_taints = rules.map(|rule| &rule.spec.taint).collect();
            }
            view.devices.push(device);
        }
        view
    }

    /// The device as far as it does not matter who it is.
    fn device(&self, place: Place<'a>, usage: Option<&'a DeviceUsage>) -> DeviceView<'a> {
        let Place {
            pool,
            slice_at,
            slice,
            index,
        } = place;
        let sharing = self.features.consumable_capacity;
        let is_shareable = || {
            let document = &slice.document().spec.devices[index];
            document.allow_multiple_allocations == Some(true)
        };
        DeviceView {
            slice,
            slice_at,
            index,
            pool,
            is_shareable: sharing && slice.devices_at_large().has_shareable && is_shareable(),
            is_held: usage.is_some_and(|usage| usage.is_exclusive(sharing)),
            is_excluded: false,
            has_shares: usage.is_some_and(|usage| usage.has_shares(sharing)),
            consumed: usage
                .and_then(|usage| usage.aggregated(sharing))
                .unwrap_or_default(),
            rule_taints: Vec::new(),
        }
    }

    /// Whether a pool that the node sees is invalid.
    pub fn has_invalid_pool(&self) -> bool {
        let is_invalid = |pool: &Pool| matches!(pool.state, PoolState::Invalid { .. });
        self.pools.iter().any(is_invalid)
    }
}
