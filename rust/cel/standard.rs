//! The standard functions: signatures for the checker, implementations for the evaluator, costs.
//!
//! The operators look at the values alone, whatever overload the checker found: that is how cel-go runs them. The
//! logical operators, indexing and `?:` are here for the checker only, [`super::interpret`] knows them by itself. Start at
//! [`overloads`].

use std::cmp::Ordering;
use std::sync::Arc;

use super::library::{compare, text};
use super::number;
use super::overload::{EvalError, EvalResult, Overload};
use super::regex;
use super::standard_costs;
use super::time;
use super::types::Type;
use super::unify::parameters;
use super::value::{Key, Value};

type Eval = fn(&[Value]) -> EvalResult;

/// The overloads, each with whether one implementation serves its whole function.
pub(super) fn overloads() -> Vec<(Overload, bool)> {
    let mut table = Vec::new();
    for line in include_str!("standard.txt").lines() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let words: Vec<&'static str> = line.split_whitespace().collect();
        let [function, kind, id, args, result] = words.as_slice() else {
            continue;
        };
        let args: Vec<Type> = if *args == "-" {
            Vec::new()
        } else {
            args.split(',').map(read_type).collect()
        };
        let result = read_type(result);
        let overload = Overload {
            id,
            function,
            member: *kind == "member",
            parameters: parameters(args.iter().chain([&result])),
            args,
            result,
            eval: implementation(function),
            cost: standard_costs::cost(id),
        };
        table.push((overload, !is_guarded(function)));
    }
    table
}

/// Whether upstream looks at the types of the values before it calls an overload.
fn is_guarded(function: &str) -> bool {
    function.starts_with("get")
        || matches!(
            function,
            "bool" | "bytes" | "double" | "duration" | "int" | "string" | "timestamp" | "uint"
        )
}

/// Whether the operator knows nothing of values such as its first, whatever the second: upstream then names the operator
/// in its error.
pub(super) fn is_foreign(function: &str, args: &[Value]) -> bool {
    use Value::{Bool, Bytes, Double, Duration, Int, List, Map, String, Timestamp, Uint};
    let Some(first) = args.first() else {
        return false;
    };
    let known = match function {
        // These types answer for themselves, with the plain error.
        _ if matches!(first, String(_) | Duration(..) | Timestamp(..)) => true,
        "_+_" => matches!(first, Bytes(_) | Double(_) | Int(_) | List(_) | Uint(_)),
        "_-_" | "_*_" | "_/_" => matches!(first, Double(_) | Int(_) | Uint(_)),
        "_%_" => matches!(first, Int(_) | Uint(_)),
        "-_" => matches!(first, Bool(_) | Double(_) | Int(_)),
        "_<_" | "_<=_" | "_>_" | "_>=_" => {
            matches!(first, Bool(_) | Bytes(_) | Double(_) | Int(_) | Uint(_))
        }
        "size" => matches!(first, Bytes(_) | List(_) | Map(_)),
        "sort" | "@sortByAssociatedKeys" => matches!(first, List(_)),
        "matches" => false,
        _ => true,
    };
    !known
}

fn type_value(value: &Value) -> Value {
    Value::Type(Arc::new(value.type_of()))
}

/// A type as the table writes it.
fn read_type(text: &'static str) -> Type {
    if let Some(inner) = text.strip_prefix("list.") {
        return Type::list(read_type(inner));
    }
    if let Some(inner) = text.strip_prefix("type.") {
        return Type::Type(Arc::new(read_type(inner)));
    }
    if let Some(inner) = text.strip_prefix("optional.") {
        return Type::optional(read_type(inner));
    }
    match text {
        "map" => Type::map(Type::Param("A"), Type::Param("B")),
        "map2" => Type::map(Type::Param("K"), Type::Param("V")),
        "bool" => Type::Bool,
        "int" => Type::Int,
        "uint" => Type::Uint,
        "double" => Type::Double,
        "string" => Type::String,
        "bytes" => Type::Bytes,
        "duration" => Type::Duration,
        "timestamp" => Type::Timestamp,
        "dyn" => Type::Dyn,
        name => Type::Param(name),
    }
}

