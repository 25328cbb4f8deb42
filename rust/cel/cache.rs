//! Compiled expressions, kept for the whole process.
//!
//! As in upstream's scheduler: whoever reads the cluster anew still asks with the selectors of before. Without effect on
//! any answer, since what is compiled depends on the text alone. Bounded; what was not asked for lately is forgotten
//! first. Never compiles under a lock. Start at [`compiled`].

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::selector::{CompileError, Derived, Selector};

/// Weight of the expressions asked for lately, and of those before, of each kind; one alone may weigh more.
const CAPACITY: usize = 1 << 20;
/// Weight of an expression of no length; its text counts for as many more as it has bytes.
const LEAST: usize = 256;
/// Weight of a regular expression, which may take some megabytes once it has been matched.
const PATTERN: usize = CAPACITY / 64;

type Compiled<T> = Arc<Result<T, CompileError>>;

/// Compiled expressions by their text.
struct Kept<T> {
    lately: BTreeMap<Box<str>, Compiled<T>>,
    /// What `lately` weighs.
    weight: usize,
    before: BTreeMap<Box<str>, Compiled<T>>,
}

static SELECTORS: RwLock<Kept<Selector>> = RwLock::new(Kept::NOTHING);
static DERIVED: RwLock<Kept<Derived>> = RwLock::new(Kept::NOTHING);

/// The selector compiled, now or before, or why it does not compile.
pub fn compiled(source: &str) -> Compiled<Selector> {
    get(&SELECTORS, source, Selector::compile)
}

/// The derived attribute compiled, now or before, or why it does not compile.
pub fn compiled_derived(source: &str) -> Compiled<Derived> {
    get(&DERIVED, source, Derived::compile)
}

fn get<T>(
    kept: &RwLock<Kept<T>>,
    source: &str,
    compile: fn(&str) -> Result<T, CompileError>,
) -> Compiled<T> {
    let known = kept.read().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = known.lately.get(source) {
        return Arc::clone(found);
    }
    let found = known.before.get(source).cloned();
    drop(known);
    let made = found.unwrap_or_else(|| Arc::new(compile(source)));
    let mut kept = kept.write().unwrap_or_else(PoisonError::into_inner);
    let (made, forgotten) = kept.put(source, made);
    drop(kept);
    // There may be much to free, which nobody has to wait for.
    drop(forgotten);
    made
}

impl<T> Kept<T> {
    const NOTHING: Self = Self {
        lately: BTreeMap::new(),
        weight: 0,
        before: BTreeMap::new(),
    };

    /// Keeps an expression as asked for lately. What is kept of it, which somebody else may have compiled meanwhile, and
    /// what is forgotten for it.
    fn put(
        &mut self,
        source: &str,
        made: Compiled<T>,
    ) -> (Compiled<T>, BTreeMap<Box<str>, Compiled<T>>) {
        if let Some(kept) = self.lately.get(source) {
            return (Arc::clone(kept), BTreeMap::new());
        }
        let mut forgotten = BTreeMap::new();
        let weight = weight(source, &made);
        if self.weight + weight > CAPACITY {
            forgotten = std::mem::replace(&mut self.before, std::mem::take(&mut self.lately));
            self.weight = 0;
        }
        self.weight += weight;
        self.lately.insert(Box::from(source), Arc::clone(&made));
        (made, forgotten)
    }
}

/// What keeping an expression costs, roughly; words that look like a pattern's function count as one.
fn weight<T>(source: &str, made: &Result<T, CompileError>) -> usize {
    let patterns = ["matches", "find"].map(|function| source.matches(function).count());
    let error = made.as_ref().err().map_or(0, |error| error.text().len());
    LEAST + source.len() + error + PATTERN * patterns.iter().sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The most that were kept at a time of expressions asked for in turn, and how often one had to be compiled.
    fn kept(sources: impl Iterator<Item = String>) -> (usize, usize) {
        let mut kept = Kept::NOTHING;
        let made = Arc::new(Selector::compile("true"));
        let (mut most, mut compiled) = (0, 0);
        for source in sources {
            let is_known = kept.lately.contains_key(source.as_str())
                || kept.before.contains_key(source.as_str());
            compiled += usize::from(!is_known);
            kept.put(&source, Arc::clone(&made));
            most = most.max(kept.lately.len() + kept.before.len());
        }
        (most, compiled)
    }

    #[test]
    fn what_is_kept_is_bounded_by_weight() {
        let plain = |number| format!("device.attributes['d'].uuid == 'GPU-{number}'");
        let (most, compiled) = kept((0..20_000).map(plain));
        assert!((2_000..8_192).contains(&most) && compiled == 20_000);
        let pattern = |number| format!("device.driver.matches('(?i)[a-z]{{1000}}{number}')");
        assert!(kept((0..1_000).map(pattern)).0 < 128);
        let error = Selector::compile(&"x + ".repeat(2_000));
        assert!(weight("", &error) > 2 * weight("", &Selector::compile("true")));
    }

    #[test]
    fn what_is_asked_for_again_and_again_stays() {
        let often = |number| match number % 3 {
            0 => format!("device.driver == '{number}'"),
            other => format!("{other} > 0"),
        };
        assert_eq!(kept((0..30_000).map(often)).1, 10_002);
        // Two of which each alone is more than there is room for.
        let heavy = |number| format!("{} > 0 {}", number % 2, "|| 'a'.matches('b') ".repeat(200));
        assert_eq!(kept((0..10).map(heavy)).1, 2);
    }
}
