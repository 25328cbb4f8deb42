//! What is known of claims on all nodes: the verdict on each, found once for all that are equal.
//!
//! Nodes that are equal in everything the claims can see are searched once: the first of them by name stands for all.
//! Never changes an answer or a count of steps. Start at [`Known`]; what makes nodes equal is in [`super::question`].

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustc_hash::{FxBuildHasher, FxHashMap};

use super::chunk_verdicts::ChunkVerdicts;
use super::on_node::{fate_on, outcome_of, outcome_on};
use super::question::{Numbers, Question, Scene};
use super::result::Solution;
use super::stage::Stages;
use super::{Ask, Outcome, Verdict};
use crate::inventory::{Chunk, NodeTable, Position};

/// Answers and numbers that are remembered; beyond that all begins anew.
const REMEMBERED: usize = 1 << 18;

/// States for which there is room from the first on.
const STATES: usize = 100;

/// What is known of the nodes of one snapshot.
#[derive(Clone, Debug)]
pub(super) struct Known {
    memo: Arc<Memo>,
    scene: Arc<Scene>,
    /// By node, in chunks like those of the table.
    chunks: Vec<Slot>,
    /// The node that changed last, and what it comes to: mostly it is asked next.
    last: Option<(Position, State)>,
}

/// A question and what was found for it.
#[derive(Debug)]
struct Memo {
    question: Arc<Question>,
    found: Mutex<Found>,
}

#[derive(Debug, Default)]
struct Found {
    states: FxHashMap<Arc<[u32]>, State>,
    /// By what nodes have in common that fare alike; solutions are in places among the free devices.
    alike: FxHashMap<Box<[u32]>, State>,
    numbers: Numbers,
    recent: Recent,
    /// The key looked up last, for its memory.
    key: Vec<u32>,
    /// Whether the caller ended a search, whose node another time may fare better.
    was_interrupted: bool,
}

/// Some of the states in a place that is found without hashing: most nodes are in one of few states.
#[derive(Debug, Default)]
struct Recent(Vec<Option<(Arc<[u32]>, Verdict)>>);

impl Recent {
    const PLACES: usize = 256;

    /// By what is held, which differs most.
    fn place(key: &[u32]) -> usize {
        key.get(1).map_or(0, |usage| *usage as usize % Self::PLACES)
    }

    fn get(&self, key: &[u32]) -> Option<Verdict> {
        let (known, verdict) = self.0.get(Self::place(key))?.as_ref()?;
        (**known == *key).then_some(*verdict)
    }

    fn put(&mut self, key: Arc<[u32]>, verdict: Verdict) {
        self.0.resize(Self::PLACES, None);
        let place = Self::place(&key);
        self.0[place] = Some((key, verdict));
    }
}

/// What nodes that are equal come to.
#[derive(Clone, Debug)]
struct State {
    verdict: Verdict,
    /// What the claims get there.
    solution: Option<Arc<Solution>>,
}

/// The verdicts on a chunk of the table, once somebody asked.
#[derive(Clone, Debug, Default)]
struct Slot {
    verdicts: Option<Arc<ChunkVerdicts>>,
    /// What was known of the chunk at its place in an earlier snapshot.
    before: Option<(Arc<Chunk>, Arc<ChunkVerdicts>)>,
}

/// The first node at which a search for one node ends.
pub(super) struct First {
    pub(super) node: Position,
    /// How many nodes come before it.
    pub(super) before: usize,
    /// Steps on those.
    pub(super) steps: u64,
}

impl Memo {
    fn new(ask: &Ask<'_>) -> Self {
        Self {
            question: Arc::new(Question::new(ask.inventory, ask.claims, ask.options)),
            found: Mutex::new(Found {
                // Growing costs more than room for a few states more.
                states: FxHashMap::with_capacity_and_hasher(STATES, FxBuildHasher),
                ..Found::default()
            }),
        }
    }

