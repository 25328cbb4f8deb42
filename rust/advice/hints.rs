//! Near misses: names and values in claims and classes that no device publishes, with the nearest that one does.
//!
//! Looks at all slices for the nodes asked, whatever state their pools are in. Start at [`hints`].

use std::collections::{BTreeMap, BTreeSet};

use super::near::nearest;
use super::question::{Question, is_allocated};
use super::reach::texts;
use super::space::expressions;
use crate::attribute::split_name;
use crate::cel::{ConstantKind, Reads, compiled};
use crate::claim::Wish;
use crate::error::InputError;
use crate::wire::claim::ResourceClaim;

/// A name or value that no device publishes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hint {
    /// What is missing.
    pub kind: HintKind,
    /// Who names it: a class, or claim and request.
    pub place: String,
    /// The name or value, as it is written there.
    pub name: String,
    /// Of a value, the name that it is compared with.
    pub of: Option<String>,
    /// How many devices were looked at.
    pub devices: usize,
    /// The nearest one that a device publishes.
    pub nearest: Option<String>,
}

/// What no device publishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HintKind {
    /// A driver, or the domain of a name.
    Domain,
    /// An attribute.
    Attribute,
    /// A capacity.
    Capacity,
    /// A value that an attribute is compared with.
    Value,
}

impl HintKind {
    /// The word for it in data.
    pub fn word(self) -> &'static str {
        match self {
            Self::Domain => "domain",
            Self::Attribute => "attribute",
            Self::Capacity => "capacity",
            Self::Value => "value",
        }
    }
}

type Names = BTreeSet<(String, String)>;

/// What devices publish.
#[derive(Default)]
pub(super) struct Catalogue {
    devices: usize,
    drivers: BTreeSet<String>,
    /// Domain and id of attributes and capacities.
    attributes: Names,
    capacity: Names,
    /// Capacities as they are written in slices; requests name them so.
    written: BTreeSet<String>,
    /// The texts of each attribute.
    values: BTreeMap<(String, String), BTreeSet<String>>,
}

impl Catalogue {
    pub(super) fn new(question: &Question<'_>) -> Self {
        let nodes: BTreeSet<&str> = question.nodes.iter().map(String::as_str).collect();
        let mut found = Self::default();
        for slice in question.inventory.slices() {
            let spec = &slice.document().spec;
            let on = spec.node_name.as_deref();
            if !on.is_none_or(|node| nodes.contains(node)) {
                continue;
            }
            found.devices += spec.devices.len();
            found.drivers.insert(spec.driver.to_string());
            for device in &spec.devices {
                let name = |name: &str| {
                    let (domain, id) = split_name(name, &spec.driver);
                    (domain.to_owned(), id.to_owned())
                };
                for (written, attribute) in &device.attributes {
                    let values = found.values.entry(name(written)).or_default();
                    values.extend(texts(attribute, ConstantKind::Text));
                    found.attributes.insert(name(written));
                }
                for written in device.capacity.keys() {
                    found.capacity.insert(name(written));
                    if !found.written.contains(written.as_str()) {
                        found.written.insert(written.to_string());
                    }
                }
            }
        }
        found
    }

    /// What to say of a name that is read; nothing if a device publishes it.
    fn name(&self, kind: HintKind, domain: &str, id: &str, place: &str) -> Option<Hint> {
        let (own, other) = match kind {
            HintKind::Capacity => (&self.capacity, &self.attributes),
            _ => (&self.attributes, &self.capacity),
        };
        let has = |names: &Names, domain: &str| names.iter().any(|(of, _)| of == domain);
        if own.contains(&(domain.to_owned(), id.to_owned())) {
            return None;
        }
        if !has(own, domain) && !has(other, domain) && !self.drivers.contains(domain) {
            let all = own.iter().chain(other).map(|(domain, _)| domain.as_str());
            let all = all.chain(self.drivers.iter().map(String::as_str));
            return Some(self.hint(HintKind::Domain, domain, place, nearest(domain, all)));
        }
        let in_domain = own.iter().filter(|(of, _)| of == domain);
        let near = nearest(id, in_domain.map(|(_, id)| id.as_str()));
        let hint = self.hint(kind, id, place, near);
        // The very name stands elsewhere.
        let elsewhere = other.contains(&(domain.to_owned(), id.to_owned()));
        let other_domain = own.iter().find(|(_, known)| known == id);
        Some(match (elsewhere, other_domain) {
            (true, _) if kind == HintKind::Capacity => Hint {
                nearest: Some(format!("{id}, which is an attribute")),
                ..hint
            },
            (true, _) => Hint {
                nearest: Some(format!("{id}, which is a capacity")),
                ..hint
            },
            (false, Some((domain, id))) => Hint {
                nearest: Some(format!("{domain}/{id}")),
                ..hint
            },
            _ => hint,
        })
    }

