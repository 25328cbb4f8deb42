//! Small things the interpreter asks for: calls with a compiled pattern, values in error texts, wrapper messages.
//!
//! Start at [`apply`].

use std::sync::Arc;

use super::library::{regexes, text};
use super::names;
use super::overload::{EvalError, EvalResult};
use super::regex::GoRegex;
use super::types::Type;
use super::value::Value;

/// A call with a constant pattern.
pub(super) fn apply(function: &str, pattern: &GoRegex, args: &[Value]) -> EvalResult {
    match (function, args) {
        ("matches", [Value::String(text), _]) => Ok(Value::Bool(pattern.is_match(text))),
        ("find", _) => regexes::find(pattern, args),
        ("findAll", _) => regexes::find_all(pattern, args),
        _ => Err(EvalError::NoSuchOverload),
    }
}

/// A value in an error text.
pub(super) fn shown(value: &Value) -> String {
    match (value, text::convert(value)) {
        (Value::Null, _) => "null".to_owned(),
        (_, Some(Ok(text))) => text,
        _ => value.type_name(),
    }
}

/// What a message literal makes of the value of its one field.
pub(super) fn message(name: &str, value: Option<Value>) -> EvalResult {
    let Some(wrapped) = names::wrapper(name) else {
        return Err(EvalError::Message(format!("unknown type '{name}'")));
    };
    Ok(value.unwrap_or_else(|| match wrapped {
        Type::Bool => Value::Bool(false),
        Type::Bytes => Value::Bytes(Arc::from([])),
        Type::Double => Value::Double(0.0),
        Type::String => Value::String(Arc::from("")),
        Type::Uint => Value::Uint(0),
        _ => Value::Int(0),
    }))
}
