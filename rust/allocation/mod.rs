//! Allocating claims on a node, on the first node that takes them, or on each: the outcomes as values.
//!
//! Puts together what the layers below offer and holds no rules of its own. Start at [`allocate_on`].

mod first;
#[cfg(debug_assertions)]
mod judged;
mod on_node;
mod pod;
mod prove;
mod question;
mod result;
mod share;
mod survey;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use crate::claim::key;
use crate::explanation::{Explanation, NodeRefusal, Refusal};
use crate::gates::{FeatureGates, Features};
use crate::inventory::{ClaimKey, DeviceId, Inventory};
use crate::wire::allocation::AllocationResult;
use crate::wire::claim::ResourceClaim;

pub use first::First;
use on_node::{fate_on, outcome_on};
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
    /// The snapshot it was made on.
    pub inventory: Inventory,
    /// The claims as they were asked for.
    pub documents: Vec<Arc<ResourceClaim>>,
}

/// Nodes that cannot take the claims; why is found out when somebody asks.
#[derive(Clone, Debug, Default)]
struct Refused {
    reasons: OnceLock<Vec<NodeRefusal>>,
    /// The first so many of a survey.
    nodes: Option<(Arc<Survey>, usize)>,
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
    pub allocation: AllocationResult,
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
            let nodes = self.refused.nodes.as_ref();
            nodes.map_or_else(Vec::new, |(survey, nodes)| survey.refusals(*nodes))
        })
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

    fn refusal(&self) -> NodeRefusal {
        let refusal = match &self.outcome {
            Outcome::Impossible(explanation) => {
                return explanation
                    .nodes
                    .first()
                    .cloned()
                    .unwrap_or_else(|| NodeRefusal {
                        node: self.node.clone(),
                        refusal: Refusal::Undecided { steps: self.steps },
                    });
            }
            Outcome::Error(error) => Refusal::Error {
                text: error.text.clone(),
            },
            Outcome::Undecided(_) | Outcome::Placed(_) => Refusal::Undecided { steps: self.steps },
        };
        NodeRefusal {
            node: self.node.clone(),
            refusal,
        }
    }
}

impl Refused {
    fn listed(reasons: Vec<NodeRefusal>) -> Self {
        Self {
            reasons: OnceLock::from(reasons),
            nodes: None,
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
    let (outcome, steps) = outcome_on(inventory, node, claims, options);
    let answer = Answer {
        steps,
        ..answer(inventory, node, claims, options, outcome)
    };
    #[cfg(debug_assertions)]
    judged::check(&answer, options);
    answer
}

/// Allocates the claims on the first of the nodes, in the order given, that takes them. A failure that is fatal for
/// the pod ends the call, as it ends upstream's scheduling attempt. Of a single node the answer is its own.
pub fn allocate_first(
    inventory: &Inventory,
    nodes: &[String],
    claims: &[Arc<ResourceClaim>],
    options: &Options<'_>,
) -> Answer {
    let on = |node: &str| allocate_on(inventory, node, claims, options);
    first_of(inventory, nodes, claims, options, &on)
}

/// The first answer that ends the call; else what all of them come to.
fn first_of(
    inventory: &Inventory,
    nodes: &[String],
    claims: &[Arc<ResourceClaim>],
    options: &Options<'_>,
    on: &dyn Fn(&str) -> Answer,
) -> Answer {
    let mut refused: Vec<NodeRefusal> = Vec::new();
    let mut steps: u64 = 0;
    let mut undecided = None;
    for node in nodes {
        let mut answer = on(node);
        steps = steps.saturating_add(answer.steps);
        if answer.is_placed() || answer.is_fatal() || nodes.len() == 1 {
            answer.refused = Refused::listed(refused);
            answer.steps = steps;
            return answer;
        }
        if let Outcome::Undecided(statistics) = &answer.outcome {
            undecided.get_or_insert_with(|| statistics.clone());
        }
        refused.push(answer.refusal());
    }
    let explanation = Explanation {
        nodes: refused.clone(),
    };
    let outcome = undecided.map_or(Outcome::Impossible(explanation), Outcome::Undecided);
    Answer {
        steps,
        refused: Refused::listed(refused),
        ..answer(inventory, "", claims, options, outcome)
    }
}

fn answer(
    inventory: &Inventory,
    node: &str,
    claims: &[Arc<ResourceClaim>],
    options: &Options<'_>,
    outcome: Outcome,
) -> Answer {
    Answer {
        node: node.to_owned(),
        claims: claims.iter().map(|claim| key(claim)).collect(),
        outcome,
        steps: 0,
        refused: Refused::default(),
        features: options.features,
        inventory: inventory.clone(),
        documents: claims.to_vec(),
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

/// What the claim holds already: by the inventory, else by its document.
fn allocated<'a>(
    inventory: &'a Inventory,
    claim: &'a ResourceClaim,
) -> Option<&'a AllocationResult> {
    let held = inventory.held(&key(claim)).filter(|held| {
        held.uid == claim.metadata.uid || held.uid.is_empty() || claim.metadata.uid.is_empty()
    });
    held.map(|held| &held.allocation)
        .or(claim.status.allocation.as_ref())
}
