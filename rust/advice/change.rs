//! One change of the documents: what it is, where, what it costs, and how it is made.
//!
//! Data and arithmetic only; whether a change helps is found out elsewhere. Start at [`Change`].

use std::fmt;

use super::documents::{Documents, apply};
use crate::gates::Features;
use crate::inventory::ClaimKey;
use crate::quantity::Quantity;
use crate::wire::claim::DeviceToleration;

/// What is changed. The order is that of the costs; the table stands at the top of [`super`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A constant in a selector of the claim.
    LoosenTerm,
    /// A term of a selector of the claim.
    DropTerm,
    /// A taint that the request accepts.
    Tolerate,
    /// An amount of a capacity, or the request for it.
    LowerCapacity,
    /// How many devices are wanted.
    LowerCount,
    /// A constraint of the claim.
    DropConstraint,
    /// The device class of a request.
    OtherClass,
    /// Claims that hold devices.
    Release,
    /// A feature gate of the cluster.
    EnableGate,
    /// A constant in a selector of a device class.
    LoosenClassTerm,
    /// A term of a selector of a device class.
    DropClassTerm,
    /// A pool of which slices are missing; nobody can check what it will hold.
    Wait,
}

impl Kind {
    /// The word for it in data.
    pub fn word(self) -> &'static str {
        match self {
            Self::LoosenTerm => "loosen selector term",
            Self::DropTerm => "drop selector term",
            Self::Tolerate => "tolerate taint",
            Self::LowerCapacity => "lower capacity",
            Self::LowerCount => "lower count",
            Self::DropConstraint => "drop constraint",
            Self::OtherClass => "use another class",
            Self::Release => "release claims",
            Self::EnableGate => "enable feature gate",
            Self::LoosenClassTerm => "loosen class term",
            Self::DropClassTerm => "drop class term",
            Self::Wait => "wait for pool",
        }
    }

    /// What any change of the kind costs at least.
    pub fn base_cost(self) -> u64 {
        match self {
            Self::LoosenTerm => 10_000,
            Self::DropTerm => 20_000,
            Self::Tolerate => 30_000,
            Self::LowerCapacity => 40_000,
            Self::LowerCount => 50_000,
            Self::DropConstraint => 60_000,
            Self::OtherClass => 70_000,
            Self::Release => 80_000,
            Self::EnableGate => 90_000,
            Self::LoosenClassTerm => 100_000,
            Self::DropClassTerm => 110_000,
            Self::Wait => 1_000_000,
        }
    }

    /// What a change of the kind and of this size costs.
    pub(super) fn cost(self, size: usize) -> u64 {
        let size = u64::try_from(size).unwrap_or(u64::MAX);
        self.base_cost() + size.min(LARGEST)
    }
}

/// The largest size that counts; below the distance of two kinds, so that sizes never outweigh a kind.
const LARGEST: u64 = 9_999;

/// A change of the documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What is changed.
    pub kind: Kind,
    /// Kind and name of the document that is edited; a few words where it is no document.
    pub document: String,
    /// The field of the document; empty where there is none to edit.
    pub path: String,
    /// The claim, where the change is of one.
    pub claim: Option<ClaimKey>,
    /// `request` or `request/alternative`, where the change is of one.
    pub request: Option<String>,
    /// What stands there now.
    pub before: String,
    /// What is to stand there; empty where it is left out.
    pub after: String,
    /// What it costs; see [`super`].
    pub cost: u64,
    /// How it is made.
    pub(super) edit: Edit,
}

/// How a change is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Edit {
    /// A term of a selector gets another text, or goes.
    Term {
        selector: SelectorAt,
        term: usize,
        text: Option<String>,
    },
    Tolerate(WishAt, DeviceToleration),
    /// With this count, whatever the mode was.
    Count(WishAt, i64),
    Capacity(WishAt, String, Option<Quantity>),
    Class(WishAt, String),
    Constraint(Vec<ClaimKey>, usize),
    Release(Vec<ClaimKey>),
    Gate(usize),
    Nothing,
}

/// A request or alternative. Several claims where they are made of one template.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct WishAt {
    pub(super) claims: Vec<ClaimKey>,
    pub(super) request: usize,
    pub(super) alternative: Option<usize>,
}

/// A selector.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum SelectorAt {
    Wish(WishAt, usize),
    Class(String, usize),
}

impl Change {
    /// The claims that are released.
    pub fn released(&self) -> &[ClaimKey] {
        match &self.edit {
            Edit::Release(claims) => claims,
            _ => &[],
        }
    }

    /// The features with this change.
    pub(super) fn features(&self, mut features: Features) -> Features {
        if let Edit::Gate(gate) = self.edit {
            *(super::gates::GATES[gate].1)(&mut features) = true;
        }
        features
    }

    /// Whether the two change the same thing, so that they cannot be made together.
    pub fn excludes(&self, other: &Self) -> bool {
        match (&self.edit, &other.edit) {
            (
                Edit::Term {
                    selector: a,
                    term: i,
                    ..
                },
                Edit::Term {
                    selector: b,
                    term: j,
                    ..
                },
            ) => a == b && i == j,
            (Edit::Count(a, _), Edit::Count(b, _)) | (Edit::Class(a, _), Edit::Class(b, _)) => {
                a == b
            }
            (Edit::Capacity(a, i, _), Edit::Capacity(b, j, _)) => a == b && i == j,
            // Sets of claims are found elsewhere.
            (Edit::Release(_), Edit::Release(_)) => true,
            _ => false,
        }
    }
}

/// Changes that together make it fit; one, or two of which neither alone does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The changes.
    pub changes: Vec<Change>,
    /// The sum of their costs.
    pub cost: u64,
    /// Whether it was found out by allocating that it fits.
    pub is_checked: bool,
    /// The node on which it then fits.
    pub node: Option<String>,
}

impl Offer {
    /// The documents with the changes made.
    #[must_use]
    pub fn apply(&self, documents: &Documents) -> Documents {
        let changes: Vec<&Change> = self.changes.iter().collect();
        apply(&changes, documents)
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, after) = (&self.before, &self.after);
        let of = self.request.as_deref().unwrap_or_default();
        match self.kind {
            Kind::LoosenTerm => {
                write!(
                    f,
                    "request {of}: replace the condition `{before}` by `{after}`"
                )
            }
            Kind::DropTerm => write!(f, "request {of}: leave out the condition `{before}`"),
            Kind::Tolerate => write!(f, "request {of}: tolerate the taint {after}"),
            Kind::LowerCapacity if after.is_empty() => {
                write!(f, "request {of}: do not ask for a capacity of {before}")
            }
            Kind::LowerCapacity => write!(
                f,
                "request {of}: ask for a capacity of {after} instead of {before}"
            ),
            Kind::LowerCount => write!(
                f,
                "request {of}: ask for {after} instead of {before} devices"
            ),
            Kind::DropConstraint => write!(f, "leave out the constraint {before}"),
            Kind::OtherClass => {
                write!(
                    f,
                    "request {of}: use the device class {after} instead of {before}"
                )
            }
            Kind::Release => write!(f, "release {before}"),
            Kind::EnableGate => write!(f, "switch on the feature gate {after}"),
            Kind::LoosenClassTerm => {
                write!(
                    f,
                    "in the device class, replace the condition `{before}` by `{after}`"
                )
            }
            Kind::DropClassTerm => {
                write!(f, "in the device class, leave out the condition `{before}`")
            }
            Kind::Wait => write!(f, "wait for {before}"),
        }
    }
}
