//! Regular expressions with the syntax and the answers of Go's `regexp`.
//!
//! The pattern is read by the rules of Go ([`translate`]) and said again in words that mean the same to the `regex`
//! crate, which does the matching. Never hands a pattern to the crate as written: `\d`, `\b`, flags, classes and
//! counts differ between the two. Start at [`compile`].

mod names;
mod translate;

use regex::{Regex, RegexBuilder};

/// Bytes a compiled program may take. Go has no such limit below its own; what exceeds this one is refused with Go's
/// words for too large an expression.
const SIZE_LIMIT: usize = 32 << 20;
/// Nesting of the translated text; the translation bounds that of the pattern.
const NEST_LIMIT: u32 = 100_000;

/// A compiled regular expression.
#[derive(Clone, Debug)]
pub(super) struct GoRegex {
    regex: Regex,
}

/// Compiles a pattern; the error text is that of Go, `error parsing regexp: …`.
pub(super) fn compile(pattern: &str) -> Result<GoRegex, String> {
    let text = translate::translate(pattern).map_err(|error| format!("error parsing regexp: {error}"))?;
    RegexBuilder::new(&text)
        .size_limit(SIZE_LIMIT)
        .nest_limit(NEST_LIMIT)
        .build()
        .map(|regex| GoRegex { regex })
        .map_err(|_| format!("error parsing regexp: expression too large: `{pattern}`"))
}

impl GoRegex {
    /// Whether the text contains a match.
    pub(super) fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// The leftmost match, or an empty text.
    pub(super) fn find<'t>(&self, text: &'t str) -> &'t str {
        self.regex.find(text).map_or("", |found| found.as_str())
    }

    /// The first `limit` matches that do not overlap; all of them for a negative limit.
    pub(super) fn find_all<'t>(&self, text: &'t str, limit: i64) -> Vec<&'t str> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let matches = self.regex.find_iter(text).take(limit);
        matches.map(|found| found.as_str()).collect()
    }
}

#[cfg(test)]
mod tests;
