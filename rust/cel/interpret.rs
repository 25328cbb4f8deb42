//! Running a program on a device, costs counted as upstream's tracker counts them.
//!
//! Errors are values until `&&`, `||` or a fold absorbs them; the cost limit and upstream's own crashes end everything.
//! Upstream's tracker looks arguments up on a stack. It finds them whenever all of them were evaluated, so there is no
//! stack here: a call whose arguments were all evaluated costs what it costs, any other call nothing. The recursion is
//! as deep as the program, which the parser bounds. Start at [`run`].

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::device::{Device, Table};
use super::invoke::{apply, check_costs, cost_of};
use super::matcher;
use super::operand::{Operand, Part};
use super::overload::{EvalError, EvalResult};
use super::program::{Call, Fold, Node, Program, Special};
use super::standard_costs;
use super::value::{Key, Map, Value};
use super::variables::Slot;
use crate::attribute::NameMap;

/// How many elements lists may be copied for by `+`. Upstream shares lists and has no limit: one that is added to
/// itself forty times over costs it nothing, and would take all memory here.
const COPIES: u64 = 4_000_000;
/// How many values all comparisons may look at.
const COMPARISONS: u64 = 20_000_000;

/// How many variables need no memory of their own: those of one fold.
const FEW_SLOTS: usize = 3;

/// Runs a program; the second part is the cost.
pub(super) fn run(program: &Program, device: Device<'_>, limit: u64) -> (EvalResult, u64) {
    match program.slots {
        0 => run_with(program, device, limit, &mut []),
        1..=FEW_SLOTS => {
            let mut few = [const { Slot::Empty }; FEW_SLOTS];
            run_with(program, device, limit, &mut few)
        }
        many => {
            let mut slots: Vec<Slot<'_>> =
                std::iter::repeat_with(|| Slot::Empty).take(many).collect();
            run_with(program, device, limit, &mut slots)
        }
    }
}

fn run_with<'p>(
    program: &'p Program,
    device: Device<'p>,
    limit: u64,
    slots: &mut [Slot<'p>],
) -> (EvalResult, u64) {
    let mut machine = Machine::new(device, limit, slots);
    let result = machine.node(&program.root);
    (result, machine.cost)
}

/// The value of a list or map of constants.
pub(super) fn literal(node: &Node) -> EvalResult {
    let (attributes, capacity) = (NameMap::default(), NameMap::default());
    let device = Device::readable("", &attributes, &capacity, None);
    Machine::new(device, u64::MAX, &mut []).node(node)
}

/// Result and cost of a call of constants.
pub(super) fn constant_call(call: &Call, args: &[Value]) -> (EvalResult, u64) {
    let result = apply(call, args);
    let cost = cost_of(call, args, result.as_ref().ok());
    (result, cost)
}

