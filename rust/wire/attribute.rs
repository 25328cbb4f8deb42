//! The value of an attribute as its driver publishes it, in little memory.
//!
//! The API wants exactly one member; documents with several or none are kept as they are, since upstream allocates with
//! them. Never decides which member counts. Start at [`DeviceAttribute`].

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::attribute::Name;
use crate::version::Version;

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(from = "Members", into = "Members")]
pub struct DeviceAttribute(Content);

/// One member without further ado; anything else in a box.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Content {
    Int(i64),
    Bool(bool),
    String(Name),
    Version(VersionText),
    Other(Box<Members>),
}

/// All members, as the API has them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(default, expecting = "struct DeviceAttribute")]
struct Members {
    #[serde(skip_serializing_if = "Option::is_none")]
    int: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bool: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    string: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<VersionText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ints: Option<Vec<i64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bools: Option<Vec<bool>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    strings: Option<Vec<Name>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    versions: Option<Vec<VersionText>>,
}

/// The one member of an attribute that has one and no list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Single<'a> {
    /// An integer.
    Int(i64),
    /// A truth value.
    Bool(bool),
    /// A text.
    String(&'a Name),
    /// A semantic version.
    Version(&'a VersionText),
}

impl Members {
    fn count(&self) -> usize {
        [
            self.int.is_some(),
            self.bool.is_some(),
            self.string.is_some(),
            self.version.is_some(),
            self.ints.is_some(),
            self.bools.is_some(),
            self.strings.is_some(),
            self.versions.is_some(),
        ]
        .into_iter()
        .filter(|is_set| *is_set)
        .count()
    }
}

impl DeviceAttribute {
    /// Its member, if it has exactly one and that is no list.
    pub fn single(&self) -> Option<Single<'_>> {
        match &self.0 {
            Content::Int(int) => Some(Single::Int(*int)),
            Content::Bool(bool) => Some(Single::Bool(*bool)),
            Content::String(string) => Some(Single::String(string)),
            Content::Version(version) => Some(Single::Version(version)),
            Content::Other(_) => None,
        }
    }

    /// The integer, if that member is there.
    pub fn int(&self) -> Option<i64> {
        match &self.0 {
            Content::Int(int) => Some(*int),
            Content::Other(members) => members.int,
            _ => None,
        }
    }

    /// The truth value, if that member is there.
    pub fn bool(&self) -> Option<bool> {
        match &self.0 {
            Content::Bool(bool) => Some(*bool),
            Content::Other(members) => members.bool,
            _ => None,
        }
    }

    /// The text, if that member is there.
    pub fn string(&self) -> Option<&Name> {
        match &self.0 {
            Content::String(string) => Some(string),
            Content::Other(members) => members.string.as_ref(),
            _ => None,
        }
    }

    /// The semantic version, if that member is there.
    pub fn version(&self) -> Option<&VersionText> {
        match &self.0 {
            Content::Version(version) => Some(version),
            Content::Other(members) => members.version.as_ref(),
            _ => None,
        }
    }

    /// The list of integers, if that member is there.
    pub fn ints(&self) -> Option<&[i64]> {
        match &self.0 {
            Content::Other(members) => members.ints.as_deref(),
            _ => None,
        }
    }

    /// The list of truth values, if that member is there.
    pub fn bools(&self) -> Option<&[bool]> {
        match &self.0 {
            Content::Other(members) => members.bools.as_deref(),
            _ => None,
        }
    }

    /// The list of texts, if that member is there.
    pub fn strings(&self) -> Option<&[Name]> {
        match &self.0 {
            Content::Other(members) => members.strings.as_deref(),
            _ => None,
        }
    }

    /// The list of semantic versions, if that member is there.
    pub fn versions(&self) -> Option<&[VersionText]> {
        match &self.0 {
            Content::Other(members) => members.versions.as_deref(),
            _ => None,
        }
    }

    /// Shows every text, so that equal ones can be shared.
    pub(super) fn texts_mut(&mut self, see: &mut impl FnMut(&mut Name)) {
        match &mut self.0 {
            Content::Int(_) | Content::Bool(_) | Content::Version(_) => {}
            Content::String(string) => see(string),
            Content::Other(members) => {
                members.string.iter_mut().for_each(&mut *see);
                members.strings.iter_mut().flatten().for_each(see);
            }
        }
    }

    /// Shows every version, so that equal ones can be shared.
    pub(super) fn versions_mut(&mut self, see: &mut impl FnMut(&mut VersionText)) {
        match &mut self.0 {
            Content::Version(version) => see(version),
            Content::Other(members) => {
                members.version.iter_mut().for_each(&mut *see);
                members.versions.iter_mut().flatten().for_each(see);
            }
            _ => {}
        }
    }
}

