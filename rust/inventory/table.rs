//! The nodes of a snapshot in a row.
//!
//! Shared between snapshots in chunks: a change costs the chunk it falls into. Never searches. Start at [`NodeTable`].

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use rpds::RedBlackTreeMapSync as Map;

use super::kinds::Kinds;
use super::row::{Visible, in_order};
use super::sight;
use super::{Chunk, Inventory, Name, NodeRow, PoolId, Position, Slice};
use crate::wire::slice::ResourceSlice;

/// Nodes in a chunk when the table is made.
const CHUNK: usize = Chunk::MOST / 2;
/// Nodes that change at once before it is cheaper to make the table anew.
const MANY_NODES: usize = 256;
/// Pairs of a node and a slice that are tried for a change before it is cheaper to make the table anew.
const MANY_PAIRS: usize = 100_000;

/// Slices that several nodes see, by name.
type SliceSet = Arc<[Arc<Slice>]>;

/// All nodes that a node document or a slice names, by name.
#[derive(Clone, Debug, Default)]
pub struct NodeTable {
    chunks: Vec<Arc<Chunk>>,
    len: usize,
    /// The different sets of slices that nodes see with others.
    sets: Arc<[SliceSet]>,
    /// The node that alone sees a slice which names none, by slice.
    only: Map<Name, Name>,
    /// The pools that are open for some node, with the generation it sees.
    open_pools: Arc<BTreeSet<(PoolId, i64)>>,
    /// Whether a node selector cannot be parsed; then no node is to be looked at but by itself.
    is_unclear: bool,
}

/// What documents change.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Nodes whose rows are to be made anew.
    pub(super) nodes: BTreeSet<Name>,
    /// Slices that name no node, before or after.
    pub(super) slices: BTreeSet<Name>,
}

impl Changes {
    pub(super) fn note_slice(&mut self, slice: &ResourceSlice) {
        match slice.spec.node_name.as_deref().unwrap_or_default() {
            "" => self.slices.insert(Name::from(slice.metadata.name.as_str())),
            node => self.nodes.insert(Name::from(node)),
        };
    }
}

impl NodeTable {
    /// The table of a snapshot.
    pub(super) fn new(inventory: &Inventory) -> Self {
        let is_valid = |slice: &Arc<Slice>| slice.has_valid_selectors();
        let names = node_names(inventory);
        if !inventory.slices_shared().all(is_valid) {
            return Self::of_rows(inventory, &names, Vec::new(), Map::new_sync(), true);
        }
        let seen = sight::all(inventory, &names);
        let mut viewers: HashMap<u32, usize> = HashMap::new();
        for slice in seen.iter().flatten() {
            *viewers.entry(slice.number()).or_default() += 1;
        }
        let mut only = Map::new_sync();
        for (name, seen) in names.iter().zip(&seen) {
            for slice in seen.iter().filter(|slice| viewers[&slice.number()] == 1) {
                only.insert_mut(Name::from(slice.name()), Arc::clone(name));
            }
        }
        Self::of_rows(inventory, &names, seen, only, false)
    }

    fn of_rows(
        inventory: &Inventory,
        names: &[Name],
        seen: Vec<Vec<Arc<Slice>>>,
        only: Map<Name, Name>,
        is_unclear: bool,
    ) -> Self {
        let mut sets = Sets::default();
        let seen = seen.into_iter().map(Some).chain(std::iter::repeat(None));
        let rows: Vec<Arc<NodeRow>> = names
            .iter()
            .zip(seen)
            .map(|(name, seen)| {
                let visible = visible(inventory, name, seen.unwrap_or_default(), &only, &mut sets);
                Arc::new(NodeRow::new(inventory, name, &visible))
            })
            .collect();
        let open_pools = rows.iter().flat_map(|row| row.open_pools.iter().cloned());
        let chunks = rows
            .chunks(CHUNK)
            .map(|rows| Chunk::new(&inventory.kinds, rows.to_vec()));
        let chunks: Vec<Arc<Chunk>> = chunks.map(Arc::new).collect();
        for chunk in &chunks {
            for at in 0..chunk.rows().len() {
                // Worked out now, so that nobody has to wait for it later.
                chunk.usage(at, inventory);
            }
        }
        Self {
            len: rows.len(),
            open_pools: Arc::new(open_pools.collect()),
            chunks,
            sets: sets.sets.into(),
            only,
            is_unclear,
        }
    }