    fn found(&self) -> MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Found {
    fn is_full(&self) -> bool {
        self.states.len() + self.alike.len() + self.numbers.len() > REMEMBERED
    }

    /// Remembers what nodes with a key come to.
    fn remember(&mut self, key: &[u32], state: State) -> (State, Option<Arc<[u32]>>) {
        let key: Arc<[u32]> = key.into();
        self.states.insert(Arc::clone(&key), state.clone());
        (state, Some(key))
    }
}

impl State {
    /// The same with other devices.
    fn moved(&self, to: impl Fn(usize) -> usize) -> Self {
        let solution = self.solution.as_ref();
        Self {
            verdict: self.verdict,
            solution: solution.map(|solution| Arc::new(solution.moved(to))),
        }
    }
}

impl Known {
    /// Nothing is known of any node yet, but what was known before of those that did not change: for the same claims, by
    /// a snapshot of the same kin that had this table.
    pub(super) fn begin(ask: &Ask<'_>, before: Option<(&Self, &NodeTable)>) -> Self {
        // What is full is left to those who have it: emptied, its numbers would come to mean something else to them.
        let before = before.filter(|(known, _)| !known.memo.found().is_full());
        let memo = before.map_or_else(
            || Arc::new(Memo::new(ask)),
            |(known, _)| Arc::clone(&known.memo),
        );
        let scene = memo.question.scene(ask, &mut memo.found().numbers);
        let before = before.filter(|(known, _)| *known.scene == scene);
        let chunks = ask.inventory.table().chunks();
        let chunks = before.map_or_else(
            || vec![Slot::default(); chunks.len()],
            |(known, table)| known.slots(table, chunks),
        );
        Self {
            chunks,
            memo,
            scene: Arc::new(scene),
            last: None,
        }
    }

    /// Whether the caller ended a search on the way, so that what is known of the nodes says little.
    pub(super) fn was_interrupted(&self) -> bool {
        self.memo.found().was_interrupted
    }

    /// Whether it is about these claims.
    pub(super) fn is_about(&self, ask: &Ask<'_>) -> bool {
        let question = &self.memo.question;
        question.is_about(ask.inventory, ask.claims, ask.options)
    }

    /// What is asked.
    pub(super) fn question(&self) -> &Arc<Question> {
        &self.memo.question
    }

    /// What is known for the chunks of a later snapshot.
    fn slots(&self, table: &NodeTable, chunks: &[Arc<Chunk>]) -> Vec<Slot> {
        let chunks = chunks.iter().enumerate();
        // All are looked at before the first is counted as shared: the processor waits for their memory together then,
        // and else for each by itself.
        let same: Vec<_> = chunks
            .map(|(at, chunk)| self.same(table, at, chunk))
            .collect();
        let slots = same.into_iter().enumerate().map(|(at, same)| match same {
            Some(_) => Slot {
                verdicts: same.cloned(),
                before: None,
            },
            None => self.changed(table, at),
        });
        slots.collect()
    }

    /// The verdicts on a chunk at a place of a later snapshot, if it has not changed.
    fn same(
        &self,
        table: &NodeTable,
        at: usize,
        chunk: &Arc<Chunk>,
    ) -> Option<&Arc<ChunkVerdicts>> {
        let known = table.chunks();
        let is_same = |at: &usize| {
            known
                .get(*at)
                .is_some_and(|known| Arc::ptr_eq(known, chunk))
        };
        // Nodes that came or went have moved it by few places.
        let mut near = [at, at.wrapping_sub(1), at + 1].into_iter();
        let verdicts = self.chunks[near.find(is_same)?].verdicts.as_ref();
        verdicts.filter(|verdicts| !verdicts.is_odd)
    }

    /// What is known of the nodes of a chunk of which some have changed, or all.
    fn changed(&self, table: &NodeTable, at: usize) -> Slot {
        let Some(slot) = self.chunks.get(at) else {
            return Slot::default();
        };
        let before = match &slot.verdicts {
            Some(verdicts) => Some((Arc::clone(&table.chunks()[at]), Arc::clone(verdicts))),
            None => slot.before.clone(),
        };
        Slot {
            verdicts: None,
            before: before.filter(|(_, verdicts)| !verdicts.is_odd),
        }
    }

