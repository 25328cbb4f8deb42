//! Selectors and derived attributes, evaluated device by device.
//!
//! Expressions are compiled once per judgement; values are not remembered. Start at [`Selectors::holds`].

use std::collections::BTreeMap;

use crate::cel;
use crate::wire::slice::{Device, DeviceAttribute};

/// The expressions compiled so far.
#[derive(Default)]
pub(super) struct Selectors {
    selectors: BTreeMap<String, Result<cel::Selector, String>>,
    derived: BTreeMap<String, Result<cel::Derived, String>>,
}

impl Selectors {
    /// Whether the condition holds for the device; an error is fatal upstream.
    pub(super) fn holds(
        &mut self,
        expression: &str,
        driver: &str,
        device: &Device,
    ) -> Result<bool, String> {
        let compiled = self
            .selectors
            .entry(expression.to_owned())
            .or_insert_with(|| cel::Selector::compile(expression).map_err(|e| e.to_string()));
        let selector = compiled.as_ref().map_err(Clone::clone)?;
        selector
            .matches(&prepared(driver, device))
            .map_err(|error| error.to_string())
    }

    /// The value of a derived attribute.
    pub(super) fn derived(
        &mut self,
        expression: &str,
        driver: &str,
        device: &Device,
    ) -> Result<DeviceAttribute, String> {
        let compiled = self
            .derived
            .entry(expression.to_owned())
            .or_insert_with(|| cel::Derived::compile(expression).map_err(|e| e.to_string()));
        let derived = compiled.as_ref().map_err(Clone::clone)?;
        derived
            .evaluate(&prepared(driver, device))
            .map_err(|error| error.to_string())
    }
}

fn prepared(driver: &str, device: &Device) -> cel::Device {
    cel::Device::new(
        driver,
        &device.attributes,
        &device.capacity,
        device.allow_multiple_allocations,
    )
}
