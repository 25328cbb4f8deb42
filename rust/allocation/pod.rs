//! Allocating for a pod: its claims differ by node where a node's device plugins serve an extended resource.
//!
//! Finds the claims and hands them on. Start at [`allocate_pod_first`].

use std::sync::Arc;

use super::{Answer, Ask, Options, Parts, first_of, impossible, parts_on};
use crate::error::InputError;
use crate::explanation::Refusal;
use crate::extended::CannotFit;
use crate::inventory::{ClaimKey, Inventory};
use crate::wire::claim::ResourceClaim;

/// As [`super::allocate_first`] for the claims of a pod.
pub fn allocate_pod_first(
    inventory: &Inventory,
    nodes: &[String],
    pod: &ClaimKey,
    options: &Options<'_>,
) -> Result<Answer, InputError> {
    let pod = Pod::new(inventory, pod, options)?;
    Ok(first_of(nodes, &pod.ask(), &mut |node| pod.parts_on(node))
        .answer(Arc::new(inventory.clone()), options))
}

/// As [`super::allocate_each`] for the claims of a pod.
pub fn allocate_pod_each(
    inventory: &Inventory,
    nodes: &[String],
    pod: &ClaimKey,
    options: &Options<'_>,
) -> Result<Vec<Answer>, InputError> {
    let pod = Pod::new(inventory, pod, options)?;
    let answer = |node: &String| {
        pod.parts_on(node)
            .answer(Arc::new(inventory.clone()), options)
    };
    Ok(nodes.iter().map(answer).collect())
}

struct Pod<'a> {
    inventory: &'a Inventory,
    key: &'a ClaimKey,
    options: &'a Options<'a>,
    /// The claims where every extended resource is served by devices.
    claims: Vec<Arc<ResourceClaim>>,
}

impl<'a> Pod<'a> {
    fn new(
        inventory: &'a Inventory,
        key: &'a ClaimKey,
        options: &'a Options<'a>,
    ) -> Result<Self, InputError> {
        Ok(Self {
            inventory,
            key,
            options,
            claims: inventory.claims_of_pod(key, options.features)?,
        })
    }

    /// With the claims that are the same for all nodes.
    fn ask(&self) -> Ask<'_> {
        Ask::new(self.inventory, &self.claims, self.options)
    }

    fn parts_on(&self, node: &str) -> Parts {
        let (inventory, options) = (self.inventory, self.options);
        // The pod and its own claims were found before, and no node changes them.
        match inventory.claims_of_pod_on(self.key, node, options.features) {
            Ok(Ok(claims)) => parts_on(&Ask::new(inventory, &claims, options), node),
            Ok(Err(CannotFit { resource })) => {
                let outcome = impossible(node, Refusal::ExtendedResource { resource });
                Parts::of(node, &self.ask(), outcome, 0)
            }
            Err(_) => parts_on(&self.ask(), node),
        }
    }
}
