//! From answers back to inventories: committing, and judging what is held.
//!
//! Whatever was found on another snapshot, or by another scheduler, goes through [`crate::verify`] first. Never
//! searches by itself. Start at [`Inventory::commit`].

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use crate::allocation::{Answer, ClaimAllocation};
use crate::claim::key;
use crate::error::InputError;
use crate::gates::Features;
use crate::inventory::selector::NodeSelector;
use crate::inventory::{CallerData, ClaimKey, Held, Inventory, Position};
use crate::verify::{self, Documents, Fault, Objection};
use crate::wire::allocation::AllocationResult;
use crate::wire::claim::ResourceClaim;

/// An answer that cannot be committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    objections: Vec<String>,
}

impl Conflict {
    fn new(objection: String) -> Self {
        Self {
            objections: vec![objection],
        }
    }

    /// What stands against it, one sentence each; never empty.
    pub fn objections(&self) -> &[String] {
        &self.objections
    }
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.objections.join("; "))
    }
}

impl std::error::Error for Conflict {}

impl Inventory {
    /// The inventory in which the answer's claims hold what they were given.
    ///
    /// An answer made on another snapshot is judged again here; committing one twice changes nothing.
    pub fn commit(&self, answer: &Answer) -> Result<Self, Conflict> {
        if !answer.is_placed() {
            return Err(Conflict::new("the answer has placed nothing".to_owned()));
        }
        let given: Vec<(&ClaimAllocation, &Arc<ResourceClaim>)> =
            answer.allocations().iter().zip(&answer.documents).collect();
        if !answer.is_made_on(self) {
            self.recheck(answer, &given)?;
        }
        let mut next = self.clone();
        next.take_all(given, None, &mut Vec::new(), &mut Vec::new())?;
        Ok(next)
    }

