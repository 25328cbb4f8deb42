//! One node as the search sees it: the usable devices in search order, with everything that is held.
//!
//! Built once per call and never changed by the search. Positions in [`View::devices`] stand for devices from here on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::cel;
use crate::claim::taint;
use crate::gates::Features;
use crate::inventory::pool::{Pool, PoolState};
use crate::inventory::{DeviceId, Inventory, Layout, Slice, bits};
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
    pub pools: &'a [Pool],
    /// Devices of all usable pools in search order.
    pub devices: Vec<DeviceView<'a>>,
    /// For each pool the range of its devices.
    pub ranges: &'a [std::ops::Range<usize>],
    /// The devices that somebody holds, as a whole or shares of, ascending.
    pub held: Vec<usize>,
    /// By position, for the few devices that have anything there.
    beside: BTreeMap<usize, Beside<'a>>,
}

/// One device; what few devices have is beside them.
#[derive(Clone, Copy)]
pub struct DeviceView<'a> {
    /// Its slice.
    pub slice: &'a Arc<Slice>,
    /// Position of the slice in its pool.
    pub slice_at: u32,
    /// Its position in the slice.
    pub index: u32,
    /// Position of its pool in [`View::pools`].
    pub pool: u32,
    /// What is the matter with it: [`DeviceView::SHAREABLE`] and the others.
    marks: u8,
}

/// What few devices have beside the rest.
#[derive(Default)]
struct Beside<'a> {
    /// What the held shares consume.
    consumed: BTreeMap<&'a str, Quantity>,
    /// Taints from rules, beside those of the document.
    rule_taints: Vec<&'a DeviceTaint>,
}

impl<'a> DeviceView<'a> {
    const SHAREABLE: u8 = 1;
    const HELD: u8 = 2;
    const EXCLUDED: u8 = 4;
    const SHARES: u8 = 8;
    /// Something about it is in [`View::beside`].
    const BESIDE: u8 = 16;

    /// Whether several allocations may share it, with the gate on.
    pub fn is_shareable(&self) -> bool {
        self.marks & Self::SHAREABLE != 0
    }

    /// Whether it is held as a whole, or excluded by the caller.
    pub fn is_held(&self) -> bool {
        self.marks & Self::HELD != 0
    }

    /// Whether the caller excluded it.
    pub fn is_excluded(&self) -> bool {
        self.marks & Self::EXCLUDED != 0
    }

    /// Whether shares of it are held.
    pub fn has_shares(&self) -> bool {
        self.marks & Self::SHARES != 0
    }

    /// Whether it is there as published, with all of its capacity, and no more is needed of it than to be asked.
    pub fn is_whole(&self) -> bool {
        self.marks & Self::BESIDE == 0 && !self.slice.devices_at_large().has_odd_capacity
    }

