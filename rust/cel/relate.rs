//! Equality, order and types of values.
//!
//! Errors are part of equality: Kubernetes' own types refuse to be compared with anything else. Start at
//! [`Value::equals`].

use std::cmp::Ordering;
use std::sync::Arc;

use super::overload::EvalError;
use super::types::Type;
use super::value::{Key, Map, OtherKey, Value};
use crate::quantity::Quantity;

/// How many values one comparison may look at. Upstream has no such limit; a list that holds itself twice, forty times
/// over, keeps it busy for ever at a cost of 1.
const EQUALITY_STEPS: u64 = 4_000_000;

impl Value {
    /// Whether two values are equal. Values of different types are not, but the types of Kubernetes give an error.
    pub(super) fn equals(&self, other: &Value) -> Result<bool, EvalError> {
        let mut steps = EQUALITY_STEPS;
        self.equals_within(other, &mut steps)
    }

    /// [`Value::equals`] that looks at no more than `steps` values.
    pub(super) fn equals_within(&self, other: &Value, steps: &mut u64) -> Result<bool, EvalError> {
        *steps = steps
            .checked_sub(1)
            .ok_or_else(|| EvalError::Internal("values too large to compare".to_owned()))?;
        Ok(match (self, other) {
            (Value::Null, Value::Null) => true,
            (Value::Null, _) | (_, Value::Null) => false,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::String(a), Value::String(b)) => a == b,
            (Value::Bytes(a), Value::Bytes(b)) => a == b,
            (Value::Duration(a, b), Value::Duration(c, d))
            | (Value::Timestamp(a, b, _), Value::Timestamp(c, d, _)) => (a, b) == (c, d),
            (Value::Int(_) | Value::Uint(_) | Value::Double(_), _) => {
                self.compare_numbers(other) == Some(Ordering::Equal)
            }
            (Value::List(a), Value::List(b)) => return equal_lists(a, b, steps),
            (Value::Map(a), Value::Map(b)) => return equal_maps(a, b, steps),
            (Value::Optional(a), Value::Optional(b)) => match (a, b) {
                (Some(a), Some(b)) => return a.equals_within(b, steps),
                _ => a.is_none() && b.is_none(),
            },
            (Value::Type(a), Value::Type(b)) => name_of_type(a) == name_of_type(b),
            _ => return self.equals_own(other),
        })
    }

    /// Equality of Kubernetes' own types, which refuse other types.
    fn equals_own(&self, other: &Value) -> Result<bool, EvalError> {
        match (self, other) {
            (Value::Quantity(a) | Value::QuantityResult(a), Value::Quantity(b)) => Ok(a == b),
            (Value::Semver(a), Value::Semver(b)) => Ok(a == b),
            (Value::Ip(a), Value::Ip(b)) => Ok(a == b),
            (Value::Cidr(a, n), Value::Cidr(b, m)) => Ok((a, n) == (b, m)),
            (Value::Url(a), Value::Url(b)) => Ok(a == b),
            (Value::Format(a), Value::Format(b)) => Ok(a == b),
            (
                Value::Quantity(_)
                | Value::QuantityResult(_)
                | Value::Semver(_)
                | Value::Ip(_)
                | Value::Cidr(..)
                | Value::Url(_)
                | Value::Format(_),
                _,
            ) => Err(EvalError::NoSuchOverload),
            _ => Ok(false),
        }
    }

    /// The order of two numbers of any kind; none with other values or not-a-number.
    pub(super) fn compare_numbers(&self, other: &Value) -> Option<Ordering> {
        match (self, other) {
            (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
            (Value::Uint(a), Value::Uint(b)) => Some(a.cmp(b)),
            (Value::Int(a), Value::Uint(b)) => Some(i128::from(*a).cmp(&i128::from(*b))),
            (Value::Uint(a), Value::Int(b)) => Some(i128::from(*a).cmp(&i128::from(*b))),
            (Value::Double(a), Value::Double(b)) => a.partial_cmp(b),
            (Value::Double(a), Value::Int(b)) => compare_whole(*a, i128::from(*b)),
            (Value::Double(a), Value::Uint(b)) => compare_whole(*a, i128::from(*b)),
            (Value::Int(a), Value::Double(b)) => {
                compare_whole(*b, i128::from(*a)).map(Ordering::reverse)
            }
            (Value::Uint(a), Value::Double(b)) => {
                compare_whole(*b, i128::from(*a)).map(Ordering::reverse)
            }
            _ => None,
        }
    }

    /// The static type that says most about the value without looking into it.
    pub(super) fn type_of(&self) -> Type {
        match self {
            Value::Null => Type::Null,
            Value::Bool(_) => Type::Bool,
            Value::Int(_) => Type::Int,
            Value::Uint(_) => Type::Uint,
            Value::Double(_) => Type::Double,
            Value::String(_) => Type::String,
            Value::Bytes(_) => Type::Bytes,
            Value::Duration(..) => Type::Duration,
            Value::Timestamp(..) => Type::Timestamp,
            Value::List(_) => Type::list(Type::Dyn),
            Value::Map(_) => Type::map(Type::Dyn, Type::Dyn),
            Value::Optional(_) => Type::optional(Type::Dyn),
            Value::Type(_) => Type::Type(Box::new(Type::Dyn)),
            Value::Quantity(_)
            | Value::QuantityResult(_)
            | Value::Semver(_)
            | Value::Ip(_)
            | Value::Cidr(..)
            | Value::Url(_)
            | Value::Format(_) => Type::Named(self.own_type().unwrap_or_default()),
        }
    }

    /// The quantity it is, if it is one.
    pub(super) fn quantity(&self) -> Option<&Quantity> {
        match self {
            Value::Quantity(quantity) | Value::QuantityResult(quantity) => Some(quantity),
            _ => None,
        }
    }

    /// The name of the type, if it is one of Kubernetes' own.
    fn own_type(&self) -> Option<&'static str> {
        Some(match self {
            Value::Quantity(_) | Value::QuantityResult(_) => "kubernetes.Quantity",
            Value::Semver(_) => "kubernetes.Semver",
            Value::Ip(_) => "net.IP",
            Value::Cidr(..) => "net.CIDR",
            Value::Url(_) => "kubernetes.URL",
            Value::Format(_) => "kubernetes.NamedFormat",
            _ => return None,
        })
    }

    /// The name of the value's type, without parameters.
    pub(super) fn type_name(&self) -> String {
        name_of_type(&self.type_of())
    }

    /// What upstream's implementation calls the value's type; some errors show it.
    pub(super) fn go_type(&self) -> &'static str {
        match self {
            Value::Null => "types.Null",
            Value::Bool(_) => "types.Bool",
            Value::Int(_) => "types.Int",
            Value::Uint(_) => "types.Uint",
            Value::Double(_) => "types.Double",
            Value::String(_) => "types.String",
            Value::Bytes(_) => "types.Bytes",
            Value::Duration(..) => "types.Duration",
            Value::Timestamp(..) => "types.Timestamp",
            Value::List(_) => "*types.baseList",
            Value::Map(_) => "*types.baseMap",
            Value::Optional(_) => "*types.Optional",
            Value::Type(_) => "*types.Type",
            Value::Quantity(_) => "cel.Quantity",
            Value::QuantityResult(_) => "*cel.Quantity",
            Value::Semver(_) => "cel.Semver",
            Value::Ip(_) => "cel.IP",
            Value::Cidr(..) => "cel.CIDR",
            Value::Url(_) => "cel.URL",
            Value::Format(_) => "cel.Format",
        }
    }
}

