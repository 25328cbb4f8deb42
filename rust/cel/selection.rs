//! Attributes: a variable or value and what is selected from it.
//!
//! Start at [`Machine::attribute`].

use std::sync::Arc;

use super::device::{Device, unknown_domain};
use super::interpret::Machine;
use super::matcher;
use super::number;
use super::operand::{Operand, Part};
use super::overload::EvalError;
use super::planner::index_key;
use super::program::{Attribute, Index, Path, Qualifier, Root};
use super::relate::name_of_type;
use super::value::{Key, Value};
use crate::attribute::QualifiedName;

impl<'p> Machine<'p, '_> {
    /// An attribute on its own: 1 for the whole. Conditionals cost nothing, `has()` gives the 1 back.
    pub(super) fn attribute(&mut self, attribute: &'p Attribute) -> Result<Operand<'p>, EvalError> {
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
            Ok(Operand::Own(Value::Optional(value))) if attribute.test => {
                Ok(Operand::Own(Value::Bool(value.is_some())))
            }
            result => result,
        }
    }

    fn resolve(&mut self, attribute: &'p Attribute) -> Result<Operand<'p>, EvalError> {
        if let Some(path) = &attribute.path {
            return self.path(path);
        }
        let mut held = match &attribute.root {
            Root::Device => Operand::Part(Part::Device),
            Root::Slot(slot) => self.slot(*slot)?,
            Root::Node(node) => Operand::Own(self.node(node)?),
            Root::Conditional(parts) => {
                return match self.node(&parts.0)? {
                    Value::Bool(true) => self.resolve(&parts.1),
                    Value::Bool(false) => self.resolve(&parts.2),
                    _ => Err(EvalError::NoSuchOverload),
                };
            }
        };
        let mut optional = false;
        if let Operand::Own(Value::Optional(inner)) = held {
            match inner {
                Some(value) => held = Operand::Own(Value::clone(&value)),
                None => return Ok(Operand::Own(Value::Optional(None))),
            }
            optional = true;
        }
        for qualifier in &attribute.qualifiers {
            optional |= qualifier.optional;
            if let Operand::Part(Part::Domain(table, domain)) = held
                && !optional
                && let Some(id) = qualifier.plain()
            {
                self.charge(1)?;
                let found = self.device.leaf(table, QualifiedName::new(domain, id));
                held = found.ok_or_else(|| EvalError::NoSuchKey(id.to_string()))?;
                continue;
            }
            held = match self.qualify(qualifier, &held, optional)? {
                Some(next) => next,
                None => return Ok(Operand::Own(Value::Optional(None))),
            };
        }
        if !optional {
            return Ok(held);
        }
        let value = self.value(held);
        Ok(Operand::Own(Value::Optional(Some(Arc::new(value)))))
    }

    /// What a path leads to, at the cost of its steps.
    fn path(&mut self, path: &'p Path) -> Result<Operand<'p>, EvalError> {
        match path {
            Path::Driver => {
                self.charge_steps(1)?;
                Ok(Operand::Part(Part::Driver))
            }
            Path::Domain(table, domain) => {
                self.charge_steps(2)?;
                Ok(Operand::Part(Part::Domain(*table, domain)))
            }
            Path::Leaf(table, leaf) => {
                self.charge_steps(3)?;
                let name = QualifiedName::plain(&leaf.domain, &leaf.id);
                let found = self.device.leaf(*table, name);
                found.ok_or_else(|| EvalError::NoSuchKey(leaf.id.to_string()))
            }
        }
    }

    /// One step of a selection; nothing if what is asked for optionally is absent.
    fn qualify(
        &mut self,
        qualifier: &'p Qualifier,
        held: &Operand<'p>,
        optional: bool,
    ) -> Result<Option<Operand<'p>>, EvalError> {
        let presence = optional || qualifier.test;
        let selected = match &qualifier.index {
            Index::Constant(value, key) => {
                select(&self.device, held, (value, key), Some(key), presence)
            }
            Index::Computed(index) => match self.resolve(index) {
                Err(error) if error.ends_evaluation() => return Err(error),
                index => index.and_then(|index| {
                    let index = self.value(index);
                    let key = index_key(&index)?;
                    select(&self.device, held, (&index, &key), None, presence)
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
                Ok(Some(Operand::Own(Value::Bool(found.is_some()))))
            }
            selected => selected,
        }
    }
}

/// What stands at a key or index; its absence is an error unless presence is what is asked. A key that lasts as long as
/// the program is given a second time.
fn select<'p>(
    device: &Device<'p>,
    held: &Operand<'p>,
    (index, key): (&Value, &Key),
    lasting: Option<&'p Key>,
    presence: bool,
) -> Result<Option<Operand<'p>>, EvalError> {
    let found = match held {
        Operand::Part(part) => find_part(device, *part, key, lasting),
        Operand::Own(value) => find(value, index, key)?,
        Operand::Constant(value) => find(value, index, key)?,
    };
    match found {
        Some(found) => Ok(Some(found)),
        None if presence => Ok(None),
        None if matches!(
            held,
            Operand::Own(Value::List(_)) | Operand::Constant(Value::List(_))
        ) =>
        {
            let shown = matcher::shown(index);
            Err(EvalError::Message(format!("index out of bounds: {shown}")))
        }
        None => Err(EvalError::NoSuchKey(matcher::shown(index))),
    }
}

/// All keys of a device are texts, and an unknown domain reads as an empty map.
fn find_part<'p>(
    device: &Device<'p>,
    part: Part<'p>,
    key: &Key,
    lasting: Option<&'p Key>,
) -> Option<Operand<'p>> {
    let text = match key {
        Key::String(text) => Some(&**text),
        _ => None,
    };
    match part {
        Part::Device => device.field(text?),
        Part::Table(table) => Some(match (lasting, text) {
            (Some(Key::String(domain)), _) => Operand::Part(Part::Domain(table, domain)),
            (_, Some(text)) => match device.domain(table, text) {
                Some(domain) => Operand::Part(Part::Domain(table, domain)),
                None => Operand::Own(unknown_domain()),
            },
            _ => Operand::Own(unknown_domain()),
        }),
        Part::Domain(table, domain) => device.leaf(table, QualifiedName::new(domain, text?)),
        Part::Driver
        | Part::Int(_)
        | Part::Bool(_)
        | Part::Text(_)
        | Part::Version(_)
        | Part::Quantity(_) => None,
    }
}

fn find<'p>(value: &Value, index: &Value, key: &Key) -> Result<Option<Operand<'p>>, EvalError> {
    let found = match value {
        Value::Map(map) => match map.find_key(key) {
            None if map.default_empty => return Ok(Some(Operand::Own(unknown_domain()))),
            found => found,
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
            usize::try_from(position).ok().and_then(|at| list.get(at))
        }
        _ => None,
    };
    Ok(found.cloned().map(Operand::Own))
}
