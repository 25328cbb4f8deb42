//! Claims that hold devices already: whole devices, shares, admin access, devices that are gone.

use serde_json::{Map, Value, json};

use super::Maker;
use super::plan::Topic;

impl Maker {
    pub(super) fn held(&mut self) -> Vec<Value> {
        let mut claims = Vec::new();
        for index in 0..self.devices.len() {
            let shared = self.devices[index].shared && self.plan.heat(Topic::Capacity) > 0;
            let wanted = self.roll(Topic::Held) && self.random.chance(45);
            if !wanted && !(shared && self.random.chance(25)) {
                continue;
            }
            let results = self.holding(index, shared);
            claims.push(held_claim(claims.len(), &results));
        }
        if self.roll(Topic::Held) && self.random.chance(20) {
            let gone =
                json!([{"request": "r0", "driver": self.driver(), "pool": "p0", "device": "gone"}]);
            claims.push(held_claim(claims.len(), &gone));
        }
        claims
    }

    /// The results of a claim that holds the device: one, or up to three shares.
    fn holding(&mut self, index: usize, shared: bool) -> Value {
        let device = &self.devices[index];
        let (driver, pool, name) = (
            device.driver.clone(),
            device.pool.clone(),
            device.name.clone(),
        );
        let capacities = device.capacities.clone();
        let mut result = json!({"request": "r0", "driver": driver, "pool": pool, "device": name});
        if self
            .random
            .chance(if self.plan.heat(Topic::AdminAccess) > 0 {
                20
            } else {
                2
            })
        {
            result["adminAccess"] = json!(true);
            return json!([result]);
        }
        if !shared || self.random.chance(6) {
            return json!([result]);
        }
        let count = 1 + self.random.below(2);
        let shares: Vec<Value> = (0..count)
            .map(|share| {
                let mut result = result.clone();
                result["shareID"] = json!(format!("00000000-0000-4000-8000-{index:06}{share:06}"));
                let mut consumed = Map::new();
                for capacity in &capacities {
                    let amount = match capacity.as_str() {
                        "memory" => self.pick(&["2Gi", "5Gi", "10Gi", "20Gi"]),
                        _ => self.pick(&["250m", "1", "2", "0"]),
                    };
                    consumed.insert(capacity.clone(), json!(amount));
                }
                if !self.random.chance(10) {
                    result["consumedCapacity"] = Value::Object(consumed);
                }
                result
            })
            .collect();
        json!(shares)
    }
}

fn held_claim(index: usize, results: &Value) -> Value {
    json!({
        "metadata": {"name": format!("held{index}"), "namespace": "other", "uid": format!("held-{index}")},
        "spec": {"devices": {"requests": [
            {"name": "r0", "exactly": {"deviceClassName": "any", "allocationMode": "ExactCount", "count": 1}}]}},
        "status": {"allocation": {"devices": {"results": results}}},
    })
}