    /// Brings it up to date with the snapshot, whose table has the same nodes as the one before; what is held has
    /// changed for those at these places alone.
    pub(super) fn renew(&mut self, ask: &Ask<'_>, changed: &[Position]) {
        if !changed.is_empty() {
            self.last = None;
        }
        let memo = Arc::clone(&self.memo);
        let mut found = memo.found();
        if found.is_full() || found.was_interrupted {
            drop(found);
            *self = Self::begin(ask, None);
            return;
        }
        if !self.scene.is_certain(ask) {
            let scene = memo.question.scene(ask, &mut found.numbers);
            if *self.scene != scene {
                self.scene = Arc::new(scene);
                self.chunks = vec![Slot::default(); self.chunks.len()];
                self.last = None;
                return;
            }
        }
        // A claim with several devices changes its node several times.
        for (chunk, at) in changed.chunk_by(|a, b| a == b).map(|same| &same[0]) {
            let mut slot = std::mem::take(&mut self.chunks[*chunk]);
            if let Some(verdicts) = &mut slot.verdicts
                && !verdicts.is_odd
            {
                let node = (&*ask.inventory.table().chunks()[*chunk], *at);
                let mut key = std::mem::take(&mut found.key);
                let is_known = self.key(node, ask, &mut found.numbers, &mut key).is_some();
                let (state, known) = self.node(node, is_known, ask, (&mut found, &key), None);
                found.key = key;
                let verdicts = Arc::make_mut(verdicts);
                verdicts.set([(*at, state.verdict)].into_iter());
                verdicts.is_odd = known.is_none();
                self.last = Some(((*chunk, *at), state));
                self.chunks[*chunk] = slot;
            }
        }
    }

    /// Asks for every node.
    pub(super) fn ask_all(&mut self, ask: &Ask<'_>) {
        let mut stages = Stages::default();
        for at in 0..self.chunks.len() {
            self.chunk(at, ask, &mut stages);
        }
    }

    fn chunk<'a>(&mut self, at: usize, ask: &Ask<'a>, stages: &mut Stages<'a>) -> &ChunkVerdicts {
        let slot = std::mem::take(&mut self.chunks[at]);
        let verdicts = slot.verdicts.unwrap_or_else(|| {
            let chunk = &ask.inventory.table().chunks()[at];
            Arc::new(self.nodes(chunk, slot.before.as_ref(), ask, stages))
        });
        self.chunks[at].verdicts.insert(verdicts)
    }

