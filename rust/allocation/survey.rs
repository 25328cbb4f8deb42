//! All nodes at once: which of them can take the claims, each with its answer on demand.
//!
//! Nodes that are equal in everything the claims can see are searched once: the first of them by name stands for all.
//! What was found is remembered from survey to survey; that never changes an answer. Start at [`survey`]; what makes
//! nodes equal is in [`super::question`].

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rustc_hash::FxHashMap;

use super::question::{Numbers, Question, Scene};
use super::{Answer, Options, allocate_on, fate_on};
use crate::explanation::NodeRefusal;
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
    /// Devices that the claims get on it.
    pub devices: usize,
}

/// The fates of the claims on all nodes of a snapshot.
#[derive(Clone, Debug)]
pub struct Survey {
    inventory: Inventory,
    table: Arc<NodeTable>,
    claims: Arc<[Arc<ResourceClaim>]>,
    memo: Arc<Memo>,
    scene: Arc<Scene>,
    /// By node, in chunks like those of the table.
    chunks: Vec<Slot>,
}

/// The verdicts on a chunk of the table, once somebody asked.
#[derive(Clone, Debug, Default)]
struct Slot {
    verdicts: OnceLock<Arc<Verdicts>>,
    /// What was known of the chunk at its place in an earlier snapshot.
    before: Option<(Chunk, Arc<Verdicts>)>,
}

type Chunk = Arc<Vec<Arc<NodeRow>>>;

