//! Makes a disagreement small: removes parts of the case for as long as it still disagrees.
//!
//! Knows nothing of what the parts mean. Terminates because every accepted change makes the text of the case shorter.

use serde_json::Value;

/// Rounds through the case; each is a question to the oracle.
const ROUNDS: usize = 40;

/// A place in a JSON tree: keys and indices as text.
type Path = Vec<String>;

/// The smallest case found that still disagrees. `disagree` tells for each of the candidates whether it does.
pub(crate) fn shrink(case: &Value, disagree: impl Fn(&[Value]) -> Vec<bool>) -> Value {
    let mut best = case.clone();
    for _ in 0..ROUNDS {
        let candidates: Vec<Value> = removable(&best)
            .iter()
            .filter_map(|path| removed(&best, path))
            .collect();
        let verdicts = disagree(&candidates);
        let smaller: Vec<Path> = removable(&best)
            .into_iter()
            .filter(|path| removed(&best, path).is_some())
            .zip(&verdicts)
            .filter_map(|(path, disagrees)| disagrees.then_some(path))
            .collect();
        let biggest = smaller.iter().min_by_key(|path| path.len());
        let Some(first) = biggest.and_then(|path| removed(&best, path)) else {
            break;
        };
        best = together(&best, &smaller, &disagree).unwrap_or(first);
    }
    best
}

/// As many of the removals at once as still disagree, by halving.
fn together(
    case: &Value,
    paths: &[Path],
    disagree: &impl Fn(&[Value]) -> Vec<bool>,
) -> Option<Value> {
    let mut count = paths.len();
    while count > 1 {
        // From the back, so that earlier indices of arrays stay valid.
        let candidate = paths
            .iter()
            .take(count)
            .rev()
            .fold(case.clone(), |case, path| {
                removed(&case, path).unwrap_or(case)
            });
        if disagree(std::slice::from_ref(&candidate)).first() == Some(&true) {
            return Some(candidate);
        }
        count /= 2;
    }
    None
}

/// Every part of a case that could be left out, in document order.
fn removable(case: &Value) -> Vec<Path> {
    let mut paths = Vec::new();
    walk(case, &mut Vec::new(), &mut paths);
    paths
}

fn walk(value: &Value, path: &mut Path, paths: &mut Vec<Path>) {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(key, child)| (key.clone(), child))
            .collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(index, child)| (index.to_string(), child))
            .collect(),
        _ => return,
    };
    for (key, child) in children {
        path.push(key);
        let needed = ["name", "metadata", "spec", "devices"];
        if path.len() > 1
            && !path
                .last()
                .is_some_and(|key| needed.contains(&key.as_str()) && !child.is_array())
        {
            paths.push(path.clone());
        }
        walk(child, path, paths);
        path.pop();
    }
}

/// The case without the part.
fn removed(case: &Value, path: &[String]) -> Option<Value> {
    let (last, parents) = path.split_last()?;
    let mut case = case.clone();
    let mut place = &mut case;
    for key in parents {
        place = match place {
            Value::Object(fields) => fields.get_mut(key)?,
            Value::Array(items) => items.get_mut(key.parse::<usize>().ok()?)?,
            _ => return None,
        };
    }
    match place {
        Value::Object(fields) => drop(fields.remove(last)?),
        Value::Array(items) => {
            let index = last.parse::<usize>().ok()?;
            if index >= items.len() {
                return None;
            }
            drop(items.remove(index));
        }
        _ => return None,
    }
    Some(case)
}
