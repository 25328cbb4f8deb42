//! Counters that are worth adding up: those of one name, those whose names differ by a number only, each for itself.
//!
//! Any set of counters would make a true fact; these are the ones that drivers publish. Start at [`Families::new`].

use std::collections::BTreeMap;

use crate::proof::CounterRef;

/// Sets of counters.
#[derive(Debug, Default)]
pub(super) struct Families {
    /// The counters of each.
    pub(super) all: Vec<Vec<usize>>,
    /// The families of each counter.
    pub(super) of: Vec<Vec<usize>>,
}

impl Families {
    pub(super) fn new(counters: &[CounterRef]) -> Self {
        let mut named: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        let mut numbered: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (index, counter) in counters.iter().enumerate() {
            named.entry(&counter.counter).or_default().push(index);
            let stem = counter
                .counter
                .trim_end_matches(|c: char| c.is_ascii_digit());
            numbered.entry(stem).or_default().push(index);
        }
        let mut all = Vec::new();
        for counters in named.values() {
            all.push(counters.clone());
            if counters.len() > 1 {
                all.extend(counters.iter().map(|counter| vec![*counter]));
            }
        }
        // Such as the memory slices of a GPU, of which each partition takes some.
        let more = numbered.into_values();
        all.extend(more.filter(|counters| !named.values().any(|named| named == counters)));
        let mut of = vec![Vec::new(); counters.len()];
        for (family, counters) in all.iter().enumerate() {
            for counter in counters {
                of[*counter].push(family);
            }
        }
        Self { all, of }
    }
}
