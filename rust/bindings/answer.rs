//! `gpualloc.Answer` and what it contains: claims with their devices, or the reasons why not.

use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::convert::allocation_to_python;
use super::explanation::Explanation;
use crate::allocation::{self, Outcome};
use crate::inventory::ClaimKey;
use crate::wire::allocation::DeviceRequestAllocationResult;

/// See the stub `_native.pyi`.
#[pyclass(frozen, eq, module = "gpualloc", skip_from_py_object)]
#[derive(Clone)]
pub(super) struct Answer(allocation::Answer);

/// Equal when they say the same, on whatever snapshot.
impl PartialEq for Answer {
    fn eq(&self, other: &Self) -> bool {
        let (a, b) = (&self.0, &other.0);
        (&a.node, &a.claims, &a.outcome, a.steps, a.refused())
            == (&b.node, &b.claims, &b.outcome, b.steps, b.refused())
    }
}

impl Answer {
    pub(super) fn new(answer: allocation::Answer) -> Self {
        Self(answer)
    }

    pub(super) fn inner(&self) -> &allocation::Answer {
        &self.0
    }

    fn placed(&self) -> &[allocation::ClaimAllocation] {
        self.0.allocations()
    }
}

#[pymethods]
impl Answer {
    #[getter]
    fn outcome(&self) -> &'static str {
        match self.0.outcome {
            Outcome::Placed(_) => "placed",
            Outcome::Impossible(_) => "impossible",
            Outcome::Error(_) => "error",
            Outcome::Undecided(_) => "undecided",
        }
    }

    #[getter]
    fn node(&self) -> Option<&str> {
        Some(self.0.node.as_str()).filter(|node| !node.is_empty())
    }

    #[getter]
    fn steps(&self) -> u64 {
        self.0.steps
    }

    #[getter]
    fn claims<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.placed().iter().cloned().map(ClaimAllocation))
    }

    #[getter]
    fn asked<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.0.claims.iter().map(ToString::to_string))
    }

    #[getter]
    fn why(&self) -> Option<Explanation> {
        match &self.0.outcome {
            Outcome::Impossible(why) => Some(Explanation::new(why.clone())),
            _ => None,
        }
    }

    #[getter]
    fn error(&self) -> Option<&str> {
        match &self.0.outcome {
            Outcome::Error(error) => Some(&error.text),
            _ => None,
        }
    }

    #[getter]
    fn scope(&self) -> Option<&'static str> {
        match &self.0.outcome {
            Outcome::Error(error) => Some(match error.scope {
                allocation::Scope::Node => "node",
                allocation::Scope::Pod => "pod",
            }),
            _ => None,
        }
    }

    #[getter]
    fn refused<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let refused = self.0.refused().iter();
        let pairs = refused.map(|node| (&*node.node, node.refusal.to_string()));
        PyTuple::new(py, pairs)
    }

    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        dict.set_item("outcome", self.outcome())?;
        dict.set_item("node", self.node())?;
        let claims = self.placed().iter().map(|claim| {
            let entry = PyDict::new(py);
            entry.set_item("namespace", &*claim.key.namespace)?;
            entry.set_item("name", &*claim.key.name)?;
            entry.set_item("allocation", allocation_to_python(py, &claim.allocation)?)?;
            Ok(entry)
        });
        dict.set_item("claims", claims.collect::<PyResult<Vec<_>>>()?)?;
        if let Some(why) = self.why() {
            dict.set_item("why", why.to_dict(py)?)?;
        }
        if let Some(error) = self.error() {
            dict.set_item("error", error)?;
        }
        Ok(dict)
    }

    fn __bool__(&self) -> bool {
        self.0.is_placed()
    }

    fn __getitem__(&self, claim: &str) -> PyResult<ClaimAllocation> {
        let key = ClaimKey::parse(claim);
        let found = self.placed().iter().find(|placed| placed.key == key);
        found
            .cloned()
            .map(ClaimAllocation)
            .ok_or_else(|| PyKeyError::new_err(claim.to_owned()))
    }

    fn __repr__(&self) -> String {
        let names: Vec<String> = self.0.claims.iter().map(ToString::to_string).collect();
        let place = self
            .node()
            .map(|node| format!(" on {node}"))
            .unwrap_or_default();
        format!("<Answer: {} {}{place}>", names.join(", "), self.outcome())
    }
}

/// What one claim gets.
#[pyclass(frozen, eq, module = "gpualloc", skip_from_py_object)]
#[derive(Clone, PartialEq)]
pub(super) struct ClaimAllocation(allocation::ClaimAllocation);

#[pymethods]
impl ClaimAllocation {
    #[getter]
    fn claim(&self) -> String {
        self.0.key.to_string()
    }

    #[getter]
    fn namespace(&self) -> &str {
        &self.0.key.namespace
    }

    #[getter]
    fn name(&self) -> &str {
        &self.0.key.name
    }

    #[getter]
    fn uid(&self) -> &str {
        &self.0.uid
    }

    #[getter]
    fn was_allocated(&self) -> bool {
        self.0.was_allocated
    }

    #[getter]
    fn devices<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let results = self.0.allocation.devices.results.iter();
        PyTuple::new(py, results.cloned().map(Device))
    }

    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        allocation_to_python(py, &self.0.allocation)
    }

    fn __repr__(&self) -> String {
        let results = self.0.allocation.devices.results.iter();
        let devices: Vec<String> = results.map(id).collect();
        format!(
            "<ClaimAllocation: {} gets {}>",
            self.0.key,
            devices.join(", ")
        )
    }
}

/// One device of a claim.
#[pyclass(frozen, eq, module = "gpualloc", skip_from_py_object)]
#[derive(Clone, PartialEq)]
pub(super) struct Device(DeviceRequestAllocationResult);

#[pymethods]
impl Device {
    #[getter]
    fn request(&self) -> &str {
        &self.0.request
    }

    #[getter]
    fn id(&self) -> String {
        id(&self.0)
    }

    #[getter]
    fn driver(&self) -> &str {
        &self.0.driver
    }

    #[getter]
    fn pool(&self) -> &str {
        &self.0.pool
    }

    #[getter]
    fn device(&self) -> &str {
        &self.0.device
    }

    #[getter]
    fn share_id(&self) -> Option<&str> {
        self.0.share_id.as_deref()
    }

    #[getter]
    fn admin_access(&self) -> bool {
        self.0.admin_access == Some(true)
    }

    #[getter]
    fn consumed_capacity<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for (name, amount) in self.0.consumed_capacity.iter().flatten() {
            dict.set_item(name, amount.to_string())?;
        }
        Ok(dict)
    }

    fn __repr__(&self) -> String {
        format!("<Device: {} for {}>", id(&self.0), self.0.request)
    }
}

fn id(result: &DeviceRequestAllocationResult) -> String {
    format!("{}/{}/{}", result.driver, result.pool, result.device)
}
