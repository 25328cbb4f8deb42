//! In debug builds, whatever is placed goes through the judge before anybody sees it.
//!
//! Never part of a release build. Start at [`check`].

use std::sync::Arc;

use super::{Ask, ClaimAllocation};
use crate::verify::verify;
use crate::wire::allocation::AllocationResult;
use crate::wire::claim::ResourceClaim;

/// Panics if the judge objects to what was found: one of the two then misreads upstream's rules.
pub(super) fn check(ask: &Ask<'_>, node: &str, found: &[ClaimAllocation]) {
    let (claims, results): (Vec<Arc<ResourceClaim>>, Vec<AllocationResult>) = found
        .iter()
        .zip(ask.claims)
        .filter(|(found, _)| !found.was_allocated)
        .map(|(found, claim)| {
            let result = AllocationResult::clone(&found.allocation);
            (Arc::clone(claim), result)
        })
        .unzip();
    if claims.is_empty() {
        return;
    }
    let features = ask.options.features;
    let judged = verify(ask.inventory, node, &claims, &results, features);
    let mut objections = judged.err().unwrap_or_default();
    // Share ids that the caller supplied are the caller's.
    let share_ids = &ask.options.share_ids;
    objections.retain(|objection| share_ids.is_empty() || !objection.field.ends_with(".shareID"));
    let texts: Vec<String> = objections.iter().map(ToString::to_string).collect();
    assert!(
        texts.is_empty(),
        "the answer is not legal: {}",
        texts.join("; ")
    );
}
