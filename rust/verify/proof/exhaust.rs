//! A plain search, to confirm that there is no solution.
//!
//! Claims, requests, alternatives and devices in the order written, every check of the judge before each pick. Leaves
//! out only what a fact rules out after a pick, and devices like one that failed. Start at [`exhaust`].

use super::cases::kind;
use super::facts::room;
use super::problem::{Problem, Way};
use super::state::State;
use crate::proof::{Demand, Grouping};
use crate::verify::capacity::{self, Amounts, Fit};
use crate::verify::device::id;
use crate::verify::pools::Found;
use crate::verify::replay::{Compared, Replay};
use crate::verify::usage::Pick;
use crate::wire::claim::ResourceClaim;

/// Most devices a claim can have.
const MOST_RESULTS: usize = 32;

/// Devices tried before the search is given up, which is after a few seconds.
const MOST_TRIES: u64 = 50_000;

/// Steps of a search that nobody waits for, so that a proof which states more is none.
const MOST_STEPS: u64 = 1 << 32;

/// Devices that may be tried for one step of the search that is re-run, which sees more than this one.
const TRIES_PER_STEP: u64 = 1_000;

/// Whether there is no solution, as a search of so many steps has found.
pub(super) fn exhaust<'p, 'a>(
    problem: &Problem<'_, 'p, 'a>,
    replay: &mut Replay<'p, 'a>,
    steps: u64,
) -> Result<(), String> {
    let too_long = || format!("too long to re-run: {steps} steps");
    if steps > MOST_STEPS {
        return Err(too_long());
    }
    let allowed = MOST_TRIES.min(steps.saturating_mul(TRIES_PER_STEP));
    let mut rules = problem.rules.values();
    let mut errors = problem
        .ways
        .values()
        .flatten()
        .flat_map(|way| &way.has_errors);
    let mut search = Naive {
        problem,
        replay,
        compared: Vec::new(),
        picked: 0,
        allowed,
        is_plain: rules.all(|rule| rule.is_plain) && errors.all(|has_error| !has_error),
    };
    match search.claim(0, &State::new(problem)) {
        Ok(false) => Ok(()),
        Ok(true) => Err("there is a solution".to_owned()),
        Err(OutOfTries) => Err(too_long()),
    }
}

struct OutOfTries;

struct Naive<'q, 'r, 'p, 'a> {
    problem: &'q Problem<'r, 'p, 'a>,
    replay: &'q mut Replay<'p, 'a>,
    /// The constraints of the claim at hand, with the values of its picks.
    compared: Vec<Compared<'p>>,
    /// Devices picked for the claim at hand.
    picked: usize,
    allowed: u64,
    /// Whether devices that look alike are alike, also for constraints and checks that fail.
    is_plain: bool,
}

impl<'q, 'r, 'p, 'a> Naive<'q, 'r, 'p, 'a> {
    /// Whether the claims from this one on can be served.
    fn claim(&mut self, claim: usize, state: &State<'q, 'r, 'p, 'a>) -> Result<bool, OutOfTries> {
        let claims = self.problem.claims;
        let Some(document) = claims.get(claim) else {
            return Ok(true);
        };
        let document: &'p ResourceClaim = document;
        let constraints = document.spec.devices.constraints.iter();
        let fresh = constraints.map(|constraint| Compared {
            constraint,
            values: Vec::new(),
        });
        let compared = std::mem::replace(&mut self.compared, fresh.collect());
        let picked = std::mem::replace(&mut self.picked, 0);
        let is_served = self.request(Demand { claim, request: 0 }, state)?;
        self.compared = compared;
        self.picked = picked;
        Ok(is_served)
    }

