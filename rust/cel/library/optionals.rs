//! Optional values: making, asking and unwrapping them, and `first` and `last` of lists.
//!
//! The syntax (`.?`, `[?]`) and the macros are the core's. `or` and `orValue` are here with both sides evaluated;
//! the evaluator has to skip the right side when the left has a value, as upstream does. Start at [`overloads`].

use std::sync::Arc;

use super::support::{global, list, member, no_overload};
use super::text::display;
use crate::cel::overload::{EvalError, EvalResult, Overload};
use crate::cel::types::Type;
use crate::cel::value::Value;

/// The first moment of year 1: what upstream calls the zero timestamp.
const ZERO_TIMESTAMP: i64 = -62_135_596_800;

pub(super) fn overloads() -> Vec<Overload> {
    let value = || Type::Param("V");
    let optional = || Type::optional(value());
    let list_of = || Type::list(value());
    let optionals = || vec![Type::list(optional())];
    let two = |second| vec![optional(), second];
    let end = |function, id, eval| member(function, id, vec![list_of()], optional(), eval);
    vec![
        global("optional.of", "optional_of", vec![value()], optional(), of),
        global(
            "optional.ofNonZeroValue",
            "optional_ofNonZeroValue",
            vec![value()],
            optional(),
            of_non_zero,
        ),
        global("optional.none", "optional_none", vec![], optional(), |_| {
            Ok(Value::Optional(None))
        }),
        member("value", "optional_value", vec![optional()], value(), get),
        member(
            "hasValue",
            "optional_hasValue",
            vec![optional()],
            Type::Bool,
            has,
        ),
        member(
            "or",
            "optional_or_optional",
            two(optional()),
            optional(),
            or,
        ),
        member(
            "orValue",
            "optional_orValue_value",
            two(value()),
            value(),
            or_value,
        ),
        end("last", "list_last", |args| {
            Ok(list(args, 0)?.last().map_or(Value::Optional(None), some))
        }),
        end("first", "list_first", |args| {
            Ok(list(args, 0)?.first().map_or(Value::Optional(None), some))
        }),
        global(
            "optional.unwrap",
            "optional_unwrap",
            optionals(),
            list_of(),
            unwrap,
        ),
        member(
            "unwrapOpt",
            "optional_unwrapOpt",
            optionals(),
            list_of(),
            unwrap,
        ),
    ]
}

fn of(args: &[Value]) -> EvalResult {
    match args {
        [value] => Ok(some(value)),
        _ => no_overload(),
    }
}

fn of_non_zero(args: &[Value]) -> EvalResult {
    match args {
        [value] if is_zero(value) => Ok(Value::Optional(None)),
        _ => of(args),
    }
}

fn get(args: &[Value]) -> EvalResult {
    match args {
        [Value::Optional(Some(value))] => Ok(Value::clone(value)),
        [Value::Optional(None)] => Err(EvalError::message("optional.none() dereference")),
        _ => no_overload(),
    }
}

fn has(args: &[Value]) -> EvalResult {
    match args {
        [Value::Optional(value)] => Ok(Value::Bool(value.is_some())),
        _ => no_overload(),
    }
}

fn or(args: &[Value]) -> EvalResult {
    match args {
        [Value::Optional(None), other] => Ok(other.clone()),
        [first @ Value::Optional(_), _] => Ok(first.clone()),
        _ => no_overload(),
    }
}

fn or_value(args: &[Value]) -> EvalResult {
    match args {
        [Value::Optional(Some(value)), _] => Ok(Value::clone(value)),
        _ => or(args),
    }
}

fn some(value: &Value) -> Value {
    Value::Optional(Some(Arc::new(value.clone())))
}

/// Whether upstream knows the value to be the zero of its type; its own types have none.
fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(truth) => !truth,
        Value::Int(number) => *number == 0,
        Value::Uint(number) => *number == 0,
        Value::Double(number) => *number == 0.0,
        Value::String(text) => text.is_empty(),
        Value::Bytes(bytes) => bytes.is_empty(),
        Value::Duration(seconds, nanos) => (*seconds, *nanos) == (0, 0),
        Value::Timestamp(seconds, nanos, _) => (*seconds, *nanos) == (ZERO_TIMESTAMP, 0),
        Value::List(list) => list.is_empty(),
        // The wrapper around attributes and capacities does not say whether it is empty.
        Value::Map(map) => map.entries.is_empty() && !map.default_empty,
        _ => false,
    }
}

fn unwrap(args: &[Value]) -> EvalResult {
    let mut values = Vec::new();
    for element in list(args, 0)? {
        match element {
            Value::Optional(Some(value)) => values.push(Value::clone(value)),
            Value::Optional(None) => {}
            _ => {
                let text = format!("value {} is not optional", display(element));
                return Err(EvalError::Message(text));
            }
        }
    }
    Ok(Value::List(values.into()))
}
