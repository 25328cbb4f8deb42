//! From picks to an `AllocationResult`, exactly as the API wants it: devices, configuration, node selector.
//!
//! Start at [`build`].

use std::collections::BTreeMap;
use std::sync::Arc;

use smallvec::SmallVec;
use thin_vec::{ThinVec, thin_vec};

use super::share::Shares;
use crate::claim::Wish;
use crate::gates::Features;
use crate::inventory::selector::only_node;
use crate::inventory::{Inventory, Layout, NodeRow, Place};
use crate::search::{Attempt, Pick};
use crate::wire::allocation::{
    AllocationResult, DeviceAllocationConfiguration, DeviceAllocationResult,
    DeviceRequestAllocationResult,
};
use crate::wire::claim::{DeviceClass, DeviceClassConfiguration, ResourceClaim};
use crate::wire::core::{NodeSelector, NodeSelectorRequirement, NodeSelectorTerm};

/// What a search has found, in positions: on nodes that are equal but for names it means the devices there. Mostly that
/// is one device of one claim, which takes no allocation.
#[derive(Debug)]
pub(super) struct Solution {
    /// By claim.
    claims: SmallVec<[Picked; 1]>,
}

/// What a claim gets.
#[derive(Debug)]
pub(super) struct Picked {
    /// By request the alternative that was chosen.
    chosen: SmallVec<[usize; 2]>,
    picks: SmallVec<[Pick; 1]>,
}

impl Solution {
    pub(super) fn of(attempt: &Attempt<'_>) -> Self {
        let claims = attempt.claims.iter().zip(&attempt.picks);
        let claims = claims.map(|(claim, picks)| Picked {
            chosen: claim
                .requests
                .iter()
                .map(|request| request.chosen)
                .collect(),
            picks: picks.iter().cloned().collect(),
        });
        Self {
            claims: claims.collect(),
        }
    }

    /// The same picks, of other devices.
    pub(super) fn moved(&self, to: impl Fn(usize) -> usize) -> Self {
        let moved = |pick: &Pick| Pick {
            device: to(pick.device),
            ..pick.clone()
        };
        let claims = self.claims.iter().map(|claim| Picked {
            chosen: claim.chosen.clone(),
            picks: claim.picks.iter().map(moved).collect(),
        });
        Self {
            claims: claims.collect(),
        }
    }

    /// By claim, of those that were asked for.
    pub(super) fn claims(&self) -> &[Picked] {
        &self.claims
    }

    /// How many devices it takes.
    pub(super) fn devices(&self) -> usize {
        self.claims.iter().map(|claim| claim.picks.len()).sum()
    }

    /// Whether [`build`] will not fail.
    pub(super) fn can_be_built(&self, site: &Site<'_>) -> bool {
        let mut claims = self.claims.iter();
        claims.all(|claim| reach(site, &claim.picks).is_ok())
    }
}

/// Where devices were found.
pub(super) struct Site<'s> {
    pub(super) inventory: &'s Inventory,
    pub(super) node: &'s str,
    /// The node in the table of the inventory, where that is at hand.
    pub(super) row: Option<&'s NodeRow>,
    pub(super) layout: &'s Layout,
    pub(super) features: Features,
}

/// How a request is served.
struct Served<'a> {
    wish: Wish<'a>,
    class: Option<&'a DeviceClass>,
}

impl Served<'_> {
    fn class_config(&self) -> &[DeviceClassConfiguration] {
        self.class.map_or(&[], |class| &class.spec.config)
    }
}

/// The result of one claim. An error is upstream's text and fatal.
pub(super) fn build(
    site: &Site<'_>,
    claim: &ResourceClaim,
    picked: &Picked,
    shares: &mut Shares<'_>,
) -> Result<AllocationResult, String> {
    let requests = claim.spec.devices.requests.iter().zip(&picked.chosen);
    let served = requests.filter_map(|(request, alternative)| {
        let wish = Wish::nth(request, *alternative)?;
        let class = site.inventory.class(wish.class).map(AsRef::as_ref);
        Some(Served { wish, class })
    });
    let served: Vec<Served<'_>> = served.collect();
    let mut ordinals: BTreeMap<String, usize> = BTreeMap::new();
    let results = picked.picks.iter().filter_map(|pick| {
        let place = site.layout.place(pick.device)?;
        let wish = &served.get(pick.request)?.wish;
        let mut share_id = || {
            let request = wish.reference();
            let ordinal = ordinals.entry(request.clone()).or_default();
            let id = place.slice.device_id(place.index);
            *ordinal += 1;
            shares.id(claim, &request, *ordinal - 1, &id)
        };
        let share_id = pick.share.is_some().then(&mut share_id);
        Some(device_result(site, place, wish, pick, share_id))
    });
    let mut devices = Vec::with_capacity(picked.picks.len());
    devices.extend(results);
    let node_selector = node_selector(site, &picked.picks).map_err(|error| {
        let claim = &claim.metadata.name;
        format!("create NodeSelector for claim {claim}: {error}")
    })?;
    Ok(AllocationResult {
        devices: DeviceAllocationResult {
            results: devices,
            config: config(claim, &served),
        },
        node_selector,
        allocation_timestamp: None,
    })
}