    /// Holds what the claims are given, in this snapshot itself; nothing of it on a conflict. Adds what is held now that
    /// was not before, and the nodes for which what is held is another then; most likely it is the one `near`.
    pub(crate) fn take_all<'g>(
        &mut self,
        given: impl IntoIterator<Item = (&'g ClaimAllocation, &'g Arc<ResourceClaim>)>,
        near: Option<Position>,
        taken: &mut Vec<Arc<Held>>,
        changed: &mut Vec<Position>,
    ) -> Result<(), Conflict> {
        let before = taken.len();
        for (claim, document) in given {
            match self.holds_already(claim) {
                Ok(true) => continue,
                Ok(false) => {}
                Err(conflict) => {
                    for held in taken.drain(before..) {
                        self.give_back(&held.key);
                    }
                    return Err(conflict);
                }
            }
            let held = Arc::new(Held {
                key: claim.key.clone(),
                uid: claim.uid.clone(),
                allocation: Arc::clone(&claim.allocation),
                reserved_for: document.status.reserved_for.clone(),
                caller: CallerData::default(),
                unconfirmed: true,
            });
            self.take_anew(Arc::clone(&held), near, changed);
            taken.push(held);
        }
        Ok(())
    }

    /// Whether the claim holds just what it is given. Whatever else its name holds is a conflict.
    fn holds_already(&self, claim: &ClaimAllocation) -> Result<bool, Conflict> {
        let Some(held) = self.held(&claim.key) else {
            return Ok(false);
        };
        if held.uid != claim.uid && !held.uid.is_empty() && !claim.uid.is_empty() {
            let text = format!("claim {} is another object now", claim.key);
            return Err(Conflict::new(text));
        }
        if held.allocation != claim.allocation {
            let text = format!("claim {} holds other devices now", claim.key);
            return Err(Conflict::new(text));
        }
        Ok(true)
    }

    fn recheck(
        &self,
        answer: &Answer,
        given: &[(&ClaimAllocation, &Arc<ResourceClaim>)],
    ) -> Result<(), Conflict> {
        let (mut claims, mut results) = (Vec::new(), Vec::new());
        for (claim, document) in given {
            let known = self.claim(&claim.key);
            if known.is_none() && answer.inventory.claim(&claim.key).is_some() {
                return Err(Conflict::new(format!("claim {} is gone", claim.key)));
            }
            let now = known.unwrap_or(document);
            if now.metadata.uid != claim.uid
                && !now.metadata.uid.is_empty()
                && !claim.uid.is_empty()
            {
                return Err(Conflict::new(format!(
                    "claim {} is another object now",
                    claim.key
                )));
            }
            if !self.holds_already(claim)? {
                claims.push(now.as_ref());
                results.push(AllocationResult::clone(&claim.allocation));
            }
        }
        if claims.is_empty() {
            return Ok(());
        }
        let objections = self.judge(&answer.node, &claims, &results, answer.features);
        if objections.is_empty() {
            return Ok(());
        }
        Err(Conflict {
            objections: objections.iter().map(ToString::to_string).collect(),
        })
    }

    /// What stands against these results for these claims on a node, everything else that is held staying held.
    pub fn judge(
        &self,
        node: &str,
        claims: &[&ResourceClaim],
        results: &[AllocationResult],
        features: Features,
    ) -> Vec<Objection> {
        let judged: BTreeSet<ClaimKey> = claims.iter().map(|claim| key(claim)).collect();
        let node = &self.node_or_bare(node);
        let documents = Documents {
            node,
            slices: verify::slices_of(self, &node.metadata.name),
            classes: self.classes().map(AsRef::as_ref).collect(),
            taint_rules: self.taint_rules().map(AsRef::as_ref).collect(),
            held: self
                .held_claims()
                .filter(|held| !judged.contains(&held.key))
                .map(|held| &*held.allocation)
                .collect(),
        };
        let mut objections = verify::judge(&documents, claims, results, features)
            .err()
            .unwrap_or_default();
        objections.retain(|objection| objection.fault == Fault::Illegal);
        objections
    }

    /// Judges what a claim holds, whoever allocated it: on the node given, else on the nodes that the allocation
    /// allows, of which one has to do. Empty when it is legal.
    pub fn verify_held(
        &self,
        claim: &ClaimKey,
        node: Option<&str>,
        features: Features,
    ) -> Result<Vec<Objection>, InputError> {
        let about = || format!("ResourceClaim {claim}");
        let document = self
            .claim(claim)
            .ok_or_else(|| InputError::new(about(), "", "is not in the inventory"))?;
        let held = self
            .held(claim)
            .ok_or_else(|| InputError::new(about(), "status.allocation", "holds nothing"))?;
        let nodes = match node {
            Some(node) => vec![node.to_owned()],
            None => self.usable_nodes(&held.allocation).map_err(|error| {
                InputError::new(about(), "status.allocation.nodeSelector", error)
            })?,
        };
        let mut first = None;
        for node in nodes {
            let results = std::slice::from_ref(&*held.allocation);
            let objections = self.judge(&node, &[document], results, features);
            if objections.is_empty() {
                return Ok(objections);
            }
            first.get_or_insert(objections);
        }
        Ok(first.unwrap_or_else(|| {
            vec![Objection {
                claim: claim.to_string(),
                field: "status.allocation.nodeSelector".to_owned(),
                text: "allows none of the known nodes".to_owned(),
                fault: Fault::Illegal,
            }]
        }))
    }

    fn usable_nodes(&self, allocation: &AllocationResult) -> Result<Vec<String>, String> {
        let mut nodes = self.node_names();
        let Some(selector) = &allocation.node_selector else {
            return Ok(nodes);
        };
        let parsed = NodeSelector::parse(selector)?;
        // A node that only the selector names has no document.
        let fields = selector
            .node_selector_terms
            .iter()
            .flat_map(|term| &term.match_fields);
        nodes.extend(fields.flat_map(|field| field.values.iter().cloned()));
        nodes.sort();
        nodes.dedup();
        nodes.retain(|name| parsed.matches(&self.node_or_bare(name)));
        Ok(nodes)
    }
}
