//! Names of types as they stand in texts.
//!
//! Start at [`of_value`].

use crate::cel::types::Type;
use crate::cel::value::Value;

/// The name of the type of a value, without type parameters.
pub(super) fn of_value(value: &Value) -> &'static str {
    match value {
        Value::Null => "null_type",
        Value::Bool(_) => "bool",
        Value::Int(_) => "int",
        Value::Uint(_) => "uint",
        Value::Double(_) => "double",
        Value::String(_) => "string",
        Value::Bytes(_) => "bytes",
        Value::Duration(..) => "google.protobuf.Duration",
        Value::Timestamp(..) => "google.protobuf.Timestamp",
        Value::List(_) => "list",
        Value::Map(_) => "map",
        Value::Optional(_) => "optional_type",
        Value::Type(_) => "type",
        Value::Quantity(_) | Value::QuantityResult(_) => "kubernetes.Quantity",
        Value::Semver(_) => "kubernetes.Semver",
        Value::Ip(_) => "net.IP",
        Value::Cidr(..) => "net.CIDR",
        Value::Url(_) => "kubernetes.URL",
        Value::Format(_) => "kubernetes.NamedFormat",
    }
}

/// The name of a type, without type parameters.
pub(super) fn of_type(kind: &Type) -> String {
    match kind {
        Type::Null => "null_type".to_owned(),
        Type::List(_) => "list".to_owned(),
        Type::Map(..) => "map".to_owned(),
        Type::Optional(_) => "optional_type".to_owned(),
        Type::Type(_) => "type".to_owned(),
        _ => kind.to_string(),
    }
}
