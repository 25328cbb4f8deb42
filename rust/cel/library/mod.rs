//! The extension functions of Kubernetes' CEL: everything but the standard library and the macros.
//!
//! Each module is one library: a list of overloads with their implementations. Costs stand apart, in [`call_cost`],
//! because upstream decides most of them by the name of the function alone. Start at [`overloads`].

mod authorizers;
mod cidrs;
mod costs;
mod formats;
mod ips;
mod k8s_lists;
mod lists;
mod maps;
mod names;
mod optionals;
mod quantities;
mod quoting;
pub(super) mod regexes;
mod semvers;
mod sets;
mod sorting;
pub(super) mod string_format;
mod strings;
mod support;
pub(super) mod text;
mod url;
mod urls;

pub(super) use costs::{call_cost, cost_fails, name_cost};
pub(super) use support::Cost;
pub(super) use support::compare;

use super::overload::Overload;

/// All overloads, in the order upstream declares them: where several could take the values at run time, the first
/// does.
pub(super) fn overloads() -> Vec<Overload> {
    [
        urls::overloads(),
        regexes::overloads(),
        authorizers::overloads(),
        optionals::overloads(),
        quantities::overloads(),
        strings::overloads(),
        sets::overloads(),
        ips::overloads(),
        cidrs::overloads(),
        formats::overloads(),
        maps::overloads(),
        semvers::overloads(),
        lists::overloads(),
        k8s_lists::overloads(),
    ]
    .concat()
}

/// Whether a function has one implementation that looks at its values by itself, whatever overload was found:
/// upstream guards these with no types, so a list may hold anything.
pub(super) fn looks_by_itself(function: &str) -> bool {
    matches!(function, "sort" | "@sortByAssociatedKeys" | "flatten")
}

#[cfg(test)]
mod tests;
