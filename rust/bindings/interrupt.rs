//! Searching without the interpreter, yet stopping for Ctrl-C.
//!
//! A signal handler of Python's runs only in its main thread and only while that thread is attached; so the search
//! asks now and then, and attaches for as long as the handlers take.

use std::sync::Mutex;

use pyo3::prelude::*;

use crate::allocation::Options;

/// Runs the search detached. What a signal handler raises ends it and is raised here.
pub(super) fn search<T: Send>(
    py: Python<'_>,
    options: &Options<'_>,
    run: impl FnOnce(&Options<'_>) -> T + Send,
) -> PyResult<T> {
    let raised = Mutex::new(None);
    let interrupt = || {
        let Ok(mut raised) = raised.lock() else {
            return true;
        };
        // A handler raises once; every later search of the same call has to end, too.
        if raised.is_none() {
            *raised = Python::attach(signals).err();
        }
        raised.is_some()
    };
    let features = options.features;
    let options = Options {
        features,
        max_steps: options.max_steps,
        foresight: options.foresight,
        exclude: options.exclude.clone(),
        share_ids: options.share_ids.clone(),
        interrupt: Some(&interrupt),
    };
    let result = py.detach(|| run(&options));
    let raised = raised.into_inner().ok().flatten();
    raised.map_or(Ok(result), Err)
}

/// Runs the handlers of signals that have come.
fn signals(py: Python<'_>) -> PyResult<()> {
    py.check_signals()
}
