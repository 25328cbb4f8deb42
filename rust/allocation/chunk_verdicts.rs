//! The verdicts on a chunk of nodes.
//!
//! Few of them differ, so each node has but the number of its own: who reads the verdicts on a cluster waits for memory
//! more than for anything else. Never asks a node. Start at [`ChunkVerdicts`].

use smallvec::SmallVec;

use super::{Fate, Verdict};
use crate::inventory::Chunk;

/// Places are counted in bytes: one for each node, and one for a verdict that is about to be some node's.
const _: () = assert!(Chunk::MOST <= u8::MAX as usize);

/// The verdicts on a chunk of nodes, and what they come to together.
#[derive(Clone, Debug, Default)]
pub(super) struct ChunkVerdicts {
    /// By node, a place among those that differ.
    of_node: SmallVec<[u8; 64]>,
    different: SmallVec<[Verdict; 2]>,
    /// Whether one of them was found by asking the node by itself, so that equal rows do not mean equal fates.
    pub(super) is_odd: bool,
    /// The first node at which a search for one node ends.
    pub(super) first: Option<usize>,
    /// Steps on those before it.
    pub(super) steps_before: u64,
    /// Steps on all of them.
    pub(super) steps: u64,
}

impl ChunkVerdicts {
    /// Those of all nodes, in their order; none is odd.
    pub(super) fn of(verdicts: impl Iterator<Item = Verdict>) -> Self {
        let mut new = Self::default();
        for verdict in verdicts {
            let place = new.place(verdict);
            new.of_node.push(place);
        }
        new.sum_up();
        new
    }

    /// The place of a verdict among those that differ, at the end if it is new.
    fn place(&mut self, verdict: Verdict) -> u8 {
        let known = self.different.iter().rposition(|known| *known == verdict);
        let place = known.unwrap_or_else(|| {
            self.different.push(verdict);
            self.different.len() - 1
        });
        u8::try_from(place).expect("no more verdicts than nodes, and one")
    }

    fn sum_up(&mut self) {
        let (mut first, mut before, mut steps) = (None, 0, 0_u64);
        for (at, verdict) in self.iter().enumerate() {
            if first.is_none() && matches!(verdict.fate, Fate::Placed | Fate::Fatal) {
                first = Some(at);
                before = steps;
            }
            steps = steps.saturating_add(verdict.steps);
        }
        self.first = first;
        self.steps_before = first.map_or(steps, |_| before);
        self.steps = steps;
    }

    /// The verdict on each node.
    pub(super) fn iter(&self) -> impl Iterator<Item = Verdict> {
        let places = self.of_node.iter();
        places.map(|place| self.different[usize::from(*place)])
    }

    /// The verdict on a node.
    pub(super) fn get(&self, at: usize) -> Option<Verdict> {
        let place = self.of_node.get(at)?;
        self.different.get(usize::from(*place)).copied()
    }

    /// Puts other verdicts in the places of some.
    pub(super) fn set(&mut self, verdicts: impl Iterator<Item = (usize, Verdict)>) {
        let mut is_changed = false;
        for (at, verdict) in verdicts {
            if self.get(at) == Some(verdict) {
                continue;
            }
            is_changed = true;
            // Some may be of no node any more.
            if self.different.len() > self.of_node.len() {
                let kept = Self::of(self.iter());
                (self.of_node, self.different) = (kept.of_node, kept.different);
            }
            self.of_node[at] = self.place(verdict);
        }
        if is_changed {
            self.sum_up();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Chunk, ChunkVerdicts, Fate, Verdict};

    fn verdict(number: usize) -> Verdict {
        Verdict {
            fate: [Fate::Impossible, Fate::Placed, Fate::Fatal][number % 3],
            steps: number as u64,
            devices: 0,
        }
    }

    /// However often verdicts change, they come to what they would come to if they were found anew; also in the largest
    /// chunk, of which no two are equal.
    #[test]
    fn changes_are_as_if_all_were_new() {
        changes_of(vec![0; 5]);
        changes_of((0..Chunk::MOST).collect());
    }

    fn changes_of(mut list: Vec<usize>) {
        let nodes = list.len();
        let of = |list: &[usize]| ChunkVerdicts::of(list.iter().copied().map(verdict));
        let mut changed = of(&list);
        changed.is_odd = true;
        for round in 0..1_000 {
            let (at, number) = (round * 7 % nodes, round * round % 11 + round % 300);
            list[at] = number;
            changed.set([(at, verdict(number))].into_iter());
            assert!(changed.is_odd);
            let new = of(&list);
            assert!(changed.iter().eq(new.iter()));
            assert_eq!(changed.get(at), Some(verdict(number)));
            let sums = |of: &ChunkVerdicts| (of.first, of.steps_before, of.steps);
            assert_eq!(sums(&changed), sums(&new), "{list:?}");
        }
    }
}
