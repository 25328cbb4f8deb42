//! The pools of a node with all their devices in a row, in the order the search goes through them.
//!
//! Nodes of which nobody else has a say keep theirs. Says nothing of what is held. Start at [`Inventory::layout`].

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use super::pool::{Pool, PoolState, gather};
use super::{Inventory, Slice};
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

impl Inventory {
    /// The pools that a node sees. An error is upstream's text and fatal.
    pub fn layout(&self, node: &Node, features: Features) -> Result<Cow<'_, Layout>, String> {
        let make = || gather(self, node, features).map(Layout::new);
        let table = self.table();
        let row = table.row(&node.metadata.name);
        let Some(row) = row.filter(|row| row.open_pools.is_empty() && !table.is_unclear()) else {
            return make().map(Cow::Owned);
        };
        if row.layout.get().is_none() {
            let made = (features, Arc::new(make()?));
            row.layout.get_or_init(|| made);
        }
        match row.layout.get() {
            Some((made_for, layout)) if *made_for == features => Ok(Cow::Borrowed(layout)),
            _ => make().map(Cow::Owned),
        }
    }
}
