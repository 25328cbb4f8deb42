//! What to change so that claims fit that fit on none of the nodes.
//!
//! One pure function, [`advise`]: it says as data why each group of nodes refuses, which changes of the documents would
//! make it fit, and which names and values in selectors nobody publishes. It decides nothing and finds no devices of
//! its own: a change is offered because an allocation with it was tried and succeeded (only the wait for a pool of
//! which slices are missing cannot be tried, and says so).
//!
//! The cheapest change comes first. A change costs what its kind costs, plus its size; of two changes that are needed
//! together the costs are added. Kinds stand in the order of how little whoever asks gives up, and how few others
//! notice:
//!
//! | cost | change | size |
//! |---|---|---|
//! | 10 000 | loosen a term: another constant, or the nearest name, that devices publish | its place, nearest value first; 0 for a name |
//! | 20 000 | drop a term of a selector | 0 |
//! | 30 000 | tolerate a taint | 1 if running pods leave the device, too |
//! | 40 000 | lower a capacity request | place of the amount, largest first; 9 999 for no request |
//! | 50 000 | lower a count | devices fewer |
//! | 60 000 | drop a constraint | 0 |
//! | 70 000 | use another class | 0 |
//! | 80 000 | release held claims | 1 000 for each after the first, and the devices they hold |
//! | 90 000 | switch a feature gate on | 0 |
//! | 100 000 | loosen a term of the class | as above |
//! | 110 000 | drop a term of the class | 0 |
//! | 1 000 000 | wait for an incomplete pool (unchecked) | 0 |
//!
//! Bounds: changes are tried on [`Options::max_nodes`] nodes, spread over the groups, those with the most devices left
//! first; [`Options::max_trials`] allocations, the cheapest changes first; sets of up to three claims to release in
//! full, larger ones such that none of them can stay; 4 096 pairs, and only where no single change helps. A trial has
//! few steps ([`Options::max_trial_steps`]); where one was left undecided by that, what an offer says not to be enough
//! is tried again with all that the allocation may take. [`Advice::tried_on`] and [`Advice::is_cut_short`] say that a
//! bound was hit.
//!
//! Start at [`advise`]; then `space` for what could be changed and `cheapest` for how it is tried.

mod change;
mod cheapest;
mod data;
mod documents;
mod gates;
mod groups;
mod hints;
mod ladder;
mod lens;
mod near;
mod question;
mod reach;
mod space;
mod text;
mod trial;

pub use change::{Change, Kind, Offer};
pub use cheapest::{HOLDERS, RELEASED_IN_FULL};
pub use documents::Documents;
pub use groups::{Group, Removed, RequestLine, Say, Span};
pub use hints::{Hint, HintKind};
pub use question::Asked;
pub use space::{Holder, Ladder, Space};

use std::collections::{BTreeMap, BTreeSet};

use crate::allocation::{Answer, Outcome, Scope};
use crate::claim::key;
use crate::error::InputError;
use crate::explanation::{Funnel, Refusal, Wanted};
use crate::inventory::{ClaimKey, Inventory};
use question::Question;
use trial::Trials;

/// How to look for advice.
#[derive(Clone)]
pub struct Options<'a> {
    /// How to allocate; also what the trials are made with.
    pub allocation: crate::allocation::Options<'a>,
    /// Nodes on which changes are tried.
    pub max_nodes: usize,
    /// Allocations that are tried.
    pub max_trials: u64,
    /// Search steps of one trial, if the allocation itself may not take fewer.
    pub max_trial_steps: u64,
    /// Search steps of all trials.
    pub max_steps_of_all: u64,
    /// Offers that change the same kinds of things.
    pub max_offers_of_a_kind: usize,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self {
            allocation: crate::allocation::Options::default(),
            max_nodes: 64,
            max_trials: 16_384,
            max_trial_steps: 1 << 14,
            max_steps_of_all: 1 << 22,
            max_offers_of_a_kind: 3,
        }
    }
}

/// What came of the question, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// How it ended, as allocation has it.
    pub outcome: Ended,
    /// The claims asked for, in order.
    pub claims: Vec<ClaimKey>,
    /// How many nodes were asked.
    pub nodes: usize,
    /// The nodes that refuse, in groups that refuse for the same reasons, the largest first.
    pub groups: Vec<Group>,
    /// Changes with which it fits, the cheapest first.
    pub offers: Vec<Offer>,
    /// Names and values in the claims that no device publishes.
    pub hints: Vec<Hint>,
    /// On how many of the nodes changes were tried.
    pub tried_on: usize,
    /// Allocations made to check changes.
    pub trials: u64,
    /// Whether a bound kept changes from being tried, or tried to the end, on these nodes, so that there may be others
    /// or cheaper ones.
    pub is_cut_short: bool,
}

/// How an allocation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It fits as it is.
    Placed {
        /// The first node that takes the claims.
        node: String,
    },
    /// It fits nowhere.
    Impossible,
    /// Upstream fails, on the first node that is fatal for the pod.
    Error {
        /// The node.
        node: String,
        /// Upstream's text.
        text: String,
    },
    /// The step budget was spent on a node, and none of the others takes the claims.
    Undecided,
}

