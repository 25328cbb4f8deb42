//! The feature gates that a cluster could switch on, with what they switch.

use crate::gates::Features;

/// Name, and the feature it stands for. Two names where it takes both.
pub(super) type Gate = (&'static str, fn(&mut Features) -> &mut bool);

/// Gates that can make more fit. Taints only take devices away.
pub(super) const GATES: [Gate; 11] = [
    ("DRAAdminAccess", |f| &mut f.admin_access),
    ("DRAConsumableCapacity", |f| &mut f.consumable_capacity),
    ("DRADerivedAttributes", |f| &mut f.derived_attributes),
    (
        "DRADeviceBindingConditions and DRAResourceClaimDeviceStatus",
        |f| &mut f.device_binding_and_status,
    ),
    ("DRADeviceCompatibilityGroups", |f| {
        &mut f.compatibility_groups
    }),
    ("DRAExtendedResource", |f| &mut f.extended_resource),
    ("DRAFractionalCapacityRange", |f| {
        &mut f.fractional_capacity_range
    }),
    ("DRAListTypeAttributes", |f| &mut f.list_type_attributes),
    ("DRAOptionalNodeOperations", |f| {
        &mut f.optional_node_operations
    }),
    ("DRAPartitionableDevices", |f| &mut f.partitionable_devices),
    ("DRAPrioritizedList", |f| &mut f.prioritized_list),
];
