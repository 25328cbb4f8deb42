//! What a result must carry besides devices: configuration and node selector, computed afresh from the picks.
//!
//! Start at [`configuration`] and [`node_selector`].

use std::collections::BTreeSet;

use super::pools::Found;
use super::wish::Wish;
use thin_vec::thin_vec;

use crate::wire::allocation::DeviceAllocationConfiguration;
use crate::wire::claim::{DeviceClass, ResourceClaim};
use crate::wire::core::{NodeSelector, NodeSelectorRequirement, NodeSelectorTerm};

/// The configuration of a claim whose requests were served in these ways, one of `wishes` per request.
pub(super) fn configuration<'a>(
    claim: &ResourceClaim,
    wishes: &[Wish<'_>],
    class: impl Fn(&str) -> Option<&'a DeviceClass>,
) -> Vec<DeviceAllocationConfiguration> {
    let mut entries = Vec::new();
    let mut seen = BTreeSet::new();
    for name in wishes.iter().map(|wish| wish.class) {
        let config = class(name).map(|class| &class.spec.config);
        for config in config
            .into_iter()
            .flatten()
            .filter(|_| !seen.contains(name))
        {
            let users = wishes.iter().filter(|wish| wish.class == name);
            entries.push(DeviceAllocationConfiguration {
                source: "FromClass".to_owned(),
                requests: users.map(Wish::reference).collect(),
                opaque: config.opaque.clone(),
            });
        }
        seen.insert(name);
    }
    for config in &claim.spec.devices.config {
        let concerned =
            config.requests.is_empty() || wishes.iter().any(|w| w.is_named_in(&config.requests));
        if concerned {
            entries.push(DeviceAllocationConfiguration {
                source: "FromClaim".to_owned(),
                requests: config.requests.clone(),
                opaque: config.opaque.clone(),
            });
        }
    }
    for entry in &mut entries {
        // No list means all requests, so a list of all of them is left out.
        if wishes.iter().all(|wish| wish.is_named_in(&entry.requests)) {
            entry.requests.clear();
        }
    }
    entries
}

/// Where the picks of a claim can be used, if not everywhere. The error says why upstream would fail.
pub(super) fn node_selector(
    picks: &[Found<'_, '_>],
    node: &str,
) -> Result<Option<NodeSelector>, String> {
    let mut term = NodeSelectorTerm::default();
    for Found { slice, device, .. } in picks {
        let per_device = slice.spec.per_device_node_selection == Some(true);
        let (name, selector) = if per_device {
            (&device.node_name, &device.node_selector)
        } else {
            (&slice.spec.node_name, &slice.spec.node_selector)
        };
        if name.is_some() || device.binds_to_node == Some(true) {
            return Ok(Some(only(node)));
        }
        match selector.as_ref().map(|s| s.node_selector_terms.as_slice()) {
            None | Some([]) => {}
            Some([more]) => {
                merge(&mut term.match_fields, &more.match_fields);
                merge(&mut term.match_expressions, &more.match_expressions);
            }
            Some(terms) => {
                let count = terms.len();
                return Err(format!(
                    "a slice's node selector has {count} terms, one is allowed"
                ));
            }
        }
    }
    let anywhere = term == NodeSelectorTerm::default();
    Ok((!anywhere).then(|| NodeSelector {
        node_selector_terms: thin_vec![term],
    }))
}

fn only(node: &str) -> NodeSelector {
    NodeSelector {
        node_selector_terms: thin_vec![NodeSelectorTerm {
            match_fields: vec![NodeSelectorRequirement {
                key: "metadata.name".to_owned(),
                operator: "In".to_owned(),
                values: vec![node.to_owned()],
            }],
            ..NodeSelectorTerm::default()
        }],
    }
}

/// Adds the requirements that are not there yet; values are compared as sets.
fn merge(into: &mut Vec<NodeSelectorRequirement>, more: &[NodeSelectorRequirement]) {
    let set = |r: &NodeSelectorRequirement| r.values.iter().cloned().collect::<BTreeSet<_>>();
    for new in more {
        let known = into
            .iter()
            .any(|old| old.key == new.key && old.operator == new.operator && set(old) == set(new));
        if !known {
            into.push(new.clone());
        }
    }
}
