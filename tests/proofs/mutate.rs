//! Small changes to proofs: numbers by one, parts removed, doubled or swapped, names and reasons changed.
//!
//! Works on the proof as it is written, so that every part is reached. Start at [`some`].

use std::collections::BTreeSet;

use gpualloc::proof::Proof;
use serde_json::Value;

use crate::random::Random;

/// Reasons to put in the place of others.
const REASONS: [&str; 5] = ["inUse", "selector", "capacity", "taint", "class"];

/// Is shown how to make each changed value; making all of a large proof would take more memory than there is.
type Show<'s> = dyn FnMut(&dyn Fn() -> Value) + 's;

/// So many changed proofs, drawn from all that one change makes; fewer if there are not so many.
pub(crate) fn some(proof: &Proof, count: usize, random: &mut Random) -> Vec<Proof> {
    let written = serde_json::to_value(proof).expect("a proof is data");
    let mut all = 0;
    changed("", &written, &mut |_| all += 1);
    // Some changes leave nothing that is a proof.
    let mut drawn = BTreeSet::new();
    while drawn.len() < all.min(2 * count) {
        drawn.insert(random.below(all));
    }
    let (mut position, mut chosen) = (0, Vec::new());
    changed("", &written, &mut |make| {
        if drawn.contains(&position)
            && let Ok(mutant) = serde_json::from_value::<Proof>(make())
            && mutant != *proof
        {
            chosen.push(mutant);
        }
        position += 1;
    });
    while chosen.len() > count {
        chosen.swap_remove(random.below(chosen.len()));
    }
    chosen
}

/// Shows every value that one change makes of this one.
fn changed(key: &str, value: &Value, show: &mut Show<'_>) {
    match value {
        Value::Number(number) => {
            let number = number.as_i64().unwrap_or_default();
            show(&|| Value::from(number + 1));
            show(&|| Value::from(number - 1));
        }
        Value::String(text) => {
            for text in strings(key, text) {
                show(&|| Value::from(text.as_str()));
            }
        }
        Value::Bool(value) => show(&|| Value::from(!value)),
        Value::Null => {}
        Value::Object(fields) => {
            for (key, inner) in fields {
                changed(key, inner, &mut |new| {
                    show(&|| {
                        let mut fields = fields.clone();
                        fields.insert(key.clone(), new());
                        Value::Object(fields)
                    });
                });
            }
        }
        Value::Array(items) => {
            for (index, inner) in items.iter().enumerate() {
                let mut list = |edit: &dyn Fn(&mut Vec<Value>)| {
                    show(&|| {
                        let mut items = items.clone();
                        edit(&mut items);
                        Value::Array(items)
                    });
                };
                list(&|items| {
                    items.remove(index);
                });
                list(&|items| items.insert(index, inner.clone()));
                if index > 0 {
                    list(&|items| items.swap(index - 1, index));
                }
                changed(key, inner, &mut |new| list(&|items| items[index] = new()));
            }
        }
    }
}

/// Other texts in the place of one.
fn strings(key: &str, text: &str) -> Vec<String> {
    if let Ok(amount) = text.parse::<i128>() {
        let near = [-1_000_000_000, -1, 1, 1_000_000_000].map(|by| amount + by);
        let far = [0, -amount, amount / 2, amount * 2];
        return near.iter().chain(&far).map(ToString::to_string).collect();
    }
    let others: &[&str] = match key {
        "reason" => &REASONS,
        "kind" => &[],
        "by" => &["devices", "counterSets"],
        "device" => &["added-0", "unknown"],
        _ => return vec![format!("{text}x")],
    };
    others.iter().map(|other| (*other).to_owned()).collect()
}
