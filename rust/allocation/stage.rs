//! Nodes of one kind, searched one after the other: what they have in common is made once for all of them.
//!
//! On such nodes the same places are searched for the same claims. Where attributes have the same values, selectors and
//! constraints say the same of a place, too; which devices are held is another matter. Only for nodes whose pools nobody
//! else has a say in, of which no share is held, and for claims that hold nothing. Never changes an answer or a count of
//! steps. Start at [`Stages::fared`].

use std::borrow::Cow;
use std::collections::VecDeque;
use std::hash::BuildHasher as _;
use std::sync::Arc;

use rustc_hash::{FxBuildHasher, FxHashMap};

use super::Ask;
use super::on_node::{Fared, attempt, fate_on, run};
use super::question::Question;
use super::result::Site;
use crate::feasibility::view::View;
use crate::inventory::pool::Pool;
use crate::inventory::{Chunk, Layout, NodeRow, Slice};
use crate::search::{Attempt, Search};

/// Kinds of nodes for which a stage is kept; beyond that all are given up.
const KEPT: usize = 64;

/// The stages for one question, by kind of node.
#[derive(Default)]
pub(super) struct Stages<'a> {
    /// Nothing where there can be none.
    by_kind: FxHashMap<Box<[u32]>, Option<Box<Stage<'a>>>>,
    /// Hashes of the kinds met last without a stage; a clash sets one early, no more.
    met: VecDeque<u64>,
    /// The kind looked up last, for its memory.
    kind: Vec<u32>,
}

/// A node of the kind, with everything that a search needs.
struct Stage<'a> {
    row: &'a NodeRow,
    layout: &'a Layout,
    view: View<'a>,
    attempt: Attempt<'a>,
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
        let row = &chunk.rows()[at];
        if let Some(stage) = self.by_kind.get_mut(self.kind.as_slice()) {
            let stage = stage.as_mut()?;
            stage.set(ask, row, seen, usage)?;
            return Some(stage.fared(ask));
        }
        if self.is_new() {
            return None;
        }
        let own = row.own().count();
        // A view of shares would keep them.
        ask.inventory.held_bits(usage, own, |_| ())?;
        if self.by_kind.len() >= KEPT {
            self.by_kind.clear();
        }
        let mut stage = Stage::new(ask, row, own, seen).map(Box::new);
        let fared = stage.as_mut().map(|stage| stage.fared(ask));
        self.by_kind.insert(self.kind.as_slice().into(), stage);
        fared
    }

    /// Whether the kind looked up is met for the first time, but for the very first kind: where nodes are of one kind a
    /// stage pays from the first on, elsewhere from the second of a kind.
    fn is_new(&mut self) -> bool {
        let kind = FxBuildHasher.hash_one(&self.kind);
        let is_new = !self.met.is_empty() && !self.met.contains(&kind);
        if self.met.len() >= KEPT {
            self.met.pop_front();
        }
        self.met.push_back(kind);
        is_new
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
            attempt,
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

    /// Sets it for a node of which this is seen, and of which is held what has this number.
    fn set(
        &mut self,
        ask: &Ask<'a>,
        row: &'a NodeRow,
        seen: [&[u32]; 2],
        usage: u32,
    ) -> Option<()> {
        let (places, view) = (self.slices.iter(), &mut self.view);
        ask.inventory.held_bits(usage, self.own, |held| {
            view.hold(places.filter_map(|(own, start)| Some((*start, held[*own].as_deref()?))));
        })?;
        if !self.is_set_for(seen) {
            if self.depends_on_values {
                *self = Self::new(ask, row, self.own, seen)?;
                return Some(());
            }
            let own: Vec<&Arc<Slice>> = row.own().collect();
            let places = self.slices.iter();
            let slices = places.map(|(place, start)| (*start, own[*place]));
            self.view.see(slices);
            self.attempt.forget();
            self.seen.clear();
            self.seen.extend(seen.iter().copied().flatten());
        }
        self.attempt.renew(&self.view);
        Some(())
    }

    /// How the claims fare on the node that it is set for.
    fn fared(&mut self, ask: &Ask<'a>) -> Fared {
        let mut search = Search::new(&self.view, &mut self.attempt);
        let (end, is_plain) = run(&mut search, &self.view, ask.options);
        let site = Site {
            inventory: ask.inventory,
            node: &self.row.name,
            row: Some(self.row),
            layout: self.layout,
            features: ask.options.features,
        };
        Fared::of(ask, &site, (&end, is_plain), &search)
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
