//! One device: attributes, capacities with their policies, counters, taints, conditions, reach.
//!
//! Values come from small sets, so that constraints and selectors have something to agree and disagree about.

use serde_json::{Map, Value, json};

use super::plan::Topic;
use super::pool::{Place, Pool};
use super::{COMMON, Made, Maker};

impl Maker {
    pub(super) fn device(&mut self, pool: &Pool, name: String) -> Value {
        let mut device = json!({"name": name});
        device["attributes"] = self.attributes(&pool.driver);
        let shared = self.roll(Topic::Capacity)
            || self.plan.focus(Topic::Fractional) && self.random.chance(70);
        let capacity = self.capacities(shared);
        let capacities = capacity
            .as_object()
            .map(|all| all.keys().cloned().collect());
        if shared {
            device["allowMultipleAllocations"] = json!(true);
        } else if self.random.chance(5) {
            device["allowMultipleAllocations"] = json!(false);
        }
        device["capacity"] = capacity;
        if pool.counters && self.random.chance(85) {
            device["consumesCounters"] = self.consumption();
        }
        if matches!(pool.place, Place::PerDevice) {
            self.reach(&mut device);
        }
        if self.roll(Topic::Taints) {
            device["taints"] = json!([self.taint()]);
            if self.random.chance(15) {
                device["taints"] = json!([self.taint(), self.taint()]);
            }
        }
        if pool.binding {
            self.conditions(&mut device);
        }
        self.devices.push(Made {
            driver: pool.driver.clone(),
            pool: pool.name.clone(),
            name,
            shared,
            capacities: capacities.unwrap_or_default(),
        });
        device
    }

    /// Name under which a driver publishes an attribute.
    fn attribute_key(&mut self, attribute: &'static str, driver: &str) -> String {
        if self.common.contains(&attribute) {
            format!("{COMMON}/{attribute}")
        } else if self.random.chance(15) {
            format!("{driver}/{attribute}")
        } else {
            attribute.to_owned()
        }
    }

    fn attributes(&mut self, driver: &str) -> Value {
        let mut attributes = Map::new();
        let lists = self.roll(Topic::Lists);
        let mut odd = self.roll(Topic::Broken) && self.random.chance(25);
        for attribute in ["numa", "model", "fast", "firmware", "links"] {
            let absent = if attribute == "links" && self.plan.heat(Topic::Lists) > 0 {
                5
            } else {
                12
            };
            if self.random.chance(absent) {
                continue;
            }
            let value = match attribute {
                "numa" => json!({"int": self.random.below(3)}),
                "model" => json!({"string": self.pick(&["A", "B", "C"])}),
                "fast" => json!({"bool": self.random.chance(60)}),
                "firmware" => {
                    json!({"version": self.pick(&["1.2.0", "1.10.0", "2.0.0-rc.1", "2.0.0"])})
                }
                _ if lists => self.list(),
                _ => json!({"int": self.random.below(4)}),
            };
            let value = if odd && self.random.chance(30) {
                odd = false;
                self.odd_value()
            } else {
                value
            };
            let key = self.attribute_key(attribute, driver);
            attributes.insert(key, value);
        }
        Value::Object(attributes)
    }

    fn list(&mut self) -> Value {
        let (a, b, c) = (
            self.random.below(4),
            self.random.below(4),
            self.random.below(5),
        );
        match self.random.below(12) {
            0 => json!({"int": a}),
            1 => json!({"strings": [self.pick(&["A", "B"]), self.pick(&["C", "D"])]}),
            2 => json!({"versions": ["1.2.0", self.pick(&["2.0.0", "3.0.0"])]}),
            3 => json!({"bools": [self.random.chance(50)]}),
            4 => json!({"ints": []}),
            5..9 => json!({"ints": [a, b]}),
            _ => json!({"ints": [a, b, c]}),
        }
    }

    /// A value of an unexpected type, or none. One a device: which of two bad attributes an error names is random
    /// upstream.
    fn odd_value(&mut self) -> Value {
        match self.random.below(5) {
            0 => json!({}),
            1 => json!({"version": "not-a-version"}),
            2 => json!({"string": "1"}),
            3 => json!({"int": 1, "string": "A"}),
            _ => json!({"bool": true}),
        }
    }

    fn capacities(&mut self, shared: bool) -> Value {
        let mut capacities = Map::new();
        if self.random.chance(if shared { 92 } else { 50 }) {
            let value = self.pick(&["10Gi", "40Gi", "80Gi"]);
            let mut capacity = json!({"value": value});
            if shared && self.random.chance(70) {
                capacity["requestPolicy"] = self.memory_policy();
            }
            capacities.insert("memory".to_owned(), capacity);
        }
        if self.random.chance(if self.plan.focus(Topic::Fractional) {
            90
        } else if shared {
            55
        } else {
            15
        }) {
            let fraction = self.roll(Topic::Fractional);
            let value = if fraction {
                self.pick(&["2", "4", "2500m"])
            } else {
                self.pick(&["4", "8", "100"])
            };
            let mut capacity = json!({"value": value});
            if shared && (fraction || self.random.chance(70)) {
                capacity["requestPolicy"] = if fraction {
                    self.fraction_policy()
                } else {
                    self.core_policy()
                };
            }
            capacities.insert("cores".to_owned(), capacity);
        }
        Value::Object(capacities)
    }

