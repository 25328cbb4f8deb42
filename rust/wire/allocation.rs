//! `status` of a `ResourceClaim`: what was allocated.
//!
//! The v1 form, field by field as the API names it; absent and empty are kept apart where upstream does.
//! Plain data, no rules.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::claim::{DeviceToleration, OpaqueDeviceConfiguration};
use super::core::NodeSelector;
use super::raw::{RawJson, is_default, null_default};
use crate::attribute::Name;
use crate::quantity::Quantity;

/// What was allocated, and for whom.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResourceClaimStatus {
    /// The devices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allocation: Option<AllocationResult>,
    /// The consumers.
    #[serde(
        deserialize_with = "null_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub reserved_for: Vec<ResourceClaimConsumerReference>,
    /// Per-device status written by drivers; carried, not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub devices: Option<RawJson>,
}

/// The devices a claim got.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AllocationResult {
    /// Devices and configuration.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "is_default")]
    pub devices: DeviceAllocationResult,
    /// Where the devices can be used; absent means everywhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_selector: Option<Arc<NodeSelector>>,
    /// When, as written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allocation_timestamp: Option<String>,
}

/// Devices and configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeviceAllocationResult {
    /// One entry per device.
    #[serde(
        deserialize_with = "null_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub results: Vec<DeviceRequestAllocationResult>,
    /// Configuration from class and claim.
    #[serde(
        deserialize_with = "null_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub config: Vec<DeviceAllocationConfiguration>,
}

/// One device for one request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeviceRequestAllocationResult {
    /// `request` or `request/subrequest`.
    #[serde(deserialize_with = "null_default")]
    pub request: String,
    /// Driver of the device.
    #[serde(deserialize_with = "null_default")]
    pub driver: Name,
    /// Pool of the device.
    #[serde(deserialize_with = "null_default")]
    pub pool: Name,
    /// Name of the device.
    #[serde(deserialize_with = "null_default")]
    pub device: Name,
    /// Whether it is for administration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin_access: Option<bool>,
    /// Copy of the request's tolerations.
    #[serde(
        deserialize_with = "null_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub tolerations: Vec<DeviceToleration>,
    /// Copy of the device's.
    #[serde(
        deserialize_with = "null_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub binding_conditions: Vec<String>,
    /// Copy of the device's.
    #[serde(
        deserialize_with = "null_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub binding_failure_conditions: Vec<String>,
    /// Identifies one share of a shared device.
    #[serde(rename = "shareID", skip_serializing_if = "Option::is_none")]
    pub share_id: Option<String>,
    /// What the share consumes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consumed_capacity: Option<BTreeMap<String, Quantity>>,
    /// Copy of the slice's.
    #[serde(
        deserialize_with = "null_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub skip_node_operations: Vec<String>,
    /// Recorded groups; carried, not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compatibility_groups: Option<RawJson>,
}

/// Configuration in a result.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeviceAllocationConfiguration {
    /// `FromClass` or `FromClaim`.
    #[serde(deserialize_with = "null_default")]
    pub source: String,
    /// Requests it applies to; empty means all.
    #[serde(
        deserialize_with = "null_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub requests: Vec<String>,
    /// Parameters for a driver.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opaque: Option<OpaqueDeviceConfiguration>,
}

/// A consumer of a claim.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResourceClaimConsumerReference {
    /// API group of the consumer.
    #[serde(
        deserialize_with = "null_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub api_group: String,
    /// Resource of the consumer.
    #[serde(deserialize_with = "null_default")]
    pub resource: String,
    /// Name of the consumer.
    #[serde(deserialize_with = "null_default")]
    pub name: String,
    /// UID of the consumer.
    #[serde(deserialize_with = "null_default")]
    pub uid: String,
}
