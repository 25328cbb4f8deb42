//! All nodes at once: which of them can take the claims, each with its answer on demand.
//!
//! A value for one snapshot; what it knows is carried on to later ones. Start at [`survey`].

use std::sync::Arc;

use super::known::Known;
use super::{Answer, Ask, Options, Parts};
use crate::inventory::{Inventory, NodeTable};
use crate::wire::claim::ResourceClaim;

/// How the claims fare on a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// They fit.
    Placed,
    /// They do not.
    Impossible,
    /// Upstream fails for this node.
    Error,
    /// Upstream fails for the pod: no node after this one would be asked.
    Fatal,
    /// The step budget was spent.
    Undecided,
}

/// What a node comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// How the claims fare.
    pub fate: Fate,
    /// Steps that a search on the node takes.
    pub steps: u64,
    /// Devices that the claims get on it, counted no further than a `u32` goes.
    pub devices: u32,
}

/// The fates of the claims on all nodes of a snapshot.
#[derive(Clone, Debug)]
pub struct Survey {
    inventory: Arc<Inventory>,
    table: Arc<NodeTable>,
    claims: Arc<[Arc<ResourceClaim>]>,
    known: Known,
}

/// Asks for the claims on every node that a node document or a slice names.
pub fn survey(
    inventory: &Inventory,
    claims: &[Arc<ResourceClaim>],
    options: &Options<'_>,
    before: Option<&Survey>,
) -> Survey {
    let ask = Ask::new(inventory, claims, options);
    let before = before.filter(|before| {
        // Numbers mean something only among snapshots that come from one.
        before.inventory.is_kin(inventory) && before.known.is_about(&ask)
    });
    let mut known = Known::begin(&ask, before.map(|before| (&before.known, &*before.table)));
    let table = Arc::clone(inventory.table());
    known.ask_all(&ask);
    Survey {
        inventory: Arc::new(inventory.clone()),
        table,
        claims: claims.into(),
        known,
    }
}

impl Survey {
    /// Every node with what the claims come to on it, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Verdict)> {
        let rows = self.table.chunks().iter().flat_map(|chunk| chunk.rows());
        rows.zip(self.verdicts())
            .map(|(row, verdict)| (&*row.name, verdict))
    }

    /// What the claims come to on each node, in the order of the names.
    pub fn verdicts(&self) -> impl Iterator<Item = Verdict> {
        self.known.verdicts()
    }

    /// The first node by name that can take them.
    pub fn first_fitting(&self) -> Option<&str> {
        let mut chunks = self.table.chunks().iter().enumerate();
        chunks.find_map(|(chunk, rows)| {
            let mut verdicts = self.known.of_chunk(chunk)?.iter();
            let at = verdicts.position(|verdict| verdict.fate == Fate::Placed)?;
            Some(&*rows.rows()[at].name)
        })
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there is no node.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Whether the node is one of them.
    pub fn has(&self, node: &str) -> bool {
        self.table.row(node).is_some()
    }

    /// What the claims come to on a node; nothing for a node that is not in the inventory.
    pub fn verdict(&self, node: &str) -> Option<Verdict> {
        let (chunk, at) = self.table.position(node)?;
        self.known.of_chunk(chunk)?.get(at)
    }

    /// The answer for a node, as [`super::allocate_on`] gives it.
    pub fn answer(&self, node: &str, options: &Options<'_>) -> Answer {
        let ask = Ask::new(&self.inventory, &self.claims, options);
        let place = self.table.position(node);
        let Some(place) = place.filter(|_| self.known.is_about(&ask)) else {
            return super::allocate_on(&self.inventory, node, &self.claims, options);
        };
        let (outcome, steps) = self.known.outcome(place, &ask);
        Parts::of(node, &ask, outcome, steps).answer(Arc::clone(&self.inventory), options)
    }
}