fn implementation(function: &str) -> Eval {
    match function {
        "!_" => |args| match args {
            [Value::Bool(value)] => Ok(Value::Bool(!value)),
            _ => Err(EvalError::NoSuchOverload),
        },
        "_<_" => |args| ordered(args, Ordering::is_lt),
        "_<=_" => |args| ordered(args, Ordering::is_le),
        "_>_" => |args| ordered(args, Ordering::is_gt),
        "_>=_" => |args| ordered(args, Ordering::is_ge),
        "_+_" => |args| pair(args, add),
        "_-_" => |args| pair(args, subtract),
        "_*_" => |args| pair(args, multiply),
        "_/_" => |args| pair(args, divide),
        "_%_" => |args| pair(args, modulo),
        "-_" => negate,
        "@in" => |args| pair(args, contained),
        "size" => |args| {
            args.first()
                .and_then(length)
                .ok_or(EvalError::NoSuchOverload)
        },
        "contains" => |args| texts(args, |text, part| text.contains(part)),
        "startsWith" => |args| texts(args, |text, part| text.starts_with(part)),
        "endsWith" => |args| texts(args, |text, part| text.ends_with(part)),
        "matches" => matches_pattern,
        "type" => |args| {
            args.first()
                .map(type_value)
                .ok_or(EvalError::NoSuchOverload)
        },
        "dyn" => |args| args.first().cloned().ok_or(EvalError::NoSuchOverload),
        "bool" => |args| convert(args, "bool"),
        "bytes" => |args| convert(args, "bytes"),
        "double" => |args| convert(args, "double"),
        "duration" => |args| convert(args, "google.protobuf.Duration"),
        "int" => |args| convert(args, "int"),
        "string" => |args| convert(args, "string"),
        "timestamp" => |args| convert(args, "google.protobuf.Timestamp"),
        "uint" => |args| convert(args, "uint"),
        "getFullYear" => |args| part(args, "getFullYear"),
        "getMonth" => |args| part(args, "getMonth"),
        "getDayOfYear" => |args| part(args, "getDayOfYear"),
        "getDayOfMonth" => |args| part(args, "getDayOfMonth"),
        "getDate" => |args| part(args, "getDate"),
        "getDayOfWeek" => |args| part(args, "getDayOfWeek"),
        "getHours" => |args| part(args, "getHours"),
        "getMinutes" => |args| part(args, "getMinutes"),
        "getSeconds" => |args| part(args, "getSeconds"),
        "getMilliseconds" => |args| part(args, "getMilliseconds"),
        _ => |_| Err(EvalError::NoSuchOverload),
    }
}

fn duration(nanos: i128) -> EvalResult {
    let (seconds, nanos) =
        time::split(nanos).ok_or_else(|| EvalError::message("duration overflow"))?;
    Ok(Value::Duration(seconds, nanos))
}

fn timestamp(nanos: i128, zone: i32) -> EvalResult {
    let (seconds, nanos) =
        time::timestamp(nanos).ok_or_else(|| EvalError::message("timestamp overflow"))?;
    Ok(Value::Timestamp(seconds, nanos, zone))
}

fn calendar(function: &str, second: i64, nanos: i32) -> Option<i64> {
    let date = time::date(second);
    Some(match function {
        "getFullYear" => date.year,
        "getMonth" => date.month,
        "getDayOfYear" => date.day_of_year,
        "getDayOfMonth" => date.day - 1,
        "getDate" => date.day,
        "getDayOfWeek" => date.day_of_week,
        "getHours" => date.hour,
        "getMinutes" => date.minute,
        "getSeconds" => date.second,
        "getMilliseconds" => i64::from(nanos / 1_000_000),
        _ => return None,
    })
}

fn pair(args: &[Value], op: fn(&Value, &Value) -> EvalResult) -> EvalResult {
    match args {
        [left, right] => op(left, right),
        _ => Err(EvalError::NoSuchOverload),
    }
}