    /// The device as published.
    pub fn document(&self) -> &'a Device {
        &self.slice.document().spec.devices[self.index as usize]
    }

    /// Its id.
    pub fn id(&self) -> DeviceId {
        self.slice.device_id(self.index as usize)
    }

    /// What CEL sees of it.
    pub fn cel_device(&self) -> cel::Device<'a> {
        self.slice.cel_device(self.index as usize)
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
            devices: Vec::with_capacity(layout.devices()),
            ranges: &layout.ranges,
            held: Vec::new(),
            beside: BTreeMap::new(),
        };
        for (pool, of) in (0_u32..).zip(&layout.pools) {
            for (slice_at, slice) in (0_u32..).zip(of.usable()) {
                view.add_slice(slice, slice_at, pool);
            }
        }
        if !exclude.is_empty() {
            for device in &mut view.devices {
                if exclude.contains(&device.id()) {
                    device.marks |= DeviceView::HELD | DeviceView::EXCLUDED;
                }
            }
        }
        view.add_rules();
        view
    }

    /// Adds the devices of a slice, with what is held of them.
    fn add_slice(&mut self, slice: &'a Arc<Slice>, slice_at: u32, pool: u32) {
        let sharing = self.features.consumable_capacity;
        let documents = &slice.document().spec.devices;
        let start = self.devices.len();
        let devices = (0_u32..).zip(documents).map(|(index, _)| DeviceView {
            slice,
            slice_at,
            index,
            pool,
            marks: 0,
        });
        self.devices.extend(devices);
        let devices = &mut self.devices[start..];
        if sharing && slice.devices_at_large().has_shareable {
            for (device, document) in devices.iter_mut().zip(documents) {
                if document.allow_multiple_allocations == Some(true) {
                    device.marks |= DeviceView::SHAREABLE;
                }
            }
        }
        let Some(usage) = self.inventory.slice_usage(slice) else {
            return;
        };
        for index in usage.held() {
            self.held.push(start + index);
            let device = &mut devices[index];
            if usage.is_exclusive(index, sharing) {
                device.marks |= DeviceView::HELD;
            }
            if !usage.has_shares(index, sharing) {
                continue;
            }
            device.marks |= DeviceView::SHARES;
            let consumed = usage
                .device(index)
                .and_then(|usage| usage.aggregated(sharing));
            if let Some(consumed) = consumed {
                device.marks |= DeviceView::BESIDE;
                self.beside.entry(start + index).or_default().consumed = consumed;
            }
        }
    }

    /// Sees the devices of other slices, by the position of their first device; they are to differ from its own in names
    /// and attributes alone.
    pub fn see(&mut self, slices: impl Iterator<Item = (usize, &'a Arc<Slice>)>) {
        for (start, slice) in slices {
            let devices = slice.document().spec.devices.len();
            for device in &mut self.devices[start..start + devices] {
                device.slice = slice;
            }
        }
    }

    /// Sees other devices held, none of which in shares, now or before; of slices, by the position of their first device
    /// and in the order of the view, the bits of devices that are.
    pub fn hold<'u>(&mut self, slices: impl Iterator<Item = (usize, &'u [u32])>) {
        for device in self.held.drain(..) {
            let marks = &mut self.devices[device].marks;
            if *marks & DeviceView::EXCLUDED == 0 {
                *marks &= !DeviceView::HELD;
            }
        }
        for (start, held) in slices {
            bits(held).for_each(|index| {
                self.held.push(start + index);
                self.devices[start + index].marks |= DeviceView::HELD;
            });
        }
    }

    /// Adds the taints that rules put on devices.
    fn add_rules(&mut self) {
        if !self.features.device_taint_rules {
            return;
        }
        for rule in self.inventory.taint_rules() {
            for (position, device) in self.devices.iter_mut().enumerate() {
                let id = device.id();
                if taint::rule_applies(rule, &id.driver, &id.pool, &id.device) {
                    device.marks |= DeviceView::BESIDE;
                    let beside = self.beside.entry(position).or_default();
                    beside.rule_taints.push(&rule.spec.taint);
                }
            }
        }
    }

    fn beside(&self, device: usize) -> Option<&Beside<'a>> {
        if self.devices[device].marks & DeviceView::BESIDE == 0 {
            return None;
        }
        self.beside.get(&device)
    }

    /// What the held shares of a device consume of a capacity, in nanos.
    pub fn consumed(&self, device: usize, name: &str) -> i128 {
        let held = self.beside(device).map(|beside| &beside.consumed);
        held.and_then(|held| held.get(name))
            .map_or(0, Quantity::nanos)
    }

    /// All taints of a device, the driver's first.
    pub fn taints(&self, device: usize) -> impl Iterator<Item = &DeviceTaint> {
        let of_rules = self.beside(device).into_iter();
        let of_rules = of_rules.flat_map(|beside| beside.rule_taints.iter().copied());
        let document = self.devices[device].document();
        document.taints.iter().chain(of_rules)
    }

    /// Whether a pool that the node sees is invalid.
    pub fn has_invalid_pool(&self) -> bool {
        let is_invalid = |pool: &Pool| matches!(pool.state, PoolState::Invalid { .. });
        self.pools.iter().any(is_invalid)
    }
}
