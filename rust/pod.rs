//! The claims of a pod, in the order in which they are allocated.
//!
//! Finds them by name, through the pod's status, or makes them of a template that nobody has acted on yet; the claim
//! for extended resources comes last. Never allocates. Start at [`Inventory::claims_of_pod`].

use std::sync::Arc;

use crate::error::InputError;
use crate::extended::{self, CannotFit, ExtendedResources};
use crate::gates::Features;
use crate::inventory::{ClaimKey, Inventory};
use crate::wire::claim::ResourceClaim;
use crate::wire::core::{ObjectMeta, Pod, PodResourceClaim};

/// Says for which of a pod's claims a claim was made of a template.
pub const POD_CLAIM_ANNOTATION: &str = "resource.kubernetes.io/pod-claim-name";

impl Inventory {
    /// The claims of a pod: those it names or that were made for it, in the order of `spec.resourceClaims`, each once,
    /// then the one for extended resources if the gate is on.
    ///
    /// A claim that was not made of its template yet is made here, under a name that no stored claim can have. One
    /// that was left out on purpose, as the pod's status says, is left out. Every extended resource that a class can
    /// serve is taken to be served by it; for the view of one node see [`Inventory::claims_of_pod_on`].
    pub fn claims_of_pod(
        &self,
        pod: &ClaimKey,
        features: Features,
    ) -> Result<Vec<Arc<ResourceClaim>>, InputError> {
        let pod = self.known_pod(pod)?;
        let mut claims = self.own_claims(pod)?;
        if features.extended_resource {
            // Without a node nothing is refused.
            claims.extend(self.extended_resource_claim(pod, None).ok().flatten());
        }
        Ok(claims)
    }

    /// As [`Inventory::claims_of_pod`], for one node: extended resources that its device plugins offer are left to
    /// them, and one that neither they nor a class can serve keeps the pod from the node.
    pub fn claims_of_pod_on(
        &self,
        pod: &ClaimKey,
        node: &str,
        features: Features,
    ) -> Result<Result<Vec<Arc<ResourceClaim>>, CannotFit>, InputError> {
        let pod = self.known_pod(pod)?;
        let mut claims = self.own_claims(pod)?;
        if features.extended_resource {
            match self.extended_resource_claim(pod, Some(node)) {
                Ok(claim) => claims.extend(claim),
                Err(problem) => return Ok(Err(problem)),
            }
        }
        Ok(Ok(claims))
    }

    fn known_pod(&self, key: &ClaimKey) -> Result<&Arc<Pod>, InputError> {
        let unknown = || InputError::new(format!("Pod {key}"), "", "the inventory has no such pod");
        self.pod(key).ok_or_else(unknown)
    }

    fn own_claims(&self, pod: &Pod) -> Result<Vec<Arc<ResourceClaim>>, InputError> {
        let mut claims: Vec<Arc<ResourceClaim>> = Vec::new();
        for (number, entry) in pod.spec.resource_claims.iter().enumerate() {
            let claim = self.claim_of(pod, entry).map_err(|problem| {
                let document = format!("Pod {}", key(&pod.metadata));
                InputError::new(document, format!("spec.resourceClaims[{number}]"), problem)
            })?;
            let is_new = |claim: &Arc<ResourceClaim>| {
                claims
                    .iter()
                    .all(|known| key(&known.metadata) != key(&claim.metadata))
            };
            claims.extend(claim.filter(is_new));
        }
        Ok(claims)
    }

    /// The claim of one entry; `None` where it was left out on purpose. The error says what is wrong with the entry.
    fn claim_of(
        &self,
        pod: &Pod,
        entry: &PodResourceClaim,
    ) -> Result<Option<Arc<ResourceClaim>>, String> {
        let in_namespace = |name: &str| ClaimKey::new(&pod.metadata.namespace, name);
        let stored = |name: &str| {
            let claim = self.claim(&in_namespace(name));
            claim
                .cloned()
                .ok_or_else(|| format!("resourceclaim.resource.k8s.io \"{name}\" not found"))
        };
        if let Some(name) = &entry.resource_claim_name {
            return stored(name).map(Some);
        }
        let Some(template) = &entry.resource_claim_template_name else {
            return Err(
                "neither resourceClaimName nor resourceClaimTemplateName is set".to_owned(),
            );
        };
        let mut statuses = pod.status.resource_claim_statuses.iter();
        match statuses.find(|status| status.name == entry.name) {
            Some(status) => {
                let Some(name) = &status.resource_claim_name else {
                    return Ok(None);
                };
                let claim = stored(name)?;
                if !is_owner(pod, &claim) {
                    let (claim, pod) = (key(&claim.metadata), key(&pod.metadata));
                    return Err(format!(
                        "ResourceClaim {claim} was not created for Pod {pod} (Pod is not owner)"
                    ));
                }
                Ok(Some(claim))
            }
            None => self
                .stamped(pod, &entry.name, &in_namespace(template))
                .map(Some),
        }
    }

