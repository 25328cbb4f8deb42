//! One node with its devices, and claims on it, in numbers that can be changed a little; and as a case.
//!
//! Nothing here can fail with an error, so that every way to prune is open. Start at [`World::random`].

use serde_json::{Map, Value, json};

use crate::random::Random;

/// Bounds of what is generated; a claim never takes more than 32 devices.
const DEVICES: usize = 128;
const SETS: usize = 8;
const COUNTERS: usize = 8;
const CLAIMS: usize = 6;
const REQUESTS: usize = 6;
const WAYS: usize = 4;
const PER_CLAIM: usize = 32;
const RULES: usize = 3;
/// Values of an attribute, and models.
const VALUES: usize = 12;
const MODELS: usize = 4;

/// What exists and what is asked.
#[derive(Clone, Debug)]
pub(crate) struct World {
    /// What each counter of each set has; all sets have the same counters.
    pub(crate) sets: Vec<Vec<usize>>,
    pub(crate) devices: Vec<Device>,
    pub(crate) claims: Vec<Claim>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Device {
    pub(crate) model: usize,
    /// Two attributes; one with more than one value is a list.
    pub(crate) values: [Vec<usize>; 2],
    /// Set and what is drawn from each of its counters.
    pub(crate) draws: Vec<(usize, Vec<usize>)>,
    /// Capacity and step of a device that can be shared.
    pub(crate) shared: Option<(usize, usize)>,
}

#[derive(Clone, Debug)]
pub(crate) struct Claim {
    pub(crate) requests: Vec<Request>,
    pub(crate) rules: Vec<Rule>,
}

/// A request, by its alternatives.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) ways: Vec<Way>,
}

#[derive(Clone, Debug)]
pub(crate) struct Way {
    pub(crate) count: usize,
    /// Models that will do.
    pub(crate) models: Vec<usize>,
    /// What is wanted of the capacity of a shared device.
    pub(crate) capacity: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) is_match: bool,
    pub(crate) attribute: usize,
    /// Requests under it; none means all.
    pub(crate) requests: Vec<usize>,
}

/// What the devices of a world are like.
struct Taste {
    draws: usize,
    lists: usize,
    shared: usize,
    rules: usize,
    values: usize,
}

impl Taste {
    /// One or two of the things that make a case hard are frequent.
    fn random(random: &mut Random) -> Self {
        let mut often = |percent: usize| [0, 0, 100, 60][random.below(4)].min(percent);
        Self {
            draws: often(100),
            shared: often(60),
            lists: often(40),
            rules: often(100),
            values: 1 + random.below(VALUES),
        }
    }
}

impl World {
    pub(crate) fn random(random: &mut Random) -> Self {
        let taste = Taste::random(random);
        let counters = 1 + random.below(COUNTERS);
        let set = |random: &mut Random| (0..counters).map(|_| 1 + random.below(16)).collect();
        let sets: Vec<Vec<usize>> = (0..=random.below(SETS)).map(|_| set(random)).collect();
        let kinds = 1 + random.below(12);
        let kinds: Vec<Device> = (0..kinds)
            .map(|_| Device::random(random, &taste, &sets))
            .collect();
        let mut world = Self {
            devices: (0..4 + random.below(DEVICES - 3))
                .map(|_| kinds[random.below(kinds.len())].clone())
                .collect(),
            claims: (0..=random.below(CLAIMS))
                .map(|_| Claim::random(random, &taste))
                .collect(),
            sets,
        };
        world.repair();
        world
    }

    /// A world that differs in one to three places.
    pub(crate) fn changed(&self, random: &mut Random) -> Self {
        let mut world = self.clone();
        for _ in 0..=random.below(3) {
            match random.below(10) {
                0..=3 => world.change_devices(random),
                4 => {
                    let set = random.below(world.sets.len());
                    nudge(random, &mut world.sets[set], 1, 64);
                }
                5 => world.change_claims(random),
                _ => {
                    let claim = random.below(world.claims.len());
                    world.claims[claim].change(random);
                }
            }
        }
        world.repair();
        world
    }

