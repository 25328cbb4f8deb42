//! The variables of folds: slots, and accumulators that grow in place.
//!
//! Upstream lets an accumulator that begins as an empty list or map grow in place; copying it in every round would make
//! long loops quadratic. Start at [`Slot`].

use super::interpret::Machine;
use super::matcher;
use super::operand::{Operand, Part};
use super::overload::{EvalError, EvalResult};
use super::program::{Attribute, Call, Fold, Node, Root, Special};
use super::value::{Key, Map, Value};
use std::sync::Arc;

/// What a variable of a fold holds.
pub(super) enum Slot<'p> {
    /// Nothing yet.
    Empty,
    /// An accumulator that nobody has looked at: upstream initialises it on the first look.
    Pending(&'p Node),
    /// A value or an error.
    Ready(EvalResult),
    /// Something of the device.
    Part(Part<'p>),
    /// A list that grows in place.
    List(Vec<Value>),
    /// A map that grows in place.
    Map(Map),
}

impl<'p> Machine<'p, '_> {
    /// Does a step that only lets the accumulator grow, without looking at it as a value; false if it is no such step.
    pub(super) fn grow(&mut self, fold: &'p Fold, step: &'p Node) -> Result<bool, EvalError> {
        let call = match step {
            Node::Call(call) => call,
            Node::Attribute(attribute) => match &attribute.root {
                Root::Conditional(parts) if attribute.qualifiers.is_empty() => {
                    return self.grow_if(fold, parts);
                }
                _ => return Ok(false),
            },
            _ => return Ok(false),
        };
        let done = match call.special {
            Special::Append(slot) if slot == fold.slot => self.append(call, slot)?,
            Special::Insert(slot) if slot == fold.slot => self.insert(call, slot)?,
            _ => return Ok(false),
        };
        match done {
            None => Ok(false),
            Some(Ok(())) => Ok(true),
            Some(Err(error)) => {
                self.set(fold.slot, Slot::Ready(Err(error)));
                Ok(true)
            }
        }
    }

    /// `condition ? accumulator grows : accumulator`, the shape of all filters.
    fn grow_if(
        &mut self,
        fold: &'p Fold,
        parts: &'p (Node, Attribute, Attribute),
    ) -> Result<bool, EvalError> {
        let is_accumulator = |attribute: &Attribute| {
            attribute.qualifiers.is_empty()
                && matches!(attribute.root, Root::Slot(slot) if slot == fold.slot)
        };
        let grows = match &parts.1.root {
            Root::Node(node @ Node::Call(call)) if parts.1.qualifiers.is_empty() => {
                let growing = matches!(call.special, Special::Append(_) | Special::Insert(_));
                growing.then_some(node)
            }
            _ => None,
        };
        let Some(grows) = grows.filter(|_| is_accumulator(&parts.2)) else {
            return Ok(false);
        };
        let result = match self.argument(&parts.0)? {
            Ok(Value::Bool(false)) => {
                self.initialise(fold.slot)?;
                return Ok(true);
            }
            Ok(Value::Bool(true)) => {
                if self.grow(fold, grows)? {
                    return Ok(true);
                }
                self.argument(grows)?
            }
            Ok(_) => Err(EvalError::NoSuchOverload),
            Err(error) => Err(error),
        };
        self.set(fold.slot, Slot::Ready(result));
        Ok(true)
    }

    /// `accumulator + list` in place, where the accumulator began as an empty list; upstream does the same, and lets it
    /// be seen.
    pub(super) fn append(
        &mut self,
        call: &'p Call,
        slot: usize,
    ) -> Result<Option<Result<(), EvalError>>, EvalError> {
        self.initialise(slot)?;
        let (Some(Slot::List(_)), [_, added]) = (self.slots.get(slot), call.args.as_slice()) else {
            return Ok(None);
        };
        self.charge(1)?;
        let added = match self.argument(added)? {
            Ok(Value::List(list)) => Ok(list),
            Ok(_) => Err(EvalError::NoSuchOverload),
            Err(error) => Err(error),
        };
        self.charge(1)?;
        let added = match added {
            Ok(added) => added,
            Err(error) => return Ok(Some(Err(error))),
        };
        self.copy(added.len())?;
        if let Some(Slot::List(grown)) = self.slots.get_mut(slot) {
            grown.extend(added.iter().cloned());
        }
        Ok(Some(Ok(())))
    }

    /// `cel.@mapInsert(accumulator, …)` in place.
    pub(super) fn insert(
        &mut self,
        call: &'p Call,
        slot: usize,
    ) -> Result<Option<Result<(), EvalError>>, EvalError> {
        self.initialise(slot)?;
        if !matches!(self.slots.get(slot), Some(Slot::Map(_))) {
            return Ok(None);
        }
        self.charge(1)?;
        let mut values = Vec::with_capacity(2);
        for (position, arg) in call.args.iter().enumerate().skip(1) {
            match self.argument(arg)? {
                Ok(value) => values.push(value),
                Err(error) => {
                    if position + 1 == call.args.len() {
                        self.charge(1)?;
                    }
                    return Ok(Some(Err(error)));
                }
            }
        }
        let inserted = match (self.slots.get_mut(slot), values.as_slice()) {
            (Some(Slot::Map(map)), [key, value]) => insert_entry(map, key, value),
            (Some(Slot::Map(map)), [Value::Map(more)]) => more
                .entries
                .iter()
                .try_for_each(|(key, value)| insert_entry(map, &key.value(), value)),
            _ => Err(EvalError::NoSuchOverload),
        };
        if let Err(error) = &inserted
            && error.ends_evaluation()
        {
            return Err(error.clone());
        }
        self.charge(1)?;
        Ok(Some(inserted))
    }

    /// The value of an accumulator that has just grown.
    pub(super) fn grown(&mut self, slot: usize, done: Result<(), EvalError>) -> EvalResult {
        done?;
        let operand = self.slot(slot)?;
        Ok(self.value(operand))
    }

    pub(super) fn set(&mut self, slot: usize, value: Slot<'p>) {
        if let Some(place) = self.slots.get_mut(slot) {
            *place = value;
        }
    }

    /// Evaluates the initial value of an accumulator that nobody has looked at.
    fn initialise(&mut self, slot: usize) -> Result<(), EvalError> {
        let Some(Slot::Pending(init)) = self.slots.get(slot) else {
            return Ok(());
        };
        let init = *init;
        let ready = match self.operand_argument(init)? {
            // Nothing of a device is a list or a map that could grow, unless it is a domain without anything in it.
            Ok(Operand::Part(part)) if !self.is_empty(part) => Slot::Part(part),
            operand => match operand.map(|operand| self.value(operand)) {
                Ok(Value::List(list)) if list.is_empty() => Slot::List(Vec::new()),
                Ok(Value::Map(map)) if map.entries.is_empty() => Slot::Map(Map::default()),
                result => Slot::Ready(result),
            },
        };
        self.set(slot, ready);
        Ok(())
    }

    /// Whether a part of the device is a map of nothing.
    fn is_empty(&mut self, part: Part<'p>) -> bool {
        match part {
            Part::Table(table) => self.device.is_empty(table),
            Part::Domain(table, domain) => self.device.domain(table, domain).is_none(),
            _ => false,
        }
    }

    /// What a variable of a fold holds.
    pub(super) fn slot(&mut self, slot: usize) -> Result<Operand<'p>, EvalError> {
        self.initialise(slot)?;
        let copied = match self.slots.get(slot) {
            Some(Slot::Ready(result)) => return result.clone().map(Operand::Own),
            Some(Slot::Part(part)) => return Ok(Operand::Part(*part)),
            Some(Slot::List(list)) => (list.len(), Value::List(Arc::from(list.as_slice()))),
            Some(Slot::Map(map)) => (map.entries.len(), Value::Map(Arc::new(map.clone()))),
            _ => return Err(EvalError::message("no such attribute(s)")),
        };
        self.copy(copied.0)?;
        Ok(Operand::Own(copied.1))
    }
}

fn insert_entry(map: &mut Map, key: &Value, value: &Value) -> Result<(), EvalError> {
    let found = Key::of(key).ok_or_else(|| EvalError::unhashable(key))?;
    if map.find_key(&found).is_some() {
        let shown = matcher::shown(key);
        return Err(EvalError::Message(format!(
            "insert failed: key {shown} already exists"
        )));
    }
    map.entries.insert(found, value.clone());
    Ok(())
}
