//! The list library of Kubernetes: `isSorted`, `sum`, `min`, `max`, `indexOf`, `lastIndexOf`, `includes`.
//!
//! Start at [`overloads`].

use std::cmp::Ordering;

use super::support::{comparable, compare, int_of, list, member, nanos, no_overload, same};
use crate::cel::overload::{EvalError, EvalResult, Overload};
use crate::cel::types::Type;
use crate::cel::value::Value;

/// Type of the elements, and how ids name it.
const COMPARABLE: [(Type, [&str; 3]); 8] = [
    (
        Type::Int,
        [
            "list_int_is_sorted_bool",
            "list_int_max_int",
            "list_int_min_int",
        ],
    ),
    (
        Type::Uint,
        [
            "list_uint_is_sorted_bool",
            "list_uint_max_uint",
            "list_uint_min_uint",
        ],
    ),
    (
        Type::Double,
        [
            "list_double_is_sorted_bool",
            "list_double_max_double",
            "list_double_min_double",
        ],
    ),
    (
        Type::Bool,
        [
            "list_bool_is_sorted_bool",
            "list_bool_max_bool",
            "list_bool_min_bool",
        ],
    ),
    (
        Type::Duration,
        [
            "list_duration_is_sorted_bool",
            "list_duration_max_duration",
            "list_duration_min_duration",
        ],
    ),
    (
        Type::Timestamp,
        [
            "list_timestamp_is_sorted_bool",
            "list_timestamp_max_timestamp",
            "list_timestamp_min_timestamp",
        ],
    ),
    (
        Type::String,
        [
            "list_string_is_sorted_bool",
            "list_string_max_string",
            "list_string_min_string",
        ],
    ),
    (
        Type::Bytes,
        [
            "list_bytes_is_sorted_bool",
            "list_bytes_max_bytes",
            "list_bytes_min_bytes",
        ],
    ),
];

pub(super) fn overloads() -> Vec<Overload> {
    let mut overloads = Vec::new();
    for (kind, [sorted, max, min]) in COMPARABLE {
        let args = || vec![Type::list(kind.clone())];
        overloads.push(member("isSorted", sorted, args(), Type::Bool, is_sorted));
        overloads.push(member("max", max, args(), kind.clone(), |args| {
            extreme(args, "max", Ordering::Less)
        }));
        overloads.push(member("min", min, args(), kind.clone(), |args| {
            extreme(args, "min", Ordering::Greater)
        }));
    }
    let sum = |id, kind: Type, eval| member("sum", id, vec![Type::list(kind.clone())], kind, eval);
    let find = |function, id, eval| {
        let args = vec![Type::list(Type::Param("A")), Type::Param("A")];
        member(function, id, args, Type::Int, eval)
    };
    let any = vec![Type::Dyn, Type::Dyn];
    overloads.extend([
        sum("list_int_sum_int", Type::Int, |args| {
            total(args, Value::Int(0))
        }),
        sum("list_uint_sum_uint", Type::Uint, |args| {
            total(args, Value::Uint(0))
        }),
        sum("list_double_sum_double", Type::Double, |args| {
            total(args, Value::Double(0.0))
        }),
        sum("list_duration_sum_duration", Type::Duration, |args| {
            total(args, Value::Duration(0, 0))
        }),
        find("indexOf", "list_a_index_of_int", index_of),
        find("lastIndexOf", "list_a_last_index_of_int", last_index_of),
        member(
            "includes",
            "list_includes_dyn_dyn",
            any,
            Type::Bool,
            includes,
        ),
    ]);
    overloads
}

fn index_of(args: &[Value]) -> EvalResult {
    let [Value::List(list), item] = args else {
        return no_overload();
    };
    Ok(found(list.iter().position(|element| same(element, item))))
}

fn last_index_of(args: &[Value]) -> EvalResult {
    let [Value::List(list), item] = args else {
        return no_overload();
    };
    Ok(found(list.iter().rposition(|element| same(element, item))))
}

/// Whether a list has an item, or a single value is it.
fn includes(args: &[Value]) -> EvalResult {
    Ok(Value::Bool(match args {
        [Value::List(list), item] => list.iter().any(|element| same(element, item)),
        [target, item] => same(target, item),
        _ => return no_overload(),
    }))
}

fn found(position: Option<usize>) -> Value {
    position.map_or(Value::Int(-1), int_of)
}

fn is_sorted(args: &[Value]) -> EvalResult {
    let list = list(args, 0)?;
    if !list.iter().all(comparable) {
        return no_overload();
    }
    // What cannot be compared counts as sorted, NaN and values of other types included.
    let unsorted = list.windows(2).any(|pair| match pair {
        [a, b] => compare(a, b) == Some(Ordering::Greater),
        _ => false,
    });
    Ok(Value::Bool(!unsorted))
}

/// The element that no later one beats; `beaten` is how the kept one compares with a better one.
fn extreme(args: &[Value], name: &str, beaten: Ordering) -> EvalResult {
    let mut best: Option<&Value> = None;
    for element in list(args, 0)? {
        if !comparable(element) {
            return no_overload();
        }
        if best.is_none_or(|best| compare(best, element) == Some(beaten)) {
            best = Some(element);
        }
    }
    match best {
        Some(best) => Ok(best.clone()),
        None => Err(EvalError::Message(format!("{name} called on empty list"))),
    }
}

fn total(args: &[Value], zero: Value) -> EvalResult {
    list(args, 0)?
        .iter()
        .try_fold(zero, |sum, element| add(&sum, element))
}

fn add(sum: &Value, element: &Value) -> EvalResult {
    let overflow = |text| EvalError::message(text);
    match (sum, element) {
        (Value::Int(a), Value::Int(b)) => {
            let sum = a
                .checked_add(*b)
                .ok_or_else(|| overflow("integer overflow"))?;
            Ok(Value::Int(sum))
        }
        (Value::Uint(a), Value::Uint(b)) => {
            let sum = a
                .checked_add(*b)
                .ok_or_else(|| overflow("unsigned integer overflow"))?;
            Ok(Value::Uint(sum))
        }
        (Value::Double(a), Value::Double(b)) => Ok(Value::Double(a + b)),
        (Value::Duration(a, b), Value::Duration(c, d)) => {
            let total = nanos(*a, *b) + nanos(*c, *d);
            let total = i64::try_from(total).map_err(|_| overflow("integer overflow"))?;
            let rest = i32::try_from(total % 1_000_000_000).unwrap_or(0);
            Ok(Value::Duration(total / 1_000_000_000, rest))
        }
        _ => no_overload(),
    }
}