    fn change_devices(&mut self, random: &mut Random) {
        let at = random.below(self.devices.len());
        let other = random.below(self.devices.len());
        match random.below(6) {
            0 if self.devices.len() < DEVICES => self.devices.push(self.devices[other].clone()),
            1 if self.devices.len() > 1 => drop(self.devices.remove(at)),
            2 => self.devices[at] = self.devices[other].clone(),
            3 => self.devices.swap(at, other),
            // All devices of a kind at once, or one.
            4 => {
                let old = self.devices[at].clone();
                let mut new = old.clone();
                new.change(random, &self.sets);
                let like = self.devices.iter_mut().filter(|device| **device == old);
                like.for_each(|device| device.clone_from(&new));
            }
            _ => self.devices[at].change(random, &self.sets),
        }
    }

    fn change_claims(&mut self, random: &mut Random) {
        let at = random.below(self.claims.len());
        match random.below(3) {
            0 if self.claims.len() < CLAIMS => self.claims.push(self.claims[at].clone()),
            1 if self.claims.len() > 1 => drop(self.claims.remove(at)),
            _ => {
                let to = random.below(self.claims.len());
                self.claims.swap(at, to);
            }
        }
    }

    /// Brings the claims back to what a claim can have.
    fn repair(&mut self) {
        for claim in &mut self.claims {
            let mut left = PER_CLAIM;
            for request in &mut claim.requests {
                for way in &mut request.ways {
                    way.count = way.count.clamp(1, left.max(1));
                }
                let most = request.ways.iter().map(|way| way.count).max();
                left -= most.unwrap_or(0).min(left);
            }
            let count = claim.requests.len();
            for rule in &mut claim.rules {
                rule.requests.retain(|request| *request < count);
                rule.requests.sort_unstable();
                rule.requests.dedup();
            }
        }
    }

    /// Steps that a search takes before it looks ahead: those of one that never turns back, and a few more.
    pub(crate) fn plain_steps(&self) -> u64 {
        let of_request = |request: &Request| {
            let most = request.ways.iter().map(|way| way.count).max();
            2 + most.unwrap_or(0).min(self.devices.len())
        };
        let of_claim = |claim: &Claim| 1 + claim.requests.iter().map(of_request).sum::<usize>();
        let straight: usize = self.claims.iter().map(of_claim).sum();
        let slack = (4096 / self.devices.len()).clamp(8, 256);
        u64::try_from(straight + slack).expect("small")
    }

    pub(crate) fn to_case(&self) -> Value {
        let pool = json!({"name": "p", "generation": 1, "resourceSliceCount": 2});
        let slice = |name: &str, field: &str, list: Vec<Value>| {
            json!({"metadata": {"name": name},
                   "spec": {"driver": "d", "pool": pool, "nodeName": "n", field: list}})
        };
        let sets = self.sets.iter().enumerate();
        let sets = sets
            .map(|(set, left)| json!({"name": format!("set-{set}"), "counters": counters(left)}));
        let devices = self.devices.iter().enumerate();
        let devices = devices.map(|(index, device)| device.to_json(index));
        let claims = self.claims.iter().enumerate();
        let claims = claims.map(|(index, claim)| claim.to_json(index));
        let features = [
            "ConsumableCapacity",
            "ListTypeAttributes",
            "PartitionableDevices",
            "PrioritizedList",
        ];
        let on = features
            .into_iter()
            .map(|name| (name.to_owned(), json!(true)));
        json!({"name": "adversary", "features": on.collect::<Map<_, _>>(),
               "nodes": [{"metadata": {"name": "n"}}],
               "classes": [{"metadata": {"name": "c"}, "spec": {}}],
               "slices": [slice("s-counters", "sharedCounters", sets.collect()),
                          slice("s-devices", "devices", devices.collect())],
               "claims": claims.collect::<Vec<_>>()})
    }
}

impl Device {
    fn random(random: &mut Random, taste: &Taste, sets: &[Vec<usize>]) -> Self {
        let mut values = || {
            let count = if random.chance(taste.lists) { 2 } else { 1 };
            let values = (0..count).map(|_| random.below(taste.values));
            sorted(values.collect())
        };
        let values = [values(), values()];
        let count = usize::from(random.chance(taste.draws)) * (1 + usize::from(random.chance(20)));
        let mut draws: Vec<(usize, Vec<usize>)> = Vec::new();
        for _ in 0..count.min(sets.len()) {
            let set = random.below(sets.len());
            if draws.iter().all(|(known, _)| *known != set) {
                let amount = |of: &usize| random.below(1 + of.min(&8));
                draws.push((set, sets[set].iter().map(amount).collect()));
            }
        }
        let shared = random.chance(taste.shared);
        Self {
            model: random.below(MODELS),
            values,
            draws,
            shared: shared.then(|| (8 + random.below(64), 1 + random.below(8))),
        }
    }

