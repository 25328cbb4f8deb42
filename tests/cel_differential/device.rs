//! Random devices for expressions to look at.

use serde_json::{Value, json};

use crate::random::Random;

/// The device part of a case: driver, attributes, capacity, whether it can be shared.
pub(crate) fn random(random: &mut Random) -> Value {
    let mut attributes = serde_json::Map::new();
    let texts = ["a", "gpu", "A100-80GB", "héllo", "", "1.2.3", "10.0.0.1"];
    let versions = ["1.2.3", "0.0.1", "2.0.0-rc.1", "10.0.0+build.5"];
    let text = |random: &mut Random| json!({ "string": random.pick(&texts) });
    let count = |random: &mut Random| {
        let numbers = [0, 1, -3, 7, i64::MAX];
        let number = numbers[random.below(numbers.len())];
        json!({ "int": number })
    };
    let flag = |random: &mut Random| json!({ "bool": random.chance(50) });
    let version = |random: &mut Random| json!({ "version": random.pick(&versions) });
    let any = |random: &mut Random| match random.below(8) {
        0 | 1 => text(random),
        2 | 3 => count(random),
        4 => flag(random),
        5 => version(random),
        6 => json!({"ints": [1, 2, 2]}),
        _ => json!({"strings": ["a", "b"]}),
    };
    let usual = random.chance(90);
    let mut put = |name: &str, value: Value, random: &mut Random| {
        if usual || random.chance(50) {
            attributes.insert(name.to_owned(), value);
        }
    };
    put("name", any(random), random);
    put("text", text(random), random);
    put("count", count(random), random);
    put("flag", flag(random), random);
    put("version", version(random), random);
    put("ints", json!({"ints": [3, 1, 2]}), random);
    put("texts", json!({"strings": ["b", "a"]}), random);
    put("flags", json!({"bools": [true, false]}), random);
    put("versions", json!({ "versions": versions }), random);
    put("other.example.com/text", text(random), random);
    put("other.example.com/name", any(random), random);
    if random.chance(1) {
        let bad = [json!({}), json!({"version": "1.x"}), json!({"strings": []})];
        attributes.insert("odd".to_owned(), bad[random.below(3)].clone());
    }
    let amounts = ["80Gi", "1500m", "0", "40Gi", "9223372036854775807"];
    let mut capacity = serde_json::Map::new();
    capacity.insert(
        "memory".to_owned(),
        json!({ "value": random.pick(&amounts) }),
    );
    if random.chance(70) {
        capacity.insert("cores".to_owned(), json!({"value": "108"}));
    }
    capacity.insert(
        "other.example.com/memory".to_owned(),
        json!({"value": "1k"}),
    );
    let sharing = [Value::Null, json!(true), json!(false)][random.below(3)].clone();
    json!({
        "driver": "dra.example.com",
        "attributes": attributes,
        "capacity": capacity,
        "allowMultipleAllocations": sharing,
    })
}
