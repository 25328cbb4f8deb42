//! Values at run time.
//!
//! Cheap to clone: everything large sits behind an `Arc`. What operators do with values is in `eval`; equality across
//! types is here because lists, maps and functions need it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::types::Type;
use crate::quantity::Quantity;
use crate::version::Version;

/// A value.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// `null`.
    Null,
    /// A truth value.
    Bool(bool),
    /// A signed integer.
    Int(i64),
    /// An unsigned integer.
    Uint(u64),
    /// A floating point number; the one place in the crate with floats.
    Double(f64),
    /// A text.
    String(Arc<str>),
    /// Bytes.
    Bytes(Arc<[u8]>),
    /// Seconds and nanoseconds, both of the same sign.
    Duration(i64, i32),
    /// Seconds since the epoch, nanoseconds, and the seconds east of UTC that it was written with (only printing shows
    /// them).
    Timestamp(i64, i32, i32),
    /// A list.
    List(Arc<[Value]>),
    /// A map.
    Map(Arc<Map>),
    /// An optional value.
    Optional(Option<Arc<Value>>),
    /// A type as value.
    Type(Arc<Type>),
    /// A Kubernetes quantity.
    Quantity(Arc<Quantity>),
    /// A quantity that `add` or `sub` gave. Upstream keeps it in another shape, which the right side of `==` refuses;
    /// in everything else it is a quantity.
    QuantityResult(Arc<Quantity>),
    /// A semantic version.
    Semver(Arc<Version>),
    /// An IP address.
    Ip(IpAddr),
    /// An IP network: address as written and prefix length.
    Cidr(IpAddr, u8),
    /// A URL.
    Url(Arc<str>),
    /// A named format, by name.
    Format(&'static str),
}

/// A map value. Iteration is by key order (upstream's is random; the stated rule is ascending keys).
#[derive(Clone, Debug, Default)]
pub(super) struct Map {
    /// The entries.
    pub entries: BTreeMap<Key, Value>,
    /// Looking up an absent key gives an empty map instead of an error (not seen by `in` or iteration).
    pub default_empty: bool,
    /// It is not made of values but comes from a device or a URL: upstream then has texts as keys and nothing else.
    pub is_native: bool,
}

/// A key of a map.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    /// A truth value.
    Bool(bool),
    /// A signed integer.
    Int(i64),
    /// An unsigned integer. As keys, `1` and `1u` are different, but looking up one finds the other.
    Uint(u64),
    /// A text.
    String(Arc<str>),
    /// Anything else upstream takes as key of a literal: doubles, `null`, times, types, lists.
    Other(Arc<OtherKey>),
}

/// A key that is no plain one. Ordered by its text.
#[derive(Clone, Debug)]
pub(super) struct OtherKey {
    /// What it is ordered and found by.
    pub text: String,
    /// The key itself.
    pub value: Value,
}

impl PartialEq for OtherKey {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for OtherKey {}

impl PartialOrd for OtherKey {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for OtherKey {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.text.cmp(&other.text)
    }
}