    fn change(&mut self, random: &mut Random, sets: &[Vec<usize>]) {
        match random.below(8) {
            0 => self.model = random.below(MODELS),
            1 | 2 => {
                let values = &mut self.values[random.below(2)];
                values[0] = random.below(VALUES);
                if random.chance(20) {
                    values.push(random.below(VALUES));
                }
                if random.chance(40) {
                    values.truncate(1);
                }
                *values = sorted(std::mem::take(values));
            }
            3 => {
                let share = (8 + random.below(64), 1 + random.below(8));
                self.shared = random.chance(50).then_some(share);
            }
            4 => {
                let set = random.below(sets.len());
                if self.draws.iter().all(|(known, _)| *known != set) {
                    self.draws.push((set, vec![1; sets[set].len()]));
                }
            }
            5 if self.draws.len() > 1 => drop(self.draws.pop()),
            _ => {
                if let Some((_, amounts)) = self.draws.last_mut() {
                    nudge(random, amounts, 0, 16);
                }
            }
        }
    }

    fn to_json(&self, index: usize) -> Value {
        let attribute = |values: &[usize]| match values {
            [only] => json!({"int": only}),
            many => json!({"ints": many}),
        };
        let [a, b] = &self.values;
        let mut device = json!({"name": format!("dev-{index:03}"), "attributes": {
            "model": {"int": self.model}, "a": attribute(a), "b": attribute(b)}});
        // No API server takes a set of which nothing is drawn.
        let draws = self.draws.iter();
        let draws = draws.filter(|(_, amounts)| amounts.iter().any(|amount| *amount > 0));
        let draws: Vec<Value> = draws
            .map(|(set, amounts)| {
                json!({"counterSet": format!("set-{set}"), "counters": counters(amounts)})
            })
            .collect();
        if !draws.is_empty() {
            device["consumesCounters"] = json!(draws);
        }
        if let Some((capacity, step)) = self.shared {
            let range = json!({"min": step.to_string(), "step": step.to_string()});
            device["allowMultipleAllocations"] = json!(true);
            device["capacity"] = json!({"memory": {"value": capacity.to_string(),
                "requestPolicy": {"default": step.to_string(), "validRange": range}}});
        }
        device
    }
}

impl Claim {
    fn random(random: &mut Random, taste: &Taste) -> Self {
        let requests = (0..=random.below(REQUESTS)).map(|_| Request::random(random, taste));
        let requests: Vec<Request> = requests.collect();
        let rules = if random.chance(taste.rules) {
            1 + random.below(RULES - 1)
        } else {
            0
        };
        Self {
            rules: (0..rules)
                .map(|_| Rule::random(random, requests.len()))
                .collect(),
            requests,
        }
    }

    fn change(&mut self, random: &mut Random) {
        let at = random.below(self.requests.len());
        match random.below(10) {
            0 if self.requests.len() < REQUESTS => self.requests.push(self.requests[at].clone()),
            1 if self.requests.len() > 1 => self.remove_request(at),
            2 => {
                let to = random.below(self.requests.len());
                self.requests.swap(at, to);
            }
            3 if self.rules.len() < RULES => {
                self.rules.push(Rule::random(random, self.requests.len()));
            }
            4 if !self.rules.is_empty() => {
                let rule = random.below(self.rules.len());
                if random.chance(50) {
                    self.rules.remove(rule);
                } else {
                    self.rules[rule] = Rule::random(random, self.requests.len());
                }
            }
            _ => self.requests[at].change(random),
        }
    }

    pub(crate) fn remove_request(&mut self, at: usize) {
        self.requests.remove(at);
        for rule in &mut self.rules {
            if rule.requests == [at] {
                // None would mean all.
                rule.requests = vec![usize::MAX];
            }
            rule.requests.retain(|request| *request != at);
            let later = rule.requests.iter_mut().filter(|request| **request > at);
            later.for_each(|request| *request -= 1);
        }
        let requests = self.requests.len();
        self.rules
            .retain(|rule| rule.requests.iter().all(|request| *request < requests));
    }

