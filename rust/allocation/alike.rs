//! Nodes that differ only in which of their interchangeable devices are held.
//!
//! A held device is never tried, so two nodes on which devices of the same kinds are free, in the same order, fare alike:
//! what one gives of its free devices in order, the other gives of its own. Only for nodes with one plain slice, for
//! claims that look at free devices alone, and for searches that did not look ahead, which may count held devices, too.
//! Start at [`Alike::of`].

use rustc_hash::FxHashMap;

use crate::inventory::{Inventory, Slice};
use crate::wire::slice::Device;

/// The kinds of devices that claims can tell apart, by the key of what they see of a slice.
#[derive(Debug, Default)]
pub(super) struct DeviceKinds(FxHashMap<Box<[u32]>, Box<[u32]>>);

/// What a node has in common with those that fare alike.
pub(super) struct Alike {
    /// Everything but what is held, and the kinds of the free devices in order.
    pub(super) key: Box<[u32]>,
    /// The positions of those.
    pub(super) free: Box<[usize]>,
}

impl Alike {
    /// For a node with one slice of its own; `seen` is what is seen of the slice, `columns` are the attributes looked at.
    /// Nothing where shares are held, or nothing is.
    pub(super) fn of(
        inventory: &Inventory,
        slice: &Slice,
        (node, seen): (&[u32], &[u32]),
        columns: &[usize],
        kinds: &mut DeviceKinds,
    ) -> Option<Self> {
        let usage = inventory.slice_usage(slice)?;
        let devices = slice.document().spec.devices.len();
        let is_plain = slice.is_readable()
            && !slice.devices_at_large().has_shareable
            && (0..devices).all(|index| !usage.has_shares(index, true));
        if !is_plain {
            return None;
        }
        if !kinds.0.contains_key(seen) {
            kinds.0.insert(seen.into(), kinds_of(slice, columns));
        }
        let kinds = kinds.0.get(seen)?;
        let is_free = |index: &usize| !usage.is_exclusive(*index, true);
        let free: Box<[usize]> = (0..devices).filter(is_free).collect();
        let mut key = [node, seen].concat();
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

/// For each device the first that claims cannot tell it from.
fn kinds_of(slice: &Slice, columns: &[usize]) -> Box<[u32]> {
    let names = &slice.kind().names;
    let devices = &slice.document().spec.devices;
    let is_same = |a: &Device, b: &Device| {
        let mut read = columns.iter().map(|column| &names[*column]);
        is_same_but_for_values(a, b)
            && read.all(|name| a.attributes.get(name) == b.attributes.get(name))
    };
    let first = |device: &Device| devices.iter().position(|other| is_same(other, device));
    let kinds = devices
        .iter()
        .map(|device| first(device).unwrap_or_default());
    kinds
        .map(|kind| u32::try_from(kind).unwrap_or(u32::MAX))
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
