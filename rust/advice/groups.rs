//! Nodes that refuse for the same reasons, as one.
//!
//! Two nodes are in one group when for each request the same checks refuse devices, the same terms and taints are
//! among them, and the same requests have too few devices left; how many devices may differ, and is given as a span.
//! Start at [`groups`].

use std::collections::{BTreeMap, BTreeSet};

use super::lens::{Lens, Seen};
use super::question::{Question, is_allocated};
use super::reach::on_node;
use crate::allocation::{Answer, Outcome, Scope, prove_on};
use crate::error::InputError;
use crate::explanation::{Funnel, Reason, Refusal, Wanted};
use crate::inventory::ClaimKey;
use crate::proof::Proof;

/// Nodes that refuse for the same reasons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The nodes, in the order asked.
    pub nodes: Vec<String>,
    /// What they say.
    pub say: Say,
    /// Why the first of them has no solution, for [`crate::verify::check_proof`]; nothing where that took too long.
    pub proof: Option<Proof>,
}

/// What the nodes of a group say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Say {
    /// There are too few devices, for each request or alternative where they went.
    NoSolution(Vec<RequestLine>),
    /// A claim is allocated already, for other nodes.
    BoundElsewhere(ClaimKey),
    /// Nobody offers this extended resource.
    ExtendedResource(String),
    /// Upstream fails, with this text on the first of them.
    Error {
        /// Whether that is fatal for the pod.
        is_fatal: bool,
        /// Upstream's text.
        text: String,
    },
    /// The step budget was spent.
    Undecided,
}

/// The least and the most of a number over the nodes of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The least.
    pub least: usize,
    /// The most.
    pub most: usize,
}

/// Where the devices of a request went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestLine {
    /// The claim.
    pub claim: ClaimKey,
    /// `request` or `request/alternative`.
    pub request: String,
    /// Its class.
    pub class: String,
    /// How many devices are wanted.
    pub wanted: Wanted,
    /// Devices looked at.
    pub seen: Span,
    /// Devices left.
    pub left: Span,
    /// Whether fewer are left than wanted.
    pub is_short: bool,
    /// Devices removed by each check, in the order of the checks.
    pub removed: Vec<Removed>,
    /// Devices that every term of class and request takes, whoever holds them.
    pub matching: Span,
    /// Those of them that are held.
    pub held: Span,
    /// By which claims, on how many devices of the group; those that hold most first.
    pub holders: Vec<(ClaimKey, usize)>,
    /// Taints on matching devices that are not tolerated.
    pub taints: BTreeSet<String>,
    /// The terms that refuse devices, and how many; of the class if so marked.
    pub terms: Vec<(String, bool, Span)>,
}

/// Devices that a check removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Removed {
    /// The check.
    pub reason: Reason,
    /// How many.
    pub devices: Span,
}

impl Span {
    fn of(number: usize) -> Self {
        Self {
            least: number,
            most: number,
        }
    }

    fn with(&mut self, other: Self) {
        self.least = self.least.min(other.least);
        self.most = self.most.max(other.most);
    }
}

/// What makes two nodes say the same.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    NoSolution(Vec<LineKey>),
    BoundElsewhere(ClaimKey),
    ExtendedResource(String),
    Error(bool, String),
    Undecided,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct LineKey {
    claim: ClaimKey,
    request: String,
    is_short: bool,
    reasons: Vec<Reason>,
    terms: Vec<String>,
    taints: Vec<String>,
}

/// The nodes in groups, the largest first.
pub(super) fn groups(
    question: &Question<'_>,
    answers: &[Answer],
) -> Result<Vec<Group>, InputError> {
    let claims = question.claims()?;
    let asked = claims
        .iter()
        .filter(|claim| !is_allocated(question.inventory, claim));
    let mut lenses: Vec<Lens<'_>> = asked.flat_map(|claim| Lens::of(question, claim)).collect();
    let mut found: BTreeMap<Key, (usize, Group)> = BTreeMap::new();
    for (place, answer) in answers.iter().enumerate() {
        let Some(say) = say(question, answer, &mut lenses) else {
            continue;
        };
        match found.entry(key(&say)) {
            std::collections::btree_map::Entry::Vacant(free) => {
                let nodes = vec![answer.node.clone()];
                let group = Group {
                    nodes,
                    say,
                    proof: None,
                };
                free.insert((place, group));
            }
            std::collections::btree_map::Entry::Occupied(mut known) => {
                let (_, group) = known.get_mut();
                group.nodes.push(answer.node.clone());
                merge(&mut group.say, say);
            }
        }
    }
    let mut groups: Vec<(usize, Group)> = found.into_values().collect();
    groups.sort_by_key(|(place, group)| (std::cmp::Reverse(group.nodes.len()), *place));
    for (place, group) in &mut groups {
        if let Say::NoSolution(lines) = &mut group.say {
            for line in lines {
                // Stable: those that hold as many stay in the order of their names.
                line.holders
                    .sort_by_key(|(_, devices)| std::cmp::Reverse(*devices));
            }
            group.proof = proof(question, &answers[*place]);
        }
    }
    Ok(groups.into_iter().map(|(_, group)| group).collect())
}

