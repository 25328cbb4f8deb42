//! `ResourceSlice` and `DeviceTaintRule`: what drivers and administrators publish.
//!
//! The v1 form, field by field as the API names it; absent and empty are kept apart where upstream does.
//! Plain data, no rules.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thin_vec::ThinVec;

pub use super::attribute::{DeviceAttribute, Single, VersionText};
use super::core::{NodeSelector, ObjectMeta};
use super::raw::{RawJson, null_default};
use crate::attribute::{Name, NameMap};
use crate::quantity::Quantity;

/// A set of devices of one pool, published by a driver.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResourceSlice {
    /// Name and version of the object.
    #[serde(deserialize_with = "null_default")]
    pub metadata: ObjectMeta,
    /// What is published.
    #[serde(deserialize_with = "null_default")]
    pub spec: ResourceSliceSpec,
}

/// The content of a slice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResourceSliceSpec {
    /// Name of the driver.
    #[serde(deserialize_with = "null_default")]
    pub driver: Name,
    /// The pool the slice belongs to.
    #[serde(deserialize_with = "null_default")]
    pub pool: ResourcePool,
    /// The one node that can reach the devices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_name: Option<Name>,
    /// The nodes that can reach the devices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_selector: Option<NodeSelector>,
    /// Whether every node can reach the devices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub all_nodes: Option<bool>,
    /// The devices, in the order published.
    #[serde(
        deserialize_with = "null_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub devices: Vec<Device>,
    /// Whether each device says for itself which nodes reach it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_device_node_selection: Option<bool>,
    /// Counter sets that devices of the pool draw from.
    #[serde(
        deserialize_with = "null_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub shared_counters: Vec<CounterSet>,
    /// Attribute that names the partition type; not read by allocation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition_type_attribute: Option<String>,
    /// Node operations that the devices do without.
    #[serde(
        deserialize_with = "null_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub skip_node_operations: Vec<String>,
}

/// Which pool, and which generation of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResourcePool {
    /// Name of the pool, unique within the driver.
    #[serde(deserialize_with = "null_default")]
    pub name: Name,
    /// Higher replaces lower.
    #[serde(deserialize_with = "null_default")]
    pub generation: i64,
    /// How many slices make the generation complete.
    #[serde(deserialize_with = "null_default")]
    pub resource_slice_count: i64,
}

/// A named set of counters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CounterSet {
    /// Name, unique within the pool.
    #[serde(deserialize_with = "null_default")]
    pub name: String,
    /// The counters by name.
    #[serde(
        deserialize_with = "null_default",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub counters: BTreeMap<String, Counter>,
}

/// An amount of a counter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Counter {
    /// The amount.
    #[serde(deserialize_with = "null_default")]
    pub value: Quantity,
}

/// One device (or one partition of one). Clusters have tens of thousands: what few devices say takes one pointer each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Device {
    /// Name, unique within the pool.
    #[serde(deserialize_with = "null_default")]
    pub name: Name,
    /// Attributes by qualified name.
    #[serde(
        deserialize_with = "null_default",
        skip_serializing_if = "NameMap::is_empty"
    )]
    pub attributes: NameMap<DeviceAttribute>,
    /// Capacities by qualified name.
    #[serde(
        deserialize_with = "null_default",
        skip_serializing_if = "NameMap::is_empty"
    )]
    pub capacity: NameMap<DeviceCapacity>,
    /// What an allocation takes from counter sets.
    #[serde(
        deserialize_with = "null_default",
        skip_serializing_if = "ThinVec::is_empty"
    )]
    pub consumes_counters: ThinVec<DeviceCounterConsumption>,
    /// The one node that can reach the device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_name: Option<Name>,
    /// The nodes that can reach the device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_selector: Option<NodeSelector>,
    /// Whether every node can reach the device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub all_nodes: Option<bool>,
    /// Taints published by the driver.
    #[serde(
        deserialize_with = "null_default",
        skip_serializing_if = "ThinVec::is_empty"
    )]
    pub taints: ThinVec<DeviceTaint>,
    /// Whether an allocation is bound to the node it was made for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binds_to_node: Option<bool>,
    /// Conditions that must be true before the pod is bound; empty is not absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binding_conditions: Option<ThinVec<String>>,
    /// Conditions that make the binding fail; empty is not absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binding_failure_conditions: Option<ThinVec<String>>,
    /// Whether several allocations may share the device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_multiple_allocations: Option<bool>,
    /// Node resources the device also takes; carried, not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_allocatable_resources: Option<RawJson>,
}

/// A capacity of a device.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeviceCapacity {
    /// How much there is.
    #[serde(deserialize_with = "null_default")]
    pub value: Arc<Quantity>,
    /// How shares of it are sized.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_policy: Option<Box<CapacityRequestPolicy>>,
}

/// How requests for a share are rounded and limited.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CapacityRequestPolicy {
    /// What a request without this capacity consumes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<Quantity>,
    /// The amounts that can be consumed, ascending.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_values: Option<Vec<Quantity>>,
    /// The range of amounts that can be consumed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_range: Option<CapacityRequestPolicyRange>,
}

/// A range of consumable amounts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CapacityRequestPolicyRange {
    /// The least amount.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<Quantity>,
    /// The greatest amount.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<Quantity>,
    /// Amounts are the least amount plus a multiple of this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<Quantity>,
}

/// What one device takes from one counter set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeviceCounterConsumption {
    /// Name of the counter set.
    #[serde(deserialize_with = "null_default")]
    pub counter_set: String,
    /// Amounts by counter name.
    #[serde(
        deserialize_with = "null_default",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub counters: BTreeMap<String, Counter>,
    /// Groups of which users of the counter set must share one.
    #[serde(
        deserialize_with = "null_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub compatibility_groups: Vec<String>,
}

/// A taint of a device.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeviceTaint {
    /// Key.
    #[serde(deserialize_with = "null_default")]
    pub key: String,
    /// Value.
    #[serde(
        deserialize_with = "null_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub value: String,
    /// `NoSchedule`, `NoExecute` or `None`.
    #[serde(deserialize_with = "null_default")]
    pub effect: String,
    /// When it was added, as written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_added: Option<String>,
}

/// Taints devices chosen by a selector.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeviceTaintRule {
    /// Name and version of the object.
    #[serde(deserialize_with = "null_default")]
    pub metadata: ObjectMeta,
    /// Selector and taint.
    #[serde(deserialize_with = "null_default")]
    pub spec: DeviceTaintRuleSpec,
}

/// Which devices get which taint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeviceTaintRuleSpec {
    /// Which devices; absent means none, empty means all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_selector: Option<DeviceTaintSelector>,
    /// The taint added to each of them.
    #[serde(deserialize_with = "null_default")]
    pub taint: DeviceTaint,
}

/// Fields that are set must all be equal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeviceTaintSelector {
    /// Driver name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// Pool name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
    /// Device name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
}
