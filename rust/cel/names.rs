//! The names an expression can use: the variable `device` and its fields, types, message types.
//!
//! Functions are in [`super::functions`]. Start at [`global`].

use std::sync::{Arc, OnceLock};

use super::ast::Reference;
use super::types::Type;
use super::value::Value;

/// Type of the variable `device`.
const DEVICE: &str = "kubernetes.DRADevice";
/// Type of a capacity.
pub(super) const QUANTITY: &str = "kubernetes.Quantity";

/// The static type of a literal.
pub(super) fn type_of_value(value: &Value) -> Type {
    match value {
        Value::Null => Type::Null,
        Value::Bool(_) => Type::Bool,
        Value::Int(_) => Type::Int,
        Value::Uint(_) => Type::Uint,
        Value::Double(_) => Type::Double,
        Value::String(_) => Type::String,
        Value::Bytes(_) => Type::Bytes,
        _ => Type::Dyn,
    }
}

/// Whether a global name may begin with this word and a dot.
pub(super) fn is_package(word: &str) -> bool {
    matches!(word, "google" | "kubernetes" | "net")
}

/// What a global name stands for, and its static type.
pub(super) fn global(name: &str) -> Option<(Reference, Type)> {
    if name == "device" {
        return Some((Reference::Device, Type::Named(DEVICE)));
    }
    if name == "google.protobuf.NullValue.NULL_VALUE" {
        return Some((Reference::Constant(0), Type::Int));
    }
    if let Some(t) = type_name(name) {
        let of = Type::Type(Arc::new(t.clone()));
        return Some((Reference::Type(t), of));
    }
    // Known to upstream's checker, not to its planner.
    let t = match name {
        "duration" => Type::Duration,
        "timestamp" => Type::Timestamp,
        DEVICE => Type::Named(DEVICE),
        "google.protobuf.Any" => Type::Dyn,
        _ => return None,
    };
    Some((
        Reference::Undefined(name.to_owned()),
        Type::Type(Arc::new(t)),
    ))
}

/// The type a name means as a value.
fn type_name(name: &str) -> Option<Type> {
    Some(match name {
        "bool" => Type::Bool,
        "bytes" => Type::Bytes,
        "double" => Type::Double,
        "google.protobuf.Duration" => Type::Duration,
        "google.protobuf.Timestamp" => Type::Timestamp,
        "int" => Type::Int,
        "list" => Type::list(Type::Dyn),
        "map" => Type::map(Type::Dyn, Type::Dyn),
        "null_type" => Type::Null,
        "string" => Type::String,
        "type" => Type::Type(Arc::new(Type::Dyn)),
        "uint" => Type::Uint,
        "optional_type" => Type::optional(Type::Dyn),
        "net.IP" => Type::Named("net.IP"),
        "net.CIDR" => Type::Named("net.CIDR"),
        _ => return None,
    })
}

/// The type of a field of an object type.
pub(super) fn field(type_name: &str, field: &str) -> Option<Type> {
    static TABLES: OnceLock<[Type; 2]> = OnceLock::new();
    let [attributes, capacity] = TABLES.get_or_init(|| {
        [Type::Dyn, Type::Named(QUANTITY)]
            .map(|t| Type::map(Type::String, Type::map(Type::String, t)))
    });
    match (type_name, field) {
        (DEVICE, "driver") => Some(Type::String),
        (DEVICE, "allowMultipleAllocations") => Some(Type::Bool),
        (DEVICE, "attributes") => Some(attributes.clone()),
        (DEVICE, "capacity") => Some(capacity.clone()),
        _ => None,
    }
}

/// The type a message literal of this name has; the error type for a type that is no message.
pub(super) fn message(name: &str) -> Option<Type> {
    if name == DEVICE {
        return Some(Type::Named(DEVICE));
    }
    let known = matches!(name, "duration" | "timestamp") || type_name(name).is_some();
    wrapper(name).or(known.then_some(Type::Error))
}

/// The plain type that a wrapper message unwraps to.
pub(super) fn wrapper(name: &str) -> Option<Type> {
    Some(match name.strip_prefix("google.protobuf.")? {
        "BoolValue" => Type::Bool,
        "BytesValue" => Type::Bytes,
        "DoubleValue" | "FloatValue" => Type::Double,
        "Int32Value" | "Int64Value" => Type::Int,
        "StringValue" => Type::String,
        "UInt32Value" | "UInt64Value" => Type::Uint,
        _ => return None,
    })
}

/// The type of a field of a message type.
pub(super) fn message_field(message: &str, name: &str) -> Option<Type> {
    match wrapper(message) {
        Some(t) => (name == "value").then_some(t),
        None => field(message, name),
    }
}
