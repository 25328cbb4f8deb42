//! What calls of the standard functions cost, where it is not 1.
//!
//! Start at [`cost`].

use super::library::Cost;
use super::value::Value;

/// The size a text has for costs: its characters.
fn characters(text: &str) -> usize {
    if text.is_ascii() {
        text.len()
    } else {
        text.chars().count()
    }
}

/// The size a value has for costs: characters, bytes, elements; 1 for everything else.
pub(super) fn size(value: &Value) -> u64 {
    let length = match value {
        Value::String(text) => characters(text),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(list) => list.len(),
        Value::Map(map) => map.entries.len(),
        Value::Optional(Some(inner)) => return size(inner),
        Value::Ip(address) => return if address.is_ipv4() { 4 } else { 16 },
        Value::Cidr(_, bits) => return u64::from(bits.div_ceil(8)),
        _ => return 1,
    };
    u64::try_from(length).unwrap_or(u64::MAX)
}

fn size_at(args: &[Value], position: usize) -> u64 {
    args.get(position).map_or(1, size)
}

/// A tenth of a size, rounded up as upstream's floats do it: seventy gives eight.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the float arithmetic is upstream's"
)]
fn tenth(size: u64) -> u64 {
    let tenth = size as f64 * 0.1;
    let whole = tenth as u64;
    whole.saturating_add(u64::from((whole as f64) < tenth))
}

/// The cost of `==` and `!=`; Kubernetes' own types on the left cost 1.
pub(super) fn equality(left: &Value, right: &Value, equal: bool) -> u64 {
    let own = matches!(
        left,
        Value::Quantity(_)
            | Value::QuantityResult(_)
            | Value::Ip(_)
            | Value::Cidr(..)
            | Value::Format(_)
            | Value::Url(_)
            | Value::Semver(_)
    );
    if own && equal {
        return 1;
    }
    tenth(size(left).min(size(right)))
}

/// The cost of `==` and `!=` of two texts.
pub(super) fn equality_of_texts(left: &str, right: &str) -> u64 {
    let least = characters(left).min(characters(right));
    tenth(u64::try_from(least).unwrap_or(u64::MAX))
}

/// The same where the size of one text is known.
pub(super) fn equality_with(other: &str, known: u64) -> u64 {
    let other = u64::try_from(characters(other)).unwrap_or(u64::MAX);
    tenth(other.min(known))
}

/// The cost of asking whether a text begins or ends with another.
pub(super) fn affix(affix: &Value) -> u64 {
    tenth(size(affix))
}

fn smaller(args: &[Value], _: &Value) -> u64 {
    tenth(size_at(args, 0).min(size_at(args, 1)))
}

/// The cost function of an overload.
pub(super) fn cost(id: &str) -> Option<Cost> {
    Some(match id {
        "starts_with_string" | "ends_with_string" => |args, _| args.get(1).map_or(1, affix),
        "string_to_bytes" | "bytes_to_string" => |args, _| tenth(size_at(args, 0)),
        "in_list" => |args, _| size_at(args, 1),
        "less_string"
        | "greater_string"
        | "less_equals_string"
        | "greater_equals_string"
        | "less_bytes"
        | "greater_bytes"
        | "less_equals_bytes"
        | "greater_equals_bytes" => smaller,
        "add_string" | "add_bytes" => {
            |args, _| tenth(size_at(args, 0).saturating_add(size_at(args, 1)))
        }
        "matches" | "matches_string" => |args, _| {
            let text = tenth(size_at(args, 0).saturating_add(1));
            text.saturating_mul(size_at(args, 1).div_ceil(4))
        },
        "contains_string" => {
            |args, _| tenth(size_at(args, 0)).saturating_mul(tenth(size_at(args, 1)))
        }
        _ => return None,
    })
}
