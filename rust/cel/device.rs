//! A device as expressions see it: a view of what its driver publishes, in which a selection finds its value directly.
//!
//! A malformed attribute makes every evaluation on the device an error, also of expressions that do not look at it; so
//! does upstream. Of `x` and `driver/x` upstream sees a random one; here the one that sorts last wins. Whole maps are
//! made only where an expression uses one as a value. Start at [`Device`].

use std::collections::BTreeMap;
use std::sync::Arc;

use super::operand::{Operand, Part};
use super::value::{Key, Map, Value};
use crate::attribute::{Name, NameMap, QualifiedName, split_name};
use crate::wire::slice::{DeviceAttribute, DeviceCapacity, Single, VersionText};

/// A device, ready for any number of evaluations.
#[derive(Clone, Copy, Debug)]
pub struct Device<'a> {
    driver: &'a str,
    attributes: &'a NameMap<DeviceAttribute>,
    capacity: &'a NameMap<DeviceCapacity>,
    is_shareable: bool,
    is_readable: bool,
}

/// One of the two tables of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Table {
    Attributes,
    Capacity,
}

impl<'a> Device<'a> {
    /// A view of what a driver publishes.
    pub fn new(
        driver: &'a str,
        attributes: &'a NameMap<DeviceAttribute>,
        capacity: &'a NameMap<DeviceCapacity>,
        allow_multiple: Option<bool>,
    ) -> Self {
        let is_readable = attributes.values().all(is_readable);
        Self {
            is_readable,
            ..Self::readable(driver, attributes, capacity, allow_multiple)
        }
    }

    /// As [`Device::new`], of a device that is known to be readable.
    pub fn readable(
        driver: &'a str,
        attributes: &'a NameMap<DeviceAttribute>,
        capacity: &'a NameMap<DeviceCapacity>,
        allow_multiple: Option<bool>,
    ) -> Self {
        Self {
            driver,
            attributes,
            capacity,
            is_shareable: allow_multiple == Some(true),
            is_readable: true,
        }
    }

    /// Whether all attributes are well-formed; if not, every evaluation fails.
    pub fn is_readable(&self) -> bool {
        self.is_readable
    }

    /// Why an evaluation fails before it begins, if the device is not readable.
    pub(super) fn unreadable(&self) -> Option<String> {
        let mut attributes = self.attributes.iter();
        attributes.find_map(|(name, attribute)| {
            let error = attribute_value(attribute).err()?;
            Some(format!("attribute {name}: {error}"))
        })
    }

