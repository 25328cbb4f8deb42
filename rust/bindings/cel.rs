//! `gpualloc.cel`: selectors alone, without inventory and claims.

use pyo3::prelude::*;
use pyo3::types::PyTuple;
use serde::Deserialize;

use super::convert::Documents;
use super::errors::{cel_compile_error, cel_evaluation_error};
use crate::attribute::NameMap;
use crate::cel;
use crate::error::InputError;
use crate::wire::slice::{DeviceAttribute, DeviceCapacity};

/// A device as it stands in a `ResourceSlice`, as far as a selector can see it.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Seen {
    attributes: NameMap<DeviceAttribute>,
    capacity: NameMap<DeviceCapacity>,
    allow_multiple_allocations: Option<bool>,
}

/// See the stub `_native.pyi`.
#[pyclass(frozen, module = "gpualloc.cel", skip_from_py_object)]
pub(super) struct Selector {
    expression: String,
    compiled: cel::Selector,
}

impl Selector {
    fn device(device: &Bound<'_, PyAny>) -> PyResult<Seen> {
        let documents = Documents::new(device)?;
        let text = documents.text()?;
        let text = std::str::from_utf8(&text)
            .map_err(|error| InputError::new("device", "", error.to_string()))?;
        Ok(crate::wire::document::from_text("device", text)?)
    }
}

impl Seen {
    fn view<'s>(&'s self, driver: &'s str) -> cel::Device<'s> {
        cel::Device::new(
            driver,
            &self.attributes,
            &self.capacity,
            self.allow_multiple_allocations,
        )
    }
}

#[pymethods]
impl Selector {
    #[new]
    fn new(py: Python<'_>, expression: String) -> PyResult<Self> {
        let compiled = py
            .detach(|| cel::Selector::compile(&expression))
            .map_err(|error| cel_compile_error(&error.to_string()))?;
        Ok(Self {
            expression,
            compiled,
        })
    }

    #[getter]
    fn expression(&self) -> &str {
        &self.expression
    }

    #[getter]
    fn reads<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, names(self.compiled.reads()))
    }

    #[pyo3(signature = (device, *, driver))]
    fn matches(&self, py: Python<'_>, device: &Bound<'_, PyAny>, driver: &str) -> PyResult<bool> {
        let seen = Self::device(device)?;
        let (result, _) = py.detach(|| self.compiled.evaluate(seen.view(driver)));
        result.map_err(|error| cel_evaluation_error(&error.to_string(), error.is_cost_limit()))
    }

    #[pyo3(signature = (device, *, driver))]
    fn cost(&self, py: Python<'_>, device: &Bound<'_, PyAny>, driver: &str) -> PyResult<u64> {
        let seen = Self::device(device)?;
        Ok(py.detach(|| self.compiled.evaluate(seen.view(driver))).1)
    }

    fn __repr__(&self) -> String {
        format!("<Selector: {}>", self.expression)
    }
}

/// What is read, in the words of the expression; the name of a whole says that any part of it may be read.
fn names(reads: &cel::Reads) -> Vec<String> {
    let mut names = Vec::new();
    let tables = [
        ("attributes", &reads.attributes, reads.all_attributes),
        ("capacity", &reads.capacity, reads.all_capacity),
    ];
    if reads.allow_multiple_allocations {
        names.push("allowMultipleAllocations".to_owned());
    }
    for (table, entries, is_whole) in tables {
        if is_whole {
            names.push(table.to_owned());
            continue;
        }
        names.extend(entries.iter().map(|(domain, id)| match id {
            Some(id) => format!("{table}[{domain:?}].{id}"),
            None => format!("{table}[{domain:?}]"),
        }));
    }
    if reads.driver {
        names.push("driver".to_owned());
    }
    names
}
