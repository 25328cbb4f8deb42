//! Compiled expressions, kept for the whole process.
//!
//! As in upstream's scheduler: whoever reads the cluster anew still asks with the selectors of before. Without effect on
//! any answer, since what is compiled depends on the text alone. Bounded; when full it starts anew. Never compiles under
//! a lock. Start at [`compiled`].

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::selector::{CompileError, Derived, Selector};

/// Weight that is kept of each kind; an expression alone may weigh more.
const CAPACITY: usize = 1 << 20;
/// Weight of an expression of no length; its text counts for as many more as it has bytes.
const LEAST: usize = 256;
/// Weight of a regular expression, which may take a megabyte when compiled.
const PATTERN: usize = CAPACITY / 64;

/// Compiled expressions by their text.
struct Kept<T> {
    by_text: BTreeMap<Box<str>, Arc<Result<T, CompileError>>>,
    weight: usize,
}

static SELECTORS: RwLock<Kept<Selector>> = RwLock::new(Kept::NOTHING);
static DERIVED: RwLock<Kept<Derived>> = RwLock::new(Kept::NOTHING);

/// The selector compiled, now or before, or why it does not compile.
pub fn compiled(source: &str) -> Arc<Result<Selector, CompileError>> {
    get(&SELECTORS, source, Selector::compile)
}

/// The derived attribute compiled, now or before, or why it does not compile.
pub fn compiled_derived(source: &str) -> Arc<Result<Derived, CompileError>> {
    get(&DERIVED, source, Derived::compile)
}

fn get<T>(
    kept: &RwLock<Kept<T>>,
    source: &str,
    compile: fn(&str) -> Result<T, CompileError>,
) -> Arc<Result<T, CompileError>> {
    let known = kept.read().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = known.by_text.get(source) {
        return Arc::clone(found);
    }
    drop(known);
    let made = Arc::new(compile(source));
    let mut kept = kept.write().unwrap_or_else(PoisonError::into_inner);
    kept.put(source, &made);
    made
}

impl<T> Kept<T> {
    const NOTHING: Self = Self {
        by_text: BTreeMap::new(),
        weight: 0,
    };

    /// Keeps an expression, and forgets all others if that is too much.
    fn put(&mut self, source: &str, made: &Arc<Result<T, CompileError>>) {
        if self.by_text.contains_key(source) {
            // Somebody else was faster.
            return;
        }
        let weight = weight(source);
        if self.weight + weight > CAPACITY {
            *self = Self::NOTHING;
        }
        self.weight += weight;
        self.by_text.insert(Box::from(source), Arc::clone(made));
    }
}

/// What keeping an expression costs, roughly; words that look like a pattern's function count as one.
fn weight(source: &str) -> usize {
    let patterns: usize = ["matches", "find"]
        .map(|function| source.matches(function).count())
        .iter()
        .sum();
    LEAST + source.len() + PATTERN * patterns
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(sources: impl Iterator<Item = String>) -> (usize, usize) {
        let mut kept = Kept::NOTHING;
        let made = Arc::new(Selector::compile("true"));
        let mut most = 0;
        for source in sources {
            kept.put(&source, &made);
            most = most.max(kept.by_text.len());
            assert!(
                kept.by_text.contains_key(source.as_str()),
                "the last is kept"
            );
        }
        (most, kept.weight)
    }

    #[test]
    fn what_is_kept_is_bounded_by_weight() {
        let plain = |number| format!("device.attributes['d'].uuid == 'GPU-{number}'");
        let (most, sum) = kept((0..20_000).map(plain));
        assert!((2_000..4_096).contains(&most) && sum <= CAPACITY);
        let pattern = |number| format!("device.driver.matches('(?i)[a-z]{{1000}}{number}')");
        assert!(kept((0..1_000).map(pattern)).0 < 64);
        // Neither is an expression compiled for every node because it is too heavy, nor are two of them kept.
        let heavy = |number| format!("{number} > 0 {}", "|| 'a'.matches('b') ".repeat(200));
        assert_eq!(kept((0..3).map(heavy)).0, 1);
        assert_eq!(
            kept(["true"; 5].map(String::from).into_iter()).1,
            weight("true")
        );
    }
}
