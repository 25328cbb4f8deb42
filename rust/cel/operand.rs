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
    /// An attribute that is an integer.
    Int(i64),
    /// An attribute that is a truth value.
    Bool(bool),
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
            Self::Part(part) => part.int(),
            _ => None,
        }
    }

    /// The quantity it is, if it is one.
    pub(super) fn quantity(&self) -> Option<&Quantity> {
        match self {
            Self::Own(value) => value.quantity(),
            Self::Constant(value) => value.quantity(),
            Self::Part(part) => part.quantity(),
        }
    }

    /// The semantic version it is, if it is one.
    pub(super) fn version(&self) -> Option<&Version> {
        match self {
            Self::Own(Value::Semver(version)) | Self::Constant(Value::Semver(version)) => {
                Some(version)
            }
            Self::Part(part) => part.version(),
            _ => None,
        }
    }

    /// The text it is, if it is one.
    pub(super) fn text<'v>(&'v self, device: &Device<'v>) -> Option<&'v str> {
        match self {
            Self::Own(Value::String(text)) | Self::Constant(Value::String(text)) => Some(text),
            Self::Part(part) => part.text(device),
            _ => None,
        }
    }
}

impl<'p> Part<'p> {
    /// The integer it is, if it is one.
    pub(super) fn int(self) -> Option<i64> {
        match self {
            Self::Int(int) => Some(int),
            _ => None,
        }
    }

    /// The quantity it is, if it is one.
    pub(super) fn quantity(self) -> Option<&'p Quantity> {
        match self {
            Self::Quantity(quantity) => Some(quantity),
            _ => None,
        }
    }

    /// The semantic version it is, if it is one.
    pub(super) fn version(self) -> Option<&'p Version> {
        match self {
            Self::Version(version) => Some(version),
            _ => None,
        }
    }

    /// The text it is, if it is one.
    pub(super) fn text(self, device: &Device<'p>) -> Option<&'p str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Driver => Some(device.driver()),
            _ => None,
        }
    }

    /// The value; maps are made.
    pub(super) fn value(self, device: &Device<'_>) -> Value {
        match self {
            Self::Device => device.value(),
            Self::Table(table) => device.table(table),
            Self::Domain(table, domain) => device.ids(table, domain),
            Self::Driver => Value::String(Arc::from(device.driver())),
            Self::Int(int) => Value::Int(int),
            Self::Bool(bool) => Value::Bool(bool),
            Self::Text(text) => Value::String(Arc::clone(text.shared())),
            Self::Version(version) => Value::Semver(Arc::clone(version)),
            Self::Quantity(quantity) => Value::Quantity(Arc::clone(quantity)),
        }
    }
}
