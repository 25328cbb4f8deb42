//! The claims on one node: the search, and what is made of its end.
//!
//! Start at [`outcome_on`]; [`fate_on`] is the same where only the fate is asked for.

use std::sync::Arc;

use super::survey::{Fate, Verdict};
use super::{
    ClaimAllocation, Foresight, Options, Outcome, Scope, Statistics, allocated, failed, impossible,
    result, share,
};
use crate::claim::key;
use crate::explanation::Refusal;
use crate::feasibility::prepare::{Prepared, PreparedRequest, prepare};
use crate::feasibility::view::View;
use crate::feasibility::{Selectors, funnels};
use crate::inventory::selector::NodeSelector;
use crate::inventory::{ClaimKey, DeviceId, Inventory};
use crate::refute::{self, Lookahead, Problem, refute};
use crate::search::{Attempt, End, Search};
use crate::wire::allocation::AllocationResult;
use crate::wire::claim::ResourceClaim;
use crate::wire::core::Node;

/// How a search ended, before anything is made of it.
enum Ended<'a, 'v> {
    /// Before it began.
    Early(Outcome),
    /// With this.
    Searched(End, Box<Search<'a, 'v>>),
}

/// Searches a node.
fn search_on<'a, 'v>(
    inventory: &'a Inventory,
    claims: &'a [Arc<ResourceClaim>],
    options: &Options<'_>,
    view: &'v View<'a>,
) -> Ended<'a, 'v> {
    let (held, asked): (Vec<_>, Vec<_>) = claims
        .iter()
        .partition(|claim| allocated(inventory, claim).is_some());
    for claim in held {
        match is_usable(inventory, claim, &view.node) {
            Err(text) => return Ended::Early(failed(Scope::Pod, text)),
            Ok(true) => {}
            Ok(false) => {
                let claim = key(claim);
                let refusal = Refusal::BoundElsewhere { claim };
                return Ended::Early(impossible(&view.node.metadata.name, refusal));
            }
        }
    }
    let asked: Vec<&ResourceClaim> = asked.into_iter().map(AsRef::as_ref).collect();
    let mut selectors = Selectors::new(inventory.cel_cache());
    let prepared = match prepare(view, &asked, &mut selectors) {
        Ok(prepared) => prepared,
        Err(text) => return Ended::Early(failed(Scope::Pod, text)),
    };
    let mut search = Box::new(Search::new(view, Attempt::new(view, prepared, selectors)));
    let stop = || options.interrupt.is_some_and(|interrupt| interrupt());
    let end = run(&mut search, view, options, &stop);
    Ended::Searched(end, search)
}

