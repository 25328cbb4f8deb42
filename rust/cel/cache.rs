//! Compiled expressions, kept between calls.
//!
//! Without effect on any answer: what is compiled depends on the text alone. Bounded; when full it starts anew.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::selector::{CompileError, Derived, Selector};

/// Expressions kept of each kind.
const CAPACITY: usize = 4_096;

type Kept<T> = RwLock<BTreeMap<Box<str>, Arc<Result<T, CompileError>>>>;

/// Compiled selectors and derived attributes by their text.
#[derive(Debug, Default)]
pub struct Cache {
    selectors: Kept<Selector>,
    derived: Kept<Derived>,
}

impl Cache {
    /// The selector compiled, or why it does not compile.
    pub fn selector(&self, source: &str) -> Arc<Result<Selector, CompileError>> {
        get(&self.selectors, source, Selector::compile)
    }

    /// The derived attribute compiled, or why it does not compile.
    pub fn derived(&self, source: &str) -> Arc<Result<Derived, CompileError>> {
        get(&self.derived, source, Derived::compile)
    }
}

fn get<T>(
    kept: &Kept<T>,
    source: &str,
    compile: fn(&str) -> Result<T, CompileError>,
) -> Arc<Result<T, CompileError>> {
    if let Some(found) = kept
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .get(source)
    {
        return Arc::clone(found);
    }
    let compiled = Arc::new(compile(source));
    let mut kept = kept.write().unwrap_or_else(PoisonError::into_inner);
    if kept.len() >= CAPACITY {
        kept.clear();
    }
    kept.insert(Box::from(source), Arc::clone(&compiled));
    compiled
}
