//! The rules of the API on documents: valid ones pass, and every broken rule names its field.
//!
//! If this were deleted, a limit of the API could be dropped or moved to another field unnoticed.

use gpualloc::wire::document::{Defaults, Document, Entry, read};
use gpualloc::wire::validate::validate;
use serde_json::{Value, json};

fn document(value: &Value) -> Document {
    let entries = read(value.to_string().as_bytes(), Defaults::Apply).expect("readable");
    match entries.into_iter().next() {
        Some(Entry::Known(document)) => *document,
        other => panic!("not a known document: {other:?}"),
    }
}

fn findings(value: &Value) -> Vec<String> {
    let found = validate(&document(value));
    found
        .iter()
        .map(|error| format!("{}: {}", error.field(), error.message()))
        .collect()
}

/// The document with one place changed; `null` at a list or map that grows is replaced by the new value.
fn changed(base: &Value, pointer: &str, to: &Value) -> Value {
    let mut value = base.clone();
    let (parent, last) = pointer.rsplit_once('/').expect("a pointer");
    match value.pointer_mut(parent).expect("the parent exists") {
        Value::Object(object) => {
            object.insert(last.replace("~1", "/"), to.clone());
        }
        Value::Array(array) => match last.parse::<usize>() {
            Ok(index) => array[index] = to.clone(),
            Err(_) => array.push(to.clone()),
        },
        other => panic!("no place for a value in {other}"),
    }
    value
}

#[test]
fn each_broken_rule_names_its_field() {
    let (mut base, mut seen) = (Value::Null, 0);
    for line in include_str!("vectors/validate.ndjson").lines().skip(1) {
        let vector: Value = serde_json::from_str(line).expect("a vector is JSON");
        if vector["document"].is_object() {
            base = vector["document"].clone();
            assert_eq!(findings(&base), Vec::<String>::new(), "{line}");
            continue;
        }
        seen += 1;
        let text = |field: &str| vector[field].as_str().expect("a text");
        let found = findings(&changed(&base, text("at"), &vector["to"]));
        let matches = found.len() == 1 && found[0].starts_with(text("finding"));
        assert!(matches, "{found:#?} for {line}");
    }
    assert!(seen > 60);
}

#[test]
fn a_policy_needs_a_shared_device() {
    let vectors = include_str!("vectors/validate.ndjson");
    let vectors = vectors
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let slice = vectors
        .map(|vector| vector["document"].clone())
        .find(|base| base["kind"] == "ResourceSlice");
    let exclusive = "/spec/devices/0/allowMultipleAllocations";
    let found = findings(&changed(&slice.expect("a slice"), exclusive, &json!(false)));
    assert_eq!(found.len(), 2, "one for each policy: {found:#?}");
}

/// Documents of recorded cases.
fn recorded(text: &'static str) -> impl Iterator<Item = Value> {
    text.lines().flat_map(|line| {
        let case: Value = serde_json::from_str(line).expect("JSON");
        let kinds = [
            ("slices", "resource.k8s.io/v1", "ResourceSlice"),
            ("classes", "resource.k8s.io/v1", "DeviceClass"),
            ("claims", "resource.k8s.io/v1", "ResourceClaim"),
            ("nodes", "v1", "Node"),
        ];
        kinds
            .into_iter()
            .flat_map(move |(field, api_version, kind)| {
                let mut documents = case[field].as_array().cloned().unwrap_or_default();
                for document in &mut documents {
                    document["apiVersion"] = json!(api_version);
                    document["kind"] = json!(kind);
                }
                documents
            })
    })
}

#[test]
fn example_documents_are_valid() {
    let mut seen = 0;
    for value in recorded(include_str!("vectors/examples.ndjson")) {
        seen += 1;
        assert_eq!(
            findings(&value),
            Vec::<String>::new(),
            "{}",
            value["metadata"]["name"]
        );
    }
    assert!(seen > 0);
}

#[test]
fn documents_no_server_would_take_are_judged_too() {
    let (mut valid, mut invalid) = (0, 0);
    for value in recorded(include_str!("vectors/upstream/allocator.ndjson")) {
        // Upstream's own cases leave out names that loading asks for.
        if let Ok(entries) = read(value.to_string().as_bytes(), Defaults::Apply) {
            for entry in entries {
                let Entry::Known(document) = entry else {
                    continue;
                };
                let counter = if validate(&document).is_empty() {
                    &mut valid
                } else {
                    &mut invalid
                };
                *counter += 1;
            }
        }
    }
    assert!(valid > 0 && invalid > 0, "{valid} valid, {invalid} invalid");
}
