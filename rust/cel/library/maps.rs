//! The function behind the macros `transformMap` and `transformMapEntry`.
//!
//! Start at [`overloads`].

use std::sync::Arc;

use super::support::{global, no_overload};
use super::text::display;
use crate::cel::overload::{EvalError, EvalResult, Overload};
use crate::cel::types::Type;
use crate::cel::value::{Key, Map, Value};

pub(super) fn overloads() -> Vec<Overload> {
    let map = || Type::map(Type::Param("K"), Type::Param("V"));
    vec![
        global(
            "cel.@mapInsert",
            "@mapInsert_map_key_value",
            vec![map(), Type::Param("K"), Type::Param("V")],
            map(),
            |args| {
                let [Value::Map(target), key, value] = args else {
                    return no_overload();
                };
                let mut result = Map::clone(target);
                insert(&mut result, key, value)?;
                Ok(Value::Map(Arc::new(result)))
            },
        ),
        global(
            "cel.@mapInsert",
            "@mapInsert_map_map",
            vec![map(), map()],
            map(),
            insert_all,
        ),
    ]
}

fn insert_all(args: &[Value]) -> EvalResult {
    let [Value::Map(target), Value::Map(update)] = args else {
        return no_overload();
    };
    let mut result = Map::clone(target);
    for (key, value) in &update.entries {
        insert(&mut result, &super::support::key_value(key), value)?;
    }
    Ok(Value::Map(Arc::new(result)))
}

/// The key a value makes; whole numbers of any type make the same one.
pub(super) fn key_of(value: &Value) -> Option<Key> {
    Some(match value {
        Value::Bool(truth) => Key::Bool(*truth),
        Value::Int(number) => Key::Int(*number),
        Value::Uint(number) => i64::try_from(*number).map_or(Key::Uint(*number), Key::Int),
        Value::String(text) => Key::String(Arc::clone(text)),
        _ => return None,
    })
}

fn insert(map: &mut Map, key: &Value, value: &Value) -> Result<(), EvalError> {
    let Some(found) = key_of(key) else {
        return Err(EvalError::message("unsupported key type"));
    };
    if map.entries.contains_key(&found) {
        let text = format!("insert failed: key {} already exists", display(key));
        return Err(EvalError::Message(text));
    }
    map.entries.insert(found, value.clone());
    Ok(())
}
