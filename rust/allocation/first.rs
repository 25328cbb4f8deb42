//! The first of all nodes that takes claims, asked again and again while the cluster fills up.
//!
//! Remembers what nodes came to, so that the next claims like these start where the last ones ended; that never changes
//! an answer. Start at [`First::find`].

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::known::Known;
use super::{Ask, Options, Outcome, Parts, Refused, Verdict, first_of, parts_on};
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
        let Some(first) = known.first(&ask) else {
            let mut twins = Twins::default();
            let on = &mut |node: &str| twins.parts_on(node, known, &ask);
            return (first_of(&inventory.node_names(), &ask, on), None);
        };
        let (outcome, steps) = known.outcome(first.node, &ask);
        let (chunk, at) = first.node;
        let name = &inventory.table().chunks()[chunk].rows()[at].name;
        let steps = steps.saturating_add(first.steps);
        let mut parts = Parts::end_of(name, ask, outcome, steps);
        parts.refused = Refused::before(known.memo(), first.before);
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

    fn up_to_date(&mut self, ask: &Ask<'_>) -> &Known {
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

/// What nodes came to that all others with their keys come to as well.
#[derive(Default)]
struct Twins(FxHashMap<Box<[u32]>, Parts>);

impl Twins {
    /// As [`parts_on`], for a node that cannot take the claims.
    fn parts_on(&mut self, node: &str, known: &Known, ask: &Ask<'_>) -> Parts {
        let Some(key) = known.twins(node, ask) else {
            return parts_on(ask, node);
        };
        let twin = self.0.entry(key).or_insert_with(|| parts_on(ask, node));
        let mut parts = twin.clone();
        node.clone_into(&mut parts.node);
        if let Outcome::Impossible(explanation) = &mut parts.outcome {
            for refusal in &mut explanation.nodes {
                node.clone_into(&mut refusal.node);
            }
        }
        parts
    }
}
