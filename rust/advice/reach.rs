//! What drivers publish where the question looks: devices, their values, pools that are not complete.
//!
//! Reads slices only and judges nothing. Start at [`Reach::of_nodes`] and [`on_node`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::attribute::split_name;
use crate::cel::{self, ConstantKind, Reads};
use crate::gates::Features;
use crate::inventory::pool::PoolState;
use crate::inventory::{DeviceId, Inventory, PoolId, Slice};
use crate::wire::slice::{Device, DeviceAttribute};

/// A published device.
#[derive(Clone)]
pub(super) struct Published {
    slice: Arc<Slice>,
    index: usize,
}

impl Published {
    pub(super) fn device(&self) -> &Device {
        &self.slice.document().spec.devices[self.index]
    }

    pub(super) fn driver(&self) -> &str {
        &self.slice.document().spec.driver
    }

    pub(super) fn id(&self) -> DeviceId {
        self.slice.device_id(self.index)
    }

    /// What CEL sees of it.
    pub(super) fn cel(&self) -> cel::Device<'_> {
        let device = self.device();
        cel::Device::new(
            self.driver(),
            &device.attributes,
            &device.capacity,
            device.allow_multiple_allocations,
        )
    }

    /// A text that is the same for devices which agree on everything that is read.
    pub(super) fn projection(&self, reads: &Reads) -> String {
        let (device, driver) = (self.device(), self.driver());
        let is_read = |all: bool, names: &BTreeSet<(String, Option<String>)>, name: &str| {
            let (domain, id) = split_name(name, driver);
            all || names
                .iter()
                .any(|(read, of)| read == domain && of.as_deref().is_none_or(|of| of == id))
        };
        let attributes = device.attributes.iter();
        let attributes: Vec<_> = attributes
            .filter(|(name, _)| is_read(reads.all_attributes, &reads.attributes, name))
            .collect();
        let capacity = device.capacity.iter();
        let capacity: Vec<_> = capacity
            .filter(|(name, _)| is_read(reads.all_capacity, &reads.capacity, name))
            .map(|(name, capacity)| (name, &capacity.value))
            .collect();
        let shared = device.allow_multiple_allocations == Some(true);
        serde_json::to_string(&(driver, attributes, capacity, shared)).unwrap_or_default()
    }
}

/// What one node sees.
pub(super) struct OnNode {
    /// Every pool, whatever state it is in.
    pub(super) pools: Vec<PoolId>,
    /// Devices of usable pools.
    pub(super) devices: Vec<Published>,
    /// Pools of which slices are missing, with how many are there and how many there should be.
    pub(super) incomplete: BTreeMap<PoolId, (usize, i64)>,
}

impl OnNode {
    /// Whether a device is there that is given away in shares and draws counters. Its first share has to find what it
    /// draws, the others do not; so with more of it free less may fit, where counters are overdrawn.
    pub(super) fn has_shares_that_draw(&self) -> bool {
        self.devices.iter().map(Published::device).any(|device| {
            device.allow_multiple_allocations == Some(true) && !device.consumes_counters.is_empty()
        })
    }
}

/// What the node sees; nothing where upstream cannot say.
pub(super) fn on_node(inventory: &Inventory, name: &str, features: Features) -> OnNode {
    let mut found = OnNode {
        pools: Vec::new(),
        devices: Vec::new(),
        incomplete: BTreeMap::new(),
    };
    let spot = inventory.spot(name, features);
    for pool in spot.iter().flat_map(|spot| &spot.layout.pools) {
        match &pool.state {
            PoolState::Usable { slices, .. } => {
                for slice in slices {
                    let count = slice.document().spec.devices.len();
                    found.devices.extend((0..count).map(|index| Published {
                        slice: Arc::clone(slice),
                        index,
                    }));
                }
            }
            PoolState::Incomplete { .. } => {
                let all = inventory
                    .slices_of_pool(&pool.id)
                    .map(|slice| slice.document());
                let newest = all
                    .map(|slice| &slice.spec.pool)
                    .max_by_key(|pool| pool.generation);
                let newest = newest.map_or((0, 0), |newest| {
                    let here = inventory
                        .slices_of_pool(&pool.id)
                        .filter(|slice| slice.document().spec.pool.generation == newest.generation);
                    (here.count(), newest.resource_slice_count)
                });
                found.incomplete.insert(pool.id.clone(), newest);
            }
            PoolState::Invalid { .. } => {}
        }
        found.pools.push(pool.id.clone());
    }
    found
}

/// What several nodes see together, each device once.
pub(super) struct Reach {
    pub(super) devices: Vec<Published>,
    pub(super) incomplete: BTreeMap<PoolId, (usize, i64)>,
    /// The most devices that one node sees.
    pub(super) most: usize,
}

impl Reach {
    pub(super) fn of_nodes(inventory: &Inventory, nodes: &[String], features: Features) -> Self {
        let mut devices = BTreeMap::new();
        let mut incomplete = BTreeMap::new();
        let mut most = 0;
        for node in nodes {
            let mut here = on_node(inventory, node, features);
            most = most.max(here.devices.len());
            incomplete.append(&mut here.incomplete);
            for device in here.devices {
                devices.insert(device.id(), device);
            }
        }
        Self {
            devices: devices.into_values().collect(),
            incomplete,
            most,
        }
    }

    /// One device for each combination of the values that are read.
    pub(super) fn distinct(&self, reads: &Reads) -> Vec<&Published> {
        let mut found = BTreeMap::new();
        for device in &self.devices {
            found.entry(device.projection(reads)).or_insert(device);
        }
        found.into_values().collect()
    }

    /// The distinct values of a kind that are published under the names that are read.
    pub(super) fn values(&self, reads: &Reads, kind: ConstantKind) -> BTreeSet<String> {
        let mut values = BTreeSet::new();
        for device in self.distinct(reads) {
            let driver = device.driver();
            let is_read = |names: &BTreeSet<(String, Option<String>)>, name: &str| {
                let (domain, id) = split_name(name, driver);
                names.contains(&(domain.to_owned(), Some(id.to_owned())))
            };
            for (name, attribute) in &device.device().attributes {
                if is_read(&reads.attributes, name) {
                    values.extend(texts(attribute, kind));
                }
            }
            for (name, capacity) in &device.device().capacity {
                if kind == ConstantKind::Quantity && is_read(&reads.capacity, name) {
                    values.insert(capacity.value.to_string());
                }
            }
            if kind == ConstantKind::Text && reads.driver {
                values.insert(driver.to_owned());
            }
        }
        values
    }
}

/// The values of an attribute that are of a kind, as they are written in an expression without quotes.
pub(super) fn texts(attribute: &DeviceAttribute, kind: ConstantKind) -> Vec<String> {
    fn all<T>(one: Option<&T>, many: Option<&[T]>, text: fn(&T) -> String) -> Vec<String> {
        let many = many.into_iter().flatten();
        one.into_iter().chain(many).map(text).collect()
    }
    let a = attribute;
    match kind {
        ConstantKind::Int => all(a.int().as_ref(), a.ints(), ToString::to_string),
        ConstantKind::Bool => all(a.bool().as_ref(), a.bools(), ToString::to_string),
        ConstantKind::Text => all(a.string(), a.strings(), ToString::to_string),
        ConstantKind::Version => all(a.version(), a.versions(), |version| {
            version.text().to_owned()
        }),
        ConstantKind::Quantity => Vec::new(),
    }
}
