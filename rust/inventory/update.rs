//! Applying documents to an inventory: identity, versions, what a claim's event means for what it holds.
//!
//! A local commit that no event has confirmed yet is only undone by a deletion, a new UID or a release: an event
//! without an allocation may have been on its way when the commit was made. Start at [`update`].

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use super::census::Census;
use super::id::{ClaimKey, ObjectRef};
use super::report::{Remark, Report};
use super::slice::Slice;
use super::table::Changes;
use super::usage::Held;
use super::{Inventory, Name, NodeTable};
use crate::cel::compiled;
use crate::error::InputError;
use crate::wire::claim::{DeviceClass, ResourceClaim};
use crate::wire::core::ObjectMeta;
use crate::wire::document::{Defaults, Document, Entry, read};
use crate::wire::slice::ResourceSlice;

/// With more classes than this their selectors are compiled when they are asked for: there is not room for all.
const COMPILED_AHEAD: usize = 1_000;

/// See [`Inventory::update`].
pub(super) fn update(
    inventory: &Inventory,
    documents: &[u8],
    deleted: &[ObjectRef],
    defaults: Defaults,
) -> Result<Inventory, InputError> {
    let entries = read(documents, defaults)?;
    let mut remarks = Vec::new();
    let documents = sorted(entries, &mut remarks)?;
    apply(inventory, documents, deleted, remarks)
}

/// Applies documents, by kind and name, after removing others; the remarks are added to.
pub(super) fn apply(
    inventory: &Inventory,
    documents: Vec<Document>,
    deleted: &[ObjectRef],
    mut remarks: Vec<Remark>,
) -> Result<Inventory, InputError> {
    let mut next = inventory.clone();
    // Patched once at the end.
    let table = next.table.take();
    let mut changes = Changes::default();
    for object in deleted {
        next.note_object(object, table.as_deref(), &mut changes);
        if !next.delete(object)? {
            remarks.push(Remark::NotFound {
                document: format!("{} {}", object.kind, object.key),
            });
        }
    }
    for document in documents {
        if let Some(known) = next.newer(&document) {
            remarks.push(stale(&document, &known));
        } else {
            next.note_document(&document, table.as_deref(), &mut changes);
            next.put(document);
        }
    }
    if let Some(table) = table.and_then(|table| table.patched(&next, &changes)) {
        next.table = OnceLock::from(Arc::new(table));
    }
    next.report = Arc::new(Report::new(remarks));
    next.stamp = Arc::default();
    Ok(next)
}

/// The documents by kind, namespace and name. Of one object that stands there twice the newest version counts; two
/// different ones of which neither is newer are an error.
fn sorted(entries: Vec<Entry>, remarks: &mut Vec<Remark>) -> Result<Vec<Document>, InputError> {
    let mut documents: BTreeMap<(u8, ClaimKey), Document> = BTreeMap::new();
    for entry in entries {
        let document = match entry {
            Entry::Known(document) => *document,
            Entry::Unknown {
                api_version,
                kind,
                name,
            } => {
                remarks.push(Remark::UnknownKind {
                    api_version,
                    kind,
                    name,
                });
                continue;
            }
        };
        let key = (rank(&document), key_of(document.metadata(), &document));
        let Some(other) = documents.get(&key) else {
            documents.insert(key, document);
            continue;
        };
        match compare_versions(other.metadata(), document.metadata()) {
            Some(std::cmp::Ordering::Less) => {
                remarks.push(stale(other, &document.metadata().resource_version));
                documents.insert(key, document);
            }
            Some(std::cmp::Ordering::Greater) => {
                remarks.push(stale(&document, &other.metadata().resource_version));
            }
            _ if *other == document => {}
            _ => {
                let message = "stands in the input twice with different content; remove one";
                return Err(InputError::new(
                    name_of(&document),
                    "metadata.name",
                    message,
                ));
            }
        }
    }
    Ok(documents.into_values().collect())
}

fn rank(document: &Document) -> u8 {
    match document {
        Document::Class(_) => 0,
        Document::TaintRule(_) => 1,
        Document::Node(_) => 2,
        Document::Pod(_) => 3,
        Document::Claim(_) => 4,
        Document::Template(_) => 5,
        Document::Slice(_) => 6,
    }
}

/// Namespace and name; cluster-scoped kinds have no namespace whatever the document says.
fn key_of(meta: &ObjectMeta, document: &Document) -> ClaimKey {
    match document {
        Document::Pod(_) | Document::Claim(_) | Document::Template(_) => {
            ClaimKey::new(&meta.namespace, &meta.name)
        }
        _ => ClaimKey::new("", &meta.name),
    }
}

fn name_of(document: &Document) -> String {
    format!(
        "{} {}",
        document.kind(),
        key_of(document.metadata(), document)
    )
}

