//! From picks to an `AllocationResult`, exactly as the API wants it: devices, configuration, node selector.
//!
//! Start at [`build`].

use std::collections::BTreeMap;

use super::share::Shares;
use crate::feasibility::prepare::{Prepared, PreparedRequest, PreparedWish};
use crate::feasibility::view::View;
use crate::search::{Attempt, Pick};
use crate::wire::allocation::{
    AllocationResult, DeviceAllocationConfiguration, DeviceAllocationResult,
    DeviceRequestAllocationResult,
};
use crate::wire::core::{NodeSelector, NodeSelectorRequirement, NodeSelectorTerm};

/// The result of one claim of a solved attempt. An error is upstream's text and fatal.
pub(super) fn build(
    view: &View<'_>,
    attempt: &Attempt<'_, '_>,
    claim: usize,
    shares: &mut Shares<'_>,
) -> Result<AllocationResult, String> {
    let prepared = &attempt.claims[claim];
    let picks = &attempt.picks[claim];
    let mut ordinals: BTreeMap<String, usize> = BTreeMap::new();
    let results = picks
        .iter()
        .map(|pick| device_result(view, prepared, pick, &mut ordinals, shares))
        .collect();
    let node_selector = node_selector(view, picks).map_err(|error| {
        let claim = &prepared.claim.metadata.name;
        format!("create NodeSelector for claim {claim}: {error}")
    })?;
    Ok(AllocationResult {
        devices: DeviceAllocationResult {
            results,
            config: config(prepared),
        },
        node_selector,
        allocation_timestamp: None,
    })
}

/// Whether [`build`] will not fail.
pub(super) fn can_be_built(view: &View<'_>, picks: &[Pick]) -> bool {
    node_selector(view, picks).is_ok()
}

fn device_result(
    view: &View<'_>,
    prepared: &Prepared<'_>,
    pick: &Pick,
    ordinals: &mut BTreeMap<String, usize>,
    shares: &mut Shares<'_>,
) -> DeviceRequestAllocationResult {
    let viewed = &view.devices[pick.device];
    let wish = prepared.requests[pick.request].wishes[pick.alternative].wish;
    let (document, id, request) = (viewed.document(), viewed.id(), wish.reference());
    let ordinal = ordinals.entry(request.clone()).or_default();
    let share_id = pick.share.is_some().then(|| {
        let share_id = shares.id(prepared.claim, &request, *ordinal, id);
        *ordinal += 1;
        share_id
    });
    let conditions = |list: &Option<Vec<String>>| {
        let list = list
            .as_ref()
            .filter(|_| view.features.device_binding_and_status);
        list.cloned().unwrap_or_default()
    };
    let skipped = &viewed.slice.document().spec.skip_node_operations;
    DeviceRequestAllocationResult {
        request,
        driver: id.driver.to_string(),
        pool: id.pool.to_string(),
        device: id.device.to_string(),
        admin_access: wish.is_admin().then_some(true),
        tolerations: wish.tolerations.to_vec(),
        binding_conditions: conditions(&document.binding_conditions),
        binding_failure_conditions: conditions(&document.binding_failure_conditions),
        share_id,
        consumed_capacity: pick.share.clone().filter(|amounts| !amounts.is_empty()),
        skip_node_operations: if view.features.is_experimental() {
            skipped.clone()
        } else {
            Vec::new()
        },
        compatibility_groups: None,
    }
}

fn chosen<'p, 'a>(request: &'p PreparedRequest<'a>) -> &'p PreparedWish<'a> {
    &request.wishes[request.chosen]
}

