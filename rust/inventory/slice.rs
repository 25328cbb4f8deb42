//! A published slice with what is derived from it once: device ids and what CEL sees of each device.

use std::sync::Arc;

use super::id::{DeviceId, PoolId};
use super::kinds::{Kinds, SliceKind};
use super::selector::NodeSelector;
use crate::cel;
use crate::wire::slice::{DeviceCounterConsumption, ResourceSlice};

/// What slices have beside plain devices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Uses {
    /// Counter sets, or devices that consume counters.
    pub counters: bool,
    /// Devices that name compatibility groups.
    pub groups: bool,
}

/// Whether a device of a slice is of a kind that needs a closer look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AtLarge {
    /// A device has binding conditions, be they none.
    pub has_conditions: bool,
    /// A device can be shared.
    pub has_shareable: bool,
    /// A device has a capacity that says how much of it can be asked for, or a negative one.
    pub has_odd_capacity: bool,
}

impl AtLarge {
    fn of(document: &ResourceSlice) -> Self {
        let devices = &document.spec.devices;
        Self {
            has_conditions: devices
                .iter()
                .any(|device| device.binding_conditions.is_some()),
            has_shareable: devices
                .iter()
                .any(|device| device.allow_multiple_allocations == Some(true)),
            has_odd_capacity: devices
                .iter()
                .flat_map(|device| device.capacity.values())
                .any(|own| own.request_policy.is_some() || own.value.sign().is_lt()),
        }
    }
}

/// A slice; immutable, shared between snapshots.
#[derive(Debug)]
pub struct Slice {
    document: ResourceSlice,
    pool: PoolId,
    kind: SliceKind,
    /// Told from all other slices by this, also from others of its name.
    number: u32,
    uses: Uses,
    /// What one look at all of its devices tells.
    devices_at_large: AtLarge,
    /// Whether its node selector and those of its devices can be parsed.
    has_valid_selectors: bool,
    /// Whether selectors can be evaluated on every device; if not, each is asked.
    is_readable: bool,
}

impl Slice {
    /// Derives what is derived from a document.
    pub fn new(document: ResourceSlice, kinds: &Kinds) -> Self {
        let pool = PoolId {
            driver: Arc::clone(document.spec.driver.shared()),
            pool: Arc::clone(document.spec.pool.name.shared()),
        };
        let mut seen = document.spec.devices.iter();
        let is_readable = seen.all(|device| {
            let driver = &document.spec.driver;
            cel::Device::new(driver, &device.attributes, &device.capacity, None).is_readable()
        });
        let seen = document.spec.devices.iter();
        let mut consumed = seen.flat_map(|device| &device.consumes_counters);
        let names_groups =
            |consumption: &DeviceCounterConsumption| !consumption.compatibility_groups.is_empty();
        let uses = Uses {
            groups: consumed.clone().any(names_groups),
            counters: !document.spec.shared_counters.is_empty() || consumed.next().is_some(),
        };
        let of_devices = document.spec.devices.iter();
        let mut selectors = of_devices
            .filter_map(|device| device.node_selector.as_ref())
            .chain(&document.spec.node_selector);
        Self {
            kind: kinds.slice(&document),
            number: kinds.next(),
            uses,
            devices_at_large: AtLarge::of(&document),
            has_valid_selectors: selectors.all(|selector| NodeSelector::parse(selector).is_ok()),
            document,
            pool,
            is_readable,
        }
    }

    /// The document.
    pub fn document(&self) -> &ResourceSlice {
        &self.document
    }

    /// What it is like.
    pub fn kind(&self) -> &SliceKind {
        &self.kind
    }

    /// Its number, which no other slice has.
    pub(super) fn number(&self) -> u32 {
        self.number
    }

    /// What it has beside plain devices.
    pub fn uses(&self) -> Uses {
        self.uses
    }

    /// Whether a device of it needs a closer look.
    pub fn devices_at_large(&self) -> AtLarge {
        self.devices_at_large
    }

    /// Whether its node selector and those of its devices can be parsed.
    pub fn has_valid_selectors(&self) -> bool {
        self.has_valid_selectors
    }

    /// Whether selectors can be evaluated on every device; if not, each is asked.
    pub fn is_readable(&self) -> bool {
        self.is_readable
    }

    /// Name of the object.
    pub fn name(&self) -> &str {
        &self.document.metadata.name
    }

    /// The pool it belongs to.
    pub fn pool(&self) -> &PoolId {
        &self.pool
    }

    /// Id of the device at a position of the document.
    pub fn device_id(&self, index: usize) -> DeviceId {
        DeviceId {
            driver: Arc::clone(&self.pool.driver),
            pool: Arc::clone(&self.pool.pool),
            device: Arc::clone(self.document.spec.devices[index].name.shared()),
        }
    }

    /// What CEL sees of the device at a position of the document.
    pub fn cel_device(&self, index: usize) -> cel::Device<'_> {
        let device = &self.document.spec.devices[index];
        let view = if self.is_readable {
            cel::Device::readable
        } else {
            cel::Device::new
        };
        // What a device says lies far from the rest of what is looked at: a miss of the cache for each.
        let shares = || device.allow_multiple_allocations;
        let shareable = self.devices_at_large.has_shareable.then(shares).flatten();
        view(
            &self.document.spec.driver,
            &device.attributes,
            &device.capacity,
            shareable,
        )
    }
}

impl PartialEq for Slice {
    fn eq(&self, other: &Self) -> bool {
        self.document == other.document
    }
}

impl Eq for Slice {}