/// The name of a type without its parameters.
pub(super) fn name_of_type(t: &Type) -> String {
    match t {
        Type::Null => "null_type".to_owned(),
        Type::List(_) => "list".to_owned(),
        Type::Map(..) => "map".to_owned(),
        Type::Optional(_) => "optional_type".to_owned(),
        Type::Type(_) => "type".to_owned(),
        other => other.to_string(),
    }
}

/// The name of the type that a value of type `type` is.
pub(super) fn name_of_type_value(value: &Value) -> String {
    match value {
        Value::Type(t) => name_of_type(t),
        other => other.type_name(),
    }
}

/// Compares with a whole number as upstream does: by making a double of it.
#[expect(
    clippy::cast_precision_loss,
    reason = "upstream rounds the whole number in the same way"
)]
fn compare_whole(double: f64, whole: i128) -> Option<Ordering> {
    double.partial_cmp(&(whole as f64))
}

/// Lists are equal unless an element says that it differs; an error says nothing.
fn equal_lists(a: &[Value], b: &[Value], steps: &mut u64) -> Result<bool, EvalError> {
    if a.len() != b.len() {
        return Ok(false);
    }
    for (one, two) in a.iter().zip(b) {
        match one.equals_within(two, steps) {
            Ok(false) => return Ok(false),
            Err(error @ EvalError::Internal(_)) => return Err(error),
            _ => {}
        }
    }
    Ok(true)
}

