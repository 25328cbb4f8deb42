//! What is asked for, read from Python's arguments: claims, nodes, what to leave out, feature gates.
//!
//! Names and documents may be mixed; a text that does not begin like JSON is a name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyIterator, PyList, PyString, PyTuple};

use uuid::Uuid;

use super::convert::Documents;
use crate::allocation::ShareKey;
use crate::error::InputError;
use crate::gates::{FeatureGates, Features};
use crate::inventory::{ClaimKey, DeviceId, Inventory, ObjectRef};
use crate::wire::claim::ResourceClaim;
use crate::wire::document::{Defaults, Document, Entry, read};

/// The claims that an argument names or contains, in its order.
pub(super) fn claims(
    inventory: &Inventory,
    value: &Bound<'_, PyAny>,
) -> PyResult<Vec<Arc<ResourceClaim>>> {
    let mut claims = Vec::new();
    let mut names = BTreeSet::new();
    for item in items(value)? {
        if let Some(name) = name(&item)? {
            claims.push(named(inventory, &name)?);
            if let Some(twice) = names.replace(name) {
                let message = "is asked for twice; ask for each claim once";
                return Err(InputError::new(format!("ResourceClaim {twice}"), "", message).into());
            }
        } else {
            let documents = Documents::new(&item)?;
            for entry in read(&documents.text()?, Defaults::Apply)? {
                claims.push(Arc::new(claim(entry)?));
            }
        }
    }
    Ok(claims)
}

/// A claim of the inventory by its name.
fn named(inventory: &Inventory, name: &str) -> Result<Arc<ResourceClaim>, InputError> {
    let claim = inventory.claim(&ClaimKey::parse(name));
    claim.cloned().ok_or_else(|| {
        InputError::new(
            format!("ResourceClaim {name}"),
            "",
            "is not in the inventory",
        )
    })
}

fn claim(entry: Entry) -> Result<ResourceClaim, InputError> {
    match entry {
        Entry::Known(document) => match *document {
            Document::Claim(claim) => Ok(claim),
            other => Err(not_a_claim(other.kind(), &key_of(&other).to_string())),
        },
        Entry::Unknown { kind, name, .. } => Err(not_a_claim(&kind, &name)),
    }
}

fn not_a_claim(kind: &str, name: &str) -> InputError {
    InputError::new(
        format!("{kind} {name}"),
        "kind",
        "only a ResourceClaim can be asked for",
    )
}

/// One argument as a row of items; a single document or name is a row of one.
fn items<'py>(value: &Bound<'py, PyAny>) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let is_row = value.is_instance_of::<PyList>()
        || value.is_instance_of::<PyTuple>()
        || value.is_instance_of::<PyIterator>();
    if is_row {
        value.try_iter()?.collect()
    } else {
        Ok(vec![value.clone()])
    }
}

/// The text of a name; nothing for a document.
fn name(value: &Bound<'_, PyAny>) -> PyResult<Option<String>> {
    let Ok(text) = value.cast::<PyString>() else {
        return Ok(None);
    };
    let text = text
        .to_cow()
        .map_err(|_| InputError::new("", "", "a name is not valid Unicode"))?;
    let is_json = text
        .trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n'])
        .starts_with(['{', '[']);
    Ok((!is_json).then(|| text.into_owned()))
}

/// The nodes to try in their order; nothing where that is all, by name.
pub(super) fn nodes(
    inventory: &Inventory,
    given: Option<Vec<String>>,
    left_out: &BTreeSet<String>,
) -> Option<Vec<String>> {
    if left_out.is_empty() {
        return given;
    }
    let mut nodes = given.unwrap_or_else(|| inventory.node_names());
    nodes.retain(|node| !left_out.contains(node));
    Some(nodes)
}

/// Nodes and devices to leave out: an entry without a slash is a node.
///
/// A pool's name may hold slashes; driver and device have none.
pub(super) fn exclude(
    entries: Vec<String>,
) -> Result<(BTreeSet<String>, BTreeSet<DeviceId>), InputError> {
    let (mut nodes, mut devices) = (BTreeSet::new(), BTreeSet::new());
    for entry in entries {
        match (entry.split_once('/'), entry.rsplit_once('/')) {
            (Some((driver, rest)), Some((_, device))) => {
                let Some((pool, _)) = rest.rsplit_once('/') else {
                    let message = format!("{entry:?} is neither a node nor driver/pool/device");
                    return Err(InputError::new("", "exclude", message));
                };
                devices.insert(DeviceId::new(driver, pool, device));
            }
            _ => {
                nodes.insert(entry);
            }
        }
    }
    Ok((nodes, devices))
}

