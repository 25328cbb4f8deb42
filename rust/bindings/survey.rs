//! `gpualloc.Survey`: all nodes at once.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::answer::Answer;
use crate::allocation::{self, Fate, Options};
use crate::error::InputError;

/// See the stub `_native.pyi`.
#[pyclass(frozen, module = "gpualloc", skip_from_py_object)]
pub(super) struct Survey {
    pub(super) survey: allocation::Survey,
    options: Options<'static>,
}

impl Survey {
    pub(super) fn new(survey: allocation::Survey, options: Options<'static>) -> Self {
        Self { survey, options }
    }
}

fn word(fate: Fate) -> &'static str {
    match fate {
        Fate::Placed => "placed",
        Fate::Impossible => "impossible",
        Fate::Error | Fate::Fatal => "error",
        Fate::Undecided => "undecided",
    }
}

#[pymethods]
impl Survey {
    #[getter]
    fn fitting<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let nodes = self.survey.iter();
        let nodes = nodes.filter(|(_, verdict)| verdict.fate == Fate::Placed);
        PyTuple::new(py, nodes.map(|(node, _)| node).collect::<Vec<_>>())
    }

    #[getter]
    fn first(&self) -> Option<&str> {
        self.survey.first_fitting()
    }

    fn first_in(&self, nodes: Vec<String>) -> Option<String> {
        let fits = |node: &String| {
            let verdict = self.survey.verdict(node);
            verdict.is_some_and(|verdict| verdict.fate == Fate::Placed)
        };
        nodes.into_iter().find(fits)
    }

    #[getter]
    fn outcomes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let outcomes = PyDict::new(py);
        for (node, verdict) in self.survey.iter() {
            outcomes.set_item(node, word(verdict.fate))?;
        }
        Ok(outcomes)
    }

    fn answer(&self, py: Python<'_>, node: &str) -> PyResult<Answer> {
        if !self.survey.has(node) {
            return Err(
                InputError::new(format!("Node {node}"), "", "is not in the inventory").into(),
            );
        }
        let answer = py.detach(|| self.survey.answer(node, &self.options));
        Ok(Answer::new(answer))
    }

    fn __len__(&self) -> usize {
        self.survey.len()
    }

    fn __repr__(&self) -> String {
        let fitting = self.survey.iter();
        let fitting = fitting.filter(|(_, verdict)| verdict.fate == Fate::Placed);
        format!(
            "<Survey: {} of {} nodes fit>",
            fitting.count(),
            self.survey.len()
        )
    }
}
