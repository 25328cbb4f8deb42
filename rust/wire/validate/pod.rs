//! The claims of a pod; the rest of pods is not ours.

use super::{Check, Path, name};
use crate::wire::core::PodSpec;

pub(super) fn spec(check: &mut Check, at: &Path<'_>, spec: &PodSpec) {
    let claims = at.field("resourceClaims");
    for (index, claim) in spec.resource_claims.iter().enumerate() {
        let entry = claims.index(index);
        check.required_name(&entry.field("name"), &claim.name, name::label);
        let sources = [
            ("resourceClaimName", &claim.resource_claim_name),
            (
                "resourceClaimTemplateName",
                &claim.resource_claim_template_name,
            ),
        ];
        check.exactly_one(
            &entry,
            &sources.map(|(field, source)| (field, source.is_some())),
        );
        for (field, source) in sources {
            if let Some(source) = source {
                check.required_name(&entry.field(field), source, name::subdomain);
            }
        }
    }
    let names = spec.resource_claims.iter().map(|claim| claim.name.as_str());
    check.unique(&claims, Some("name"), names);
}
