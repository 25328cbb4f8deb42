//! `gpualloc.Explanation`: why nothing fits, as data and as text.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::explanation::{self, Funnel, NodeRefusal, Refusal, Wanted};

/// See the stub `_native.pyi`.
#[pyclass(frozen, eq, module = "gpualloc", skip_from_py_object)]
#[derive(Clone, PartialEq)]
pub(super) struct Explanation(explanation::Explanation);

impl Explanation {
    pub(super) fn new(explanation: explanation::Explanation) -> Self {
        Self(explanation)
    }
}

#[pymethods]
impl Explanation {
    pub(super) fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        dict.set_item("text", self.0.to_string())?;
        let nodes = self.0.nodes.iter().map(|node| refusal(py, node));
        dict.set_item("nodes", nodes.collect::<PyResult<Vec<_>>>()?)?;
        Ok(dict)
    }

    fn __str__(&self) -> String {
        self.0.to_string()
    }

    fn __repr__(&self) -> String {
        format!("<Explanation: {}>", self.0)
    }
}

fn refusal<'py>(py: Python<'py>, node: &NodeRefusal) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("node", &*node.node)?;
    match &*node.refusal {
        Refusal::NoSolution { funnels, stuck_at } => {
            dict.set_item("reason", "no solution")?;
            let funnels = funnels.iter().map(|one| funnel(py, one));
            dict.set_item("requests", funnels.collect::<PyResult<Vec<_>>>()?)?;
            if let Some((claim, request)) = stuck_at {
                dict.set_item("stuckAt", (claim.to_string(), request))?;
            }
        }
        Refusal::BoundElsewhere { claim } => {
            dict.set_item("reason", "bound elsewhere")?;
            dict.set_item("claim", claim.to_string())?;
        }
        Refusal::ExtendedResource { resource } => {
            dict.set_item("reason", "extended resource")?;
            dict.set_item("resource", resource)?;
        }
        Refusal::Error { text } => {
            dict.set_item("reason", "error")?;
            dict.set_item("error", text)?;
        }
        Refusal::Undecided { steps } => {
            dict.set_item("reason", "undecided")?;
            dict.set_item("steps", steps)?;
        }
    }
    Ok(dict)
}

fn funnel<'py>(py: Python<'py>, funnel: &Funnel) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("claim", funnel.claim.to_string())?;
    dict.set_item("request", &funnel.request)?;
    match funnel.wanted {
        Wanted::Count(count) => dict.set_item("wanted", count)?,
        Wanted::All => dict.set_item("wanted", "all")?,
    }
    dict.set_item("seen", funnel.seen)?;
    let removed = PyDict::new(py);
    for (reason, count) in &funnel.removed {
        removed.set_item(reason.word(), count)?;
    }
    dict.set_item("removed", removed)?;
    dict.set_item("left", funnel.left)?;
    Ok(dict)
}
