//! Quoting of texts: CEL's way and Go's way.
//!
//! Start at [`cel_quote`] and [`go_quote`].

use std::fmt::Write as _;
use std::sync::OnceLock;

use crate::cel::regex::{self, GoRegex};

/// Between quotes, with the escapes of a CEL literal; what has no short escape stays.
pub(super) fn cel_quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match short_escape(c) {
            Some(escape) => quoted.push_str(escape),
            None => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Between quotes, as Go's `%q` prints: what is not printable is escaped by its number.
pub(super) fn go_quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        if let Some(escape) = short_escape(c) {
            quoted.push_str(escape);
        } else if printable(c) {
            quoted.push(c);
        } else {
            let code = u32::from(c);
            // Writing to a text cannot fail.
            let _ = match code {
                0..=0x1F | 0x7F => write!(quoted, "\\x{code:02x}"),
                0..=0xFFFF => write!(quoted, "\\u{code:04x}"),
                _ => write!(quoted, "\\U{code:08x}"),
            };
        }
    }
    quoted.push('"');
    quoted
}

fn short_escape(c: char) -> Option<&'static str> {
    Some(match c {
        '\u{7}' => "\\a",
        '\u{8}' => "\\b",
        '\u{c}' => "\\f",
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        '\u{b}' => "\\v",
        '\\' => "\\\\",
        '"' => "\\\"",
        _ => return None,
    })
}

/// Letters, marks, numbers, punctuation, symbols and the plain space.
fn printable(c: char) -> bool {
    static CLASS: OnceLock<Option<GoRegex>> = OnceLock::new();
    if c.is_ascii() {
        return c == ' ' || c.is_ascii_graphic();
    }
    let class = CLASS.get_or_init(|| regex::compile_for_reuse(r"[\pL\pM\pN\pP\pS]").ok());
    let mut buffer = [0; 4];
    class
        .as_ref()
        .is_some_and(|class| class.is_match(c.encode_utf8(&mut buffer)))
}
