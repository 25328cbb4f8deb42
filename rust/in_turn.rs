//! Pods one after the other: each finds what those before have left.
//!
//! Keeps a snapshot to itself and changes it in place; whoever took a copy of it keeps what was. What nodes came to is
//! remembered from pod to pod, which never changes an answer. Start at [`InTurn::place`].

use std::sync::{Arc, PoisonError};

use crate::allocation::{Answer, First, Log, Options, Verdict};
use crate::commit::Conflict;
use crate::error::InputError;
use crate::inventory::Inventory;
use crate::wire::claim::ResourceClaim;

/// A cluster that fills up.
#[derive(Debug)]
pub struct InTurn {
    /// What the first pod found. Answers keep this one, so that what they were made on need not be kept for each.
    begin: Arc<Inventory>,
    inventory: Inventory,
    /// What was held since.
    log: Arc<Log>,
    first: First,
}

impl InTurn {
    /// Begins with a snapshot.
    pub fn new(inventory: Inventory) -> Self {
        // The nodes have to be in a row before their places mean anything.
        inventory.table();
        Self {
            begin: Arc::new(inventory.clone()),
            inventory,
            log: Arc::default(),
            first: First::default(),
        }
    }

    /// The snapshot that holds everything placed so far.
    pub fn inventory(&self) -> &Inventory {
        &self.inventory
    }

    /// Allocates the claims on the first node by name that takes them, and holds what they get.
    pub fn place(&mut self, claims: &[Arc<ResourceClaim>], options: &Options<'_>) -> Answer {
        let (parts, place) = self.first.find(&self.inventory, claims, options);
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let before = log.len();
        let changed = self.first.changed();
        // What cannot be held, because the claims hold something else, is an answer all the same.
        self.inventory
            .take_all(parts.given(), place, &mut log, changed)
            .ok();
        drop(log);
        let parts = parts.after(&self.log, before);
        parts.answer(Arc::clone(&self.begin), options)
    }

    /// What the claims come to on each node, in the order of the names.
    pub fn verdicts(
        &mut self,
        claims: &[Arc<ResourceClaim>],
        options: &Options<'_>,
    ) -> impl Iterator<Item = Verdict> {
        self.first.verdicts(&self.inventory, claims, options)
    }

    /// Holds what an answer made in another way gives; see [`Inventory::commit`].
    pub fn commit(&mut self, answer: &Answer) -> Result<(), Conflict> {
        *self = Self::new(self.inventory.commit(answer)?);
        Ok(())
    }

    /// Allocates for several pods; `allocate` places one of them. An interrupted search ends the call: the answers for
    /// the remaining pods are missing.
    pub fn place_all<Pod>(
        &mut self,
        pods: &[Pod],
        options: &Options<'_>,
        allocate: &mut dyn FnMut(&mut Self, &Pod) -> Result<Answer, InputError>,
    ) -> Result<Vec<Answer>, InputError> {
        let mut answers = Vec::with_capacity(pods.len());
        for pod in pods {
            if options.interrupt.is_some_and(|interrupt| interrupt()) {
                break;
            }
            answers.push(allocate(self, pod)?);
        }
        Ok(answers)
    }
}
