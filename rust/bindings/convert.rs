//! Documents from Python to JSON text, and JSON text back to Python values.
//!
//! Text is read where it lies; everything else is serialised by `gpualloc.kube`, which knows the clients.

use std::borrow::Cow;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};
use serde::Serialize;

use crate::error::InputError;
use crate::wire::allocation::{AllocationResult, DeviceAllocationResult};

/// JSON text with one or more documents.
pub(super) struct Documents<'py>(Bound<'py, PyAny>);

impl<'py> Documents<'py> {
    /// From whatever `gpualloc.kube.to_json` takes.
    pub(super) fn new(value: &Bound<'py, PyAny>) -> PyResult<Self> {
        if value.is_instance_of::<PyBytes>() || value.is_instance_of::<PyString>() {
            return Ok(Self(value.clone()));
        }
        let module = value.py().import("gpualloc.kube")?;
        Ok(Self(module.call_method1("to_json", (value,))?))
    }

    /// The text, borrowed where Python's object holds it as UTF-8.
    pub(super) fn text(&self) -> PyResult<Cow<'_, [u8]>> {
        if let Ok(bytes) = self.0.cast::<PyBytes>() {
            return Ok(Cow::Borrowed(bytes.as_bytes()));
        }
        let text = self.0.cast::<PyString>()?;
        let text = text.to_cow().map_err(|_| {
            InputError::new(
                "",
                "",
                "text is not valid Unicode: it holds a lone surrogate",
            )
        })?;
        Ok(match text {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        })
    }
}

/// A value as Python's own JSON reader gives it: exact for numbers of any size.
pub(super) fn to_python<'py>(
    py: Python<'py>,
    value: &impl Serialize,
) -> PyResult<Bound<'py, PyAny>> {
    let text = to_json(value)?;
    py.import("json")?.call_method1("loads", (text,))
}

/// An allocation as [`to_python`] gives it, but not by way of text where nothing in it is carried as text.
pub(super) fn allocation_to_python<'py>(
    py: Python<'py>,
    allocation: &AllocationResult,
) -> PyResult<Bound<'py, PyAny>> {
    let DeviceAllocationResult { results, config } = &allocation.devices;
    let has_text = config.iter().any(|config| config.opaque.is_some())
        || results
            .iter()
            .any(|result| result.compatibility_groups.is_some());
    if has_text {
        return to_python(py, allocation);
    }
    Ok(pythonize::pythonize(py, allocation)?)
}

/// A value as JSON text.
pub(super) fn to_json(value: &impl Serialize) -> PyResult<String> {
    let text = serde_json::to_string(value);
    Ok(text.map_err(|error| InputError::new("", "", error.to_string()))?)
}
