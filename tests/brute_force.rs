//! Tiny random cases, decided by trying everything: the engine must say "placed" exactly where some choice is legal, and
//! its own choice must be legal.
//!
//! If this were deleted, a search that misses solutions would only be noticed where upstream's is at hand. Shares nothing
//! with the engine but the case format; leaves out what upstream decides oddly (admin access, `All`, policies).
//! Start reading at [`is_legal`].

#[path = "support/case.rs"]
mod case;
#[path = "support/random.rs"]
mod random;

use random::Random;
use serde_json::{Value, json};

/// One device of the only pool.
struct Device {
    driver: usize,
    numa: Option<usize>,
    memory: usize,
    is_shared: bool,
    slots: usize,
    is_tainted: bool,
    /// Held as a whole, or as a share of this much.
    held: Option<usize>,
}

/// One way to serve a request.
struct Wish {
    driver: usize,
    count: usize,
    memory: Option<usize>,
    tolerates: bool,
}

/// A case: every request is a list of alternatives.
struct Tiny {
    devices: Vec<Device>,
    slots: usize,
    requests: Vec<Vec<Wish>>,
    matches: bool,
    differs: bool,
}

/// A chosen alternative with its devices, for each request.
type Choice = Vec<(usize, Vec<usize>)>;

impl Tiny {
    fn new(random: &mut Random) -> Self {
        let devices = (0..=random.below(4))
            .map(|_| Device {
                driver: random.below(2),
                numa: random.chance(85).then(|| random.below(2)),
                memory: 1 + random.below(4),
                is_shared: random.chance(35),
                slots: if random.chance(50) {
                    1 + random.below(3)
                } else {
                    0
                },
                is_tainted: random.chance(20),
                held: random.chance(20).then(|| 1 + random.below(2)),
            })
            .collect();
        let wish = |random: &mut Random| Wish {
            driver: random.below(2),
            count: 1 + random.below(2),
            memory: random.chance(60).then(|| 1 + random.below(3)),
            tolerates: random.chance(70),
        };
        let requests = (0..=random.below(3))
            .map(|_| (0..=random.below(2)).map(|_| wish(random)).collect())
            .collect();
        Self {
            devices,
            slots: 1 + random.below(6),
            requests,
            matches: random.chance(30),
            differs: random.chance(20),
        }
    }

    /// The case as documents.
    fn case(&self) -> Value {
        let held: Vec<Value> = self
            .devices
            .iter()
            .enumerate()
            .filter_map(held_claim)
            .collect();
        let devices: Vec<Value> = self.devices.iter().enumerate().map(document).collect();
        // One slice a driver: a pool belongs to a driver, so the counters are in the pools of both.
        let mut slices = Vec::new();
        for driver in 0..2 {
            let of_driver = |(index, _): &(usize, &Value)| self.devices[*index].driver == driver;
            let devices: Vec<&Value> = devices
                .iter()
                .enumerate()
                .filter(of_driver)
                .map(|(_, device)| device)
                .collect();
            let pool = json!({"name": "p", "generation": 1, "resourceSliceCount": 2});
            slices.push(json!({"metadata": {"name": format!("s{driver}-counters")}, "spec": {
                "driver": format!("d{driver}"), "pool": pool, "nodeName": "n",
                "sharedCounters": [{"name": "card", "counters": {"slots": {"value": self.slots.to_string()}}}]}}));
            slices.push(json!({"metadata": {"name": format!("s{driver}-devices")}, "spec": {
                "driver": format!("d{driver}"), "pool": pool, "nodeName": "n", "devices": devices}}));
        }
        let classes: Vec<Value> = (0..2)
            .map(|driver| {
                json!({"metadata": {"name": format!("c{driver}")}, "spec": {"selectors": [
                {"cel": {"expression": format!("device.driver == \"d{driver}\"")}}]}})
            })
            .collect();
        let requests: Vec<Value> = self.requests.iter().enumerate().map(request).collect();
        let mut constraints = Vec::new();
        if self.matches {
            constraints.push(json!({"matchAttribute": "x/numa"}));
        }
        if self.differs {
            constraints.push(json!({"distinctAttribute": "x/numa"}));
        }
        json!({
            "features": {"PartitionableDevices": true, "ConsumableCapacity": true, "DeviceTaints": true, "PrioritizedList": true},
            "nodes": [{"metadata": {"name": "n"}}], "classes": classes, "slices": slices, "held": held,
            "claims": [{"metadata": {"name": "c"}, "spec": {"devices": {"requests": requests, "constraints": constraints}}}],
        })
    }