    fn nodes<'a>(
        &self,
        chunk: &'a Chunk,
        before: Option<&(Arc<Chunk>, Arc<ChunkVerdicts>)>,
        ask: &Ask<'a>,
        stages: &mut Stages<'a>,
    ) -> ChunkVerdicts {
        let mut found = self.memo.found();
        let (mut key, mut is_any_odd) = (Vec::new(), false);
        let count = chunk.rows().len();
        if let Some((other, known)) = before.filter(|(other, _)| other.rows().len() == count) {
            let mut verdicts = ChunkVerdicts::clone(known);
            let changed = (0..count).filter(|at| !chunk.is_same(*at, ask.inventory, other));
            verdicts.set(changed.map(|at| {
                // Mostly they are few, and for a single node a stage does not pay.
                let found = (&mut *found, &mut key);
                let (verdict, is_odd) = self.row((chunk, at), ask, found, None);
                is_any_odd |= is_odd;
                (at, verdict)
            }));
            verdicts.is_odd = is_any_odd;
            return verdicts;
        }
        let verdicts = (0..count).map(|at| {
            let found = (&mut *found, &mut key);
            let (verdict, is_odd) = self.row((chunk, at), ask, found, Some(stages));
            is_any_odd |= is_odd;
            verdict
        });
        let mut verdicts = ChunkVerdicts::of(verdicts);
        verdicts.is_odd = is_any_odd;
        verdicts
    }

    /// The verdict on a node, and whether it says nothing of equal rows.
    fn row<'a>(
        &self,
        node: (&'a Chunk, usize),
        ask: &Ask<'a>,
        (found, key): (&mut Found, &mut Vec<u32>),
        stages: Option<&mut Stages<'a>>,
    ) -> (Verdict, bool) {
        let is_known = self.key(node, ask, &mut found.numbers, key).is_some();
        if is_known && let Some(verdict) = found.recent.get(key) {
            return (verdict, false);
        }
        let (state, known) = self.node(node, is_known, ask, (found, key), stages);
        let is_odd = known.is_none();
        if let Some(key) = known {
            found.recent.put(key, state.verdict);
        }
        (state.verdict, is_odd)
    }

    /// What a node with this key comes to, if that is known, and the key under which it is remembered; without one it says
    /// nothing of equal rows.
    fn node<'a>(
        &self,
        node: (&'a Chunk, usize),
        is_known: bool,
        ask: &Ask<'a>,
        (found, key): (&mut Found, &[u32]),
        stages: Option<&mut Stages<'a>>,
    ) -> (State, Option<Arc<[u32]>>) {
        let row = &node.0.rows()[node.1];
        if !is_known {
            let fared = fate_on(ask, row);
            found.was_interrupted |= fared.is_interrupted;
            let (verdict, solution) = (fared.verdict, None);
            return (State { verdict, solution }, None);
        }
        if let Some((key, state)) = found.states.get_key_value(key) {
            return (state.clone(), Some(Arc::clone(key)));
        }
        let question = &self.memo.question;
        let alike = question.alike(ask.inventory, node, key, &mut found.numbers);
        if let Some(alike) = &alike
            && let Some(state) = found.alike.get(&alike.key)
        {
            let state = state.moved(|rank| alike.free[rank]);
            return found.remember(key, state);
        }
        let fared = match stages {
            Some(stages) => stages.fared(ask, question, node, key),
            None => fate_on(ask, row),
        };
        let state = State {
            verdict: fared.verdict,
            solution: fared.solution.map(Arc::new),
        };
        if fared.is_interrupted {
            found.was_interrupted = true;
            return (state, None);
        }
        if let Some(alike) = alike.filter(|_| fared.is_plain) {
            let by_rank = state.moved(|device| alike.rank(device));
            found.alike.insert(alike.key, by_rank);
        }
        found.remember(key, state)
    }

    /// The key of a node, to look up in what was found; nothing for a node that is to be asked by itself.
    fn key(
        &self,
        node: (&Chunk, usize),
        ask: &Ask<'_>,
        numbers: &mut Numbers,
        key: &mut Vec<u32>,
    ) -> Option<()> {
        if ask.inventory.table().is_unclear() {
            return None;
        }
        let question = &self.memo.question;
        question.key(ask.inventory, node, &self.scene, numbers, key)
    }

    /// What [`super::allocate_on`] comes to on a node of the table, and the steps it takes.
    pub(super) fn outcome(&self, (chunk, at): Position, ask: &Ask<'_>) -> (Outcome, u64) {
        let last = self.last.as_ref().filter(|(last, _)| *last == (chunk, at));
        let last = last.map(|(_, state)| state.clone());
        let chunk = &*ask.inventory.table().chunks()[chunk];
        let row = &chunk.rows()[at];
        let state = last.or_else(|| self.state((chunk, at), ask));
        if let Some(State {
            verdict,
            solution: Some(solution),
        }) = state
            && let Some(outcome) = outcome_of(ask, row, &solution)
        {
            return (outcome, verdict.steps);
        }
        outcome_on(ask, &row.name)
    }

    /// What was found for nodes like this one.
    fn state(&self, node: (&Chunk, usize), ask: &Ask<'_>) -> Option<State> {
        let mut found = self.memo.found();
        let mut key = std::mem::take(&mut found.key);
        let is_known = self.key(node, ask, &mut found.numbers, &mut key);
        let state = is_known.and_then(|()| found.states.get(key.as_slice()).cloned());
        found.key = key;
        state
    }

    /// The key of a node whose answer is that of every node with the key, but for the name; nothing where that is not
    /// known.
    pub(super) fn twins(
        &self,
        (chunk, at): (&Chunk, usize),
        ask: &Ask<'_>,
        key: &mut Vec<u32>,
    ) -> Option<()> {
        // How many devices of an open pool are for other nodes is no part of a key.
        if !chunk.rows()[at].open_pools.is_empty() {
            return None;
        }
        self.key((chunk, at), ask, &mut self.memo.found().numbers, key)
    }

    /// What was found so far, node by node.
    pub(super) fn verdicts(&self) -> impl Iterator<Item = Verdict> {
        let chunks = self.chunks.iter().filter_map(|slot| slot.verdicts.as_ref());
        chunks.flat_map(|chunk| chunk.iter())
    }

    /// The verdicts on a chunk, if it was asked.
    pub(super) fn of_chunk(&self, chunk: usize) -> Option<&ChunkVerdicts> {
        self.chunks.get(chunk)?.verdicts.as_deref()
    }

    /// The first node by name at which a search for one node ends.
    pub(super) fn first(&mut self, ask: &Ask<'_>) -> Option<First> {
        let (mut before, mut steps) = (0, 0_u64);
        let mut stages = Stages::default();
        for (number, rows) in ask.inventory.table().chunks().iter().enumerate() {
            let chunk = self.chunk(number, ask, &mut stages);
            if let Some(first) = chunk.first {
                return Some(First {
                    node: (number, first),
                    before: before + first,
                    steps: steps.saturating_add(chunk.steps_before),
                });
            }
            before += rows.rows().len();
            steps = steps.saturating_add(chunk.steps);
        }
        None
    }
}
