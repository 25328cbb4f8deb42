//! What the libraries share: reading arguments, equality, order and size of values, costs.
//!
//! Declares no function. Start at [`equals`] and [`size`].

use std::cmp::Ordering;
use std::sync::Arc;

use crate::cel::overload::{EvalError, EvalResult, Overload};
use crate::cel::types::Type;
use crate::cel::unify::parameters;
use crate::cel::value::{Key, Map, Value};
use crate::quantity::Quantity;

/// Cost of looking at one character.
pub(super) const STRING_FACTOR: f64 = 0.1;
/// Cost of one character of a regular expression.
const REGEX_FACTOR: f64 = 0.25;
/// Cost of making a list.
pub(super) const LIST_CREATE: u64 = 10;

/// A cost function of an overload.
pub(crate) type Cost = fn(&[Value], &Value) -> u64;

/// A function called as `name(args)`.
pub(super) fn global(
    function: &'static str,
    id: &'static str,
    args: Vec<Type>,
    result: Type,
    eval: fn(&[Value]) -> EvalResult,
) -> Overload {
    Overload {
        id,
        function,
        member: false,
        parameters: parameters(args.iter().chain([&result])),
        args,
        result,
        eval,
        cost: super::call_cost(function, id),
    }
}

/// A function called as `target.name(args)`.
pub(super) fn member(
    function: &'static str,
    id: &'static str,
    args: Vec<Type>,
    result: Type,
    eval: fn(&[Value]) -> EvalResult,
) -> Overload {
    Overload {
        member: true,
        ..global(function, id, args, result, eval)
    }
}

/// The error of a call with values of other types.
pub(super) fn no_overload<T>() -> Result<T, EvalError> {
    Err(EvalError::NoSuchOverload)
}

/// A text value.
pub(super) fn string(text: &str) -> Value {
    Value::String(Arc::from(text))
}

/// A list of texts.
pub(super) fn strings<'t>(texts: impl IntoIterator<Item = &'t str>) -> Value {
    Value::List(texts.into_iter().map(string).collect())
}

/// The text at a position.
pub(super) fn text(args: &[Value], position: usize) -> Result<&str, EvalError> {
    match args.get(position) {
        Some(Value::String(text)) => Ok(text),
        _ => no_overload(),
    }
}

/// The integer at a position.
pub(super) fn int(args: &[Value], position: usize) -> Result<i64, EvalError> {
    match args.get(position) {
        Some(Value::Int(number)) => Ok(*number),
        _ => no_overload(),
    }
}

/// The list at a position.
pub(super) fn list(args: &[Value], position: usize) -> Result<&[Value], EvalError> {
    match args.get(position) {
        Some(Value::List(list)) => Ok(list),
        _ => no_overload(),
    }
}

/// The quantity at a position.
pub(super) fn quantity(args: &[Value], position: usize) -> Result<&Quantity, EvalError> {
    match args.get(position) {
        Some(Value::Quantity(quantity) | Value::QuantityResult(quantity)) => Ok(quantity),
        _ => no_overload(),
    }
}

/// A length as an integer value.
pub(super) fn int_of(number: usize) -> Value {
    Value::Int(i64::try_from(number).unwrap_or(i64::MAX))
}

/// The value a key of a map stands for.
pub(super) fn key_value(key: &Key) -> Value {
    key.value()
}

/// Duration or timestamp in nanoseconds.
pub(super) fn nanos(seconds: i64, nanos: i32) -> i128 {
    i128::from(seconds) * 1_000_000_000 + i128::from(nanos)
}

/// Whether two values are equal; an error where upstream's types of its own meet another type.
pub(super) fn equals(left: &Value, right: &Value) -> Result<bool, EvalError> {
    left.equals(right)
}

/// Whether two values are equal, an error counting as no.
pub(super) fn same(left: &Value, right: &Value) -> bool {
    equals(left, right) == Ok(true)
}

/// Whether values of this type have an order.
pub(super) fn comparable(value: &Value) -> bool {
    matches!(
        value,
        Value::Bool(_)
            | Value::Int(_)
            | Value::Uint(_)
            | Value::Double(_)
            | Value::String(_)
            | Value::Bytes(_)
            | Value::Duration(..)
            | Value::Timestamp(..)
    )
}

/// The order of two values; `None` for values that cannot be compared.
pub(in crate::cel) fn compare(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        (Value::Bytes(a), Value::Bytes(b)) => Some(a.cmp(b)),
        (Value::Duration(a, b), Value::Duration(c, d))
        | (Value::Timestamp(a, b, _), Value::Timestamp(c, d, _)) => {
            Some(nanos(*a, *b).cmp(&nanos(*c, *d)))
        }
        _ => left.compare_numbers(right),
    }
}

/// Elements, characters or bytes of a value; 1 for what has no size.
pub(in crate::cel) fn size(value: &Value) -> u64 {
    let length = match value {
        Value::String(text) => text.chars().count(),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(list) => list.len(),
        Value::Map(map) => map.entries.len(),
        Value::Ip(address) => {
            if address.is_ipv4() {
                4
            } else {
                16
            }
        }
        Value::Cidr(_, bits) => usize::from(bits.div_ceil(8)),
        _ => 1,
    };
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// The size of an argument.
pub(super) fn size_at(args: &[Value], position: usize) -> u64 {
    args.get(position).map_or(1, size)
}

/// `size` × `factor`, rounded up.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cost is what this float arithmetic gives upstream"
)]
pub(in crate::cel) fn scaled_up(size: u64, factor: f64) -> u64 {
    (size as f64 * factor).ceil() as u64
}

/// `size` × `factor`, rounded down.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cost is what this float arithmetic gives upstream"
)]
pub(super) fn scaled_down(size: u64, factor: f64) -> u64 {
    let product = size as f64 * factor;
    // What 64 bits cannot hold becomes this in upstream, on the usual machines.
    if product >= 2.0_f64.powi(64) {
        1 << 63
    } else {
        product as u64
    }
}

/// Cost of reading the characters of an argument.
pub(super) fn scan(args: &[Value], position: usize) -> u64 {
    scaled_up(size_at(args, position), STRING_FACTOR)
}

/// Cost of reading the characters of an argument twice.
pub(super) fn double_scan(size: u64) -> u64 {
    scaled_up(size.saturating_mul(2), STRING_FACTOR)
}

/// Cost of matching a text with an expression.
pub(in crate::cel) fn regex_cost(text: u64, expression: u64) -> u64 {
    let text = scaled_up(text.saturating_add(1), STRING_FACTOR);
    text.saturating_mul(scaled_up(expression, REGEX_FACTOR))
}

/// Cost of one traversal of a value and all it holds.
pub(super) fn traversal(value: &Value) -> u64 {
    let bytes =
        |length: usize| scaled_down(u64::try_from(length).unwrap_or(u64::MAX), STRING_FACTOR);
    let entries = |map: &Map| {
        let costs = map.entries.iter();
        costs.fold(0_u64, |sum, (key, value)| {
            sum.saturating_add(traversal(&key_value(key)))
                .saturating_add(traversal(value))
        })
    };
    match value {
        Value::String(text) => bytes(text.len()),
        Value::Bytes(data) => bytes(data.len()),
        Value::List(list) => list.iter().map(traversal).fold(0, u64::saturating_add),
        Value::Map(map) => entries(map),
        _ => 1,
    }
}
