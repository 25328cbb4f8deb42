//! The Python module `gpualloc._native`: a list of exports.
//!
//! The only place that names `PyO3`. Converts arguments and results and decides nothing; the interpreter is let go of
//! around everything that takes time. Start at `inventory` for the calls, at `convert` for documents.

mod advice;
mod answer;
mod ask;
mod cel;
mod convert;
mod errors;
mod explanation;
mod interrupt;
mod inventory;
mod record;
mod survey;

/// See `_native.pyi`.
#[pyo3::pymodule(gil_used = false)]
mod _native {
    #[pymodule_export]
    use super::advice::Advice;
    #[pymodule_export]
    use super::answer::{Answer, ClaimAllocation, Device};
    #[pymodule_export]
    use super::cel::Selector;
    #[pymodule_export]
    use super::explanation::Explanation;
    #[pymodule_export]
    use super::inventory::Inventory;
    #[pymodule_export]
    use super::record::{Held, Objection, Remark, Violation, validate};
    #[pymodule_export]
    use super::survey::Survey;

    #[pymodule_export]
    #[expect(non_upper_case_globals, reason = "the name that Python gives it")]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}
