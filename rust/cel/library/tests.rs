//! Single calls of the libraries against what upstream's give: values, error texts and costs.
//!
//! The cases are in `tests/vectors/cel/library.ndjson`, written by `tests/oracle/library`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::{names, overloads};
use crate::cel::overload::{EvalError, EvalResult, Overload};
use crate::cel::regex;
use crate::cel::types::Type;
use crate::cel::value::{Key, Map, Value};

fn vectors() -> Vec<Json> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/vectors/cel/library.ndjson"
    );
    let text = std::fs::read_to_string(path).expect("vectors are readable");
    text.lines()
        .map(|line| serde_json::from_str(line).expect("a line is JSON"))
        .collect()
}

fn whole<T: std::str::FromStr>(json: &Json) -> T {
    let number = json.as_str().and_then(|text| text.parse().ok());
    number.expect("a number as text")
}

fn of_nanos(nanos: i128) -> (i64, i32) {
    let seconds = i64::try_from(nanos / 1_000_000_000).expect("seconds fit");
    (
        seconds,
        i32::try_from(nanos % 1_000_000_000).expect("nanos fit"),
    )
}

fn base64(text: &str) -> Vec<u8> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let digits: Vec<u8> = text
        .bytes()
        .filter(|byte| *byte != b'=')
        .map(digit)
        .collect();
    let bits: Vec<String> = digits.iter().map(|digit| format!("{digit:06b}")).collect();
    let bits = bits.concat();
    let bytes =
        (0..bits.len() / 8).map(|byte| u8::from_str_radix(&bits[byte * 8..byte * 8 + 8], 2));
    bytes.map(|byte| byte.expect("eight bits")).collect()
}

struct Library {
    overloads: BTreeMap<&'static str, Overload>,
}

impl Library {
    fn new() -> Self {
        let overloads = overloads().into_iter();
        Self {
            overloads: overloads.map(|overload| (overload.id, overload)).collect(),
        }
    }

    fn call(&self, id: &str, args: &[Value]) -> EvalResult {
        (self.overloads.get(id).expect("the overload exists").eval)(args)
    }

    fn read(&self, json: &Json) -> Value {
        let (tag, body) = json
            .as_object()
            .and_then(|object| object.iter().next())
            .expect("one tag");
        let text = || body.as_str().expect("a text");
        let make = |id: &str| {
            self.call(id, &[Value::String(Arc::from(text()))])
                .expect("reads")
        };
        match tag.as_str() {
            "null" => Value::Null,
            "bool" => Value::Bool(body.as_bool().expect("a truth value")),
            "int" => Value::Int(whole(body)),
            "uint" => Value::Uint(whole(body)),
            "double" => Value::Double(f64::from_bits(whole(body))),
            "string" => Value::String(Arc::from(text())),
            "bytes" => Value::Bytes(Arc::from(base64(text()))),
            "duration" => {
                let (seconds, nanos) = of_nanos(whole(body));
                Value::Duration(seconds, nanos)
            }
            "timestamp" => {
                let nanos: i128 = whole(body);
                let seconds = i64::try_from(nanos.div_euclid(1_000_000_000)).expect("seconds fit");
                let rest = i32::try_from(nanos.rem_euclid(1_000_000_000)).expect("nanos fit");
                Value::Timestamp(seconds, rest, 0)
            }
            "quantity" => make("string_to_quantity"),
            "semver" => make("string_to_semver"),
            "ip" => make("string_to_ip"),
            "cidr" => make("string_to_cidr"),
            "url" => make("string_to_url"),
            "format" => self
                .call(&format!("format.{}", text()), &[])
                .expect("a format"),
            "list" => body
                .as_array()
                .expect("elements")
                .iter()
                .map(|json| self.read(json))
                .collect::<Vec<_>>()
                .into_value(),
            "map" => {
                let entries = body.as_array().expect("entries").iter().map(|entry| {
                    let key = Key::of(&self.read(&entry[0])).expect("a key");
                    (key, self.read(&entry[1]))
                });
                Value::Map(Arc::new(Map {
                    entries: entries.collect(),
                    default_empty: false,
                    is_native: false,
                }))
            }
            "type" => Value::Type(Arc::new(match text() {
                "int" => Type::Int,
                "string" => Type::String,
                other => panic!("type {other}"),
            })),
            other => panic!("tag {other}"),
        }
    }
}

trait IntoValue {
    fn into_value(self) -> Value;
}

