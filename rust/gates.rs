//! Feature gates as one value: which parts of the DRA API are switched on.
//!
//! A Kubernetes version names a set of default gates and nothing else; the rules followed are always those of the
//! newest supported allocator. Never reads an environment.

use crate::error::InputError;

/// The effect of the feature gates on allocation, field by field as the upstream allocator names them.
#[expect(
    clippy::struct_excessive_bools,
    reason = "these are switches, named as upstream names them"
)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Features {
    /// `DRAAdminAccess`.
    pub admin_access: bool,
    /// `DRADeviceCompatibilityGroups`.
    pub compatibility_groups: bool,
    /// `DRAConsumableCapacity`.
    pub consumable_capacity: bool,
    /// `DRADerivedAttributes`.
    pub derived_attributes: bool,
    /// `DRADeviceBindingConditions` and `DRAResourceClaimDeviceStatus` together.
    pub device_binding_and_status: bool,
    /// `DRADeviceTaints`.
    pub device_taints: bool,
    /// `DRADeviceTaintRules` (only with `DRADeviceTaints`): rules are applied to the slices.
    pub device_taint_rules: bool,
    /// `DRAFractionalCapacityRange`.
    pub fractional_capacity_range: bool,
    /// `DRAListTypeAttributes`.
    pub list_type_attributes: bool,
    /// `DRAOptionalNodeOperations`.
    pub optional_node_operations: bool,
    /// `DRAPartitionableDevices`.
    pub partitionable_devices: bool,
    /// `DRAPrioritizedList`.
    pub prioritized_list: bool,
    /// `DRAExtendedResource`.
    pub extended_resource: bool,
}

impl Features {
    /// Whether upstream would pick its experimental channel; its rules differ from the incubating ones in a few places.
    pub fn is_experimental(self) -> bool {
        self.list_type_attributes
            || self.optional_node_operations
            || self.derived_attributes
            || self.compatibility_groups
    }
}

/// Feature gates by name, on top of the defaults of a Kubernetes version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeatureGates {
    on: [bool; GATES.len()],
}

/// Gate name, then whether it is on by default in 1.34, 1.35, 1.36, 1.37.
const GATES: [(&str, [bool; 4]); 14] = [
    ("DRAAdminAccess", [true, true, true, true]),
    ("DRAConsumableCapacity", [false, false, true, true]),
    ("DRADerivedAttributes", [false, false, false, false]),
    ("DRADeviceBindingConditions", [false, false, true, true]),
    ("DRADeviceCompatibilityGroups", [false, false, false, false]),
    ("DRADeviceTaintRules", [false, false, false, true]),
    ("DRADeviceTaints", [false, false, true, true]),
    ("DRAExtendedResource", [false, false, true, true]),
    ("DRAFractionalCapacityRange", [false, false, false, true]),
    ("DRAListTypeAttributes", [false, false, false, false]),
    ("DRAOptionalNodeOperations", [false, false, false, false]),
    ("DRAPartitionableDevices", [false, false, true, true]),
    ("DRAPrioritizedList", [true, true, true, true]),
    ("DRAResourceClaimDeviceStatus", [true, true, true, true]),
];

/// Kubernetes minors with a known default gate set, in the column order of [`GATES`].
const VERSIONS: [&str; 4] = ["1.34", "1.35", "1.36", "1.37"];

impl Default for FeatureGates {
    /// The defaults of the latest supported Kubernetes minor, 1.37.
    fn default() -> Self {
        Self {
            on: GATES.map(|(_, columns)| columns[VERSIONS.len() - 1]),
        }
    }
}

impl FeatureGates {
    /// The default gates of a Kubernetes minor: `1.34`, `1.35`, `1.36` or `1.37`.
    pub fn for_version(version: &str) -> Result<Self, InputError> {
        let column = VERSIONS
            .iter()
            .position(|known| *known == version)
            .ok_or_else(|| {
                let known = VERSIONS.join(", ");
                InputError::new(
                    "",
                    "kubernetes",
                    format!("unknown version {version:?}; known are {known}"),
                )
            })?;
        Ok(Self {
            on: GATES.map(|(_, columns)| columns[column]),
        })
    }

    /// The same gates with one of them switched.
    pub fn with(mut self, gate: &str, on: bool) -> Result<Self, InputError> {
        let index = GATES
            .iter()
            .position(|(name, _)| *name == gate)
            .ok_or_else(|| {
                let known = GATES.map(|(name, _)| name).join(", ");
                InputError::new(
                    "",
                    "feature_gates",
                    format!("unknown feature gate {gate:?}; known are {known}"),
                )
            })?;
        self.on[index] = on;
        Ok(self)
    }

    /// All gates with their state, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, bool)> + '_ {
        GATES.iter().zip(self.on).map(|((name, _), on)| (*name, on))
    }

    fn is_on(&self, gate: &str) -> bool {
        self.iter().any(|(name, on)| name == gate && on)
    }

    /// What the gates mean for allocation.
    pub fn features(&self) -> Features {
        let device_taints = self.is_on("DRADeviceTaints");
        Features {
            admin_access: self.is_on("DRAAdminAccess"),
            compatibility_groups: self.is_on("DRADeviceCompatibilityGroups"),
            consumable_capacity: self.is_on("DRAConsumableCapacity"),
            derived_attributes: self.is_on("DRADerivedAttributes"),
            device_binding_and_status: self.is_on("DRADeviceBindingConditions")
                && self.is_on("DRAResourceClaimDeviceStatus"),
            device_taints,
            device_taint_rules: device_taints && self.is_on("DRADeviceTaintRules"),
            fractional_capacity_range: self.is_on("DRAFractionalCapacityRange"),
            list_type_attributes: self.is_on("DRAListTypeAttributes"),
            optional_node_operations: self.is_on("DRAOptionalNodeOperations"),
            partitionable_devices: self.is_on("DRAPartitionableDevices"),
            prioritized_list: self.is_on("DRAPrioritizedList"),
            extended_resource: self.is_on("DRAExtendedResource"),
        }
    }
}
