//! Semantic versions as the attribute type `version` and CEL's `semver` read them.
//!
//! Strict parsing and precedence as semver 2.0.0; build metadata never decides. Never normalises by itself.


/// A semantic version.
#[derive(Clone, Debug)]
pub struct Version {
    /// Major number.
    pub major: u64,
    /// Minor number.
    pub minor: u64,
    /// Patch number.
    pub patch: u64,
    /// Dot-separated pre-release identifiers; empty for a release.
    pub pre: Vec<String>,
    /// Dot-separated build identifiers; without effect on order and equality.
    pub build: Vec<String>,
}