/// Configuration of classes first, then of the claim; an entry that is for all requests names none.
fn config(prepared: &Prepared<'_>) -> Vec<DeviceAllocationConfiguration> {
    let mut entries = class_config(prepared);
    for config in &prepared.claim.spec.devices.config {
        let is_used = prepared
            .requests
            .iter()
            .any(|request| chosen(request).wish.is_named_in(&config.requests));
        if config.requests.is_empty() || is_used {
            entries.push(DeviceAllocationConfiguration {
                source: "FromClaim".to_owned(),
                requests: config.requests.clone(),
                opaque: config.opaque.clone(),
            });
        }
    }
    for entry in &mut entries {
        let is_for =
            |request: &PreparedRequest<'_>| chosen(request).wish.is_named_in(&entry.requests);
        if prepared.requests.iter().all(is_for) {
            entry.requests.clear();
        }
    }
    entries
}

/// The configuration of each class once, with all requests of the class.
fn class_config(prepared: &Prepared<'_>) -> Vec<DeviceAllocationConfiguration> {
    let mut entries: Vec<DeviceAllocationConfiguration> = Vec::new();
    let mut ranges: BTreeMap<&str, std::ops::Range<usize>> = BTreeMap::new();
    for request in &prepared.requests {
        let wish = chosen(request);
        let reference = wish.wish.reference();
        if let Some(range) = ranges.get(wish.class.metadata.name.as_str()) {
            for entry in &mut entries[range.clone()] {
                entry.requests.push(reference.clone());
            }
            continue;
        }
        let start = entries.len();
        entries.extend(
            wish.class
                .spec
                .config
                .iter()
                .map(|config| DeviceAllocationConfiguration {
                    source: "FromClass".to_owned(),
                    requests: vec![reference.clone()],
                    opaque: config.opaque.clone(),
                }),
        );
        ranges.insert(&wish.class.metadata.name, start..entries.len());
    }
    entries
}

/// Where the picked devices can be used: on this node if one of them is bound to a node, else where all their node
/// selectors agree, else everywhere.
fn node_selector(view: &View<'_>, picks: &[Pick]) -> Result<Option<NodeSelector>, String> {
    let mut term = NodeSelectorTerm::default();
    for pick in picks {
        let viewed = &view.devices[pick.device];
        let (spec, device) = (&viewed.slice.document().spec, viewed.document());
        let (name, selector) = if spec.per_device_node_selection == Some(true) {
            (&device.node_name, &device.node_selector)
        } else {
            (&spec.node_name, &spec.node_selector)
        };
        if name.is_some() || device.binds_to_node == Some(true) {
            return Ok(Some(only_node(&view.node.metadata.name)));
        }
        let Some(selector) = selector else {
            continue;
        };
        match selector.node_selector_terms.as_slice() {
            [] => {}
            [only] => {
                merge(&mut term.match_fields, &only.match_fields);
                merge(&mut term.match_expressions, &only.match_expressions);
            }
            terms => {
                let count = terms.len();
                return Err(format!(
                    "unsupported ResourceSlice.NodeSelector with {count} terms"
                ));
            }
        }
    }
    let is_free = term.match_fields.is_empty() && term.match_expressions.is_empty();
    Ok((!is_free).then(|| NodeSelector {
        node_selector_terms: vec![term],
    }))
}

fn only_node(name: &str) -> NodeSelector {
    let requirement = NodeSelectorRequirement {
        key: "metadata.name".to_owned(),
        operator: "In".to_owned(),
        values: vec![name.to_owned()],
    };
    NodeSelector {
        node_selector_terms: vec![NodeSelectorTerm {
            match_fields: vec![requirement],
            ..NodeSelectorTerm::default()
        }],
    }
}

/// Adds the requirements that are not there yet; the order of values does not matter.
fn merge(into: &mut Vec<NodeSelectorRequirement>, from: &[NodeSelectorRequirement]) {
    let values = |requirement: &NodeSelectorRequirement| -> std::collections::BTreeSet<String> {
        requirement.values.iter().cloned().collect()
    };
    for requirement in from {
        let is_known = into.iter().any(|known| {
            known.key == requirement.key
                && known.operator == requirement.operator
                && values(known) == values(requirement)
        });
        if !is_known {
            into.push(requirement.clone());
        }
    }
}