    /// The table after changes; none where it is to be made anew.
    pub(super) fn patched(&self, inventory: &Inventory, changes: &Changes) -> Option<Self> {
        let shared = inventory.slices_shared.size();
        let pairs = changes.nodes.len() * shared + changes.slices.len() * self.len;
        if self.is_unclear || changes.nodes.len() > MANY_NODES || pairs > MANY_PAIRS {
            return None;
        }
        let mut next = self.clone();
        let mut names = changes.nodes.clone();
        for slice in &changes.slices {
            names.extend(next.resee(inventory, slice)?);
        }
        let mut sets = Sets::new(&self.sets);
        let mut rows = Vec::new();
        for name in names {
            let is_there =
                inventory.node(&name).is_some() || inventory.slices_on_node(&name).next().is_some();
            if !is_there {
                next.remove(&name);
                continue;
            }
            let seen = sight::seen(inventory, &inventory.node_or_bare(&name));
            for slice in &seen {
                let is_new = !next.only.contains_key(slice.name())
                    && !self.sets.iter().any(|set| has(set, slice.name()));
                if is_new {
                    let slice = Name::from(slice.name());
                    next.only.insert_mut(slice, Arc::clone(&name));
                } else if next.only_of(slice.name()).is_some_and(|only| *only != name) {
                    return None;
                }
            }
            let visible = visible(inventory, &name, seen, &next.only, &mut sets);
            rows.push(Arc::new(NodeRow::new(inventory, &name, &visible)));
        }
        next.sets = sets.sets.into();
        for row in rows {
            if !row.open_pools.is_empty() {
                let open = Arc::make_mut(&mut next.open_pools);
                open.extend(row.open_pools.iter().cloned());
            }
            next.put(&inventory.kinds, row);
        }
        Some(next)
    }

    /// Notes who sees a slice now; the nodes that alone saw it or see it. Nothing where several do.
    fn resee(&mut self, inventory: &Inventory, name: &Name) -> Option<Vec<Name>> {
        if self.sets.iter().any(|set| has(set, name)) {
            return None;
        }
        let mut nodes: Vec<Name> = self.only.get(name).cloned().into_iter().collect();
        self.only.remove_mut(name);
        let Some(slice) = inventory.slices_shared.get(name) else {
            return Some(nodes);
        };
        if !slice.has_valid_selectors() {
            return None;
        }
        let rows = self.chunks.iter().flat_map(|chunk| chunk.rows());
        let mut viewers = rows.filter(|row| sight::sees(&inventory.node_or_bare(&row.name), slice));
        if let Some(viewer) = viewers.next() {
            let viewer = Arc::clone(&viewer.name);
            if viewers.next().is_some() {
                return None;
            }
            self.only.insert_mut(Arc::clone(name), Arc::clone(&viewer));
            nodes.push(viewer);
        }
        Some(nodes)
    }

    /// What is held has changed for these nodes; their chunks are others then.
    pub(super) fn forget_usage(&mut self, changed: &[Position]) {
        for (chunk, at) in changed {
            Arc::make_mut(&mut self.chunks[*chunk]).forget_usage(*at);
        }
    }

    fn put(&mut self, kinds: &Kinds, row: Arc<NodeRow>) {
        let Some((number, at)) = self.place(&row.name) else {
            self.chunks.push(Arc::new(Chunk::new(kinds, vec![row])));
            self.len += 1;
            return;
        };
        let chunk = Arc::make_mut(&mut self.chunks[number]);
        chunk.put(kinds, at, row);
        self.len += usize::from(at.is_err());
        if chunk.rows().len() > Chunk::MOST {
            let rest = chunk.split_off(CHUNK);
            self.chunks.insert(number + 1, Arc::new(rest));
        }
    }

    fn remove(&mut self, name: &str) {
        if let Some((number, Ok(at))) = self.place(name) {
            let chunk = Arc::make_mut(&mut self.chunks[number]);
            chunk.remove(at);
            self.len -= 1;
            if chunk.rows().is_empty() {
                self.chunks.remove(number);
            }
        }
    }

