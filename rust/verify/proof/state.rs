//! What the enclosing cases assume, and which devices are candidates under it.
//!
//! Everything is looked up afresh from the list of assumptions. Start at [`State::is_candidate`].

use std::collections::BTreeSet;

use super::problem::{Problem, Way};
use crate::proof::{Demand, Element};

/// A device that a case takes for a demand.
#[derive(Clone, Copy)]
struct Pick {
    demand: Demand,
    way: usize,
    device: usize,
}

/// The assumptions.
#[derive(Clone)]
pub(super) struct State<'q, 'r, 'p, 'a> {
    pub(super) problem: &'q Problem<'r, 'p, 'a>,
    /// Alternatives chosen.
    chosen: Vec<(Demand, usize)>,
    /// Values that constraints settle on; the devices under a constraint all have each of its values.
    settled: Vec<((usize, usize), Element)>,
    picks: Vec<Pick>,
    /// Devices that a demand does not take.
    barred: BTreeSet<(Demand, usize)>,
    /// What is left of the counters.
    left: Vec<i128>,
    /// Whether a counter of a pool is overdrawn, by pool.
    overdrawn: Vec<bool>,
}

impl<'q, 'r, 'p, 'a> State<'q, 'r, 'p, 'a> {
    /// Nothing is assumed.
    pub(super) fn new(problem: &'q Problem<'r, 'p, 'a>) -> Self {
        let mut state = Self {
            problem,
            chosen: Vec::new(),
            settled: Vec::new(),
            picks: Vec::new(),
            barred: BTreeSet::new(),
            left: problem.left.clone(),
            overdrawn: vec![false; problem.checks.replay.pools.len()],
        };
        state.look_for_overdrawn();
        state
    }

    /// Whether no case encloses this.
    pub(super) fn is_root(&self) -> bool {
        self.chosen.is_empty()
            && self.settled.is_empty()
            && self.picks.is_empty()
            && self.barred.is_empty()
    }

    /// Assumes that the alternative serves the demand.
    pub(super) fn choose(&mut self, demand: Demand, way: usize) {
        self.chosen.push((demand, way));
    }

    /// Assumes that the constraint settles on the value.
    pub(super) fn settle(&mut self, rule: (usize, usize), value: Element) {
        self.settled.push((rule, value));
    }

    /// Assumes that the demand does not take the device.
    pub(super) fn bar(&mut self, demand: Demand, device: usize) {
        self.barred.insert((demand, device));
    }

    /// Assumes that the alternative takes the device for the demand.
    pub(super) fn take(&mut self, demand: Demand, way: usize, device: usize) {
        if self.pays(device) {
            for (counter, amount) in &self.problem.payments[device] {
                self.left[*counter] = self.left[*counter].saturating_sub(*amount);
            }
            self.look_for_overdrawn();
        }
        self.picks.push(Pick {
            demand,
            way,
            device,
        });
    }

    fn look_for_overdrawn(&mut self) {
        for ((_, pool), left) in self.problem.counters.iter().zip(&self.left) {
            self.overdrawn[*pool] |= *left < 0;
        }
    }

    /// What is left of a counter; none where it is overdrawn.
    pub(super) fn left(&self, counter: usize) -> i128 {
        self.left[counter].max(0)
    }

    /// The open alternatives of a demand, with their positions.
    pub(super) fn open(&self, demand: Demand) -> Vec<(usize, &'q Way<'p>)> {
        let ways = self.problem.ways.get(&demand);
        let is_open = |way: &usize| {
            let mut chosen = self.chosen.iter();
            chosen.all(|(of, chosen)| *of != demand || chosen == way)
        };
        let ways = ways.into_iter().flatten().enumerate();
        ways.filter(|(way, _)| is_open(way)).collect()
    }

    /// Devices picked for a demand.
    pub(super) fn taken(&self, demand: Demand) -> usize {
        let picks = self.picks.iter().filter(|pick| pick.demand == demand);
        picks.count()
    }

    /// The least number of devices that an open alternative still takes.
    pub(super) fn needed(&self, demand: Demand) -> usize {
        let ways = self.open(demand).into_iter();
        let least = ways.map(|(_, way)| way.needed).min().unwrap_or(0);
        least.saturating_sub(self.taken(demand))
    }

    /// Devices picked under a constraint.
    pub(super) fn picked_under(&self, rule: (usize, usize)) -> usize {
        let picks = self.picks.iter();
        picks
            .filter(|pick| self.values_of_pick(pick, rule).is_some())
            .count()
    }

