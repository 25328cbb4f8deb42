//! What exists and what is held, as one immutable value.
//!
//! An [`Inventory`] is read from documents; `update`, `hold` and `release` give a new one that shares what did not
//! change: a node's slices cost that node, not the cluster. Never searches, never judges. Start at [`Inventory`].

mod census;
mod chunk;
mod form;
mod hold;
mod id;
mod join;
mod kinds;
mod layout;
mod marks;
mod plan;
pub mod pool;
mod report;
mod row;
pub mod selector;
mod sight;
mod slice;
mod state;
mod table;
mod update;
mod usage;
mod verdicts;

use std::hash::BuildHasherDefault;
use std::ops::Bound;
use std::sync::{Arc, OnceLock};

use rpds::RedBlackTreeMapSync as Map;
use rustc_hash::FxHasher;

pub use census::Census;
pub use chunk::Chunk;
pub use form::Form;
pub use hold::Position;
pub use id::{ClaimKey, DeviceId, ObjectRef, PoolId};
pub use kinds::HeldBits;
use kinds::Kinds;

pub use layout::{Layout, Place, Spot};
pub use marks::MANY_DEVICES;
pub use plan::{CounterPlan, Draws};
pub use report::{Remark, Report};
pub use row::{Flag, NodeRow};
pub use slice::{AtLarge, Slice, Uses};
pub use table::NodeTable;
pub use usage::{CallerData, DeviceUsage, Held, Holder, SliceUsage, bits};
pub use verdicts::{OfSlice, Verdicts};

use crate::error::InputError;
use crate::wire::claim::{DeviceClass, ResourceClaim, ResourceClaimTemplate};
use crate::wire::core::{Node, Pod};
use crate::wire::document::Defaults;
use crate::wire::slice::DeviceTaintRule;

type Name = Arc<str>;
/// Never gone through, so that its order does not matter.
type Table<K, V> = rpds::HashTrieMapSync<K, V, BuildHasherDefault<FxHasher>>;

/// Told from others by its address; not empty, or all would have the same.
#[derive(Debug, Default)]
struct Stamp(#[expect(dead_code, reason = "only its address counts")] u8);

/// Everything known at one moment: slices, nodes, classes, rules, claims, and who holds what.
///
/// Cloning is cheap, and two inventories are equal when their contents are. Every iteration is by kind, then
/// namespace and name.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    slices: Map<Name, Arc<Slice>>,
    /// Slices with a node name, by node and slice name.
    slices_on_node: Map<(Name, Name), Arc<Slice>>,
    /// Slices without a node name, by slice name.
    slices_shared: Map<Name, Arc<Slice>>,
    /// All slices, by pool and slice name.
    slices_of_pool: Map<(PoolId, Name), Arc<Slice>>,
    nodes: Map<Name, Arc<Node>>,
    classes: Map<Name, Arc<DeviceClass>>,
    taint_rules: Map<Name, Arc<DeviceTaintRule>>,
    claims: Map<ClaimKey, Arc<ResourceClaim>>,
    templates: Map<ClaimKey, Arc<ResourceClaimTemplate>>,
    pods: Map<ClaimKey, Arc<Pod>>,
    held: Table<ClaimKey, Arc<Held>>,
    /// Who holds the devices of a slice, by its number; absent where nothing is held.
    in_use: Table<u32, Arc<SliceUsage>>,
    /// Who holds devices of pools that have several slices or none, and devices that no slice has; else the slice of the
    /// pool says it.
    usage_by_id: Table<DeviceId, DeviceUsage>,
    /// How many slices each pool has.
    pools: Table<PoolId, Arc<Census>>,
    report: Arc<Report>,
    /// Another one for every change, so that snapshots can be told apart without comparing contents.
    stamp: Arc<Stamp>,
    /// The nodes in a row; made when first asked for and carried on from snapshot to snapshot.
    table: OnceLock<Arc<NodeTable>>,
    /// Numbers for what is equal; shared by all snapshots, without effect on any answer.
    kinds: Arc<Kinds>,
    /// What selectors said of devices; as before.
    verdicts: Arc<Verdicts>,
}

impl Inventory {
    /// An inventory of nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads documents: one, a list kind, an array, or several one after the other. The defaults of the API server
    /// are filled in.
    pub fn from_json(documents: &[u8]) -> Result<Self, InputError> {
        Self::new().update(documents, &[])
    }

    /// As [`Inventory::from_json`], but the documents are taken as written; for those defaulted before.
    pub fn from_json_as_is(documents: &[u8]) -> Result<Self, InputError> {
        update::update(&Self::new(), documents, &[], Defaults::Keep)
    }

    /// Applies documents that are new or changed, after removing those that are gone.
    ///
    /// Identity is kind, namespace and name; a new UID is a new object. A document with an older `resourceVersion`
    /// than the known one is ignored and reported. On an error nothing has changed.
    pub fn update(&self, documents: &[u8], deleted: &[ObjectRef]) -> Result<Self, InputError> {
        update::update(self, documents, deleted, Defaults::Apply)
    }

    /// What the last load or update had to say.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// What selectors said of devices, kept between calls.
    pub fn verdicts(&self) -> &Verdicts {
        &self.verdicts
    }

    /// All slices.
    pub fn slices(&self) -> impl Iterator<Item = &Arc<Slice>> {
        self.slices.values()
    }

    /// Slices whose `nodeName` is the node.
    pub fn slices_on_node(&self, node: &str) -> impl Iterator<Item = &Arc<Slice>> {
        let node: Name = Arc::from(node);
        let start = (Arc::clone(&node), Arc::from(""));
        self.slices_on_node
            .range((Bound::Included(start), Bound::Unbounded))
            .take_while(move |((of, _), _)| *of == node)
            .map(|(_, slice)| slice)
    }