    /// The claim that will be made of a template.
    fn stamped(
        &self,
        pod: &Pod,
        entry: &str,
        template: &ClaimKey,
    ) -> Result<Arc<ResourceClaim>, String> {
        let Some(document) = self.template(template) else {
            let name = &template.name;
            return Err(format!(
                "resourceclaimtemplate.resource.k8s.io \"{name}\" not found"
            ));
        };
        let mut metadata = extended::owned_by(pod, entry);
        metadata.labels.clone_from(&document.spec.metadata.labels);
        metadata
            .annotations
            .clone_from(&document.spec.metadata.annotations);
        metadata
            .annotations
            .insert(POD_CLAIM_ANNOTATION.to_owned(), entry.to_owned());
        Ok(Arc::new(ResourceClaim {
            metadata,
            spec: document.spec.spec.clone(),
            ..ResourceClaim::default()
        }))
    }

    /// The claim for extended resources: the one stored for the pod, else one that would be made.
    ///
    /// Upstream's scheduler deletes a stored one that it meets and starts again; what was written for the pod stands
    /// here, so that asking about a pod that runs is answered with what it has.
    fn extended_resource_claim(
        &self,
        pod: &Pod,
        node: Option<&str>,
    ) -> Result<Option<Arc<ResourceClaim>>, CannotFit> {
        let is_stored = |claim: &&Arc<ResourceClaim>| {
            let mark = claim.metadata.annotations.get(extended::CLAIM_ANNOTATION);
            claim.metadata.namespace == pod.metadata.namespace
                && mark.is_some_and(|mark| mark == "true")
                && is_owner(pod, claim)
        };
        let resources = ExtendedResources::of(self.classes().map(AsRef::as_ref));
        // Most pods ask for no extended resource, and to look through all claims is dear.
        if extended::extended_claim(pod, &resources, None)?.is_none() {
            return Ok(None);
        }
        if let Some(stored) = self.claims().find(is_stored) {
            return Ok(Some(Arc::clone(stored)));
        }
        let node = node.map(|name| self.node_or_bare(name));
        let made = extended::extended_claim(pod, &resources, node.as_deref())?;
        Ok(made.map(|made| Arc::new(made.claim)))
    }
}

fn key(metadata: &ObjectMeta) -> ClaimKey {
    ClaimKey::new(&metadata.namespace, &metadata.name)
}

