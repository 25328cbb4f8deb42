//! One request or alternative: class, selectors, how many, tolerations, capacity, derived attributes.
//!
//! Also the classes. Numbers are kept low enough for the upstream search, which is exponential.

use serde_json::{Map, Value, json};

use super::Maker;
use super::plan::Topic;

/// Upper bound of the steps that all requests of a case may need together.
const STEPS: u64 = 20_000;

/// What the requests of a case may still cost.
pub(super) struct Budget {
    pub(super) steps: u64,
}

impl Budget {
    pub(super) fn new() -> Self {
        Self { steps: STEPS }
    }

    /// Takes a request for `count` of `devices`; false if that is too much.
    fn take(&mut self, devices: usize, count: u64) -> bool {
        let cost = subsets(devices, count);
        if cost > self.steps {
            return false;
        }
        self.steps /= cost.max(1);
        true
    }
}

/// How many sets of at most `count` of `devices` there are: the picks that a search goes through in the worst case.
fn subsets(devices: usize, count: u64) -> u64 {
    let devices = u64::try_from(devices).expect("small");
    let mut total = 1_u64;
    let mut choices = 1_u64;
    for size in 1..=count.min(devices) {
        choices = choices * (devices - size + 1) / size;
        total += choices;
    }
    total
}

impl Maker {
    pub(super) fn classes(&mut self) -> Value {
        let mut classes = vec![json!({"metadata": {"name": "any"}, "spec": {}})];
        let drivers = self.drivers.clone();
        for (index, driver) in drivers.iter().enumerate() {
            let mut selectors =
                vec![json!({"cel": {"expression": format!("device.driver == \"{driver}\"")}})];
            if self.random.chance(8) {
                selectors.push(self.selector(driver));
            }
            let mut spec = json!({"selectors": selectors});
            if self.roll(Topic::Config) {
                let count = 1 + self.random.below(2);
                spec["config"] = (0..count).map(|number| opaque(driver, number)).collect();
            }
            classes.push(json!({"metadata": {"name": format!("class{index}")}, "spec": spec}));
        }
        let mut picky = json!({"selectors": [self.selector(&drivers[0])]});
        if self.roll(Topic::Config) {
            picky["config"] = json!([opaque(&drivers[0], 9)]);
        }
        classes.push(json!({"metadata": {"name": "picky"}, "spec": picky}));
        classes.push(json!({"metadata": {"name": "bulk"},
            "spec": {"selectors": [{"cel": {"expression": "device.driver == \"bulk.example.com\""}}]}}));
        json!(classes)
    }

    /// Everything but the name, and what only exact requests have.
    pub(super) fn wish(&mut self, budget: &mut Budget) -> Value {
        let which = self.random.below(self.drivers.len());
        let driver = self.drivers[which].clone();
        let class = match self.random.below(12) {
            0..8 => format!("class{which}"),
            8 | 9 => "any".to_owned(),
            _ => "picky".to_owned(),
        };
        let mut wish = json!({"deviceClassName": class});
        if self.plan.focus(Topic::Limit) && self.random.chance(45) {
            wish["deviceClassName"] = json!("bulk");
            wish["allocationMode"] = json!("All");
            if self.random.chance(25) {
                wish["allocationMode"] = json!("ExactCount");
                wish["count"] = json!(33 + self.random.below(4));
            }
            return wish;
        }
        if self.random.chance(if self.plan.focus(Topic::CelErrors) {
            70
        } else {
            18
        }) {
            wish["selectors"] = json!([self.selector(&driver)]);
            if self.random.chance(15) {
                wish["selectors"] = json!([self.selector(&driver), self.selector(&driver)]);
            }
        }
        self.amount(&mut wish, budget);
        if self.plan.heat(Topic::Taints) > 0 && self.random.chance(50) {
            wish["tolerations"] = self.tolerations();
        } else if self.random.chance(3) {
            wish["tolerations"] = self.tolerations();
        }
        if self.plan.heat(Topic::Capacity) > 0 && self.random.chance(65) {
            wish["capacity"] = json!({"requests": self.capacity_requests()});
        }
        if self.roll(Topic::Derived) {
            wish["derivedAttributes"] = self.derived_attributes(&driver);
        }
        self.break_wish(&mut wish);
        wish
    }

