//! What a call to allocate has to say: how it ended, for which claims, and what spoke against the nodes before.
//!
//! A value; reasons that nobody may ask for are worked out when somebody does. Start at [`Answer`].

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::on_node::outcome_on;
use super::question::Question;
use super::{Ask, Options};
use crate::explanation::{Explanation, NodeRefusal, Refusal};
use crate::gates::Features;
use crate::inventory::{ClaimKey, Held, Inventory};
use crate::wire::allocation::AllocationResult;
use crate::wire::claim::ResourceClaim;

/// What a call to allocate has to say.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The node it is about; of a call over several nodes that found none, empty.
    pub node: String,
    /// The claims asked for, in order.
    pub claims: Vec<ClaimKey>,
    /// How it ended.
    pub outcome: Outcome,
    /// Search steps, over all nodes looked at.
    pub steps: u64,
    /// The nodes looked at before.
    refused: Refused,
    /// The gates it was made with.
    pub features: Features,
    /// The snapshot it was made on; of pods in turn, the one that the first of them found.
    pub inventory: Arc<Inventory>,
    /// The claims as they were asked for.
    pub documents: Vec<Arc<ResourceClaim>>,
}

/// Nodes that cannot take the claims; why is found out when somebody asks.
#[derive(Clone, Debug, Default)]
pub(super) struct Refused {
    reasons: OnceLock<Vec<NodeRefusal>>,
    /// The first so many by name, for what was asked.
    nodes: Option<(Arc<Question>, usize)>,
    /// What was held since the snapshot of the answer: the first so many.
    since: Option<(Arc<Log>, usize)>,
}

/// What pods in turn came to hold, one after the other.
pub(crate) type Log = Mutex<Vec<Arc<Held>>>;

/// An answer without the snapshot.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    pub(super) node: String,
    claims: Vec<ClaimKey>,
    documents: Vec<Arc<ResourceClaim>>,
    pub(super) outcome: Outcome,
    pub(super) steps: u64,
    pub(super) refused: Refused,
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every claim has its devices, in the order asked.
    Placed(Vec<ClaimAllocation>),
    /// Nothing fits, and why.
    Impossible(Explanation),
    /// Upstream fails on these documents.
    Error(AllocationError),
    /// The budget was spent before there was an answer.
    Undecided(Statistics),
}

/// The allocation of one claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimAllocation {
    /// The claim.
    pub key: ClaimKey,
    /// Its UID; empty when it was never stored.
    pub uid: String,
    /// The devices.
    pub allocation: Arc<AllocationResult>,
    /// Whether the claim had them before.
    pub was_allocated: bool,
}

/// Upstream's failure on valid documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllocationError {
    /// Whether other nodes may still do.
    pub scope: Scope,
    /// Upstream's text.
    pub text: String,
}

/// What a failure concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// This node only.
    Node,
    /// The whole pod: no node is tried any more.
    Pod,
}

/// What is known when the budget is spent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statistics {
    /// Steps done.
    pub steps: u64,
    /// The deepest claim and request reached.
    pub deepest: Option<(ClaimKey, String)>,
    /// Whether the caller asked to stop.
    pub is_interrupted: bool,
}

impl Answer {
    /// Whether every claim has its devices.
    pub fn is_placed(&self) -> bool {
        matches!(self.outcome, Outcome::Placed(_))
    }

    /// The allocations of a placed answer.
    pub fn allocations(&self) -> &[ClaimAllocation] {
        match &self.outcome {
            Outcome::Placed(claims) => claims,
            _ => &[],
        }
    }

    /// The nodes looked at before, each with its reason.
    pub fn refused(&self) -> &[NodeRefusal] {
        if let Outcome::Impossible(explanation) = &self.outcome
            && self.node.is_empty()
        {
            return &explanation.nodes;
        }
        self.refused.reasons.get_or_init(|| {
            let Some((question, nodes)) = &self.refused.nodes else {
                return Vec::new();
            };
            let (before, options) = (self.before(), question.options());
            let ask = Ask::new(&before, &self.documents, &options);
            let names = before.node_names().into_iter().take(*nodes);
            let refusal = |node: String| {
                let (outcome, steps) = outcome_on(&ask, &node);
                Against::of(&outcome, steps).on(node.into())
            };
            names.map(refusal).collect()
        })
    }

    /// Whether it was made on this very snapshot.
    pub(crate) fn is_made_on(&self, inventory: &Inventory) -> bool {
        let is_first = self
            .refused
            .since
            .as_ref()
            .is_none_or(|(_, held)| *held == 0);
        is_first && inventory.is_same_snapshot(&self.inventory)
    }

    /// The snapshot with what was held since.
    fn before(&self) -> Inventory {
        let mut before = Inventory::clone(&self.inventory);
        if let Some((log, count)) = &self.refused.since {
            let log = log.lock().unwrap_or_else(PoisonError::into_inner);
            for held in &log[..*count] {
                before.give_back(&held.key);
                before.take_anew(Arc::clone(held), None, &mut Vec::new());
            }
        }
        before
    }
}