    /// All choices of alternatives and devices for the requests from `first` on.
    fn choices(&self, first: usize) -> Vec<Choice> {
        let Some(alternatives) = self.requests.get(first) else {
            return vec![Vec::new()];
        };
        let rest = self.choices(first + 1);
        let mut all = Vec::new();
        for (index, wish) in alternatives.iter().enumerate() {
            for set in 0..1_usize << self.devices.len() {
                let devices: Vec<usize> = (0..self.devices.len())
                    .filter(|device| set >> device & 1 == 1)
                    .collect();
                if devices.len() != wish.count {
                    continue;
                }
                for choice in &rest {
                    let mut choice = choice.clone();
                    choice.insert(0, (index, devices.clone()));
                    all.push(choice);
                }
            }
        }
        all
    }

    fn is_possible(&self) -> bool {
        self.choices(0).iter().any(|choice| is_legal(self, choice))
    }
}

/// Whether a choice is legal, rule by rule, looking at the whole of it.
fn is_legal(tiny: &Tiny, choice: &Choice) -> bool {
    let picks: Vec<(&Wish, usize)> = choice
        .iter()
        .zip(&tiny.requests)
        .flat_map(|((index, devices), request)| {
            devices.iter().map(|device| (&request[*index], *device))
        })
        .collect();
    let fits = |(wish, device): &(&Wish, usize)| {
        let device = &tiny.devices[*device];
        device.driver == wish.driver
            && (wish.tolerates || !device.is_tainted)
            && wish.memory.is_none_or(|memory| memory <= device.memory)
            && (device.held.is_none() || device.is_shared)
    };
    let constrained: Vec<Option<usize>> = picks
        .iter()
        .map(|(_, device)| tiny.devices[*device].numa)
        .collect();
    let all_present = constrained.iter().all(Option::is_some);
    let all_equal = constrained.windows(2).all(|pair| pair[0] == pair[1]);
    let all_different = constrained
        .iter()
        .enumerate()
        .all(|(index, value)| !constrained[..index].contains(value));
    picks.iter().all(fits)
        && (0..tiny.devices.len()).all(|device| is_shared_out(tiny, device, &picks))
        && (0..2).all(|driver| has_slots(tiny, driver, &picks))
        && (!tiny.matches || all_present && all_equal)
        && (!tiny.differs || all_present && all_different)
}

/// Whether one device is not given away more often than it can be.
fn is_shared_out(tiny: &Tiny, index: usize, picks: &[(&Wish, usize)]) -> bool {
    let device = &tiny.devices[index];
    let users: Vec<&Wish> = picks
        .iter()
        .filter(|(_, picked)| *picked == index)
        .map(|(wish, _)| *wish)
        .collect();
    if users.is_empty() {
        return true;
    }
    if !device.is_shared {
        return users.len() == 1;
    }
    let taken: usize = users
        .iter()
        .map(|wish| wish.memory.unwrap_or(device.memory))
        .sum();
    taken + device.held.unwrap_or(0) <= device.memory
}

/// Whether the pool of a driver has slots for all devices in use; devices that take none are never refused for it, and
/// shares that are held already have paid.
fn has_slots(tiny: &Tiny, driver: usize, picks: &[(&Wish, usize)]) -> bool {
    let of_driver = |device: &&Device| device.driver == driver;
    let held: usize = tiny
        .devices
        .iter()
        .filter(of_driver)
        .filter(|device| device.held.is_some())
        .map(|device| device.slots)
        .sum();
    let fresh = tiny.devices.iter().enumerate().filter(|(index, device)| {
        device.driver == driver
            && device.held.is_none()
            && picks.iter().any(|(_, picked)| picked == index)
    });
    let more: usize = fresh.map(|(_, device)| device.slots).sum();
    more == 0 || held + more <= tiny.slots
}