impl IntoValue for Vec<Value> {
    fn into_value(self) -> Value {
        Value::List(self.into())
    }
}

/// A value the way the vectors write it; formats by the name upstream prints, which is the only one recorded.
fn write(value: &Value) -> Json {
    match value {
        Value::Null => json!({"null": true}),
        Value::Bool(truth) => json!({"bool": truth}),
        Value::Int(number) => json!({"int": number.to_string()}),
        Value::Uint(number) => json!({"uint": number.to_string()}),
        Value::Double(number) => json!({"double": number.to_bits().to_string()}),
        Value::String(text) => json!({"string": &**text}),
        Value::Duration(seconds, nanos) => {
            let total = i128::from(*seconds) * 1_000_000_000 + i128::from(*nanos);
            json!({"duration": total.to_string()})
        }
        Value::Timestamp(seconds, nanos, _) => {
            let total = i128::from(*seconds) * 1_000_000_000 + i128::from(*nanos);
            json!({"timestamp": total.to_string()})
        }
        Value::Quantity(quantity) | Value::QuantityResult(quantity) => {
            json!({"quantity": quantity.to_string()})
        }
        Value::Semver(version) => json!({"semver": version.to_string()}),
        Value::Ip(address) => json!({"ip": address.to_string()}),
        Value::Cidr(address, bits) => json!({"cidr": format!("{address}/{bits}")}),
        Value::Url(text) => json!({"url": &**text}),
        Value::Format(name) => json!({"format": name.replacen("dns", "DNS", 1)}),
        Value::Optional(None) => json!({"none": true}),
        Value::Optional(Some(value)) => json!({"some": write(value)}),
        Value::List(list) => json!({"list": list.iter().map(write).collect::<Vec<_>>()}),
        Value::Map(map) => {
            let entries = map.entries.iter();
            let pairs: Vec<Json> = entries
                .map(|(key, value)| json!([write(&super::support::key_value(key)), write(value)]))
                .collect();
            json!({"map": pairs})
        }
        other => json!({"other": names::of_value(other)}),
    }
}

fn error_text(error: &EvalError) -> String {
    match error {
        EvalError::Message(text) => text.clone(),
        EvalError::NoSuchOverload => "no such overload".to_owned(),
        other => format!("{other:?}"),
    }
}

#[test]
fn calls_answer_as_upstream() {
    let library = Library::new();
    let mut failures = Vec::new();
    let vectors = vectors();
    for vector in &vectors {
        let id = vector["overload"].as_str().expect("an overload");
        let args: Vec<Value> = vector["args"]
            .as_array()
            .expect("arguments")
            .iter()
            .map(|arg| library.read(arg))
            .collect();
        let result = library.call(id, &args);
        let (answer, expected) = match &result {
            Ok(value) => (write(value), vector["value"].clone()),
            Err(error) => (json!(error_text(error)), vector["error"].clone()),
        };
        let cost = library.overloads[id].cost.map_or(1, |cost| {
            cost(&args, result.as_ref().unwrap_or(&Value::Null))
        });
        if vector["function"] == "find" || vector["function"] == "findAll" {
            let pattern = super::support::text(&args, 1).expect("a pattern");
            let again = regex::compile_for_reuse(pattern).map_or_else(
                |error| Err(EvalError::Message(format!("Illegal regex: {error}"))),
                |regex| match vector["function"].as_str() {
                    Some("find") => super::regexes::find(&regex, &args),
                    _ => super::regexes::find_all(&regex, &args),
                },
            );
            let again = again
                .as_ref()
                .map_or_else(|error| json!(error_text(error)), write);
            if again != expected {
                failures.push(format!("{vector}\n  compiled for reuse {again}"));
            }
        }
        if answer != expected || json!(cost) != vector["cost"] {
            failures.push(format!("{vector}\n  got {answer} cost {cost}"));
        }
    }
    assert!(vectors.len() > 1000, "only {} vectors", vectors.len());
    let shown = failures
        .iter()
        .take(30)
        .cloned()
        .collect::<Vec<_>>()
        .join("\n");
    assert!(
        failures.is_empty(),
        "{} of {} differ:\n{shown}",
        failures.len(),
        vectors.len()
    );
}

#[test]
fn ids_are_unique() {
    let all = overloads();
    let ids: std::collections::BTreeSet<&str> = all.iter().map(|overload| overload.id).collect();
    assert_eq!(ids.len(), all.len());
}
