//! Nodes that differ only in which of their interchangeable devices are held.
//!
//! A held device is never tried, so two nodes on which devices of the same kinds are free, in the same order, fare alike:
//! what one gives of its free devices in order, the other gives of its own. Only for nodes with one plain slice, for
//! claims that look at free devices alone, and for searches that did not look ahead, which may count held devices, too.
//! Start at [`Alike::of`].

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::inventory::{Inventory, Slice};
use crate::wire::slice::{Device, DeviceAttribute};

/// The kinds of devices that claims can tell apart: for each device of a slice the first that is like it.
#[derive(Debug, Default)]
pub(super) struct DeviceKinds {
    /// But for names and the values of attributes, by shape.
    of_shape: FxHashMap<u32, Box<[u32]>>,
    /// By the key of what claims see of a slice, the shape first; nothing where no two devices are alike.
    seen: FxHashMap<Box<[u32]>, Option<Box<[u32]>>>,
}

impl DeviceKinds {
    /// For a slice of which this is seen; nothing where claims may see more of a device than its kind, or where no two
    /// devices are alike.
    fn of<'s>(
        &mut self,
        slice: impl FnOnce() -> Option<&'s Arc<Slice>>,
        seen: &[u32],
        columns: &[usize],
    ) -> Option<&[u32]> {
        if !self.seen.contains_key(seen) {
            let slice = slice()?;
            let shape = slice.kind().shape;
            let of_shape = self.of_shape.entry(shape).or_insert_with(|| {
                let devices = &slice.document().spec.devices;
                firsts(devices.len(), |a, b| {
                    is_same_but_for_values(&devices[a], &devices[b])
                })
            });
            let is_plain = slice.is_readable() && !slice.devices_at_large().has_shareable;
            let kinds = kinds_of(slice, of_shape, columns).filter(|_| is_plain);
            self.seen.insert(seen.into(), kinds);
        }
        self.seen.get(seen)?.as_deref()
    }
}

/// What a node has in common with those that fare alike.
pub(super) struct Alike {
    /// Everything but what is held, and the kinds of the free devices in order.
    pub(super) key: Box<[u32]>,
    /// The positions of those.
    pub(super) free: Box<[usize]>,
}

impl Alike {
    /// For a node with one slice of its own, of which `seen` is seen in the attributes looked at, `columns`; `node` are
    /// both ends of what else is seen of the node, and `usage` is the number of what is held of it.
    /// Nothing where shares are held, or nothing is, or where no two devices are alike.
    pub(super) fn of<'s>(
        inventory: &Inventory,
        slice: impl FnOnce() -> Option<&'s Arc<Slice>>,
        (node, seen, usage): ([&[u32]; 2], &[u32], u32),
        columns: &[usize],
        kinds: &mut DeviceKinds,
    ) -> Option<Self> {
        if usage == 0 {
            return None;
        }
        let kinds = kinds.of(slice, seen, columns)?;
        let free_of = |held: &[u32]| {
            let is_free = |index: &usize| held[index / 32] & (1 << (index % 32)) == 0;
            (0..kinds.len()).filter(is_free).collect()
        };
        let free = inventory.held_bits(usage, 1, |held| held.first()?.as_deref().map(free_of));
        let free: Box<[usize]> = free??;
        let mut key = [node[0], node[1], seen].concat();
        key.extend(free.iter().map(|index| kinds[*index]));
        Some(Self {
            key: key.into(),
            free,
        })
    }

    /// The place of a device among the free ones.
    pub(super) fn rank(&self, device: usize) -> usize {
        self.free.partition_point(|free| *free < device)
    }
}

/// As [`DeviceKinds::of`], of devices that are alike but for values.
fn kinds_of(slice: &Slice, of_shape: &[u32], columns: &[usize]) -> Option<Box<[u32]>> {
    let kind = slice.kind();
    let marks = columns.iter().filter_map(|at| kind.marks(*at));
    let marks: Vec<&[u8]> = marks.collect();
    let may_be_alike = |a: usize, b: usize| {
        let mut marks = marks.iter();
        of_shape[a] == of_shape[b] && marks.all(|column| column[a] == column[b])
    };
    // Mostly that is enough to know, without a look at the devices.
    if !(0..of_shape.len()).any(|b| (0..b).any(|a| may_be_alike(a, b))) {
        return None;
    }
    let names = &kind.names;
    let values = slice.document().spec.devices.iter().map(|device| {
        let read = columns.iter().map(|column| &names[*column]);
        read.map(|name| device.attributes.get(name)).collect()
    });
    let values: Vec<Vec<Option<&DeviceAttribute>>> = values.collect();
    let kinds = firsts(values.len(), |a, b| {
        of_shape[a] == of_shape[b] && values[a] == values[b]
    });
    let has_twins = (0..).zip(&kinds).any(|(device, kind)| device != *kind);
    has_twins.then_some(kinds)
}

/// For each of so many things the first that is the same.
fn firsts(things: usize, is_same: impl Fn(usize, usize) -> bool) -> Box<[u32]> {
    let first = |thing| (0..thing).find(|other| is_same(*other, thing));
    let firsts = (0..things).map(|thing| first(thing).unwrap_or(thing));
    firsts
        .map(|first| u32::try_from(first).unwrap_or(u32::MAX))
        .collect()
}

/// Whether the devices differ in nothing but names and values of attributes.
fn is_same_but_for_values(a: &Device, b: &Device) -> bool {
    let Device {
        name: _,
        attributes,
        capacity,
        consumes_counters,
        node_name,
        node_selector,
        all_nodes,
        taints,
        binds_to_node,
        binding_conditions,
        binding_failure_conditions,
        allow_multiple_allocations,
        // Carried, not read.
        node_allocatable_resources: _,
    } = a;
    attributes.keys().eq(b.attributes.keys())
        && *capacity == b.capacity
        && *consumes_counters == b.consumes_counters
        && *node_name == b.node_name
        && *node_selector == b.node_selector
        && *all_nodes == b.all_nodes
        && *taints == b.taints
        && *binds_to_node == b.binds_to_node
        && *binding_conditions == b.binding_conditions
        && *binding_failure_conditions == b.binding_failure_conditions
        && *allow_multiple_allocations == b.allow_multiple_allocations
}