/// Allocates once more, so only where that is no more work than trying a change.
fn proof(question: &Question<'_>, answer: &Answer) -> Option<Proof> {
    let options = question.options;
    let is_cheap = answer.steps <= options.max_trial_steps;
    let prove = || {
        prove_on(
            question.inventory,
            &answer.node,
            &answer.documents,
            &options.allocation,
        )
    };
    is_cheap.then(prove).flatten()
}

fn say(question: &Question<'_>, answer: &Answer, lenses: &mut [Lens<'_>]) -> Option<Say> {
    let explanation = match &answer.outcome {
        Outcome::Placed(_) => return None,
        Outcome::Undecided(_) => return Some(Say::Undecided),
        Outcome::Error(error) => {
            return Some(Say::Error {
                is_fatal: error.scope == Scope::Pod,
                text: error.text.clone(),
            });
        }
        Outcome::Impossible(explanation) => explanation,
    };
    Some(match &*explanation.nodes.first()?.refusal {
        Refusal::BoundElsewhere { claim } => Say::BoundElsewhere(claim.clone()),
        Refusal::ExtendedResource { resource } => Say::ExtendedResource(resource.clone()),
        Refusal::NoSolution { funnels, .. } => {
            let features = question.options.allocation.features;
            let here = on_node(question.inventory, &answer.node, features);
            let lines = funnels.iter().map(|funnel| {
                let of_funnel = |lens: &&mut Lens<'_>| {
                    lens.claim == funnel.claim && lens.request == funnel.request
                };
                let lens = lenses.iter_mut().find(of_funnel);
                line(funnel, lens.map(|lens| (lens.look(&here.devices), &*lens)))
            });
            Say::NoSolution(lines.collect())
        }
        Refusal::Error { text } => Say::Error {
            is_fatal: false,
            text: text.clone(),
        },
        Refusal::Undecided { .. } => Say::Undecided,
    })
}

fn line(funnel: &Funnel, seen: Option<(Seen, &Lens<'_>)>) -> RequestLine {
    let removed = funnel.removed.iter().map(|(reason, count)| Removed {
        reason: *reason,
        devices: Span::of(*count),
    });
    let is_short = match funnel.wanted {
        Wanted::Count(count) => usize::try_from(count).is_ok_and(|count| count > funnel.left),
        Wanted::All => funnel.left == 0,
    };
    let (seen, class, terms) = match seen {
        None => (Seen::default(), String::new(), Vec::new()),
        Some((seen, lens)) => {
            let terms = seen.by_term.iter().map(|(index, count)| {
                let is_of_class = *index < lens.of_class;
                (lens.terms[*index].clone(), is_of_class, Span::of(*count))
            });
            let terms = terms.collect();
            (seen, lens.class.clone(), terms)
        }
    };
    RequestLine {
        claim: funnel.claim.clone(),
        request: funnel.request.clone(),
        class,
        wanted: funnel.wanted,
        seen: Span::of(funnel.seen),
        left: Span::of(funnel.left),
        is_short,
        removed: removed.collect(),
        matching: Span::of(seen.matching),
        held: Span::of(seen.held),
        holders: seen.holders.into_iter().collect(),
        taints: seen.taints,
        terms,
    }
}

fn key(say: &Say) -> Key {
    match say {
        Say::NoSolution(lines) => Key::NoSolution(lines.iter().map(line_key).collect()),
        Say::BoundElsewhere(claim) => Key::BoundElsewhere(claim.clone()),
        Say::ExtendedResource(resource) => Key::ExtendedResource(resource.clone()),
        Say::Error { is_fatal, text } => Key::Error(*is_fatal, without_device(text)),
        Say::Undecided => Key::Undecided,
    }
}

fn line_key(line: &RequestLine) -> LineKey {
    LineKey {
        claim: line.claim.clone(),
        request: line.request.clone(),
        is_short: line.is_short,
        reasons: line.removed.iter().map(|removed| removed.reason).collect(),
        terms: line.terms.iter().map(|(term, ..)| term.clone()).collect(),
        taints: line.taints.iter().cloned().collect(),
    }
}

/// An error's text without the device it names, so that the same error of many devices is one.
fn without_device(text: &str) -> String {
    let Some((before, after)) = text.split_once(" on device ") else {
        return text.to_owned();
    };
    let rest = after.split_once(": ").map_or("", |(_, rest)| rest);
    format!("{before}: {rest}")
}

/// Takes the numbers of another node into those of a group.
fn merge(into: &mut Say, from: Say) {
    let (Say::NoSolution(into), Say::NoSolution(from)) = (into, from) else {
        return;
    };
    for (into, from) in into.iter_mut().zip(from) {
        into.seen.with(from.seen);
        into.left.with(from.left);
        into.matching.with(from.matching);
        into.held.with(from.held);
        for (into, from) in into.removed.iter_mut().zip(from.removed) {
            into.devices.with(from.devices);
        }
        for (into, from) in into.terms.iter_mut().zip(from.terms) {
            into.2.with(from.2);
        }
        let mut holders: BTreeMap<ClaimKey, usize> =
            std::mem::take(&mut into.holders).into_iter().collect();
        for (claim, devices) in from.holders {
            *holders.entry(claim).or_default() += devices;
        }
        into.holders = holders.into_iter().collect();
    }
}
