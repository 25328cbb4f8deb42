//! The one error for unreadable input: which document, which field, what was wrong.
//!
//! A "does not fit" is never an error of this kind; see `allocation` for outcomes.

use std::fmt;

/// Input that could not be read or is not the shape of its kind. Nothing of the rejected call has taken effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputError {
    document: String,
    field: String,
    message: String,
}

impl InputError {
    /// `document` is `Kind namespace/name` (or the best known part of it), `field` a JSON path such as
    /// `spec.devices[3].capacity.memory.value`, empty when the document as a whole is meant.
    pub fn new(
        document: impl Into<String>,
        field: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            document: document.into(),
            field: field.into(),
            message: message.into(),
        }
    }

    /// Kind and namespace/name of the document at fault.
    pub fn document(&self) -> &str {
        &self.document
    }

    /// Path of the field at fault; empty when the document as a whole is meant.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// What was wrong and what to do.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.document.is_empty(), self.field.is_empty()) {
            (true, true) => write!(f, "{}", self.message),
            (true, false) => write!(f, "{}: {}", self.field, self.message),
            (false, true) => write!(f, "{}: {}", self.document, self.message),
            (false, false) => write!(f, "{}: {}: {}", self.document, self.field, self.message),
        }
    }
}

impl std::error::Error for InputError {}

/// A text in double quotes with escapes, as Go's `%q` writes it in upstream's messages.
///
/// Which characters are printable is decided by Rust's tables; for characters of very new Unicode versions they may
/// differ from Go's.
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\u{7}' => quoted.push_str("\\a"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{c}' => quoted.push_str("\\f"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{b}' => quoted.push_str("\\v"),
            '\'' => quoted.push('\''),
            _ if character.escape_debug().len() == 1 => quoted.push(character),
            _ => quoted.push_str(&escaped(u32::from(character))),
        }
    }
    quoted.push('"');
    quoted
}

fn escaped(code: u32) -> String {
    match code {
        0..0x80 => format!("\\x{code:02x}"),
        0x80..0x1_0000 => format!("\\u{code:04x}"),
        _ => format!("\\U{code:08x}"),
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn quotes_as_go_does() {
        assert_eq!(quoted("a'b\"c\\"), r#""a'b\"c\\""#);
        assert_eq!(
            quoted("\0\u{7f}\t\u{ffff}\u{85}\u{10ffff}"),
            r#""\x00\x7f\t\uffff\u0085\U0010ffff""#
        );
        assert_eq!(quoted("grün 🦀"), "\"grün 🦀\"");
    }
}