/// Share ids by claim, request and number of the share within the request.
pub(super) type ShareIds = BTreeMap<(String, String, usize), String>;

/// Share ids as the engine takes them: each once, and in the form that the API wants.
pub(super) fn share_ids(given: ShareIds) -> Result<BTreeMap<ShareKey, String>, InputError> {
    let mut ids = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for ((claim, request, ordinal), id) in given {
        let is_uuid = Uuid::parse_str(&id).is_ok_and(|uuid| uuid.to_string() == id);
        let message = match (is_uuid, seen.insert(id.clone())) {
            (false, _) => Some("is no UUID in lower case with hyphens"),
            (true, false) => Some("is given twice"),
            (true, true) => None,
        };
        if let Some(message) = message {
            return Err(InputError::new(
                "",
                "share_ids",
                format!("{id:?} {message}"),
            ));
        }
        let key = ShareKey {
            claim: ClaimKey::parse(&claim),
            request,
            ordinal,
        };
        ids.insert(key, id);
    }
    Ok(ids)
}

/// A row of names; a single text is refused, since its letters are none.
pub(super) fn names(
    field: &str,
    value: Option<&Bound<'_, PyAny>>,
) -> PyResult<Option<Vec<String>>> {
    let Some(value) = value else {
        return Ok(None);
    };
    let names = if value.is_instance_of::<PyString>() {
        None
    } else {
        value.extract().ok()
    };
    let refusal = || InputError::new("", field, "give a list of names");
    Ok(Some(names.ok_or_else(refusal)?))
}

/// The step budget.
pub(super) fn steps(value: Option<&Bound<'_, PyAny>>) -> PyResult<Option<u64>> {
    let Some(value) = value else {
        return Ok(None);
    };
    let refusal = || InputError::new("", "max_steps", "give a whole number from 0 to 2^64 - 1");
    Ok(Some(value.extract().map_err(|_| refusal())?))
}

/// The features of a Kubernetes version with some gates set otherwise.
pub(super) fn features(kubernetes: &str, gates: Option<&Bound<'_, PyDict>>) -> PyResult<Features> {
    let mut all = FeatureGates::for_version(kubernetes)?;
    let Some(gates) = gates else {
        return Ok(all.features());
    };
    for (name, on) in gates {
        all = all.with(&name.extract::<String>()?, on.extract()?)?;
    }
    Ok(all.features())
}

/// Objects to delete: documents, or texts such as `ResourceSlice/name` and `ResourceClaim/namespace/name`.
pub(super) fn deleted(value: &Bound<'_, PyAny>) -> PyResult<Vec<ObjectRef>> {
    let mut objects = Vec::new();
    for item in items(value)? {
        if let Some(text) = name(&item)? {
            let (kind, key) = text.split_once('/').ok_or_else(|| {
                InputError::new(
                    "",
                    "deleted",
                    format!("{text:?} is not of the form Kind/name"),
                )
            })?;
            objects.push(ObjectRef {
                kind: kind.to_owned(),
                key: ClaimKey::parse(key),
                uid: String::new(),
            });
            continue;
        }
        let documents = Documents::new(&item)?;
        for entry in read(&documents.text()?, Defaults::Apply)? {
            objects.push(match entry {
                Entry::Known(document) => ObjectRef {
                    kind: document.kind().to_owned(),
                    key: key_of(&document),
                    uid: document.metadata().uid.clone(),
                },
                Entry::Unknown { kind, name, .. } => ObjectRef {
                    kind,
                    key: ClaimKey::parse(&name),
                    uid: String::new(),
                },
            });
        }
    }
    Ok(objects)
}

/// A pod or claim given by name.
pub(super) fn key(name: &str) -> ClaimKey {
    ClaimKey::parse(name)
}

fn key_of(document: &Document) -> ClaimKey {
    let metadata = document.metadata();
    ClaimKey::new(&metadata.namespace, &metadata.name)
}
