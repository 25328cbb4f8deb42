//! Which machine can reach what: the judge's own reading of node names and node selectors.
//!
//! Never shared with the engine, which has a matcher of its own. Start at [`reaches`].

use crate::wire::core::{Node, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm};

/// Whether something published for a node name, for all nodes or for selected nodes can be used on `node`.
/// The error says what is wrong with the selector; upstream then fails on every node.
pub(super) fn reaches(
    node: &Node,
    node_name: Option<&str>,
    all_nodes: Option<bool>,
    selector: Option<&NodeSelector>,
) -> Result<bool, String> {
    if let Some(name) = node_name.filter(|name| !name.is_empty()) {
        return Ok(name == node.metadata.name);
    }
    if all_nodes == Some(true) {
        return Ok(true);
    }
    selector.map_or(Ok(false), |selector| selects(selector, node))
}

/// Whether one of the terms holds. Every term is checked for errors, also behind one that holds.
fn selects(selector: &NodeSelector, node: &Node) -> Result<bool, String> {
    let mut any = false;
    for term in &selector.node_selector_terms {
        any |= term_holds(term, node)?;
    }
    Ok(any)
}

fn term_holds(term: &NodeSelectorTerm, node: &Node) -> Result<bool, String> {
    // A term that says nothing selects nothing.
    let mut all = !(term.match_expressions.is_empty() && term.match_fields.is_empty());
    for requirement in &term.match_expressions {
        all &= label_holds(requirement, node)?;
    }
    for requirement in &term.match_fields {
        let holds = field_holds(requirement, node)?;
        // Upstream does not look at fields of a node without a name.
        all &= holds || node.metadata.name.is_empty();
    }
    Ok(all)
}

fn label_holds(requirement: &NodeSelectorRequirement, node: &Node) -> Result<bool, String> {
    let NodeSelectorRequirement {
        key,
        operator,
        values,
    } = requirement;
    if !is_label_key(key) {
        return Err(format!("{key:?} is no label key"));
    }
    let label = node.metadata.labels.get(key);
    let is_among = || label.is_some_and(|label| values.contains(label));
    let holds = match operator.as_str() {
        "In" | "NotIn" if values.is_empty() => {
            return Err(format!("{operator} of {key} needs values"));
        }
        "Exists" | "DoesNotExist" if !values.is_empty() => {
            return Err(format!("{operator} of {key} takes no values"));
        }
        "In" => is_among(),
        "NotIn" => !is_among(),
        "Exists" => label.is_some(),
        "DoesNotExist" => label.is_none(),
        "Gt" | "Lt" => {
            let [bound] = values.as_slice() else {
                return Err(format!("{operator} of {key} needs one value"));
            };
            let bound: i64 = bound
                .parse()
                .map_err(|_| format!("{operator} of {key} needs an integer"))?;
            let actual = label.and_then(|label| label.parse::<i64>().ok());
            actual.is_some_and(|actual| {
                if operator == "Gt" {
                    actual > bound
                } else {
                    actual < bound
                }
            })
        }
        _ => return Err(format!("unknown operator {operator:?} of {key}")),
    };
    match values.iter().find(|value| !is_label_value(value)) {
        Some(value) => Err(format!("{value:?} is no label value")),
        None => Ok(holds),
    }
}

fn field_holds(requirement: &NodeSelectorRequirement, node: &Node) -> Result<bool, String> {
    let [value] = requirement.values.as_slice() else {
        return Err(format!("field {} needs one value", requirement.key));
    };
    let actual = match requirement.key.as_str() {
        "metadata.name" => node.metadata.name.as_str(),
        _ => "",
    };
    match requirement.operator.as_str() {
        "In" => Ok(actual == value),
        "NotIn" => Ok(actual != value),
        other => Err(format!("unknown operator {other:?} of a field")),
    }
}

fn is_label_key(key: &str) -> bool {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    let dns = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let prefix_is_fine = prefix.is_none_or(|prefix| {
        prefix.len() <= 253
            && prefix.split('.').all(|part| {
                part.starts_with(dns)
                    && part.ends_with(dns)
                    && part.chars().all(|c| dns(c) || c == '-')
            })
    });
    prefix_is_fine && !name.is_empty() && is_label_value(name)
}

fn is_label_value(value: &str) -> bool {
    let edge = |c: char| c.is_ascii_alphanumeric();
    value.is_empty()
        || value.len() <= 63
            && value.starts_with(edge)
            && value.ends_with(edge)
            && value.chars().all(|c| edge(c) || "-_.".contains(c))
}
