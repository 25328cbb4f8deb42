//! One node in the row of all: the slices that it sees, and a number for how they make pools.
//!
//! Two nodes with equal numbers, whose slices are of equal kinds and held alike, offer the same. Reads one snapshot, decides nothing.
//! Start at [`NodeRow`].

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Arc, OnceLock};

use super::kinds::Kinds;
use super::pool::{device_matches, pools};
use super::selector::only_node;
use super::slice::Uses;
use super::table::has;
use super::{Inventory, Layout, Name, PoolId, Slice};
use crate::gates::{FeatureGates, Features};
use crate::wire::core::{Node, NodeSelector};

/// One node.
#[derive(Clone, Debug)]
pub struct NodeRow {
    /// Its name.
    pub name: Name,
    /// Its document; a bare one where there is none.
    pub node: Arc<Node>,
    /// Slices with its name, by slice name.
    pub named: Box<[Arc<Slice>]>,
    /// Slices that it sees without being named and that no other node sees, by name.
    pub only: Box<[Arc<Slice>]>,
    /// The set of slices that it sees with others; a position in [`super::NodeTable::sets`].
    pub set: usize,
    /// Number of how its slices make pools, and of what its document declares.
    pub structure: u32,
    /// Pools in which slices that it does not see may have a say.
    pub open_pools: Box<[(PoolId, i64)]>,
    /// Its pools for the gates that were asked for first; only where no other node has a say in them.
    layout: OnceLock<Box<(Features, Layout)>>,
    /// [`only_node`] for it, once an answer needed it.
    only_node: OnceLock<Arc<NodeSelector>>,
    /// What needs gates: with those off such slices are left out.
    pub uses: Uses,
    /// Whether its pools are such that it is better looked at by itself: generations or counts that contradict each
    /// other, devices of one name.
    pub is_odd: bool,
}

/// What is special about a node.
pub struct Flag;

impl Flag {
    /// [`NodeRow::is_odd`].
    pub const ODD: u32 = 1;
    /// [`Uses::counters`].
    pub const COUNTERS: u32 = 2;
    /// [`Uses::groups`].
    pub const GROUPS: u32 = 4;
    /// It has [`NodeRow::open_pools`].
    pub const OPEN_POOLS: u32 = 8;
}

/// What a node sees.
pub(super) struct Visible {
    pub(super) named: Vec<Arc<Slice>>,
    pub(super) only: Vec<Arc<Slice>>,
    pub(super) set: (usize, Arc<[Arc<Slice>]>),
}

impl Visible {
    /// In the order in which pools are put together: those that name the node first.
    pub(super) fn in_order(&self) -> impl Iterator<Item = &Arc<Slice>> {
        in_order(&self.named, &self.only, &self.set.1)
    }
}

/// Slices that name a node, then the others by name.
pub(super) fn in_order<'a>(
    named: &'a [Arc<Slice>],
    only: &'a [Arc<Slice>],
    set: &'a [Arc<Slice>],
) -> impl Iterator<Item = &'a Arc<Slice>> {
    let (mut only, mut set) = (only.iter().peekable(), set.iter().peekable());
    let merged = std::iter::from_fn(move || match (only.peek(), set.peek()) {
        (Some(a), Some(b)) if b.name() < a.name() => set.next(),
        (Some(_), _) => only.next(),
        (None, _) => set.next(),
    });
    named.iter().chain(merged)
}

impl NodeRow {
    pub(super) fn new(inventory: &Inventory, name: &Name, visible: &Visible) -> Self {
        let mut text = String::new();
        let node = inventory.node_or_bare(name);
        for feature in &node.status.declared_features {
            let _ = write!(text, "{feature};");
        }
        let mut slices: Vec<&Arc<Slice>> = visible.in_order().collect();
        let pools = Pools::of(&slices);
        slices.sort_by(|a, b| a.name().cmp(b.name()));
        write_structure(&node, &pools, &slices, visible, &mut text);
        Self {
            name: Arc::clone(name),
            named: visible.named.as_slice().into(),
            only: visible.only.as_slice().into(),
            set: visible.set.0,
            structure: inventory.kinds.text(text),
            layout: OnceLock::new(),
            only_node: OnceLock::new(),
            open_pools: pools.open(),
            uses: Uses {
                counters: slices.iter().any(|slice| {
                    let spec = &slice.document().spec;
                    slice.uses().counters || spec.per_device_node_selection.is_some()
                }),
                groups: slices.iter().any(|slice| slice.uses().groups),
            },
            is_odd: pools.are_odd(),
            node,
        }
        .with_layout(inventory, visible)
    }

    /// Puts its pools together beforehand, for the gates that most ask for, where that takes a while.
    fn with_layout(self, inventory: &Inventory, visible: &Visible) -> Self {
        if self.uses.counters {
            let features = FeatureGates::default().features();
            self.layout(inventory, visible.in_order(), features);
        }
        self
    }

