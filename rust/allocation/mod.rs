//! Allocating claims on a node, on the first node that takes them, or on each: the outcomes as values.
//!
//! Puts together what the layers below offer and holds no rules of its own. Start at [`allocate_on`].

#[cfg(debug_assertions)]
mod judged;
mod pod;
mod prove;
mod result;
mod share;
mod survey;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::claim::key;
use crate::explanation::{Explanation, NodeRefusal, Refusal};
use crate::feasibility::prepare::{Prepared, prepare};
use crate::feasibility::view::View;
use crate::feasibility::{Selectors, funnels};
use crate::gates::{FeatureGates, Features};
use crate::inventory::selector::NodeSelector;
use crate::inventory::{ClaimKey, DeviceId, Inventory};
use crate::refute::{self, Lookahead, Problem, refute};
use crate::search::{Attempt, End, Search};
use crate::wire::allocation::AllocationResult;
use crate::wire::claim::ResourceClaim;
use crate::wire::core::Node;

pub use pod::{allocate_pod_each, allocate_pod_first};
pub use prove::prove_on;
pub use share::ShareKey;
pub use survey::{Fate, Survey, Verdict, survey};

/// Steps a search may take unless the caller says otherwise; upstream's time-out of ten seconds is of this order.
pub const MAX_STEPS: u64 = 1 << 20;

/// Steps that a search takes before it looks ahead.
pub const PLAIN_STEPS: u64 = 256;

/// How to allocate.
#[derive(Clone)]
pub struct Options<'a> {
    /// The gates in force.
    pub features: Features,
    /// The step budget of each node.
    pub max_steps: u64,
    /// Steps that a search takes before it looks ahead; without effect on what is found.
    pub plain_steps: u64,
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
            plain_steps: PLAIN_STEPS,
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
    /// The nodes looked at before, each with its reason.
    pub refused: Vec<NodeRefusal>,
    /// The gates it was made with.
    pub features: Features,
    /// The snapshot it was made on.
    pub inventory: Inventory,
    /// The claims as they were asked for.
    pub documents: Vec<Arc<ResourceClaim>>,
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
            answer.refused = refused;
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
        refused,
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
        refused: Vec::new(),
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

fn outcome_on(
    inventory: &Inventory,
    node: &str,
    claims: &[Arc<ResourceClaim>],
    options: &Options<'_>,
) -> (Outcome, u64) {
    let is_excluded = |device: &DeviceId| options.exclude.contains(device);
    let view = match View::new(inventory, node, options.features, &is_excluded) {
        Ok(view) => view,
        Err(text) => return (failed(Scope::Pod, text), 0),
    };
    let (held, asked): (Vec<_>, Vec<_>) = claims
        .iter()
        .partition(|claim| allocated(inventory, claim).is_some());
    for claim in held {
        match is_usable(inventory, claim, &view.node) {
            Err(text) => return (failed(Scope::Pod, text), 0),
            Ok(true) => {}
            Ok(false) => {
                let claim = key(claim);
                return (impossible(node, Refusal::BoundElsewhere { claim }), 0);
            }
        }
    }
    let asked: Vec<&ResourceClaim> = asked.into_iter().map(AsRef::as_ref).collect();
    let mut selectors = Selectors::new(inventory.cel_cache());
    let prepared = match prepare(&view, &asked, &mut selectors) {
        Ok(prepared) => prepared,
        Err(text) => return (failed(Scope::Pod, text), 0),
    };
    let mut search = Search::new(&view, Attempt::new(&view, prepared, selectors));
    let stop = || options.interrupt.is_some_and(|interrupt| interrupt());
    let end = run(&mut search, &view, options, &stop);
    let steps = search.steps;
    let deepest = deepest(&search);
    let outcome = match end {
        End::Found => placed(inventory, &view, &search.attempt, claims, options),
        End::Failed(text) => failed(Scope::Pod, text),
        End::Exhausted if view.has_invalid_pool() => failed(
            Scope::Node,
            "invalid resource pools were encountered".to_owned(),
        ),
        End::Exhausted => {
            let Attempt {
                claims,
                mut selectors,
                ..
            } = search.attempt;
            let funnels = funnels(&view, &claims, &mut selectors);
            let refusal = Refusal::NoSolution {
                funnels,
                stuck_at: deepest,
            };
            impossible(node, refusal)
        }
        End::OutOfSteps | End::Interrupted => Outcome::Undecided(Statistics {
            steps,
            deepest,
            is_interrupted: end == End::Interrupted,
        }),
    };
    (outcome, steps)
}

/// Searches plainly for a while; what takes longer is first refuted, if it can be, and then searched with foresight.
/// Where a check may fail with an error only the plain order is upstream's.
fn run(
    search: &mut Search<'_, '_>,
    view: &View<'_>,
    options: &Options<'_>,
    stop: &dyn Fn() -> bool,
) -> End {
    let (max_steps, plain_steps) = (options.max_steps, options.plain_steps);
    let end = search.run(max_steps.min(plain_steps), stop);
    if end != End::OutOfSteps || max_steps <= plain_steps {
        return end;
    }
    let attempt = &mut search.attempt;
    let problem = Problem::new(view, &attempt.claims, &mut attempt.selectors);
    if problem.is_clean {
        if refute(&problem, refute::BUDGET).is_some() {
            return End::Exhausted;
        }
        search.look_ahead(Lookahead::new(problem));
    }
    search.run(max_steps, stop)
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

fn deepest(search: &Search<'_, '_>) -> Option<(ClaimKey, String)> {
    let claim: &Prepared<'_> = search.attempt.claims.get(search.deepest.0)?;
    let requests = &claim.claim.spec.devices.requests;
    let request = requests.get(search.deepest.1).or(requests.last())?;
    Some((key(claim.claim), request.name.clone()))
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

fn is_usable(inventory: &Inventory, claim: &ResourceClaim, node: &Node) -> Result<bool, String> {
    let selector =
        allocated(inventory, claim).and_then(|allocation| allocation.node_selector.as_ref());
    let Some(selector) = selector else {
        return Ok(true);
    };
    let parsed = NodeSelector::parse(selector).map_err(|error| {
        let claim = key(claim);
        format!("claim {claim}: node selector of its allocation: {error}")
    })?;
    Ok(parsed.matches(node))
}

fn placed(
    inventory: &Inventory,
    view: &View<'_>,
    attempt: &Attempt<'_, '_>,
    claims: &[Arc<ResourceClaim>],
    options: &Options<'_>,
) -> Outcome {
    let mut shares = share::Shares::new(inventory, options);
    let mut found =
        (0..attempt.claims.len()).map(|claim| result::build(view, attempt, claim, &mut shares));
    let mut allocations = Vec::with_capacity(claims.len());
    for claim in claims {
        let (allocation, was_allocated) = match allocated(inventory, claim) {
            Some(allocation) => (allocation.clone(), true),
            None => match found.next() {
                Some(Ok(allocation)) => (allocation, false),
                Some(Err(text)) => return failed(Scope::Pod, text),
                None => continue,
            },
        };
        allocations.push(ClaimAllocation {
            key: key(claim),
            uid: claim.metadata.uid.clone(),
            allocation,
            was_allocated,
        });
    }
    Outcome::Placed(allocations)
}
