//! What is asked: claims or a pod, on which nodes, and which document each claim comes from.
//!
//! Start at [`Question`].

use std::sync::Arc;

use super::Options;
use super::documents::Documents;
use crate::allocation::{Answer, allocate_each, allocate_pod_each};
use crate::claim::{Wish, key};
use crate::error::InputError;
use crate::extended::CLAIM_ANNOTATION;
use crate::gates::Features;
use crate::inventory::{ClaimKey, Inventory};
use crate::pod::POD_CLAIM_ANNOTATION;
use crate::wire::claim::ResourceClaim;

/// For what devices are asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// These claims, in order.
    Claims(Vec<Arc<ResourceClaim>>),
    /// The claims of a pod of the inventory.
    Pod(ClaimKey),
}

/// A question, as it was put.
pub(super) struct Question<'a> {
    pub(super) inventory: &'a Inventory,
    pub(super) nodes: &'a [String],
    pub(super) asked: &'a Asked,
    pub(super) options: &'a Options<'a>,
}

/// A claim and the document to edit if it is to change.
pub(super) struct Origin {
    /// The claim; one of several equal ones if they are made of one template.
    pub(super) claim: Arc<ResourceClaim>,
    /// All claims that change with the document.
    pub(super) claims: Vec<ClaimKey>,
    /// Kind and name of the document.
    pub(super) document: String,
    /// Path to the part that holds requests and constraints.
    pub(super) path: &'static str,
}

impl Question<'_> {
    /// The answer of each node.
    pub(super) fn answers(&self) -> Result<Vec<Answer>, InputError> {
        let options = &self.options.allocation;
        match self.asked {
            Asked::Claims(claims) => Ok(allocate_each(self.inventory, self.nodes, claims, options)),
            Asked::Pod(pod) => allocate_pod_each(self.inventory, self.nodes, pod, options),
        }
    }

    /// The claims as far as they do not depend on the node.
    pub(super) fn claims(&self) -> Result<Vec<Arc<ResourceClaim>>, InputError> {
        match self.asked {
            Asked::Claims(claims) => Ok(claims.clone()),
            Asked::Pod(pod) => self
                .inventory
                .claims_of_pod(pod, self.options.allocation.features),
        }
    }

    /// Whether a claim asked for holds devices. Once it is released, it has to be allocated again.
    pub(super) fn is_held(&self) -> Result<bool, InputError> {
        let is_held = |claim: &Arc<ResourceClaim>| self.inventory.held(&key(claim)).is_some();
        Ok(self.claims()?.iter().any(is_held))
    }

    /// Whether a request or an alternative wants all devices there are: then a condition or an amount that more devices
    /// meet can be the harder one.
    pub(super) fn wants_all(&self) -> Result<bool, InputError> {
        let claims = self.claims()?;
        let requests = claims.iter().flat_map(|claim| &claim.spec.devices.requests);
        Ok(requests.flat_map(Wish::of).any(|wish| wish.wants_all()))
    }

    /// The documents as they are for one node; nothing where the pod asks for what the node cannot offer.
    pub(super) fn documents_on(&self, node: &str, features: Features) -> Option<Documents> {
        let claims = match self.asked {
            Asked::Claims(claims) => claims.clone(),
            Asked::Pod(pod) => {
                let found = self.inventory.claims_of_pod_on(pod, node, features);
                found.ok()?.ok()?
            }
        };
        Some(Documents {
            inventory: self.inventory.clone(),
            claims,
            features,
        })
    }

    /// The claims that can be changed, with the documents they come from: those without an allocation that were not
    /// computed from a pod's resources.
    pub(super) fn origins(&self) -> Result<Vec<Origin>, InputError> {
        let mut origins: Vec<Origin> = Vec::new();
        for claim in self.claims()? {
            let is_computed = claim.metadata.annotations.contains_key(CLAIM_ANNOTATION);
            if is_computed || is_allocated(self.inventory, &claim) {
                continue;
            }
            let (document, path) = self.origin(&claim);
            match origins.iter_mut().find(|known| known.document == document) {
                Some(known) => known.claims.push(key(&claim)),
                None => origins.push(Origin {
                    claims: vec![key(&claim)],
                    claim,
                    document,
                    path,
                }),
            }
        }
        Ok(origins)
    }

    fn origin(&self, claim: &ResourceClaim) -> (String, &'static str) {
        let own = (format!("ResourceClaim {}", key(claim)), "spec.devices");
        let Asked::Pod(pod) = self.asked else {
            return own;
        };
        let entry = claim.metadata.annotations.get(POD_CLAIM_ANNOTATION);
        let (Some(entry), None) = (entry, self.inventory.claim(&key(claim))) else {
            return own;
        };
        let entries = self.inventory.pod(pod).map(|pod| &pod.spec.resource_claims);
        let mut entries = entries.into_iter().flatten();
        let template = entries
            .find(|known| known.name == *entry)
            .and_then(|known| known.resource_claim_template_name.as_deref());
        match template {
            None => own,
            Some(name) => {
                let template = ClaimKey::new(&pod.namespace, name);
                (
                    format!("ResourceClaimTemplate {template}"),
                    "spec.spec.devices",
                )
            }
        }
    }
}

/// Whether the claim has devices already, so that its wishes do not matter any more.
pub(super) fn is_allocated(inventory: &Inventory, claim: &ResourceClaim) -> bool {
    let held = inventory.held(&key(claim));
    let (uid, none) = (&claim.metadata.uid, String::is_empty);
    held.is_some_and(|held| held.uid == *uid || none(&held.uid) || none(uid))
        || claim.status.allocation.is_some()
}
