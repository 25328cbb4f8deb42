//! The inventory as one versioned JSON document, for replays, bug reports and pickles.
//!
//! The documents stand in it in their v1 form, what is held beside them. The format has its own number; a reader
//! refuses numbers it does not know.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::usage::Held;
use super::{Inventory, Name};
use crate::error::InputError;
use crate::wire::claim::{DeviceClass, ResourceClaim, ResourceClaimTemplate};
use crate::wire::core::{Node, ObjectMeta, Pod};
use crate::wire::slice::{DeviceTaintRule, ResourceSlice};

/// Number of the format.
const FORMAT: u32 = 1;

#[derive(Deserialize)]
struct Header {
    format: Option<u32>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct State {
    format: u32,
    device_classes: Vec<Arc<DeviceClass>>,
    device_taint_rules: Vec<Arc<DeviceTaintRule>>,
    nodes: Vec<Arc<Node>>,
    pods: Vec<Arc<Pod>>,
    resource_claims: Vec<Arc<ResourceClaim>>,
    resource_claim_templates: Vec<Arc<ResourceClaimTemplate>>,
    resource_slices: Vec<ResourceSlice>,
    held: Vec<Arc<Held>>,
}

impl Inventory {
    /// The inventory as one JSON document. Equal inventories give equal bytes.
    pub fn to_state_json(&self) -> String {
        let state = State {
            format: FORMAT,
            device_classes: self.classes.values().cloned().collect(),
            device_taint_rules: self.taint_rules.values().cloned().collect(),
            nodes: self.nodes.values().cloned().collect(),
            pods: self.pods.values().cloned().collect(),
            resource_claims: self.claims.values().cloned().collect(),
            resource_claim_templates: self.templates.values().cloned().collect(),
            resource_slices: self
                .slices
                .values()
                .map(|slice| slice.document().clone())
                .collect(),
            held: self.held_claims().cloned().collect(),
        };
        serde_json::to_string(&state).unwrap_or_default()
    }

    /// Reads what [`Inventory::to_state_json`] wrote.
    pub fn from_state_json(text: &str) -> Result<Self, InputError> {
        let named = "inventory state";
        let header: Header = crate::wire::document::from_text(named, text)?;
        if header.format != Some(FORMAT) {
            let found = header
                .format
                .map_or("missing".to_owned(), |format| format!("is {format}"));
            let message = format!("{found}; this version reads {FORMAT}");
            return Err(InputError::new(named, "format", message));
        }
        let state: State = crate::wire::document::from_text(named, text)?;
        let mut inventory = Self::new();
        let name = |meta: &ObjectMeta| -> Name { Arc::from(meta.name.as_str()) };
        for class in state.device_classes {
            inventory.put_class(name(&class.metadata), class);
        }
        for rule in state.device_taint_rules {
            inventory.taint_rules.insert_mut(name(&rule.metadata), rule);
        }
        for node in state.nodes {
            inventory.nodes.insert_mut(name(&node.metadata), node);
        }
        for pod in state.pods {
            inventory.pods.insert_mut(key(&pod.metadata), pod);
        }
        for claim in state.resource_claims {
            inventory.claims.insert_mut(key(&claim.metadata), claim);
        }
        for template in state.resource_claim_templates {
            inventory
                .templates
                .insert_mut(key(&template.metadata), template);
        }
        for slice in state.resource_slices {
            inventory.put_slice(name(&slice.metadata), slice);
        }
        for held in state.held {
            inventory = inventory.hold(held.as_ref().clone());
        }
        Ok(inventory)
    }
}

fn key(meta: &ObjectMeta) -> super::ClaimKey {
    super::ClaimKey::new(&meta.namespace, &meta.name)
}
