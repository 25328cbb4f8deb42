//! Answers CEL cases: one JSON case a line on standard input, one answer a line on standard output.
//!
//! The format is the oracle's: expression, attributes and capacity in; verdict of the compiler, result or error, and
//! cost out.

use std::io::{self, BufRead as _, Write as _};

use gpualloc::attribute::NameMap;
use gpualloc::cel::{Derived, Device, RuntimeError, Selector};
use gpualloc::wire::slice::{DeviceAttribute, DeviceCapacity};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// A case.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Case {
    expression: String,
    #[serde(default)]
    driver: String,
    #[serde(default)]
    attributes: Option<NameMap<DeviceAttribute>>,
    #[serde(default)]
    capacity: Option<NameMap<DeviceCapacity>>,
    #[serde(default)]
    allow_multiple_allocations: Option<bool>,
    #[serde(default)]
    mode: String,
}

fn main() -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    for line in io::stdin().lock().lines() {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let answer = match serde_json::from_str::<Case>(&line) {
            Ok(case) => Value::Object(answer(&case)),
            Err(error) => json!({ "class": "unread", "error": error.to_string() }),
        };
        writeln!(out, "{answer}")?;
    }
    out.flush()
}

fn answer(case: &Case) -> Map<String, Value> {
    let attributes = case.attributes.clone().unwrap_or_default();
    let capacity = case.capacity.clone().unwrap_or_default();
    let device = Device::new(
        &case.driver,
        &attributes,
        &capacity,
        case.allow_multiple_allocations,
    );
    if case.mode == "derived" {
        return match Derived::compile(&case.expression) {
            Ok(derived) => {
                let (result, cost) = derived.evaluate(device);
                evaluated("value", result.map(|value| json!(value)), cost)
            }
            Err(error) => refused(&error.to_string()),
        };
    }
    match Selector::compile(&case.expression) {
        Ok(selector) => {
            let (result, cost) = selector.evaluate(device);
            evaluated("result", result.map(Value::Bool), cost)
        }
        Err(error) => refused(&error.to_string()),
    }
}

fn refused(text: &str) -> Map<String, Value> {
    Map::from_iter([
        ("compile".to_owned(), json!("error")),
        ("compileError".to_owned(), json!(text)),
        ("class".to_owned(), json!("none")),
    ])
}

fn evaluated(name: &str, result: Result<Value, RuntimeError>, cost: u64) -> Map<String, Value> {
    let mut answer = Map::from_iter([
        ("compile".to_owned(), json!("ok")),
        ("cost".to_owned(), json!(cost)),
    ]);
    let class = match result {
        Ok(value) => {
            answer.insert(name.to_owned(), value);
            "none"
        }
        Err(error) => {
            let class = if error.is_cost_limit() {
                "cost"
            } else {
                "runtime"
            };
            answer.insert("error".to_owned(), json!(error.to_string()));
            class
        }
    };
    answer.insert("class".to_owned(), json!(class));
    answer
}
