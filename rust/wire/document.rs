//! From bytes to documents: kinds, API versions, lists, names of documents in errors.
//!
//! Reads JSON only; a single document, a list kind, an array, or several documents one after the other. Start at
//! [`read`].

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::value::RawValue;

use super::claim::{DeviceClass, ResourceClaim, ResourceClaimTemplate};
use super::core::{Node, ObjectMeta, Pod};
use super::shared::Shared;
use super::slice::{DeviceTaintRule, ResourceSlice};
use super::{beta, defaults};
use crate::error::InputError;

/// A document of a kind that is understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Document {
    /// `resource.k8s.io` `ResourceSlice`.
    Slice(ResourceSlice),
    /// `v1` `Node`.
    Node(Node),
    /// `resource.k8s.io` `DeviceClass`.
    Class(DeviceClass),
    /// `resource.k8s.io` `DeviceTaintRule`.
    TaintRule(DeviceTaintRule),
    /// `resource.k8s.io` `ResourceClaim`.
    Claim(ResourceClaim),
    /// `resource.k8s.io` `ResourceClaimTemplate`.
    Template(ResourceClaimTemplate),
    /// `v1` `Pod`.
    Pod(Pod),
}

impl Document {
    /// Kind of the document.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Slice(_) => "ResourceSlice",
            Self::Node(_) => "Node",
            Self::Class(_) => "DeviceClass",
            Self::TaintRule(_) => "DeviceTaintRule",
            Self::Claim(_) => "ResourceClaim",
            Self::Template(_) => "ResourceClaimTemplate",
            Self::Pod(_) => "Pod",
        }
    }

    /// Name, namespace and versions of the document.
    pub fn metadata(&self) -> &ObjectMeta {
        match self {
            Self::Slice(slice) => &slice.metadata,
            Self::Node(node) => &node.metadata,
            Self::Class(class) => &class.metadata,
            Self::TaintRule(rule) => &rule.metadata,
            Self::Claim(claim) => &claim.metadata,
            Self::Template(template) => &template.metadata,
            Self::Pod(pod) => &pod.metadata,
        }
    }
}

/// What stood in the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A document of a kind that is understood.
    Known(Box<Document>),
    /// A document of another kind, by API version, kind and name.
    Unknown {
        /// Its `apiVersion`.
        api_version: String,
        /// Its `kind`.
        kind: String,
        /// `namespace/name` or `name`.
        name: String,
    },
}

/// Whether the defaults of the API server are filled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defaults {
    /// As the API server would.
    Apply,
    /// As written; for documents that were defaulted before.
    Keep,
}

/// Reads all documents of the input, in the order they stand there.
pub fn read(input: &[u8], defaults: Defaults) -> Result<Vec<Entry>, InputError> {
    let text = std::str::from_utf8(input)
        .map_err(|error| InputError::new("", "", format!("input is not UTF-8: {error}")))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reading = Reading {
        defaults,
        entries: Vec::new(),
        shared: Shared::default(),
    };
    if let Some(items) = only_array(text) {
        read_items(&items, &mut reading)?;
        return Ok(reading.entries);
    }
    for value in serde_json::Deserializer::from_str(text).into_iter::<&RawValue>() {
        let value = value
            .map_err(|error| InputError::new("", "", format!("input is not JSON: {error}")))?;
        read_value(value.get(), None, &mut reading)?;
    }
    Ok(reading.entries)
}

/// The items of a text that is one array, without a look at the whole of it before; nothing for any other text.
fn only_array(text: &str) -> Option<Vec<&RawValue>> {
    let is_array = text
        .trim_start_matches([' ', '\t', '\r', '\n'])
        .starts_with('[');
    is_array.then(|| serde_json::from_str(text).ok()).flatten()
}

/// What has been read so far.
struct Reading {
    defaults: Defaults,
    entries: Vec<Entry>,
    shared: Shared,
}

