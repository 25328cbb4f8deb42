//! Operators and functions on numbers, texts and containers.
//!
//! Every function looks at the types of its values itself. Start anywhere.

use std::cmp::Ordering;
use std::sync::Arc;

use super::overload::{EvalError, EvalResult};
use super::regex;
use super::standard_costs;
use super::time;
use super::value::{Key, Value};

const NONE: EvalResult = Err(EvalError::NoSuchOverload);

/// Upstream's error for a value that does not know the operator at all, as opposed to one that does not know the other
/// operand.
fn unknown(function: &str) -> EvalResult {
    Err(EvalError::Message(format!("no such overload: {function}")))
}

fn int_overflow() -> EvalError {
    EvalError::message("integer overflow")
}

fn uint_overflow() -> EvalError {
    EvalError::message("unsigned integer overflow")
}

fn duration(nanos: i128) -> EvalResult {
    match time::split(nanos) {
        Some((seconds, rest)) => Ok(Value::Duration(seconds, rest)),
        None => Err(EvalError::message("duration overflow")),
    }
}

fn timestamp(nanos: i128) -> EvalResult {
    match time::timestamp(nanos) {
        Some((seconds, rest)) => Ok(Value::Timestamp(seconds, rest)),
        None => Err(EvalError::message("timestamp overflow")),
    }
}

fn integer(result: Option<i64>) -> EvalResult {
    result.map(Value::Int).ok_or_else(int_overflow)
}

fn natural(result: Option<u64>) -> EvalResult {
    result.map(Value::Uint).ok_or_else(uint_overflow)
}

pub(super) fn not(args: &[Value]) -> EvalResult {
    match args {
        [Value::Bool(b)] => Ok(Value::Bool(!b)),
        _ => NONE,
    }
}

pub(super) fn add(args: &[Value]) -> EvalResult {
    use Value::{Bytes, Double, Duration, Int, List, String, Timestamp, Uint};
    let [left, right] = args else { return NONE };
    match (left, right) {
        (Int(a), Int(b)) => integer(a.checked_add(*b)),
        (Uint(a), Uint(b)) => natural(a.checked_add(*b)),
        (Double(a), Double(b)) => Ok(Double(a + b)),
        (String(a), String(b)) => Ok(String(Arc::from([&**a, &**b].concat()))),
        (Bytes(a), Bytes(b)) => Ok(Bytes(Arc::from([&**a, &**b].concat()))),
        (List(_), List(b)) if b.is_empty() => Ok(left.clone()),
        (List(a), List(_)) if a.is_empty() => Ok(right.clone()),
        (List(a), List(b)) => Ok(List(a.iter().chain(b.iter()).cloned().collect())),
        (Duration(a, n), Duration(b, m)) => duration(time::nanos(*a, *n) + time::nanos(*b, *m)),
        (Duration(a, n), Timestamp(b, m)) | (Timestamp(a, n), Duration(b, m)) => {
            timestamp(time::nanos(*a, *n) + time::nanos(*b, *m))
        }
        (
            Int(_) | Uint(_) | Double(_) | String(_) | Bytes(_) | List(_) | Duration(..)
            | Timestamp(..),
            _,
        ) => NONE,
        _ => unknown("_+_"),
    }
}

pub(super) fn subtract(args: &[Value]) -> EvalResult {
    use Value::{Double, Duration, Int, Timestamp, Uint};
    let [left, right] = args else { return NONE };
    match (left, right) {
        (Int(a), Int(b)) => integer(a.checked_sub(*b)),
        (Uint(a), Uint(b)) => natural(a.checked_sub(*b)),
        (Double(a), Double(b)) => Ok(Double(a - b)),
        (Duration(a, n), Duration(b, m)) | (Timestamp(a, n), Timestamp(b, m)) => {
            duration(time::nanos(*a, *n) - time::nanos(*b, *m))
        }
        (Timestamp(a, n), Duration(b, m)) => timestamp(time::nanos(*a, *n) - time::nanos(*b, *m)),
        (Int(_) | Uint(_) | Double(_) | Duration(..) | Timestamp(..), _) => NONE,
        _ => unknown("_-_"),
    }
}

pub(super) fn multiply(args: &[Value]) -> EvalResult {
    use Value::{Double, Int, Uint};
    match args {
        [Int(a), Int(b)] => integer(a.checked_mul(*b)),
        [Uint(a), Uint(b)] => natural(a.checked_mul(*b)),
        [Double(a), Double(b)] => Ok(Double(a * b)),
        [Int(_) | Uint(_) | Double(_), _] => NONE,
        _ => unknown("_*_"),
    }
}

pub(super) fn divide(args: &[Value]) -> EvalResult {
    use Value::{Double, Int, Uint};
    match args {
        [Int(_), Int(0)] | [Uint(_), Uint(0)] => Err(EvalError::message("division by zero")),
        [Int(a), Int(b)] => integer(a.checked_div(*b)),
        [Uint(a), Uint(b)] => natural(a.checked_div(*b)),
        [Double(a), Double(b)] => Ok(Double(a / b)),
        [Int(_) | Uint(_) | Double(_), _] => NONE,
        _ => unknown("_/_"),
    }
}