fn texts(args: &[Value], op: fn(&str, &str) -> bool) -> EvalResult {
    match args {
        [Value::String(text), Value::String(part)] => Ok(Value::Bool(op(text, part))),
        _ => Err(EvalError::NoSuchOverload),
    }
}

fn ordered(args: &[Value], is: fn(Ordering) -> bool) -> EvalResult {
    pair_compare(args).map(|order| Value::Bool(is(order)))
}

fn pair_compare(args: &[Value]) -> Result<Ordering, EvalError> {
    let [left, right] = args else {
        return Err(EvalError::NoSuchOverload);
    };
    let is_nan = |value: &Value| matches!(value, Value::Double(number) if number.is_nan());
    match compare(left, right) {
        Some(order) => Ok(order),
        None if is_nan(left) || is_nan(right) => {
            Err(EvalError::message("NaN values cannot be ordered"))
        }
        None => Err(EvalError::NoSuchOverload),
    }
}

fn parse_uint(text: &str) -> Option<u64> {
    if text.starts_with('+') {
        None
    } else {
        text.parse().ok()
    }
}

fn overflow() -> EvalError {
    EvalError::message("integer overflow")
}

fn unsigned_overflow() -> EvalError {
    EvalError::message("unsigned integer overflow")
}

fn add(left: &Value, right: &Value) -> EvalResult {
    match (left, right) {
        (Value::Int(a), Value::Int(b)) => a.checked_add(*b).map(Value::Int).ok_or_else(overflow),
        (Value::Uint(a), Value::Uint(b)) => a
            .checked_add(*b)
            .map(Value::Uint)
            .ok_or_else(unsigned_overflow),
        (Value::Double(a), Value::Double(b)) => Ok(Value::Double(a + b)),
        (Value::String(a), Value::String(b)) => Ok(Value::String(Arc::from(format!("{a}{b}")))),
        (Value::Bytes(a), Value::Bytes(b)) => {
            Ok(Value::Bytes([a.as_ref(), b.as_ref()].concat().into()))
        }
        (Value::List(a), Value::List(b)) => {
            Ok(Value::List([a.as_ref(), b.as_ref()].concat().into()))
        }
        (Value::Duration(a, b), Value::Duration(c, d)) => {
            duration(time::nanos(*a, *b) + time::nanos(*c, *d))
        }
        (Value::Timestamp(a, b, zone), Value::Duration(c, d))
        | (Value::Duration(c, d), Value::Timestamp(a, b, zone)) => {
            timestamp(time::nanos(*a, *b) + time::nanos(*c, *d), *zone)
        }
        _ => Err(EvalError::NoSuchOverload),
    }
}

fn subtract(left: &Value, right: &Value) -> EvalResult {
    match (left, right) {
        (Value::Int(a), Value::Int(b)) => a.checked_sub(*b).map(Value::Int).ok_or_else(overflow),
        (Value::Uint(a), Value::Uint(b)) => a
            .checked_sub(*b)
            .map(Value::Uint)
            .ok_or_else(unsigned_overflow),
        (Value::Double(a), Value::Double(b)) => Ok(Value::Double(a - b)),
        (Value::Duration(a, b), Value::Duration(c, d))
        | (Value::Timestamp(a, b, _), Value::Timestamp(c, d, _)) => {
            duration(time::nanos(*a, *b) - time::nanos(*c, *d))
        }
        (Value::Timestamp(a, b, zone), Value::Duration(c, d)) => {
            timestamp(time::nanos(*a, *b) - time::nanos(*c, *d), *zone)
        }
        _ => Err(EvalError::NoSuchOverload),
    }
}

fn multiply(left: &Value, right: &Value) -> EvalResult {
    match (left, right) {
        (Value::Int(a), Value::Int(b)) => a.checked_mul(*b).map(Value::Int).ok_or_else(overflow),
        (Value::Uint(a), Value::Uint(b)) => a
            .checked_mul(*b)
            .map(Value::Uint)
            .ok_or_else(unsigned_overflow),
        (Value::Double(a), Value::Double(b)) => Ok(Value::Double(a * b)),
        _ => Err(EvalError::NoSuchOverload),
    }
}

