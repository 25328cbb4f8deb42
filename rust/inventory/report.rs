//! What reading documents had to say besides the result: nothing is dropped silently.

use std::fmt;

/// A remark on a document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Remark {
    /// The kind is not understood; the document has no effect.
    UnknownKind {
        /// Its `apiVersion`.
        api_version: String,
        /// Its `kind`.
        kind: String,
        /// `namespace/name` or `name`.
        name: String,
    },
    /// An older version of an object that is known in a newer one; ignored.
    Stale {
        /// Kind and namespace/name.
        document: String,
        /// The version that came.
        resource_version: String,
        /// The version that is known.
        known: String,
    },
    /// An object to be deleted that is not there.
    NotFound {
        /// Kind and namespace/name.
        document: String,
    },
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownKind {
                api_version,
                kind,
                name,
            } => write!(
                f,
                "{kind} {name} ({api_version}): kind not understood, no effect"
            ),
            Self::Stale {
                document,
                resource_version,
                known,
            } => write!(
                f,
                "{document}: resourceVersion {resource_version} is older than {known}, ignored"
            ),
            Self::NotFound { document } => write!(f, "{document}: not there, nothing deleted"),
        }
    }
}

/// The remarks of one load or update, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    remarks: Vec<Remark>,
}

impl Report {
    pub(super) fn new(mut remarks: Vec<Remark>) -> Self {
        remarks.sort();
        Self { remarks }
    }

    /// The remarks.
    pub fn remarks(&self) -> &[Remark] {
        &self.remarks
    }
}
