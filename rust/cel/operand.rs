//! A value on its way through an evaluation, borrowed while it can be: most values of a device are only compared.
//!
//! Never computes anything. Start at [`Operand`].

use std::sync::Arc;

use super::device::{Device, Table};
use super::value::Value;
use crate::attribute::Name;
use crate::quantity::Quantity;
use crate::version::Version;

/// A value, or where it stands.
#[derive(Clone, Debug)]
pub(super) enum Operand<'p> {
    /// A value of its own.
    Own(Value),
    /// A constant of the program.
    Constant(&'p Value),
    /// Something of the device.
    Part(Part<'p>),
}

/// Something of a device.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part<'p> {
    /// The device itself.
    Device,
    /// Attributes or capacities by domain.
    Table(Table),
    /// The attributes or capacities of a domain.
    Domain(Table, &'p str),
    /// The name of the driver.
    Driver,
    /// An attribute that is a text.
    Text(&'p Name),
    /// An attribute that is a semantic version.
    Version(&'p Arc<Version>),
    /// An amount of a capacity.
    Quantity(&'p Arc<Quantity>),
}

impl Operand<'_> {
    /// The integer it is, if it is one.
    pub(super) fn int(&self) -> Option<i64> {
        match self {
            Self::Own(Value::Int(int)) | Self::Constant(Value::Int(int)) => Some(*int),
            _ => None,
        }
    }

    /// The quantity it is, if it is one.
    pub(super) fn quantity(&self) -> Option<&Quantity> {
        match self {
            Self::Part(Part::Quantity(quantity)) => Some(quantity),
            Self::Own(value) => value.quantity(),
            Self::Constant(value) => value.quantity(),
            Self::Part(_) => None,
        }
    }

    /// The semantic version it is, if it is one.
    pub(super) fn version(&self) -> Option<&Version> {
        match self {
            Self::Part(Part::Version(version)) => Some(version),
            Self::Own(Value::Semver(version)) | Self::Constant(Value::Semver(version)) => {
                Some(version)
            }
            _ => None,
        }
    }

    /// The text it is, if it is one.
    pub(super) fn text<'v>(&'v self, device: &Device<'v>) -> Option<&'v str> {
        match self {
            Self::Own(Value::String(text)) | Self::Constant(Value::String(text)) => Some(text),
            Self::Part(Part::Text(text)) => Some(text),
            Self::Part(Part::Driver) => Some(device.driver()),
            _ => None,
        }
    }
}

impl Part<'_> {
    /// The value; maps are made.
    pub(super) fn value(self, device: &Device<'_>) -> Value {
        match self {
            Self::Device => device.value(),
            Self::Table(table) => device.table(table),
            Self::Domain(table, domain) => device.ids(table, domain),
            Self::Driver => Value::String(Arc::from(device.driver())),
            Self::Text(text) => Value::String(Arc::clone(text.shared())),
            Self::Version(version) => Value::Semver(Arc::clone(version)),
            Self::Quantity(quantity) => Value::Quantity(Arc::clone(quantity)),
        }
    }
}
