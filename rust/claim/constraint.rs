//! Constraints across the devices of a claim, with their running state: push a device, pop it.
//!
//! Both kinds are monotone: once refused, more devices never heal it. With list-typed attributes on, every value is a
//! set: `matchAttribute` wants a common element, `distinctAttribute` disjoint sets. Start at [`Constraint::push`].

use std::collections::BTreeSet;

use super::Wish;
use crate::attribute::Name;
use crate::proof::Element;
use crate::wire::claim::DeviceConstraint;
use crate::wire::slice::{DeviceAttribute, VersionText};

/// A constraint with the values of the devices it has accepted so far.
#[derive(Debug)]
pub struct Constraint<'a> {
    kind: Kind,
    attribute: &'a str,
    requests: &'a [String],
    accepted: Vec<Values>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Match,
    Distinct,
}

/// The value of an attribute as constraints compare it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value(Values);

impl Value {
    /// What is compared of an attribute, with list types understood or not.
    pub fn of(attribute: &DeviceAttribute, lists: bool) -> Self {
        Self(if lists {
            set(attribute)
        } else {
            scalar(attribute)
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Values {
    Ints(BTreeSet<i64>),
    Bools(BTreeSet<bool>),
    Strings(BTreeSet<Name>),
    Versions(BTreeSet<VersionText>),
    /// With list types off: all single values. The first one of the newer device, in the order of the fields, decides;
    /// a well-formed attribute has only one.
    Scalars(Box<Scalars>),
    /// No type that is understood. Scalar constraints accept it as the first device and then nothing else.
    Unknown,
}

/// The single values of an attribute. Versions are compared as texts.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Scalars {
    string: Option<Name>,
    int: Option<i64>,
    bool: Option<bool>,
    version: Option<VersionText>,
}

impl Scalars {
    /// The value, if there is just one.
    fn only(&self) -> Option<Element> {
        let text = self
            .string
            .as_ref()
            .map(|v| Element::String(v.as_str().to_owned()));
        let version = self
            .version
            .as_ref()
            .map(|v| Element::Version(v.text().to_owned()));
        let values = [
            text,
            self.int.map(Element::Int),
            self.bool.map(Element::Bool),
            version,
        ];
        let mut values = values.into_iter().flatten();
        let first = values.next();
        first.filter(|_| values.next().is_none())
    }

    /// Whether the first value that a newer device has is this one's value of the same type.
    fn has_first_of(&self, newer: &Self) -> bool {
        if newer.string.is_some() {
            self.string == newer.string
        } else if newer.int.is_some() {
            self.int == newer.int
        } else if newer.bool.is_some() {
            self.bool == newer.bool
        } else {
            self.version == newer.version
        }
    }
}

impl<'a> Constraint<'a> {
    /// The constraint of a document; `None` for one of an unknown kind.
    pub fn new(document: &'a DeviceConstraint) -> Option<Self> {
        let (kind, attribute) = match (&document.match_attribute, &document.distinct_attribute) {
            (Some(attribute), _) => (Kind::Match, attribute),
            (None, Some(attribute)) => (Kind::Distinct, attribute),
            (None, None) => return None,
        };
        Some(Self {
            kind,
            attribute,
            requests: &document.requests,
            accepted: Vec::new(),
        })
    }

    /// The attribute it compares.
    pub fn attribute(&self) -> &'a str {
        self.attribute
    }

    /// Whether devices for the wish are under the constraint.
    pub fn applies_to(&self, wish: &Wish<'_>) -> bool {
        self.requests.is_empty() || wish.is_named_in(self.requests)
    }

    /// Whether it is a `matchAttribute`.
    pub fn is_match(&self) -> bool {
        self.kind == Kind::Match
    }

    /// The values that it compares of an attribute; `None` for an attribute that no API server takes, with several
    /// values or none that is understood.
    pub fn elements(&self, attribute: &DeviceAttribute, lists: bool) -> Option<Vec<Element>> {
        match Value::of(attribute, lists).0 {
            Values::Ints(values) => Some(values.into_iter().map(Element::Int).collect()),
            Values::Bools(values) => Some(values.into_iter().map(Element::Bool).collect()),
            Values::Strings(values) => {
                let text = |value: Name| Element::String(value.as_str().to_owned());
                Some(values.into_iter().map(text).collect())
            }
            Values::Versions(values) => {
                let text = |value: VersionText| Element::Version(value.text().to_owned());
                Some(values.into_iter().map(text).collect())
            }
            Values::Scalars(scalars) => scalars.only().map(|element| vec![element]),
            Values::Unknown => None,
        }
    }

    /// Whether it accepts a device by its attribute when there is no other.
    pub fn accepts_alone(&self, attribute: Option<&DeviceAttribute>, lists: bool) -> bool {
        attribute.is_some_and(|attribute| !lists || set(attribute) != Values::Unknown)
    }

    /// Whether it accepts a device by the value of its attribute, beside those accepted so far.
    pub fn accepts(&self, value: Option<&Value>, lists: bool) -> bool {
        let Some(Value(values)) = value else {
            return false;
        };
        match (self.kind, self.accepted.last()) {
            (_, _) if lists && *values == Values::Unknown => false,
            (_, None) => true,
            (Kind::Match, Some(common)) => common.meets(values),
            (Kind::Distinct, Some(_)) => {
                let mut others = self.accepted.iter();
                *values != Values::Unknown && others.all(|other| !other.meets(values))
            }
        }
    }

    /// Accepts a device by the value of its attribute, or refuses it and changes nothing.
    pub fn push(&mut self, value: Option<&Value>, lists: bool) -> bool {
        let Some(Value(values)) = value.filter(|value| self.accepts(Some(value), lists)) else {
            return false;
        };
        let next = match (self.kind, self.accepted.last()) {
            (Kind::Match, Some(common)) => common.intersection(values),
            (_, _) => values.clone(),
        };
        self.accepted.push(next);
        true
    }

    /// Takes back all devices.
    pub fn clear(&mut self) {
        self.accepted.clear();
    }

    /// Takes back the device accepted last.
    pub fn pop(&mut self) {
        self.accepted.pop();
    }
}

impl Values {
    /// Whether two values have something in common, the second being of the newer device; not if their types differ.
    fn meets(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Ints(a), Self::Ints(b)) => !a.is_disjoint(b),
            (Self::Bools(a), Self::Bools(b)) => !a.is_disjoint(b),
            (Self::Strings(a), Self::Strings(b)) => !a.is_disjoint(b),
            (Self::Versions(a), Self::Versions(b)) => !a.is_disjoint(b),
            (Self::Scalars(a), Self::Scalars(b)) => a.has_first_of(b),
            _ => false,
        }
    }

