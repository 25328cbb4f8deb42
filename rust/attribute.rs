//! Names of attributes and capacities, and the values an attribute can carry.
//!
//! A name is `id` or `domain/id`; without a domain the driver's name is meant. Only the first slash separates.

/// Splits a qualified name into domain and id; an unqualified name belongs to `driver`.
pub fn split_name<'a>(name: &'a str, driver: &'a str) -> (&'a str, &'a str) {
    name.split_once('/').unwrap_or((driver, name))
}
