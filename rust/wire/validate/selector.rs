//! Node selectors of slices, devices and allocations.

use super::{Check, Path, name};
use crate::wire::core::{NodeSelector, NodeSelectorRequirement};

/// A node selector; upstream takes a single term only.
pub(super) fn single_term(check: &mut Check, at: &Path<'_>, selector: &NodeSelector) {
    let terms = at.field("nodeSelectorTerms");
    if selector.node_selector_terms.len() != 1 {
        let count = selector.node_selector_terms.len();
        check.wrong(&terms, format!("has {count} terms, exactly one is allowed"));
    }
    for (index, term) in selector.node_selector_terms.iter().enumerate() {
        let term_at = terms.index(index);
        let expressions = term_at.field("matchExpressions");
        for (index, requirement) in term.match_expressions.iter().enumerate() {
            expression(check, &expressions.index(index), requirement);
        }
        let fields = term_at.field("matchFields");
        for (index, requirement) in term.match_fields.iter().enumerate() {
            field(check, &fields.index(index), requirement);
        }
    }
}

fn expression(check: &mut Check, at: &Path<'_>, requirement: &NodeSelectorRequirement) {
    check.required_name(&at.field("key"), &requirement.key, name::label_key);
    let known = ["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"];
    check.one_of(&at.field("operator"), &requirement.operator, &known);
    let (values, count) = (at.field("values"), requirement.values.len());
    match requirement.operator.as_str() {
        "In" | "NotIn" => {
            if count == 0 {
                check.wrong(&values, "is required with In and NotIn");
            }
            for (index, value) in requirement.values.iter().enumerate() {
                check.name(&values.index(index), value, name::label_value);
            }
        }
        "Exists" | "DoesNotExist" if count > 0 => {
            check.wrong(&values, "must be empty with Exists and DoesNotExist");
        }
        "Gt" | "Lt" if count != 1 => {
            check.wrong(&values, "must be exactly one with Gt and Lt");
        }
        _ => {}
    }
}

fn field(check: &mut Check, at: &Path<'_>, requirement: &NodeSelectorRequirement) {
    check.one_of(&at.field("key"), &requirement.key, &["metadata.name"]);
    check.one_of(
        &at.field("operator"),
        &requirement.operator,
        &["In", "NotIn"],
    );
    let values = at.field("values");
    match requirement.values.as_slice() {
        [value] => check.name(&values.index(0), value, name::subdomain),
        _ => check.wrong(&values, "must be exactly one"),
    }
}