    fn memory_policy(&mut self) -> Value {
        match self.random.below(8) {
            0 => json!({"default": "5Gi"}),
            1 => json!({"default": "10Gi", "validValues": ["5Gi", "10Gi", "20Gi", "40Gi"]}),
            2 => json!({"default": "8Gi", "validRange": {"min": "4Gi", "step": "4Gi"}}),
            3 => json!({"default": "2Gi", "validRange": {"min": "1Gi", "max": "20Gi"}}),
            4 => json!({"default": "2G", "validRange": {"min": "1G", "max": "40G", "step": "1G"}}),
            5 => json!({"default": "0"}),
            6 => json!({"default": "6Gi", "validRange": {"min": "4Gi", "step": "4Gi"}}),
            _ => {
                json!({"default": "4Gi", "validRange": {"min": "2Gi", "max": "32Gi", "step": "2Gi"}})
            }
        }
    }

    fn core_policy(&mut self) -> Value {
        match self.random.below(5) {
            0 => json!({"default": "1", "validValues": ["1", "2", "4"]}),
            1 => json!({"default": "1", "validRange": {"min": "1"}}),
            2 => json!({"default": "2", "validRange": {"min": "2", "max": "8", "step": "2"}}),
            3 => json!({"default": "3", "validValues": ["1", "2", "4"]}),
            _ => json!({"default": "1", "validRange": {"min": "1", "max": "100", "step": "3"}}),
        }
    }

    fn fraction_policy(&mut self) -> Value {
        match self.random.below(7) {
            0 => json!({"default": "500m", "validRange": {"min": "250m", "step": "250m"}}),
            1 => {
                json!({"default": "500m", "validRange": {"min": "100m", "max": "1500m", "step": "200m"}})
            }
            2 => json!({"default": "1", "validRange": {"min": "500m", "max": "2", "step": "500m"}}),
            3 => json!({"default": "500m", "validValues": ["250m", "500m", "1"]}),
            4 => json!({"default": "300m", "validRange": {"min": "100m", "max": "1"}}),
            5 => {
                json!({"default": "500m", "validRange": {"min": "0", "max": "2500m", "step": "500m"}})
            }
            _ => json!({"default": "1", "validRange": {"min": "1", "max": "2", "step": "1"}}),
        }
    }

    fn consumption(&mut self) -> Value {
        let broken = self.roll(Topic::Broken) && self.random.chance(8);
        let both = self.random.chance(15);
        let mut sets = if both {
            vec!["card0", "card1"]
        } else {
            vec![self.pick(&["card0", "card0", "card1"])]
        };
        if broken && self.random.chance(50) {
            sets.push("card9");
        }
        let grouped = self.roll(Topic::Groups);
        let entries: Vec<Value> = sets
            .into_iter()
            .map(|set| {
                let grouped_only = self.plan.focus(Topic::Groups) && self.random.chance(80);
                let memory = if grouped_only {
                    "10Gi"
                } else {
                    self.pick(&["10Gi", "20Gi", "40Gi", "10Gi"])
                };
                let mut counters = json!({"memory": {"value": memory}});
                if !grouped_only && self.random.chance(70) {
                    counters["slices"] = json!({"value": self.pick(&["1", "2", "3", "4"])});
                }
                if broken && self.random.chance(50) {
                    counters["absent"] = json!({"value": "1"});
                }
                let mut entry = json!({"counterSet": set, "counters": counters});
                if grouped {
                    entry["compatibilityGroups"] = self.groups();
                }
                entry
            })
            .collect();
        json!(entries)
    }

    fn groups(&mut self) -> Value {
        match self.random.below(6) {
            0 | 1 => json!(["half"]),
            2 => json!(["full"]),
            3 => json!(["half", "full"]),
            4 => json!(["third", "half"]),
            _ => json!(["third"]),
        }
    }

    fn reach(&mut self, device: &mut Value) {
        match self.random.below(10) {
            0..4 => device["nodeName"] = json!(self.node()),
            4..6 => device["nodeSelector"] = self.node_selector(),
            6..9 => device["allNodes"] = json!(true),
            _ => {}
        }
        if self.random.chance(8) {
            device["nodeName"] = json!("elsewhere");
        }
    }

    fn taint(&mut self) -> Value {
        let mut taint = json!({"key": self.pick(&["health", "drain"]), "effect":
            self.pick(&["NoSchedule", "NoSchedule", "NoExecute", "NoExecute", "None"])});
        if self.random.chance(60) {
            taint["value"] = json!(self.pick(&["bad", "soon"]));
        }
        taint
    }

    fn conditions(&mut self, device: &mut Value) {
        match self.random.below(10) {
            0..5 => {
                device["bindingConditions"] = json!(["example.com/ready"]);
                device["bindingFailureConditions"] = json!(["example.com/failed"]);
            }
            5 => device["bindingConditions"] = json!([]),
            6 => {
                device["bindingConditions"] = json!(["example.com/ready", "example.com/attached"]);
            }
            _ => {}
        }
        if self.random.chance(50) {
            device["bindsToNode"] = json!(self.random.chance(80));
        }
    }

    /// Rules that taint devices from outside, sorted by name.
    pub(super) fn taint_rules(&mut self) -> Vec<Value> {
        let mut rules = Vec::new();
        while rules.len() < 3 && self.roll(Topic::TaintRules) {
            let mut selector = json!({});
            let target = self.random.below(self.devices.len().max(1));
            if let Some(device) = self.devices.get(target) {
                let (driver, pool, name) = (
                    device.driver.clone(),
                    device.pool.clone(),
                    device.name.clone(),
                );
                if self.random.chance(60) {
                    selector["driver"] = json!(driver);
                }
                if self.random.chance(50) {
                    selector["pool"] = json!(pool);
                }
                if self.random.chance(75) {
                    selector["device"] = json!(name);
                }
            }
            let mut spec = json!({"taint": self.taint()});
            if !self.random.chance(5) {
                spec["deviceSelector"] = selector;
            }
            rules.push(json!({"metadata": {"name": format!("rule{}", rules.len())}, "spec": spec}));
        }
        rules
    }
}
