//! Nodes of one kind, searched one after the other: what they have in common is made once for all of them.
//!
//! On such nodes the same places are searched for the same claims. Where attributes have the same values, selectors and
//! constraints say the same of a place, too; which devices are held is another matter. Only for nodes whose pools nobody
//! else has a say in, of which no share is held, and for claims that hold nothing. Never changes an answer or a count of
//! steps. Start at [`Stages::fared`].

use std::borrow::Cow;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::Ask;
use super::on_node::{Fared, attempt, fate_on, run};
use super::question::Question;
use super::result::Site;
use crate::feasibility::view::View;
use crate::inventory::pool::Pool;
use crate::inventory::{Chunk, HeldBits, Layout, NodeRow, Slice};
use crate::search::{Attempt, Search};

/// Kinds of nodes for which a stage is kept; beyond that all are given up.
const KEPT: usize = 64;

/// The stages for one question, by kind of node.
#[derive(Default)]
pub(super) struct Stages<'a> {
    by_kind: FxHashMap<Box<[u32]>, Seen<'a>>,
    /// The kind looked up last, for its memory.
    kind: Vec<u32>,
    /// What is held of the slices of the node looked at last, likewise.
    held: Vec<HeldBits>,
}

/// What became of a kind.
enum Seen<'a> {
    /// One node of it was searched by itself.
    Once,
    /// There can be no stage.
    Unfit,
    Staged(Box<Stage<'a>>),
}

/// A node of the kind, with everything that a search needs.
struct Stage<'a> {
    row: &'a NodeRow,
    layout: &'a Layout,
    view: View<'a>,
    /// There between two searches.
    attempt: Option<Attempt<'a>>,
    slices: Vec<(usize, usize)>,
    /// How many slices the node has that no other sees.
    own: usize,
    /// What is seen of the node that it is set for, but for what is held.
    seen: Vec<u32>,
    /// Whether the claims, as they were checked, are good for one set of values alone.
    depends_on_values: bool,
}

impl<'a> Stages<'a> {
    /// How the claims fare on a node of the table with this key, which is not odd.
    pub(super) fn fared(
        &mut self,
        ask: &Ask<'a>,
        question: &Question,
        node @ (chunk, at): (&'a Chunk, usize),
        key: &[u32],
    ) -> Fared {
        let staged = self.fared_on_stage(ask, question, node, key);
        staged.unwrap_or_else(|| fate_on(ask, &chunk.rows()[at]))
    }

    fn fared_on_stage(
        &mut self,
        ask: &Ask<'a>,
        question: &Question,
        node @ (chunk, at): (&'a Chunk, usize),
        key: &[u32],
    ) -> Option<Fared> {
        if ask.held.iter().any(Option::is_some) {
            return None;
        }
        question.kind(ask.inventory, node, key, &mut self.kind)?;
        // What is held comes second.
        let usage = key[1];
        let seen = [&key[..1], &key[2..]];
        let is_first = self.by_kind.is_empty();
        if !self.by_kind.contains_key(self.kind.as_slice()) {
            if self.by_kind.len() >= KEPT {
                self.by_kind.clear();
            }
            self.by_kind.insert(self.kind.as_slice().into(), Seen::Once);
            // Where nodes are of one kind it pays from the first on, elsewhere from the second of a kind.
            if !is_first {
                return None;
            }
        }
        let seen_kind = self.by_kind.get_mut(self.kind.as_slice())?;
        if let Seen::Once = seen_kind {
            let row = &chunk.rows()[at];
            let own = row.own().count();
            // A view of shares would keep them.
            ask.inventory.held_bits(usage, own, &mut self.held)?;
            let stage = Stage::new(ask, row, own, seen).map(Box::new);
            *seen_kind = stage.map_or(Seen::Unfit, Seen::Staged);
        }
        let Seen::Staged(stage) = seen_kind else {
            return None;
        };
        ask.inventory.held_bits(usage, stage.own, &mut self.held)?;
        if !stage.is_set_for(seen) {
            stage.set(ask, &chunk.rows()[at], seen)?;
        }
        stage.fared(ask, &self.held)
    }
}

impl<'a> Stage<'a> {
    /// Set for the node; nothing where the claims cannot be checked on it.
    fn new(ask: &Ask<'a>, row: &'a NodeRow, own: usize, seen: [&[u32]; 2]) -> Option<Self> {
        let (inventory, features) = (ask.inventory, ask.options.features);
        let spot = inventory.spot_of(row, features).ok()?;
        let Cow::Borrowed(layout) = spot.layout else {
            return None;
        };
        let exclude = &ask.options.exclude;
        let view = View::new(inventory, spot.node, layout, features, exclude);
        if view.has_invalid_pool() {
            return None;
        }
        let attempt = attempt(ask, &view).ok()?;
        let wishes = attempt.claims.iter().flat_map(|claim| &claim.requests);
        let mut wishes = wishes.flat_map(|request| &request.wishes);
        Some(Self {
            own,
            depends_on_values: wishes.any(|wish| wish.wish.wants_all()),
            seen: seen.concat(),
            slices: slices(row, layout)?,
            attempt: Some(attempt),
            row,
            layout,
            view,
        })
    }

    fn is_set_for(&self, seen: [&[u32]; 2]) -> bool {
        let [first, second] = seen;
        self.seen.len() == first.len() + second.len()
            && self.seen.starts_with(first)
            && self.seen.ends_with(second)
    }

    /// Sets it for a node that has other values of attributes, of which this is seen.
    fn set(&mut self, ask: &Ask<'a>, row: &'a NodeRow, seen: [&[u32]; 2]) -> Option<()> {
        if self.depends_on_values {
            *self = Self::new(ask, row, self.own, seen)?;
            return Some(());
        }
        let own: Vec<&Arc<Slice>> = row.own().collect();
        let places = self.slices.iter();
        let slices = places.map(|(place, start)| (*start, own[*place]));
        self.view.see(slices);
        self.attempt.as_mut()?.forget();
        self.seen.clear();
        self.seen.extend(seen.iter().copied().flatten());
        Some(())
    }

    /// How the claims fare on the node that it is set for when this is held.
    fn fared(&mut self, ask: &Ask<'a>, held: &[HeldBits]) -> Option<Fared> {
        let mut attempt = self.attempt.take()?;
        let places = self.slices.iter();
        let held = places.filter_map(|(own, start)| Some((*start, held[*own].as_deref()?)));
        self.view.hold(held);
        attempt.renew(&self.view);
        let mut search = Search::new(&self.view, attempt);
        let (end, is_plain) = run(&mut search, &self.view, ask.options);
        let site = Site {
            inventory: ask.inventory,
            node: &self.row.name,
            row: Some(self.row),
            layout: self.layout,
            features: ask.options.features,
        };
        let fared = Fared::of(ask, &site, (&end, is_plain), &search);
        self.attempt = Some(search.attempt);
        Some(fared)
    }
}

/// For each slice of which devices can be taken, in the order of the search, its place among the slices of the node and
/// the position of its first device.
fn slices(row: &NodeRow, layout: &Layout) -> Option<Vec<(usize, usize)>> {
    let mut start = 0;
    let usable = layout.pools.iter().flat_map(Pool::usable);
    let places = usable.map(|slice| {
        let own = row.own().position(|own| Arc::ptr_eq(own, slice))?;
        let place = (own, start);
        start += slice.document().spec.devices.len();
        Some(place)
    });
    places.collect()
}
