//! The pools of one node, gathered from nothing but the slices.
//!
//! Follows upstream also where that is odd: a pool that is complete by count is taken although a newer generation
//! exists for other nodes (Q12), the first slice alone says how many slices there should be (Q19), and an empty list of
//! binding conditions moves a pool to the end (Q16). Start at [`gather`].

use std::collections::{BTreeMap, BTreeSet};

use super::nodes::reaches;
use crate::gates::Features;
use crate::wire::core::Node;
use crate::wire::slice::{CounterSet, Device, ResourceSlice};

/// What can be done with a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    Usable,
    /// Slices are missing (or there are too many).
    Incomplete,
    /// The slices contradict each other.
    Invalid(String),
}

/// A pool as seen from the node.
#[derive(Debug)]
pub(super) struct Pool<'a> {
    pub(super) driver: &'a str,
    pub(super) name: &'a str,
    pub(super) state: State,
    /// Slices with devices for the node, by name. Empty unless the pool is usable.
    pub(super) slices: Vec<&'a ResourceSlice>,
    /// Slices of the same pool for other nodes, as far as they had to be looked at.
    pub(super) elsewhere: Vec<&'a ResourceSlice>,
    pub(super) counter_sets: BTreeMap<&'a str, &'a CounterSet>,
}

/// Where a device stands in the order in which devices are tried: pool, slice, device.
pub(super) type Position = (usize, usize, usize);

/// A device with where it was published.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found<'p, 'a> {
    pub(super) position: Position,
    pub(super) pool: &'p Pool<'a>,
    pub(super) slice: &'a ResourceSlice,
    pub(super) device: &'a Device,
}

impl<'a> Pool<'a> {
    /// The devices for the node in the order in which they are tried; `index` is the place of the pool itself.
    pub(super) fn devices(&self, index: usize) -> impl Iterator<Item = Found<'_, 'a>> {
        self.slices
            .iter()
            .enumerate()
            .flat_map(move |(at_slice, slice)| {
                slice
                    .spec
                    .devices
                    .iter()
                    .enumerate()
                    .map(move |(at_device, device)| Found {
                        position: (index, at_slice, at_device),
                        pool: self,
                        slice,
                        device,
                    })
            })
    }
}

/// The pools in the order in which they are tried. The error is one that makes upstream fail on every node.
pub(super) fn gather<'a>(
    node: &Node,
    slices: &[&'a ResourceSlice],
    features: Features,
) -> Result<Vec<Pool<'a>>, String> {
    let mut by_pool: BTreeMap<(&str, &str), Vec<&'a ResourceSlice>> = BTreeMap::new();
    let name_of = |slice: &ResourceSlice| slice.spec.node_name.clone().unwrap_or_default();
    let own = slices.iter().filter(|slice| {
        let name = name_of(slice);
        !name.is_empty() && *name == *node.metadata.name
    });
    let shared = slices.iter().filter(|slice| name_of(slice).is_empty());
    for slice in own.chain(shared) {
        if understood(slice, features) && relevant(slice, node)? {
            let id = (slice.spec.driver.as_str(), slice.spec.pool.name.as_str());
            by_pool.entry(id).or_default().push(slice);
        }
    }
    let mut pools: Vec<Pool<'a>> = by_pool
        .into_iter()
        .filter_map(|(id, relevant)| pool(id, &relevant, slices, features))
        .collect();
    // The sort is stable: by driver and pool, those with binding conditions behind the others.
    pools.sort_by_key(has_binding_conditions);
    Ok(pools)
}

/// Whether the gates allow to look at the slice at all.
fn understood(slice: &ResourceSlice, features: Features) -> bool {
    let partitionable =
        slice.spec.per_device_node_selection.is_some() || !slice.spec.shared_counters.is_empty();
    (features.partitionable_devices || !partitionable)
        && (features.compatibility_groups || !has_groups(slice))
}

fn has_groups(slice: &ResourceSlice) -> bool {
    let mut consumptions = slice.spec.devices.iter().flat_map(|d| &d.consumes_counters);
    consumptions.any(|consumption| !consumption.compatibility_groups.is_empty())
}