/// API version and kind that the items of a list inherit.
#[derive(Clone, Copy)]
struct Inherited<'a> {
    api_version: &'a str,
    kind: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Header<'a> {
    #[serde(default)]
    api_version: Option<String>,
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    metadata: Option<HeaderMeta>,
    #[serde(default)]
    spec: Option<IgnoredAny>,
    /// Absent, null, or the documents of a list.
    #[serde(default, borrow, deserialize_with = "items")]
    items: Option<Vec<&'a RawValue>>,
    /// The official client's Python form of `apiVersion`.
    #[serde(default, rename = "api_version")]
    snake_case: Option<IgnoredAny>,
}

/// A list without items may say null.
fn items<'de, D: serde::Deserializer<'de>>(
    input: D,
) -> Result<Option<Vec<&'de RawValue>>, D::Error> {
    Option::deserialize(input).map(|items| Some(items.unwrap_or_default()))
}

#[derive(Default, Deserialize)]
struct HeaderMeta {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    namespace: Option<String>,
}

fn read_items(items: &[&RawValue], reading: &mut Reading) -> Result<(), InputError> {
    let none = Inherited {
        api_version: "",
        kind: "",
    };
    let mut items = items.iter();
    items.try_for_each(|item| read_value(item.get(), Some(none), reading))
}

fn read_value(
    text: &str,
    inherited: Option<Inherited<'_>>,
    reading: &mut Reading,
) -> Result<(), InputError> {
    if text.starts_with('[') && inherited.is_none() {
        let items: Vec<&RawValue> = serde_json::from_str(text).map_err(not_json)?;
        return read_items(&items, reading);
    }
    if !text.starts_with('{') {
        return Err(InputError::new("", "", "a document must be a JSON object"));
    }
    let header: Header<'_> = from_text("document", text)?;
    refuse_snake_case(&header)?;
    let meta = header.metadata.unwrap_or_default();
    let or_inherited = |own: Option<String>, of: fn(Inherited<'_>) -> &str| {
        own.filter(|own| !own.is_empty())
            .unwrap_or_else(|| inherited.map(of).unwrap_or_default().to_owned())
    };
    let api_version = or_inherited(header.api_version, |list| list.api_version);
    let kind = or_inherited(header.kind, |list| list.kind);
    let name = qualified(&meta);
    if kind.is_empty() {
        return Err(InputError::new(name, "kind", "is missing"));
    }
    if let (Some(items), Some(item_kind)) = (header.items, kind.strip_suffix("List")) {
        let list = Inherited {
            api_version: if item_kind.is_empty() {
                ""
            } else {
                &api_version
            },
            kind: item_kind,
        };
        return items
            .into_iter()
            .try_for_each(|item| read_value(item.get(), Some(list), reading));
    }
    let named = format!("{kind} {name}").trim_end().to_owned();
    if is_known(&kind, &api_version) {
        check_shape(&named, &kind, &meta, header.spec.is_some())?;
    }
    let mut entry =
        typed(text, &api_version, &kind, &named, reading.defaults)?.unwrap_or(Entry::Unknown {
            api_version,
            kind,
            name,
        });
    if let Entry::Known(document) = &mut entry {
        match &mut **document {
            Document::Slice(slice) => reading.shared.slice(slice),
            Document::Node(node) => reading.shared.node(node),
            _ => {}
        }
    }
    reading.entries.push(entry);
    Ok(())
}

/// What the official client's `to_dict()` makes is no document, though it looks like one.
fn refuse_snake_case(header: &Header<'_>) -> Result<(), InputError> {
    if header.snake_case.is_none() || header.api_version.is_some() {
        return Ok(());
    }
    let message = "is snake_case, as the official client's to_dict() writes it; pass the object itself or \
         kubernetes.client.ApiClient().sanitize_for_serialization(obj)";
    let kind = header.kind.clone().unwrap_or_default();
    Err(InputError::new(kind, "api_version", message))
}

fn qualified(meta: &HeaderMeta) -> String {
    let name = meta.name.clone().unwrap_or_default();
    match meta.namespace.as_deref() {
        None | Some("") => name,
        Some(namespace) => format!("{namespace}/{name}"),
    }
}

