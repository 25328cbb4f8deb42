//! The pools of a node with all their devices in a row, in the order the search goes through them.
//!
//! Nodes of which nobody else has a say keep theirs. Says nothing of what is held. Start at [`Inventory::spot`].

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use super::pool::{Pool, PoolState, gather};
use super::{Inventory, NodeRow, Slice};
use crate::gates::Features;
use crate::wire::core::Node;

/// The pools of a node.
#[derive(Clone, Debug)]
pub struct Layout {
    /// Pools in search order.
    pub pools: Vec<Pool>,
    /// For each pool the positions of its devices; none unless it is usable.
    pub ranges: Vec<Range<usize>>,
}

/// A device of a layout.
#[derive(Clone, Copy, Debug)]
pub struct Place<'l> {
    /// Position of its pool.
    pub pool: usize,
    /// Position of its slice in the pool.
    pub slice_at: usize,
    /// Its slice.
    pub slice: &'l Arc<Slice>,
    /// Its position in the slice.
    pub index: usize,
}

impl Layout {
    fn new(pools: Vec<Pool>) -> Self {
        let mut start = 0;
        let ranges = pools.iter().map(|pool| {
            let devices = usable(pool).iter();
            let devices: usize = devices
                .map(|slice| slice.document().spec.devices.len())
                .sum();
            let range = start..start + devices;
            start = range.end;
            range
        });
        Self {
            ranges: ranges.collect(),
            pools,
        }
    }

    /// Every device, in order.
    pub fn places(&self) -> impl Iterator<Item = Place<'_>> {
        self.pools.iter().enumerate().flat_map(|(pool, of)| {
            let slices = usable(of).iter().enumerate();
            slices.flat_map(move |(slice_at, slice)| {
                (0..slice.document().spec.devices.len()).map(move |index| Place {
                    pool,
                    slice_at,
                    slice,
                    index,
                })
            })
        })
    }

    /// The device at a position.
    pub fn place(&self, position: usize) -> Option<Place<'_>> {
        let pool = self.ranges.partition_point(|range| range.end <= position);
        let mut index = position.checked_sub(self.ranges.get(pool)?.start)?;
        for (slice_at, slice) in usable(&self.pools[pool]).iter().enumerate() {
            let devices = slice.document().spec.devices.len();
            if index < devices {
                return Some(Place {
                    pool,
                    slice_at,
                    slice,
                    index,
                });
            }
            index -= devices;
        }
        None
    }
}

/// The slices of a pool from which devices can be taken.
fn usable(pool: &Pool) -> &[Arc<Slice>] {
    match &pool.state {
        PoolState::Usable { slices, .. } => slices,
        PoolState::Incomplete { .. } | PoolState::Invalid { .. } => &[],
    }
}

/// A node with its pools.
pub struct Spot<'i> {
    /// The node; a bare one where there is no document.
    pub node: Arc<Node>,
    /// Its pools.
    pub layout: Cow<'i, Layout>,
}

impl Inventory {
    /// A node with the pools that it sees. An error is upstream's text and fatal.
    pub fn spot(&self, node: &str, features: Features) -> Result<Spot<'_>, String> {
        if let Some(row) = self.table().row(node) {
            return self.spot_of(row, features);
        }
        let node = self.node_or_bare(node);
        let pools = gather(self, &node, None, features)?;
        let layout = Cow::Owned(Layout::new(pools));
        Ok(Spot { node, layout })
    }

    /// As [`Inventory::spot`], for a node of its own table.
    pub fn spot_of<'i>(&'i self, row: &'i NodeRow, features: Features) -> Result<Spot<'i>, String> {
        let layout = match row.layout.get() {
            Some((made_for, layout)) if *made_for == features => Cow::Borrowed(&**layout),
            _ => Cow::Owned(self.layout_of(row, features)?),
        };
        let node = Arc::clone(&row.node);
        Ok(Spot { node, layout })
    }

    /// As [`Inventory::spot_of`], for a node that will be asked for again: it keeps its pools, where no other node has a
    /// say in them. Thousands of nodes that are asked once would only fill the memory.
    pub fn familiar_spot<'i>(
        &'i self,
        row: &'i NodeRow,
        features: Features,
    ) -> Result<Spot<'i>, String> {
        let is_own = row.open_pools.is_empty() && !self.table().is_unclear();
        if is_own && row.layout.get().is_none() {
            let made = (features, Arc::new(self.layout_of(row, features)?));
            row.layout.get_or_init(|| made);
        }
        self.spot_of(row, features)
    }

    fn layout_of(&self, row: &NodeRow, features: Features) -> Result<Layout, String> {
        gather(self, &row.node, Some(row), features).map(Layout::new)
    }
}
