//! Breaks JSON: documents as a faulty driver or a hostile client might send them.

use serde_json::{Value, json};

use crate::random::Random;

/// Values that no API server would send in most places.
fn odd_value(random: &mut Random) -> Value {
    match random.below(16) {
        0 => Value::Null,
        1 => json!(-1),
        2 => json!(i64::MAX),
        3 => json!(u64::MAX),
        4 => json!(1.5e300),
        5 => json!(""),
        6 => json!("\u{0}\u{ffff}🦀"),
        7 => json!("1e999999999"),
        8 => json!("99999999999999999999999999Ei"),
        9 => json!([]),
        10 => json!({}),
        11 => json!([null]),
        12 => json!(true),
        13 => json!("-0.000000000000000000001"),
        14 => json!("x".repeat(300)),
        _ => json!(0),
    }
}

/// Replaces, removes or repeats one random part of a JSON tree.
pub(crate) fn mutilate(value: &mut Value, random: &mut Random) {
    let here = random.chance(12);
    match value {
        Value::Object(fields) if !fields.is_empty() && !here => {
            let chosen = random.below(fields.len());
            let key = fields.keys().nth(chosen).cloned().unwrap_or_default();
            if random.chance(6) {
                fields.remove(&key);
            } else if let Some(field) = fields.get_mut(&key) {
                mutilate(field, random);
            }
        }
        Value::Array(items) if !items.is_empty() && !here => {
            let index = random.below(items.len());
            if random.chance(6) {
                let twin = items[index].clone();
                items.push(twin);
            } else {
                mutilate(&mut items[index], random);
            }
        }
        other => *other = odd_value(random),
    }
}