fn stale(document: &Document, known: &str) -> Remark {
    Remark::Stale {
        document: name_of(document),
        resource_version: document.metadata().resource_version.clone(),
        known: known.to_owned(),
    }
}

/// Order of two versions under one name, where both are numbers. They come from one store, so that a late event of an
/// object that had the name before is older, too.
fn compare_versions(a: &ObjectMeta, b: &ObjectMeta) -> Option<std::cmp::Ordering> {
    let number = |meta: &ObjectMeta| meta.resource_version.parse::<u128>().ok();
    Some(number(a)?.cmp(&number(b)?))
}

impl Inventory {
    /// The known version of the object, if it is newer than the document.
    fn newer(&self, document: &Document) -> Option<String> {
        let name = document.metadata().name.as_str();
        let key = key_of(document.metadata(), document);
        let known = match document {
            Document::Class(_) => self.classes.get(name).map(|d| &d.metadata),
            Document::TaintRule(_) => self.taint_rules.get(name).map(|d| &d.metadata),
            Document::Node(_) => self.nodes.get(name).map(|d| &d.metadata),
            Document::Slice(_) => self.slices.get(name).map(|d| &d.document().metadata),
            Document::Pod(_) => self.pods.get(&key).map(|d| &d.metadata),
            Document::Claim(_) => self.claims.get(&key).map(|d| &d.metadata),
            Document::Template(_) => self.templates.get(&key).map(|d| &d.metadata),
        }?;
        (compare_versions(known, document.metadata()) == Some(std::cmp::Ordering::Greater))
            .then(|| known.resource_version.clone())
    }

    /// Notes what the document changes in the table, before it is put.
    fn note_document(&self, document: &Document, table: Option<&NodeTable>, changes: &mut Changes) {
        let Some(known) = table else { return };
        match document {
            Document::Slice(slice) => changes.note_slice(slice),
            Document::Claim(claim) => {
                let allocation = claim.status.allocation.iter();
                let nodes = allocation.flat_map(|allocation| self.nodes_of(allocation, known));
                changes.nodes.extend(nodes);
            }
            _ => {}
        }
        let object = ObjectRef {
            kind: document.kind().to_owned(),
            key: key_of(document.metadata(), document),
            uid: String::new(),
        };
        self.note_object(&object, table, changes);
    }

    /// Notes what changes in the table if the object goes.
    fn note_object(&self, object: &ObjectRef, table: Option<&NodeTable>, changes: &mut Changes) {
        let Some(table) = table else { return };
        let name = &*object.key.name;
        match object.kind.as_str() {
            "Node" => {
                changes.nodes.insert(Name::from(name));
            }
            "ResourceSlice" => {
                if let Some(slice) = self.slices.get(name) {
                    changes.note_slice(slice.document());
                }
            }
            "ResourceClaim" => {
                if let Some(held) = self.held.get(&object.key) {
                    changes.nodes.extend(self.nodes_of(&held.allocation, table));
                }
            }
            _ => {}
        }
    }

    fn put(&mut self, document: Document) {
        let name: Name = Arc::from(document.metadata().name.as_str());
        let key = key_of(document.metadata(), &document);
        match document {
            Document::Class(class) => self.put_class(name, Arc::new(class)),
            Document::TaintRule(rule) => self.taint_rules.insert_mut(name, Arc::new(rule)),
            Document::Node(node) => self.nodes.insert_mut(name, Arc::new(node)),
            Document::Pod(pod) => self.pods.insert_mut(key, Arc::new(pod)),
            Document::Template(template) => self.templates.insert_mut(key, Arc::new(template)),
            Document::Slice(slice) => self.put_slice(name, slice),
            Document::Claim(claim) => self.put_claim(key, claim),
        }
    }

    /// Compiles the selectors of the class now, so that nobody has to wait for it later; one that does not compile is an
    /// error where it is used, not here.
    pub(super) fn put_class(&mut self, name: Name, class: Arc<DeviceClass>) {
        if self.classes.size() < COMPILED_AHEAD {
            let selectors = class.spec.selectors.iter();
            for cel in selectors.filter_map(|selector| selector.cel.as_ref()) {
                compiled(&cel.expression);
            }
        }
        self.classes.insert_mut(name, class);
    }

    pub(super) fn put_slice(&mut self, name: Name, document: ResourceSlice) {
        if self
            .slices
            .get(&name)
            .is_some_and(|known| *known.document() == document)
        {
            return;
        }
        self.remove_slice(&name);
        let slice = Arc::new(Slice::new(document, &self.kinds));
        match &slice.document().spec.node_name {
            Some(node) if !node.is_empty() => {
                let key = (Arc::clone(node.shared()), Arc::clone(&name));
                self.slices_on_node.insert_mut(key, Arc::clone(&slice));
            }
            _ => {
                self.slices_shared
                    .insert_mut(Arc::clone(&name), Arc::clone(&slice));
            }
        }
        let key = (slice.pool().clone(), Arc::clone(&name));
        self.slices_of_pool.insert_mut(key, Arc::clone(&slice));
        self.recount(&slice, |census| census.add(&slice));
        self.note_usage_of(&slice);
        self.slices.insert_mut(name, slice);
    }

