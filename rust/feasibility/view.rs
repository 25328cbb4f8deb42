//! One node as the search sees it: the usable devices in search order, with everything that is held.
//!
//! Built once per call and never changed by the search. Positions in [`View::devices`] stand for devices from here on.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::claim::taint;
use crate::gates::Features;
use crate::inventory::pool::{Pool, PoolState, gather};
use crate::inventory::{DeviceId, DeviceUsage, Inventory, Slice};
use crate::quantity::Quantity;
use crate::wire::core::Node;
use crate::wire::slice::{Device, DeviceTaint};

/// A node with its pools and devices.
pub struct View<'a> {
    /// The inventory it was taken from.
    pub inventory: &'a Inventory,
    /// The node; a bare one where there is no document.
    pub node: Arc<Node>,
    /// The gates in force.
    pub features: Features,
    /// Pools in search order.
    pub pools: Vec<Pool>,
    /// Devices of all usable pools in search order.
    pub devices: Vec<DeviceView<'a>>,
    /// For each pool the range of its devices.
    pub ranges: Vec<std::ops::Range<usize>>,
}

/// One device.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says one thing of the device"
)]
pub struct DeviceView<'a> {
    /// Its slice.
    pub slice: Arc<Slice>,
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
    /// Looks at a node. An error is upstream's text and fatal.
    pub fn new(
        inventory: &'a Inventory,
        node: &str,
        features: Features,
        is_excluded: &dyn Fn(&DeviceId) -> bool,
    ) -> Result<Self, String> {
        let node = inventory.node_or_bare(node);
        let pools = gather(inventory, &node, features)
            .map_err(|error| format!("gather pool information: {error}"))?;
        let mut view = Self {
            inventory,
            node,
            features,
            pools: Vec::new(),
            devices: Vec::new(),
            ranges: Vec::new(),
        };
        for (position, pool) in pools.iter().enumerate() {
            let start = view.devices.len();
            if let PoolState::Usable { slices, .. } = &pool.state {
                for (slice_at, slice) in slices.iter().enumerate() {
                    let held = inventory.slice_usage(slice);
                    for index in 0..slice.document().spec.devices.len() {
                        let usage = held.and_then(|held| held.device(index));
                        let at = (position, slice_at, index);
                        let device = view.device(slice, at, usage, is_excluded);
                        view.devices.push(device);
                    }
                }
            }
            view.ranges.push(start..view.devices.len());
        }
        view.pools = pools;
        Ok(view)
    }

    fn device(
        &self,
        slice: &Arc<Slice>,
        (pool, slice_at, index): (usize, usize, usize),
        usage: Option<&'a DeviceUsage>,
        is_excluded: &dyn Fn(&DeviceId) -> bool,
    ) -> DeviceView<'a> {
        let sharing = self.features.consumable_capacity;
        let id = slice.device_id(index);
        let is_shareable = || {
            let document = &slice.document().spec.devices[index];
            document.allow_multiple_allocations == Some(true)
        };
        let rules = self.inventory.taint_rules().filter(|rule| {
            self.features.device_taint_rules
                && taint::rule_applies(rule, &id.driver, &id.pool, &id.device)
        });
        DeviceView {
            slice: Arc::clone(slice),
            slice_at,
            index,
            pool,
            is_shareable: sharing && slice.devices_at_large().has_shareable && is_shareable(),
            is_held: usage.is_some_and(|usage| usage.is_exclusive(sharing)) || is_excluded(id),
            is_excluded: is_excluded(id),
            has_shares: usage.is_some_and(|usage| usage.has_shares(sharing)),
            consumed: usage
                .and_then(|usage| usage.aggregated(sharing))
                .unwrap_or_default(),
            rule_taints: rules.map(|rule| &rule.spec.taint).collect(),
        }
    }

    /// Whether a pool that the node sees is invalid.
    pub fn has_invalid_pool(&self) -> bool {
        let is_invalid = |pool: &Pool| matches!(pool.state, PoolState::Invalid { .. });
        self.pools.iter().any(is_invalid)
    }
}
