//! A published slice with what is derived from it once: device ids and what CEL sees of each device.

use std::sync::{Arc, OnceLock};

use super::id::{DeviceId, PoolId};
use crate::cel;
use crate::wire::slice::ResourceSlice;

/// A slice; immutable, shared between snapshots.
#[derive(Debug)]
pub struct Slice {
    document: ResourceSlice,
    pool: PoolId,
    devices: Vec<DeviceId>,
    /// Prepared when a selector first looks at the device.
    cel: Vec<OnceLock<cel::Device>>,
}

impl Slice {
    /// Derives what is derived from a document.
    pub fn new(document: ResourceSlice) -> Self {
        let pool = PoolId {
            driver: Arc::from(document.spec.driver.as_str()),
            pool: Arc::from(document.spec.pool.name.as_str()),
        };
        let devices: Vec<DeviceId> = document
            .spec
            .devices
            .iter()
            .map(|device| DeviceId {
                driver: Arc::clone(&pool.driver),
                pool: Arc::clone(&pool.pool),
                device: Arc::clone(device.name.shared()),
            })
            .collect();
        let cel = devices.iter().map(|_| OnceLock::new()).collect();
        Self {
            document,
            pool,
            devices,
            cel,
        }
    }

    /// The document.
    pub fn document(&self) -> &ResourceSlice {
        &self.document
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
    pub fn device_id(&self, index: usize) -> &DeviceId {
        &self.devices[index]
    }

    /// What CEL sees of the device at a position of the document.
    pub fn cel_device(&self, index: usize) -> &cel::Device {
        self.cel[index].get_or_init(|| {
            let device = &self.document.spec.devices[index];
            cel::Device::new(
                &self.document.spec.driver,
                &device.attributes,
                &device.capacity,
                device.allow_multiple_allocations,
            )
        })
    }
}

impl PartialEq for Slice {
    fn eq(&self, other: &Self) -> bool {
        self.document == other.document
    }
}

impl Eq for Slice {}