    /// Whether the requests from this one on can be served.
    fn request(&mut self, at: Demand, state: &State<'q, 'r, 'p, 'a>) -> Result<bool, OutOfTries> {
        let Some(ways) = self.problem.ways.get(&at) else {
            return self.claim(at.claim + 1, state);
        };
        for (index, way) in ways.iter().enumerate() {
            let mut inner = state.clone();
            inner.choose(at, index);
            if self.picked.saturating_add(way.needed) <= MOST_RESULTS
                && self.devices((at, index), 0, way.needed, &inner)?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether so many devices from a position on can be taken, and the requests behind be served. What the state assumes
    /// has been taken.
    fn devices(
        &mut self,
        (at, index): (Demand, usize),
        from: usize,
        missing: usize,
        state: &State<'q, 'r, 'p, 'a>,
    ) -> Result<bool, OutOfTries> {
        if missing == 0 {
            let request = at.request + 1;
            return self.request(Demand { request, ..at }, state);
        }
        let problem = self.problem;
        let way = &problem.ways[&at][index];
        let mut rest = state.clone();
        let mut failed = Vec::new();
        for device in from..problem.devices.len() {
            if !way.candidates[device] || way.has_errors[device] {
                continue;
            }
            let kind = kind(state, device);
            if self.is_plain && failed.contains(&kind) {
                continue;
            }
            self.allowed = self.allowed.checked_sub(1).ok_or(OutOfTries)?;
            if !self.take(at, way, device) {
                continue;
            }
            self.picked += 1;
            let mut inner = rest.clone();
            inner.take(at, index, device);
            let is_served = !self.is_hopeless(&inner)
                && self.devices((at, index), device + 1, missing - 1, &inner)?;
            self.picked -= 1;
            self.give_back(way);
            if is_served {
                return Ok(true);
            }
            failed.push(kind);
            rest.bar(at, device);
        }
        Ok(false)
    }

    /// Whether the demands have too little room for what they still need, each for itself or all together.
    fn is_hopeless(&self, state: &State<'q, 'r, 'p, 'a>) -> bool {
        if self.problem.is_odd.is_some() {
            return false;
        }
        let demands = self.problem.ways.keys().copied();
        let counts = |at: &Demand| {
            let mut ways = state.open(*at).into_iter();
            state.needed(*at) > 0 && ways.all(|(_, way)| !way.wish.is_admin())
        };
        let demands: Vec<Demand> = demands.filter(counts).collect();
        let lacks_room = |demands: &[Demand], grouping: &Grouping| {
            let needed = demands.iter().map(|at| state.needed(*at)).sum::<usize>();
            room(state, demands, grouping).is_ok_and(|room| needed > room)
        };
        demands
            .iter()
            .any(|at| lacks_room(&[*at], &Grouping::CounterSets))
            || lacks_room(&demands, &Grouping::CounterSets)
    }

    /// Takes the device, unless a check refuses it or fails on it.
    fn take(&mut self, at: Demand, way: &Way<'p>, device: usize) -> bool {
        let found = self.problem.devices[device];
        self.replay.claim.0 = at.claim;
        if self.replay.taken(&way.wish, found).is_some() || self.replay.overdrawn(found).is_some() {
            return false;
        }
        let Some(consumed) = self.consumed(way, found) else {
            return false;
        };
        let before: Vec<usize> = self.compared.iter().map(|c| c.values.len()).collect();
        let replay = &self.replay;
        let refused = self
            .compared
            .iter_mut()
            .any(|compared| replay.unconstrained(&way.wish, found, compared).is_some());
        if refused {
            for (compared, count) in self.compared.iter_mut().zip(before) {
                compared.values.truncate(count);
            }
            return false;
        }
        let pays_counters = self.replay.pays_counters(found);
        self.replay.usage.picks.push(Pick {
            claim: at.claim,
            found,
            shared: self.replay.is_shared(found),
            share_id: None,
            consumed,
            pays_counters,
        });
        true
    }

    /// What a share consumes, nothing for a whole device; `None` if too little is left.
    fn consumed(&self, way: &Way<'p>, found: Found<'_, '_>) -> Option<Amounts> {
        let features = self.replay.features;
        if !features.consumable_capacity {
            return Some(Amounts::new());
        }
        let capacities = &found.device.capacity;
        let fractional = features.fractional_capacity_range;
        let picked = self.replay.usage.picked_amounts(id(found));
        let used = [self.replay.usage.held_amounts(id(found)), Some(&picked)];
        let wanted = way.wish.capacity;
        match capacity::fit(wanted, capacities, &used, fractional) {
            Ok(Fit::Yes) if self.replay.is_shared(found) => {
                capacity::consumption(wanted, capacities, fractional).ok()
            }
            Ok(Fit::Yes) => Some(Amounts::new()),
            Ok(Fit::No(_)) | Err(_) => None,
        }
    }

    fn give_back(&mut self, way: &Way<'p>) {
        self.replay.usage.picks.pop();
        for compared in &mut self.compared {
            if super::checks::compares(compared.constraint, &way.wish).is_some() {
                compared.values.pop();
            }
        }
    }
}