fn divide(left: &Value, right: &Value) -> EvalResult {
    let zero = || EvalError::message("division by zero");
    match (left, right) {
        (Value::Int(_), Value::Int(0)) | (Value::Uint(_), Value::Uint(0)) => Err(zero()),
        (Value::Int(a), Value::Int(b)) => a.checked_div(*b).map(Value::Int).ok_or_else(overflow),
        (Value::Uint(a), Value::Uint(b)) => a.checked_div(*b).map(Value::Uint).ok_or_else(zero),
        (Value::Double(a), Value::Double(b)) => Ok(Value::Double(a / b)),
        _ => Err(EvalError::NoSuchOverload),
    }
}

fn modulo(left: &Value, right: &Value) -> EvalResult {
    let zero = || EvalError::message("modulus by zero");
    match (left, right) {
        (Value::Int(_), Value::Int(0)) | (Value::Uint(_), Value::Uint(0)) => Err(zero()),
        (Value::Int(a), Value::Int(b)) => a.checked_rem(*b).map(Value::Int).ok_or_else(overflow),
        (Value::Uint(a), Value::Uint(b)) => a.checked_rem(*b).map(Value::Uint).ok_or_else(zero),
        _ => Err(EvalError::NoSuchOverload),
    }
}

fn negate(args: &[Value]) -> EvalResult {
    match args {
        [Value::Int(value)] => value.checked_neg().map(Value::Int).ok_or_else(overflow),
        [Value::Double(value)] => Ok(Value::Double(-value)),
        [Value::Duration(seconds, nanos)] => duration(-time::nanos(*seconds, *nanos)),
        _ => Err(EvalError::NoSuchOverload),
    }
}

fn contained(element: &Value, container: &Value) -> EvalResult {
    match container {
        Value::List(list) => Ok(Value::Bool(
            list.iter().any(|other| other.equals(element) == Ok(true)),
        )),
        Value::Map(map) => {
            let found = match Key::of(element) {
                Some(key) => map.find_key(&key).is_some(),
                None if map.is_native || map.entries.is_empty() => false,
                None => return Err(EvalError::unhashable(element)),
            };
            Ok(Value::Bool(found))
        }
        _ => Err(EvalError::NoSuchOverload),
    }
}

fn length(value: &Value) -> Option<Value> {
    let length = match value {
        Value::String(text) => text.chars().count(),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(list) => list.len(),
        Value::Map(map) => map.entries.len(),
        _ => return None,
    };
    Some(Value::Int(i64::try_from(length).unwrap_or(i64::MAX)))
}

fn matches_pattern(args: &[Value]) -> EvalResult {
    match args {
        [Value::String(text), Value::String(pattern)] => regex::compile(pattern)
            .map(|regex| Value::Bool(regex.is_match(text)))
            .map_err(EvalError::Message),
        _ => Err(EvalError::NoSuchOverload),
    }
}

