//! What exists and what is held, as one immutable value.
//!
//! An [`Inventory`] is read from documents; `update`, `hold` and `release` give a new one that shares what did not
//! change: a node's slices cost that node, not the cluster. Never searches, never judges. Start at [`Inventory`].

mod id;
mod kinds;
pub mod pool;
mod report;
pub mod selector;
mod slice;
mod state;
mod table;
mod update;
mod usage;

use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::{Arc, OnceLock};

use rpds::RedBlackTreeMapSync as Map;

pub use id::{ClaimKey, DeviceId, ObjectRef, PoolId};
use kinds::Kinds;

pub use report::{Remark, Report};
pub use slice::Slice;
pub use table::{NodeRow, NodeTable};
pub use usage::{CallerData, DeviceUsage, Held, Holder};

use crate::error::InputError;
use crate::wire::allocation::AllocationResult;
use crate::wire::claim::{DeviceClass, ResourceClaim, ResourceClaimTemplate};
use crate::wire::core::{Node, Pod};
use crate::wire::document::Defaults;
use crate::wire::slice::DeviceTaintRule;

type Name = Arc<str>;

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
    held: Map<ClaimKey, Arc<Held>>,
    usage: Map<DeviceId, Arc<DeviceUsage>>,
    report: Arc<Report>,
    /// Another one for every change, so that snapshots can be told apart without comparing contents.
    stamp: Arc<Stamp>,
    /// The nodes in a row; made when first asked for and carried on from snapshot to snapshot.
    table: OnceLock<Arc<NodeTable>>,
    /// Numbers for what is equal; shared by all snapshots, without effect on any answer.
    kinds: Arc<Kinds>,
    /// Compiled selectors; shared by all snapshots, without effect on any answer.
    cel: Arc<crate::cel::Cache>,
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

    /// Compiled selectors, kept between calls.
    pub fn cel_cache(&self) -> &crate::cel::Cache {
        &self.cel
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

    /// All claims that hold something.
    pub fn held_claims(&self) -> impl Iterator<Item = &Arc<Held>> {
        self.held.values()
    }

    /// Who holds a device.
    pub fn usage(&self, device: &DeviceId) -> Option<&DeviceUsage> {
        self.usage.get(device).map(AsRef::as_ref)
    }

    /// The same inventory in which the claim holds the allocation, instead of what it held before.
    #[must_use]
    pub fn hold(&self, held: Held) -> Self {
        let mut next = self.release(&held.key);
        for result in &held.allocation.devices.results {
            if result.admin_access == Some(true) {
                continue;
            }
            let device = DeviceId::new(&result.driver, &result.pool, &result.device);
            let holder = Holder {
                claim: held.key.clone(),
                share_id: result.share_id.as_deref().map(Arc::from),
                consumed: result.consumed_capacity.clone().unwrap_or_default(),
            };
            let usage = next.usage.get(&device).map_or_else(
                || DeviceUsage::default().with(holder.clone()),
                |usage| usage.with(holder.clone()),
            );
            next.usage.insert_mut(device, Arc::new(usage));
        }
        let nodes = next.nodes_to_patch(&held);
        next.held.insert_mut(held.key.clone(), Arc::new(held));
        next.stamp = Arc::default();
        next.patch_table(&nodes);
        next
    }

    /// The same inventory in which the claim holds nothing; its document stays.
    #[must_use]
    pub fn release(&self, key: &ClaimKey) -> Self {
        let Some(held) = self.held.get(key) else {
            return self.clone();
        };
        let mut next = self.clone();
        next.stamp = Arc::default();
        next.held.remove_mut(key);
        for result in &held.allocation.devices.results {
            let device = DeviceId::new(&result.driver, &result.pool, &result.device);
            let Some(usage) = next.usage.get(&device).map(|usage| usage.without(key)) else {
                continue;
            };
            if usage.is_empty() {
                next.usage.remove_mut(&device);
            } else {
                next.usage.insert_mut(device, Arc::new(usage));
            }
        }
        next.patch_table(&self.nodes_to_patch(held));
        next
    }

    /// The nodes in a row.
    pub fn table(&self) -> &Arc<NodeTable> {
        self.table.get_or_init(|| Arc::new(NodeTable::new(self)))
    }

    /// Whether a slice serves more than one node, or rules taint devices: then a node's own slices do not say all.
    pub fn has_shared_state(&self) -> bool {
        !self.slices_shared.is_empty() || !self.taint_rules.is_empty()
    }

    fn nodes_to_patch(&self, held: &Held) -> BTreeSet<Name> {
        match self.table.get() {
            Some(_) => self.nodes_of(&held.allocation),
            None => BTreeSet::new(),
        }
    }

    /// The nodes of the pools that the allocation has devices of.
    fn nodes_of(&self, allocation: &AllocationResult) -> BTreeSet<Name> {
        let mut nodes = BTreeSet::new();
        for result in &allocation.devices.results {
            let device = DeviceId::new(&result.driver, &result.pool, &result.device);
            let pool = PoolId {
                driver: device.driver,
                pool: device.pool,
            };
            for slice in self.slices_of_pool(&pool) {
                nodes.extend(slice.document().spec.node_name.as_deref().map(Arc::from));
            }
        }
        nodes
    }

    /// Brings the table up to date after these nodes changed; without one there is nothing to do.
    fn patch_table(&mut self, nodes: &BTreeSet<Name>) {
        if let Some(table) = self.table.take()
            && let Some(table) = table.patched(self, nodes)
        {
            self.table = OnceLock::from(Arc::new(table));
        }
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
