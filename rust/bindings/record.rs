//! Small frozen classes of plain data: what is held, remarks of a load, objections of the verifier, broken API rules.

use std::sync::Arc;

use pyo3::prelude::*;

use super::convert::{Documents, allocation_to_python, to_python};
use crate::error::InputError;
use crate::wire::document::{Defaults, Entry, read};
use crate::{inventory, verify, wire};

/// What a claim holds.
#[pyclass(frozen, eq, module = "gpualloc", skip_from_py_object)]
#[derive(Clone, PartialEq)]
pub(super) struct Held(Arc<inventory::Held>);

impl Held {
    pub(super) fn new(held: Arc<inventory::Held>) -> Self {
        Self(held)
    }
}

#[pymethods]
impl Held {
    #[getter]
    fn claim(&self) -> String {
        self.0.key.to_string()
    }

    #[getter]
    fn uid(&self) -> &str {
        &self.0.uid
    }

    #[getter]
    fn allocation<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        allocation_to_python(py, &self.0.allocation)
    }

    #[getter]
    fn reserved_for<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        to_python(py, &self.0.reserved_for)
    }

    #[getter]
    fn owner(&self) -> Option<&str> {
        self.0.caller.owner.as_deref()
    }

    #[getter]
    fn priority(&self) -> Option<i64> {
        self.0.caller.priority
    }

    #[getter]
    fn queue(&self) -> Option<&str> {
        self.0.caller.queue.as_deref()
    }

    #[getter]
    fn preemptible(&self) -> Option<bool> {
        self.0.caller.preemptible
    }

    fn __repr__(&self) -> String {
        let devices = self.0.allocation.devices.results.len();
        format!("<Held: {} holds {devices} devices>", self.0.key)
    }
}

/// A remark on a document that was read.
#[pyclass(frozen, eq, module = "gpualloc", skip_from_py_object)]
#[derive(Clone, PartialEq)]
pub(super) struct Remark(inventory::Remark);

impl Remark {
    pub(super) fn new(remark: inventory::Remark) -> Self {
        Self(remark)
    }
}

#[pymethods]
impl Remark {
    #[getter]
    fn kind(&self) -> &'static str {
        match self.0 {
            inventory::Remark::UnknownKind { .. } => "unknown kind",
            inventory::Remark::Stale { .. } => "stale",
            inventory::Remark::NotFound { .. } => "not found",
        }
    }

    #[getter]
    fn document(&self) -> String {
        match &self.0 {
            inventory::Remark::UnknownKind { kind, name, .. } => format!("{kind} {name}"),
            inventory::Remark::Stale { document, .. }
            | inventory::Remark::NotFound { document } => document.clone(),
        }
    }

    fn __str__(&self) -> String {
        self.0.to_string()
    }

    fn __repr__(&self) -> String {
        format!("<Remark: {}>", self.0)
    }
}

/// What stands against an allocation.
#[pyclass(frozen, eq, module = "gpualloc", skip_from_py_object)]
#[derive(Clone, PartialEq)]
pub(super) struct Objection(verify::Objection);

impl Objection {
    pub(super) fn new(objection: verify::Objection) -> Self {
        Self(objection)
    }
}

#[pymethods]
impl Objection {
    #[getter]
    fn claim(&self) -> &str {
        &self.0.claim
    }

    #[getter]
    fn field(&self) -> &str {
        &self.0.field
    }

    #[getter]
    fn text(&self) -> &str {
        &self.0.text
    }

    fn __str__(&self) -> String {
        self.0.to_string()
    }

    fn __repr__(&self) -> String {
        format!("<Objection: {}>", self.0)
    }
}

/// A rule of the API that a document breaks.
#[pyclass(frozen, eq, module = "gpualloc", skip_from_py_object)]
#[derive(Clone, PartialEq)]
pub(super) struct Violation(InputError);

#[pymethods]
impl Violation {
    #[getter]
    fn document(&self) -> &str {
        self.0.document()
    }

    #[getter]
    fn field(&self) -> &str {
        self.0.field()
    }

    #[getter]
    fn text(&self) -> &str {
        self.0.message()
    }

    fn __str__(&self) -> String {
        self.0.to_string()
    }

    fn __repr__(&self) -> String {
        format!("<Violation: {}>", self.0)
    }
}

/// See the stub `_native.pyi`.
#[pyfunction]
pub(super) fn validate(py: Python<'_>, documents: &Bound<'_, PyAny>) -> PyResult<Vec<Violation>> {
    let documents = Documents::new(documents)?;
    let text = documents.text()?;
    let text: &[u8] = &text;
    let found = py.detach(|| -> Result<Vec<InputError>, InputError> {
        let entries = read(text, Defaults::Apply)?;
        let of = |entry: &Entry| match entry {
            Entry::Known(document) => wire::validate::validate(document),
            Entry::Unknown { .. } => Vec::new(),
        };
        Ok(entries.iter().flat_map(of).collect())
    })?;
    Ok(found.into_iter().map(Violation).collect())
}
