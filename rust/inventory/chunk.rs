//! Some nodes of the row of all, with what tells them apart in one piece of memory.
//!
//! A question looks at thousands of nodes; following pointers to each would take longer than to compare them. What is
//! held is beside the rest, so that taking a device costs a copy of a few numbers. Start at [`Chunk`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::{Inventory, NodeRow};

/// Some nodes, by name.
#[derive(Clone, Debug)]
pub struct Chunk {
    nodes: Arc<Nodes>,
    /// Equal for nodes of whose own slices the same is held, device by device, up to who holds it.
    usage: Box<[Usage]>,
}

/// A number that is worked out when first asked for; a cell that does so once would take longer to copy than all else.
#[derive(Debug)]
struct Usage(AtomicU32);

impl Usage {
    /// More than are ever handed out.
    const UNKNOWN: u32 = u32::MAX;

    fn unknown() -> Self {
        Self(AtomicU32::new(Self::UNKNOWN))
    }

    fn known(&self) -> Option<u32> {
        Some(self.0.load(Ordering::Relaxed)).filter(|number| *number != Self::UNKNOWN)
    }
}

impl Clone for Usage {
    fn clone(&self) -> Self {
        Self(AtomicU32::new(self.0.load(Ordering::Relaxed)))
    }
}

#[derive(Debug)]
struct Nodes {
    rows: Vec<Arc<NodeRow>>,
    /// [`NodeRow::facts`] of all.
    facts: Vec<u32>,
    /// Where those of each end.
    ends: Vec<usize>,
}

impl Chunk {
    pub(super) fn new(rows: Vec<Arc<NodeRow>>) -> Self {
        let usage = vec![Usage::unknown(); rows.len()];
        Self::with(rows, usage)
    }

    fn with(rows: Vec<Arc<NodeRow>>, usage: Vec<Usage>) -> Self {
        let (mut facts, mut ends) = (Vec::new(), Vec::with_capacity(rows.len()));
        for row in &rows {
            facts.extend_from_slice(&row.facts);
            ends.push(facts.len());
        }
        Self {
            nodes: Arc::new(Nodes { rows, facts, ends }),
            usage: usage.into(),
        }
    }

    /// The nodes.
    pub fn rows(&self) -> &[Arc<NodeRow>] {
        &self.nodes.rows
    }

    /// What the own slices of a node are like; see [`NodeRow::facts`].
    pub fn facts(&self, at: usize) -> &[u32] {
        let start = at
            .checked_sub(1)
            .map_or(0, |before| self.nodes.ends[before]);
        &self.nodes.facts[start..self.nodes.ends[at]]
    }

    /// Equal for nodes of whose own slices the same is held, device by device, up to who holds it.
    pub fn usage(&self, at: usize, inventory: &Inventory) -> u32 {
        let usage = &self.usage[at];
        usage.known().unwrap_or_else(|| {
            // Whoever else works it out comes to the same.
            let number = self.nodes.rows[at].usage(inventory);
            usage.0.store(number, Ordering::Relaxed);
            number
        })
    }

    /// Whether a node is the same in another chunk, and the same of it is held; what nobody asked for is not known.
    pub fn is_same(&self, at: usize, inventory: &Inventory, other: &Self) -> bool {
        let rows = (self.nodes.rows.get(at), other.nodes.rows.get(at));
        let (Some(row), Some(other_row)) = rows else {
            return false;
        };
        Arc::ptr_eq(row, other_row) && other.usage[at].known() == Some(self.usage(at, inventory))
    }

    pub(super) fn forget_usage(&mut self, at: usize) {
        self.usage[at] = Usage::unknown();
    }

    /// Puts a node in the place of another, or between others.
    pub(super) fn put(&mut self, at: Result<usize, usize>, row: Arc<NodeRow>) {
        let (mut rows, mut usage) = (self.nodes.rows.clone(), self.usage.to_vec());
        match at {
            Ok(at) => (rows[at], usage[at]) = (row, Usage::unknown()),
            Err(at) => {
                rows.insert(at, row);
                usage.insert(at, Usage::unknown());
            }
        }
        *self = Self::with(rows, usage);
    }

    pub(super) fn remove(&mut self, at: usize) {
        let (mut rows, mut usage) = (self.nodes.rows.clone(), self.usage.to_vec());
        rows.remove(at);
        usage.remove(at);
        *self = Self::with(rows, usage);
    }

    /// Leaves the first so many and returns the rest.
    pub(super) fn split_off(&mut self, at: usize) -> Self {
        let (mut rows, mut usage) = (self.nodes.rows.clone(), self.usage.to_vec());
        let rest = Self::with(rows.split_off(at), usage.split_off(at));
        *self = Self::with(rows, usage);
        rest
    }
}