    /// What two values that meet have in common; of single values the older device's counts on.
    fn intersection(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Ints(a), Self::Ints(b)) => Self::Ints(a & b),
            (Self::Bools(a), Self::Bools(b)) => Self::Bools(a & b),
            (Self::Strings(a), Self::Strings(b)) => Self::Strings(a & b),
            (Self::Versions(a), Self::Versions(b)) => Self::Versions(a & b),
            _ => self.clone(),
        }
    }
}

/// The value with list types understood; an empty list counts as absent.
fn set(attribute: &DeviceAttribute) -> Values {
    fn filled<T: Ord + Clone>(list: Option<&[T]>) -> Option<BTreeSet<T>> {
        let list = list.filter(|list| !list.is_empty())?;
        Some(list.iter().cloned().collect())
    }
    if let Some(values) = filled(attribute.ints()) {
        Values::Ints(values)
    } else if let Some(values) = filled(attribute.bools()) {
        Values::Bools(values)
    } else if let Some(values) = filled(attribute.strings()) {
        Values::Strings(values)
    } else if let Some(values) = filled(attribute.versions()) {
        Values::Versions(values)
    } else if let Some(value) = attribute.int() {
        Values::Ints([value].into())
    } else if let Some(value) = attribute.bool() {
        Values::Bools([value].into())
    } else if let Some(value) = attribute.string() {
        Values::Strings([value.clone()].into())
    } else if let Some(value) = attribute.version() {
        Values::Versions([value.clone()].into())
    } else {
        Values::Unknown
    }
}

/// The value with list types off.
fn scalar(attribute: &DeviceAttribute) -> Values {
    let scalars = Scalars {
        string: attribute.string().cloned(),
        int: attribute.int(),
        bool: attribute.bool(),
        version: attribute.version().cloned(),
    };
    let Scalars {
        string,
        int,
        bool,
        version,
    } = &scalars;
    let is_empty = string.is_none() && int.is_none() && bool.is_none() && version.is_none();
    if is_empty {
        Values::Unknown
    } else {
        Values::Scalars(Box::new(scalars))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(document: &str) -> DeviceAttribute {
        serde_json::from_str(document).expect("an attribute")
    }

    fn accepts(document: &DeviceConstraint, attributes: &[DeviceAttribute]) -> Vec<bool> {
        let mut constraint = Constraint::new(document).expect("a known kind");
        attributes
            .iter()
            .map(|attribute| constraint.push(Some(&Value::of(attribute, false)), false))
            .collect()
    }

    #[test]
    fn the_newer_device_decides_which_of_several_values_counts() {
        let both = attribute(r#"{"int":1,"string":"A"}"#);
        let (one, text) = (attribute(r#"{"int":1}"#), attribute(r#"{"string":"A"}"#));
        let name = Some("d/a".to_owned());
        let distinct = DeviceConstraint {
            distinct_attribute: name.clone(),
            ..DeviceConstraint::default()
        };
        assert_eq!(
            accepts(&distinct, &[both.clone(), one.clone()]),
            [true, false]
        );
        assert_eq!(
            accepts(&distinct, &[one.clone(), both.clone()]),
            [true, true]
        );
        let same = DeviceConstraint {
            match_attribute: name,
            ..DeviceConstraint::default()
        };
        assert_eq!(
            accepts(&same, &[both.clone(), one.clone(), text.clone()]),
            [true, true, true]
        );
        assert_eq!(accepts(&same, &[one, both, text]), [true, false, false]);
    }
}