fn is_known(kind: &str, api_version: &str) -> bool {
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    match kind {
        "Node" | "Pod" => group.is_empty(),
        "ResourceSlice"
        | "DeviceClass"
        | "DeviceTaintRule"
        | "ResourceClaim"
        | "ResourceClaimTemplate" => group == "resource.k8s.io" || group.is_empty(),
        _ => false,
    }
}

fn check_shape(
    named: &str,
    kind: &str,
    meta: &HeaderMeta,
    has_spec: bool,
) -> Result<(), InputError> {
    if meta.name.as_deref().unwrap_or_default().is_empty() {
        return Err(InputError::new(named, "metadata.name", "is missing"));
    }
    if !has_spec && kind != "Node" {
        return Err(InputError::new(named, "spec", "is missing"));
    }
    Ok(())
}

fn typed(
    text: &str,
    api_version: &str,
    kind: &str,
    named: &str,
    defaults: Defaults,
) -> Result<Option<Entry>, InputError> {
    if !is_known(kind, api_version) {
        return Ok(None);
    }
    let version = api_version.rsplit('/').next().unwrap_or_default();
    let known: &[&str] = match kind {
        "Node" | "Pod" => &["v1"],
        "DeviceTaintRule" => &["v1", "v1beta2", "v1alpha3"],
        _ => &["v1", "v1beta2", "v1beta1"],
    };
    let in_group = matches!(kind, "Node" | "Pod") || api_version.starts_with("resource.k8s.io/");
    if !known.contains(&version) || !in_group {
        let message = format!(
            "{api_version:?} is not supported for {kind}; supported are {}",
            known.join(", ")
        );
        return Err(InputError::new(named, "apiVersion", message));
    }
    let beta1 = version == "v1beta1";
    let mut document = match kind {
        "ResourceSlice" => {
            let slice = if beta1 {
                beta::slice(named, text)?
            } else {
                from_text(named, text)?
            };
            Document::Slice(slice)
        }
        "ResourceClaim" => {
            let claim = if beta1 {
                beta::claim(named, text)?
            } else {
                from_text(named, text)?
            };
            Document::Claim(claim)
        }
        "ResourceClaimTemplate" => {
            let template = if beta1 {
                beta::template(named, text)?
            } else {
                from_text(named, text)?
            };
            Document::Template(template)
        }
        "DeviceClass" => Document::Class(from_text(named, text)?),
        "DeviceTaintRule" => Document::TaintRule(from_text(named, text)?),
        "Node" => Document::Node(from_text(named, text)?),
        _ => Document::Pod(from_text(named, text)?),
    };
    check_fields(named, &document)?;
    if defaults == Defaults::Apply {
        defaults::apply(&mut document);
    }
    Ok(Some(Entry::Known(Box::new(document))))
}

/// Fields without which a document of the kind means nothing.
fn check_fields(named: &str, document: &Document) -> Result<(), InputError> {
    if let Document::Slice(slice) = document {
        for (field, value) in [
            ("spec.driver", &slice.spec.driver),
            ("spec.pool.name", &slice.spec.pool.name),
        ] {
            if value.is_empty() {
                return Err(InputError::new(named, field, "is missing"));
            }
        }
    }
    Ok(())
}

/// Reads one value; only when that fails it is read once more to learn which field is at fault.
pub(crate) fn from_text<'a, T: Deserialize<'a>>(
    named: &str,
    text: &'a str,
) -> Result<T, InputError> {
    serde_json::from_str(text).or_else(|_| {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
            let path = error.path().to_string();
            let path = if path == "." { String::new() } else { path };
            let message = error.into_inner().to_string();
            // The line would be one within this document alone, which the reader of the message does not see.
            let message = message
                .rsplit_once(" at line ")
                .map_or(&*message, |(text, _)| text);
            InputError::new(named, path, message)
        })
    })
}

/// Reads a value that was converted from an older version.
pub(super) fn from_value<T: DeserializeOwned>(
    named: &str,
    value: &serde_json::Value,
) -> Result<T, InputError> {
    from_text::<T>(named, &value.to_string())
}

#[expect(clippy::needless_pass_by_value, reason = "the shape map_err wants")]
fn not_json(error: serde_json::Error) -> InputError {
    InputError::new("", "", format!("input is not JSON: {error}"))
}