fn document((index, device): (usize, &Device)) -> Value {
    let mut document = json!({"name": format!("g{index}"), "capacity": {"memory": {"value": device.memory.to_string()}}});
    if let Some(numa) = device.numa {
        document["attributes"] = json!({"x/numa": {"int": numa}});
    }
    if device.is_shared {
        document["allowMultipleAllocations"] = json!(true);
    }
    if device.slots > 0 {
        document["consumesCounters"] = json!([{"counterSet": "card", "counters": {"slots": {"value": device.slots.to_string()}}}]);
    }
    if device.is_tainted {
        document["taints"] = json!([{"key": "bad", "effect": "NoSchedule"}]);
    }
    document
}

fn held_claim((index, device): (usize, &Device)) -> Option<Value> {
    let amount = device.held?;
    let mut result = json!({"request": "r", "driver": format!("d{}", device.driver), "pool": "p", "device": format!("g{index}")});
    if device.is_shared {
        result["shareID"] = json!(format!("share-{index}"));
        result["consumedCapacity"] = json!({"memory": amount.to_string()});
    }
    Some(
        json!({"metadata": {"name": format!("held{index}"), "uid": format!("h{index}")}, "spec": {},
        "status": {"allocation": {"devices": {"results": [result]}}}}),
    )
}

fn request((index, alternatives): (usize, &Vec<Wish>)) -> Value {
    let wishes: Vec<Value> = alternatives
        .iter()
        .enumerate()
        .map(|(number, wish)| {
            let mut document = json!({"name": format!("s{number}"), "deviceClassName": format!("c{}", wish.driver),
                "allocationMode": "ExactCount", "count": wish.count});
            if let Some(memory) = wish.memory {
                document["capacity"] = json!({"requests": {"memory": memory.to_string()}});
            }
            if wish.tolerates {
                document["tolerations"] = json!([{"operator": "Exists"}]);
            }
            document
        })
        .collect();
    json!({"name": format!("r{index}"), "firstAvailable": wishes})
}

/// Reads the choice out of an answer.
fn chosen(answer: &Value, tiny: &Tiny) -> Option<Choice> {
    let results = answer["nodes"][0]["results"][0]["devices"]["results"].as_array()?;
    let mut choice: Choice = tiny.requests.iter().map(|_| (0, Vec::new())).collect();
    for result in results {
        let (request, alternative) = result["request"].as_str()?.split_once('/')?;
        let entry = choice.get_mut(request.get(1..)?.parse::<usize>().ok()?)?;
        entry.0 = alternative.get(1..)?.parse().ok()?;
        entry
            .1
            .push(result["device"].as_str()?.get(1..)?.parse().ok()?);
    }
    Some(choice)
}

#[test]
fn placed_exactly_where_something_fits() {
    let mut random = Random::new(11);
    let (mut placed, mut refused) = (0, 0);
    for _ in 0..3_000 {
        let tiny = Tiny::new(&mut random);
        let case = tiny.case();
        let answer = case::answer(&case);
        match answer["nodes"][0]["outcome"].as_str() {
            Some("placed") => {
                let choice = chosen(&answer, &tiny).expect("a result for each request");
                let counts = choice
                    .iter()
                    .zip(&tiny.requests)
                    .all(|((index, devices), request)| devices.len() == request[*index].count);
                assert!(
                    counts && is_legal(&tiny, &choice),
                    "not legal: {answer} to {case}"
                );
                placed += 1;
            }
            Some("unfit") => {
                assert!(!tiny.is_possible(), "a choice was missed: {case}");
                refused += 1;
            }
            _ => panic!("{answer} to {case}"),
        }
    }
    assert!(
        placed > 500 && refused > 500,
        "{placed} placed, {refused} refused"
    );
}