    /// The chunk of a node and its place there, or where it would be; nothing in an empty table.
    fn place(&self, name: &str) -> Option<(usize, Result<usize, usize>)> {
        let before = |chunk: &Arc<Chunk>| chunk.rows().last().is_some_and(|row| &*row.name < name);
        let chunk = self.chunks.partition_point(before);
        let chunk = chunk.min(self.chunks.len().checked_sub(1)?);
        let rows = self.chunks[chunk].rows();
        Some((chunk, rows.binary_search_by(|row| (*row.name).cmp(name))))
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The chunks; equal addresses mean equal contents.
    pub fn chunks(&self) -> &[Arc<Chunk>] {
        &self.chunks
    }

    /// The chunk of a node, and its place there.
    pub fn position(&self, name: &str) -> Option<Position> {
        let (chunk, at) = self.place(name)?;
        Some((chunk, at.ok()?))
    }

    /// As [`NodeTable::position`], for a node that most likely stands at a place.
    pub(super) fn position_near(&self, name: &str, near: Option<Position>) -> Option<Position> {
        let is_there = |(chunk, at): &Position| {
            let row = self.chunks.get(*chunk)?.rows().get(*at)?;
            Some(&*row.name == name)
        };
        let there = near.filter(|near| is_there(near) == Some(true));
        there.or_else(|| self.position(name))
    }

    /// A node.
    pub fn row(&self, name: &str) -> Option<&NodeRow> {
        let (chunk, at) = self.position(name)?;
        Some(&self.chunks[chunk].rows()[at])
    }

    /// The different sets of slices that nodes see with others.
    pub fn sets(&self) -> &Arc<[SliceSet]> {
        &self.sets
    }

    /// Pools of which some node sees only a part, with the generation it sees.
    pub fn open_pools(&self) -> &BTreeSet<(PoolId, i64)> {
        &self.open_pools
    }

    /// Whether a node selector cannot be parsed; then every node is to be looked at by itself.
    pub fn is_unclear(&self) -> bool {
        self.is_unclear
    }

    /// What the node sees, those that name it first, the others by name.
    pub fn visible<'t>(&'t self, row: &'t NodeRow) -> impl Iterator<Item = &'t Arc<Slice>> {
        in_order(&row.named, &row.only, &self.sets[row.set])
    }

    /// The node that alone sees the slice.
    pub(super) fn only_node_of<'t>(&'t self, slice: &'t Slice) -> Option<&'t str> {
        let named = slice.document().spec.node_name.as_deref();
        match named.unwrap_or_default() {
            "" => self.only_of(slice.name()).map(AsRef::as_ref),
            name => Some(name),
        }
    }

    fn only_of(&self, slice: &str) -> Option<&Name> {
        self.only.get(slice)
    }
}

/// Whether a set of slices, which is by name, has one of this name.
pub(super) fn has(set: &[Arc<Slice>], name: &str) -> bool {
    let at = set.binary_search_by(|slice| slice.name().cmp(name));
    at.is_ok()
}

fn node_names(inventory: &Inventory) -> Vec<Name> {
    let documents = inventory.nodes().map(|node| node.metadata.name.as_str());
    let of_slices = inventory.slices_on_node.keys().map(|(node, _)| &**node);
    let names: BTreeSet<&str> = documents
        .chain(of_slices)
        .filter(|name| !name.is_empty())
        .collect();
    names.into_iter().map(Name::from).collect()
}

/// Numbers sets of slices.
#[derive(Default)]
struct Sets {
    sets: Vec<SliceSet>,
    numbers: BTreeMap<Vec<u32>, usize>,
}

impl Sets {
    fn new(sets: &[SliceSet]) -> Self {
        let numbers = |set: &SliceSet| set.iter().map(|slice| slice.number()).collect();
        Self {
            numbers: sets.iter().map(numbers).zip(0..).collect(),
            sets: sets.to_vec(),
        }
    }

    fn number(&mut self, set: Vec<Arc<Slice>>) -> (usize, SliceSet) {
        let key = set.iter().map(|slice| slice.number()).collect();
        let number = *self.numbers.entry(key).or_insert_with(|| {
            self.sets.push(set.into());
            self.sets.len() - 1
        });
        (number, Arc::clone(&self.sets[number]))
    }
}

/// What a node sees, of which `seen` does not name it.
fn visible(
    inventory: &Inventory,
    name: &Name,
    seen: Vec<Arc<Slice>>,
    only: &Map<Name, Name>,
    sets: &mut Sets,
) -> Visible {
    let is_only = |slice: &Arc<Slice>| only.get(slice.name()) == Some(name);
    let (only, set): (Vec<_>, Vec<_>) = seen.into_iter().partition(is_only);
    Visible {
        named: inventory.slices_on_node(name).cloned().collect(),
        only,
        set: sets.number(set),
    }
}
