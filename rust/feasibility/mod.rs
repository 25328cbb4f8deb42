//! What is possible on one node: the devices it sees, and for each request which of them could serve it.
//!
//! Never chooses a device and never takes one. [`view::View`] is the node, [`prepare::prepare`] checks and sizes the
//! claims, [`candidates::Checks::verdict`] judges one device for one wish, [`funnel::funnels`] counts what became of all.

pub mod candidates;
pub mod counters;
pub mod funnel;
pub mod prepare;
pub mod selectors;
pub mod view;

pub use funnel::funnels;
pub use selectors::Selectors;
