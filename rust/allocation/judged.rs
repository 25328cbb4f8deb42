//! In debug builds, every placed answer goes through the judge before anybody sees it.
//!
//! Never part of a release build. Start at [`check`].

use std::sync::Arc;

use super::{Answer, Options};
use crate::verify::verify;
use crate::wire::allocation::AllocationResult;
use crate::wire::claim::ResourceClaim;

/// Panics if the judge objects to an answer: one of the two then misreads upstream's rules.
pub(super) fn check(answer: &Answer, options: &Options<'_>) {
    let (claims, results): (Vec<Arc<ResourceClaim>>, Vec<AllocationResult>) = answer
        .allocations()
        .iter()
        .zip(&answer.documents)
        .filter(|(allocation, _)| !allocation.was_allocated)
        .map(|(allocation, claim)| {
            (
                Arc::clone(claim),
                AllocationResult::clone(&allocation.allocation),
            )
        })
        .unzip();
    if claims.is_empty() {
        return;
    }
    let judged = verify(
        &answer.inventory,
        &answer.node,
        &claims,
        &results,
        answer.features,
    );
    let mut objections = judged.err().unwrap_or_default();
    // Share ids that the caller supplied are the caller's.
    objections
        .retain(|objection| options.share_ids.is_empty() || !objection.field.ends_with(".shareID"));
    let texts: Vec<String> = objections.iter().map(ToString::to_string).collect();
    assert!(
        texts.is_empty(),
        "the answer is not legal: {}",
        texts.join("; ")
    );
}
