//! Calls with a constant pattern, compiled once.
//!
//! Start at [`Matcher::new`].

use super::library::regexes;
use super::overload::{EvalError, EvalResult};
use super::regex::{self, GoRegex};
use super::value::Value;

/// A function with its pattern.
#[derive(Debug)]
pub(super) struct Matcher {
    function: &'static str,
    regex: GoRegex,
}

impl Matcher {
    /// The function with the pattern compiled; nothing for other functions and for a pattern that does not compile.
    pub(super) fn new(function: &'static str, pattern: &str) -> Option<Self> {
        matches!(function, "matches" | "find" | "findAll").then_some(())?;
        let regex = regex::compile(pattern).ok()?;
        Some(Self { function, regex })
    }

    /// The call on values.
    pub(super) fn apply(&self, args: &[Value]) -> EvalResult {
        match (self.function, args) {
            ("matches", [Value::String(text), _]) => Ok(Value::Bool(self.regex.is_match(text))),
            ("find", _) => regexes::find(&self.regex, args),
            ("findAll", _) => regexes::find_all(&self.regex, args),
            _ => Err(EvalError::NoSuchOverload),
        }
    }
}
