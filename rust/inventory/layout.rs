//! The pools of a node with all their devices in a row, in the order the search goes through them.
//!
//! Nodes of which nobody else has a say keep theirs. Says nothing of what is held. Start at [`Inventory::spot`].

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use super::pool::{Pool, gather, pools};
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
    pub(super) fn new(pools: Vec<Pool>) -> Self {
        let mut start = 0;
        let ranges = pools.iter().map(|pool| {
            let devices = pool.usable().iter();
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

    /// How many devices there are.
    pub fn devices(&self) -> usize {
        self.ranges.last().map_or(0, |range| range.end)
    }

    /// The device at a position.
    pub fn place(&self, position: usize) -> Option<Place<'_>> {
        let pool = self.ranges.partition_point(|range| range.end <= position);
        let mut index = position.checked_sub(self.ranges.get(pool)?.start)?;
        for (slice_at, slice) in self.pools[pool].usable().iter().enumerate() {
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
        let layout = Cow::Owned(Layout::new(gather(self, &node, features)?));
        Ok(Spot { node, layout })
    }

    /// As [`Inventory::spot`], for a node of its own table.
    pub fn spot_of<'i>(&'i self, row: &'i NodeRow, features: Features) -> Result<Spot<'i>, String> {
        let node = Arc::clone(&row.node);
        let table = self.table();
        let layout = if table.is_unclear() {
            Cow::Owned(Layout::new(gather(self, &node, features)?))
        } else if let Some(layout) = row.layout(self, table.visible(row), features) {
            Cow::Borrowed(layout)
        } else {
            let pools = pools(self, table.visible(row), !row.is_odd, features);
            Cow::Owned(Layout::new(pools))
        };
        Ok(Spot { node, layout })
    }
}
