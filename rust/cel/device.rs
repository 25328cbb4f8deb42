//! A device as expressions see it, prepared once.
//!
//! A malformed attribute makes every evaluation on the device an error, also of expressions that do not look at it;
//! so does upstream. Of `x` and `driver/x` upstream sees a random one; here the qualified one wins.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::value::{Key, Map, Value};
use crate::attribute::{Name, NameMap, split_name};
use crate::wire::slice::{DeviceAttribute, DeviceCapacity, VersionText};

/// A device, ready for any number of evaluations.
#[derive(Clone, Debug)]
pub struct Device {
    value: Result<Value, String>,
}

impl Device {
    /// Prepares a device from what its driver publishes.
    pub fn new(
        driver: &str,
        attributes: &NameMap<DeviceAttribute>,
        capacity: &NameMap<DeviceCapacity>,
        allow_multiple: Option<bool>,
    ) -> Self {
        let attributes = domains(attributes.iter().map(|(name, attribute)| {
            let value =
                attribute_value(attribute).map_err(|error| format!("attribute {name}: {error}"))?;
            Ok((split_name(name, driver), value))
        }));
        let capacity = domains(capacity.iter().map(|(name, capacity)| {
            let value = Value::Quantity(Arc::clone(&capacity.value));
            Ok((split_name(name, driver), value))
        }));
        let value = attributes.and_then(|attributes| {
            let fields = [
                ("driver", Value::String(Arc::from(driver))),
                ("attributes", attributes),
                ("capacity", capacity?),
                (
                    "allowMultipleAllocations",
                    Value::Bool(allow_multiple == Some(true)),
                ),
            ];
            let entries = fields
                .map(|(name, value)| (Key::String(Arc::from(name)), value))
                .into();
            Ok(Value::Map(Arc::new(Map {
                entries,
                default_empty: false,
                is_native: true,
            })))
        });
        Self { value }
    }

    /// The value of the variable `device`, or why there is none.
    pub(super) fn value(&self) -> Result<&Value, &str> {
        self.value.as_ref().map_err(String::as_str)
    }
}

type Named<'a> = ((&'a str, &'a str), Value);

/// Domain → id → value; an unknown domain reads as an empty map.
fn domains<'a>(values: impl Iterator<Item = Result<Named<'a>, String>>) -> Result<Value, String> {
    let mut domains: BTreeMap<&str, BTreeMap<Key, Value>> = BTreeMap::new();
    for named in values {
        let ((domain, id), value) = named?;
        // Names come sorted; a qualified name comes after its bare twin or before it, and wins either way.
        let ids = domains.entry(domain).or_default();
        ids.insert(Key::String(Arc::from(id)), value);
    }
    let entries = domains
        .into_iter()
        .map(|(domain, entries)| {
            let inner = Map {
                entries,
                default_empty: false,
                is_native: true,
            };
            (Key::String(Arc::from(domain)), Value::Map(Arc::new(inner)))
        })
        .collect();
    Ok(Value::Map(Arc::new(Map {
        entries,
        default_empty: true,
        is_native: true,
    })))
}

fn attribute_value(attribute: &DeviceAttribute) -> Result<Value, String> {
    fn list<T>(values: &[T], value: impl Fn(&T) -> Result<Value, String>) -> Result<Value, String> {
        let values: Vec<Value> = values.iter().map(value).collect::<Result<_, _>>()?;
        Ok(Value::List(values.into()))
    }
    let text = |text: &Name| Ok(Value::String(Arc::clone(text.shared())));
    if let Some(values) = attribute.ints() {
        list(values, |value| Ok(Value::Int(*value)))
    } else if let Some(values) = attribute.bools() {
        list(values, |value| Ok(Value::Bool(*value)))
    } else if let Some(values) = attribute.strings() {
        list(values, text)
    } else if let Some(values) = attribute.versions() {
        list(values, version)
    } else if let Some(value) = attribute.int() {
        Ok(Value::Int(value))
    } else if let Some(value) = attribute.bool() {
        Ok(Value::Bool(value))
    } else if let Some(value) = attribute.string() {
        text(value)
    } else if let Some(value) = attribute.version() {
        version(value)
    } else {
        Err("unsupported attribute value".to_owned())
    }
}

fn version(text: &VersionText) -> Result<Value, String> {
    text.read()
        .map(|version| Value::Semver(Arc::clone(version)))
        .map_err(|error| format!("parse semantic version: {error}"))
}