/// Looks at a node, searches it, and makes something of the end.
fn end_on<T>(
    inventory: &Inventory,
    node: &str,
    claims: &[Arc<ResourceClaim>],
    options: &Options<'_>,
    early: impl FnOnce(Outcome) -> T,
    searched: impl FnOnce(&View<'_>, End, Box<Search<'_, '_>>) -> T,
) -> T {
    let is_excluded = |device: &DeviceId| options.exclude.contains(device);
    let view = match View::new(inventory, node, options.features, &is_excluded) {
        Ok(view) => view,
        Err(text) => return early(failed(Scope::Pod, text)),
    };
    match search_on(inventory, claims, options, &view) {
        Ended::Early(outcome) => early(outcome),
        Ended::Searched(end, search) => searched(&view, end, search),
    }
}

/// What [`super::allocate_on`] makes an answer of, with the steps it took.
pub(super) fn outcome_on(
    inventory: &Inventory,
    node: &str,
    claims: &[Arc<ResourceClaim>],
    options: &Options<'_>,
) -> (Outcome, u64) {
    let early = |outcome| (outcome, 0);
    end_on(
        inventory,
        node,
        claims,
        options,
        early,
        |view, end, search| {
            let steps = search.steps;
            let deepest = deepest(&search);
            let outcome = match end {
                End::Found => placed(inventory, view, &search.attempt, claims, options),
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
                    let funnels = funnels(view, &claims, &mut selectors);
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
        },
    )
}

/// How the claims fare on a node, and whether the caller asked to stop: what [`super::allocate_on`] says, without the
/// answer.
pub(super) fn fate_on(
    inventory: &Inventory,
    node: &str,
    claims: &[Arc<ResourceClaim>],
    options: &Options<'_>,
) -> (Verdict, bool) {
    let verdict = |fate, steps, devices| Verdict {
        fate,
        steps,
        devices,
    };
    let early = |outcome| match outcome {
        Outcome::Impossible(_) => (verdict(Fate::Impossible, 0, 0), false),
        _ => (verdict(Fate::Fatal, 0, 0), false),
    };
    end_on(
        inventory,
        node,
        claims,
        options,
        early,
        |view, end, search| {
            let picks = &search.attempt.picks;
            let fate = match end {
                // Making the results may still fail.
                End::Found if picks.iter().all(|picks| result::can_be_built(view, picks)) => {
                    Fate::Placed
                }
                End::Found | End::Failed(_) => Fate::Fatal,
                End::Exhausted if view.has_invalid_pool() => Fate::Error,
                End::Exhausted => Fate::Impossible,
                End::OutOfSteps | End::Interrupted => Fate::Undecided,
            };
            let mut devices = 0;
            if fate == Fate::Placed {
                let held = claims
                    .iter()
                    .filter_map(|claim| allocated(inventory, claim));
                let held: usize = held.map(|held| held.devices.results.len()).sum();
                devices = held + picks.iter().map(Vec::len).sum::<usize>();
            }
            (
                verdict(fate, search.steps, devices),
                end == End::Interrupted,
            )
        },
    )
}

/// Searches plainly for a while; what takes longer is first refuted, if it can be, and then searched with foresight.
/// Where a check may fail with an error only the plain order is upstream's.
fn run(
    search: &mut Search<'_, '_>,
    view: &View<'_>,
    options: &Options<'_>,
    stop: &dyn Fn() -> bool,
) -> End {
    let max_steps = options.max_steps;
    let plain_steps = match options.foresight {
        Foresight::Never => u64::MAX,
        Foresight::WhenStuck => straight(search, view) + slack(view),
        Foresight::AtOnce => 0,
    };
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

/// Steps of a search that never turns back.
fn straight(search: &Search<'_, '_>, view: &View<'_>) -> u64 {
    let of_request = |request: &PreparedRequest<'_>| {
        let devices = request.wishes.iter().map(|wish| wish.devices);
        2 + devices.max().unwrap_or(0).min(view.devices.len())
    };
    let of_claim = |claim: &Prepared<'_>| 1 + claim.requests.iter().map(of_request).sum::<usize>();
    let steps: usize = search.attempt.claims.iter().map(of_claim).sum();
    u64::try_from(steps).unwrap_or(u64::MAX / 2)
}

/// Steps to turn back with before it pays to look ahead: a step may try every device.
fn slack(view: &View<'_>) -> u64 {
    let steps = 4096 / view.devices.len().max(1);
    u64::try_from(steps.clamp(8, 256)).unwrap_or(8)
}

fn deepest(search: &Search<'_, '_>) -> Option<(ClaimKey, String)> {
    let claim: &Prepared<'_> = search.attempt.claims.get(search.deepest.0)?;
    let requests = &claim.claim.spec.devices.requests;
    let request = requests.get(search.deepest.1).or(requests.last())?;
    Some((key(claim.claim), request.name.clone()))
}

fn is_usable(inventory: &Inventory, claim: &ResourceClaim, node: &Node) -> Result<bool, String> {
    let usable = allocated(inventory, claim).map(|held| is_usable_on(held, node));
    usable.unwrap_or(Ok(true)).map_err(|error| {
        let claim = key(claim);
        format!("claim {claim}: node selector of its allocation: {error}")
    })
}

/// Whether what a claim holds can be used on the node; an error where its node selector cannot be parsed.
pub(super) fn is_usable_on(held: &AllocationResult, node: &Node) -> Result<bool, String> {
    let Some(selector) = &held.node_selector else {
        return Ok(true);
    };
    Ok(NodeSelector::parse(selector)?.matches(node))
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
