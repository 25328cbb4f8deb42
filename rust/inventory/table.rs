//! The nodes of a snapshot in a row, each with its slices and numbers for what they are like and what is held of them.
//!
//! Shared between snapshots in chunks: a change costs the chunk it falls into. Never searches. Start at [`NodeTable`].

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use super::{Inventory, Name, PoolId, Slice};

/// Nodes in a chunk.
const CHUNK: usize = 64;

/// All nodes that a node document or a slice names, by name.
#[derive(Clone, Debug, Default)]
pub struct NodeTable {
    chunks: Vec<Arc<Vec<NodeRow>>>,
    len: usize,
}

/// One node.
#[derive(Clone, Debug)]
pub struct NodeRow {
    /// Its name.
    pub name: Name,
    /// Slices with its name, by slice name.
    pub slices: Arc<[Arc<Slice>]>,
    /// Number of how its slices make pools, and of what its document declares.
    pub structure: u32,
    /// Number of what is held of its devices.
    pub usage: u32,
    /// Whether nothing else decides what it can give: every pool is complete with its own slices, and no device
    /// chooses nodes for itself.
    pub is_alone: bool,
}

impl NodeTable {
    /// The table of a snapshot.
    pub(super) fn new(inventory: &Inventory) -> Self {
        let documents = inventory.nodes().map(|node| node.metadata.name.as_str());
        let of_slices = inventory
            .slices()
            .filter_map(|slice| slice.document().spec.node_name.as_deref());
        let names: BTreeSet<&str> = documents
            .chain(of_slices)
            .filter(|name| !name.is_empty())
            .collect();
        let rows: Vec<NodeRow> = names
            .into_iter()
            .map(|name| NodeRow::new(inventory, &Arc::from(name)))
            .collect();
        Self {
            len: rows.len(),
            chunks: rows
                .chunks(CHUNK)
                .map(|rows| Arc::new(rows.to_vec()))
                .collect(),
        }
    }

    /// The table after the nodes changed; none where a node came or went.
    pub(super) fn patched(&self, inventory: &Inventory, names: &BTreeSet<Name>) -> Option<Self> {
        let mut next = self.clone();
        for name in names {
            let at = next.position(name)?;
            let row = NodeRow::new(inventory, name);
            if row.slices.is_empty() && inventory.node(name).is_none() {
                return None;
            }
            Arc::make_mut(&mut next.chunks[at / CHUNK])[at % CHUNK] = row;
        }
        Some(next)
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// A node by its position.
    pub fn row(&self, at: usize) -> Option<&NodeRow> {
        self.chunks.get(at / CHUNK)?.get(at % CHUNK)
    }

    /// The chunks; equal addresses mean equal contents.
    pub fn chunks(&self) -> &[Arc<Vec<NodeRow>>] {
        &self.chunks
    }

    /// Where a node stands.
    pub fn position(&self, name: &str) -> Option<usize> {
        let chunk = self
            .chunks
            .partition_point(|chunk| chunk.last().is_some_and(|row| &*row.name < name));
        let rows = self.chunks.get(chunk)?;
        let within = rows.binary_search_by(|row| (*row.name).cmp(name)).ok()?;
        Some(chunk * CHUNK + within)
    }
}

impl NodeRow {
    fn new(inventory: &Inventory, name: &Name) -> Self {
        let slices: Arc<[Arc<Slice>]> = inventory.slices_on_node(name).cloned().collect();
        let mut structure = String::new();
        let document = inventory.node(name);
        for feature in document
            .iter()
            .flat_map(|node| &node.status.declared_features)
        {
            let _ = write!(structure, "{feature};");
        }
        let is_alone = pools(&slices, &mut structure);
        let mut usage = String::new();
        for slice in slices.iter() {
            add_usage(inventory, slice, &mut usage);
        }
        Self {
            name: Arc::clone(name),
            slices,
            structure: inventory.kinds.text(structure),
            usage: inventory.kinds.text(usage),
            is_alone,
        }
    }
}

/// How the slices make pools. False if slices of other nodes have a say, or if the devices' names have.
fn pools(slices: &[Arc<Slice>], structure: &mut String) -> bool {
    let mut pools: BTreeMap<&PoolId, Vec<&Arc<Slice>>> = BTreeMap::new();
    for slice in slices {
        pools.entry(slice.pool()).or_default().push(slice);
    }
    let mut is_alone = true;
    let ordinals: BTreeMap<&PoolId, usize> = pools.keys().copied().zip(0..).collect();
    for slice in slices {
        let spec = &slice.document().spec;
        is_alone &= spec.per_device_node_selection.is_none();
        let _ = write!(structure, "{},", ordinals[slice.pool()]);
    }
    for slices in pools.values() {
        let pool = &slices[0].document().spec.pool;
        let is_whole = i64::try_from(slices.len()) == Ok(pool.resource_slice_count);
        let agrees = |slice: &&Arc<Slice>| {
            let own = &slice.document().spec.pool;
            own.generation == pool.generation
        };
        let devices = slices
            .iter()
            .flat_map(|slice| &slice.document().spec.devices);
        let names: BTreeSet<&str> = devices.clone().map(|device| device.name.as_str()).collect();
        is_alone &= is_whole && slices.iter().all(agrees) && names.len() == devices.count();
    }
    is_alone
}

/// What is held of the slice: for each device nothing, the whole, or what its shares consume.
fn add_usage(inventory: &Inventory, slice: &Slice, usage: &mut String) {
    for index in 0..slice.document().spec.devices.len() {
        let Some(held) = inventory.usage(slice.device_id(index)) else {
            usage.push('-');
            continue;
        };
        usage.push(if held.is_exclusive(true) { 'x' } else { 's' });
        if held.has_shares(true) {
            for (name, amount) in held.aggregated(true).unwrap_or_default() {
                let _ = write!(usage, "{name}={};", amount.nanos());
            }
            usage.push('.');
        }
    }
    usage.push('|');
}
