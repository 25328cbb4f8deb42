//! Allocating claims on a node, on the first node that takes them, or on each: the outcomes as values.
//!
//! Puts together what the layers below offer and holds no rules of its own. Start at [`allocate_on`].

mod ask;
mod first;
#[cfg(debug_assertions)]
mod judged;
mod known;
mod on_node;
mod pod;
mod prove;
mod question;
mod result;
mod share;
mod survey;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::explanation::{Explanation, NodeRefusal, Refusal};
use crate::gates::{FeatureGates, Features};
use crate::inventory::{ClaimKey, DeviceId, Held, Inventory};
use crate::wire::allocation::AllocationResult;
use crate::wire::claim::ResourceClaim;

use ask::Ask;
pub(crate) use first::First;
use known::Memo;
use on_node::outcome_on;
pub use pod::{allocate_pod_each, allocate_pod_first};
pub use prove::prove_on;
pub use share::ShareKey;
pub use survey::{Fate, Survey, Verdict, survey};

/// Steps a search may take unless the caller says otherwise; upstream's time-out of ten seconds is of this order.
pub const MAX_STEPS: u64 = 1 << 20;

/// When a search looks ahead: first whether there can be a solution at all, then at every pick. Only where no check can
/// fail with an error, so that it makes no difference but to the number of steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foresight {
    /// Steps are counted exactly as upstream counts them.
    Never,
    /// Once it has taken more steps than a search that finds what it looks for at once.
    WhenStuck,
    /// From the first step on.
    AtOnce,
}

/// How to allocate.
#[derive(Clone)]
pub struct Options<'a> {
    /// The gates in force.
    pub features: Features,
    /// The step budget of each node.
    pub max_steps: u64,
    /// When the search looks ahead; without effect on what is found.
    pub foresight: Foresight,
    /// Devices that count as in use.
    pub exclude: BTreeSet<DeviceId>,
    /// Share ids to use instead of computed ones.
    pub share_ids: BTreeMap<ShareKey, String>,
    /// Asked now and then; once true, the search ends undecided.
    pub interrupt: Option<&'a (dyn Fn() -> bool + Sync)>,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self {
            features: FeatureGates::default().features(),
            max_steps: MAX_STEPS,
            foresight: Foresight::WhenStuck,
            exclude: BTreeSet::new(),
            share_ids: BTreeMap::new(),
            interrupt: None,
        }
    }
}

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
struct Refused {
    reasons: OnceLock<Vec<NodeRefusal>>,
    /// The first so many by name, for what was asked.
    nodes: Option<(Arc<Memo>, usize)>,
    /// What was held since the snapshot of the answer: the first so many.
    since: Option<(Arc<Log>, usize)>,
}

/// What pods in turn came to hold, one after the other.
pub(crate) type Log = Mutex<Vec<Arc<Held>>>;

/// An answer without the snapshot.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    node: String,
    claims: Vec<ClaimKey>,
    documents: Vec<Arc<ResourceClaim>>,
    outcome: Outcome,
    steps: u64,
    refused: Refused,
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
        self.refused.reasons.get_or_init(|| {
            let Some((memo, nodes)) = &self.refused.nodes else {
                return Vec::new();
            };
            let (before, options) = (self.before(), memo.options());
            let ask = Ask::new(&before, &self.documents, &options);
            let names = before.node_names().into_iter().take(*nodes);
            let refusal = |node: String| {
                let (outcome, steps) = outcome_on(&ask, &node);
                refusal(&node, &outcome, steps)
            };
            names.map(refusal).collect()
        })
    }

    /// The snapshot with what was held since.
    fn before(&self) -> Inventory {
        let mut before = Inventory::clone(&self.inventory);
        if let Some((log, count)) = &self.refused.since {
            let log = log.lock().unwrap_or_else(PoisonError::into_inner);
            for held in &log[..*count] {
                before.give_back(&held.key);
                before.take_anew(Arc::clone(held));
            }
        }
        before
    }
}

impl Parts {
    fn of(node: &str, ask: &Ask<'_>, outcome: Outcome, steps: u64) -> Self {
        Self {
            node: node.to_owned(),
            claims: ask.keys.clone(),
            documents: ask.claims.to_vec(),
            outcome,
            steps,
            refused: Refused::default(),
        }
    }

    /// What each claim is given, with the claim as asked for.
    pub(crate) fn given(&self) -> Vec<(&ClaimAllocation, &Arc<ResourceClaim>)> {
        let allocations = match &self.outcome {
            Outcome::Placed(claims) => claims.as_slice(),
            _ => &[],
        };
        allocations.iter().zip(&self.documents).collect()
    }

    /// As it is known to be after so many claims were held since the snapshot of the answer.
    pub(crate) fn after(mut self, log: &Arc<Log>, count: usize) -> Self {
        self.refused.since = Some((Arc::clone(log), count));
        self
    }

