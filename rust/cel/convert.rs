//! Conversions between types: `int(…)`, `string(…)` and so on.
//!
//! Start anywhere.

use std::sync::Arc;

use super::library::text;
use super::number;
use super::overload::{EvalError, EvalResult};
use super::time;
use super::value::Value;

fn failed(from: &Value, to: &str) -> EvalResult {
    Err(EvalError::Message(format!(
        "type conversion error from '{}' to '{to}'",
        from.type_name()
    )))
}

fn one(args: &[Value]) -> Result<&Value, EvalError> {
    match args {
        [value] => Ok(value),
        _ => Err(EvalError::NoSuchOverload),
    }
}

/// The value itself: `dyn`, and conversions to the type it has.
pub(super) fn same(args: &[Value]) -> EvalResult {
    one(args).cloned()
}

pub(super) fn type_of(args: &[Value]) -> EvalResult {
    Ok(Value::Type(Arc::new(one(args)?.type_of())))
}

pub(super) fn to_bool(args: &[Value]) -> EvalResult {
    let value = one(args)?;
    match value {
        Value::String(text) => match &**text {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(Value::Bool(true)),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(Value::Bool(false)),
            _ => failed(value, "bool"),
        },
        _ => failed(value, "bool"),
    }
}

pub(super) fn to_bytes(args: &[Value]) -> EvalResult {
    let value = one(args)?;
    match value {
        Value::String(text) => Ok(Value::Bytes(Arc::from(text.as_bytes()))),
        _ => failed(value, "bytes"),
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "doubles hold no more than 53 bits"
)]
pub(super) fn to_double(args: &[Value]) -> EvalResult {
    let value = one(args)?;
    match value {
        Value::Int(i) => Ok(Value::Double(*i as f64)),
        Value::Uint(u) => Ok(Value::Double(*u as f64)),
        Value::String(text) => match number::parse_double(text) {
            Some(double) => Ok(Value::Double(double)),
            None => failed(value, "double"),
        },
        _ => failed(value, "double"),
    }
}

pub(super) fn to_duration(args: &[Value]) -> EvalResult {
    let value = one(args)?;
    match value {
        Value::String(text) => match time::parse_duration(text).and_then(time::split) {
            Some((seconds, rest)) => Ok(Value::Duration(seconds, rest)),
            None => failed(value, "google.protobuf.Duration"),
        },
        _ => failed(value, "google.protobuf.Duration"),
    }
}

/// Go reads no digits but ASCII ones, and a sign.
fn whole<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

pub(super) fn to_int(args: &[Value]) -> EvalResult {
    let value = one(args)?;
    let overflow = || EvalError::message("integer overflow");
    match value {
        Value::Double(double) => number::double_to_int(*double)
            .map(Value::Int)
            .ok_or_else(overflow),
        Value::Duration(seconds, rest) => i64::try_from(time::nanos(*seconds, *rest))
            .map(Value::Int)
            .map_err(|_| overflow()),
        Value::Timestamp(seconds, _) => Ok(Value::Int(*seconds)),
        Value::Uint(u) => i64::try_from(*u).map(Value::Int).map_err(|_| overflow()),
        Value::String(text) => match whole(text) {
            Some(i) => Ok(Value::Int(i)),
            None => failed(value, "int"),
        },
        _ => failed(value, "int"),
    }
}

pub(super) fn to_uint(args: &[Value]) -> EvalResult {
    let value = one(args)?;
    let overflow = || EvalError::message("unsigned integer overflow");
    match value {
        Value::Double(double) => number::double_to_uint(*double)
            .map(Value::Uint)
            .ok_or_else(overflow),
        Value::Int(i) => u64::try_from(*i).map(Value::Uint).map_err(|_| overflow()),
        // Go takes no sign here.
        Value::String(text) => match whole(text).filter(|_| !text.starts_with('+')) {
            Some(u) => Ok(Value::Uint(u)),
            None => failed(value, "uint"),
        },
        _ => failed(value, "uint"),
    }
}

pub(super) fn to_string(args: &[Value]) -> EvalResult {
    let value = one(args)?;
    match text::convert(value) {
        Some(Ok(text)) => Ok(Value::String(Arc::from(text))),
        Some(Err(error)) => Err(EvalError::Message(error)),
        None => failed(value, "string"),
    }
}

pub(super) fn to_timestamp(args: &[Value]) -> EvalResult {
    let value = one(args)?;
    let (seconds, rest) = match value {
        Value::Int(seconds) => (*seconds, 0),
        Value::String(text) => match time::parse_timestamp(text) {
            Some(parsed) => parsed,
            None => return failed(value, "google.protobuf.Timestamp"),
        },
        _ => return failed(value, "google.protobuf.Timestamp"),
    };
    match time::timestamp(time::nanos(seconds, rest)) {
        Some((seconds, rest)) => Ok(Value::Timestamp(seconds, rest)),
        None => Err(EvalError::message("timestamp overflow")),
    }
}
