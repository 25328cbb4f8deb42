//! An allocation engine for accelerators.
//!
//! Documents come in (`ResourceSlice`, `ResourceClaim`, …), values go out: which devices a claim gets on a node,
//! or exactly why nothing fits. The crate reads no clock, opens no file and starts no thread.
//! Start reading at [`inventory::Inventory`] for what exists, then `search` for how it is chosen.

pub mod advice;
pub mod allocation;
pub mod attribute;
#[cfg(feature = "python")]
mod bindings;
pub mod cel;
pub mod claim;
pub mod commit;
pub mod error;
pub mod explanation;
pub mod extended;
pub mod feasibility;
pub mod gates;
pub mod in_turn;
pub mod inventory;
pub mod pod;
pub mod proof;
pub mod quantity;
pub mod refute;
pub mod search;
pub mod verify;
pub mod version;
pub mod wire;
