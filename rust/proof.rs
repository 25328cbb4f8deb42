//! Why nothing fits, as a proof that can be re-checked: counting facts and case distinctions.
//!
//! A proof speaks of one node and of the claims asked for that hold nothing yet, in order. It is about *demands*: a
//! request, or one of its alternatives once an enclosing case has chosen it. Facts hold under what the enclosing cases
//! assume: which alternative serves a request, which value a constraint has settled on, which devices are picked, which
//! devices a demand does not take. A *candidate* of a demand is a device that no check refuses, for one of the open
//! alternatives, under these assumptions:
//!
//! - when nothing of the claims is placed, every check that upstream makes of a single device; one on which a check
//!   fails with an error counts as a candidate;
//! - of the picks assumed: a demand takes no device twice; a whole device serves one demand, except that access for
//!   administration stands beside earlier demands of other claims; counters and capacities have enough left (of the
//!   shares of a device only the first pays counters); a plain constraint accepts it beside the picks of its claim. A
//!   constraint is *plain* if each candidate that it can meet has a value that it compares in the ordinary way. Compatibility
//!   groups between picks are left out of account.
//!
//! All this only narrows as more is assumed, provided that no device consumes less than nothing of a counter; where
//! one does, only [`Proof::Exhausted`] is a proof.
//!
//! Data only: `refute` finds proofs, `verify` checks them with code of its own. Start at [`Proof`].

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use crate::explanation::Reason;

/// Why the demands cannot be met.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Proof {
    /// Too little room for what some demands need together.
    Few(Few),
    /// Less is left of some counters than some demands consume of them at the least.
    Sum(Sum),
    /// The requests of a claim take more devices than a claim can have, whichever alternatives serve them.
    Limit {
        /// Position of the claim among those asked for.
        claim: usize,
        /// The least number of devices.
        needed: usize,
    },
    /// A plain `matchAttribute` constraint under which two devices are needed has to settle on a value that all have;
    /// each leads to a contradiction. All devices under it then have that value.
    ByValue {
        /// Position of the claim.
        claim: usize,
        /// Position of the constraint in the claim.
        constraint: usize,
        /// The values that candidates have of the demands that are under it whichever alternative serves them and still
        /// need a device, and why none will do.
        cases: Vec<ValueCase>,
    },
    /// One alternative has to serve the request; each leads to a contradiction.
    ByAlternative {
        /// Position of the claim.
        claim: usize,
        /// Position of the request in the claim.
        request: usize,
        /// Every alternative that the enclosing cases leave open.
        cases: Vec<AlternativeCase>,
    },
    /// The demand, of which one alternative is open, needs a device; each candidate leads to a contradiction, or each of
    /// some and that it is none of them.
    ByDevice {
        /// Position of the claim.
        claim: usize,
        /// Position of the request in the claim.
        request: usize,
        /// Candidates, in order. A case may assume that the demand takes none of the devices of earlier cases.
        cases: Vec<DeviceCase>,
        /// Why the demand cannot do without the devices of all cases; nothing if they are all its candidates.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        without: Option<Box<Proof>>,
    },
    /// The search went through everything; a naive search can do the same. Never inside a case.
    Exhausted {
        /// Steps it took.
        steps: u64,
    },
}

/// A demand: all alternatives of a request that are still open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
pub struct Demand {
    /// Position of the claim among those asked for.
    pub claim: usize,
    /// Position of the request in the claim.
    pub request: usize,
}

/// Too little room. What is needed is the sum, over the demands, of the least number of devices that one of the open
/// alternatives takes (an `All` without any device counts as one), less what an enclosing case has picked. Access for
/// administration only counts in a fact about a single demand. The room stated may be more than there is, but has to be
/// less than the need.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Few {
    /// The demands.
    pub demands: Vec<Demand>,
    /// Devices that they need together.
    pub needed: usize,
    /// Devices that they can get at the most.
    pub room: usize,
    /// How the candidates limit each other.
    pub grouping: Grouping,
    /// Devices that are no candidates of the first demand, and the check that refuses each; only in a fact about one
    /// demand without alternatives and outside of any case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excluded: Vec<Excluded>,
}

/// How many candidates can be picked together. A device can serve one demand, a shared one as many as its capacities
/// have room for at the least consumption, and no demand twice.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "by", rename_all = "camelCase")]
pub enum Grouping {
    /// By nothing else.
    Devices,
    /// Of the whole devices that consume counters of one set only, as many as fit into it together, or into each of its
    /// counters; the others count as they are.
    CounterSets,
    /// Of the candidates that have a value in common, one: the demands are of one claim and under a plain
    /// `distinctAttribute` constraint. A candidate with none of the values, or with others for another demand, counts
    /// as it is.
    Distinct {
        /// Position of the constraint in the claim of the demands.
        constraint: usize,
        /// Each candidate belongs to the first of these values that it has.
        values: Vec<Element>,
    },
}

