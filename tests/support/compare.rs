//! Compares the answer of this crate with upstream's: outcome, devices, steps, error texts.
//!
//! Error texts are equal up to the point where upstream embeds a message of another library; see `error_text.rs`.

#[path = "error_text.rs"]
mod error_text;

use error_text::own_part;
use serde_json::Value;

/// What differs, or nothing.
pub(crate) fn difference(theirs: &Value, ours: &Value) -> Option<String> {
    if !theirs["error"].is_null() || !ours["error"].is_null() {
        return Some(format!(
            "not answered: upstream {}, here {}",
            theirs["error"], ours["error"]
        ));
    }
    if theirs["channel"] != ours["channel"] && theirs["channel"].is_string() {
        return Some(format!(
            "channel: upstream {}, here {}",
            theirs["channel"], ours["channel"]
        ));
    }
    let nodes = |answer: &Value| answer["nodes"].as_array().cloned().unwrap_or_default();
    let (theirs, ours) = (nodes(theirs), nodes(ours));
    if theirs.len() != ours.len() {
        return Some(format!(
            "upstream answers {} nodes, here {}",
            theirs.len(),
            ours.len()
        ));
    }
    theirs
        .iter()
        .zip(&ours)
        .find_map(|(theirs, ours)| node_difference(theirs, ours))
}

fn node_difference(theirs: &Value, ours: &Value) -> Option<String> {
    let differs = |what: &str| {
        Some(format!(
            "{what} on node {}:\n  upstream {theirs}\n  here     {ours}",
            theirs["node"]
        ))
    };
    // The time-out is the oracle's own, and where upstream crashes there is no answer: nothing to compare with.
    if theirs["outcome"] == "timeout" || theirs["outcome"] == "panic" {
        return None;
    }
    if !ours["objections"].is_null() {
        return differs("the verifier objects");
    }
    for field in ["node", "outcome", "scope", "steps"] {
        if theirs[field] != ours[field] {
            return differs(field);
        }
    }
    let text = |answer: &Value| answer["error"].as_str().map(own_part).map(str::to_owned);
    if text(theirs) != text(ours) {
        return differs("error");
    }
    if plain(&theirs["results"]) != plain(&ours["results"]) {
        return differs("results");
    }
    None
}

/// Without fields that are empty: the Go types leave them out, and absent means the same.
fn plain(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.iter().map(|(key, field)| match key.as_str() {
                "parameters" => (key.clone(), field.clone()),
                _ => (key.clone(), plain(field)),
            });
            Value::Object(kept.filter(|(_, field)| !is_empty(field)).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(plain).collect()),
        other => other.clone(),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(fields) => fields.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}
