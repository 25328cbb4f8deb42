//! The one mapping from the engine's errors to the exceptions of `gpualloc._errors`.
//!
//! The classes stand in Python: with the stable ABI a native class cannot derive from an exception.

use pyo3::PyErr;

use crate::commit::Conflict;
use crate::error::InputError;

mod python {
    pyo3::import_exception!(gpualloc._errors, InvalidInputError);
    pyo3::import_exception!(gpualloc._errors, ConflictError);
    pyo3::import_exception!(gpualloc._errors, CelCompileError);
    pyo3::import_exception!(gpualloc._errors, CelEvaluationError);
}

impl From<InputError> for PyErr {
    fn from(error: InputError) -> Self {
        python::InvalidInputError::new_err((
            error.message().to_owned(),
            error.document().to_owned(),
            error.field().to_owned(),
        ))
    }
}

impl From<Conflict> for PyErr {
    fn from(conflict: Conflict) -> Self {
        let objections = pyo3::Python::attach(|py| {
            pyo3::types::PyTuple::new(py, conflict.objections()).map(pyo3::Bound::unbind)
        });
        match objections {
            Ok(objections) => python::ConflictError::new_err((conflict.to_string(), objections)),
            Err(error) => error,
        }
    }
}

/// An expression that does not compile.
pub(super) fn cel_compile_error(message: &str) -> PyErr {
    python::CelCompileError::new_err(message.to_owned())
}

/// An expression that fails on a device.
pub(super) fn cel_evaluation_error(message: &str, is_cost_limit: bool) -> PyErr {
    python::CelEvaluationError::new_err((message.to_owned(), is_cost_limit))
}
