//! Maps by name that take little memory: devices of a kind publish the same names, so they share them.
//!
//! Ordered by name; never changed in place but for a single insertion. Start at [`NameMap::get`].

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A text that many values share.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Arc<str>);

impl Name {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, to be shared.
    pub fn shared(&self) -> &Arc<str> {
        &self.0
    }
}

impl Default for Name {
    fn default() -> Self {
        Self::from("")
    }
}

impl std::ops::Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl std::borrow::Borrow<str> for Name {
    fn borrow(&self) -> &str {
        self
    }
}

impl PartialEq<str> for Name {
    fn eq(&self, other: &str) -> bool {
        &**self == other
    }
}

impl PartialEq<&str> for Name {
    fn eq(&self, other: &&str) -> bool {
        &**self == *other
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        Self(Arc::from(text))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl<'de> Deserialize<'de> for Name {
    /// As a `String`, without making one first.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = Name;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E>(self, text: &str) -> Result<Name, E> {
                Ok(Name::from(text))
            }
        }

        deserializer.deserialize_str(Text)
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

/// Values by name, ascending.
#[derive(Clone, PartialEq, Eq)]
pub struct NameMap<V> {
    /// Ascending, each once; as many as there are values.
    names: Arc<[Name]>,
    values: Box<[V]>,
}

impl<V> NameMap<V> {
    /// The value of this name.
    pub fn get(&self, name: &str) -> Option<&V> {
        self.values.get(self.place(name).ok()?)
    }

    /// The value of an id in a domain. An unqualified name is one of `driver`'s domain. Where both `id` and
    /// `driver/id` are there, the one that sorts last counts.
    pub fn get_qualified(&self, wanted: QualifiedName<'_>, driver: &str) -> Option<&V> {
        let bare = wanted.id.len();
        let whole = wanted.domain.len() + 1 + bare;
        // Lengths differ nearly always, so few texts are looked at.
        let place = self.names.iter().rposition(|name| {
            let length = name.len();
            length == bare && wanted.is_bare(name) && wanted.domain == driver
                || length == whole && wanted.is_whole(name)
        })?;
        self.values.get(place)
    }

    /// Whether there is a value of this name.
    pub fn contains_key(&self, name: &str) -> bool {
        self.place(name).is_ok()
    }

    /// Names and values, ascending.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&Name, &V)> {
        self.names.iter().zip(&self.values)
    }

    /// The names, ascending.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &Name> {
        self.names.iter()
    }

    /// The values, in the order of their names.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> {
        self.values.iter()
    }

    /// The values, in the order of their names.
    pub fn values_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut V> {
        self.values.iter_mut()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The names as one list; maps with the same names can share it.
    pub(crate) fn names(&self) -> &Arc<[Name]> {
        &self.names
    }

    /// Takes an equal list of names instead of its own.
    pub(crate) fn share_names(&mut self, names: &Arc<[Name]>) {
        debug_assert_eq!(self.names, *names, "only equal names can be shared");
        self.names = Arc::clone(names);
    }

    fn place(&self, name: &str) -> Result<usize, usize> {
        self.names.binary_search_by(|own| (**own).cmp(name))
    }
}

/// An id in a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QualifiedName<'a> {
    domain: &'a str,
    id: &'a str,
    /// Both are known to have no slash; a domain with one is in no name, an id with one in no name without domain.
    is_plain: bool,
}

impl<'a> QualifiedName<'a> {
    /// The name made of its parts.
    pub fn new(domain: &'a str, id: &'a str) -> Self {
        Self {
            domain,
            id,
            is_plain: false,
        }
    }

    /// As [`QualifiedName::new`], of parts that are known to have no slash.
    pub(crate) fn plain(domain: &'a str, id: &'a str) -> Self {
        Self {
            is_plain: true,
            ..Self::new(domain, id)
        }
    }