fn relevant(slice: &ResourceSlice, node: &Node) -> Result<bool, String> {
    let spec = &slice.spec;
    let name = spec.node_name.as_deref().filter(|name| !name.is_empty());
    if name.is_some() || spec.all_nodes == Some(true) || spec.node_selector.is_some() {
        return reaches(node, name, spec.all_nodes, spec.node_selector.as_ref())
            .map_err(|text| format!("node selector of slice {}: {text}", slice.metadata.name));
    }
    if spec.per_device_node_selection != Some(true) {
        return Ok(false);
    }
    for device in &spec.devices {
        // Upstream stops at the first device for the node, so errors behind it stay unseen.
        let reached = device_reaches(device, node).map_err(|text| {
            let slice = &slice.metadata.name;
            format!(
                "node selector of device {} in slice {slice}: {text}",
                device.name
            )
        })?;
        if reached {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether the device itself, in a slice that leaves it to its devices, can be used on the node.
pub(super) fn device_reaches(device: &Device, node: &Node) -> Result<bool, String> {
    reaches(
        node,
        device.node_name.as_deref(),
        device.all_nodes,
        device.node_selector.as_ref(),
    )
}

/// Builds one pool from its slices for the node; `None` if only an old generation of it is left for the node.
fn pool<'a>(
    (driver, name): (&'a str, &'a str),
    relevant: &[&'a ResourceSlice],
    all: &[&'a ResourceSlice],
    features: Features,
) -> Option<Pool<'a>> {
    let generation = relevant.iter().map(|s| s.spec.pool.generation).max()?;
    let mut here: Vec<&'a ResourceSlice> = relevant.to_vec();
    here.retain(|slice| slice.spec.pool.generation == generation);
    let want = here.first()?.spec.pool.resource_slice_count;
    let has = |slices: &[&ResourceSlice]| i64::try_from(slices.len()) == Ok(want);

    let mut elsewhere = Vec::new();
    let mut complete = has(&here);
    if !complete {
        let mut same_pool: Vec<&'a ResourceSlice> = all.to_vec();
        same_pool.retain(|slice| slice.spec.driver == driver && slice.spec.pool.name == name);
        if same_pool
            .iter()
            .any(|s| s.spec.pool.generation > generation)
        {
            return None;
        }
        same_pool.retain(|slice| slice.spec.pool.generation == generation);
        same_pool.retain(|slice| features.compatibility_groups || !has_groups(slice));
        complete = has(&same_pool);
        if here.len() < same_pool.len() {
            let names: BTreeSet<&str> = here.iter().map(|s| s.metadata.name.as_str()).collect();
            same_pool.retain(|slice| !names.contains(slice.metadata.name.as_str()));
            elsewhere = same_pool;
        }
    }
    here.sort_by_key(|slice| &slice.metadata.name);
    let mut pool = Pool {
        driver,
        name,
        state: State::Incomplete,
        slices: Vec::new(),
        elsewhere: Vec::new(),
        counter_sets: BTreeMap::new(),
    };
    if complete {
        fill(&mut pool, here, elsewhere, features);
    }
    Some(pool)
}

fn fill<'a>(
    pool: &mut Pool<'a>,
    here: Vec<&'a ResourceSlice>,
    elsewhere: Vec<&'a ResourceSlice>,
    features: Features,
) {
    let with_counters = |slice: &&ResourceSlice| {
        features.partitionable_devices && !slice.spec.shared_counters.is_empty()
    };
    let (counters_here, devices_here): (Vec<_>, Vec<_>) = here.into_iter().partition(with_counters);
    let (counters_elsewhere, devices_elsewhere): (Vec<_>, Vec<_>) =
        elsewhere.into_iter().partition(with_counters);
    match contradiction(
        &devices_here,
        &devices_elsewhere,
        counters_here.iter().chain(&counters_elsewhere),
        features,
    ) {
        Ok(counter_sets) => {
            pool.state = State::Usable;
            pool.slices = devices_here;
            pool.elsewhere = devices_elsewhere;
            pool.counter_sets = counter_sets;
        }
        Err(reason) => pool.state = State::Invalid(reason),
    }
}

/// The counter sets by name, or what makes the pool invalid.
fn contradiction<'s, 'a: 's>(
    here: &[&'a ResourceSlice],
    elsewhere: &[&'a ResourceSlice],
    counter_slices: impl Iterator<Item = &'s &'a ResourceSlice>,
    features: Features,
) -> Result<BTreeMap<&'a str, &'a CounterSet>, String> {
    let mut names = BTreeSet::new();
    for device in here.iter().flat_map(|slice| &slice.spec.devices) {
        if !names.insert(device.name.as_str()) {
            return Err(format!("duplicate device name {}", device.name));
        }
    }
    let mut sets = BTreeMap::new();
    if !features.partitionable_devices {
        return Ok(sets);
    }
    for set in counter_slices.flat_map(|slice| &slice.spec.shared_counters) {
        if sets.insert(set.name.as_str(), set).is_some() {
            return Err(format!("duplicate counter set name {}", set.name));
        }
    }
    for device in here
        .iter()
        .chain(elsewhere)
        .flat_map(|slice| &slice.spec.devices)
    {
        for consumption in &device.consumes_counters {
            let set: &CounterSet = sets
                .get(consumption.counter_set.as_str())
                .ok_or_else(|| format!("counter set {} not found", consumption.counter_set))?;
            for counter in consumption.counters.keys() {
                if !set.counters.contains_key(counter) {
                    let set = &set.name;
                    return Err(format!("counter {counter} not found in counter set {set}"));
                }
            }
        }
    }
    Ok(sets)
}

fn has_binding_conditions(pool: &Pool<'_>) -> bool {
    pool.slices
        .iter()
        .flat_map(|slice| &slice.spec.devices)
        .any(|device| device.binding_conditions.is_some())
}
