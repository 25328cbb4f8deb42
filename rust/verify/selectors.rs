//! Selectors and derived attributes, evaluated device by device.
//!
//! Compiled expressions are kept, values are not. Start at [`Selectors::holds`].

use crate::cel;
use crate::wire::slice::{Device, DeviceAttribute};

/// Evaluates expressions, with those compiled before at hand.
#[derive(Clone, Copy)]
pub(super) struct Selectors<'c> {
    pub(super) compiled: &'c cel::Cache,
}

impl Selectors<'_> {
    /// Whether the condition holds for the device; an error is fatal upstream.
    pub(super) fn holds(
        self,
        expression: &str,
        driver: &str,
        device: &Device,
    ) -> Result<bool, String> {
        let selector = self.compiled.selector(expression);
        let selector = selector.as_ref().as_ref().map_err(ToString::to_string)?;
        selector
            .matches(prepared(driver, device))
            .map_err(|error| error.to_string())
    }

    /// The value of a derived attribute.
    pub(super) fn derived(
        self,
        expression: &str,
        driver: &str,
        device: &Device,
    ) -> Result<DeviceAttribute, String> {
        let derived = self.compiled.derived(expression);
        let derived = derived.as_ref().as_ref().map_err(ToString::to_string)?;
        derived
            .value(prepared(driver, device))
            .map_err(|error| error.to_string())
    }
}

fn prepared<'d>(driver: &'d str, device: &'d Device) -> cel::Device<'d> {
    cel::Device::new(
        driver,
        &device.attributes,
        &device.capacity,
        device.allow_multiple_allocations,
    )
}
