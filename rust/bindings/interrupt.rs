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
    mut options: Options,
    run: impl FnOnce(&Options) -> T + Send,
) -> PyResult<T> {
    let raised = std::sync::Arc::new(Mutex::new(None));
    let seen = std::sync::Arc::clone(&raised);
    options.interrupt = Some(std::sync::Arc::new(move || {
        let Err(error) = Python::attach(|py| py.check_signals()) else {
            return false;
        };
        if let Ok(mut slot) = seen.lock() {
            slot.get_or_insert(error);
        }
        true
    }));
    let result = py.detach(|| run(&options));
    let raised = raised.lock().ok().and_then(|mut slot| slot.take());
    raised.map_or(Ok(result), Err)
}