    /// Its pools with these gates, made of the slices that it sees; kept where no other node has a say in them and
    /// nobody asked for other gates before.
    pub(super) fn layout<'a>(
        &self,
        inventory: &Inventory,
        slices: impl Iterator<Item = &'a Arc<Slice>>,
        features: Features,
    ) -> Option<&Layout> {
        if self.is_odd || !self.open_pools.is_empty() {
            return None;
        }
        let (made_for, layout) = &**self.layout.get_or_init(|| {
            let pools = pools(inventory, slices, true, features);
            Box::new((features, Layout::new(pools)))
        });
        let is_same = (!self.uses.counters
            || made_for.partitionable_devices == features.partitionable_devices)
            && (!self.uses.groups
                || made_for.compatibility_groups == features.compatibility_groups);
        is_same.then_some(layout)
    }

    /// The selector of this node alone; one for all answers.
    pub fn only_node(&self) -> &Arc<NodeSelector> {
        let make = || Arc::new(only_node(&self.name));
        self.only_node.get_or_init(make)
    }

    /// What a question has to know of it, in numbers: [`NodeRow::structure`], [`NodeRow::set`], a number of [`Flag`]s, how
    /// many slices there are that no other node sees, and what they are like; see [`Kinds::form`].
    pub(super) fn add_facts(&self, kinds: &Kinds, facts: &mut Vec<u32>) {
        let flags = [
            (Flag::ODD, self.is_odd),
            (Flag::COUNTERS, self.uses.counters),
            (Flag::GROUPS, self.uses.groups),
            (Flag::OPEN_POOLS, !self.open_pools.is_empty()),
        ];
        let flags = flags.iter().filter(|(_, is_set)| *is_set);
        let flags = flags.map(|(flag, _)| flag).sum();
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let own: Vec<&Arc<Slice>> = self.own().collect();
        facts.extend([self.structure, number(self.set), flags, number(own.len())]);
        kinds.form(&own, facts);
    }

    /// A number that is equal for nodes of whose own slices the same is held, device by device, up to who holds it.
    pub(super) fn usage(&self, inventory: &Inventory) -> u32 {
        let mut numbers = self.own().map(|slice| inventory.usage_number(slice));
        match (numbers.next(), numbers.next()) {
            (Some(number), None) => number,
            (first, second) => {
                let all = first.into_iter().chain(second).chain(numbers);
                let all: Vec<u32> = all.collect();
                inventory.kinds.patterns(&all)
            }
        }
    }

    /// The slices that no other node sees, by name.
    pub fn own(&self) -> impl Iterator<Item = &Arc<Slice>> {
        in_order(&[], &self.named, &self.only)
    }
}

/// The slices by pool.
struct Pools<'a>(BTreeMap<&'a PoolId, Vec<&'a Arc<Slice>>>);

impl<'a> Pools<'a> {
    fn of(slices: &[&'a Arc<Slice>]) -> Self {
        let mut pools: BTreeMap<&PoolId, Vec<&Arc<Slice>>> = BTreeMap::new();
        for slice in slices {
            pools.entry(slice.pool()).or_default().push(slice);
        }
        Self(pools)
    }

    /// Pools of which the node does not see all slices.
    fn open(&self) -> Box<[(PoolId, i64)]> {
        let open = self.0.iter().filter(|(_, slices)| {
            let wanted = slices[0].document().spec.pool.resource_slice_count;
            i64::try_from(slices.len()) != Ok(wanted)
        });
        open.map(|(id, slices)| ((*id).clone(), slices[0].document().spec.pool.generation))
            .collect()
    }

    fn are_odd(&self) -> bool {
        self.0.values().any(|slices| {
            let pool = &slices[0].document().spec.pool;
            let agrees = |slice: &&Arc<Slice>| {
                let own = &slice.document().spec.pool;
                own.generation == pool.generation
                    && own.resource_slice_count == pool.resource_slice_count
            };
            let devices = slices
                .iter()
                .flat_map(|slice| &slice.document().spec.devices);
            let names: BTreeSet<&str> =
                devices.clone().map(|device| device.name.as_str()).collect();
            !slices.iter().all(agrees) || names.len() != devices.count()
        })
    }
}

/// How the slices, by name, make pools: for each its pool, whether others see it, and which of its devices choose the
/// node; for each pool how many slices it should have.
fn write_structure(
    node: &Node,
    pools: &Pools<'_>,
    slices: &[&Arc<Slice>],
    visible: &Visible,
    text: &mut String,
) {
    let ordinals: BTreeMap<&PoolId, usize> = pools.0.keys().copied().zip(0..).collect();
    let shared = &visible.set.1;
    for slice in slices {
        let spec = &slice.document().spec;
        let _ = write!(text, "{}", ordinals[slice.pool()]);
        // Where the same number of slices is seen with others, they need not lie at the same places between its own.
        let is_shared = has(shared, slice.name());
        text.push(if is_shared { '+' } else { ',' });
        if spec.per_device_node_selection == Some(true) {
            for device in &spec.devices {
                let is_for = device_matches(device, node) == Ok(true);
                text.push(if is_for { 'y' } else { 'n' });
            }
        }
    }
    for slices in pools.0.values() {
        let pool = &slices[0].document().spec.pool;
        let _ = write!(text, "/{}", pool.resource_slice_count);
    }
}
