//! The lists library of cel-go, version 3, with the functions behind the `sortBy` macro, and `first` and `last` of
//! the optional types.
//!
//! Start at [`overloads`].

use std::cmp::Ordering;

use super::names;
use super::sorting::sort_like_go;
use super::support::{comparable, compare, global, int, list, member, no_overload, same};
use crate::cel::overload::{EvalError, EvalResult, Overload};
use crate::cel::types::Type;
use crate::cel::value::Value;

/// Longest list `lists.range` makes.
const LONGEST_RANGE: i64 = 1_000_000;

pub(super) fn overloads() -> Vec<Overload> {
    let of = || Type::list(Type::Param("T"));
    let dynamic = || Type::list(Type::Dyn);
    let mut overloads = vec![
        member(
            "slice",
            "list_slice",
            vec![of(), Type::Int, Type::Int],
            of(),
            slice,
        ),
        member(
            "flatten",
            "list_flatten",
            vec![Type::list(of())],
            of(),
            flatten,
        ),
        member(
            "flatten",
            "list_flatten_int",
            vec![dynamic(), Type::Int],
            dynamic(),
            flatten,
        ),
        global(
            "lists.range",
            "lists_range",
            vec![Type::Int],
            Type::list(Type::Int),
            range,
        ),
        member("reverse", "list_reverse", vec![of()], of(), |args| {
            Ok(Value::List(list(args, 0)?.iter().rev().cloned().collect()))
        }),
        member("distinct", "list_distinct", vec![of()], of(), distinct),
    ];
    for (sort, sort_by, kind) in sortable() {
        overloads.push(member(
            "sort",
            sort,
            vec![Type::list(kind.clone())],
            Type::list(kind.clone()),
            |args| {
                let list = list(args, 0)?;
                sort_by_keys(list, list)
            },
        ));
        overloads.push(member(
            "@sortByAssociatedKeys",
            sort_by,
            vec![of(), Type::list(kind)],
            of(),
            |args| sort_by_keys(list(args, 0)?, list(args, 1)?),
        ));
    }
    overloads
}

/// Ids of the overloads of `sort` and of its helper, by type of element or key.
fn sortable() -> [(&'static str, &'static str, Type); 8] {
    [
        ("list_int_sort", "list_int_sortByAssociatedKeys", Type::Int),
        (
            "list_uint_sort",
            "list_uint_sortByAssociatedKeys",
            Type::Uint,
        ),
        (
            "list_double_sort",
            "list_double_sortByAssociatedKeys",
            Type::Double,
        ),
        (
            "list_bool_sort",
            "list_bool_sortByAssociatedKeys",
            Type::Bool,
        ),
        (
            "list_google.protobuf.Duration_sort",
            "list_google.protobuf.Duration_sortByAssociatedKeys",
            Type::Duration,
        ),
        (
            "list_google.protobuf.Timestamp_sort",
            "list_google.protobuf.Timestamp_sortByAssociatedKeys",
            Type::Timestamp,
        ),
        (
            "list_string_sort",
            "list_string_sortByAssociatedKeys",
            Type::String,
        ),
        (
            "list_bytes_sort",
            "list_bytes_sortByAssociatedKeys",
            Type::Bytes,
        ),
    ]
}

fn slice(args: &[Value]) -> EvalResult {
    let (list, start, end) = (list(args, 0)?, int(args, 1)?, int(args, 2)?);
    let refuse = |why: &str| {
        Err(EvalError::Message(format!(
            "cannot slice({start}, {end}), {why}"
        )))
    };
    let (Ok(from), Ok(to)) = (usize::try_from(start), usize::try_from(end)) else {
        return refuse("negative indexes not supported");
    };
    if from > to {
        return refuse("start index must be less than or equal to end index");
    }
    match list.get(from..to) {
        Some(part) => Ok(Value::List(part.into())),
        None => refuse(&format!("list is length {}", list.len())),
    }
}

fn flatten(args: &[Value]) -> EvalResult {
    let depth = if args.len() > 1 {
        args.get(1)
    } else {
        Some(&Value::Int(1))
    };
    let (Some(Value::List(list)), Some(Value::Int(depth))) = (args.first(), depth) else {
        let kinds: Vec<&str> = args.iter().map(names::of_value).collect();
        let Some((target, rest)) = kinds.split_first() else {
            return no_overload();
        };
        let text = format!("no such overload: {target}.flatten({})", rest.join(", "));
        return Err(EvalError::Message(text));
    };
    if *depth < 0 {
        return Err(EvalError::message("level must be non-negative"));
    }
    let mut flat = Vec::with_capacity(list.len());
    flatten_into(list, *depth, &mut flat);
    Ok(Value::List(flat.into()))
}

/// Recursion ends with the nesting of the value, which the nesting of the expression bounds.
fn flatten_into(list: &[Value], depth: i64, flat: &mut Vec<Value>) {
    for element in list {
        match element {
            Value::List(inner) if depth > 0 => flatten_into(inner, depth - 1, flat),
            _ => flat.push(element.clone()),
        }
    }
}

fn range(args: &[Value]) -> EvalResult {
    let length = int(args, 0)?;
    let refuse = |why: String| Err(EvalError::Message(format!("lists.range: size {why}")));
    if length < 0 {
        return refuse(format!("must be non-negative, got {length}"));
    }
    if length > LONGEST_RANGE {
        return refuse(format!(
            "{length} exceeds maximum allowed ({LONGEST_RANGE})"
        ));
    }
    Ok(Value::List((0..length).map(Value::Int).collect()))
}

fn distinct(args: &[Value]) -> EvalResult {
    let mut unique: Vec<Value> = Vec::new();
    for (position, element) in list(args, 0)?.iter().enumerate() {
        // Upstream skips the kept element that stands at the position looked at; while nothing was dropped there is
        // none there, and afterwards it is a later one.
        let mut others = unique
            .iter()
            .enumerate()
            .filter(|(kept, _)| *kept != position);
        if !others.any(|(_, other)| same(element, other)) {
            unique.push(element.clone());
        }
    }
    Ok(Value::List(unique.into()))
}

fn sort_by_keys(list: &[Value], keys: &[Value]) -> EvalResult {
    if list.len() != keys.len() {
        return Err(EvalError::Message(format!(
            "@sortByAssociatedKeys() expected a list of the same size as the associated keys list, but got {} and {} \
             elements respectively",
            list.len(),
            keys.len()
        )));
    }
    let Some(first) = keys.first() else {
        return Ok(Value::List(list.into()));
    };
    if !comparable(first) {
        return Err(EvalError::message("list elements must be comparable"));
    }
    if keys
        .iter()
        .any(|key| names::of_value(key) != names::of_value(first))
    {
        return Err(EvalError::message("list elements must have the same type"));
    }
    let mut order: Vec<usize> = (0..list.len()).collect();
    sort_like_go(&mut order, &mut |a, b| match (keys.get(*a), keys.get(*b)) {
        (Some(a), Some(b)) => compare(a, b) == Some(Ordering::Less),
        _ => false,
    });
    Ok(Value::List(
        order
            .iter()
            .filter_map(|index| list.get(*index))
            .cloned()
            .collect(),
    ))
}
