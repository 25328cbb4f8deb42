//! Share ids: the same for the same claim, request and share, on every node and in every run.
//!
//! A share id is the UUID, version 5, of claim UID (or namespace/name), request and ordinal. Should the device have a
//! share of that id already, a counter is appended to the name until the id is free.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::Options;
use crate::claim::key;
use crate::inventory::{ClaimKey, DeviceId, Inventory};
use crate::wire::claim::ResourceClaim;

/// Namespace of the share ids; a random UUID fixed once.
const NAMESPACE: Uuid = Uuid::from_u128(0x6d1f_0e9a_53c8_4b27_9a44_0f7d_c2b1_8e35);

/// Names a share of an answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ShareKey {
    /// The claim.
    pub claim: ClaimKey,
    /// `request` or `request/alternative`.
    pub request: String,
    /// Number of the share within the request, from 0.
    pub ordinal: usize,
}

/// Hands out the share ids of one answer.
pub(super) struct Shares<'a> {
    inventory: &'a Inventory,
    supplied: &'a BTreeMap<ShareKey, String>,
    given: BTreeSet<(DeviceId, String)>,
}

impl<'a> Shares<'a> {
    pub(super) fn new(inventory: &'a Inventory, options: &'a Options<'_>) -> Self {
        Self {
            inventory,
            supplied: &options.share_ids,
            given: BTreeSet::new(),
        }
    }

    /// The id of a share on a device.
    pub(super) fn id(
        &mut self,
        claim: &ResourceClaim,
        request: &str,
        ordinal: usize,
        device: &DeviceId,
    ) -> String {
        let name = ShareKey {
            claim: key(claim),
            request: request.to_owned(),
            ordinal,
        };
        let owner = match claim.metadata.uid.as_str() {
            "" => name.claim.to_string(),
            uid => uid.to_owned(),
        };
        let computed = |attempt: usize| {
            let suffix = if attempt == 0 {
                String::new()
            } else {
                format!("\n{attempt}")
            };
            let text = format!("{owner}\n{request}\n{ordinal}{suffix}");
            Uuid::new_v5(&NAMESPACE, text.as_bytes()).to_string()
        };
        let id = match self.supplied.get(&name) {
            Some(supplied) => supplied.clone(),
            // More attempts than shares on the device are never needed.
            None => (0..usize::MAX)
                .map(computed)
                .find(|id| !self.is_taken(device, id))
                .unwrap_or_default(),
        };
        self.given.insert((device.clone(), id.clone()));
        id
    }

    fn is_taken(&self, device: &DeviceId, id: &str) -> bool {
        let usage = self.inventory.usage(device);
        usage.is_some_and(|usage| usage.share_ids().any(|held| held == id))
            || self.given.contains(&(device.clone(), id.to_owned()))
    }
}
