//! Constraints: attributes that devices of a claim must share or must not share.
//!
//! Works on the list of values in the order of the picks and knows no devices. Start at [`agrees`] and [`differs`].

use std::collections::BTreeSet;

use crate::proof::Element;
use crate::wire::slice::{Device, DeviceAttribute, VersionText};

/// The values of an attribute as a set of one type.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Values<'a> {
    Ints(BTreeSet<i64>),
    Bools(BTreeSet<bool>),
    Strings(BTreeSet<&'a str>),
    Versions(BTreeSet<&'a str>),
}

/// The published value of a fully qualified attribute: under its own name, or in the driver's own domain under the
/// short name.
pub(super) fn published<'a>(
    device: &'a Device,
    driver: &str,
    name: &str,
) -> Option<&'a DeviceAttribute> {
    device.attributes.get(name).or_else(|| {
        let (domain, id) = name.split_once('/')?;
        (domain == driver).then(|| device.attributes.get(id))?
    })
}

/// Whether a device with the value `new` may join those with the values `before` under a `matchAttribute`.
pub(super) fn agrees(before: &[DeviceAttribute], new: &DeviceAttribute, lists: bool) -> bool {
    if !lists {
        // The first device is taken whatever its value is.
        return before
            .first()
            .is_none_or(|first| same(first, new) == Some(true));
    }
    let sets: Option<Vec<Values<'_>>> = before.iter().chain([new]).map(values).collect();
    let Some(sets) = sets else {
        return false;
    };
    let mut sets = sets.into_iter();
    let first = sets.next();
    sets.try_fold(first, |common, next| {
        Some(Some(common_values(common?.clone(), next)?))
    })
    .is_some()
}

/// Whether a device with the value `new` may join those with the values `before` under a `distinctAttribute`.
pub(super) fn differs(before: &[DeviceAttribute], new: &DeviceAttribute, lists: bool) -> bool {
    if !lists {
        return before.iter().all(|old| same(old, new) == Some(false));
    }
    let Some(new) = values(new) else {
        return false;
    };
    before
        .iter()
        .filter_map(values)
        .all(|old| common_values(old, new.clone()).is_none())
}

/// The values of a plain attribute: one, or with lists the elements of the list. `None` if the attribute has several
/// single values or none, as no API server takes it; such values are compared oddly.
pub(super) fn elements(attribute: &DeviceAttribute, lists: bool) -> Option<BTreeSet<Element>> {
    if lists {
        return Some(match values(attribute)? {
            Values::Ints(set) => set.into_iter().map(Element::Int).collect(),
            Values::Bools(set) => set.into_iter().map(Element::Bool).collect(),
            Values::Strings(set) => set.into_iter().map(|v| Element::String(v.into())).collect(),
            Values::Versions(set) => set
                .into_iter()
                .map(|v| Element::Version(v.into()))
                .collect(),
        });
    }
    let text = attribute.string().map(|v| Element::String(v.to_string()));
    let version = attribute
        .version()
        .map(|v| Element::Version(v.text().to_owned()));
    let members = [
        text,
        attribute.int().map(Element::Int),
        attribute.bool().map(Element::Bool),
        version,
    ];
    let set: BTreeSet<Element> = members.into_iter().flatten().collect();
    (set.len() == 1).then_some(set)
}

/// Whether the old value is of the new one's type and equal; `None` if the new one is no scalar.
fn same(old: &DeviceAttribute, new: &DeviceAttribute) -> Option<bool> {
    if new.string().is_some() {
        Some(old.string() == new.string())
    } else if new.int().is_some() {
        Some(old.int() == new.int())
    } else if new.bool().is_some() {
        Some(old.bool() == new.bool())
    } else if new.version().is_some() {
        Some(old.version() == new.version())
    } else {
        None
    }
}

fn values(attribute: &DeviceAttribute) -> Option<Values<'_>> {
    fn filled<T>(list: Option<&[T]>) -> Option<&[T]> {
        list.filter(|list| !list.is_empty())
    }
    if let Some(list) = filled(attribute.ints()) {
        Some(Values::Ints(list.iter().copied().collect()))
    } else if let Some(list) = filled(attribute.bools()) {
        Some(Values::Bools(list.iter().copied().collect()))
    } else if let Some(list) = filled(attribute.strings()) {
        Some(Values::Strings(list.iter().map(|text| &**text).collect()))
    } else if let Some(list) = filled(attribute.versions()) {
        Some(Values::Versions(
            list.iter().map(VersionText::text).collect(),
        ))
    } else if let Some(int) = attribute.int() {
        Some(Values::Ints(BTreeSet::from([int])))
    } else if let Some(bool) = attribute.bool() {
        Some(Values::Bools(BTreeSet::from([bool])))
    } else if let Some(string) = attribute.string() {
        Some(Values::Strings(BTreeSet::from([&**string])))
    } else {
        let version = attribute.version()?.text();
        Some(Values::Versions(BTreeSet::from([version])))
    }
}

/// The values in both sets; `None` if there are none or the types differ.
fn common_values<'a>(a: Values<'a>, b: Values<'a>) -> Option<Values<'a>> {
    fn both<T: Ord + Clone>(a: &BTreeSet<T>, b: &BTreeSet<T>) -> Option<BTreeSet<T>> {
        let both: BTreeSet<T> = a.intersection(b).cloned().collect();
        (!both.is_empty()).then_some(both)
    }
    match (a, b) {
        (Values::Ints(a), Values::Ints(b)) => both(&a, &b).map(Values::Ints),
        (Values::Bools(a), Values::Bools(b)) => both(&a, &b).map(Values::Bools),
        (Values::Strings(a), Values::Strings(b)) => both(&a, &b).map(Values::Strings),
        (Values::Versions(a), Values::Versions(b)) => both(&a, &b).map(Values::Versions),
        _ => None,
    }
}
