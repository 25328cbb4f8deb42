//! Regular expressions with the syntax and the answers of Go's `regexp`.
//!
//! A pattern is read by the rules of Go. What is matched once runs on a small machine of our own, which compiles in no
//! time, whatever the pattern; what is matched often is said again in words that mean the same to the `regex` crate.
//! Never hands a pattern to the crate as written: `\d`, `\b`, flags, classes and counts differ between the two.
//! Start at [`compile`].

mod names;
mod parse;
mod program;
mod tree;

use std::sync::Arc;

use program::Program;
use regex::{Regex, RegexBuilder};

/// Bytes a program of the crate may take; above, the machine does the matching.
const SIZE_LIMIT: usize = 1 << 20;

/// A compiled regular expression.
#[derive(Clone, Debug)]
pub(super) struct GoRegex {
    engine: Engine,
}

#[derive(Clone, Debug)]
enum Engine {
    Machine(Arc<Program>),
    Crate(Regex),
}

/// Compiles a pattern, to be matched a few times; the error text is that of Go, `error parsing regexp: …`.
pub(super) fn compile(pattern: &str) -> Result<GoRegex, String> {
    let (tree, root) =
        parse::parse(pattern).map_err(|error| format!("error parsing regexp: {error}"))?;
    Ok(GoRegex {
        engine: Engine::Machine(Arc::new(Program::compile(tree, root))),
    })
}

/// Compiles a pattern, to be matched often: takes longer, matches faster.
pub(super) fn compile_for_reuse(pattern: &str) -> Result<GoRegex, String> {
    let (tree, root) =
        parse::parse(pattern).map_err(|error| format!("error parsing regexp: {error}"))?;
    if tree.fits_crate(root) {
        let mut text = String::new();
        tree.write(root, &mut text);
        if let Ok(regex) = RegexBuilder::new(&text).size_limit(SIZE_LIMIT).build() {
            return Ok(GoRegex {
                engine: Engine::Crate(regex),
            });
        }
    }
    Ok(GoRegex {
        engine: Engine::Machine(Arc::new(Program::compile(tree, root))),
    })
}

/// Finds the leftmost match in a text from a position on.
type Searcher<'r> = dyn FnMut(&str, usize) -> Option<(usize, usize)> + 'r;

impl GoRegex {
    /// Whether the text contains a match.
    pub(super) fn is_match(&self, text: &str) -> bool {
        match &self.engine {
            Engine::Machine(program) => {
                program.search(&mut program.room(), text, 0, true).is_some()
            }
            Engine::Crate(regex) => regex.is_match(text),
        }
    }

    /// Finds the leftmost match from a position on.
    fn searcher(&self) -> Box<Searcher<'_>> {
        match &self.engine {
            Engine::Machine(program) => {
                let mut room = program.room();
                Box::new(move |text, from| program.search(&mut room, text, from, false))
            }
            Engine::Crate(regex) => Box::new(|text, from| {
                regex
                    .find_at(text, from)
                    .map(|found| (found.start(), found.end()))
            }),
        }
    }

    /// The leftmost match, or an empty text.
    pub(super) fn find<'t>(&self, text: &'t str) -> &'t str {
        let found = self.searcher()(text, 0);
        found
            .and_then(|(start, end)| text.get(start..end))
            .unwrap_or("")
    }

    /// The first `limit` matches that do not overlap; all of them for a negative limit. An empty match right after
    /// another match does not count.
    pub(super) fn find_all<'t>(&self, text: &'t str, limit: i64) -> Vec<&'t str> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut search = self.searcher();
        let mut matches = Vec::new();
        let mut from = 0;
        let mut last_end = None;
        while matches.len() < limit && from <= text.len() {
            let Some((start, end)) = search(text, from) else {
                break;
            };
            let empty = start == end;
            if !(empty && last_end == Some(start)) {
                matches.extend(text.get(start..end));
            }
            last_end = Some(end);
            let next = text.get(end..).and_then(|tail| tail.chars().next());
            from = match next {
                Some(c) if end == from => end + c.len_utf8(),
                None if end == from => break,
                _ => end,
            };
        }
        matches
    }
}

#[cfg(test)]
mod tests;