/// Why claims do not fit on any of the nodes, and what would have to change.
pub fn advise(
    inventory: &Inventory,
    nodes: &[String],
    asked: &Asked,
    options: &Options<'_>,
) -> Result<Advice, InputError> {
    let question = Question {
        inventory,
        nodes,
        asked,
        options,
    };
    let answers = question.answers()?;
    let mut advice = Advice {
        outcome: ended(&answers),
        claims: question.claims()?.iter().map(|claim| key(claim)).collect(),
        nodes: nodes.len(),
        groups: Vec::new(),
        offers: Vec::new(),
        hints: Vec::new(),
        tried_on: 0,
        trials: 0,
        is_cut_short: false,
    };
    if matches!(advice.outcome, Ended::Placed { .. }) || nodes.is_empty() {
        return Ok(advice);
    }
    advice.groups = groups::groups(&question, &answers)?;
    advice.hints = hints::hints(&question)?;
    let chosen = chosen(&advice.groups, &answers, options.max_nodes);
    let space = Space::new(&question, &chosen)?;
    let mut trials = Trials::new(&question);
    let is_fatal = matches!(advice.outcome, Ended::Error { .. });
    advice.offers = cheapest::offers(&question, &space, &chosen, is_fatal, &mut trials);
    advice
        .offers
        .extend(space.waits.into_iter().map(|wait| Offer {
            cost: wait.cost,
            changes: vec![wait],
            is_checked: false,
            node: None,
        }));
    advice.tried_on = chosen.len();
    advice.trials = trials.made;
    advice.is_cut_short = trials.is_cut_short || space.holders.len() > HOLDERS;
    Ok(advice)
}

/// Everything that [`advise`] would try: for those who want to search it in their own way.
pub fn space(
    inventory: &Inventory,
    nodes: &[String],
    asked: &Asked,
    options: &Options<'_>,
) -> Result<Space, InputError> {
    let question = Question {
        inventory,
        nodes,
        asked,
        options,
    };
    Space::new(&question, nodes)
}

impl Space {
    /// The change that releases some of the holders, by their places.
    pub fn release(&self, holders: &[usize]) -> Change {
        let holders: Vec<&Holder> = holders.iter().map(|index| &self.holders[*index]).collect();
        space::release(&holders)
    }
}

/// As allocating on the first node that takes the claims ends.
fn ended(answers: &[Answer]) -> Ended {
    let mut is_undecided = false;
    for answer in answers {
        match &answer.outcome {
            Outcome::Placed(_) => {
                return Ended::Placed {
                    node: answer.node.clone(),
                };
            }
            Outcome::Error(error) if error.scope == Scope::Pod || answers.len() == 1 => {
                return Ended::Error {
                    node: answer.node.clone(),
                    text: error.text.clone(),
                };
            }
            Outcome::Undecided(_) => is_undecided = true,
            Outcome::Error(_) | Outcome::Impossible(_) => {}
        }
    }
    if is_undecided {
        Ended::Undecided
    } else {
        Ended::Impossible
    }
}

/// The nodes on which changes are tried, in the order asked: all, or some of each group, those with the most devices
/// left first.
fn chosen(groups: &[Group], answers: &[Answer], most: usize) -> Vec<String> {
    let all = || answers.iter().map(|answer| &answer.node);
    if answers.len() <= most {
        return all().cloned().collect();
    }
    let left: BTreeMap<&String, usize> = all().zip(answers.iter().map(left)).collect();
    let ranked = groups.iter().map(|group| {
        let mut nodes: Vec<&String> = group.nodes.iter().collect();
        // Stable: of equal ones those asked first.
        nodes.sort_by_key(|node| std::cmp::Reverse(left.get(node).copied()));
        nodes
    });
    let ranked: Vec<Vec<&String>> = ranked.collect();
    let longest = ranked.iter().map(Vec::len).max().unwrap_or_default();
    let in_turn = (0..longest).flat_map(|place| ranked.iter().filter_map(move |of| of.get(place)));
    let chosen: BTreeSet<&String> = in_turn.copied().take(most).collect();
    all()
        .filter(|node| chosen.contains(node))
        .cloned()
        .collect()
}

/// How many devices are left for the requests, as far as they are wanted.
fn left(answer: &Answer) -> usize {
    let Outcome::Impossible(explanation) = &answer.outcome else {
        return 0;
    };
    let Some(Refusal::NoSolution { funnels, .. }) =
        explanation.nodes.first().map(|one| &*one.refusal)
    else {
        return 0;
    };
    let useful = |funnel: &Funnel| match funnel.wanted {
        Wanted::Count(count) => funnel.left.min(usize::try_from(count).unwrap_or_default()),
        Wanted::All => funnel.left,
    };
    funnels.iter().map(useful).sum()
}
