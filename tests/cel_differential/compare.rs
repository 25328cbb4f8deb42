//! Our answer to a case, the comparison with upstream's, and the tally.

use std::collections::BTreeMap;
use std::fmt;

use gpualloc::attribute::NameMap;
use gpualloc::cel::{Derived, Device, RuntimeError, Selector};
use gpualloc::wire::slice::{DeviceAttribute, DeviceCapacity};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Disagreements that are kept for the report.
const KEPT: usize = 25;

/// Our answer, in the form of the oracle's.
pub(crate) fn ours(case: &Value) -> Value {
    let attributes: NameMap<DeviceAttribute> = field(case, "attributes");
    let capacity: NameMap<DeviceCapacity> = field(case, "capacity");
    let device = Device::new(
        case["driver"].as_str().expect("driver"),
        &attributes,
        &capacity,
        field(case, "allowMultipleAllocations"),
    );
    let expression = case["expression"].as_str().expect("expression");
    if case["mode"] == "derived" {
        match Derived::compile(expression) {
            Err(error) => json!({"compile": "error", "compileError": error.to_string()}),
            Ok(derived) => match derived.evaluate(device) {
                (Ok(value), cost) => {
                    // The oracle leaves out an empty list.
                    let value = if value.strings() == Some(&[]) {
                        DeviceAttribute::default()
                    } else {
                        value
                    };
                    json!({"compile": "ok", "value": value, "class": "none", "cost": cost})
                }
                (Err(error), cost) => failed(&error, cost),
            },
        }
    } else {
        match Selector::compile(expression) {
            Err(error) => json!({"compile": "error", "compileError": error.to_string()}),
            Ok(selector) => match selector.evaluate(device) {
                (Ok(result), cost) => {
                    json!({"compile": "ok", "result": result, "class": "none", "cost": cost})
                }
                (Err(error), cost) => failed(&error, cost),
            },
        }
    }
}

fn failed(error: &RuntimeError, cost: u64) -> Value {
    let class = if error.is_cost_limit() {
        "cost"
    } else {
        "runtime"
    };
    json!({"compile": "ok", "error": error.to_string(), "class": class, "cost": cost})
}

/// A field; recorded cases leave out what is empty.
fn field<T: DeserializeOwned + Default>(case: &Value, name: &str) -> T {
    match &case[name] {
        Value::Null => T::default(),
        value => serde_json::from_value(value.clone()).expect("a case is well formed"),
    }
}

/// Counts and the first disagreements.
#[derive(Default)]
pub(crate) struct Tally {
    counts: BTreeMap<String, usize>,
    pub disagreements: Vec<String>,
}

impl Tally {
    /// Compares one pair of answers.
    pub(crate) fn add(&mut self, case: &Value, theirs: &Value, ours: &Value) {
        if theirs["random"] == true || theirs["class"] == "panic" {
            *self
                .counts
                .entry("random or a crash upstream".to_owned())
                .or_default() += 1;
            return;
        }
        let outcome = if theirs["compile"] == "error" {
            "compile error".to_owned()
        } else {
            format!("evaluated: {}", theirs["class"].as_str().unwrap_or("?"))
        };
        *self.counts.entry(outcome).or_default() += 1;
        let same = |key: &str| theirs[key] == ours[key];
        let differs = !same("compile")
            || theirs["compile"] == "ok"
                && (!["result", "value", "class"].into_iter().all(same)
                    || theirs["class"] == "none" && !same("cost"));
        if differs {
            *self.counts.entry("DISAGREE".to_owned()).or_default() += 1;
            if self.disagreements.len() < KEPT {
                self.disagreements.push(format!(
                    "{case}\n  upstream: {theirs}\n  gpualloc: {ours}\n"
                ));
            }
        }
    }

    /// Cases that evaluated without an error.
    pub(crate) fn evaluated(&self) -> usize {
        self.counts
            .get("evaluated: none")
            .copied()
            .unwrap_or_default()
    }

    /// The first disagreements, in full.
    pub(crate) fn report(&self) -> String {
        self.disagreements.concat()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (outcome, count) in &self.counts {
            writeln!(f, "{count:>9}  {outcome}")?;
        }
        Ok(())
    }
}