    /// Slices without a `nodeName`.
    pub fn slices_shared(&self) -> impl Iterator<Item = &Arc<Slice>> {
        self.slices_shared.values()
    }

    /// All slices of a pool, of every generation and for every node.
    pub fn slices_of_pool(&self, pool: &PoolId) -> impl Iterator<Item = &Arc<Slice>> {
        let start = (pool.clone(), Arc::from(""));
        let pool = pool.clone();
        self.slices_of_pool
            .range((Bound::Included(start), Bound::Unbounded))
            .take_while(move |((of, _), _)| *of == pool)
            .map(|(_, slice)| slice)
    }

    /// A node; `None` also for a node that is only named and has no document.
    pub fn node(&self, name: &str) -> Option<&Arc<Node>> {
        self.nodes.get(name)
    }

    /// A node; a bare one where there is no document.
    pub fn node_or_bare(&self, name: &str) -> Arc<Node> {
        self.node(name).cloned().unwrap_or_else(|| {
            let mut bare = Node::default();
            name.clone_into(&mut bare.metadata.name);
            Arc::new(bare)
        })
    }

    /// All nodes with a document.
    pub fn nodes(&self) -> impl Iterator<Item = &Arc<Node>> {
        self.nodes.values()
    }

    /// A device class.
    pub fn class(&self, name: &str) -> Option<&Arc<DeviceClass>> {
        self.classes.get(name)
    }

    /// All device classes.
    pub fn classes(&self) -> impl Iterator<Item = &Arc<DeviceClass>> {
        self.classes.values()
    }

    /// All taint rules.
    pub fn taint_rules(&self) -> impl Iterator<Item = &Arc<DeviceTaintRule>> {
        self.taint_rules.values()
    }

    /// A claim as its document says; what it holds is in [`Inventory::held`].
    pub fn claim(&self, key: &ClaimKey) -> Option<&Arc<ResourceClaim>> {
        self.claims.get(key)
    }

    /// All claims with a document.
    pub fn claims(&self) -> impl Iterator<Item = &Arc<ResourceClaim>> {
        self.claims.values()
    }

    /// A claim template.
    pub fn template(&self, key: &ClaimKey) -> Option<&Arc<ResourceClaimTemplate>> {
        self.templates.get(key)
    }

    /// A pod.
    pub fn pod(&self, key: &ClaimKey) -> Option<&Arc<Pod>> {
        self.pods.get(key)
    }

    /// All pods.
    pub fn pods(&self) -> impl Iterator<Item = &Arc<Pod>> {
        self.pods.values()
    }

    /// What a claim holds.
    pub fn held(&self, key: &ClaimKey) -> Option<&Arc<Held>> {
        self.held.get(key)
    }

    /// All claims that hold something, by namespace and name.
    pub fn held_claims(&self) -> impl Iterator<Item = &Arc<Held>> {
        let mut held: Vec<&Arc<Held>> = self.held.values().collect();
        held.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        held.into_iter()
    }

    /// How many slices a pool has.
    pub fn census(&self, pool: &PoolId) -> Option<&Census> {
        self.pools.get(pool).map(AsRef::as_ref)
    }

    /// Who holds the devices of a slice; nothing where nobody holds one.
    pub fn slice_usage(&self, slice: &Slice) -> Option<&SliceUsage> {
        self.in_use.get(&slice.number()).map(AsRef::as_ref)
    }

    /// Equal for slices of which the same is held, device by device, up to who holds it.
    pub fn usage_number(&self, slice: &Slice) -> u32 {
        let usage = self.slice_usage(slice);
        usage.map_or(0, |usage| usage.number(&self.kinds))
    }

    /// Shows which devices are held of so many own slices of a node, by slice and in bits, from [`Chunk::usage`], to a
    /// reader that asks nothing of the inventory meanwhile. No look at the node, which would be one at memory far away.
    /// Nothing where shares are held, or where that was forgotten.
    pub fn held_bits<R>(
        &self,
        usage: u32,
        slices: usize,
        read: impl FnOnce(&[HeldBits]) -> R,
    ) -> Option<R> {
        self.kinds.bits(usage, slices, read)
    }

    /// The form of nodes with several slices that has a number; nothing where it was forgotten.
    pub fn form_of(&self, number: u32) -> Option<Arc<Form>> {
        self.kinds.form_of(number)
    }

    /// All nodes that a node document or a slice names, by name.
    pub fn node_names(&self) -> Vec<String> {
        let rows = self.table().chunks().iter().flat_map(|chunk| chunk.rows());
        rows.map(|row| row.name.to_string()).collect()
    }

    /// The nodes in a row.
    pub fn table(&self) -> &Arc<NodeTable> {
        self.table.get_or_init(|| Arc::new(NodeTable::new(self)))
    }

    /// Whether both come from one inventory by changes, so that equal numbers mean the same in both.
    pub fn is_kin(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.kinds, &other.kinds)
    }

    /// Whether two values are one and the same snapshot, without comparing contents.
    pub fn is_same_snapshot(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.stamp, &other.stamp)
    }
}

impl PartialEq for Inventory {
    fn eq(&self, other: &Self) -> bool {
        self.slices == other.slices
            && self.nodes == other.nodes
            && self.classes == other.classes
            && self.taint_rules == other.taint_rules
            && self.claims == other.claims
            && self.templates == other.templates
            && self.pods == other.pods
            && self.held == other.held
    }
}

impl Eq for Inventory {}
