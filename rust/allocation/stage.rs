//! Nodes of one kind, searched one after the other: what does not depend on what is held is made once for all of them.
//!
//! On such nodes the same places are searched for the same claims, and every selector and constraint says the same of a
//! place; only which devices are held is another matter. Only for nodes whose pools nobody else has a say in, of which no
//! share is held, and for claims that hold nothing. Never changes an answer or a count of steps. Start at [`Stages::fared`].

use std::borrow::Cow;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::Ask;
use super::on_node::{Fared, fate_on, run};
use super::result::Site;
use crate::feasibility::Selectors;
use crate::feasibility::prepare::prepare;
use crate::feasibility::view::View;
use crate::inventory::pool::Pool;
use crate::inventory::{Chunk, Flag, Layout, NodeRow};
use crate::search::{Attempt, Search};

/// Kinds of nodes for which a stage is kept; beyond that all are given up.
const KEPT: usize = 64;

/// The stages for one question, by kind of node.
#[derive(Default)]
pub(super) struct Stages<'a> {
    /// Nothing where there can be none.
    by_kind: FxHashMap<Box<[u32]>, Option<Box<Stage<'a>>>>,
    /// The kind looked up last, for its memory.
    kind: Vec<u32>,
    /// What is held of the slices of the node looked at last, likewise.
    held: Vec<Option<Arc<[u32]>>>,
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
}

impl<'a> Stages<'a> {
    /// How the claims fare on a node of the table with this key, which is not odd.
    pub(super) fn fared(
        &mut self,
        ask: &Ask<'a>,
        node @ (chunk, at): (&'a Chunk, usize),
        key: &[u32],
    ) -> Fared {
        let staged = self.fared_on_stage(ask, node, key);
        staged.unwrap_or_else(|| fate_on(ask, &chunk.rows()[at]))
    }

    fn fared_on_stage(
        &mut self,
        ask: &Ask<'a>,
        (chunk, at): (&'a Chunk, usize),
        key: &[u32],
    ) -> Option<Fared> {
        let [_, set, flags, ..] = chunk.facts(at) else {
            return None;
        };
        let is_alone = ask.inventory.table().sets()[*set as usize].is_empty();
        if !is_alone || flags & Flag::OPEN_POOLS != 0 || ask.held.iter().any(Option::is_some) {
            return None;
        }
        self.kind.clear();
        // What is held comes second.
        self.kind.extend(&key[..1]);
        self.kind.extend(&key[2..]);
        if !self.by_kind.contains_key(self.kind.as_slice()) {
            let row = &chunk.rows()[at];
            let own = row.own().count();
            // A view of shares would keep them.
            ask.inventory.held_bits(key[1], own, &mut self.held)?;
            if self.by_kind.len() >= KEPT {
                self.by_kind.clear();
            }
            let stage = Stage::new(ask, row, own).map(Box::new);
            self.by_kind.insert(self.kind.as_slice().into(), stage);
        }
        let stage = self.by_kind.get_mut(self.kind.as_slice())?.as_mut()?;
        stage.fared(ask, key[1], &mut self.held)
    }
}

impl<'a> Stage<'a> {
    fn new(ask: &Ask<'a>, row: &'a NodeRow, own: usize) -> Option<Self> {
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
        let mut selectors = Selectors::new(inventory.cel_cache());
        let prepared = prepare(&view, &ask.open(), &mut selectors).ok()?;
        Some(Self {
            own,
            slices: slices(row, layout)?,
            attempt: Some(Attempt::new(&view, prepared, selectors)),
            row,
            layout,
            view,
        })
    }

    /// How the claims fare on a node of the kind of which this is held; nothing where shares are.
    fn fared(
        &mut self,
        ask: &Ask<'a>,
        usage: u32,
        held: &mut Vec<Option<Arc<[u32]>>>,
    ) -> Option<Fared> {
        ask.inventory.held_bits(usage, self.own, held)?;
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
