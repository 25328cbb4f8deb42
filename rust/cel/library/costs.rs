//! What a call costs at run time.
//!
//! Three rules, in upstream's order: a tracker of the overload (lists and sets), else the Kubernetes estimator by
//! function name, else cel-go's own few overloads, else 1. Start at [`call_cost`].

use super::formats;
use super::support::{
    Cost, LIST_CREATE, STRING_FACTOR, double_scan, regex_cost, scaled_down, scaled_up, scan, size,
    size_at, traversal,
};
use crate::cel::value::Value;

/// The cost of a call of this overload. A result that is an error counts as [`Value::Null`], as do arguments that
/// are errors.
pub(crate) fn call_cost(function: &str, overload: &str) -> Option<Cost> {
    tracked(overload)
        .or(match overload {
            "cidr_ip" => Some(|_, _| 1),
            "cidr_contains_ip_string" => {
                Some(|args, _| contains_ip(args).saturating_add(scan(args, 1)))
            }
            "cidr_contains_cidr_string" => {
                Some(|args, _| contains_cidr(args).saturating_add(scan(args, 1)))
            }
            _ => None,
        })
        .or_else(|| name_cost(function))
        .or(match overload {
            "strings_quote" | "string_format" => Some(|args, _| scan(args, 0)),
            _ => None,
        })
}

/// The cost of a call whose overload is only found at run time: upstream then knows nothing but the name.
pub(crate) fn name_cost(function: &str) -> Option<Cost> {
    Some(match function {
        "check" => |_, _| 350_000,
        "fieldSelector" | "labelSelector" => |args, _| selector(size_at(args, 1)),
        "isSorted" | "sum" | "max" | "min" | "indexOf" | "lastIndexOf" | "includes" => {
            |args, _| args.first().map_or(0, traversal)
        }
        "url" | "lowerAscii" | "upperAscii" | "substring" | "trim" | "cidr" | "isIP" | "isCIDR"
        | "ip" | "quantity" | "isQuantity" | "semver" | "isSemver" => |args, _| scan(args, 0),
        "replace" | "split" | "ip.isCanonical" => |args, _| double_scan(size_at(args, 0)),
        "join" => |_, result| double_scan(size(result)),
        "find" | "findAll" => |args, _| regex_cost(size_at(args, 0), size_at(args, 1)),
        "containsIP" => |args, _| contains_ip(args),
        "containsCIDR" => |args, _| contains_cidr(args),
        "validate" => |args, _| match args.first() {
            Some(Value::Format(name)) => regex_cost(size_at(args, 1), formats::regex_size(name)),
            _ => 1,
        },
        _ => return None,
    })
}

fn selector(length: u64) -> u64 {
    let requirements = scaled_up(length, 0.5);
    LIST_CREATE
        .saturating_add(scaled_up(length, STRING_FACTOR))
        .saturating_add(requirements.saturating_mul(LIST_CREATE + 40))
}

fn contains_ip(args: &[Value]) -> u64 {
    double_scan(size_at(args, 0))
}

fn contains_cidr(args: &[Value]) -> u64 {
    contains_ip(args)
        .saturating_add(scan(args, 0))
        .saturating_add(1)
}

fn tracked(overload: &str) -> Option<Cost> {
    if overload.ends_with("_sortByAssociatedKeys") {
        return Some(|args, _| self_compare(args.get(1)));
    }
    Some(match overload {
        "list_sets_contains_list" | "list_sets_intersects_list" => |args, _| set_cost(args, 1.0),
        "list_sets_equivalent_list" => |args, _| set_cost(args, 2.0),
        "list_slice" | "lists_range" | "list_reverse" => |_, result| list_cost(1.0, size(result)),
        "list_flatten" => |args, _| list_cost(1.0, size_at(args, 0)),
        "list_flatten_int" => |args, _| list_cost(depth(args), size_at(args, 0)),
        "list_distinct" => |args, _| self_compare(args.first()),
        _ if overload.starts_with("list_") && overload.ends_with("_sort") => {
            |args, _| self_compare(args.first())
        }
        _ => return None,
    })
}

#[expect(
    clippy::cast_precision_loss,
    reason = "upstream multiplies by the depth as a float"
)]
fn depth(args: &[Value]) -> f64 {
    match args.get(1) {
        Some(Value::Int(depth)) => *depth as f64,
        _ => 1.0,
    }
}

fn set_cost(args: &[Value], factor: f64) -> u64 {
    let pairs = size_at(args, 0).saturating_mul(size_at(args, 1));
    scaled_down(pairs, factor).saturating_add(1)
}

fn list_cost(factor: f64, size: u64) -> u64 {
    let factor = if factor < 0.0 { 1.0 } else { factor };
    scaled_down(size, factor).saturating_add(1 + LIST_CREATE)
}

/// Cost of comparing each element with each other one.
fn self_compare(list: Option<&Value>) -> u64 {
    let Some(Value::List(list)) = list else {
        return list_cost(2.0, 0);
    };
    let length = u64::try_from(list.len()).unwrap_or(u64::MAX);
    let texts = matches!(list.first(), Some(Value::String(_) | Value::Bytes(_)));
    let factor = if texts { 2.0 + STRING_FACTOR } else { 2.0 };
    list_cost(factor, length.saturating_mul(length))
}

/// Whether upstream, when it counts the cost of this call, trips over an argument: `None` for one that is an error,
/// which it takes for the list the overload declares. The whole evaluation then fails, even under `||`.
pub(crate) fn cost_fails(overload: &str, args: &[Option<&Value>]) -> bool {
    let is_list = |position: usize| matches!(args.get(position), Some(Some(Value::List(_))));
    match overload {
        "list_distinct" => !is_list(0),
        "list_flatten_int" => !matches!(args.get(1), Some(Some(Value::Int(_)))),
        _ if overload.ends_with("_sortByAssociatedKeys") => !is_list(1),
        _ => overload.starts_with("list_") && overload.ends_with("_sort") && !is_list(0),
    }
}