    /// The candidates that some open alternative has.
    pub(super) fn candidates(&self, demand: Demand) -> Vec<usize> {
        let ways = self.open(demand);
        let mut devices: Vec<usize> = (0..self.problem.devices.len()).collect();
        devices.retain(|device| {
            let mut ways = ways.iter();
            ways.any(|(_, way)| self.is_candidate(demand, way, *device))
        });
        devices
    }

    /// Whether no check refuses the device for this way to serve the demand.
    pub(super) fn is_candidate(&self, demand: Demand, way: &Way<'p>, device: usize) -> bool {
        way.candidates[device]
            && !self.barred.contains(&(demand, device))
            && !self.is_taken(demand, way, device)
            && self.is_within_counters(device)
            && self.is_within_room(way, device)
            && self.is_within_constraints(demand, way, device)
    }

    /// Whether a pick keeps the device from the demand. A demand takes no device twice. Of two demands that want a
    /// whole device, the later one is refused; one for administration only if both are of one claim.
    fn is_taken(&self, demand: Demand, way: &Way<'p>, device: usize) -> bool {
        let is_shared = self.problem.is_shared(device);
        let mut picks = self.picks.iter().filter(|pick| pick.device == device);
        picks.any(|pick| {
            let is_admin = if pick.demand > demand {
                self.way(pick).wish.is_admin()
            } else {
                way.wish.is_admin()
            };
            let beside = is_admin && pick.demand.claim != demand.claim;
            pick.demand == demand || !is_shared && !beside
        })
    }

    fn way(&self, pick: &Pick) -> &'q Way<'p> {
        &self.problem.ways[&pick.demand][pick.way]
    }

    /// Whether the device pays counters if it is taken now: of the shares of a device only the first does.
    pub(super) fn pays(&self, device: usize) -> bool {
        let is_picked = || self.picks.iter().any(|pick| pick.device == device);
        let replay = self.problem.checks.replay;
        replay.pays_counters(self.problem.devices[device])
            && !(self.problem.is_shared(device) && is_picked())
    }

    fn is_within_counters(&self, device: usize) -> bool {
        let found = self.problem.devices[device];
        if found.device.consumes_counters.is_empty() || !self.pays(device) {
            return true;
        }
        let mut payment = self.problem.payments[device].iter();
        !self.overdrawn[found.position.0]
            && payment.all(|(counter, amount)| *amount <= self.left[*counter])
    }

    /// What is left of the capacities of a shared device.
    pub(super) fn room(&self, device: usize) -> Vec<i128> {
        let mut room = self.problem.room[device].clone();
        for pick in self.picks.iter().filter(|pick| pick.device == device) {
            for (room, take) in room.iter_mut().zip(&self.way(pick).takes[device]) {
                *room = room.saturating_sub(*take);
            }
        }
        room
    }

    fn is_within_room(&self, way: &Way<'p>, device: usize) -> bool {
        if !self.picks.iter().any(|pick| pick.device == device) {
            return true;
        }
        let room = self.room(device);
        let mut takes = way.takes[device].iter().zip(room);
        takes.all(|(take, room)| *take <= room)
    }

    /// What a constraint compares of a picked device; nothing if it is not under the constraint.
    fn values_of_pick(&self, pick: &Pick, rule: (usize, usize)) -> Option<&'q BTreeSet<Element>> {
        let way = self.way(pick);
        let values = way
            .values
            .get(rule.1)
            .filter(|_| pick.demand.claim == rule.0);
        values?.as_ref()?[pick.device].as_ref()
    }

    fn is_within_constraints(&self, demand: Demand, way: &Way<'p>, device: usize) -> bool {
        (0..way.values.len()).all(|index| {
            let at = (demand.claim, index);
            let rule = self.problem.rules[&at];
            let own = way.values[index].as_ref();
            let own = own.filter(|_| rule.is_plain);
            let Some(own) = own.and_then(|values| values[device].as_ref()) else {
                return true;
            };
            let mut picked = self.picks.iter();
            if !rule.is_match {
                return picked.all(|pick| {
                    let values = self.values_of_pick(pick, at);
                    values.is_none_or(|values| values.is_disjoint(own))
                });
            }
            let mut settled = self.settled.iter().filter(|(of, _)| *of == at);
            let mut common = own.clone();
            for values in picked.filter_map(|pick| self.values_of_pick(pick, at)) {
                common.retain(|value| values.contains(value));
            }
            !common.is_empty() && settled.all(|(_, value)| own.contains(value))
        })
    }
}
