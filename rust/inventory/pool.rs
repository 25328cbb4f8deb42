//! The pools that a node can see: generations, completeness, validity, order.
//!
//! Reads slices only; who holds what is not looked at. Start at [`gather`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Inventory;
use super::id::PoolId;
use super::plan::CounterPlan;
use super::selector::{node_matches, valid_matches};
use super::slice::Slice;
use crate::gates::Features;
use crate::wire::core::Node;
use crate::wire::slice::Device;

/// A pool as one node sees it.
#[derive(Clone, Debug)]
pub struct Pool {
    /// Driver and name.
    pub id: PoolId,
    /// What can be done with it.
    pub state: PoolState,
}

/// Whether a pool can be used.
#[derive(Clone, Debug)]
pub enum PoolState {
    /// All slices of its generation are there and make sense.
    Usable {
        /// Slices with devices for this node, by name.
        slices: Vec<Arc<Slice>>,
        /// Slices of the pool with devices for other nodes, if they may draw from the same counters.
        elsewhere: Vec<Arc<Slice>>,
        /// How many devices of the pool are for other nodes.
        devices_elsewhere: usize,
        /// The counters of the pool, if there are any.
        counters: Option<Arc<CounterPlan>>,
    },
    /// Slices of its generation are missing (or there are too many).
    Incomplete {
        /// The slices that this node sees.
        slices: Vec<Arc<Slice>>,
    },
    /// Its slices contradict each other.
    Invalid {
        /// Why.
        reason: String,
        /// The slices that this node sees.
        slices: Vec<Arc<Slice>>,
    },
}

impl Pool {
    /// The slices from which devices can be taken.
    pub fn usable(&self) -> &[Arc<Slice>] {
        match &self.state {
            PoolState::Usable { slices, .. } => slices,
            PoolState::Incomplete { .. } | PoolState::Invalid { .. } => &[],
        }
    }

    /// The slices with devices for the node, whatever state the pool is in.
    pub fn slices(&self) -> &[Arc<Slice>] {
        match &self.state {
            PoolState::Usable { slices, .. }
            | PoolState::Incomplete { slices }
            | PoolState::Invalid { slices, .. } => slices,
        }
    }
}

/// The pools that have a slice for the node, in the order the search goes through them: by driver and name, those
/// with binding conditions last. An error is upstream's text and fatal.
pub(super) fn gather(
    inventory: &Inventory,
    node: &Node,
    features: Features,
) -> Result<Vec<Pool>, String> {
    let mut seen = Vec::new();
    let candidates = inventory
        .slices_on_node(&node.metadata.name)
        .chain(inventory.slices_shared());
    for slice in candidates {
        if is_understood(slice, features) && is_relevant(slice, node)? {
            seen.push(slice);
        }
    }
    Ok(pools(inventory, seen.into_iter(), false, features))
}

/// As [`gather`], of the slices that have something for the node; `are_distinct` says that it is known that no two
/// devices of a pool have one name.
pub(super) fn pools<'a>(
    inventory: &Inventory,
    slices: impl Iterator<Item = &'a Arc<Slice>>,
    are_distinct: bool,
    features: Features,
) -> Vec<Pool> {
    let mut seen: BTreeMap<&PoolId, Vec<&Arc<Slice>>> = BTreeMap::new();
    for slice in slices.filter(|slice| is_understood(slice, features)) {
        add(seen.entry(slice.pool()).or_default(), slice);
    }
    let mut usual = Vec::with_capacity(seen.len());
    let mut with_conditions = Vec::new();
    for (id, slices) in seen {
        let slices = slices.into_iter().cloned().collect();
        let Some(pool) = build(inventory, id, slices, are_distinct, features) else {
            continue;
        };
        if has_binding_conditions(&pool) {
            with_conditions.push(pool);
        } else {
            usual.push(pool);
        }
    }
    usual.append(&mut with_conditions);
    usual
}

/// Whether all fields of the slice are understood with these gates; others are left out, which makes the pool
/// incomplete.
fn is_understood(slice: &Slice, features: Features) -> bool {
    let spec = &slice.document().spec;
    let is_partitionable =
        spec.per_device_node_selection.is_some() || !spec.shared_counters.is_empty();
    (features.partitionable_devices || !is_partitionable)
        && (features.compatibility_groups || !slice.uses().groups)
}

