//! Selectors and derived attributes, evaluated device by device.
//!
//! Compiled expressions are kept, values are not. Start at [`holds`].

use crate::cel;
use crate::wire::slice::{Device, DeviceAttribute};

/// Whether the condition holds for the device; an error is fatal upstream.
pub(super) fn holds(expression: &str, driver: &str, device: &Device) -> Result<bool, String> {
    let selector = cel::compiled(expression);
    let selector = selector.as_ref().as_ref().map_err(ToString::to_string)?;
    selector
        .matches(prepared(driver, device))
        .map_err(|error| error.to_string())
}

/// The value of a derived attribute.
pub(super) fn derived(
    expression: &str,
    driver: &str,
    device: &Device,
) -> Result<DeviceAttribute, String> {
    let derived = cel::compiled_derived(expression);
    let derived = derived.as_ref().as_ref().map_err(ToString::to_string)?;
    derived
        .value(prepared(driver, device))
        .map_err(|error| error.to_string())
}

fn prepared<'d>(driver: &'d str, device: &'d Device) -> cel::Device<'d> {
    cel::Device::new(
        driver,
        &device.attributes,
        &device.capacity,
        device.allow_multiple_allocations,
    )
}
