//! `v1beta1` documents in their v1 form: devices were wrapped in `basic`, requests were flat.
//!
//! Works on plain JSON before anything is typed, so that errors still name the field.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::document::{from_text, from_value};
use crate::error::InputError;

/// Fields of a flat request that belong to `exactly`.
const EXACTLY: [&str; 9] = [
    "deviceClassName",
    "selectors",
    "allocationMode",
    "count",
    "adminAccess",
    "tolerations",
    "capacity",
    "derivedAttributes",
    "compatibilityGroups",
];

/// A `ResourceSlice`.
pub(super) fn slice<T: DeserializeOwned>(named: &str, text: &str) -> Result<T, InputError> {
    let mut document: Value = from_text(named, text)?;
    if let Some(spec) = document.get_mut("spec").and_then(Value::as_object_mut) {
        drop_if(spec, "nodeName", &Value::from(""));
        drop_if(spec, "allNodes", &Value::from(false));
        let devices = spec.get_mut("devices").and_then(Value::as_array_mut);
        for device in devices.into_iter().flatten() {
            let Some(device) = device.as_object_mut() else {
                continue;
            };
            if let Some(Value::Object(basic)) = device.remove("basic") {
                device.extend(basic);
            }
        }
    }
    from_value(named, &document)
}

/// A `ResourceClaim`.
pub(super) fn claim<T: DeserializeOwned>(named: &str, text: &str) -> Result<T, InputError> {
    let mut document: Value = from_text(named, text)?;
    requests(document.pointer_mut("/spec/devices/requests"));
    from_value(named, &document)
}

/// A `ResourceClaimTemplate`.
pub(super) fn template<T: DeserializeOwned>(named: &str, text: &str) -> Result<T, InputError> {
    let mut document: Value = from_text(named, text)?;
    requests(document.pointer_mut("/spec/spec/devices/requests"));
    from_value(named, &document)
}

fn drop_if(object: &mut Map<String, Value>, field: &str, value: &Value) {
    if object.get(field) == Some(value) {
        object.remove(field);
    }
}

fn requests(requests: Option<&mut Value>) {
    let requests = requests.and_then(Value::as_array_mut);
    for request in requests.into_iter().flatten() {
        let Some(request) = request.as_object_mut() else {
            continue;
        };
        let flat: Map<String, Value> = EXACTLY
            .iter()
            .filter_map(|field| Some(((*field).to_owned(), request.remove(*field)?)))
            .filter(|(_, value)| !is_unset(value))
            .collect();
        if !flat.is_empty() {
            request.insert("exactly".to_owned(), Value::Object(flat));
        }
    }
}

/// Whether a flat field has the value that means "not set"; `adminAccess: false` is set.
fn is_unset(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Number(number) => number.as_i64() == Some(0),
        Value::Array(_) | Value::Object(_) | Value::Bool(_) => false,
    }
}