impl Parts {
    pub(super) fn of(node: &str, ask: &Ask<'_>, outcome: Outcome, steps: u64) -> Self {
        Self::with(ask.keys.clone(), node, ask, outcome, steps)
    }

    /// As [`Parts::of`], with the keys of a question that nobody asks any more.
    pub(super) fn end_of(node: &str, mut ask: Ask<'_>, outcome: Outcome, steps: u64) -> Self {
        let keys = std::mem::take(&mut ask.keys);
        Self::with(keys, node, &ask, outcome, steps)
    }

    fn with(
        claims: Vec<ClaimKey>,
        node: &str,
        ask: &Ask<'_>,
        outcome: Outcome,
        steps: u64,
    ) -> Self {
        Self {
            node: node.to_owned(),
            claims,
            documents: ask.claims.to_vec(),
            outcome,
            steps,
            refused: Refused::default(),
        }
    }

    /// What each claim is given, with the claim as asked for.
    pub(crate) fn given(&self) -> impl Iterator<Item = (&ClaimAllocation, &Arc<ResourceClaim>)> {
        let allocations = match &self.outcome {
            Outcome::Placed(claims) => claims.as_slice(),
            _ => &[],
        };
        allocations.iter().zip(&self.documents)
    }

    /// As it is known to be after so many claims were held since the snapshot of the answer.
    pub(crate) fn after(mut self, log: &Arc<Log>, count: usize) -> Self {
        self.refused.since = Some((Arc::clone(log), count));
        self
    }

    /// The answer, made on this snapshot.
    pub(crate) fn answer(self, inventory: Arc<Inventory>, options: &Options<'_>) -> Answer {
        Answer {
            node: self.node,
            claims: self.claims,
            outcome: self.outcome,
            steps: self.steps,
            refused: self.refused,
            features: options.features,
            inventory,
            documents: self.documents,
        }
    }
}

impl Outcome {
    /// Whether no node after this one is asked.
    pub(super) fn ends(&self) -> bool {
        match self {
            Self::Placed(_) => true,
            Self::Impossible(_) => false,
            Self::Error(error) => error.scope == Scope::Pod,
            Self::Undecided(statistics) => statistics.is_interrupted,
        }
    }
}

/// What speaks against a node, and against all that are equal to it.
pub(super) struct Against {
    refusal: Arc<Refusal>,
    undecided: Option<Statistics>,
    steps: u64,
}

impl Against {
    pub(super) fn of(outcome: &Outcome, steps: u64) -> Self {
        let refusal = match outcome {
            Outcome::Impossible(explanation) if !explanation.nodes.is_empty() => {
                Arc::clone(&explanation.nodes[0].refusal)
            }
            Outcome::Error(error) => Arc::new(Refusal::Error {
                text: error.text.clone(),
            }),
            Outcome::Impossible(_) | Outcome::Undecided(_) | Outcome::Placed(_) => {
                Arc::new(Refusal::Undecided { steps })
            }
        };
        let undecided = match outcome {
            Outcome::Undecided(statistics) => Some(statistics.clone()),
            _ => None,
        };
        Self {
            refusal,
            undecided,
            steps,
        }
    }

    fn on(&self, node: Arc<str>) -> NodeRefusal {
        NodeRefusal {
            node,
            refusal: Arc::clone(&self.refusal),
        }
    }
}

/// The nodes asked so far, none of which takes the claims.
#[derive(Default)]
pub(super) struct Refusals {
    nodes: Vec<NodeRefusal>,
    steps: u64,
    undecided: Option<Statistics>,
}

impl Refusals {
    pub(super) fn add(&mut self, node: Arc<str>, against: &Against) {
        self.nodes.push(against.on(node));
        self.steps = self.steps.saturating_add(against.steps);
        if self.undecided.is_none() {
            self.undecided.clone_from(&against.undecided);
        }
    }

    /// The answer of the node that ends the call.
    pub(super) fn ended_by(self, mut parts: Parts) -> Parts {
        parts.steps = self.steps.saturating_add(parts.steps);
        parts.refused = Refused::listed(self.nodes);
        parts
    }

    /// The answer where no node ends it.
    pub(super) fn answer(self, ask: &Ask<'_>) -> Parts {
        let Some(undecided) = self.undecided else {
            let explanation = Explanation { nodes: self.nodes };
            return Parts::of("", ask, Outcome::Impossible(explanation), self.steps);
        };
        let mut parts = Parts::of("", ask, Outcome::Undecided(undecided), self.steps);
        parts.refused = Refused::listed(self.nodes);
        parts
    }
}

impl Refused {
    fn listed(reasons: Vec<NodeRefusal>) -> Self {
        Self {
            reasons: OnceLock::from(reasons),
            ..Self::default()
        }
    }

    /// The first so many nodes by name.
    pub(super) fn before(question: &Arc<Question>, nodes: usize) -> Self {
        Self {
            nodes: Some((Arc::clone(question), nodes)),
            ..Self::default()
        }
    }
}
