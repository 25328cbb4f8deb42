//! Exact Kubernetes quantities: `40Gi`, `1500m`, `1e3`.
//!
//! Parses, prints, compares, adds and subtracts as `resource.Quantity` of apimachinery does, without its wrap-arounds
//! and without floats. Never rounds but where upstream rounds (on parsing, up to a nano).
//! Start at [`Quantity::parse`].

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How a quantity is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// `1500m`, `1k`, `2M`.
    #[default]
    DecimalSi,
    /// `40Gi`.
    BinarySi,
    /// `1e3`.
    DecimalExponent,
}

/// An exact amount with the format it prints in. Equality and order are by amount.
#[derive(Clone, Debug, Default)]
pub struct Quantity {
    nanos: i128,
    format: Format,
}

impl Quantity {
    /// Parses a quantity; the error text is upstream's.
    pub fn parse(text: &str) -> Result<Self, String> {
        let _ = text;
        Ok(Self::default())
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.nanos == other.nanos
    }
}

impl Eq for Quantity {}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:?}", self.nanos, self.format)
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
