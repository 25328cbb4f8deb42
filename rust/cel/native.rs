//! Results as the plain values they stand for: a verdict, or an attribute of a device.
//!
//! Start at [`verdict`] and [`attribute`].

use super::value::Value;
use crate::attribute::Name;
use crate::wire::slice::{DeviceAttribute, VersionText};

/// A result as a verdict. The error is upstream's; what an optional holds counts.
pub(super) fn verdict(result: &Value) -> Result<bool, String> {
    convert(result).map_err(|reason| {
        let name = result.type_name();
        format!("CEL result of type {name} could not be converted to bool: {reason}")
    })
}

fn convert(value: &Value) -> Result<bool, String> {
    let from = |name: &str| Err(format!("type conversion error from {name} to 'bool'"));
    match value {
        Value::Bool(verdict) => Ok(*verdict),
        Value::Optional(Some(inner)) => convert(inner),
        Value::Optional(None) => Err("optional.none() dereference".to_owned()),
        Value::Int(_) => Err("unsupported type conversion from 'int' to bool".to_owned()),
        Value::Uint(_) => Err("unsupported type conversion from 'uint' to bool".to_owned()),
        Value::String(_) => Err("unsupported native conversion from string to 'bool'".to_owned()),
        Value::Type(_) => Err("type conversion not supported for 'type'".to_owned()),
        Value::Null => from("'null_type'"),
        Value::Double(_) => from("Double"),
        Value::Bytes(_) => from("Bytes"),
        Value::Duration(..) => from("'Duration'"),
        Value::Timestamp(..) => from("'Timestamp'"),
        Value::List(_) => from("list"),
        Value::Map(_) => from("map"),
        Value::Quantity(_) | Value::QuantityResult(_) => from("'Quantity'"),
        Value::Semver(_) => from("'Semver'"),
        Value::Ip(_) => from("'IP'"),
        Value::Cidr(..) => from("'CIDR'"),
        Value::Url(_) => from("'URL'"),
        Value::Format(_) => from("'Format'"),
    }
}

/// What upstream calls the type of the plain value.
fn native_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "structpb.NullValue",
        Value::Bool(_) => "bool",
        Value::Int(_) => "int64",
        Value::Uint(_) => "uint64",
        Value::Double(_) => "float64",
        Value::String(_) | Value::Type(_) => "string",
        Value::Bytes(_) => "[]uint8",
        Value::Duration(..) => "time.Duration",
        Value::Timestamp(..) => "time.Time",
        Value::List(_) => "[]ref.Val",
        Value::Map(_) => "map[ref.Val]ref.Val",
        Value::Optional(Some(inner)) => native_type(inner),
        Value::Optional(None) => "<nil>",
        Value::Quantity(_) | Value::QuantityResult(_) => "*resource.Quantity",
        Value::Semver(_) => "semver.Version",
        Value::Ip(_) => "netip.Addr",
        Value::Cidr(..) => "netip.Prefix",
        Value::Url(_) => "*url.URL",
        Value::Format(_) => "*cel.Format",
    }
}

/// A plain value of one of the kinds an attribute can have.
enum Scalar {
    Bool(bool),
    Int(i64),
    String(Name),
    Version(VersionText),
}

/// The plain value; optionals are what they hold, types their names.
fn scalar(value: &Value) -> Option<Scalar> {
    Some(match value {
        Value::Bool(b) => Scalar::Bool(*b),
        Value::Int(i) => Scalar::Int(*i),
        Value::String(s) => Scalar::String(Name::from(&**s)),
        Value::Type(_) => Scalar::String(Name::from(&*super::relate::name_of_type_value(value))),
        Value::Semver(v) => Scalar::Version(VersionText::from(&*v.to_string())),
        Value::Optional(Some(inner)) => return scalar(inner),
        _ => return None,
    })
}

/// A result as an attribute.
pub(super) fn attribute(result: &Value) -> Result<DeviceAttribute, String> {
    Ok(match scalar(result) {
        Some(Scalar::Bool(b)) => b.into(),
        Some(Scalar::Int(i)) => i.into(),
        Some(Scalar::String(s)) => s.into(),
        Some(Scalar::Version(v)) => v.into(),
        None => match result {
            Value::List(list) => return list_attribute(list),
            other => {
                let kind = native_type(other);
                return Err(format!("unsupported CEL return type: {kind}"));
            }
        },
    })
}

fn list_attribute(list: &[Value]) -> Result<DeviceAttribute, String> {
    let Some(first) = list.first() else {
        return Ok(Vec::<Name>::new().into());
    };
    Ok(match scalar(first) {
        Some(Scalar::Bool(_)) => elements(list, "bool", |s| match s {
            Scalar::Bool(b) => Some(b),
            _ => None,
        })?
        .into(),
        Some(Scalar::Int(_)) => elements(list, "int", |s| match s {
            Scalar::Int(i) => Some(i),
            _ => None,
        })?
        .into(),
        Some(Scalar::String(_)) => elements(list, "string", |s| match s {
            Scalar::String(text) => Some(text),
            _ => None,
        })?
        .into(),
        Some(Scalar::Version(_)) => elements(list, "semver", |s| match s {
            Scalar::Version(text) => Some(text),
            _ => None,
        })?
        .into(),
        None => {
            let kind = native_type(first);
            return Err(format!("unsupported list element type: {kind}"));
        }
    })
}

fn elements<T>(
    list: &[Value],
    name: &str,
    pick: fn(Scalar) -> Option<T>,
) -> Result<Vec<T>, String> {
    let one = |(index, value): (usize, &Value)| {
        scalar(value).and_then(pick).ok_or_else(|| {
            let kind = native_type(value);
            format!("expected list element at index {index} to be {name}, got {kind}")
        })
    };
    list.iter().enumerate().map(one).collect()
}
