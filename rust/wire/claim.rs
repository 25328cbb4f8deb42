//! `DeviceClass`, `ResourceClaim` and `ResourceClaimTemplate`: what is wanted.
//!
//! The v1 form, field by field as the API names it; absent and empty are kept apart where upstream does.
//! Plain data, no rules.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::allocation::ResourceClaimStatus;
use super::core::ObjectMeta;
use super::raw::{RawJson, is_default, null_default};
use crate::quantity::Quantity;

/// A class that requests refer to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeviceClass {
    /// Name and version of the object.
    #[serde(deserialize_with = "null_default")]
    pub metadata: ObjectMeta,
    /// Selectors and configuration.
    #[serde(deserialize_with = "null_default")]
    pub spec: DeviceClassSpec,
}

/// What the class selects and configures.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeviceClassSpec {
    /// All must hold.
    #[serde(
        deserialize_with = "null_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub selectors: Vec<DeviceSelector>,
    /// Copied into every result of the class.
    #[serde(
        deserialize_with = "null_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub config: Vec<DeviceClassConfiguration>,
    /// Extended resource served by the class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extended_resource_name: Option<String>,
}

/// Configuration that comes with a class.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeviceClassConfiguration {
    /// Parameters for a driver.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opaque: Option<OpaqueDeviceConfiguration>,
}

/// Driver parameters, carried as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OpaqueDeviceConfiguration {
    /// Driver that understands them.
    #[serde(deserialize_with = "null_default")]
    pub driver: String,
    /// The parameters.
    #[serde(deserialize_with = "null_default")]
    pub parameters: RawJson,
}

/// A condition on devices.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeviceSelector {
    /// The condition as CEL expression.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cel: Option<CelDeviceSelector>,
}

/// A CEL condition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CelDeviceSelector {
    /// The expression.
    #[serde(deserialize_with = "null_default")]
    pub expression: String,
}

/// A wish for devices, and once allocated what it got.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResourceClaim {
    /// Name and version of the object.
    #[serde(deserialize_with = "null_default")]
    pub metadata: ObjectMeta,
    /// The wish.
    #[serde(deserialize_with = "null_default")]
    pub spec: ResourceClaimSpec,
    /// What was allocated.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "is_default")]
    pub status: ResourceClaimStatus,
}

/// The wish.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResourceClaimSpec {
    /// Requests, constraints, configuration.
    #[serde(deserialize_with = "null_default")]
    pub devices: DeviceClaim,
}

/// Requests, constraints, configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeviceClaim {
    /// Served in this order.
    #[serde(
        deserialize_with = "null_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub requests: Vec<DeviceRequest>,
    /// Conditions across devices.
    #[serde(
        deserialize_with = "null_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub constraints: Vec<DeviceConstraint>,
    /// Configuration for drivers.
    #[serde(
        deserialize_with = "null_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub config: Vec<DeviceClaimConfiguration>,
}

/// One request: `exactly` or `firstAvailable`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeviceRequest {
    /// Name, unique within the claim.
    #[serde(deserialize_with = "null_default")]
    pub name: String,
    /// A single way to serve it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exactly: Option<ExactDeviceRequest>,
    /// Alternatives, the first that fits is taken.
    #[serde(
        deserialize_with = "null_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub first_available: Vec<DeviceSubRequest>,
}

/// One way to serve a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExactDeviceRequest {
    /// Class of the devices.
    #[serde(deserialize_with = "null_default")]
    pub device_class_name: String,
    /// Further conditions, all must hold.
    #[serde(
        deserialize_with = "null_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub selectors: Vec<DeviceSelector>,
    /// `ExactCount` or `All`.
    #[serde(
        deserialize_with = "null_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub allocation_mode: String,
    /// How many devices with `ExactCount`.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "is_default")]
    pub count: i64,
    /// Access beside other users, for administration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin_access: Option<bool>,
    /// Taints that are accepted.
    #[serde(
        deserialize_with = "null_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub tolerations: Vec<DeviceToleration>,
    /// Least amounts of capacities.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity: Option<CapacityRequirements>,
    /// Attributes computed per device for constraints.
    #[serde(
        deserialize_with = "null_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub derived_attributes: Vec<DeviceDerivedAttribute>,
}

/// One alternative of `firstAvailable`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeviceSubRequest {
    /// Name, unique within the request.
    #[serde(deserialize_with = "null_default")]
    pub name: String,
    /// Class of the devices.
    #[serde(deserialize_with = "null_default")]
    pub device_class_name: String,
    /// Further conditions, all must hold.
    #[serde(
        deserialize_with = "null_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub selectors: Vec<DeviceSelector>,
    /// `ExactCount` or `All`.
    #[serde(
        deserialize_with = "null_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub allocation_mode: String,
    /// How many devices with `ExactCount`.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "is_default")]
    pub count: i64,
    /// Taints that are accepted.
    #[serde(
        deserialize_with = "null_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub tolerations: Vec<DeviceToleration>,
    /// Least amounts of capacities.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity: Option<CapacityRequirements>,
    /// Attributes computed per device for constraints.
    #[serde(
        deserialize_with = "null_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub derived_attributes: Vec<DeviceDerivedAttribute>,
}

/// An attribute computed by CEL.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeviceDerivedAttribute {
    /// Fully qualified name.
    #[serde(deserialize_with = "null_default")]
    pub name: String,
    /// CEL expression over `device`.
    #[serde(deserialize_with = "null_default")]
    pub expression: String,
}

/// Wanted amounts of capacities.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CapacityRequirements {
    /// Amounts by qualified name.
    #[serde(
        deserialize_with = "null_default",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub requests: BTreeMap<String, Quantity>,
}

/// Accepts taints.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeviceToleration {
    /// Key; empty matches all.
    #[serde(
        deserialize_with = "null_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub key: String,
    /// `Equal` or `Exists`.
    #[serde(
        deserialize_with = "null_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub operator: String,
    /// Value for `Equal`.
    #[serde(
        deserialize_with = "null_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub value: String,
    /// Effect; empty matches all.
    #[serde(
        deserialize_with = "null_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub effect: String,
    /// Only matters for eviction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub toleration_seconds: Option<i64>,
}

/// A condition across the devices of a claim.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeviceConstraint {
    /// Requests it spans; empty means all.
    #[serde(
        deserialize_with = "null_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub requests: Vec<String>,
    /// All devices agree on this attribute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub match_attribute: Option<String>,
    /// All devices differ in this attribute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distinct_attribute: Option<String>,
}

/// Configuration for some requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeviceClaimConfiguration {
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

/// From which claims are made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResourceClaimTemplate {
    /// Name and version of the object.
    #[serde(deserialize_with = "null_default")]
    pub metadata: ObjectMeta,
    /// Metadata and spec of the claims.
    #[serde(deserialize_with = "null_default")]
    pub spec: ResourceClaimTemplateSpec,
}

/// Metadata and spec of the claims.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResourceClaimTemplateSpec {
    /// Labels and annotations of the claims.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "is_default")]
    pub metadata: ObjectMeta,
    /// The wish.
    #[serde(deserialize_with = "null_default")]
    pub spec: ResourceClaimSpec,
}
