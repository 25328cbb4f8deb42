//! Small changes to proofs: numbers by one, parts removed, doubled or swapped, names and reasons changed.
//!
//! Works on the proof as it is written, so that every part is reached. Start at [`some`].

use gpualloc::proof::Proof;
use serde_json::Value;

use crate::random::Random;

/// Reasons to put in the place of others.
const REASONS: [&str; 5] = ["inUse", "selector", "capacity", "taint", "class"];

/// So many changed proofs, drawn from all that one change makes; fewer if there are not so many.
pub(crate) fn some(proof: &Proof, count: usize, random: &mut Random) -> Vec<Proof> {
    let written = serde_json::to_value(proof).expect("a proof is data");
    let mut all = Vec::new();
    changed("", &written, &mut |changed| all.push(changed));
    let mut chosen = Vec::new();
    while !all.is_empty() && chosen.len() < count {
        let drawn = all.swap_remove(random.below(all.len()));
        if let Ok(mutant) = serde_json::from_value::<Proof>(drawn)
            && mutant != *proof
        {
            chosen.push(mutant);
        }
    }
    chosen
}

/// Shows every value that one change makes of this one.
fn changed(key: &str, value: &Value, show: &mut dyn FnMut(Value)) {
    match value {
        Value::Number(number) => {
            let number = number.as_i64().unwrap_or_default();
            show(Value::from(number + 1));
            show(Value::from(number - 1));
        }
        Value::String(text) => strings(key, text, show),
        Value::Bool(value) => show(Value::from(!value)),
        Value::Null => {}
        Value::Object(fields) => {
            for (key, inner) in fields {
                changed(key, inner, &mut |new| {
                    let mut fields = fields.clone();
                    fields.insert(key.clone(), new);
                    show(Value::Object(fields));
                });
            }
        }
        Value::Array(items) => {
            for (index, inner) in items.iter().enumerate() {
                let mut list = |edit: &dyn Fn(&mut Vec<Value>)| {
                    let mut items = items.clone();
                    edit(&mut items);
                    show(Value::Array(items));
                };
                list(&|items| {
                    items.remove(index);
                });
                list(&|items| items.insert(index, inner.clone()));
                if index > 0 {
                    list(&|items| items.swap(index - 1, index));
                }
                changed(key, inner, &mut |new| {
                    let mut items = items.clone();
                    items[index] = new;
                    show(Value::Array(items));
                });
            }
        }
    }
}

fn strings(key: &str, text: &str, show: &mut dyn FnMut(Value)) {
    if let Ok(amount) = text.parse::<i128>() {
        for by in [-1_000_000_000, -1, 1, 1_000_000_000] {
            show(Value::from((amount + by).to_string()));
        }
        for changed in [0, -amount, amount / 2, amount * 2] {
            show(Value::from(changed.to_string()));
        }
        return;
    }
    match key {
        "reason" => REASONS.iter().for_each(|reason| show(Value::from(*reason))),
        "kind" => {}
        "by" => ["devices", "counterSets"]
            .iter()
            .for_each(|by| show(Value::from(*by))),
        "device" => ["added-0", "unknown"]
            .iter()
            .for_each(|name| show(Value::from(*name))),
        _ => show(Value::from(format!("{text}x"))),
    }
}
