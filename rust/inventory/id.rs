//! Identities: of a device, a pool, a claim, and of any object by kind.
//!
//! Only names; what they stand for is in the sibling modules.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::wire::allocation::DeviceRequestAllocationResult;

/// A device: driver, pool and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceId {
    /// Driver.
    pub driver: Arc<str>,
    /// Pool, unique within the driver.
    pub pool: Arc<str>,
    /// Device, unique within the pool.
    pub device: Arc<str>,
}

impl DeviceId {
    /// The id made of three names.
    pub fn new(driver: &str, pool: &str, device: &str) -> Self {
        Self {
            driver: Arc::from(driver),
            pool: Arc::from(pool),
            device: Arc::from(device),
        }
    }

    /// The device of a result.
    pub fn of(result: &DeviceRequestAllocationResult) -> Self {
        Self {
            driver: Arc::clone(result.driver.shared()),
            pool: Arc::clone(result.pool.shared()),
            device: Arc::clone(result.device.shared()),
        }
    }

    /// Its pool.
    pub fn pool_id(&self) -> PoolId {
        PoolId {
            driver: Arc::clone(&self.driver),
            pool: Arc::clone(&self.pool),
        }
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.driver, self.pool, self.device)
    }
}

/// A pool: driver and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PoolId {
    /// Driver.
    pub driver: Arc<str>,
    /// Pool, unique within the driver.
    pub pool: Arc<str>,
}

impl PoolId {
    /// The pool of the device of a result.
    pub fn of(result: &DeviceRequestAllocationResult) -> Self {
        Self {
            driver: Arc::clone(result.driver.shared()),
            pool: Arc::clone(result.pool.shared()),
        }
    }
}

impl fmt::Display for PoolId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.driver, self.pool)
    }
}

/// A namespaced object, usually a claim.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
pub struct ClaimKey {
    /// Namespace; may be empty for a claim that was never stored.
    pub namespace: Arc<str>,
    /// Name.
    pub name: Arc<str>,
}

impl ClaimKey {
    /// The key made of two names.
    pub fn new(namespace: &str, name: &str) -> Self {
        Self {
            namespace: Arc::from(namespace),
            name: Arc::from(name),
        }
    }

    /// Reads `namespace/name`, or a bare name for an empty namespace.
    pub fn parse(text: &str) -> Self {
        let (namespace, name) = text.split_once('/').unwrap_or(("", text));
        Self::new(namespace, name)
    }
}

impl fmt::Display for ClaimKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            f.write_str(&self.name)
        } else {
            write!(f, "{}/{}", self.namespace, self.name)
        }
    }
}

/// Names an object to be deleted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectRef {
    /// Kind, such as `ResourceSlice`.
    pub kind: String,
    /// Namespace and name; no namespace for cluster-scoped kinds.
    pub key: ClaimKey,
    /// Only the object with this UID is meant; empty for whichever has the name.
    pub uid: String,
}