/// Whether the claim was made for the pod. Without UIDs, as in manifests, the names decide.
fn is_owner(pod: &Pod, claim: &ResourceClaim) -> bool {
    let metadata = &pod.metadata;
    claim.metadata.owner_references.iter().any(|owner| {
        owner.controller == Some(true)
            && owner.kind == "Pod"
            && owner.name == metadata.name
            && (owner.uid == metadata.uid || owner.uid.is_empty() || metadata.uid.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gates::FeatureGates;
    use serde_json::{Value, json};

    fn documents(pod_status: &Value, owner_uid: &str) -> String {
        let claim = |name: &str, owners: Value| {
            json!({"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim", "spec": {},
                   "metadata": {"namespace": "n", "name": name, "ownerReferences": owners}})
        };
        let owner = json!([{"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": owner_uid, "controller": true}]);
        json!([
            {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaimTemplate",
             "metadata": {"namespace": "n", "name": "t"},
             "spec": {"metadata": {"labels": {"l": "v"}},
                      "spec": {"devices": {"requests": [{"name": "r", "exactly": {"deviceClassName": "gpu"}}]}}}},
            {"apiVersion": "resource.k8s.io/v1", "kind": "DeviceClass", "metadata": {"name": "gpu"},
             "spec": {"extendedResourceName": "example.com/gpu"}},
            claim("given", json!([])),
            claim("p-made-x1", owner),
            {"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "n", "name": "p", "uid": "u"},
             "spec": {"resourceClaims": [
                          {"name": "made", "resourceClaimTemplateName": "t"},
                          {"name": "given", "resourceClaimName": "given"},
                          {"name": "again", "resourceClaimName": "given"}],
                      "containers": [{"name": "c", "resources": {"limits": {"example.com/gpu": 1}}}]},
             "status": {"resourceClaimStatuses": pod_status}}
        ])
        .to_string()
    }

    fn names(
        pod_status: &Value,
        owner_uid: &str,
        is_extended: bool,
    ) -> Result<Vec<String>, String> {
        let text = documents(pod_status, owner_uid);
        let inventory = Inventory::from_json(text.as_bytes()).expect("documents");
        let gates = FeatureGates::default()
            .with("DRAExtendedResource", is_extended)
            .expect("a gate");
        let claims = inventory.claims_of_pod(&ClaimKey::new("n", "p"), gates.features());
        let claims = claims.map_err(|problem| problem.to_string())?;
        Ok(claims
            .iter()
            .map(|claim| claim.metadata.name.clone())
            .collect())
    }

    #[test]
    fn the_status_tells_which_claim_was_made_of_a_template() {
        let made = json!([{"name": "made", "resourceClaimName": "p-made-x1"}]);
        let expected = vec![
            "p-made-x1".to_owned(),
            "given".to_owned(),
            "<p-extended-resources>".to_owned(),
        ];
        assert_eq!(names(&made, "u", true), Ok(expected.clone()));
        assert_eq!(names(&made, "u", false), Ok(expected[..2].to_vec()));
        let left_out = json!([{"name": "made"}]);
        assert_eq!(names(&left_out, "u", false), Ok(vec!["given".to_owned()]));
    }

    #[test]
    fn a_claim_not_made_yet_is_made_of_the_template() {
        let expected = vec!["<p-made>".to_owned(), "given".to_owned()];
        assert_eq!(names(&json!([]), "u", false), Ok(expected));
        let inventory =
            Inventory::from_json(documents(&json!([]), "u").as_bytes()).expect("documents");
        let features = FeatureGates::default().features();
        let claims = inventory
            .claims_of_pod(&ClaimKey::new("n", "p"), features)
            .expect("claims");
        let made = &claims[0];
        assert_eq!(made.spec.devices.requests[0].name, "r");
        assert_eq!(made.metadata.labels.get("l").map(String::as_str), Some("v"));
        assert_eq!(made.metadata.annotations[POD_CLAIM_ANNOTATION], "made");
    }

    #[test]
    fn what_is_missing_or_another_pod_s_is_named() {
        let made = json!([{"name": "made", "resourceClaimName": "p-made-x1"}]);
        assert_eq!(
            names(&made, "other", false),
            Err("Pod n/p: spec.resourceClaims[0]: ResourceClaim n/p-made-x1 was not created for Pod n/p (Pod is not owner)".to_owned())
        );
        let gone = json!([{"name": "made", "resourceClaimName": "gone"}]);
        assert_eq!(
            names(&gone, "u", false),
            Err(
                "Pod n/p: spec.resourceClaims[0]: resourceclaim.resource.k8s.io \"gone\" not found"
                    .to_owned()
            )
        );
    }

    #[test]
    fn a_node_with_a_device_plugin_keeps_the_resource() {
        let mut text = documents(&json!([]), "u");
        text.push_str(
            &json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"},
                    "status": {"allocatable": {"example.com/gpu": "4"}}})
            .to_string(),
        );
        let inventory = Inventory::from_json(text.as_bytes()).expect("documents");
        let features = FeatureGates::default().features();
        let on = |node| {
            let claims = inventory.claims_of_pod_on(&ClaimKey::new("n", "p"), node, features);
            claims.expect("the pod").map(|claims| claims.len())
        };
        assert_eq!(on("n1"), Ok(2));
        assert_eq!(on("bare"), Ok(3));
    }
}