    /// The answer, made on this snapshot.
    pub(crate) fn answer(self, inventory: Arc<Inventory>, options: &Options<'_>) -> Answer {
        let answer = Answer {
            node: self.node,
            claims: self.claims,
            outcome: self.outcome,
            steps: self.steps,
            refused: self.refused,
            features: options.features,
            inventory,
            documents: self.documents,
        };
        #[cfg(debug_assertions)]
        judged::check(&answer, options);
        answer
    }

    fn is_fatal(&self) -> bool {
        matches!(
            &self.outcome,
            Outcome::Error(AllocationError {
                scope: Scope::Pod,
                ..
            }) | Outcome::Undecided(Statistics {
                is_interrupted: true,
                ..
            })
        )
    }
}

/// What speaks against a node.
fn refusal(node: &str, outcome: &Outcome, steps: u64) -> NodeRefusal {
    let refusal = match outcome {
        Outcome::Impossible(explanation) if !explanation.nodes.is_empty() => {
            return explanation.nodes[0].clone();
        }
        Outcome::Error(error) => Refusal::Error {
            text: error.text.clone(),
        },
        Outcome::Impossible(_) | Outcome::Undecided(_) | Outcome::Placed(_) => {
            Refusal::Undecided { steps }
        }
    };
    NodeRefusal {
        node: node.to_owned(),
        refusal,
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
    fn before(memo: &Arc<Memo>, nodes: usize) -> Self {
        Self {
            nodes: Some((Arc::clone(memo), nodes)),
            ..Self::default()
        }
    }
}

/// Allocates the claims on a node: the first solution in upstream's order. Claims that hold something already keep it;
/// it must be usable on the node.
pub fn allocate_on(
    inventory: &Inventory,
    node: &str,
    claims: &[Arc<ResourceClaim>],
    options: &Options<'_>,
) -> Answer {
    parts_on(&Ask::new(inventory, claims, options), node)
        .answer(Arc::new(inventory.clone()), options)
}

fn parts_on(ask: &Ask<'_>, node: &str) -> Parts {
    let (outcome, steps) = outcome_on(ask, node);
    Parts::of(node, ask, outcome, steps)
}

/// Allocates the claims on the first of the nodes, in the order given, that takes them. A failure that is fatal for
/// the pod ends the call, as it ends upstream's scheduling attempt. Of a single node the answer is its own.
pub fn allocate_first(
    inventory: &Inventory,
    nodes: &[String],
    claims: &[Arc<ResourceClaim>],
    options: &Options<'_>,
) -> Answer {
    let ask = Ask::new(inventory, claims, options);
    first_of(nodes, &ask, &mut |node| parts_on(&ask, node))
        .answer(Arc::new(inventory.clone()), options)
}

/// As [`allocate_first`] with all nodes by name; equal ones are searched once.
pub fn allocate_first_by_name(
    inventory: &Inventory,
    claims: &[Arc<ResourceClaim>],
    options: &Options<'_>,
) -> Answer {
    let parts = First::default().find(inventory, claims, options);
    parts.answer(Arc::new(inventory.clone()), options)
}

/// The first answer that ends the call; else what all of them come to.
fn first_of(nodes: &[String], ask: &Ask<'_>, on: &mut dyn FnMut(&str) -> Parts) -> Parts {
    let mut refused: Vec<NodeRefusal> = Vec::new();
    let mut steps: u64 = 0;
    let mut undecided = None;
    for node in nodes {
        let mut parts = on(node);
        let own = parts.steps;
        steps = steps.saturating_add(own);
        let is_placed = matches!(parts.outcome, Outcome::Placed(_));
        if is_placed || parts.is_fatal() || nodes.len() == 1 {
            parts.refused = Refused::listed(refused);
            parts.steps = steps;
            return parts;
        }
        if let Outcome::Undecided(statistics) = &parts.outcome {
            undecided.get_or_insert_with(|| statistics.clone());
        }
        refused.push(refusal(node, &parts.outcome, own));
    }
    let explanation = Explanation {
        nodes: refused.clone(),
    };
    let outcome = undecided.map_or(Outcome::Impossible(explanation), Outcome::Undecided);
    Parts {
        refused: Refused::listed(refused),
        ..Parts::of("", ask, outcome, steps)
    }
}

/// Allocates the claims on each of the nodes on its own; a failure is reported for its node and ends nothing.
pub fn allocate_each(
    inventory: &Inventory,
    nodes: &[String],
    claims: &[Arc<ResourceClaim>],
    options: &Options<'_>,
) -> Vec<Answer> {
    nodes
        .iter()
        .map(|node| allocate_on(inventory, node, claims, options))
        .collect()
}

fn failed(scope: Scope, text: String) -> Outcome {
    Outcome::Error(AllocationError { scope, text })
}

fn impossible(node: &str, refusal: Refusal) -> Outcome {
    let node = node.to_owned();
    Outcome::Impossible(Explanation {
        nodes: vec![NodeRefusal { node, refusal }],
    })
}
