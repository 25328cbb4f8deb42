//! Node selectors: which nodes a slice, a device or an allocation can be used on.
//!
//! A selector that cannot be parsed is an error on every node, even where another term would match. Start at
//! [`NodeSelector::parse`] and [`node_matches`].

use thin_vec::thin_vec;

use crate::wire::core::{
    Node, NodeSelector as Document, NodeSelectorRequirement, NodeSelectorTerm,
};

/// The selector of a single node, as allocations have it.
pub fn only_node(name: &str) -> Document {
    let requirement = NodeSelectorRequirement {
        key: "metadata.name".to_owned(),
        operator: "In".to_owned(),
        values: vec![name.to_owned()],
    };
    Document {
        node_selector_terms: thin_vec![NodeSelectorTerm {
            match_fields: vec![requirement],
            ..NodeSelectorTerm::default()
        }],
    }
}

/// A parsed node selector: terms of which one must hold.
#[derive(Clone, Debug)]
pub struct NodeSelector<'a> {
    terms: Vec<&'a NodeSelectorTerm>,
}

impl<'a> NodeSelector<'a> {
    /// Checks all terms; the error lists everything that is wrong with them.
    pub fn parse(document: &'a Document) -> Result<Self, String> {
        let mut problems = Vec::new();
        let mut terms = Vec::new();
        for (index, term) in document.node_selector_terms.iter().enumerate() {
            if !asks(term) {
                continue;
            }
            let path = format!("nodeSelectorTerms[{index}]");
            for (index, requirement) in term.match_expressions.iter().enumerate() {
                check_expression(
                    &format!("{path}.matchExpressions[{index}]"),
                    requirement,
                    &mut problems,
                );
            }
            for (index, requirement) in term.match_fields.iter().enumerate() {
                check_field(
                    &format!("{path}.matchFields[{index}]"),
                    requirement,
                    &mut problems,
                );
            }
            terms.push(term);
        }
        match problems.len() {
            0 => Ok(Self { terms }),
            1 => Err(problems.remove(0)),
            _ => Err(format!("[{}]", problems.join(", "))),
        }
    }

    /// Whether one of the terms holds for the node.
    pub fn matches(&self, node: &Node) -> bool {
        self.terms.iter().any(|term| term_holds(term, node))
    }
}

/// Whether the term has requirements; one without matches nothing.
fn asks(term: &NodeSelectorTerm) -> bool {
    !term.match_expressions.is_empty() || !term.match_fields.is_empty()
}

fn term_holds(term: &NodeSelectorTerm, node: &Node) -> bool {
    let mut expressions = term.match_expressions.iter();
    expressions.all(|requirement| expression_holds(requirement, node))
        && (node.metadata.name.is_empty()
            || term
                .match_fields
                .iter()
                .all(|requirement| field_holds(requirement, node)))
}

/// Whether a node is meant by the three ways to say it; the name goes first, then "all", then the selector.
pub fn node_matches(
    node: &Node,
    node_name: Option<&str>,
    all_nodes: Option<bool>,
    selector: Option<&Document>,
) -> Result<bool, String> {
    match (node_name.unwrap_or_default(), all_nodes, selector) {
        ("", Some(true), _) => Ok(true),
        ("", _, None) => Ok(false),
        ("", _, Some(selector)) => {
            let parsed = NodeSelector::parse(selector).map_err(|error| {
                let text = serde_json::to_string(selector).unwrap_or_default();
                format!("failed to parse node selector {text}: {error}")
            })?;
            Ok(parsed.matches(node))
        }
        (name, _, _) => Ok(node.metadata.name == name),
    }
}

/// As [`node_matches`], for what names no node and has no selector or one that was parsed before.
pub fn valid_matches(node: &Node, all_nodes: Option<bool>, selector: Option<&Document>) -> bool {
    all_nodes == Some(true)
        || selector.is_some_and(|selector| {
            let terms = selector.node_selector_terms.iter();
            terms
                .filter(|term| asks(term))
                .any(|term| term_holds(term, node))
        })
}

