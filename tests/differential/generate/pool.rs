//! Pools and their slices: where they are reachable, which generations exist, which counters they have.
//!
//! Start reading at `Maker::pools`. Devices are made in `device.rs`.

use serde_json::{Value, json};

use super::plan::Topic;
use super::{Made, Maker};

/// More devices than this make the search too long for a random case.
const DEVICES: usize = 12;

/// From where a pool can be reached.
#[derive(Clone)]
pub(super) enum Place {
    Node(String),
    Selector(Value),
    Everywhere,
    PerDevice,
}

/// A pool in the making.
pub(super) struct Pool {
    pub(super) driver: String,
    pub(super) name: String,
    pub(super) place: Place,
    pub(super) generation: i64,
    pub(super) counters: bool,
    pub(super) binding: bool,
    slices: Vec<Value>,
    devices: usize,
}

impl Maker {
    pub(super) fn pools(&mut self) {
        let mut names: Vec<(String, String)> = Vec::new();
        let count = 1 + self
            .random
            .below(3)
            .max(self.drivers.len() - 1)
            .max(usize::from(self.nodes.len() > 1));
        for index in 0..count {
            let driver = match self.drivers.get(index) {
                Some(driver) => driver.clone(),
                None => self.driver(),
            };
            let name = match self.random.below(4) {
                0 => self.node(),
                1 => "p0".to_owned(),
                2 => "p1".to_owned(),
                _ => "rack/p2".to_owned(),
            };
            if names.contains(&(driver.clone(), name.clone())) {
                continue;
            }
            names.push((driver.clone(), name.clone()));
            self.pool(driver, name);
        }
        if self.plan.focus(Topic::Limit) {
            self.bulk();
        }
    }

    fn place(&mut self) -> Place {
        if self.roll(Topic::PerDevice) {
            return Place::PerDevice;
        }
        if self.roll(Topic::NodeSelectors) {
            return Place::Selector(self.node_selector());
        }
        let local = if self.nodes.len() == 1 { 60 } else { 12 };
        if self.random.chance(local) {
            return Place::Node(if self.random.chance(4) {
                "elsewhere".to_owned()
            } else {
                self.node()
            });
        }
        Place::Everywhere
    }

    fn pool(&mut self, driver: String, name: String) {
        let mut pool = Pool {
            driver,
            name,
            place: self.place(),
            generation: 1 + i64::try_from(self.random.below(3)).expect("small"),
            counters: self.roll(Topic::Partitionable),
            binding: self.roll(Topic::Binding),
            slices: Vec::new(),
            devices: 0,
        };
        if pool.counters {
            self.counter_slices(&mut pool);
        }
        let wanted = if self.random.chance(30) { 2 } else { 1 };
        for _ in 0..wanted {
            let most = 4.min(DEVICES.saturating_sub(self.devices.len())).max(1);
            let count = 1 + self.random.below(most).max(self.random.below(most));
            self.device_slice(&mut pool, count);
        }
        if self.nodes.len() > 1 && matches!(pool.place, Place::Node(_)) && self.random.chance(25) {
            pool.place = Place::Node(self.node());
            self.device_slice(&mut pool, 1);
        }
        let total = pool.slices.len();
        for slice in &mut pool.slices {
            slice["spec"]["pool"]["resourceSliceCount"] = json!(total);
        }
        if self.roll(Topic::Generations) {
            self.disturb(&mut pool);
        }
        self.slices.append(&mut pool.slices);
    }

    /// An empty slice of the pool, reachable as the pool is.
    fn slice(&mut self, pool: &Pool) -> Value {
        let number = self.random.below(90) + 10;
        let name = format!("s{number}-{}", self.slices.len() + pool.slices.len());
        let mut slice = json!({
            "metadata": {"name": name},
            "spec": {"driver": pool.driver,
                     "pool": {"name": pool.name, "generation": pool.generation, "resourceSliceCount": 1}},
        });
        let spec = &mut slice["spec"];
        match &pool.place {
            Place::Node(node) => spec["nodeName"] = json!(node),
            Place::Selector(selector) => spec["nodeSelector"] = selector.clone(),
            Place::Everywhere => spec["allNodes"] = json!(true),
            Place::PerDevice => spec["perDeviceNodeSelection"] = json!(true),
        }
        slice
    }

