//! The documents of a question, and changed copies of them.
//!
//! Nothing is ever changed in place. Several changes of one selector or list are made together, so that none moves
//! what another one names. Start at [`apply`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::change::{Change, Edit, SelectorAt, WishAt};
use crate::cel;
use crate::claim::key;
use crate::gates::Features;
use crate::inventory::{ClaimKey, Inventory};
use crate::wire::claim::{
    CapacityRequirements, CelDeviceSelector, DeviceSelector, DeviceToleration, ResourceClaim,
};

/// What an allocation is asked with.
#[derive(Clone, Debug)]
pub struct Documents {
    /// What exists and what is held.
    pub inventory: Inventory,
    /// The claims asked for, in order.
    pub claims: Vec<Arc<ResourceClaim>>,
    /// The feature gates.
    pub features: Features,
}

type Replacements = BTreeMap<usize, Option<String>>;

/// A copy of the documents with the changes made.
pub(super) fn apply(changes: &[&Change], documents: &Documents) -> Documents {
    let mut next = documents.clone();
    let mut terms: BTreeMap<&SelectorAt, Replacements> = BTreeMap::new();
    let mut constraints: BTreeMap<&[ClaimKey], BTreeSet<usize>> = BTreeMap::new();
    for change in changes {
        next.features = change.features(next.features);
        match &change.edit {
            Edit::Term {
                selector,
                term,
                text,
            } => {
                terms
                    .entry(selector)
                    .or_default()
                    .insert(*term, text.clone());
            }
            Edit::Constraint(claims, index) => {
                constraints.entry(claims).or_default().insert(*index);
            }
            Edit::Release(claims) => release(&mut next, claims),
            Edit::Gate(_) | Edit::Nothing => {}
            Edit::Tolerate(at, toleration) => {
                wish(&mut next, at, &|wish| {
                    wish.tolerations.push(toleration.clone());
                });
            }
            Edit::Count(at, count) => wish(&mut next, at, &|wish| {
                "ExactCount".clone_into(wish.mode);
                *wish.count = *count;
            }),
            Edit::Class(at, class) => wish(&mut next, at, &|wish| class.clone_into(wish.class)),
            Edit::Capacity(at, name, amount) => wish(&mut next, at, &|wish| {
                let Some(capacity) = wish.capacity.as_mut() else {
                    return;
                };
                match amount {
                    Some(amount) => capacity.requests.insert(name.clone(), amount.clone()),
                    None => capacity.requests.remove(name),
                };
            }),
        }
    }
    // From the last selector to the first: one that goes moves those behind it.
    for (selector, replacements) in terms.into_iter().rev() {
        replace(&mut next, selector, &replacements);
    }
    for (claims, indices) in constraints {
        each_claim(&mut next, claims, &|claim| {
            let mut index = 0;
            claim.spec.devices.constraints.retain(|_| {
                index += 1;
                !indices.contains(&(index - 1))
            });
        });
    }
    next
}

fn release(documents: &mut Documents, claims: &[ClaimKey]) {
    for claim in claims {
        documents.inventory = documents.inventory.release(claim);
    }
    each_claim(documents, claims, &|claim| claim.status.allocation = None);
}

fn replace(documents: &mut Documents, selector: &SelectorAt, replacements: &Replacements) {
    match selector {
        SelectorAt::Wish(at, index) => wish(documents, at, &|wish| {
            replace_in(wish.selectors, *index, replacements);
        }),
        SelectorAt::Class(name, index) => {
            let Some(class) = documents.inventory.class(name) else {
                return;
            };
            let mut class = class.as_ref().clone();
            replace_in(&mut class.spec.selectors, *index, replacements);
            let mut document = serde_json::to_value(&class).unwrap_or_default();
            document["apiVersion"] = "resource.k8s.io/v1".into();
            document["kind"] = "DeviceClass".into();
            let changed = documents
                .inventory
                .update(document.to_string().as_bytes(), &[]);
            // The document was read before; only its selectors differ.
            if let Ok(inventory) = changed {
                documents.inventory = inventory;
            }
        }
    }
}

fn replace_in(selectors: &mut Vec<DeviceSelector>, index: usize, replacements: &Replacements) {
    let Some(cel) = selectors.get(index).and_then(|one| one.cel.as_ref()) else {
        return;
    };
    let changed = cel::with_terms(&cel.expression, &|term| replacements.get(&term).cloned());
    match changed {
        Some(expression) => selectors[index].cel = Some(CelDeviceSelector { expression }),
        None => {
            selectors.remove(index);
        }
    }
}

/// The parts of a request or alternative that can be changed.
struct WishMut<'a> {
    class: &'a mut String,
    selectors: &'a mut Vec<DeviceSelector>,
    mode: &'a mut String,
    count: &'a mut i64,
    tolerations: &'a mut Vec<DeviceToleration>,
    capacity: &'a mut Option<CapacityRequirements>,
}

fn wish(documents: &mut Documents, at: &WishAt, edit: &dyn Fn(&mut WishMut<'_>)) {
    each_claim(documents, &at.claims, &|claim| {
        let Some(request) = claim.spec.devices.requests.get_mut(at.request) else {
            return;
        };
        let found = match at.alternative {
            None => request.exactly.as_mut().map(|exact| WishMut {
                class: &mut exact.device_class_name,
                selectors: &mut exact.selectors,
                mode: &mut exact.allocation_mode,
                count: &mut exact.count,
                tolerations: &mut exact.tolerations,
                capacity: &mut exact.capacity,
            }),
            Some(index) => request.first_available.get_mut(index).map(|sub| WishMut {
                class: &mut sub.device_class_name,
                selectors: &mut sub.selectors,
                mode: &mut sub.allocation_mode,
                count: &mut sub.count,
                tolerations: &mut sub.tolerations,
                capacity: &mut sub.capacity,
            }),
        };
        if let Some(mut found) = found {
            edit(&mut found);
        }
    });
}

fn each_claim(documents: &mut Documents, keys: &[ClaimKey], edit: &dyn Fn(&mut ResourceClaim)) {
    for claim in &mut documents.claims {
        if keys.contains(&key(claim)) {
            edit(Arc::make_mut(claim));
        }
    }
}
