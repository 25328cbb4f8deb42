//! The judge: is this a legal allocation of these claims on this node?
//!
//! Looks at an answer from the other side than the search does: it takes the devices as given and replays them one
//! after the other, in the plainest code, against rules written a second time. It never chooses, never asks whether
//! another answer would have come first, and shares no code with `feasibility` and `search`. Legal means: upstream's
//! rules allow it, oddities included, so that every answer of upstream passes; each is named where it is followed.
//! Not judged: errors that upstream would have hit on devices or alternatives it tried in vain before this answer.
//! Start at [`judge`]; [`verify`] is the same for an inventory.

mod attributes;
mod capacity;
mod device;
mod nodes;
mod outcome;
mod pools;
mod proof;
mod replay;
mod selectors;
mod usage;
mod wish;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use crate::gates::Features;
use crate::inventory::{ClaimKey, Inventory};
use crate::wire::allocation::AllocationResult;
use crate::wire::claim::{DeviceClass, ResourceClaim};
use crate::wire::core::{Node, ObjectMeta};
use crate::wire::slice::{DeviceTaintRule, ResourceSlice};

pub use proof::check_proof;

/// What an answer is judged against, as plain documents.
#[derive(Clone, Debug)]
pub struct Documents<'a> {
    /// The node the devices are to be used on.
    pub node: &'a Node,
    /// All slices of the cluster (at least all slices of the pools that the node sees), sorted by name.
    pub slices: Vec<&'a ResourceSlice>,
    /// All classes.
    pub classes: Vec<&'a DeviceClass>,
    /// The taint rules; without effect if the gates say so.
    pub taint_rules: Vec<&'a DeviceTaintRule>,
    /// What other claims hold. The claims under judgement are to be left out.
    pub held: Vec<&'a AllocationResult>,
}

/// What kind of fault was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// A rule is broken.
    Illegal,
    /// Everything is legal, but stands in another order than upstream would have written.
    Order,
}

/// One thing that is wrong with an answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Objection {
    /// The claim, as `namespace/name`; empty when the answer as a whole is meant.
    pub claim: String,
    /// The field of the claim at fault, such as `status.allocation.devices.results[2].device`.
    pub field: String,
    /// What is wrong.
    pub text: String,
    /// What kind of fault it is.
    pub fault: Fault,
}

impl fmt::Display for Objection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in [&self.claim, &self.field] {
            if !part.is_empty() {
                write!(f, "{part}: ")?;
            }
        }
        f.write_str(&self.text)
    }
}

/// Judges the results for `claims` on a node of an inventory. What the claims themselves hold already is left out, so
/// that allocations made elsewhere can be judged, too. A node without a document is a bare node.
pub fn verify(
    inventory: &Inventory,
    node: &str,
    claims: &[Arc<ResourceClaim>],
    results: &[AllocationResult],
    features: Features,
) -> Result<(), Vec<Objection>> {
    let mut bare = Node::default();
    node.clone_into(&mut bare.metadata.name);
    let node = inventory.node(node).map_or(&bare, |known| known.as_ref());
    let own: BTreeSet<ClaimKey> = claims
        .iter()
        .map(|claim| ClaimKey::new(&claim.metadata.namespace, &claim.metadata.name))
        .collect();
    let mut held: Vec<&AllocationResult> = Vec::new();
    for other in inventory
        .held_claims()
        .filter(|held| !own.contains(&held.key))
    {
        held.push(&other.allocation);
    }
    let documents = Documents {
        node,
        slices: slices_of(inventory, &node.metadata.name),
        classes: inventory.classes().map(AsRef::as_ref).collect(),
        taint_rules: inventory.taint_rules().map(AsRef::as_ref).collect(),
        held,
    };
    let claims: Vec<&ResourceClaim> = claims.iter().map(AsRef::as_ref).collect();
    judge(&documents, &claims, results, features)
}

/// The slices that can matter for the node: its own, the shared ones, and all others of their pools.
pub(crate) fn slices_of<'a>(inventory: &'a Inventory, node: &str) -> Vec<&'a ResourceSlice> {
    let mut slices = BTreeMap::new();
    let near = inventory
        .slices_on_node(node)
        .chain(inventory.slices_shared());
    let pools: BTreeSet<_> = near.map(|slice| slice.pool()).collect();
    for slice in pools
        .into_iter()
        .flat_map(|pool| inventory.slices_of_pool(pool))
    {
        slices.insert(slice.name(), slice.document());
    }
    slices.into_values().collect()
}

/// Judges the results for `claims`, one result per claim in the same order, and says everything that is wrong.
pub fn judge(
    documents: &Documents<'_>,
    claims: &[&ResourceClaim],
    results: &[AllocationResult],
    features: Features,
) -> Result<(), Vec<Objection>> {
    let whole = |text: String| {
        vec![Objection {
            claim: String::new(),
            field: String::new(),
            text,
            fault: Fault::Illegal,
        }]
    };
    if claims.len() != results.len() {
        let (asked, got) = (claims.len(), results.len());
        return Err(whole(format!(
            "{asked} claims were asked for, {got} are allocated"
        )));
    }
    let pools = pools::gather(documents.node, &documents.slices, features).map_err(whole)?;
    let objections = replay::replay(documents, &pools, claims, results, features);
    if objections.is_empty() {
        Ok(())
    } else {
        Err(objections)
    }
}

/// `namespace/name`, or the name alone where there is no namespace.
fn key_of(metadata: &ObjectMeta) -> String {
    if metadata.namespace.is_empty() {
        metadata.name.clone()
    } else {
        format!("{}/{}", metadata.namespace, metadata.name)
    }
}
