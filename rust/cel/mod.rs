//! The Common Expression Language in Kubernetes' dialect, as device selectors use it.
//!
//! Compiles an expression once (syntax, types), says which attributes it reads, evaluates it against a device within
//! a cost limit. Knows nothing of slices or claims. Start at [`value::Value`] and [`overload::Overload`].

pub mod library;
pub mod overload;
pub mod regex;
pub mod types;
pub mod value;
mod facade_tmp;
pub use facade_tmp::*;
