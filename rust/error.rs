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
