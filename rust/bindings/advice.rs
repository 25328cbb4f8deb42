//! `gpualloc.Advice`: why nothing fits and what to change, as data and as text.

use pyo3::prelude::*;
use pyo3::types::PyTuple;
use serde_json::Value;

use super::convert::to_python;
use crate::advice::{self, Ended};

/// See the stub `_native.pyi`.
#[pyclass(frozen, eq, module = "gpualloc", skip_from_py_object)]
#[derive(Clone, PartialEq)]
pub(super) struct Advice(advice::Advice);

impl Advice {
    pub(super) fn new(advice: advice::Advice) -> Self {
        Self(advice)
    }

    /// A list of the data as a tuple.
    fn row<'py>(&self, py: Python<'py>, field: &str) -> PyResult<Bound<'py, PyTuple>> {
        let items = to_python(py, &self.0.to_json()[field])?;
        let items: Vec<Bound<'py, PyAny>> = items.try_iter()?.collect::<PyResult<_>>()?;
        PyTuple::new(py, items)
    }
}

#[pymethods]
impl Advice {
    #[getter]
    fn outcome(&self) -> &'static str {
        self.0.outcome.word()
    }

    #[getter]
    fn node(&self) -> Option<&str> {
        match &self.0.outcome {
            Ended::Placed { node } | Ended::Error { node, .. } => Some(node),
            Ended::Impossible | Ended::Undecided => None,
        }
    }

    #[getter]
    fn error(&self) -> Option<&str> {
        match &self.0.outcome {
            Ended::Error { text, .. } => Some(text),
            _ => None,
        }
    }

    #[getter]
    fn asked<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.0.claims.iter().map(ToString::to_string))
    }

    #[getter]
    fn summary<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        self.row(py, "summary")
    }

    #[getter]
    fn changes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        self.row(py, "changes")
    }

    #[getter]
    fn hints<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        self.row(py, "hints")
    }

    #[getter]
    fn tried_on(&self) -> usize {
        self.0.tried_on
    }

    #[getter]
    fn trials(&self) -> u64 {
        self.0.trials
    }

    #[getter]
    fn cut_short(&self) -> bool {
        self.0.is_cut_short
    }

    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let value: Value = self.0.to_json();
        to_python(py, &value)
    }

    fn __str__(&self) -> String {
        self.0.to_string()
    }

    fn __repr__(&self) -> String {
        let (changes, hints) = (self.0.offers.len(), self.0.hints.len());
        let outcome = self.outcome();
        format!("<Advice: {outcome}, {changes} changes, {hints} hints>")
    }
}
