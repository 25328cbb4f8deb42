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

fn insert(map: &mut Map, key: &Value, value: &Value) -> Result<(), EvalError> {
    let Some(found) = Key::of(key) else {
        return Err(EvalError::message("unsupported key type"));
    };
    if map.find_key(&found).is_some() {
        let text = format!("insert failed: key {} already exists", display(key));
        return Err(EvalError::Message(text));
    }
    map.entries.insert(found, value.clone());
    Ok(())
}
