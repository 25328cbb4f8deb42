//! How many devices some demands can get together, and which of the demands want more than that.
//!
//! A maximum flow from demands over devices and groups of devices; what the demands that are left wanting can still
//! reach is a set of demands with too little room. Start at [`wanting`].

use std::collections::VecDeque;

use fixedbitset::FixedBitSet;

/// The network: demands on the left, devices in the middle, groups on the right.
pub(super) struct Network {
    pub(super) demands: Vec<Wanting>,
    /// How many picks each device allows.
    pub(super) picks: Vec<usize>,
    /// The group of each device.
    pub(super) group: Vec<Option<usize>>,
    /// How many picks each group allows.
    pub(super) room: Vec<usize>,
}

/// Demands with the same candidates.
pub(super) struct Wanting {
    pub(super) members: Vec<usize>,
    pub(super) needed: usize,
    pub(super) candidates: FixedBitSet,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Demand(usize),
    Device(usize),
    Group(usize),
}

struct Flow<'n> {
    network: &'n Network,
    /// Picks of each demand on each device.
    chosen: Vec<Vec<usize>>,
    used: Vec<usize>,
    group_used: Vec<usize>,
}

/// The demands (by position in the network) that together want more than there is; none if all can be served.
pub(super) fn wanting(network: &Network) -> Option<Vec<usize>> {
    let devices = network.picks.len();
    let mut flow = Flow {
        network,
        chosen: vec![vec![0; devices]; network.demands.len()],
        used: vec![0; devices],
        group_used: vec![0; network.room.len()],
    };
    for (index, demand) in network.demands.iter().enumerate() {
        let mut missing = demand.needed - flow.fill(index);
        while missing > 0 {
            if let Some(reached) = flow.augment(index) {
                return Some(reached);
            }
            missing -= 1;
        }
    }
    None
}

impl Flow<'_> {
    /// Picks free devices as far as that goes.
    fn fill(&mut self, demand: usize) -> usize {
        let wanting = &self.network.demands[demand];
        let mut got = 0;
        for device in wanting.candidates.ones() {
            while got < wanting.needed && self.can_pick(demand, device) && self.is_open(device) {
                self.chosen[demand][device] += 1;
                self.count(device, true);
                got += 1;
            }
        }
        got
    }

    /// Whether one more of the demand's members can pick the device.
    fn can_pick(&self, demand: usize, device: usize) -> bool {
        self.chosen[demand][device] < self.network.demands[demand].members.len()
    }

    fn is_open(&self, device: usize) -> bool {
        let group = self.network.group[device];
        self.used[device] < self.network.picks[device]
            && group.is_none_or(|group| self.group_used[group] < self.network.room[group])
    }

    fn count(&mut self, device: usize, more: bool) {
        let change = |count: &mut usize| {
            if more {
                *count += 1;
            } else {
                *count -= 1;
            }
        };
        change(&mut self.used[device]);
        if let Some(group) = self.network.group[device] {
            change(&mut self.group_used[group]);
        }
    }

    /// One more pick for the demand, over changed picks of others; else the demands that were reached in vain.
    fn augment(&mut self, demand: usize) -> Option<Vec<usize>> {
        let (demands, devices) = (self.network.demands.len(), self.used.len());
        let index = |place: Place| match place {
            Place::Demand(at) => at,
            Place::Device(at) => demands + at,
            Place::Group(at) => demands + devices + at,
        };
        let mut from: Vec<Option<Place>> = vec![None; demands + devices + self.network.room.len()];
        let start = Place::Demand(demand);
        from[index(start)] = Some(start);
        let mut queue = VecDeque::from([start]);
        while let Some(place) = queue.pop_front() {
            if let Place::Device(device) = place
                && self.is_open(device)
            {
                self.apply(place, |at| from[index(at)].filter(|before| *before != at));
                return None;
            }
            for next in self.next(place) {
                if from[index(next)].is_none() {
                    from[index(next)] = Some(place);
                    queue.push_back(next);
                }
            }
        }
        let reached = (0..demands).filter(|at| from[*at].is_some());
        Some(reached.collect())
    }

    /// Where the search for a pick can go on.
    fn next(&self, place: Place) -> Vec<Place> {
        match place {
            Place::Demand(demand) => {
                let candidates = self.network.demands[demand].candidates.ones();
                candidates
                    .filter(|device| self.can_pick(demand, *device))
                    .map(Place::Device)
                    .collect()
            }
            Place::Device(device) => {
                let holders = (0..self.network.demands.len())
                    .filter(|demand| self.chosen[*demand][device] > 0)
                    .map(Place::Demand);
                // A device with room in a full group can have the place of another in it.
                let group = self.network.group[device]
                    .filter(|_| self.used[device] < self.network.picks[device])
                    .map(Place::Group);
                holders.chain(group).collect()
            }
            Place::Group(group) => (0..self.used.len())
                .filter(|d| self.network.group[*d] == Some(group) && self.used[*d] > 0)
                .map(Place::Device)
                .collect(),
        }
    }

    /// Moves picks along the way back to the demand that wants one more.
    fn apply(&mut self, end: Place, before: impl Fn(Place) -> Option<Place>) {
        let mut at = end;
        if let Place::Device(device) = end {
            self.count(device, true);
        }
        while let Some(from) = before(at) {
            match (from, at) {
                (Place::Demand(demand), Place::Device(device)) => self.chosen[demand][device] += 1,
                (Place::Device(device), Place::Demand(demand)) => self.chosen[demand][device] -= 1,
                // The device that comes in, and the one that goes out, of the same group.
                (Place::Device(device), Place::Group(_)) => self.count(device, true),
                (Place::Group(_), Place::Device(device)) => self.count(device, false),
                _ => {}
            }
            at = from;
        }
    }
}
