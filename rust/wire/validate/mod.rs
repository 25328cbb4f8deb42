//! The rules of the API server for documents, as a call of its own: loading never asks for them, since upstream's
//! allocator takes many documents that no API server would store.
//!
//! Judges one document alone, as on creation and with all feature gates on. Never compiles CEL (only its length is
//! checked), never compares with an older version, and leaves out what needs the cluster: the namespace label for
//! admin access, the cost of selectors, the driver-written `status.devices` and node-allocatable resources.
//! Start at [`validate`].

mod capacity;
mod claim;
mod device;
mod name;
mod pod;
mod selector;
mod slice;
mod status;

use std::collections::BTreeSet;
use std::fmt;

use super::core::ObjectMeta;
use super::document::Document;
use crate::error::InputError;

/// Everything in the document that breaks a rule of the API, in the order of the fields; nothing if it is valid.
pub fn validate(document: &Document) -> Vec<InputError> {
    let (kind, meta) = identity(document);
    let mut check = Check {
        document: named(kind, meta),
        found: Vec::new(),
    };
    let root = Path::Root;
    check.metadata(&root.field("metadata"), document, meta);
    let spec = root.field("spec");
    match document {
        Document::Slice(slice) => slice::spec(&mut check, &spec, &slice.spec),
        Document::Class(class) => claim::class(&mut check, &spec, &class.spec),
        Document::TaintRule(rule) => slice::taint_rule(&mut check, &spec, &rule.spec),
        Document::Claim(claim) => {
            claim::devices(&mut check, &spec.field("devices"), &claim.spec.devices);
            status::status(&mut check, &root.field("status"), claim);
        }
        Document::Template(template) => {
            let inner = spec.field("spec");
            let devices = &template.spec.spec.devices;
            claim::devices(&mut check, &inner.field("devices"), devices);
        }
        Document::Pod(pod) => pod::spec(&mut check, &spec, &pod.spec),
        Document::Node(_) => {}
    }
    check.found
}

fn identity(document: &Document) -> (&'static str, &ObjectMeta) {
    match document {
        Document::Slice(slice) => ("ResourceSlice", &slice.metadata),
        Document::Node(node) => ("Node", &node.metadata),
        Document::Class(class) => ("DeviceClass", &class.metadata),
        Document::TaintRule(rule) => ("DeviceTaintRule", &rule.metadata),
        Document::Claim(claim) => ("ResourceClaim", &claim.metadata),
        Document::Template(template) => ("ResourceClaimTemplate", &template.metadata),
        Document::Pod(pod) => ("Pod", &pod.metadata),
    }
}

fn named(kind: &str, meta: &ObjectMeta) -> String {
    if meta.namespace.is_empty() {
        format!("{kind} {}", meta.name)
    } else {
        format!("{kind} {}/{}", meta.namespace, meta.name)
    }
}

/// Where in a document a value stands. Lives on the stack; it becomes text only when something is wrong.
#[derive(Clone, Copy)]
enum Path<'a> {
    Root,
    Field(&'a Path<'a>, &'static str),
    Index(&'a Path<'a>, usize),
    Key(&'a Path<'a>, &'a str),
}

impl<'a> Path<'a> {
    fn field(&'a self, name: &'static str) -> Self {
        Self::Field(self, name)
    }

    fn index(&'a self, index: usize) -> Self {
        Self::Index(self, index)
    }

    fn key(&'a self, key: &'a str) -> Self {
        Self::Key(self, key)
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Field(Self::Root, name) => f.write_str(name),
            Self::Field(parent, name) => write!(f, "{parent}.{name}"),
            Self::Index(parent, index) => write!(f, "{parent}[{index}]"),
            Self::Key(parent, key) => write!(f, "{parent}[{key}]"),
        }
    }
}

/// Collects what is wrong with one document.
struct Check {
    document: String,
    found: Vec<InputError>,
}

impl Check {
    fn wrong(&mut self, at: &Path<'_>, message: impl Into<String>) {
        let error = InputError::new(self.document.clone(), at.to_string(), message);
        self.found.push(error);
    }

    fn invalid(&mut self, at: &Path<'_>, value: impl fmt::Debug, why: impl fmt::Display) {
        self.wrong(at, format!("invalid value {value:?}: {why}"));
    }

    fn metadata(&mut self, at: &Path<'_>, document: &Document, meta: &ObjectMeta) {
        self.required_name(&at.field("name"), &meta.name, name::subdomain);
        let in_namespace = matches!(
            document,
            Document::Claim(_) | Document::Template(_) | Document::Pod(_)
        );
        let namespace = at.field("namespace");
        if in_namespace {
            self.required_name(&namespace, &meta.namespace, name::label);
        } else if !meta.namespace.is_empty() {
            self.wrong(&namespace, "must not be set: the kind has no namespace");
        }
    }

    fn required(&mut self, at: &Path<'_>, value: &str) -> bool {
        if value.is_empty() {
            self.wrong(at, "is required");
        }
        !value.is_empty()
    }

    fn name(&mut self, at: &Path<'_>, value: &str, rule: name::Rule) {
        if let Err(why) = rule(value) {
            self.invalid(at, value, why);
        }
    }

    fn required_name(&mut self, at: &Path<'_>, value: &str, rule: name::Rule) {
        if self.required(at, value) {
            self.name(at, value, rule);
        }
    }

    fn at_most(&mut self, at: &Path<'_>, count: usize, limit: usize) {
        if count > limit {
            self.wrong(
                at,
                format!("has {count} entries, at most {limit} are allowed"),
            );
        }
    }

    fn at_most_bytes(&mut self, at: &Path<'_>, value: &str, limit: usize) {
        if value.len() > limit {
            let length = value.len();
            self.wrong(
                at,
                format!("has {length} bytes, at most {limit} are allowed"),
            );
        }
    }

    fn one_of(&mut self, at: &Path<'_>, value: &str, known: &[&str]) {
        if !known.contains(&value) {
            let known = known.join(", ");
            self.wrong(
                at,
                format!("unsupported value {value:?}: supported are {known}"),
            );
        }
    }

    /// Names the second and later ones of equal values.
    fn unique<'v>(
        &mut self,
        at: &Path<'_>,
        field: Option<&'static str>,
        values: impl Iterator<Item = &'v str>,
    ) {
        let mut seen = BTreeSet::new();
        for (index, value) in values.enumerate() {
            if !seen.insert(value) {
                let entry = at.index(index);
                let named = field.map_or(entry, |field| entry.field(field));
                self.wrong(&named, format!("duplicate value {value:?}"));
            }
        }
    }

    /// Exactly one of the named alternatives must be set.
    fn exactly_one(&mut self, at: &Path<'_>, alternatives: &[(&str, bool)]) {
        let set: Vec<&str> = alternatives
            .iter()
            .filter(|(_, is_set)| *is_set)
            .map(|(name, _)| *name)
            .collect();
        let names = || {
            let names: Vec<&str> = alternatives.iter().map(|(name, _)| *name).collect();
            names.join(", ")
        };
        match set.len() {
            1 => {}
            0 => self.wrong(at, format!("exactly one of {} is required", names())),
            _ => {
                let set = set.join(", ");
                let message = format!("exactly one of {} is allowed, but {set} are set", names());
                self.wrong(at, message);
            }
        }
    }
}