    fn remove_slice(&mut self, name: &Name) -> bool {
        let Some(slice) = self.slices.get(name).cloned() else {
            return false;
        };
        self.slices.remove_mut(name);
        self.slices_shared.remove_mut(name);
        let node = slice
            .document()
            .spec
            .node_name
            .as_deref()
            .unwrap_or_default();
        self.slices_on_node
            .remove_mut(&(Arc::from(node), Arc::clone(name)));
        self.slices_of_pool
            .remove_mut(&(slice.pool().clone(), Arc::clone(name)));
        self.recount(&slice, |census| census.remove(&slice));
        self.forget_usage_of(&slice);
        true
    }

    fn recount(&mut self, slice: &Slice, change: impl FnOnce(&mut Census)) {
        let mut census = self.census(slice.pool()).cloned().unwrap_or_default();
        change(&mut census);
        let left = self.slices_of_pool(slice.pool()).next().cloned();
        census.set_only(left.filter(|_| census.slices() == 1));
        if census.is_empty() {
            self.pools.remove_mut(slice.pool());
        } else {
            let pool = slice.pool().clone();
            self.pools.insert_mut(pool, Arc::new(census));
        }
    }

    fn put_claim(&mut self, key: ClaimKey, claim: ResourceClaim) {
        let held = self.held.get(&key).cloned();
        let same_object = |held: &Held| {
            held.uid == claim.metadata.uid || held.uid.is_empty() || claim.metadata.uid.is_empty()
        };
        let before = held.filter(|held| same_object(held));
        match &claim.status.allocation {
            Some(allocation) => {
                let now = Held {
                    key: key.clone(),
                    uid: claim.metadata.uid.clone(),
                    allocation: Arc::new(allocation.clone()),
                    reserved_for: claim.status.reserved_for.clone(),
                    caller: before
                        .as_ref()
                        .map(|held| held.caller.clone())
                        .unwrap_or_default(),
                    unconfirmed: false,
                };
                if before.as_deref() != Some(&now) {
                    *self = self.hold(now);
                }
            }
            None if before.is_some_and(|held| held.unconfirmed) => {}
            None => *self = self.release(&key),
        }
        self.claims.insert_mut(key, Arc::new(claim));
    }

    /// UID of the object that has the name now; empty where none is known.
    fn uid_of(&self, object: &ObjectRef) -> &str {
        let (name, key) = (&*object.key.name, &object.key);
        let document = match object.kind.as_str() {
            "DeviceClass" => self.classes.get(name).map(|d| &d.metadata),
            "DeviceTaintRule" => self.taint_rules.get(name).map(|d| &d.metadata),
            "Node" => self.nodes.get(name).map(|d| &d.metadata),
            "ResourceSlice" => self.slices.get(name).map(|d| &d.document().metadata),
            "Pod" => self.pods.get(key).map(|d| &d.metadata),
            "ResourceClaimTemplate" => self.templates.get(key).map(|d| &d.metadata),
            _ => self.claims.get(key).map(|d| &d.metadata),
        };
        let held = || self.held.get(key).map(|held| held.uid.as_str());
        document
            .map(|meta| meta.uid.as_str())
            .or_else(held)
            .unwrap_or_default()
    }

    /// Removes an object; false if it was not there, or if another one has the name now.
    fn delete(&mut self, object: &ObjectRef) -> Result<bool, InputError> {
        let known = self.uid_of(object);
        if !object.uid.is_empty() && !known.is_empty() && known != object.uid {
            return Ok(false);
        }
        let name: Name = Arc::clone(&object.key.name);
        Ok(match object.kind.as_str() {
            "DeviceClass" => self.classes.remove_mut(&name),
            "DeviceTaintRule" => self.taint_rules.remove_mut(&name),
            "Node" => self.nodes.remove_mut(&name),
            "ResourceSlice" => self.remove_slice(&name),
            "Pod" => self.pods.remove_mut(&object.key),
            "ResourceClaimTemplate" => self.templates.remove_mut(&object.key),
            "ResourceClaim" => {
                let was_held = self.held.contains_key(&object.key);
                *self = self.release(&object.key);
                self.claims.remove_mut(&object.key) || was_held
            }
            kind => {
                let message =
                    format!("objects of kind {kind:?} are not kept, so none can be deleted");
                return Err(InputError::new(
                    format!("{kind} {}", object.key),
                    "kind",
                    message,
                ));
            }
        })
    }
}
