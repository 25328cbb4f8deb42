//! Attributes: a variable or value and what is selected from it.
//!
//! Start at [`Machine::attribute`].

use std::sync::{Arc, LazyLock};

use super::interpret::Machine;
use super::matcher;
use super::number;
use super::overload::{EvalError, EvalResult};
use super::planner::index_key;
use super::program::{Attribute, Index, Qualifier, Root};
use super::relate::name_of_type;
use super::value::{Key, Map, Value};

static EMPTY: LazyLock<Value> = LazyLock::new(|| Value::Map(Arc::new(Map::default())));

/// A value on its way through a selection, borrowed while it can be.
enum Held<'p> {
    Device(&'p Value),
    Own(Value),
}

impl Held<'_> {
    fn get(&self) -> &Value {
        match self {
            Held::Device(value) => value,
            Held::Own(value) => value,
        }
    }

    fn into_value(self) -> Value {
        match self {
            Held::Device(value) => value.clone(),
            Held::Own(value) => value,
        }
    }
}

impl<'p> Machine<'p> {
    /// An attribute on its own: 1 for the whole. Conditionals cost nothing, `has()` gives the 1 back.
    pub(super) fn attribute(&mut self, attribute: &'p Attribute) -> EvalResult {
        let result = match self.resolve(attribute) {
            Err(error) if error.ends_evaluation() => return Err(error),
            result => result,
        };
        let whole = !matches!(attribute.root, Root::Conditional(_));
        match (whole, attribute.test) {
            (true, false) => self.charge(1)?,
            (false, true) => self.cost = self.cost.saturating_sub(1),
            _ => {}
        }
        match result {
            Ok(Value::Optional(value)) if attribute.test => Ok(Value::Bool(value.is_some())),
            result => result,
        }
    }

    fn resolve(&mut self, attribute: &'p Attribute) -> EvalResult {
        let mut held = match &attribute.root {
            Root::Device => Held::Device(self.device),
            Root::Slot(slot) => Held::Own(self.slot(*slot)?),
            Root::Node(node) => Held::Own(self.node(node)?),
            Root::Conditional(parts) => {
                return match self.node(&parts.0)? {
                    Value::Bool(true) => self.resolve(&parts.1),
                    Value::Bool(false) => self.resolve(&parts.2),
                    _ => Err(EvalError::NoSuchOverload),
                };
            }
        };
        let mut optional = false;
        if let Held::Own(Value::Optional(inner)) = held {
            match inner {
                Some(value) => held = Held::Own(Value::clone(&value)),
                None => return Ok(Value::Optional(None)),
            }
            optional = true;
        }
        for qualifier in &attribute.qualifiers {
            optional |= qualifier.optional;
            held = match self.qualify(qualifier, &held, optional)? {
                Some(next) => next,
                None => return Ok(Value::Optional(None)),
            };
        }
        let value = held.into_value();
        Ok(if optional {
            Value::Optional(Some(Arc::new(value)))
        } else {
            value
        })
    }

    /// One step of a selection; nothing if what is asked for optionally is absent.
    fn qualify(
        &mut self,
        qualifier: &'p Qualifier,
        held: &Held<'p>,
        optional: bool,
    ) -> Result<Option<Held<'p>>, EvalError> {
        let presence = optional || qualifier.test;
        let selected = match &qualifier.index {
            Index::Constant(value, key) => select(held, value, key, presence),
            Index::Computed(index) => match self.resolve(index) {
                Err(error) if error.ends_evaluation() => return Err(error),
                index => index.and_then(|index| {
                    let key = index_key(&index)?;
                    select(held, &index, &key, presence)
                }),
            },
        };
        // Under a question mark, a step that finds nothing is not counted.
        let counts = !optional || matches!(selected, Ok(Some(_)));
        if counts {
            self.charge(1)?;
        }
        match selected {
            Ok(found) if qualifier.test && !optional => {
                Ok(Some(Held::Own(Value::Bool(found.is_some()))))
            }
            selected => selected,
        }
    }
}

/// What stands at a key or index; its absence is an error unless presence is what is asked.
fn select<'p>(
    held: &Held<'p>,
    index: &Value,
    key: &Key,
    presence: bool,
) -> Result<Option<Held<'p>>, EvalError> {
    let found = match held {
        Held::Device(value) => find(value, index, key)?.map(Held::Device),
        Held::Own(value) => find(value, index, key)?.map(|found| Held::Own(found.clone())),
    };
    match found {
        Some(found) => Ok(Some(found)),
        None if presence => Ok(None),
        None if matches!(held.get(), Value::List(_)) => {
            let shown = matcher::shown(index);
            Err(EvalError::Message(format!("index out of bounds: {shown}")))
        }
        None => Err(EvalError::NoSuchKey(matcher::shown(index))),
    }
}

fn find<'v>(value: &'v Value, index: &Value, key: &Key) -> Result<Option<&'v Value>, EvalError> {
    match value {
        Value::Map(map) => match map.find_key(key) {
            None if map.default_empty => Ok(Some(&*EMPTY)),
            found => Ok(found),
        },
        Value::List(list) => {
            let position = match index {
                Value::Int(i) => Some(*i),
                Value::Uint(u) => i64::try_from(*u).ok(),
                Value::Double(double) => number::lossless_int(*double),
                other => {
                    let kind = name_of_type(&other.type_of());
                    return Err(EvalError::Message(format!(
                        "unsupported index type '{kind}' in list"
                    )));
                }
            };
            let position = position.ok_or_else(|| {
                let shown = matcher::shown(index);
                EvalError::Message(format!("unsupported index value {shown} in list"))
            })?;
            Ok(usize::try_from(position).ok().and_then(|at| list.get(at)))
        }
        _ => Ok(None),
    }
}