    /// Names that are read and not published, each with the nearest one that is: ids within their domain, domains where
    /// nothing of them is published.
    pub(super) fn renames(&self, reads: &Reads) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for (published, read) in [
            (&self.attributes, &reads.attributes),
            (&self.capacity, &reads.capacity),
        ] {
            for (domain, id) in read {
                let Some(id) = id else {
                    continue;
                };
                if published.contains(&(domain.clone(), id.clone())) {
                    continue;
                }
                let ids: Vec<&str> = published
                    .iter()
                    .filter(|(of, _)| of == domain)
                    .map(|(_, id)| id.as_str())
                    .collect();
                let (from, to) = if ids.is_empty() {
                    let domains = published.iter().map(|(domain, _)| domain.as_str());
                    (domain, nearest(domain, domains))
                } else {
                    (id, nearest(id, ids.into_iter()))
                };
                found.extend(to.map(|to| (from.clone(), to.to_owned())));
            }
        }
        found
    }

    fn hint(&self, kind: HintKind, name: &str, place: &str, nearest: Option<&str>) -> Hint {
        Hint {
            kind,
            place: place.to_owned(),
            name: name.to_owned(),
            of: None,
            devices: self.devices,
            nearest: nearest.map(str::to_owned),
        }
    }
}

/// The near misses in the claims and their classes.
pub(super) fn hints(question: &Question<'_>) -> Result<Vec<Hint>, InputError> {
    let catalogue = Catalogue::new(question);
    let mut found = BTreeSet::new();
    for claim in question.claims()? {
        if !is_allocated(question.inventory, &claim) {
            of_claim(question, &catalogue, &claim, &mut found);
        }
    }
    Ok(found.into_iter().collect())
}

fn of_claim(
    question: &Question<'_>,
    catalogue: &Catalogue,
    claim: &ResourceClaim,
    found: &mut BTreeSet<Hint>,
) {
    let claim_key = crate::claim::key(claim);
    for wish in claim.spec.devices.requests.iter().flat_map(Wish::of) {
        let place = format!("claim {claim_key}, request {}", wish.reference());
        let class = question.inventory.class(wish.class);
        let of_class = class
            .map(|class| class.spec.selectors.as_slice())
            .unwrap_or_default();
        for (_, expression) in expressions(of_class) {
            let place = format!("class {}", wish.class);
            of_expression(catalogue, expression, &place, found);
        }
        for (_, expression) in expressions(wish.selectors) {
            of_expression(catalogue, expression, &place, found);
        }
        let asked = wish
            .capacity
            .into_iter()
            .flat_map(|capacity| capacity.requests.keys());
        for name in asked.filter(|name| !catalogue.written.contains(*name)) {
            let near = nearest(name, catalogue.written.iter().map(String::as_str));
            found.insert(catalogue.hint(HintKind::Capacity, name, &place, near));
        }
    }
    let derived = claim.spec.devices.requests.iter().flat_map(Wish::of);
    let derived: BTreeSet<&str> = derived
        .flat_map(|wish| wish.derived)
        .map(|d| d.name.as_str())
        .collect();
    for constraint in &claim.spec.devices.constraints {
        let names = [&constraint.match_attribute, &constraint.distinct_attribute];
        for name in names
            .into_iter()
            .flatten()
            .filter(|name| !derived.contains(name.as_str()))
        {
            let place = format!("claim {claim_key}, constraint");
            let (domain, id) = split_name(name, "");
            found.extend(catalogue.name(HintKind::Attribute, domain, id, &place));
        }
    }
}

fn of_expression(catalogue: &Catalogue, expression: &str, place: &str, found: &mut BTreeSet<Hint>) {
    if let Ok(selector) = compiled(expression).as_ref() {
        let reads = selector.reads();
        let names = [
            (HintKind::Attribute, &reads.attributes),
            (HintKind::Capacity, &reads.capacity),
        ];
        for (kind, names) in names {
            for (domain, id) in names {
                if let Some(id) = id {
                    found.extend(catalogue.name(kind, domain, id, place));
                }
            }
        }
    }
    for range in crate::cel::terms(expression) {
        let term = expression.get(range).unwrap_or_default();
        if let Ok(selector) = compiled(term).as_ref() {
            values(catalogue, term, selector.reads(), place, found);
        }
    }
}

/// A text that equals no value of the one attribute that the term reads.
fn values(
    catalogue: &Catalogue,
    term: &str,
    reads: &Reads,
    place: &str,
    found: &mut BTreeSet<Hint>,
) {
    let named: Vec<_> = reads.attributes.iter().collect();
    let known = match named.as_slice() {
        [] if reads.driver && !reads.all_attributes => {
            Some((&catalogue.drivers, "driver".to_owned()))
        }
        [(domain, Some(id))] if !reads.driver => {
            let values = catalogue.values.get(&(domain.clone(), id.clone()));
            values.map(|values| (values, id.clone()))
        }
        _ => None,
    };
    let Some((values, of)) = known else {
        return;
    };
    for constant in crate::cel::constants(term) {
        let is_missing = constant.kind == ConstantKind::Text
            && constant.is_equated
            && !values.contains(&constant.text)
            && !values.is_empty();
        if is_missing {
            let near = nearest(&constant.text, values.iter().map(String::as_str));
            found.insert(Hint {
                of: Some(of.clone()),
                ..catalogue.hint(HintKind::Value, &constant.text, place, near)
            });
        }
    }
}