    /// The name of the driver.
    pub(super) fn driver(&self) -> &'a str {
        self.driver
    }

    /// What stands at a field of the device.
    pub(super) fn field(&self, name: &str) -> Option<Operand<'a>> {
        Some(match name {
            "attributes" => Operand::Part(Part::Table(Table::Attributes)),
            "capacity" => Operand::Part(Part::Table(Table::Capacity)),
            "driver" => Operand::Part(Part::Driver),
            "allowMultipleAllocations" => Operand::Own(Value::Bool(self.is_shareable)),
            _ => return None,
        })
    }

    /// Whether a table holds nothing.
    pub(super) fn is_empty(&self, table: Table) -> bool {
        match table {
            Table::Attributes => self.attributes.is_empty(),
            Table::Capacity => self.capacity.is_empty(),
        }
    }

    /// A domain of a table as the device itself names it; none if nothing is published in it.
    pub(super) fn domain(&self, table: Table, domain: &str) -> Option<&'a str> {
        let names: &'a [Name] = match table {
            Table::Attributes => self.attributes.names(),
            Table::Capacity => self.capacity.names(),
        };
        let mut domains = names.iter().map(|name| split_name(name, self.driver).0);
        domains.find(|own| *own == domain)
    }

    /// What stands at an id in a domain of a table.
    pub(super) fn leaf(&self, table: Table, name: QualifiedName<'_>) -> Option<Operand<'a>> {
        if table == Table::Capacity {
            return self.part(table, name).map(Operand::Part);
        }
        let attribute = self.attributes.get_qualified(name, self.driver)?;
        match attribute_part(attribute) {
            Some(part) => Some(Operand::Part(part)),
            None => attribute_value(attribute).ok().map(Operand::Own),
        }
    }

    /// As [`Device::leaf`], but only what can be borrowed: nearly everything but lists.
    pub(super) fn part(&self, table: Table, name: QualifiedName<'_>) -> Option<Part<'a>> {
        if table == Table::Capacity {
            let capacity = self.capacity.get_qualified(name, self.driver)?;
            return Some(Part::Quantity(&capacity.value));
        }
        attribute_part(self.attributes.get_qualified(name, self.driver)?)
    }

    /// The whole device as a value.
    pub(super) fn value(&self) -> Value {
        let fields = [
            ("driver", Value::String(Arc::from(self.driver))),
            ("attributes", self.table(Table::Attributes)),
            ("capacity", self.table(Table::Capacity)),
            ("allowMultipleAllocations", Value::Bool(self.is_shareable)),
        ];
        native(
            fields.map(|(name, value)| (Key::String(Arc::from(name)), value)),
            false,
        )
    }

    /// A whole table as a value: domain → id → value; an unknown domain reads as an empty map.
    pub(super) fn table(&self, table: Table) -> Value {
        let mut domains: BTreeMap<&str, Vec<(Key, Value)>> = BTreeMap::new();
        for (domain, key, value) in self.entries(table) {
            domains.entry(domain).or_default().push((key, value));
        }
        native(
            domains
                .into_iter()
                .map(|(domain, ids)| (Key::String(Arc::from(domain)), native(ids, false))),
            true,
        )
    }

    /// A whole domain as a value: id → value.
    pub(super) fn ids(&self, table: Table, domain: &str) -> Value {
        let entries = self.entries(table).into_iter();
        let ids: Vec<(Key, Value)> = entries
            .filter(|(own, ..)| *own == domain)
            .map(|(_, key, value)| (key, value))
            .collect();
        if ids.is_empty() {
            unknown_domain()
        } else {
            native(ids, false)
        }
    }

    /// Domain, id and value of all of a table, by name: where two are the same, the later one counts.
    fn entries(&self, table: Table) -> Vec<(&'a str, Key, Value)> {
        let entry = |name: &'a Name, value: Value| {
            let (domain, id) = split_name(name, self.driver);
            let id = if id.len() == name.len() {
                Arc::clone(name.shared())
            } else {
                Arc::from(id)
            };
            (domain, Key::String(id), value)
        };
        match table {
            Table::Attributes => self
                .attributes
                .into_iter()
                .filter_map(|(name, attribute)| Some(entry(name, attribute_value(attribute).ok()?)))
                .collect(),
            Table::Capacity => self
                .capacity
                .into_iter()
                .map(|(name, capacity)| entry(name, Value::Quantity(Arc::clone(&capacity.value))))
                .collect(),
        }
    }
}

/// What a domain reads as in which nothing is published.
pub(super) fn unknown_domain() -> Value {
    Value::Map(Arc::new(Map::default()))
}

fn native(entries: impl IntoIterator<Item = (Key, Value)>, default_empty: bool) -> Value {
    Value::Map(Arc::new(Map {
        entries: entries.into_iter().collect(),
        default_empty,
        is_native: true,
    }))
}

/// An attribute, unless it is a list.
fn attribute_part(attribute: &DeviceAttribute) -> Option<Part<'_>> {
    Some(match attribute.single()? {
        Single::Int(int) => Part::Int(int),
        Single::Bool(bool) => Part::Bool(bool),
        Single::String(text) => Part::Text(text),
        Single::Version(text) => Part::Version(text.read().ok()?),
    })
}

fn is_readable(attribute: &DeviceAttribute) -> bool {
    match attribute.single() {
        Some(Single::Int(_) | Single::Bool(_) | Single::String(_)) => true,
        Some(Single::Version(text)) => text.read().is_ok(),
        None => attribute_value(attribute).is_ok(),
    }
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
