//! The claims on one node: the search, and what is made of its end.
//!
//! Start at [`outcome_on`]; [`fate_on`] is the same where only the fate is asked for, [`super::stage`] for many nodes of
//! one kind.

use std::sync::Arc;

use super::result::{Site, Solution, build};
use super::{
    Ask, ClaimAllocation, Fate, Foresight, Options, Outcome, Scope, Statistics, Verdict, failed,
    impossible, share,
};
use crate::claim::key;
use crate::explanation::Refusal;
use crate::feasibility::prepare::{Prepared, PreparedRequest, prepare};
use crate::feasibility::view::View;
use crate::feasibility::{Selectors, funnels};
use crate::inventory::selector::NodeSelector;
use crate::inventory::{ClaimKey, NodeRow, Spot};
use crate::refute::{self, Lookahead, Problem, refute};
use crate::search::{Attempt, End, Search};
use crate::wire::allocation::AllocationResult;
use crate::wire::core::Node;

/// What claims that are allocated come to before anything is searched, if that is the end.
fn early_end(ask: &Ask<'_>, view: &View<'_>) -> Option<Outcome> {
    for (key, held) in ask.keys.iter().zip(&ask.held) {
        let usable = held.map(|held| is_usable_on(held, &view.node));
        match usable {
            Some(Err(error)) => {
                let text = format!("claim {key}: node selector of its allocation: {error}");
                return Some(failed(Scope::Pod, text));
            }
            Some(Ok(false)) => {
                let claim = key.clone();
                let refusal = Refusal::BoundElsewhere { claim };
                return Some(impossible(&view.node.metadata.name, refusal));
            }
            Some(Ok(true)) | None => {}
        }
    }
    None
}

/// What a search of the node begins with: the open claims, checked. An error is upstream's text and fatal.
pub(super) fn attempt<'a>(ask: &Ask<'a>, view: &View<'a>) -> Result<Attempt<'a>, String> {
    let mut selectors = Selectors::default();
    let prepared = prepare(view, &ask.open(), &mut selectors)?;
    Ok(Attempt::new(view, prepared, selectors))
}

/// How the claims fare on a node.
pub(super) struct Fared {
    pub(super) verdict: Verdict,
    /// Whether the search never looked ahead.
    pub(super) is_plain: bool,
    /// What they get.
    pub(super) solution: Option<Solution>,
    /// Whether the caller asked to stop.
    pub(super) is_interrupted: bool,
}

/// Looks at a node, searches it, and makes something of the end.
fn end_on<T>(
    ask: &Ask<'_>,
    spot: Result<Spot<'_>, String>,
    early: impl FnOnce(Outcome) -> T,
    searched: impl FnOnce(&Site<'_>, &View<'_>, (End, bool), Search<'_, '_>) -> T,
) -> T {
    let (inventory, options) = (ask.inventory, ask.options);
    let Spot { node, layout } = match spot {
        Ok(spot) => spot,
        Err(text) => {
            let text = format!("gather pool information: {text}");
            return early(failed(Scope::Pod, text));
        }
    };
    let name = node.metadata.name.clone();
    let site = Site {
        inventory,
        node: &name,
        row: None,
        layout: &layout,
        features: options.features,
    };
    let view = View::new(inventory, node, &layout, options.features, &options.exclude);
    if let Some(outcome) = early_end(ask, &view) {
        return early(outcome);
    }
    let mut attempt = match attempt(ask, &view) {
        Ok(attempt) => attempt,
        Err(text) => return early(failed(Scope::Pod, text)),
    };
    let mut search = Search::new(&view, &mut attempt);
    let end = run(&mut search, &view, options);
    searched(&site, &view, end, search)
}

