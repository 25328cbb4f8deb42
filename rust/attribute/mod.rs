//! Names of attributes and capacities, and maps by such names.
//!
//! A name is `id` or `domain/id`; without a domain the driver's name is meant. Only the first slash separates. Never
//! looks at what a name stands for. Start at [`split_name`] and [`NameMap`].

mod name_map;

use std::hash::Hasher as _;

pub use name_map::{Name, NameMap, QualifiedName};

/// Splits a qualified name into domain and id; an unqualified name belongs to `driver`.
pub fn split_name<'a>(name: &'a str, driver: &'a str) -> (&'a str, &'a str) {
    name.split_once('/').unwrap_or((driver, name))
}

/// The value of a fully qualified attribute: under its full name, or without domain if that is the driver's.
pub fn lookup<'a, V>(attributes: &'a NameMap<V>, name: &str, driver: &str) -> Option<&'a V> {
    attributes.get(name).or_else(|| {
        let (domain, id) = name.split_once('/')?;
        (domain == driver).then(|| attributes.get(id)).flatten()
    })
}

/// Differs only for texts that differ, and mostly then; never 0. What it is may change from one version to the next.
pub fn fingerprint(text: &str) -> u8 {
    let mut hasher = rustc_hash::FxHasher::default();
    hasher.write(text.as_bytes());
    let [byte, ..] = hasher.finish().to_ne_bytes();
    byte.max(1)
}
