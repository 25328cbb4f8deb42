//! The refuter as a search asks it: can what has been picked so far still be completed?
//!
//! Never picks. A "no" is certain, a "perhaps" says nothing. Start at [`Lookahead::is_hopeless`].

use super::Refuter;
use super::facts::Known;
use super::kinds::kinds;
use super::problem::Problem;
use super::state::State;

/// States looked at for one question, at the most.
const BUDGET: usize = 24;
/// Pairs of a demand and a device that are looked at for one question.
const AFFORDABLE: usize = 1 << 14;

/// Questions in a row that may be answered "perhaps" before the search goes on alone for a while.
const PATIENCE: u32 = 64;

/// A device picked for an alternative of a demand; demands are counted through all claims.
#[derive(Clone, Copy, Debug)]
pub struct Assumed {
    /// Position of the demand.
    pub demand: usize,
    /// Position of the alternative.
    pub alternative: usize,
    /// Position of the device.
    pub device: usize,
}

/// A problem to be asked about again and again.
pub struct Lookahead {
    problem: Problem,
    in_vain: u32,
    asleep: u32,
    known: Known,
}

impl Lookahead {
    /// Nothing asked yet.
    pub fn new(problem: Problem) -> Self {
        Self {
            problem,
            in_vain: 0,
            asleep: 0,
            known: Known::default(),
        }
    }

    /// The problem.
    pub fn problem(&self) -> &Problem {
        &self.problem
    }

    /// The number of a request, counted through all claims.
    pub fn demand(&self, claim: usize, request: usize) -> Option<usize> {
        let is_it = |data: &super::problem::DemandData| {
            data.at.claim == claim && data.at.request == request
        };
        self.problem.demands.iter().position(is_it)
    }

    /// Whether no solution has these picks, where the last one's demand takes later devices only from here on. Also
    /// says how many states were looked at.
    pub fn is_hopeless(&mut self, picks: &[Assumed]) -> (bool, u64) {
        if self.asleep > 0 {
            self.asleep -= 1;
            return (false, 0);
        }
        let state = self.state(picks);
        let budget = (AFFORDABLE / self.problem.weight()).clamp(1, BUDGET);
        let mut refuter = Refuter {
            problem: &self.problem,
            budget,
            depth: 0,
            known: std::mem::take(&mut self.known),
        };
        let is_hopeless = refuter.refute(&state).is_some();
        self.known = std::mem::take(&mut refuter.known);
        let looked_at = u64::try_from(budget - refuter.budget).unwrap_or(u64::MAX);
        self.in_vain = if is_hopeless { 0 } else { self.in_vain + 1 };
        if self.in_vain >= PATIENCE {
            self.in_vain = PATIENCE / 2;
            self.asleep = PATIENCE * 16;
        }
        (is_hopeless, looked_at)
    }

    /// Numbers for the devices after these picks; devices with equal numbers cannot be told apart.
    pub fn kinds(&self, picks: &[Assumed]) -> Vec<usize> {
        kinds(&self.problem, &self.state(picks))
    }

    fn state(&self, picks: &[Assumed]) -> State {
        let mut state = State::new(&self.problem);
        for pick in picks {
            state.choose(pick.demand, pick.alternative);
            state.take(&self.problem, pick.demand, pick.device);
            let own = &mut state.demands[pick.demand].choices;
            for choice in own {
                choice.candidates.remove_range(..pick.device);
            }
        }
        state
    }
}