fn equal_maps(a: &Map, b: &Map, steps: &mut u64) -> Result<bool, EvalError> {
    if a.entries.len() != b.entries.len() {
        return Ok(false);
    }
    let empty = Value::Map(Arc::new(Map::default()));
    for (key, one) in &a.entries {
        let found = b.find_key(key).or(b.default_empty.then_some(&empty));
        let Some(two) = found else {
            return Ok(false);
        };
        match one.equals_within(two, steps) {
            Ok(false) => return Ok(false),
            Err(error @ EvalError::Internal(_)) => return Err(error),
            _ => {}
        }
    }
    Ok(true)
}

impl Key {
    /// The key a value makes; none for what cannot be a key.
    pub(super) fn of(value: &Value) -> Option<Key> {
        Some(match value {
            Value::Bool(b) => Key::Bool(*b),
            Value::Int(i) => Key::Int(*i),
            Value::Uint(u) => Key::Uint(*u),
            Value::String(s) => Key::String(Arc::clone(s)),
            Value::Bytes(_) | Value::Semver(_) => return None,
            // The sign of a zero makes no difference to a key.
            Value::Double(d) => Key::Other(Arc::new(OtherKey {
                text: format!("{:?}", d + 0.0),
                value: value.clone(),
            })),
            other => Key::Other(Arc::new(OtherKey {
                text: format!("{other:?}"),
                value: other.clone(),
            })),
        })
    }

    /// The value the key stands for.
    pub(super) fn value(&self) -> Value {
        match self {
            Key::Bool(b) => Value::Bool(*b),
            Key::Int(i) => Value::Int(*i),
            Key::Uint(u) => Value::Uint(*u),
            Key::String(s) => Value::String(Arc::clone(s)),
            Key::Other(other) => other.value.clone(),
        }
    }
}

impl Map {
    /// What stands at a key or, for numbers, at the equal key of another type.
    pub(super) fn find_key(&self, key: &Key) -> Option<&Value> {
        if let Some(found) = self.entries.get(key) {
            return Some(found);
        }
        match key {
            Key::Int(i) => self.entries.get(&Key::Uint(u64::try_from(*i).ok()?)),
            Key::Uint(u) => self.entries.get(&Key::Int(i64::try_from(*u).ok()?)),
            Key::Other(other) => match other.value {
                Value::Double(double) => self.find_double(double),
                _ => None,
            },
            _ => None,
        }
    }

    fn find_double(&self, double: f64) -> Option<&Value> {
        let whole = super::number::lossless_int(double).map(Key::Int);
        let natural = || super::number::lossless_uint(double).map(Key::Uint);
        whole
            .and_then(|key| self.entries.get(&key))
            .or_else(|| self.entries.get(&natural()?))
    }
}

/// Whether a value may stand where an overload declares the type; of lists and maps the first element is looked at.
pub(super) fn fits(declared: &Type, value: &Value) -> bool {
    match (declared, value) {
        (Type::Dyn | Type::Param(_) | Type::Var(_), _)
        | (Type::Null, Value::Null)
        | (Type::Bool, Value::Bool(_))
        | (Type::Int, Value::Int(_))
        | (Type::Uint, Value::Uint(_))
        | (Type::Double, Value::Double(_))
        | (Type::String, Value::String(_))
        | (Type::Bytes, Value::Bytes(_))
        | (Type::Duration, Value::Duration(..))
        | (Type::Timestamp, Value::Timestamp(..))
        | (Type::Optional(_), Value::Optional(_))
        | (Type::Type(_), Value::Type(_)) => true,
        (Type::List(element), Value::List(list)) => {
            list.first().is_none_or(|first| fits(element, first))
        }
        (Type::Map(key, entry), Value::Map(map)) => map
            .entries
            .first_key_value()
            .is_none_or(|(first, value)| fits(key, &first.value()) && fits(entry, value)),
        (Type::Named(name), value) => value.own_type() == Some(*name),
        _ => false,
    }
}
