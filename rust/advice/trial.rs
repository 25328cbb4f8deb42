//! Allocating with changes: whether, and where, it then fits.
//!
//! Counts what it does and stops at the limit; from then on everything counts as not helping, and the advice says so.
//! Start at [`Trials::fits`].

use super::change::Change;
use super::documents::{Documents, apply};
use super::question::{Asked, Question};
use crate::allocation::{Options, Outcome, Scope, allocate_on};

/// The trials of one question.
pub(super) struct Trials<'a> {
    question: &'a Question<'a>,
    options: Options<'a>,
    /// Allocations made.
    pub(super) made: u64,
    /// Search steps of all of them.
    steps: u64,
    /// Whether the limit was hit, or that of one trial.
    pub(super) is_cut_short: bool,
    /// Whether a trial has ended at its own limit, so that nobody knows whether it would have fitted.
    pub(super) was_undecided: bool,
}

impl<'a> Trials<'a> {
    pub(super) fn new(question: &'a Question<'a>) -> Self {
        let asked = &question.options.allocation;
        let options = Options {
            max_steps: asked.max_steps.min(question.options.max_trial_steps),
            ..asked.clone()
        };
        Self {
            question,
            options,
            made: 0,
            steps: 0,
            is_cut_short: false,
            was_undecided: false,
        }
    }

    /// The first of the nodes on which it fits with the changes made. As when a pod is scheduled, a failure that is
    /// fatal for the pod ends the trial.
    pub(super) fn fits(&mut self, changes: &[&Change], nodes: &[String]) -> Option<String> {
        let same = self.same_on_every_node(changes);
        for node in nodes {
            match self.verdict(changes, same.as_ref(), node)? {
                Verdict::Placed => return Some(node.clone()),
                Verdict::Fatal => return None,
                Verdict::Impossible | Verdict::Unknown => {}
            }
        }
        None
    }

    /// From now on a trial has all the steps that the caller grants an allocation.
    pub(super) fn grant_all_steps(&mut self) {
        self.options.max_steps = self.question.options.allocation.max_steps;
    }

    /// Whether it certainly does not fit on the node with the changes made: neither placed nor failed.
    pub(super) fn is_impossible(&mut self, changes: &[&Change], node: &str) -> bool {
        let same = self.same_on_every_node(changes);
        self.verdict(changes, same.as_ref(), node) == Some(Verdict::Impossible)
    }

    /// Whether no more trials are made: the limit is hit, or the caller wants to stop.
    pub(super) fn is_spent(&self) -> bool {
        let limits = self.question.options;
        self.made >= limits.max_trials
            || self.steps >= limits.max_steps_of_all
            || self.options.interrupt.is_some_and(|interrupt| interrupt())
    }

    /// The changed documents, where no node has its own.
    fn same_on_every_node(&self, changes: &[&Change]) -> Option<Documents> {
        match self.question.asked {
            Asked::Claims(_) => self.changed(changes, ""),
            Asked::Pod(_) => None,
        }
    }

    fn changed(&self, changes: &[&Change], node: &str) -> Option<Documents> {
        let features = changes
            .iter()
            .fold(self.options.features, |features, change| {
                change.features(features)
            });
        let documents = self.question.documents_on(node, features)?;
        Some(apply(changes, &documents))
    }

    /// What one node answers; nothing once the limit is hit.
    fn verdict(
        &mut self,
        changes: &[&Change],
        same: Option<&Documents>,
        node: &str,
    ) -> Option<Verdict> {
        if self.is_spent() {
            self.is_cut_short = true;
            return None;
        }
        self.made += 1;
        let own = if same.is_none() {
            self.changed(changes, node)
        } else {
            None
        };
        // Without documents the pod asks for what the node cannot offer.
        let Some(documents) = same.or(own.as_ref()) else {
            return Some(Verdict::Impossible);
        };
        let options = Options {
            features: documents.features,
            ..self.options.clone()
        };
        let answer = allocate_on(&documents.inventory, node, &documents.claims, &options);
        self.steps = self.steps.saturating_add(answer.steps);
        Some(match answer.outcome {
            Outcome::Placed(_) => Verdict::Placed,
            Outcome::Impossible(_) => Verdict::Impossible,
            Outcome::Error(error) if error.scope == Scope::Pod => Verdict::Fatal,
            Outcome::Undecided(_) => {
                (self.is_cut_short, self.was_undecided) = (true, true);
                Verdict::Unknown
            }
            Outcome::Error(_) => Verdict::Unknown,
        })
    }
}

/// What came of a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Placed,
    Impossible,
    Fatal,
    Unknown,
}