    fn is_bare(self, name: &str) -> bool {
        name == self.id && (self.is_plain || !self.id.contains('/'))
    }

    fn is_whole(self, name: &str) -> bool {
        let rest = name.strip_prefix(self.domain);
        rest.and_then(|rest| rest.strip_prefix('/')) == Some(self.id)
            && (self.is_plain || !self.domain.contains('/'))
    }
}

impl<V> Default for NameMap<V> {
    fn default() -> Self {
        Self {
            names: Arc::default(),
            values: Box::default(),
        }
    }
}

impl<V> FromIterator<(Name, V)> for NameMap<V> {
    /// Of equal names the last one counts.
    fn from_iter<I: IntoIterator<Item = (Name, V)>>(entries: I) -> Self {
        let mut entries: Vec<(Name, V)> = entries.into_iter().collect();
        if entries.is_empty() {
            return Self::default();
        }
        if !entries.is_sorted_by(|a, b| a.0 < b.0) {
            // The sort is stable: of equal names the last one comes first once the order is turned around.
            entries.reverse();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            entries.dedup_by(|later, kept| later.0 == kept.0);
        }
        let (names, values): (Vec<Name>, Vec<V>) = entries.into_iter().unzip();
        Self {
            names: names.into(),
            values: values.into(),
        }
    }
}

impl<'a, V> IntoIterator for &'a NameMap<V> {
    type Item = (&'a Name, &'a V);
    type IntoIter = std::iter::Zip<std::slice::Iter<'a, Name>, std::slice::Iter<'a, V>>;

    fn into_iter(self) -> Self::IntoIter {
        self.names.iter().zip(&self.values)
    }
}

impl<V: fmt::Debug> fmt::Debug for NameMap<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for NameMap<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<V>(PhantomData<V>);

        impl<'de, V: Deserialize<'de>> Visitor<'de> for Entries<V> {
            type Value = NameMap<V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<NameMap<V>, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(entries.into_iter().collect())
            }
        }

        deserializer.deserialize_map(Entries(PhantomData))
    }
}

impl<V: Serialize> Serialize for NameMap<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(names: &[(&str, i64)]) -> NameMap<i64> {
        names
            .iter()
            .map(|(name, value)| (Name::from(*name), *value))
            .collect()
    }

    #[test]
    fn ordered_by_name_and_the_last_of_equal_names_counts() {
        let found = map(&[("b", 1), ("a", 2), ("b", 3), ("a", 4), ("c", 5)]);
        let entries: Vec<(&str, i64)> = found.iter().map(|(name, v)| (&**name, *v)).collect();
        assert_eq!(entries, [("a", 4), ("b", 3), ("c", 5)]);
        assert_eq!(found.get("b"), Some(&3));
        assert!(!found.contains_key("d"));
        let read: NameMap<i64> = serde_json::from_str(r#"{"b":1,"a":2,"b":3}"#).expect("a map");
        assert_eq!(read, map(&[("a", 2), ("b", 3)]));
        let text = serde_json::to_string(&read).expect("JSON");
        assert_eq!(text, r#"{"a":2,"b":3}"#);
    }

    #[test]
    fn qualified_names_split_at_the_first_slash() {
        let found = map(&[("a/b/c", 1), ("d/x", 2), ("x", 3), ("z/x", 4)]);
        let get = |domain: &'static str, id: &'static str, driver: &str| {
            found.get_qualified(QualifiedName::new(domain, id), driver)
        };
        assert_eq!(get("a", "b/c", "d"), Some(&1));
        assert_eq!(get("a/b", "c", "d"), None);
        assert_eq!(get("d", "x", "d"), Some(&3));
        assert_eq!(get("d", "x", "e"), Some(&2));
        assert_eq!(get("e", "x", "e"), Some(&3));
        assert_eq!(get("z", "x", "z"), Some(&4));
        assert_eq!(get("a", "b/c", "a"), Some(&1));
    }
}
