//! The claims asked for: requests with alternatives, constraints over them, configurations.

use serde_json::{Value, json};

use super::plan::Topic;
use super::request::{Budget, opaque};
use super::{COMMON, Maker};

impl Maker {
    pub(super) fn claims(&mut self) -> Value {
        let mut budget = Budget::new();
        let count = match self.random.below(20) {
            0..12 => 1,
            12..18 => 2,
            _ => 3,
        };
        let claims: Vec<Value> = (0..count)
            .map(|index| self.claim(index, &mut budget))
            .collect();
        json!(claims)
    }

    fn claim(&mut self, index: usize, budget: &mut Budget) -> Value {
        let count = match self.random.below(20) {
            0..9 => 1,
            9..17 => 2,
            17..19 => 3,
            _ => 4,
        };
        let mut requests = Vec::new();
        let mut references = Vec::new();
        for number in 0..count {
            let name = format!("r{number}");
            references.push(name.clone());
            requests.push(if self.roll(Topic::PrioritizedList) {
                self.alternatives(&name, &mut references, budget)
            } else {
                self.exact(&name, budget)
            });
        }
        let mut devices = json!({"requests": requests});
        let constraints = self.constraints(&references, count);
        if !constraints.is_empty() {
            devices["constraints"] = json!(constraints);
        }
        let mut config = Vec::new();
        while config.len() < 3 && self.roll(Topic::Config) {
            let mut entry = opaque(&self.driver(), config.len());
            if self.random.chance(70) {
                entry["requests"] = self.some_of(&references);
            }
            config.push(entry);
        }
        if !config.is_empty() {
            devices["config"] = json!(config);
        }
        let mut metadata = json!({"name": format!("claim{index}"), "uid": format!("uid-{index}")});
        if !self.random.chance(5) {
            metadata["namespace"] = json!("default");
        }
        json!({"metadata": metadata, "spec": {"devices": devices}})
    }

    fn exact(&mut self, name: &str, budget: &mut Budget) -> Value {
        let mut exactly = self.wish(budget);
        if self.roll(Topic::AdminAccess) {
            exactly["adminAccess"] = json!(!self.random.chance(12));
        }
        json!({"name": name, "exactly": exactly})
    }

    fn alternatives(
        &mut self,
        name: &str,
        references: &mut Vec<String>,
        budget: &mut Budget,
    ) -> Value {
        let count = 1 + self.random.below(3);
        let wishes: Vec<Value> = (0..count)
            .map(|index| {
                let mut wish = self.wish(budget);
                let sub = format!("s{index}");
                references.push(format!("{name}/{sub}"));
                wish["name"] = json!(sub);
                wish
            })
            .collect();
        json!({"name": name, "firstAvailable": wishes})
    }

    fn constraints(&mut self, references: &[String], requests: usize) -> Vec<Value> {
        let mut constraints = Vec::new();
        for topic in [Topic::Match, Topic::Distinct] {
            let mut chance = self.plan.heat(topic);
            if requests == 1 && !self.plan.focus(topic) {
                chance /= 2;
            }
            if !self.random.chance(chance) {
                continue;
            }
            let field = if topic == Topic::Match {
                "matchAttribute"
            } else {
                "distinctAttribute"
            };
            let mut constraint = json!({field: self.constrained()});
            if self.random.chance(30) {
                constraint["requests"] = self.some_of(references);
            }
            constraints.push(constraint);
        }
        if self.roll(Topic::Broken) && self.random.chance(5) {
            constraints.push(json!({}));
        }
        constraints
    }

    /// The attribute of a constraint.
    fn constrained(&mut self) -> String {
        if self.plan.heat(Topic::Derived) > 0 && self.random.chance(75) {
            return "derived/key".to_owned();
        }
        let links = self.plan.heat(Topic::Lists) > 0 && self.random.chance(75);
        let attribute = match self.random.below(20) {
            _ if links => "links",
            0..10 => "numa",
            10..14 => "model",
            14..16 => "fast",
            16 => "firmware",
            17 => "links",
            18 => "numa",
            _ => "absent",
        };
        let driver = self.driver();
        let domain = if self.common.contains(&attribute) {
            COMMON.to_owned()
        } else {
            driver
        };
        format!("{domain}/{attribute}")
    }

    fn some_of(&mut self, references: &[String]) -> Value {
        let mut chosen: Vec<&String> = references
            .iter()
            .filter(|_| self.random.chance(60))
            .collect();
        if chosen.is_empty() {
            chosen.extend(references.first());
        }
        json!(chosen)
    }
}