/// What [`super::allocate_on`] makes an answer of, with the steps it took.
pub(super) fn outcome_on(ask: &Ask<'_>, node: &str) -> (Outcome, u64) {
    let early = |outcome| (outcome, 0);
    let spot = ask.inventory.spot(node, ask.options.features);
    end_on(ask, spot, early, |site, view, (end, _), search| {
        let steps = search.steps;
        let deepest = deepest(&search);
        let outcome = match end {
            End::Found => placed(site, &Solution::of(search.attempt), ask),
            End::Failed(text) => failed(Scope::Pod, text),
            End::Exhausted if view.has_invalid_pool() => failed(
                Scope::Node,
                "invalid resource pools were encountered".to_owned(),
            ),
            End::Exhausted => {
                let Attempt {
                    claims, selectors, ..
                } = search.attempt;
                let funnels = funnels(view, claims, selectors);
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
    })
}

/// What [`outcome_on`] comes to where a search on an equal node has found this. Nothing where the pools of the node
/// cannot be put together.
pub(super) fn outcome_of(ask: &Ask<'_>, row: &NodeRow, solution: &Solution) -> Option<Outcome> {
    let features = ask.options.features;
    let spot = ask.inventory.spot_of(row, features).ok()?;
    let site = Site {
        inventory: ask.inventory,
        node: &row.name,
        row: Some(row),
        layout: &spot.layout,
        features,
    };
    Some(placed(&site, solution, ask))
}

/// What [`outcome_on`] says, without the answer.
pub(super) fn fate_on(ask: &Ask<'_>, row: &NodeRow) -> Fared {
    let early = |outcome| match outcome {
        Outcome::Impossible(_) => Fared::early(Fate::Impossible),
        _ => Fared::early(Fate::Fatal),
    };
    let spot = ask.inventory.spot_of(row, ask.options.features);
    end_on(ask, spot, early, |site, view, (end, is_plain), search| {
        let fared = Fared::of(ask, site, (&end, is_plain), &search);
        match fared.verdict.fate {
            Fate::Impossible if view.has_invalid_pool() => fared.with(Fate::Error),
            _ => fared,
        }
    })
}

impl Fared {
    /// Before a search began.
    fn early(fate: Fate) -> Self {
        Self {
            verdict: Verdict {
                fate,
                steps: 0,
                devices: 0,
            },
            is_plain: false,
            solution: None,
            is_interrupted: false,
        }
    }

    fn with(mut self, fate: Fate) -> Self {
        self.verdict.fate = fate;
        self
    }

    /// By how a search ended, where no pool is invalid; and whether it never looked ahead.
    pub(super) fn of(
        ask: &Ask<'_>,
        site: &Site<'_>,
        (end, is_plain): (&End, bool),
        search: &Search<'_, '_>,
    ) -> Self {
        let fate = match end {
            End::Found => Fate::Placed,
            End::Failed(_) => Fate::Fatal,
            End::Exhausted => Fate::Impossible,
            End::OutOfSteps | End::Interrupted => Fate::Undecided,
        };
        let mut fared = Self::early(fate);
        fared.verdict.steps = search.steps;
        fared.is_plain = is_plain;
        fared.is_interrupted = *end == End::Interrupted;
        if fate != Fate::Placed {
            return fared;
        }
        let solution = Solution::of(search.attempt);
        // Making the results may still fail.
        if !solution.can_be_built(site) {
            return fared.with(Fate::Fatal);
        }
        let held = ask.held.iter().flatten();
        let held: usize = held.map(|held| held.devices.results.len()).sum();
        fared.verdict.devices = u32::try_from(held + solution.devices()).unwrap_or(u32::MAX);
        fared.solution = Some(solution);
        fared
    }
}

/// Searches plainly for a while, and says whether that was enough; what takes longer is first refuted, if it can be, and then searched with foresight.
/// Where a check may fail with an error only the plain order is upstream's.
pub(super) fn run(
    search: &mut Search<'_, '_>,
    view: &View<'_>,
    options: &Options<'_>,
) -> (End, bool) {
    let stop = || options.interrupt.is_some_and(|interrupt| interrupt());
    let max_steps = options.max_steps;
    let plain_steps = match options.foresight {
        Foresight::Never => u64::MAX,
        Foresight::WhenStuck => straight(search, view) + slack(view),
        Foresight::AtOnce => 0,
    };
    let end = search.run(max_steps.min(plain_steps), &stop);
    if end != End::OutOfSteps || max_steps <= plain_steps {
        return (end, true);
    }
    let attempt = &mut *search.attempt;
    let problem = Problem::new(view, &attempt.claims, &mut attempt.selectors);
    if problem.is_clean {
        if refute(&problem, refute::BUDGET).is_some() {
            return (End::Exhausted, false);
        }
        search.look_ahead(Lookahead::new(problem));
    }
    (search.run(max_steps, &stop), false)
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
    match view.devices.len() {
        0..=16 => 256,
        devices => u64::try_from(2048 / devices).unwrap_or(0).max(8),
    }
}

fn deepest(search: &Search<'_, '_>) -> Option<(ClaimKey, String)> {
    let claim: &Prepared<'_> = search.attempt.claims.get(search.deepest.0)?;
    let requests = &claim.claim.spec.devices.requests;
    let request = requests.get(search.deepest.1).or(requests.last())?;
    Some((key(claim.claim), request.name.clone()))
}

/// Whether what a claim holds can be used on the node; an error where its node selector cannot be parsed.
pub(super) fn is_usable_on(held: &AllocationResult, node: &Node) -> Result<bool, String> {
    let Some(selector) = &held.node_selector else {
        return Ok(true);
    };
    Ok(NodeSelector::parse(selector)?.matches(node))
}

fn placed(site: &Site<'_>, solution: &Solution, ask: &Ask<'_>) -> Outcome {
    let inventory = site.inventory;
    let mut shares = share::Shares::new(inventory, ask.options);
    let mut picked = solution.claims().iter();
    let mut allocations = Vec::with_capacity(ask.claims.len());
    for ((claim, key), held) in ask.claims.iter().zip(&ask.keys).zip(&ask.held) {
        let (allocation, was_allocated) = match held {
            Some(held) => (AllocationResult::clone(held), true),
            None => match picked
                .next()
                .map(|picked| build(site, claim, picked, &mut shares))
            {
                Some(Ok(allocation)) => (allocation, false),
                Some(Err(text)) => return failed(Scope::Pod, text),
                None => continue,
            },
        };
        allocations.push(ClaimAllocation {
            key: key.clone(),
            uid: claim.metadata.uid.clone(),
            allocation: Arc::new(allocation),
            was_allocated,
        });
    }
    #[cfg(debug_assertions)]
    super::judged::check(ask, site.node, &allocations);
    Outcome::Placed(allocations)
}
