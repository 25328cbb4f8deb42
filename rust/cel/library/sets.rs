//! The sets library of cel-go: lists as sets.
//!
//! Start at [`overloads`].

use super::support::{global, list, same};
use crate::cel::overload::Overload;
use crate::cel::types::Type;
use crate::cel::value::Value;

pub(super) fn overloads() -> Vec<Overload> {
    let args = || vec![Type::list(Type::Param("T")), Type::list(Type::Param("T"))];
    vec![
        global(
            "sets.contains",
            "list_sets_contains_list",
            args(),
            Type::Bool,
            |args| Ok(Value::Bool(contains(list(args, 0)?, list(args, 1)?))),
        ),
        global(
            "sets.equivalent",
            "list_sets_equivalent_list",
            args(),
            Type::Bool,
            |args| {
                let (a, b) = (list(args, 0)?, list(args, 1)?);
                Ok(Value::Bool(contains(a, b) && contains(b, a)))
            },
        ),
        global(
            "sets.intersects",
            "list_sets_intersects_list",
            args(),
            Type::Bool,
            |args| {
                let (a, b) = (list(args, 0)?, list(args, 1)?);
                Ok(Value::Bool(a.iter().any(|element| has(b, element))))
            },
        ),
    ]
}

/// The element stands on the left of the comparison: upstream's own types are particular about sides.
fn has(list: &[Value], element: &Value) -> bool {
    list.iter().any(|other| same(element, other))
}

fn contains(list: &[Value], part: &[Value]) -> bool {
    part.iter().all(|element| has(list, element))
}