    fn to_json(&self, index: usize) -> Value {
        let requests = self.requests.iter().enumerate();
        let requests = requests.map(|(index, request)| request.to_json(index));
        let rules = self.rules.iter().map(|rule| {
            let names: Vec<String> = rule.requests.iter().map(|r| format!("r{r}")).collect();
            let kind = if rule.is_match {
                "matchAttribute"
            } else {
                "distinctAttribute"
            };
            let attribute = ["d/a", "d/b"][rule.attribute];
            json!({"requests": names, kind: attribute})
        });
        json!({"metadata": {"namespace": "x", "name": format!("claim-{index}")},
               "spec": {"devices": {"requests": requests.collect::<Vec<_>>(),
                                    "constraints": rules.collect::<Vec<_>>()}}})
    }
}

impl Request {
    fn random(random: &mut Random, taste: &Taste) -> Self {
        let ways = if random.chance(20) {
            1 + random.below(WAYS)
        } else {
            1
        };
        let way = |random: &mut Random| Way {
            capacity: if random.chance(taste.shared) {
                random.below(24)
            } else {
                0
            },
            ..Way::random(random)
        };
        Self {
            ways: (0..ways).map(|_| way(random)).collect(),
        }
    }

    fn change(&mut self, random: &mut Random) {
        let at = random.below(self.ways.len());
        match random.below(6) {
            0 if self.ways.len() < WAYS => self.ways.push(Way::random(random)),
            1 if self.ways.len() > 1 => drop(self.ways.remove(at)),
            2 => self.ways[at] = Way::random(random),
            3 => self.ways[at].models = Way::random(random).models,
            4 => self.ways[at].capacity = [0, random.below(24)][random.below(2)],
            _ => {
                let count = &mut self.ways[at].count;
                *count = (*count + random.below(3)).saturating_sub(1);
            }
        }
    }

    fn to_json(&self, index: usize) -> Value {
        let ways = self.ways.iter().enumerate();
        let mut ways: Vec<Value> = ways.map(|(way, wish)| wish.to_json(way)).collect();
        let name = format!("r{index}");
        if ways.len() > 1 {
            return json!({"name": name, "firstAvailable": ways});
        }
        let mut only = ways.remove(0);
        only.as_object_mut().map(|fields| fields.remove("name"));
        json!({"name": name, "exactly": only})
    }
}

impl Way {
    fn random(random: &mut Random) -> Self {
        let models = (0..MODELS).filter(|_| random.chance(50)).collect();
        Self {
            count: 1 + random.below(4),
            models,
            capacity: 0,
        }
    }

    fn to_json(&self, index: usize) -> Value {
        let mut wish = json!({"name": format!("w{index}"), "deviceClassName": "c",
            "allocationMode": "ExactCount", "count": self.count});
        if !self.models.is_empty() {
            let expression = format!("device.attributes['d'].model in {:?}", self.models);
            wish["selectors"] = json!([{"cel": {"expression": expression}}]);
        }
        if self.capacity > 0 {
            wish["capacity"] = json!({"requests": {"memory": self.capacity.to_string()}});
        }
        wish
    }
}

impl Rule {
    fn random(random: &mut Random, requests: usize) -> Self {
        let some = random.chance(50);
        Self {
            is_match: random.chance(50),
            attribute: random.below(2),
            requests: (0..requests)
                .filter(|_| some && random.chance(50))
                .collect(),
        }
    }
}

fn counters(amounts: &[usize]) -> Map<String, Value> {
    let amounts = amounts.iter().enumerate();
    // Letters, not numbers: nothing says that they belong together.
    let name = |index: usize| ["a", "b", "c", "d", "e", "f", "g", "h"][index].to_owned();
    amounts
        .filter(|(_, amount)| **amount > 0)
        .map(|(index, amount)| (name(index), json!({"value": amount.to_string()})))
        .collect()
}

/// Moves one of the numbers up or down, within bounds.
fn nudge(random: &mut Random, numbers: &mut [usize], least: usize, most: usize) {
    let at = random.below(numbers.len());
    let number = (numbers[at] + random.below(5)).saturating_sub(2);
    numbers[at] = number.clamp(least, most);
}

fn sorted(mut values: Vec<usize>) -> Vec<usize> {
    values.sort_unstable();
    values.dedup();
    values
}
