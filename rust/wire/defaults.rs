//! The defaults that the API server fills in, except those that need a clock.
//!
//! Start at [`apply`].

use super::claim::{DeviceClaim, DeviceToleration};
use super::document::Document;

/// Fills in the defaults of a document.
pub fn apply(document: &mut Document) {
    match document {
        Document::Claim(claim) => {
            device_claim(&mut claim.spec.devices);
            if let Some(allocation) = &mut claim.status.allocation {
                for result in &mut allocation.devices.results {
                    tolerations(&mut result.tolerations);
                }
            }
        }
        Document::Template(template) => device_claim(&mut template.spec.spec.devices),
        Document::Slice(_)
        | Document::Node(_)
        | Document::Class(_)
        | Document::TaintRule(_)
        | Document::Pod(_) => {}
    }
}

fn device_claim(claim: &mut DeviceClaim) {
    for request in &mut claim.requests {
        if let Some(exact) = &mut request.exactly {
            mode(&mut exact.allocation_mode, &mut exact.count);
            tolerations(&mut exact.tolerations);
        }
        for alternative in &mut request.first_available {
            mode(&mut alternative.allocation_mode, &mut alternative.count);
            tolerations(&mut alternative.tolerations);
        }
    }
}

fn mode(allocation_mode: &mut String, count: &mut i64) {
    if allocation_mode.is_empty() {
        "ExactCount".clone_into(allocation_mode);
    }
    if allocation_mode == "ExactCount" && *count == 0 {
        *count = 1;
    }
}

fn tolerations(tolerations: &mut [DeviceToleration]) {
    for toleration in tolerations {
        if toleration.operator.is_empty() {
            "Equal".clone_into(&mut toleration.operator);
        }
    }
}
