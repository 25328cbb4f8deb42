//! The judge of proofs: does the proof really show that these claims have no place on this node?
//!
//! Works out every candidate and every number by itself, from the judge's own checks, under the assumptions of the
//! cases that enclose a fact. Never looks for a proof, never searches where the proof does not say that a search was
//! needed, and shares no code with `refute`. Whatever is wrong with a proof is said; nothing panics. What each fact
//! means is said in [`crate::proof`]. Start at [`check_proof`].

mod cases;
mod checks;
mod exhaust;
mod facts;
mod packing;
mod problem;
mod state;
mod sum;

use std::collections::BTreeSet;

use super::replay::Replay;
use super::{Documents, pools, slices_of};
use crate::gates::Features;
use crate::inventory::{DeviceId, Inventory};
use crate::proof::Proof;
use crate::wire::allocation::AllocationResult;
use crate::wire::claim::ResourceClaim;
use checks::Checks;
use problem::Problem;
use state::State;

/// Checks a proof that the claims, which hold nothing yet, have no place on the node. `excluded` are devices that count
/// as held. Says everything that is wrong.
pub fn check_proof(
    inventory: &Inventory,
    node: &str,
    claims: &[&ResourceClaim],
    excluded: &BTreeSet<DeviceId>,
    features: Features,
    proof: &Proof,
) -> Result<(), Vec<String>> {
    let node = &*inventory.node_or_bare(node);
    let held: Vec<&AllocationResult> = inventory
        .held_claims()
        .map(|held| &*held.allocation)
        .collect();
    let documents = Documents {
        node,
        slices: slices_of(inventory, &node.metadata.name),
        classes: inventory.classes().map(AsRef::as_ref).collect(),
        taint_rules: inventory.taint_rules().map(AsRef::as_ref).collect(),
        held,
    };
    let pools = pools::gather(node, &documents.slices, features).map_err(|text| vec![text])?;
    let start = || {
        let mut replay = Replay::new(&documents, &pools, features);
        replay.check_all_wishes(claims);
        replay
    };
    let replay = start();
    if !replay.objections.is_empty() {
        // Upstream fails on these claims, which is another answer than "no".
        let texts = replay.objections.iter().map(ToString::to_string);
        return Err(texts.collect());
    }
    let checks = Checks {
        replay: &replay,
        excluded,
    };
    let problem = Problem::new(checks, claims);
    let faults = match proof {
        Proof::Exhausted { steps } => {
            let searched = exhaust::exhaust(&problem, &mut start(), *steps);
            searched.err().into_iter().collect()
        }
        _ => match &problem.is_odd {
            Some(text) => vec![text.clone()],
            None => cases::check(&State::new(&problem), proof, 0),
        },
    };
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults)
    }
}
