//! Some nodes of the row of all, with what tells them apart in one piece of memory.
//!
//! A question looks at thousands of nodes; following pointers to each would take longer than to compare them. What is
//! held is beside the rest, so that taking a device costs a copy of a few numbers. Start at [`Chunk`].

use std::ops::Range;
use std::sync::Arc;

use super::kinds::{Kinds, Number};
use super::{Inventory, NodeRow};

/// Some nodes, by name.
#[derive(Clone, Debug)]
pub struct Chunk {
    nodes: Arc<Nodes>,
    /// Equal for nodes of whose own slices the same is held, device by device, up to who holds it.
    usage: Box<[Number]>,
}

#[derive(Debug, Default)]
struct Nodes {
    rows: Vec<Arc<NodeRow>>,
    /// [`NodeRow::add_facts`] of all.
    facts: Vec<u32>,
    /// Where those of each end.
    ends: Vec<usize>,
}

impl Nodes {
    fn facts(&self, at: usize) -> &[u32] {
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.facts[start..self.ends[at]]
    }

    fn push(&mut self, kinds: &Kinds, row: Arc<NodeRow>) {
        row.add_facts(kinds, &mut self.facts);
        self.ends.push(self.facts.len());
        self.rows.push(row);
    }

    /// Takes over what is known of others.
    fn append(&mut self, others: &Self, range: Range<usize>) {
        for at in range {
            self.facts.extend_from_slice(others.facts(at));
            self.ends.push(self.facts.len());
            self.rows.push(Arc::clone(&others.rows[at]));
        }
    }
}

impl Chunk {
    /// How many nodes a chunk of a table has at most.
    pub const MOST: usize = 128;

    pub(super) fn new(kinds: &Kinds, rows: Vec<Arc<NodeRow>>) -> Self {
        let mut nodes = Nodes::default();
        let usage = rows.iter().map(|_| Number::unknown()).collect();
        for row in rows {
            nodes.push(kinds, row);
        }
        Self::with(nodes, usage)
    }

    fn with(mut nodes: Nodes, usage: Box<[Number]>) -> Self {
        nodes.facts.shrink_to_fit();
        Self {
            nodes: Arc::new(nodes),
            usage,
        }
    }

    /// The nodes.
    pub fn rows(&self) -> &[Arc<NodeRow>] {
        &self.nodes.rows
    }

    /// What the own slices of a node are like; see [`NodeRow::add_facts`].
    pub fn facts(&self, at: usize) -> &[u32] {
        self.nodes.facts(at)
    }

    /// Equal for nodes of whose own slices the same is held, device by device, up to who holds it.
    pub fn usage(&self, at: usize, inventory: &Inventory) -> u32 {
        self.usage[at].get_or(|| self.nodes.rows[at].usage(inventory))
    }

    /// Whether a node is the same in another chunk, and the same of it is held; what nobody asked for is not known.
    pub fn is_same(&self, at: usize, inventory: &Inventory, other: &Self) -> bool {
        let is_same_row = || {
            let rows = (self.nodes.rows.get(at), other.nodes.rows.get(at));
            matches!(rows, (Some(row), Some(other)) if Arc::ptr_eq(row, other))
        };
        (Arc::ptr_eq(&self.nodes, &other.nodes) || is_same_row())
            && other.usage[at].known() == Some(self.usage(at, inventory))
    }

    pub(super) fn forget_usage(&mut self, at: usize) {
        self.usage[at] = Number::unknown();
    }

    /// Puts a node in the place of another, or between others.
    pub(super) fn put(&mut self, kinds: &Kinds, at: Result<usize, usize>, row: Arc<NodeRow>) {
        let (before, after) = match at {
            Ok(at) => (at, at + 1),
            Err(at) => (at, at),
        };
        self.replace(before..after, Some((kinds, row)));
    }

    pub(super) fn remove(&mut self, at: usize) {
        self.replace(at..at + 1, None);
    }

    fn replace(&mut self, range: Range<usize>, row: Option<(&Kinds, Arc<NodeRow>)>) {
        let old = &self.nodes;
        let (mut nodes, mut usage) = (Nodes::default(), self.usage.to_vec());
        nodes.append(old, 0..range.start);
        usage.splice(range.clone(), row.iter().map(|_| Number::unknown()));
        if let Some((kinds, row)) = row {
            nodes.push(kinds, row);
        }
        nodes.append(old, range.end..old.rows.len());
        *self = Self::with(nodes, usage.into());
    }

    /// Leaves the first so many and returns the rest.
    pub(super) fn split_off(&mut self, at: usize) -> Self {
        let (mut first, mut rest) = (Nodes::default(), Nodes::default());
        first.append(&self.nodes, 0..at);
        rest.append(&self.nodes, at..self.nodes.rows.len());
        let mut usage = self.usage.to_vec();
        let rest = Self::with(rest, usage.split_off(at).into());
        *self = Self::with(first, usage.into());
        rest
    }
}