pub(super) fn modulo(args: &[Value]) -> EvalResult {
    use Value::{Int, Uint};
    match args {
        [Int(_), Int(0)] | [Uint(_), Uint(0)] => Err(EvalError::message("modulus by zero")),
        [Int(a), Int(b)] => integer(a.checked_rem(*b)),
        [Uint(a), Uint(b)] => natural(a.checked_rem(*b)),
        [Int(_) | Uint(_), _] => NONE,
        _ => unknown("_%_"),
    }
}

pub(super) fn negate(args: &[Value]) -> EvalResult {
    match args {
        [Value::Int(a)] => integer(a.checked_neg()),
        [Value::Double(a)] => Ok(Value::Double(-a)),
        [Value::Duration(a, n)] => duration(-time::nanos(*a, *n)),
        [Value::Bool(_)] => NONE,
        _ => unknown("-_"),
    }
}

/// The order of two values, or upstream's error.
fn compare(function: &str, args: &[Value]) -> Result<Ordering, EvalError> {
    use Value::{Bool, Bytes, Double, Duration, Int, String, Timestamp, Uint};
    let [left, right] = args else {
        return Err(EvalError::NoSuchOverload);
    };
    match (left, right) {
        (Bool(a), Bool(b)) => Ok(a.cmp(b)),
        (String(a), String(b)) => Ok(a.cmp(b)),
        (Bytes(a), Bytes(b)) => Ok(a.cmp(b)),
        (Duration(a, n), Duration(b, m)) => Ok(time::nanos(*a, *n).cmp(&time::nanos(*b, *m))),
        (Timestamp(a, n), Timestamp(b, m)) => Ok((a, n).cmp(&(b, m))),
        (Int(_) | Uint(_) | Double(_), Int(_) | Uint(_) | Double(_)) => left
            .compare_numbers(right)
            .ok_or_else(|| EvalError::message("NaN values cannot be ordered")),
        (
            Bool(_) | String(_) | Bytes(_) | Duration(..) | Timestamp(..) | Int(_) | Uint(_)
            | Double(_),
            _,
        ) => Err(EvalError::NoSuchOverload),
        _ => Err(EvalError::Message(format!("no such overload: {function}"))),
    }
}

pub(super) fn less(args: &[Value]) -> EvalResult {
    compare("_<_", args).map(|order| Value::Bool(order.is_lt()))
}

pub(super) fn less_equals(args: &[Value]) -> EvalResult {
    compare("_<=_", args).map(|order| Value::Bool(order.is_le()))
}

pub(super) fn greater(args: &[Value]) -> EvalResult {
    compare("_>_", args).map(|order| Value::Bool(order.is_gt()))
}

pub(super) fn greater_equals(args: &[Value]) -> EvalResult {
    compare("_>=_", args).map(|order| Value::Bool(order.is_ge()))
}

pub(super) fn is_in(args: &[Value]) -> EvalResult {
    match args {
        [element, Value::List(list)] => {
            for other in list.iter() {
                match element.equals(other) {
                    Ok(true) => return Ok(Value::Bool(true)),
                    Err(error @ EvalError::Internal(_)) => return Err(error),
                    _ => {}
                }
            }
            Ok(Value::Bool(false))
        }
        [element, Value::Map(map)] => {
            let Some(key) = Key::of(element) else {
                return unhashable(element, map.entries.keys().next());
            };
            Ok(Value::Bool(map.find_key(&key).is_some()))
        }
        _ => NONE,
    }
}

/// Looking for a value that upstream cannot hash fails altogether in a map of values, and finds nothing in a map of
/// texts that came from a device.
fn unhashable(element: &Value, first: Option<&Key>) -> EvalResult {
    match first {
        None | Some(Key::String(_)) => Ok(Value::Bool(false)),
        Some(_) => Err(EvalError::Internal(format!(
            "runtime error: hash of unhashable type {}",
            element.go_type()
        ))),
    }
}

pub(super) fn size(args: &[Value]) -> EvalResult {
    match args {
        [value @ (Value::String(_) | Value::Bytes(_) | Value::List(_) | Value::Map(_))] => {
            let size = standard_costs::size(value);
            Ok(Value::Int(i64::try_from(size).unwrap_or(i64::MAX)))
        }
        _ => unknown("size"),
    }
}

fn texts(args: &[Value]) -> Result<(&str, &str), EvalError> {
    match args {
        [Value::String(a), Value::String(b)] => Ok((a, b)),
        _ => Err(EvalError::NoSuchOverload),
    }
}

pub(super) fn contains(args: &[Value]) -> EvalResult {
    texts(args).map(|(a, b)| Value::Bool(a.contains(b)))
}

pub(super) fn ends_with(args: &[Value]) -> EvalResult {
    texts(args).map(|(a, b)| Value::Bool(a.ends_with(b)))
}

pub(super) fn starts_with(args: &[Value]) -> EvalResult {
    texts(args).map(|(a, b)| Value::Bool(a.starts_with(b)))
}

pub(super) fn matches(args: &[Value]) -> EvalResult {
    if !matches!(args.first(), Some(Value::String(_))) {
        return unknown("matches");
    }
    let (text, pattern) = texts(args)?;
    let compiled = regex::compile(pattern).map_err(|error| {
        EvalError::Message(if error.starts_with("error parsing regexp") {
            error
        } else {
            format!("error parsing regexp: {error}")
        })
    })?;
    Ok(Value::Bool(compiled.is_match(text)))
}
