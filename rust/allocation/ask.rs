//! What is asked: a snapshot, the claims, and how; with what the claims hold already, looked up once.
//!
//! Start at [`Ask::new`].

use std::sync::Arc;

use super::Options;
use crate::claim::key;
use crate::inventory::{ClaimKey, Inventory};
use crate::wire::allocation::AllocationResult;
use crate::wire::claim::ResourceClaim;

/// Claims asked for.
pub(super) struct Ask<'a> {
    pub(super) inventory: &'a Inventory,
    pub(super) claims: &'a [Arc<ResourceClaim>],
    pub(super) options: &'a Options<'a>,
    pub(super) keys: Vec<ClaimKey>,
    /// What each claim holds already: by the inventory, else by its document.
    pub(super) held: Vec<Option<&'a AllocationResult>>,
}

impl<'a> Ask<'a> {
    pub(super) fn new(
        inventory: &'a Inventory,
        claims: &'a [Arc<ResourceClaim>],
        options: &'a Options<'a>,
    ) -> Self {
        let mut keys = Vec::with_capacity(claims.len());
        let mut held = Vec::with_capacity(claims.len());
        for claim in claims {
            let key = key(claim);
            held.push(held_by(inventory, claim, &key));
            keys.push(key);
        }
        Self {
            inventory,
            claims,
            options,
            keys,
            held,
        }
    }

    /// The claims that hold nothing yet.
    pub(super) fn open(&self) -> Vec<&'a ResourceClaim> {
        let claims = self.claims.iter().zip(&self.held);
        let open = claims.filter(|(_, held)| held.is_none());
        open.map(|(claim, _)| &**claim).collect()
    }
}

fn held_by<'a>(
    inventory: &'a Inventory,
    claim: &'a ResourceClaim,
    key: &ClaimKey,
) -> Option<&'a AllocationResult> {
    let held = inventory.held(key).filter(|held| {
        held.uid == claim.metadata.uid || held.uid.is_empty() || claim.metadata.uid.is_empty()
    });
    held.map(|held| &*held.allocation)
        .or(claim.status.allocation.as_ref())
}