impl Default for DeviceAttribute {
    /// No member at all.
    fn default() -> Self {
        Self::from(Members::default())
    }
}

impl From<Members> for DeviceAttribute {
    /// What has a short form takes it, so that equal attributes are equal values.
    fn from(mut members: Members) -> Self {
        if members.count() == 1 {
            if let Some(int) = members.int {
                return Self(Content::Int(int));
            }
            if let Some(bool) = members.bool {
                return Self(Content::Bool(bool));
            }
            if let Some(string) = members.string.take() {
                return Self(Content::String(string));
            }
            if let Some(version) = members.version.take() {
                return Self(Content::Version(version));
            }
        }
        Self(Content::Other(Box::new(members)))
    }
}

impl From<DeviceAttribute> for Members {
    fn from(attribute: DeviceAttribute) -> Self {
        let mut members = Members::default();
        match attribute.0 {
            Content::Int(int) => members.int = Some(int),
            Content::Bool(bool) => members.bool = Some(bool),
            Content::String(string) => members.string = Some(string),
            Content::Version(version) => members.version = Some(version),
            Content::Other(all) => return *all,
        }
        members
    }
}

impl From<i64> for DeviceAttribute {
    fn from(int: i64) -> Self {
        Self(Content::Int(int))
    }
}

impl From<bool> for DeviceAttribute {
    fn from(bool: bool) -> Self {
        Self(Content::Bool(bool))
    }
}

impl From<Name> for DeviceAttribute {
    fn from(string: Name) -> Self {
        Self(Content::String(string))
    }
}

impl From<VersionText> for DeviceAttribute {
    fn from(version: VersionText) -> Self {
        Self(Content::Version(version))
    }
}

impl From<Vec<i64>> for DeviceAttribute {
    fn from(ints: Vec<i64>) -> Self {
        Self::from(Members {
            ints: Some(ints),
            ..Members::default()
        })
    }
}

impl From<Vec<bool>> for DeviceAttribute {
    fn from(bools: Vec<bool>) -> Self {
        Self::from(Members {
            bools: Some(bools),
            ..Members::default()
        })
    }
}

impl From<Vec<Name>> for DeviceAttribute {
    fn from(strings: Vec<Name>) -> Self {
        Self::from(Members {
            strings: Some(strings),
            ..Members::default()
        })
    }
}

impl From<Vec<VersionText>> for DeviceAttribute {
    fn from(versions: Vec<VersionText>) -> Self {
        Self::from(Members {
            versions: Some(versions),
            ..Members::default()
        })
    }
}

/// A semantic version as written, and what it reads as, found out once. Equality and order are
/// those of the text, not of the version.
#[derive(Clone)]
pub struct VersionText(Arc<Read>);

struct Read {
    text: Box<str>,
    version: OnceLock<Result<Arc<Version>, String>>,
}

impl VersionText {
    /// The text.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// The version, or why the text is none.
    pub fn read(&self) -> Result<&Arc<Version>, &str> {
        let version = self
            .0
            .version
            .get_or_init(|| Version::parse(&self.0.text).map(Arc::new));
        version.as_ref().map_err(String::as_str)
    }
}

impl From<&str> for VersionText {
    fn from(text: &str) -> Self {
        Self(Arc::new(Read {
            text: Box::from(text),
            version: OnceLock::new(),
        }))
    }
}

impl std::borrow::Borrow<str> for VersionText {
    fn borrow(&self) -> &str {
        self.text()
    }
}

impl PartialEq for VersionText {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl Eq for VersionText {}

impl PartialOrd for VersionText {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for VersionText {
    fn cmp(&self, other: &Self) -> Ordering {
        self.text().cmp(other.text())
    }
}

impl Hash for VersionText {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text().hash(state);
    }
}

impl fmt::Debug for VersionText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.text(), f)
    }
}

impl<'de> Deserialize<'de> for VersionText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Name::deserialize(deserializer)?;
        Ok(Self::from(&*text))
    }
}

impl Serialize for VersionText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.text())
    }
}
