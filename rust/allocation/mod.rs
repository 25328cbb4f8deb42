//! Allocating claims on a node, on the first node that takes them, or on each: the outcomes as values.
//!
//! Puts together what the layers below offer and holds no rules of its own. Start at [`allocate_on`].

mod alike;
mod answer;
mod ask;
mod chunk_verdicts;
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
mod stage;
mod survey;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::explanation::{Explanation, NodeRefusal, Refusal};
use crate::gates::{FeatureGates, Features};
use crate::inventory::{DeviceId, Inventory};
use crate::wire::claim::ResourceClaim;

use answer::{Against, Refusals, Refused};
pub use answer::{AllocationError, Answer, ClaimAllocation, Outcome, Scope, Statistics};
pub(crate) use answer::{Log, Parts};
use ask::Ask;
pub(crate) use first::First;
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
    let (parts, _) = First::default().find(inventory, claims, options);
    parts.answer(Arc::new(inventory.clone()), options)
}

/// The first answer that ends the call; else what all of them come to.
fn first_of(nodes: &[String], ask: &Ask<'_>, on: &mut dyn FnMut(&str) -> Parts) -> Parts {
    let mut refusals = Refusals::default();
    for node in nodes {
        let parts = on(node);
        if parts.outcome.ends() || nodes.len() == 1 {
            return refusals.ended_by(parts);
        }
        let against = Against::of(&parts.outcome, parts.steps);
        refusals.add(Arc::from(node.as_str()), &against);
    }
    refusals.answer(ask)
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
    let nodes = vec![NodeRefusal {
        node: Arc::from(node),
        refusal: Arc::new(refusal),
    }];
    Outcome::Impossible(Explanation { nodes })
}
