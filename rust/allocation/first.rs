//! The first of all nodes that takes claims, asked again and again while the cluster fills up.
//!
//! Remembers what nodes came to, so that the next claims like these start where the last ones ended; that never changes
//! an answer. Start at [`First::find`].

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::known::Known;
use super::on_node::outcome_on;
use super::{Against, Ask, Options, Parts, Refusals, Refused, Verdict};
use crate::inventory::{Inventory, Position};
use crate::wire::claim::ResourceClaim;

/// Different claims that are remembered.
const REMEMBERED: usize = 16;

/// Asks the nodes of one inventory by name while what is held changes; every change is to be noted.
#[derive(Debug, Default)]
pub(crate) struct First {
    /// What is known for each of the last different claims, the latest last, and how many changes were known then.
    known: Vec<(Known, usize)>,
    /// The places in the table of nodes for which what is held has changed, in the order of the changes.
    changed: Vec<Position>,
}

impl First {
    /// The places of the nodes for which what is held has changed, to add more at the end.
    pub(crate) fn changed(&mut self) -> &mut Vec<Position> {
        &mut self.changed
    }

    /// What [`super::allocate_first`] comes to with all nodes by name, and where the node stands that it ended with.
    pub(crate) fn find(
        &mut self,
        inventory: &Inventory,
        claims: &[Arc<ResourceClaim>],
        options: &Options<'_>,
    ) -> (Parts, Option<Position>) {
        let ask = Ask::new(inventory, claims, options);
        let known = self.up_to_date(&ask);
        let first = known.first(&ask);
        let is_certain = options.interrupt.is_none() || !known.was_interrupted();
        let Some(first) = first.filter(|_| is_certain) else {
            return (all_of(known, &ask), None);
        };
        let (outcome, steps) = known.outcome(first.node, &ask);
        let (chunk, at) = first.node;
        let name = &inventory.table().chunks()[chunk].rows()[at].name;
        let steps = steps.saturating_add(first.steps);
        let mut parts = Parts::end_of(name, ask, outcome, steps);
        parts.refused = Refused::before(known.question(), first.before);
        (parts, Some(first.node))
    }

    /// What the claims come to on each node, in the order of the names.
    pub(crate) fn verdicts(
        &mut self,
        inventory: &Inventory,
        claims: &[Arc<ResourceClaim>],
        options: &Options<'_>,
    ) -> impl Iterator<Item = Verdict> {
        let ask = Ask::new(inventory, claims, options);
        let known = self.up_to_date(&ask);
        known.ask_all(&ask);
        known.verdicts()
    }

    fn up_to_date(&mut self, ask: &Ask<'_>) -> &mut Known {
        let changes = self.changed.len();
        let mut known = self.known.iter();
        if let Some(at) = known.rposition(|(known, _)| known.is_about(ask)) {
            // The latest last.
            self.known[at..].rotate_left(1);
        } else {
            if self.known.len() == REMEMBERED {
                self.known.remove(0);
            }
            self.known.push((Known::begin(ask, None), changes));
        }
        let last = self.known.len() - 1;
        let (known, seen) = &mut self.known[last];
        known.renew(ask, &self.changed[*seen..]);
        *seen = changes;
        known
    }
}

/// What all nodes come to, none of which takes the claims; equal ones are asked once.
fn all_of(known: &Known, ask: &Ask<'_>) -> Parts {
    let table = ask.inventory.table();
    let mut twins: FxHashMap<Box<[u32]>, Against> = FxHashMap::default();
    let (mut refusals, mut key) = (Refusals::default(), Vec::new());
    for chunk in table.chunks() {
        for (at, row) in chunk.rows().iter().enumerate() {
            let has_twins = known.twins((chunk, at), ask, &mut key).is_some();
            let twin = twins.get(key.as_slice()).filter(|_| has_twins);
            if let Some(against) = twin {
                refusals.add(Arc::clone(&row.name), against);
                continue;
            }
            let (outcome, steps) = outcome_on(ask, &row.name);
            if outcome.ends() || table.len() == 1 {
                return refusals.ended_by(Parts::of(&row.name, ask, outcome, steps));
            }
            let against = Against::of(&outcome, steps);
            refusals.add(Arc::clone(&row.name), &against);
            if has_twins {
                twins.insert(key.as_slice().into(), against);
            }
        }
    }
    refusals.answer(ask)
}