/// Whether the slice has something for the node. A node selector that cannot be parsed is an error, also where it
/// would not matter.
pub(super) fn is_relevant(slice: &Slice, node: &Node) -> Result<bool, String> {
    let spec = &slice.document().spec;
    let name = spec.node_name.as_deref().unwrap_or_default();
    if name.is_empty() && spec.node_selector.is_some() && slice.has_valid_selectors() {
        return Ok(valid_matches(
            node,
            spec.all_nodes,
            spec.node_selector.as_ref(),
        ));
    }
    if !name.is_empty() || spec.all_nodes == Some(true) || spec.node_selector.is_some() {
        return node_matches(
            node,
            spec.node_name.as_deref(),
            spec.all_nodes,
            spec.node_selector.as_ref(),
        )
        .map_err(|error| {
            let slice = slice.name();
            format!("failed to perform node selection for slice {slice}: {error}")
        });
    }
    if spec.per_device_node_selection != Some(true) {
        // A way to select nodes that is not understood.
        return Ok(false);
    }
    for device in &spec.devices {
        let is_match = device_matches(device, node).map_err(|error| {
            let (device, slice) = (&device.name, slice.name());
            format!(
                "failed to perform node selection for device {device} in slice {slice}: {error}"
            )
        })?;
        if is_match {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a device that selects nodes for itself is for the node.
pub fn device_matches(device: &Device, node: &Node) -> Result<bool, String> {
    node_matches(
        node,
        device.node_name.as_deref(),
        device.all_nodes,
        device.node_selector.as_ref(),
    )
}

/// Keeps the slices of the highest generation.
fn add<'a>(slices: &mut Vec<&'a Arc<Slice>>, slice: &'a Arc<Slice>) {
    let known = slices
        .first()
        .map(|first| first.document().spec.pool.generation);
    let generation = slice.document().spec.pool.generation;
    match known {
        Some(known) if generation < known => return,
        Some(known) if generation > known => slices.clear(),
        _ => {}
    }
    slices.push(slice);
}

/// The pool made of the slices that the node sees; `None` for an obsolete one.
fn build(
    inventory: &Inventory,
    id: &PoolId,
    mut slices: Vec<Arc<Slice>>,
    are_distinct: bool,
    features: Features,
) -> Option<Pool> {
    // Oddity: the count of the first slice decides, disagreement inside a generation is not noticed.
    let first = &slices.first()?.document().spec.pool;
    let (wanted, generation) = (first.resource_slice_count, first.generation);
    let mut elsewhere = Vec::new();
    let mut devices_elsewhere = 0;
    // Oddity: a generation that is complete on this node hides a newer one on other nodes.
    if i64::try_from(slices.len()) != Ok(wanted) {
        let census = inventory.census(id)?;
        if census.is_newer_than(generation) {
            return None;
        }
        let all = census.of(generation);
        let mut count = all.slices;
        if !features.compatibility_groups {
            count = count.without(all.with_groups);
        }
        if i64::try_from(count.slices) != Ok(wanted) {
            let state = PoolState::Incomplete { slices };
            let id = id.clone();
            return Some(Pool { id, state });
        }
        if all.with_counters > 0 {
            elsewhere = others(inventory, id, &slices, features);
        }
        let devices = |slice: &Arc<Slice>| slice.document().spec.devices.len();
        let here = slices.iter().map(devices).sum();
        devices_elsewhere = count.devices.saturating_sub(here);
    }
    slices.sort_by(|a, b| a.name().cmp(b.name()));
    let has_counters = |slice: &Arc<Slice>| {
        features.partitionable_devices && !slice.document().spec.shared_counters.is_empty()
    };
    let (counters, slices): (Vec<_>, Vec<_>) = slices.into_iter().partition(has_counters);
    let (more_counters, elsewhere): (Vec<_>, Vec<_>) =
        elsewhere.into_iter().partition(has_counters);
    let counter_sets: Vec<(Arc<Slice>, usize)> = counters
        .into_iter()
        .chain(more_counters)
        .flat_map(|slice| {
            let sets = slice.document().spec.shared_counters.len();
            (0..sets).map(move |index| (Arc::clone(&slice), index))
        })
        .collect();
    let counters = CounterPlan::of(&inventory.kinds, &slices, &elsewhere, &counter_sets);
    let is_sound = are_distinct && counters.as_ref().is_none_or(|plan| plan.is_valid);
    let verdict = if is_sound {
        Ok(())
    } else {
        validate(&slices, &elsewhere, &counter_sets, features)
    };
    let state = match verdict {
        Err(reason) => PoolState::Invalid { reason, slices },
        Ok(()) => PoolState::Usable {
            slices,
            elsewhere,
            devices_elsewhere,
            counters,
        },
    };
    let id = id.clone();
    Some(Pool { id, state })
}

/// The slices of the pool's generation that the node does not see.
fn others(
    inventory: &Inventory,
    id: &PoolId,
    slices: &[Arc<Slice>],
    features: Features,
) -> Vec<Arc<Slice>> {
    let generation = slices[0].document().spec.pool.generation;
    let names: BTreeSet<&str> = slices.iter().map(|slice| slice.name()).collect();
    let all = inventory.slices_of_pool(id);
    let others = all.filter(|slice| {
        slice.document().spec.pool.generation == generation
            && (features.compatibility_groups || !slice.uses().groups)
            && !names.contains(slice.name())
    });
    others.cloned().collect()
}

fn validate(
    slices: &[Arc<Slice>],
    elsewhere: &[Arc<Slice>],
    counter_sets: &[(Arc<Slice>, usize)],
    features: Features,
) -> Result<(), String> {
    let mut names = BTreeSet::new();
    for device in slices
        .iter()
        .flat_map(|slice| &slice.document().spec.devices)
    {
        if !names.insert(&device.name) {
            return Err(format!("duplicate device name {}", device.name));
        }
    }
    if !features.partitionable_devices {
        return Ok(());
    }
    let mut sets = BTreeMap::new();
    for (slice, index) in counter_sets {
        let set = &slice.document().spec.shared_counters[*index];
        if sets.insert(&set.name, set).is_some() {
            return Err(format!("duplicate counter set name {}", set.name));
        }
    }
    let devices = slices
        .iter()
        .chain(elsewhere)
        .flat_map(|slice| &slice.document().spec.devices);
    for consumption in devices.flat_map(|device| &device.consumes_counters) {
        let set = sets
            .get(&consumption.counter_set)
            .ok_or_else(|| format!("counter set {} not found", consumption.counter_set))?;
        // Oddity: of several unknown counters upstream names a random one; here it is the first by name.
        if let Some(counter) = consumption
            .counters
            .keys()
            .find(|name| !set.counters.contains_key(*name))
        {
            return Err(format!(
                "counter {counter} not found in counter set {}",
                set.name
            ));
        }
    }
    Ok(())
}

/// Oddity: an empty list of binding conditions counts as having some, whatever the gate says.
fn has_binding_conditions(pool: &Pool) -> bool {
    let PoolState::Usable { slices, .. } = &pool.state else {
        return false;
    };
    let mut slices = slices.iter();
    slices.any(|slice| slice.devices_at_large().has_conditions)
}