fn check_expression(path: &str, requirement: &NodeSelectorRequirement, problems: &mut Vec<String>) {
    let NodeSelectorRequirement {
        key,
        operator,
        values,
    } = requirement;
    let mut problem =
        |field: &str, text: &str| problems.push(format!("{path}.{field}: Invalid value: {text}"));
    match operator.as_str() {
        "In" | "NotIn" | "Exists" | "DoesNotExist" | "Gt" | "Lt" => {}
        _ => {
            problems.push(format!(
                "{path}.operator: Unsupported value: {operator:?}: supported values: \"DoesNotExist\", \"Exists\", \"Gt\", \"In\", \"Lt\", \"NotIn\""
            ));
            return;
        }
    }
    if !is_label_key(key) {
        problem("key", &format!("{key:?}: must be a qualified name"));
    }
    match operator.as_str() {
        "In" | "NotIn" if values.is_empty() => {
            problem(
                "values",
                "[]: for 'in', 'notin' operators, values set can't be empty",
            );
        }
        "Exists" | "DoesNotExist" if !values.is_empty() => {
            problem(
                "values",
                &format!("{values:?}: values set must be empty for exists and does not exist"),
            );
        }
        "Gt" | "Lt" if values.len() != 1 => {
            problem(
                "values",
                &format!("{values:?}: for 'Gt', 'Lt' operators, exactly one value is required"),
            );
        }
        "Gt" | "Lt" if values[0].parse::<i64>().is_err() => {
            problem(
                "values[0]",
                &format!(
                    "{:?}: for 'Gt', 'Lt' operators, the value must be an integer",
                    values[0]
                ),
            );
        }
        _ => {}
    }
    for (index, value) in values.iter().enumerate() {
        if !is_label_value(value) {
            problem(
                &format!("values[{index}][{key}]"),
                &format!("{value:?}: must be a label value"),
            );
        }
    }
}

fn check_field(path: &str, requirement: &NodeSelectorRequirement, problems: &mut Vec<String>) {
    let values = &requirement.values;
    match requirement.operator.as_str() {
        "In" | "NotIn" if values.len() == 1 => {}
        "In" | "NotIn" => problems.push(format!(
            "{path}.values: Invalid value: {values:?}: must have one element"
        )),
        operator => problems.push(format!(
            "{path}.operator: Unsupported value: {operator:?}: supported values: \"In\", \"NotIn\""
        )),
    }
}

fn expression_holds(requirement: &NodeSelectorRequirement, node: &Node) -> bool {
    let label = node.metadata.labels.get(&requirement.key);
    let is_listed = label.is_some_and(|label| requirement.values.contains(label));
    let compared = || {
        let label: i64 = label?.parse().ok()?;
        let wanted: i64 = requirement.values.first()?.parse().ok()?;
        Some(label.cmp(&wanted))
    };
    match requirement.operator.as_str() {
        "In" => is_listed,
        "NotIn" => !is_listed,
        "Exists" => label.is_some(),
        "DoesNotExist" => label.is_none(),
        "Gt" => compared() == Some(std::cmp::Ordering::Greater),
        "Lt" => compared() == Some(std::cmp::Ordering::Less),
        _ => false,
    }
}

fn field_holds(requirement: &NodeSelectorRequirement, node: &Node) -> bool {
    let value = if requirement.key == "metadata.name" {
        node.metadata.name.as_str()
    } else {
        ""
    };
    let is_equal = requirement
        .values
        .first()
        .is_some_and(|wanted| wanted == value);
    is_equal == (requirement.operator == "In")
}

/// A qualified name: an optional DNS subdomain and a slash, then a name of at most 63 characters.
fn is_label_key(key: &str) -> bool {
    match key.split_once('/') {
        None => is_label_name(key),
        Some((domain, name)) => is_subdomain(domain) && is_label_name(name),
    }
}

fn is_label_value(value: &str) -> bool {
    value.is_empty() || is_label_name(value)
}

fn is_label_name(name: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let bytes = name.as_bytes();
    (1..=63).contains(&bytes.len())
        && bytes.iter().all(|b| inner(*b))
        && bytes[0].is_ascii_alphanumeric()
        && bytes[bytes.len() - 1].is_ascii_alphanumeric()
}

fn is_subdomain(domain: &str) -> bool {
    let is_label = |label: &str| {
        let bytes = label.as_bytes();
        !bytes.is_empty()
            && bytes
                .iter()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
            && bytes[0] != b'-'
            && bytes[bytes.len() - 1] != b'-'
    };
    domain.len() <= 253 && domain.split('.').all(is_label)
}