fn device_result(
    site: &Site<'_>,
    place: Place<'_>,
    wish: &Wish<'_>,
    pick: &Pick,
    share_id: Option<String>,
) -> DeviceRequestAllocationResult {
    let spec = &place.slice.document().spec;
    let document = &spec.devices[place.index];
    let conditions = |list: &Option<ThinVec<String>>| {
        let list = list
            .as_ref()
            .filter(|_| site.features.device_binding_and_status);
        list.map_or_else(Vec::new, |list| list.to_vec())
    };
    DeviceRequestAllocationResult {
        request: wish.reference(),
        driver: spec.driver.clone(),
        pool: spec.pool.name.clone(),
        device: document.name.clone(),
        admin_access: wish.is_admin().then_some(true),
        tolerations: wish.tolerations.to_vec(),
        binding_conditions: conditions(&document.binding_conditions),
        binding_failure_conditions: conditions(&document.binding_failure_conditions),
        share_id,
        consumed_capacity: pick.share.clone().filter(|amounts| !amounts.is_empty()),
        skip_node_operations: if site.features.is_experimental() {
            spec.skip_node_operations.clone()
        } else {
            Vec::new()
        },
        compatibility_groups: None,
    }
}

/// Configuration of classes first, then of the claim; an entry that is for all requests names none.
fn config(claim: &ResourceClaim, served: &[Served<'_>]) -> Vec<DeviceAllocationConfiguration> {
    let mut entries = class_config(served);
    for config in &claim.spec.devices.config {
        let is_used = served
            .iter()
            .any(|served| served.wish.is_named_in(&config.requests));
        if config.requests.is_empty() || is_used {
            entries.push(DeviceAllocationConfiguration {
                source: "FromClaim".to_owned(),
                requests: config.requests.clone(),
                opaque: config.opaque.clone(),
            });
        }
    }
    for entry in &mut entries {
        let is_for = |served: &Served<'_>| served.wish.is_named_in(&entry.requests);
        if served.iter().all(is_for) {
            entry.requests.clear();
        }
    }
    entries
}

/// The configuration of each class once, with all requests of the class.
fn class_config(served: &[Served<'_>]) -> Vec<DeviceAllocationConfiguration> {
    let mut entries: Vec<DeviceAllocationConfiguration> = Vec::new();
    if served.iter().all(|served| served.class_config().is_empty()) {
        return entries;
    }
    let mut ranges: BTreeMap<&str, std::ops::Range<usize>> = BTreeMap::new();
    for served in served {
        let wish = &served.wish;
        if let Some(range) = ranges.get(wish.class) {
            for entry in &mut entries[range.clone()] {
                entry.requests.push(wish.reference());
            }
            continue;
        }
        let start = entries.len();
        entries.extend(
            served
                .class_config()
                .iter()
                .map(|config| DeviceAllocationConfiguration {
                    source: "FromClass".to_owned(),
                    requests: vec![wish.reference()],
                    opaque: config.opaque.clone(),
                }),
        );
        ranges.insert(wish.class, start..entries.len());
    }
    entries
}

/// Where devices can be used.
enum Reach {
    /// On the node they were found for.
    Node,
    /// Where this holds; everywhere if it asks for nothing.
    Term(NodeSelectorTerm),
}

/// What the API has for [`reach`].
fn node_selector(site: &Site<'_>, picks: &[Pick]) -> Result<Option<Arc<NodeSelector>>, String> {
    Ok(match reach(site, picks)? {
        Reach::Node => Some(match site.row {
            Some(row) => Arc::clone(row.only_node()),
            None => Arc::new(only_node(site.node)),
        }),
        Reach::Term(term) => {
            let is_free = term.match_fields.is_empty() && term.match_expressions.is_empty();
            let selector = |term| NodeSelector {
                node_selector_terms: thin_vec![term],
            };
            (!is_free).then(|| Arc::new(selector(term)))
        }
    })
}

/// Where the picked devices can be used: on this node if one of them is bound to a node, else where all their node
/// selectors agree, else everywhere.
fn reach(site: &Site<'_>, picks: &[Pick]) -> Result<Reach, String> {
    let mut term = NodeSelectorTerm::default();
    for place in picks
        .iter()
        .filter_map(|pick| site.layout.place(pick.device))
    {
        let spec = &place.slice.document().spec;
        let device = &spec.devices[place.index];
        let (name, selector) = if spec.per_device_node_selection == Some(true) {
            (&device.node_name, &device.node_selector)
        } else {
            (&spec.node_name, &spec.node_selector)
        };
        if name.is_some() || device.binds_to_node == Some(true) {
            return Ok(Reach::Node);
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
    Ok(Reach::Term(term))
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