/// Too little is left of some counters, all in all: each is counted in units, with a weight, and devices have prices on
/// top. A device costs what it consumes of these counters, in whole units, each times the weight of its counter; a
/// shared device may have been paid for and costs nothing. A device with a price costs that much more; it is a whole
/// one, and no demand is for administration. Each demand is counted with its least number of devices and with the least
/// that so many different candidates cost together. Where one alternative is open that is under plain constraints, they
/// are candidates that one of the constraints accepts together: with a value in common, or of each value one among those
/// that have no other.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sum {
    /// The counters.
    pub counters: Vec<Weighed>,
    /// What devices cost on top.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prices: Vec<Price>,
    /// The demands.
    pub demands: Vec<Demand>,
    /// What they cost together at the least.
    #[serde(with = "digits")]
    pub needed: i128,
    /// What there is to spend: of each counter the whole units that are left, none of one that is overdrawn, times its
    /// weight; and all prices, for each of these devices can be had once.
    #[serde(with = "digits")]
    pub left: i128,
}

/// A counter that is added to others.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Weighed {
    /// The counter.
    #[serde(flatten)]
    pub counter: CounterRef,
    /// What is counted as one, in units of 10^-9. More than nothing.
    #[serde(with = "digits")]
    pub unit: i128,
    /// What one counts for. Not less than nothing.
    #[serde(with = "digits")]
    pub weight: i128,
}

/// What a device costs beside its counters.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Price {
    /// The device.
    #[serde(flatten)]
    pub device: DeviceRef,
    /// Not less than nothing.
    #[serde(with = "digits")]
    pub price: i128,
}

/// Amounts are written as texts of digits: few readers of JSON know integers of this size.
mod digits {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        amount: &i128,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(amount)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<i128, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// One counter of a counter set of a pool.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CounterRef {
    /// Driver of the pool.
    pub driver: String,
    /// Pool.
    pub pool: String,
    /// Counter set.
    pub set: String,
    /// Counter.
    pub counter: String,
}

/// A device by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
pub struct DeviceRef {
    /// Driver.
    pub driver: Arc<str>,
    /// Pool.
    pub pool: Arc<str>,
    /// Name in the pool.
    pub device: Arc<str>,
}

/// A device that is no candidate.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Excluded {
    /// The device.
    #[serde(flatten)]
    pub device: DeviceRef,
    /// The first check that refuses it.
    pub reason: Reason,
}

/// One value of an attribute, or one element of a list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Element {
    /// An integer.
    Int(i64),
    /// A truth value.
    Bool(bool),
    /// A text.
    String(String),
    /// A version, compared as a text.
    Version(String),
}

/// What follows when the constraint settles on one of these values.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct ValueCase {
    /// The values; the same proof holds for each.
    pub values: Vec<Element>,
    /// Why it cannot be.
    pub proof: Proof,
}

/// What follows when one alternative serves the request.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct AlternativeCase {
    /// Position of the alternative in the request.
    pub alternative: usize,
    /// Why it cannot.
    pub proof: Proof,
}

/// What follows when the demand takes this device.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct DeviceCase {
    /// The device.
    pub device: DeviceRef,
    /// Candidates in whose place this one would do, so that what holds for it holds for all. Nothing in the claims can
    /// tell them from it: for every demand and open alternative they are candidates or not, with the same consumption
    /// and values; they are shared or not, with the same room left; and they pay the same counters in the same groups.
    /// The two can change places in a solution. If it is a whole device, they may also pay more of the same counters, or
    /// others beside; where no demand is for administration, they may be candidates where it is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub equals: Vec<DeviceRef>,
    /// Why it cannot.
    pub proof: Proof,
}

impl Proof {
    /// How many facts and cases it has.
    pub fn size(&self) -> usize {
        match self {
            Self::Few(_) | Self::Sum(_) | Self::Limit { .. } | Self::Exhausted { .. } => 1,
            Self::ByValue { cases, .. } => 1 + cases.iter().map(|c| c.proof.size()).sum::<usize>(),
            Self::ByAlternative { cases, .. } => {
                1 + cases.iter().map(|c| c.proof.size()).sum::<usize>()
            }
            Self::ByDevice { cases, without, .. } => {
                let without = without.as_ref().map_or(0, |proof| proof.size());
                1 + without + cases.iter().map(|c| c.proof.size()).sum::<usize>()
            }
        }
    }

    /// Whether it says why, rather than that everything was tried.
    pub fn is_short(&self) -> bool {
        !matches!(self, Self::Exhausted { .. })
    }
}

impl fmt::Display for DeviceRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.driver, self.pool, self.device)
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(value) => write!(f, "{value}"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::String(value) => write!(f, "{value:?}"),
            Self::Version(value) => f.write_str(value),
        }
    }
}
