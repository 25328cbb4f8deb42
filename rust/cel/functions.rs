//! The table of all functions: the standard ones and the libraries'.
//!
//! Built once. Start at [`function`].

use std::sync::OnceLock;

use rustc_hash::FxHashMap;

use super::library::{self, Cost};
use super::overload::Overload;
use super::standard;

/// A function with all its overloads.
#[derive(Debug)]
pub(super) struct Function {
    /// Its name.
    pub(super) name: &'static str,
    /// Its overloads, in the order of declaration.
    pub(super) overloads: Vec<Overload>,
    /// One implementation serves all overloads and looks at the values by itself.
    pub(super) singleton: bool,
    /// What a call costs when the overload is not known beforehand.
    pub(super) name_cost: Option<Cost>,
}

/// The function of this name; a leading dot is not part of it.
pub(super) fn function(name: &str) -> Option<&'static Function> {
    static TABLE: OnceLock<FxHashMap<&'static str, Function>> = OnceLock::new();
    let table = TABLE.get_or_init(|| {
        let mut table = FxHashMap::default();
        for (overload, singleton) in standard::overloads() {
            add(&mut table, overload, singleton);
        }
        for overload in library::overloads() {
            let singleton = library::looks_by_itself(overload.function);
            add(&mut table, overload, singleton);
        }
        table
    });
    table.get(name.strip_prefix('.').unwrap_or(name))
}

fn add(table: &mut FxHashMap<&'static str, Function>, overload: Overload, singleton: bool) {
    let function = table.entry(overload.function).or_insert_with(|| Function {
        name: overload.function,
        overloads: Vec::new(),
        singleton,
        name_cost: library::name_cost(overload.function),
    });
    if !function.overloads.iter().any(|o| o.id == overload.id) {
        function.overloads.push(overload);
    }
}