#[derive(Debug)]
struct Verdicts {
    by_row: Vec<Verdict>,
    /// Whether one of them was found by asking the node by itself, so that equal rows do not mean equal fates.
    is_odd: bool,
    /// The first node at which a search for one node ends.
    first: Option<usize>,
    /// Steps on all of them.
    steps: u64,
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
    let before = before.filter(|before| before.is_about(inventory, claims, options));
    let survey = Survey::begin(inventory, claims, options, before);
    for at in 0..survey.chunks.len() {
        survey.chunk(at, options);
    }
    survey
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
        let chunks = self.chunks.iter().filter_map(|slot| slot.verdicts.get());
        chunks.flat_map(|chunk| &chunk.by_row).copied()
    }

    /// The first node by name that can take them.
    pub fn first_fitting(&self) -> Option<&str> {
        let mut chunks = self.chunks.iter().zip(self.table.chunks());
        chunks.find_map(|(slot, rows)| {
            let mut verdicts = slot.verdicts.get()?.by_row.iter();
            let at = verdicts.position(|verdict| verdict.fate == Fate::Placed)?;
            Some(&*rows[at].name)
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
        self.chunks[chunk].verdicts.get()?.by_row.get(at).copied()
    }

    /// The answer for a node, as [`allocate_on`] gives it.
    pub fn answer(&self, node: &str, options: &Options<'_>) -> Answer {
        allocate_on(&self.inventory, node, &self.claims, options)
    }

    /// Whether a survey of another snapshot for these claims can start from this one.
    pub(super) fn is_about(
        &self,
        inventory: &Inventory,
        claims: &[Arc<ResourceClaim>],
        options: &Options<'_>,
    ) -> bool {
        // Numbers mean something only among snapshots that come from one.
        self.inventory.is_kin(inventory) && self.memo.question.is_about(inventory, claims, options)
    }

    /// A survey in which no node has been asked; the one before, if any, is about the same claims.
    pub(super) fn begin(
        inventory: &Inventory,
        claims: &[Arc<ResourceClaim>],
        options: &Options<'_>,
        before: Option<&Survey>,
    ) -> Self {
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
        drop(found);
        // Numbers of another time say nothing about these.
        let before = before.filter(|before| !is_full && *before.scene == scene);
        let table = Arc::clone(inventory.table());
        let chunks = table.chunks().iter().enumerate();
        let slot = |(at, chunk)| before.map_or_else(Slot::default, |before| before.slot(at, chunk));
        Survey {
            inventory: inventory.clone(),
            chunks: chunks.map(slot).collect(),
            table,
            claims: claims.into(),
            memo,
            scene: Arc::new(scene),
        }
    }

    /// What is known for a chunk at a place of a later snapshot.
    fn slot(&self, at: usize, chunk: &Chunk) -> Slot {
        let known = self.table.chunks();
        let is_same = |at: &usize| {
            known
                .get(*at)
                .is_some_and(|known| Arc::ptr_eq(known, chunk))
        };
        // Nodes that came or went have moved it by few places.
        let mut near = [at, at.wrapping_sub(1), at + 1].into_iter();
        if let Some(same) = near.find(is_same)
            && let Some(verdicts) = self.chunks[same].verdicts.get()
            && !verdicts.is_odd
        {
            return Slot {
                verdicts: OnceLock::from(Arc::clone(verdicts)),
                before: None,
            };
        }
        let Some(slot) = self.chunks.get(at) else {
            return Slot::default();
        };
        let before = match slot.verdicts.get() {
            Some(verdicts) => Some((Arc::clone(&known[at]), Arc::clone(verdicts))),
            None => slot.before.clone(),
        };
        Slot {
            verdicts: OnceLock::new(),
            before: before.filter(|(_, verdicts)| !verdicts.is_odd),
        }
    }

    /// The verdicts on a chunk.
    fn chunk(&self, at: usize, options: &Options<'_>) -> &Verdicts {
        let slot = &self.chunks[at];
        slot.verdicts
            .get_or_init(|| Arc::new(self.ask(&self.table.chunks()[at], slot, options)))
    }

    fn ask(&self, rows: &[Arc<NodeRow>], slot: &Slot, options: &Options<'_>) -> Verdicts {
        let mut found = self
            .memo
            .found
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut all = Verdicts {
            by_row: Vec::with_capacity(rows.len()),
            is_odd: false,
            first: None,
            steps: 0,
        };
        let mut key = Vec::new();
        for (at, row) in rows.iter().enumerate() {
            let before = slot.before.as_ref().and_then(|(rows, verdicts)| {
                let is_same = rows.get(at).is_some_and(|other| Arc::ptr_eq(other, row));
                is_same.then(|| verdicts.by_row[at])
            });
            let verdict = before.unwrap_or_else(|| {
                let (verdict, is_odd) = self.row(row, &mut found, &mut key, options);
                all.is_odd |= is_odd;
                verdict
            });
            if matches!(verdict.fate, Fate::Placed | Fate::Fatal) {
                all.first.get_or_insert(at);
            }
            all.steps = all.steps.saturating_add(verdict.steps);
            all.by_row.push(verdict);
        }
        all
    }

    /// The verdict on a node, and whether it says nothing of equal rows.
    fn row(
        &self,
        row: &NodeRow,
        found: &mut Found,
        key: &mut Vec<u32>,
        options: &Options<'_>,
    ) -> (Verdict, bool) {
        let question = &self.memo.question;
        let fate = || fate_on(&self.inventory, &row.name, &self.claims, options);
        if self.table.is_unclear() || question.is_odd(row) {
            return (fate().0, true);
        }
        question.key(&self.inventory, row, &self.scene, &mut found.numbers, key);
        if let Some(verdict) = found.verdicts.get(key.as_slice()) {
            return (*verdict, false);
        }
        let (verdict, is_interrupted) = fate();
        if !is_interrupted {
            found.verdicts.insert(key.as_slice().into(), verdict);
        }
        (verdict, is_interrupted)
    }

    /// The first node at which a search for one node ends, how many come before it, and the steps on those.
    pub(super) fn first(&self, options: &Options<'_>) -> Option<(&NodeRow, usize, u64)> {
        let (mut before, mut steps) = (0, 0_u64);
        for (at, rows) in self.table.chunks().iter().enumerate() {
            let chunk = self.chunk(at, options);
            if let Some(first) = chunk.first {
                let own = chunk.by_row[..first].iter();
                let own: u64 = own.map(|verdict| verdict.steps).sum();
                return Some((&rows[first], before + first, steps.saturating_add(own)));
            }
            before += rows.len();
            steps = steps.saturating_add(chunk.steps);
        }
        None
    }

    /// Why the first so many nodes cannot take the claims.
    pub(super) fn refusals(&self, nodes: usize) -> Vec<NodeRefusal> {
        let options = self.memo.question.options();
        let rows = self.table.chunks().iter().flat_map(|chunk| chunk.iter());
        rows.take(nodes)
            .map(|row| allocate_on(&self.inventory, &row.name, &self.claims, &options).refusal())
            .collect()
    }
}
