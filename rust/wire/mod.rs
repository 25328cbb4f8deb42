//! Wire forms of the Kubernetes documents: read, defaulted, written.
//!
//! Checks shape only; what documents mean is for `inventory` and `claim`. Versions v1beta1 and v1beta2 are converted
//! to the v1 form on entry. Start at [`document::read`].

pub mod allocation;
mod attribute;
mod beta;
pub mod claim;
pub mod core;
pub mod defaults;
pub mod document;
mod raw;
mod shared;
pub mod slice;
pub mod validate;

pub use raw::RawJson;
