//! Reasons why nothing fits, as data; text is rendered last.
//!
//! Start at [`Explanation`].

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::inventory::ClaimKey;

/// Why the claims fit on none of the nodes asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explanation {
    /// One entry per node, in the order asked.
    pub nodes: Vec<NodeRefusal>,
}

/// Why the claims do not fit on one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeRefusal {
    /// The node.
    pub node: Arc<str>,
    /// The reason; one for all nodes of which it is the same.
    pub refusal: Arc<Refusal>,
}

/// A reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The search found no solution; for each request, where the devices went.
    NoSolution {
        /// One per request or alternative.
        funnels: Vec<Funnel>,
        /// Claim and request that the search could not get past.
        stuck_at: Option<(ClaimKey, String)>,
    },
    /// A claim is allocated already, and not usable on this node.
    BoundElsewhere {
        /// The claim.
        claim: ClaimKey,
    },
    /// An extended resource that neither the node nor a device class offers.
    ExtendedResource {
        /// Name of the resource.
        resource: String,
    },
    /// Upstream fails on this node; other nodes may do.
    Error {
        /// Upstream's text.
        text: String,
    },
    /// The step budget was spent.
    Undecided {
        /// Steps done.
        steps: u64,
    },
}

/// How many devices a request wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// That many.
    Count(i64),
    /// All that its selectors take.
    All,
}

/// Where the devices of a request went. `seen` is the sum of what was removed and what is left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Funnel {
    /// The claim.
    pub claim: ClaimKey,
    /// `request` or `request/alternative`.
    pub request: String,
    /// How many are wanted.
    pub wanted: Wanted,
    /// Devices looked at: those of every slice that belongs to a pool which this node sees, and those of slices for
    /// other nodes in the same pools.
    pub seen: usize,
    /// Devices removed, by the first check that refused them; only reasons that removed some, in the order of checks.
    pub removed: Vec<(Reason, usize)>,
    /// Devices that passed every check on their own.
    pub left: usize,
}

/// The checks, in upstream's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Reason {
    /// For other nodes.
    Node,
    /// In a pool of which slices are missing.
    IncompletePool,
    /// In a pool whose slices contradict each other.
    InvalidPool,
    /// A feature gate is off, or the node lacks a feature.
    Gate,
    /// Left out by the caller.
    Excluded,
    /// Held already.
    InUse,
    /// Not of the class.
    Class,
    /// Refused by a selector of the request.
    Selector,
    /// Too small, or too little left.
    Capacity,
    /// Its counters are used up.
    Counters,
    /// A taint that is not tolerated.
    Taint,
    /// A constraint that it violates on its own.
    Constraint,
}

impl Reason {
    /// The word for it in data.
    pub fn word(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::IncompletePool => "incomplete pool",
            Self::InvalidPool => "invalid pool",
            Self::Gate => "gate",
            Self::Excluded => "excluded",
            Self::InUse => "in use",
            Self::Class => "class",
            Self::Selector => "selector",
            Self::Capacity => "capacity",
            Self::Counters => "counters",
            Self::Taint => "taint",
            Self::Constraint => "constraint",
        }
    }

    /// What to say of the devices it removed.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Node => "for other nodes",
            Self::IncompletePool => "in incomplete pools",
            Self::InvalidPool => "in invalid pools",
            Self::Gate => "behind a feature gate that is off",
            Self::Excluded => "excluded by the caller",
            Self::InUse => "in use",
            Self::Class => "not of the class",
            Self::Selector => "refused by a selector",
            Self::Capacity => "without enough capacity",
            Self::Counters => "whose counters are used up",
            Self::Taint => "tainted",
            Self::Constraint => "refused by a constraint",
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::All => f.write_str("all"),
        }
    }
}

impl fmt::Display for Funnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (claim, request, wanted, seen) = (&self.claim, &self.request, self.wanted, self.seen);
        let devices = if seen == 1 { "device" } else { "devices" };
        write!(
            f,
            "claim {claim}, request {request}: wants {wanted}; {seen} {devices} seen"
        )?;
        for (reason, count) in &self.removed {
            write!(f, ", {count} {}", reason.sentence())?;
        }
        write!(f, "; {} left", self.left)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSolution { funnels, stuck_at } => {
                if funnels.is_empty() {
                    return f.write_str("no solution");
                }
                for (index, funnel) in funnels.iter().enumerate() {
                    let separator = if index == 0 { "" } else { "\n  " };
                    write!(f, "{separator}{funnel}")?;
                }
                let fits_alone = |funnel: &Funnel| match funnel.wanted {
                    Wanted::Count(count) => usize::try_from(count).is_ok_and(|c| c <= funnel.left),
                    Wanted::All => funnel.left > 0,
                };
                match stuck_at {
                    Some((claim, request)) if funnels.iter().all(fits_alone) => write!(
                        f,
                        "\n  each request has enough devices, but not all of them together; the search got as far as claim {claim}, request {request}"
                    ),
                    _ => Ok(()),
                }
            }
            Self::BoundElsewhere { claim } => {
                write!(
                    f,
                    "claim {claim} is allocated already and not usable on this node"
                )
            }
            Self::ExtendedResource { resource } => {
                write!(f, "neither the node nor a device class offers {resource}")
            }
            Self::Error { text } => f.write_str(text),
            Self::Undecided { steps } => write!(f, "undecided after {steps} steps"),
        }
    }
}

impl fmt::Display for NodeRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node {}: {}", self.node, self.refusal)
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.nodes.is_empty() {
            return f.write_str("there is no node to allocate on");
        }
        for (index, refusal) in self.nodes.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{refusal}")?;
        }
        Ok(())
    }
}
