//! Static types of expressions.
//!
//! Only what the checker compares; how values behave is in [`super::value`].

use std::fmt;
use std::mem::discriminant;
use std::sync::Arc;

/// The static type of an expression.
#[expect(
    clippy::enum_variant_names,
    reason = "`type` is what the language calls it"
)]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Type {
    /// Known only when the expression is evaluated.
    Dyn,
    /// An error or unset type; assignable to everything.
    Error,
    /// `null_type`.
    Null,
    /// `bool`.
    Bool,
    /// `int`, 64 bits.
    Int,
    /// `uint`, 64 bits.
    Uint,
    /// `double`.
    Double,
    /// `string`.
    String,
    /// `bytes`.
    Bytes,
    /// `google.protobuf.Duration`.
    Duration,
    /// `google.protobuf.Timestamp`.
    Timestamp,
    /// `list(T)`.
    List(Arc<Type>),
    /// `map(K, V)`.
    Map(Arc<Type>, Arc<Type>),
    /// `optional_type(T)`.
    Optional(Arc<Type>),
    /// `type(T)`.
    Type(Arc<Type>),
    /// A named opaque or object type: `kubernetes.Quantity`, `kubernetes.Semver`, `kubernetes.URL`, `net.IP`, `net.CIDR`,
    /// `kubernetes.NamedFormat`, `kubernetes.DRADevice`, …
    Named(&'static str),
    /// A type parameter of an overload: `A`, `B`, …
    Param(&'static str),
    /// A type variable made while checking.
    Var(u32),
}

impl Type {
    /// `list(T)`.
    pub(super) fn list(element: Type) -> Type {
        Type::List(Arc::new(element))
    }

    /// `map(K, V)`.
    pub(super) fn map(key: Type, value: Type) -> Type {
        Type::Map(Arc::new(key), Arc::new(value))
    }

    /// `optional_type(T)`.
    pub(super) fn optional(inner: Type) -> Type {
        Type::Optional(Arc::new(inner))
    }

    /// Whether two types can be told at a glance to have nothing in common, so that neither is assignable to the other.
    pub(super) fn clashes_with(&self, other: &Type) -> bool {
        let is_own = |t: &Type| {
            !matches!(
                t,
                Type::Dyn | Type::Error | Type::Null | Type::Param(_) | Type::Var(_)
            )
        };
        is_own(self) && is_own(other) && discriminant(self) != discriminant(other)
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Dyn => f.write_str("dyn"),
            Type::Error => f.write_str("!error!"),
            Type::Null => f.write_str("null"),
            Type::Bool => f.write_str("bool"),
            Type::Int => f.write_str("int"),
            Type::Uint => f.write_str("uint"),
            Type::Double => f.write_str("double"),
            Type::String => f.write_str("string"),
            Type::Bytes => f.write_str("bytes"),
            Type::Duration => f.write_str("google.protobuf.Duration"),
            Type::Timestamp => f.write_str("google.protobuf.Timestamp"),
            Type::List(element) => write!(f, "list({element})"),
            Type::Map(key, value) => write!(f, "map({key}, {value})"),
            Type::Optional(inner) => write!(f, "optional_type({inner})"),
            Type::Type(inner) => write!(f, "type({inner})"),
            Type::Named(name) | Type::Param(name) => f.write_str(name),
            Type::Var(index) => write!(f, "_var{index}"),
        }
    }
}