fn convert(args: &[Value], to: &'static str) -> EvalResult {
    let [value] = args else {
        return Err(EvalError::NoSuchOverload);
    };
    let failed = || {
        let from = value.type_name();
        EvalError::message(format!("type conversion error from '{from}' to '{to}'"))
    };
    match to {
        "int" => to_int(value).unwrap_or_else(|| Err(failed())),
        "uint" => to_uint(value).unwrap_or_else(|| Err(failed())),
        "double" => to_double(value).ok_or_else(failed),
        "string" => match text::convert(value) {
            Some(Ok(text)) => Ok(Value::String(Arc::from(text))),
            Some(Err(text)) => Err(EvalError::Message(text)),
            None => Err(failed()),
        },
        "bool" => match value {
            Value::Bool(_) => Ok(value.clone()),
            Value::String(text) => number::parse_bool(text).map(Value::Bool).ok_or_else(failed),
            _ => Err(failed()),
        },
        "bytes" => match value {
            Value::Bytes(_) => Ok(value.clone()),
            Value::String(text) => Ok(Value::Bytes(Arc::from(text.as_bytes()))),
            _ => Err(failed()),
        },
        "google.protobuf.Duration" => match value {
            Value::Duration(..) => Ok(value.clone()),
            Value::String(text) => duration(time::parse_duration(text).ok_or_else(failed)?),
            _ => Err(failed()),
        },
        _ => match value {
            Value::Timestamp(..) => Ok(value.clone()),
            Value::Int(seconds) => timestamp(time::nanos(*seconds, 0), 0),
            Value::String(text) => {
                let (seconds, nanos, zone) = time::parse_timestamp(text).ok_or_else(failed)?;
                timestamp(time::nanos(seconds, nanos), zone)
            }
            _ => Err(failed()),
        },
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "range checked first, with the bounds cel-go uses"
)]
fn to_int(value: &Value) -> Option<EvalResult> {
    Some(match value {
        Value::Int(_) => Ok(value.clone()),
        Value::Uint(number) => i64::try_from(*number)
            .map(Value::Int)
            .map_err(|_| overflow()),
        Value::Double(number) => {
            if number.is_finite() && *number > i64::MIN as f64 && *number < i64::MAX as f64 {
                Ok(Value::Int(*number as i64))
            } else {
                Err(overflow())
            }
        }
        Value::String(text) => {
            return text
                .parse::<i64>()
                .ok()
                .map(|number| Ok(Value::Int(number)));
        }
        Value::Timestamp(seconds, ..) => Ok(Value::Int(*seconds)),
        Value::Duration(seconds, nanos) => i64::try_from(time::nanos(*seconds, *nanos))
            .map(Value::Int)
            .map_err(|_| overflow()),
        _ => return None,
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "range checked first, with the bounds cel-go uses"
)]
fn to_uint(value: &Value) -> Option<EvalResult> {
    Some(match value {
        Value::Uint(_) => Ok(value.clone()),
        Value::Int(number) => u64::try_from(*number)
            .map(Value::Uint)
            .map_err(|_| unsigned_overflow()),
        Value::Double(number) => {
            if number.is_finite() && *number >= 0.0 && *number < 18_446_744_073_709_551_616.0 {
                Ok(Value::Uint(*number as u64))
            } else {
                Err(unsigned_overflow())
            }
        }
        Value::String(text) => return parse_uint(text).map(|number| Ok(Value::Uint(number))),
        _ => return None,
    })
}

#[expect(clippy::cast_precision_loss, reason = "as upstream converts")]
fn to_double(value: &Value) -> Option<Value> {
    match value {
        Value::Double(_) => Some(value.clone()),
        Value::Int(number) => Some(Value::Double(*number as f64)),
        Value::Uint(number) => Some(Value::Double(*number as f64)),
        Value::String(text) => number::parse_double(text).map(Value::Double),
        _ => None,
    }
}

/// A part of a timestamp, in UTC or a given zone; or of a duration, which counts all of it.
fn part(args: &[Value], function: &str) -> EvalResult {
    let zone = match args {
        [_] => 0,
        [Value::Timestamp(..), Value::String(zone)] => time::zone(zone)?,
        _ => return Err(EvalError::NoSuchOverload),
    };
    let found = match args.first() {
        Some(Value::Timestamp(seconds, nanos, _)) => {
            calendar(function, seconds.saturating_add(zone), *nanos)
        }
        Some(Value::Duration(seconds, nanos)) => match function {
            "getHours" => Some(seconds / 3_600),
            "getMinutes" => Some(seconds / 60),
            "getSeconds" => Some(*seconds),
            "getMilliseconds" => i64::try_from(time::nanos(*seconds, *nanos) / 1_000_000).ok(),
            _ => None,
        },
        _ => None,
    };
    found.map(Value::Int).ok_or(EvalError::NoSuchOverload)
}