    fn device_slice(&mut self, pool: &mut Pool, count: usize) {
        let mut slice = self.slice(pool);
        let mut devices = Vec::new();
        for _ in 0..count {
            let twin = self.roll(Topic::Broken) && self.random.chance(8);
            let number = if twin { 0 } else { pool.devices };
            let device = self.device(pool, format!("d{number}"));
            pool.devices += 1;
            devices.push(device);
        }
        slice["spec"]["devices"] = json!(devices);
        if self.roll(Topic::NodeOperations) {
            let operations = match self.random.below(3) {
                0 => json!(["*"]),
                1 => json!(["NodePrepareResources"]),
                _ => json!(["NodePrepareResources", "NodeUnprepareResources"]),
            };
            slice["spec"]["skipNodeOperations"] = operations;
        }
        pool.slices.push(slice);
    }

    fn counter_slices(&mut self, pool: &mut Pool) {
        let mut sets = Vec::new();
        for set in ["card0", "card1"] {
            let memory = if self.plan.focus(Topic::Groups) {
                "80Gi"
            } else {
                self.pick(&["20Gi", "40Gi", "80Gi", "0"])
            };
            let slices = self.pick(&["3", "4", "7"]);
            sets.push(json!({"name": set, "counters": {"memory": {"value": memory}, "slices": {"value": slices}}}));
        }
        let apart = self.random.chance(30);
        let mut groups = if apart {
            vec![vec![sets.remove(0)], sets]
        } else {
            vec![sets]
        };
        if self.roll(Topic::Broken) && self.random.chance(10) {
            let twin = groups[0][0].clone();
            groups[0].push(twin);
        }
        for group in groups {
            let mut slice = self.slice(pool);
            slice["spec"]["sharedCounters"] = json!(group);
            if matches!(pool.place, Place::PerDevice) {
                let spec = slice["spec"].as_object_mut().expect("an object");
                spec.remove("perDeviceNodeSelection");
                spec.insert("allNodes".to_owned(), json!(true));
            }
            pool.slices.push(slice);
        }
    }

    /// Changes under way: slices missing or too many, older and newer generations, devices that move.
    fn disturb(&mut self, pool: &mut Pool) {
        match self.random.below(8) {
            0 => {
                let total = pool.slices.len() + 1;
                for slice in &mut pool.slices {
                    slice["spec"]["pool"]["resourceSliceCount"] = json!(total);
                }
            }
            1 => {
                let extra = self.random.below(pool.slices.len());
                pool.slices[extra]["spec"]["pool"]["resourceSliceCount"] =
                    json!(pool.slices.len() + 1);
            }
            2 | 3 => self.other_generation(pool, -1, true),
            4 => self.other_generation(pool, 1, true),
            5 => self.other_generation(pool, 1, false),
            6 => {
                pool.place = Place::Node(self.node());
                self.other_generation(pool, 1, true);
            }
            _ => {
                pool.place = Place::Node("elsewhere".to_owned());
                let by = if self.random.chance(70) { 1 } else { -1 };
                let complete = self.random.chance(50);
                self.other_generation(pool, by, complete);
            }
        }
    }

    fn other_generation(&mut self, pool: &mut Pool, by: i64, complete: bool) {
        pool.generation += by;
        let devices = pool.devices;
        pool.devices = 0;
        let count = 1 + self.random.below(3);
        self.device_slice(pool, count);
        pool.devices = pool.devices.max(devices);
        if let Some(slice) = pool.slices.last_mut() {
            let wanted = if complete { 1 } else { 2 };
            slice["spec"]["pool"]["resourceSliceCount"] = json!(wanted);
        }
        pool.generation -= by;
    }

    /// A pool of many plain devices, to come near the limit of results.
    fn bulk(&mut self) {
        let driver = "bulk.example.com".to_owned();
        let count = 10 + self.random.below(28);
        let devices: Vec<Value> = (0..count)
            .map(|index| json!({"name": format!("b{index}")}))
            .collect();
        for index in 0..count.min(2) {
            self.devices.push(Made {
                driver: driver.clone(),
                pool: "bulk".to_owned(),
                name: format!("b{index}"),
                shared: false,
                capacities: Vec::new(),
            });
        }
        self.slices.push(json!({
            "metadata": {"name": "bulk"},
            "spec": {"driver": driver, "pool": {"name": "bulk", "generation": 1, "resourceSliceCount": 1},
                     "allNodes": true, "devices": devices},
        }));
    }
}
