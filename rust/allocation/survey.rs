//! All nodes at once: which of them can take the claims, each with its answer on demand.
//!
//! Nodes that are equal in everything the claims can see are searched once: the first of them by name stands for all.
//! What was found is remembered from survey to survey; that never changes an answer. Start at [`survey`]; what makes
//! nodes equal is in [`super::question`].

use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::FxHashMap;

use super::question::{Numbers, Question, Scene};
use super::{Answer, Options, allocate_on, fate_on};
use crate::inventory::{Inventory, NodeRow, NodeTable};
use crate::wire::claim::ResourceClaim;

/// Answers and numbers that are remembered; beyond that everything is forgotten.
const REMEMBERED: usize = 1 << 18;

/// How the claims fare on a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// They fit.
    Placed,
    /// They do not.
    Impossible,
    /// Upstream fails.
    Error,
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
    /// Devices that the claims get on it.
    pub devices: usize,
}

/// The fates of the claims on all nodes of a snapshot.
#[derive(Clone, Debug)]
pub struct Survey {
    inventory: Inventory,
    table: Arc<NodeTable>,
    claims: Vec<Arc<ResourceClaim>>,
    memo: Arc<Memo>,
    scene: Arc<Scene>,
    /// By node, in chunks like those of the table.
    chunks: Vec<Arc<Verdicts>>,
}

#[derive(Debug)]
struct Verdicts {
    verdicts: Vec<Verdict>,
    /// Whether one of them was found by asking the node by itself, so that equal rows do not mean equal fates.
    is_odd: bool,
}

/// A question and what was found for it.
#[derive(Debug)]
struct Memo {
    question: Question,
    found: Mutex<Found>,
}

#[derive(Debug, Default)]
struct Found {
    verdicts: FxHashMap<Box<[u32]>, Verdict>,
    numbers: Numbers,
}

/// Asks for the claims on every node that a node document or a slice names.
pub fn survey(
    inventory: &Inventory,
    claims: &[Arc<ResourceClaim>],
    options: &Options<'_>,
    before: Option<&Survey>,
) -> Survey {
    let before = before.filter(|before| before.memo.question.is_about(inventory, claims, options));
    let memo = before.map_or_else(
        || Arc::new(Memo::new(inventory, claims, options)),
        |before| Arc::clone(&before.memo),
    );
    let mut found = memo.found.lock().unwrap_or_else(PoisonError::into_inner);
    let is_full = found.verdicts.len() + found.numbers.len() > REMEMBERED;
    if is_full {
        *found = Found::default();
    }
    let scene = memo.question.scene(inventory, claims, &mut found.numbers);
    // Numbers of another time say nothing about these.
    let before = before.filter(|before| !is_full && *before.scene == scene);
    let table = Arc::clone(inventory.table());
    let mut search = Surveying {
        inventory,
        claims,
        options,
        scene: &scene,
        question: &memo.question,
        found: &mut found,
        key: Vec::new(),
    };
    let chunks = table.chunks().iter().enumerate().map(|(at, chunk)| {
        let same = before.and_then(|before| before.of_chunk(at, chunk));
        same.unwrap_or_else(|| Arc::new(search.chunk(chunk)))
    });
    let chunks = chunks.collect();
    drop(found);
    Survey {
        inventory: inventory.clone(),
        table,
        claims: claims.to_vec(),
        memo,
        scene: Arc::new(scene),
        chunks,
    }
}

/// A survey being made.
struct Surveying<'a> {
    inventory: &'a Inventory,
    claims: &'a [Arc<ResourceClaim>],
    options: &'a Options<'a>,
    scene: &'a Scene,
    question: &'a Question,
    found: &'a mut Found,
    key: Vec<u32>,
}

impl Surveying<'_> {
    fn chunk(&mut self, rows: &[Arc<NodeRow>]) -> Verdicts {
        let is_unclear = self.inventory.table().is_unclear();
        let mut is_odd = false;
        let verdicts = rows.iter().map(|row| {
            if is_unclear || self.question.is_odd(row) {
                is_odd = true;
                fate_on(self.inventory, &row.name, self.claims, self.options).0
            } else {
                self.row(row)
            }
        });
        let verdicts = verdicts.collect();
        Verdicts { verdicts, is_odd }
    }

    fn row(&mut self, row: &NodeRow) -> Verdict {
        let Found { verdicts, numbers } = &mut *self.found;
        let key = &mut self.key;
        self.question
            .key(self.inventory, row, self.scene, numbers, key);
        if let Some(verdict) = verdicts.get(key.as_slice()) {
            return *verdict;
        }
        let (verdict, is_interrupted) =
            fate_on(self.inventory, &row.name, self.claims, self.options);
        if !is_interrupted {
            verdicts.insert(key.as_slice().into(), verdict);
        }
        verdict
    }
}

impl Memo {
    fn new(inventory: &Inventory, claims: &[Arc<ResourceClaim>], options: &Options<'_>) -> Self {
        Self {
            question: Question::new(inventory, claims, options),
            found: Mutex::default(),
        }
    }
}

impl Survey {
    /// Every node with what the claims come to on it, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Verdict)> {
        let rows = self.table.chunks().iter().flat_map(|chunk| chunk.iter());
        rows.zip(self.verdicts())
            .map(|(row, verdict)| (&*row.name, verdict))
    }

    /// What the claims come to on each node, in the order of the names.
    pub fn verdicts(&self) -> impl Iterator<Item = Verdict> {
        let verdicts = self.chunks.iter().flat_map(|chunk| &chunk.verdicts);
        verdicts.copied()
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

    /// The answer for a node, as [`allocate_on`] gives it.
    pub fn answer(&self, node: &str, options: &Options<'_>) -> Answer {
        allocate_on(&self.inventory, node, &self.claims, options)
    }

    /// The verdicts on an equal chunk, if they were found by keys alone.
    fn of_chunk(&self, at: usize, chunk: &Arc<Vec<Arc<NodeRow>>>) -> Option<Arc<Verdicts>> {
        let known = self.table.chunks();
        let is_same = |at: &usize| {
            known
                .get(*at)
                .is_some_and(|known| Arc::ptr_eq(known, chunk))
        };
        // Nodes that came or went have moved it by few places.
        let mut near = [at, at.wrapping_sub(1), at + 1].into_iter();
        let at = near.find(is_same)?;
        (!self.chunks[at].is_odd).then(|| Arc::clone(&self.chunks[at]))
    }
}