/// One evaluation.
pub(super) struct Machine<'p, 's> {
    pub(super) device: Device<'p>,
    pub(super) cost: u64,
    limit: u64,
    pub(super) slots: &'s mut [Slot<'p>],
    /// Maps of the device that were made, each once.
    made: Vec<((Table, Option<&'p str>), Value)>,
    copies: u64,
    comparisons: u64,
}

/// The result of a comparison that costs 1 and needs no copies of what it compares.
fn compared(special: Special, first: &Operand<'_>, second: &Operand<'_>) -> Option<Value> {
    match special {
        Special::Order(is_in_order) => {
            let order = first.int()?.cmp(&second.int()?);
            Some(Value::Bool(is_in_order(order)))
        }
        Special::Compare(compare) => {
            let order = match (first.quantity(), second.quantity()) {
                (Some(first), Some(second)) if compare.quantities => first.cmp(second),
                (None, None) if compare.versions => first.version()?.cmp(second.version()?),
                _ => return None,
            };
            Some((compare.result)(order))
        }
        _ => None,
    }
}

/// An error in the place of an argument counts as `null` for costs.
fn or_null(result: &EvalResult) -> Value {
    result.as_ref().map_or(Value::Null, Value::clone)
}

impl<'p, 's> Machine<'p, 's> {
    fn new(device: Device<'p>, limit: u64, slots: &'s mut [Slot<'p>]) -> Self {
        Machine {
            device,
            cost: 0,
            limit,
            slots,
            made: Vec::new(),
            copies: COPIES,
            comparisons: COMPARISONS,
        }
    }

    pub(super) fn charge(&mut self, cost: u64) -> Result<(), EvalError> {
        self.cost = self.cost.saturating_add(cost);
        if self.cost > self.limit {
            return Err(EvalError::CostExceeded);
        }
        Ok(())
    }

    /// Several costs of 1, one after the other.
    pub(super) fn charge_steps(&mut self, steps: u64) -> Result<(), EvalError> {
        if self.limit.saturating_sub(self.cost) < steps {
            self.cost = self.limit.saturating_add(1);
            return Err(EvalError::CostExceeded);
        }
        self.cost += steps;
        Ok(())
    }

    /// Charges a cost if there is that much left.
    pub(super) fn charge_if_left(&mut self, cost: u64) -> bool {
        let sum = self.cost.saturating_add(cost);
        let is_left = sum <= self.limit;
        if is_left {
            self.cost = sum;
        }
        is_left
    }

    pub(super) fn node(&mut self, node: &'p Node) -> EvalResult {
        match node {
            Node::Constant(value) => Ok(value.clone()),
            Node::Known(known) => {
                self.charge(known.1)?;
                known.0.clone()
            }
            Node::Attribute(attribute) => {
                let operand = self.attribute(attribute)?;
                Ok(self.value(operand))
            }
            Node::Or(_) | Node::And(_) | Node::Shortcut(_) => self.truth(node).map(Value::Bool),
            Node::Equal(sides) => self.equality(sides, true),
            Node::NotEqual(sides) => self.equality(sides, false),
            Node::Call(call) => self.call(call),
            Node::Membership(parts) => self.membership(&parts.0, &parts.1),
            Node::List(elements) => self.list(elements),
            Node::Map(entries) => self.map(entries),
            Node::Message(parts) => self.message(&parts.0, &parts.1),
            Node::Fold(fold) => self.fold(fold),
            Node::OrOptional(sides) => self.or(sides, false),
            Node::OrValue(sides) => self.or(sides, true),
        }
    }

    /// `||`, which `true` decides, or `&&`, which `false` decides. The first error counts if nothing decides.
    fn logic(&mut self, [first, second]: &'p [Node; 2], decides: bool) -> Result<bool, EvalError> {
        let error = match self.truth(first) {
            Ok(value) if value == decides => return Ok(value),
            Ok(_) => return self.truth(second),
            Err(error) if error.ends_evaluation() => return Err(error),
            Err(error) => error,
        };
        match self.truth(second) {
            Ok(value) if value == decides => Ok(value),
            Err(ends) if ends.ends_evaluation() => Err(ends),
            _ => Err(error),
        }
    }

    /// As [`Machine::node`], of a condition: what is no truth value is an error, as it is to `&&` and `||`.
    fn truth(&mut self, node: &'p Node) -> Result<bool, EvalError> {
        match node {
            Node::Or(terms) => self.logic(terms, true),
            Node::And(terms) => self.logic(terms, false),
            Node::Shortcut(parts) => match self.shortcut(&parts.0)? {
                Some(verdict) => Ok(verdict),
                None => self.truth(&parts.1),
            },
            other => match self.node(other)? {
                Value::Bool(value) => Ok(value),
                _ => Err(EvalError::NoSuchOverload),
            },
        }
    }

    /// Evaluates; an error that ends everything comes out, any other stays a result.
    pub(super) fn argument(&mut self, node: &'p Node) -> Result<EvalResult, EvalError> {
        match self.node(node) {
            Err(error) if error.ends_evaluation() => Err(error),
            result => Ok(result),
        }
    }

    /// As [`Machine::node`], but what can be borrowed is not copied.
    pub(super) fn operand(&mut self, node: &'p Node) -> Result<Operand<'p>, EvalError> {
        match node {
            Node::Constant(value) => Ok(Operand::Constant(value)),
            Node::Known(known) => {
                self.charge(known.1)?;
                match &known.0 {
                    Ok(value) => Ok(Operand::Constant(value)),
                    Err(error) => Err(error.clone()),
                }
            }
            Node::Attribute(attribute) => self.attribute(attribute),
            other => self.node(other).map(Operand::Own),
        }
    }

    /// The value of an operand.
    pub(super) fn value(&mut self, operand: Operand<'p>) -> Value {
        let part = match operand {
            Operand::Own(value) => return value,
            Operand::Constant(value) => return value.clone(),
            Operand::Part(part) => part,
        };
        let key = match part {
            Part::Table(table) => (table, None),
            Part::Domain(table, domain) => (table, Some(domain)),
            _ => return part.value(&self.device),
        };
        // A fold may use a map in every round.
        if let Some((_, value)) = self.made.iter().find(|(made, _)| *made == key) {
            return value.clone();
        }
        let value = part.value(&self.device);
        self.made.push((key, value.clone()));
        value
    }

    /// As [`Machine::argument`], but what can be borrowed is not copied.
    pub(super) fn operand_argument(
        &mut self,
        node: &'p Node,
    ) -> Result<Result<Operand<'p>, EvalError>, EvalError> {
        match self.operand(node) {
            Err(error) if error.ends_evaluation() => Err(error),
            result => Ok(result),
        }
    }

    fn equality(&mut self, sides: &'p [Node; 2], equal: bool) -> EvalResult {
        let left = self.operand_argument(&sides[0])?;
        let right = self.operand_argument(&sides[1])?;
        if let (Ok(left), Ok(right)) = (&left, &right)
            && let (Some(left), Some(right)) = (left.text(&self.device), right.text(&self.device))
        {
            let result = (left == right) == equal;
            let cost = standard_costs::equality_of_texts(left, right);
            self.charge(cost)?;
            return Ok(Value::Bool(result));
        }
        let left = left.map(|left| self.value(left));
        let right = right.map(|right| self.value(right));
        let (Ok(left), Ok(right)) = (&left, &right) else {
            let cost = standard_costs::equality(&or_null(&left), &or_null(&right), equal);
            self.charge(cost)?;
            return left.and(right);
        };
        let result = match left.equals_within(right, &mut self.comparisons) {
            Err(error) if error.ends_evaluation() => return Err(error),
            // An equality that fails is none, so `!=` is true.
            result if !equal => Ok(Value::Bool(result != Ok(true))),
            result => result.map(Value::Bool),
        };
        self.charge(standard_costs::equality(left, right, equal))?;
        result
    }

    fn or(&mut self, sides: &'p [Node; 2], unwrap: bool) -> EvalResult {
        match self.node(&sides[0])? {
            Value::Optional(Some(value)) if unwrap => Ok(Value::clone(&value)),
            some @ Value::Optional(Some(_)) => Ok(some),
            Value::Optional(None) => self.node(&sides[1]),
            _ => Err(EvalError::NoSuchOverload),
        }
    }

    fn membership(&mut self, element: &'p Node, set: &BTreeSet<Key>) -> EvalResult {
        let element = self.node(element)?;
        if matches!(element, Value::Bytes(_) | Value::Semver(_)) {
            return Err(EvalError::unhashable(&element));
        }
        let found = Key::of(&element).is_some_and(|key| set.contains(&key));
        Ok(Value::Bool(found))
    }

    fn list(&mut self, elements: &'p [(Node, bool)]) -> EvalResult {
        let mut values = Vec::with_capacity(elements.len());
        let mut failed = None;
        for (element, optional) in elements {
            match (self.argument(element)?, optional) {
                (Ok(value), false) => values.push(value),
                (Ok(Value::Optional(value)), true) => {
                    values.extend(value.map(|value| Value::clone(&value)));
                }
                (Ok(other), true) => {
                    let text = format!(
                        "cannot initialize optional list element from non-optional value {}",
                        matcher::shown(&other)
                    );
                    failed = Some(EvalError::Message(text));
                }
                (Err(error), _) => failed = Some(error),
            }
            if failed.is_some() {
                break;
            }
        }
        self.charge(10)?;
        failed.map_or_else(|| Ok(Value::List(Arc::from(values))), Err)
    }

    fn map(&mut self, entries: &'p [(Node, Node, bool)]) -> EvalResult {
        let mut map = Map::default();
        let mut failed = None;
        for entry in entries {
            match self.entry(entry, &mut map) {
                Ok(()) => {}
                Err(error) if error.ends_evaluation() => return Err(error),
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        self.charge(30)?;
        failed.map_or_else(|| Ok(Value::Map(Arc::new(map))), Err)
    }

    fn entry(&mut self, entry: &'p (Node, Node, bool), map: &mut Map) -> Result<(), EvalError> {
        let key_value = self.node(&entry.0)?;
        let value = self.node(&entry.1)?;
        let value = match (value, entry.2) {
            (value, false) => Some(value),
            (Value::Optional(value), true) => value.map(|value| Value::clone(&value)),
            (other, true) => {
                return Err(EvalError::Message(format!(
                    "cannot initialize optional entry '{}' from non-optional value {}",
                    matcher::shown(&key_value),
                    matcher::shown(&other)
                )));
            }
        };
        let key = Key::of(&key_value).ok_or_else(|| EvalError::unhashable(&key_value))?;
        match value {
            Some(value) => map.entries.insert(key, value),
            None => map.entries.remove(&key),
        };
        Ok(())
    }

    /// A message: wrappers are their value, anything else is unknown to upstream when it runs.
    fn message(&mut self, name: &str, fields: &'p [(Node, bool)]) -> EvalResult {
        let mut values = Vec::new();
        for (field, optional) in fields {
            match (self.argument(field)?, optional) {
                (Ok(Value::Optional(value)), true) => {
                    values.extend(value.map(|value| Value::clone(&value)));
                }
                (Ok(value), _) => values.push(value),
                (Err(error), _) => {
                    self.charge(40)?;
                    return Err(error);
                }
            }
        }
        self.charge(40)?;
        matcher::message(name, values.pop())
    }

    fn call(&mut self, call: &'p Call) -> EvalResult {
        match call.special {
            Special::NotStrictlyFalse => {
                let value = call.args.first().map(|arg| self.argument(arg));
                let value = value.transpose()?;
                self.charge(1)?;
                return Ok(match value {
                    Some(Ok(Value::Bool(b))) => Value::Bool(b),
                    _ => Value::Bool(true),
                });
            }
            Special::Append(slot) => {
                if let Some(done) = self.append(call, slot)? {
                    return self.grown(slot, done);
                }
            }
            Special::Insert(slot) => {
                if let Some(done) = self.insert(call, slot)? {
                    return self.grown(slot, done);
                }
            }
            Special::None | Special::Add | Special::Order(_) | Special::Compare(_) => {}
        }
        match call.args.as_slice() {
            [one] => {
                let value = self.argument(one)?;
                match value {
                    Ok(value) => self.invoke(call, &[value]),
                    Err(error) => self.failed_call(call, &[Value::Null], error),
                }
            }
            [one, two] if !call.stops => self.binary(call, one, two),
            args => self.long_call(call, args),
        }
    }

    fn binary(&mut self, call: &'p Call, one: &'p Node, two: &'p Node) -> EvalResult {
        let first = self.operand_argument(one)?;
        let second = self.operand_argument(two)?;
        if let (Ok(first), Ok(second)) = (&first, &second)
            && let Some(result) = compared(call.special, first, second)
        {
            self.charge(1)?;
            return Ok(result);
        }
        let first = first.map(|first| self.value(first));
        let second = second.map(|second| self.value(second));
        match (first, second) {
            (Ok(first), Ok(second)) => self.invoke(call, &[first, second]),
            (Ok(first), Err(error)) => self.failed_call(call, &[first, Value::Null], error),
            (Err(error), second) => self.failed_call(call, &[Value::Null, or_null(&second)], error),
        }
    }

    /// A call whose first failing argument ends it: it costs nothing unless that was the last one.
    fn long_call(&mut self, call: &'p Call, args: &'p [Node]) -> EvalResult {
        let mut values = Vec::with_capacity(args.len());
        for (position, arg) in args.iter().enumerate() {
            match self.argument(arg)? {
                Ok(value) => values.push(value),
                Err(error) if position + 1 == args.len() => {
                    values.push(Value::Null);
                    return self.failed_call(call, &values, error);
                }
                Err(error) => return Err(error),
            }
        }
        self.invoke(call, &values)
    }

    fn failed_call(&mut self, call: &Call, args: &[Value], error: EvalError) -> EvalResult {
        check_costs(call, args)?;
        self.charge(cost_of(call, args, None))?;
        Err(error)
    }

    fn invoke(&mut self, call: &Call, args: &[Value]) -> EvalResult {
        if matches!(
            call.special,
            Special::Add | Special::Append(_) | Special::Insert(_)
        ) && let [Value::List(one), Value::List(two)] = args
        {
            self.copy(one.len().saturating_add(two.len()))?;
        }
        let result = apply(call, args);
        if let Err(error) = &result
            && error.ends_evaluation()
        {
            return result;
        }
        check_costs(call, args)?;
        self.charge(cost_of(call, args, result.as_ref().ok()))?;
        result
    }

    pub(super) fn copy(&mut self, elements: usize) -> Result<(), EvalError> {
        let elements = u64::try_from(elements).unwrap_or(u64::MAX);
        self.copies = self
            .copies
            .checked_sub(elements)
            .ok_or_else(|| EvalError::Internal("lists too large to add".to_owned()))?;
        Ok(())
    }

    fn fold(&mut self, fold: &'p Fold) -> EvalResult {
        if !fold.never_iterates() {
            return self.iterate(fold);
        }
        self.set(fold.slot, Slot::Pending(&fold.init));
        let result = self.node(&fold.result);
        self.set(fold.slot, Slot::Empty);
        result
    }

    fn iterate(&mut self, fold: &'p Fold) -> EvalResult {
        let range = match self.operand(&fold.range)? {
            Operand::Constant(value) => Cow::Borrowed(value),
            other => Cow::Owned(self.value(other)),
        };
        self.set(fold.slot, Slot::Pending(&fold.init));
        match (&*range, fold.two) {
            (Value::List(list), two) => {
                for (index, element) in (0_i64..).zip(list.iter()) {
                    let pair = if two {
                        (Value::Int(index), Some(element.clone()))
                    } else {
                        (element.clone(), None)
                    };
                    if !self.round(fold, pair.0, pair.1)? {
                        break;
                    }
                }
            }
            (Value::Map(map), two) => {
                for (key, value) in &map.entries {
                    if !self.round(fold, key.value(), two.then(|| value.clone()))? {
                        break;
                    }
                }
            }
            (other, true) => {
                let kind = other.go_type();
                return Err(EvalError::Message(format!(
                    "unsupported comprehension range type: {kind}"
                )));
            }
            (other, false) => {
                let kind = other.go_type();
                return Err(EvalError::Message(format!(
                    "got '{kind}', expected iterable type"
                )));
            }
        }
        let result = self.node(&fold.result);
        self.set(fold.slot, Slot::Empty);
        result
    }

    /// One round of a fold; false when its condition ends it.
    fn round(
        &mut self,
        fold: &'p Fold,
        first: Value,
        second: Option<Value>,
    ) -> Result<bool, EvalError> {
        self.set(fold.slot + 1, Slot::Ready(Ok(first)));
        if let Some(second) = second {
            self.set(fold.slot + 2, Slot::Ready(Ok(second)));
        }
        if matches!(self.argument(&fold.condition)?, Ok(Value::Bool(false))) {
            return Ok(false);
        }
        if !self.grow(fold, &fold.step)? {
            let value = self.argument(&fold.step)?;
            self.set(fold.slot, Slot::Ready(value));
        }
        Ok(true)
    }
}