    fn amount(&mut self, wish: &mut Value, budget: &mut Budget) {
        if self.roll(Topic::All) && self.random.chance(60) {
            wish["allocationMode"] = json!("All");
            return;
        }
        wish["allocationMode"] = json!("ExactCount");
        let mut count = match self.random.below(100) {
            0..70 => 1,
            70..90 => 2,
            90..94 => 3,
            94..97 => 4,
            97 => 0,
            98 => 5,
            _ => 13,
        };
        if count == 1 && self.plan.relates() && self.random.chance(45) {
            count = 2;
        }
        if self.roll(Topic::Broken) && self.random.chance(5) {
            count = [33, 1_000_000, 9_223_372_036_854_775_807][self.random.below(3)];
        }
        while count > 0 && count < 33 && !budget.take(self.devices.len(), count) {
            count -= 1;
        }
        wish["count"] = json!(count);
    }

    fn tolerations(&mut self) -> Value {
        let mut tolerations = Vec::new();
        for _ in 0..=self.random.below(2) {
            tolerations.push(match self.random.below(9) {
                0 => json!({"operator": "Exists"}),
                1..4 => json!({"key": self.pick(&["health", "drain"]), "operator": "Exists"}),
                4 => json!({"key": "health", "operator": "Exists", "effect": "NoSchedule"}),
                5 => json!({"key": "drain", "operator": "Equal", "value": "soon"}),
                6 => json!({"key": "health", "operator": "Equal", "value": "bad", "effect": "NoExecute",
                            "tolerationSeconds": 30}),
                7 => json!({"key": "drain", "operator": "Equal"}),
                _ => json!({"key": "health", "operator": self.pick(&["Equal", "Exists", "Sometimes"]), "value": "bad"}),
            });
        }
        json!(tolerations)
    }

    fn capacity_requests(&mut self) -> Value {
        let mut requests = Map::new();
        if self.random.chance(if self.plan.focus(Topic::Fractional) {
            20
        } else {
            60
        }) {
            let amount = self.pick(&[
                "1Gi", "3Gi", "5Gi", "9Gi", "10Gi", "12Gi", "20Gi", "3500M", "30Gi",
            ]);
            requests.insert("memory".to_owned(), json!(amount));
        }
        if self
            .random
            .chance(if self.plan.heat(Topic::Fractional) > 0 {
                85
            } else {
                20
            })
        {
            let fine = self.plan.heat(Topic::Fractional) > 0 && self.random.chance(90);
            let amount = if fine {
                self.pick(&["250m", "600m", "700m", "1", "550m", "300m", "1100m"])
            } else {
                self.pick(&["1", "2", "3", "4", "500m"])
            };
            let odd = self.roll(Topic::Broken) && self.random.chance(15);
            let amount = if odd {
                self.pick(&["1u", "9e18", "-1", "0", "1n", "9223372036854775807"])
            } else {
                amount
            };
            requests.insert("cores".to_owned(), json!(amount));
        }
        if self.random.chance(2) {
            requests.insert("absent".to_owned(), json!("1"));
        }
        Value::Object(requests)
    }

    fn derived_attributes(&mut self, driver: &str) -> Value {
        let mut all = vec![json!({"name": "derived/key", "expression": self.derived(driver)})];
        if self.random.chance(15) {
            let name = format!("{driver}/numa");
            all.push(json!({"name": name, "expression": self.derived(driver)}));
        }
        if self.roll(Topic::Broken) && self.random.chance(10) {
            all[0]["expression"] =
                json!(self.pick(&["1 +", "device", "1.5", "device.nothing", "[1, 2.5]"]));
        }
        json!(all)
    }

    fn break_wish(&mut self, wish: &mut Value) {
        if !(self.roll(Topic::Broken) && self.random.chance(12)) {
            return;
        }
        match self.random.below(5) {
            0 => wish["deviceClassName"] = json!("missing"),
            1 => wish["deviceClassName"] = json!(""),
            2 => wish["allocationMode"] = json!("Some"),
            3 => wish["allocationMode"] = json!(""),
            _ => wish["capacity"] = json!({}),
        }
    }
}

/// Driver parameters that can be told apart.
pub(super) fn opaque(driver: &str, number: usize) -> Value {
    json!({"opaque": {"driver": driver, "parameters": {"apiVersion": "example.com/v1", "kind": "Setting", "n": number}}})
}
