//! Evaluating a plan against a device, counting costs as upstream's tracker does.
//!
//! Errors are values until `&&` or `||` absorbs them; only the cost limit is not. Recursion is as deep as the plan,
//! which the parser bounds. Start at [`run`].

use std::cell::RefCell;
use std::sync::Arc;

use super::library::{call_cost, cost_fails, name_cost, text};
use super::overload::{EvalError, EvalResult};
use super::plan::{Attribute, Base, Node, Plan, PlannedCall, PlannedFold, Qualifier, fits};
use super::tracker::Tracker;
use super::value::{Key, Map, Value};

/// Evaluates a plan; the second part is the cost.
pub(super) fn run(plan: &Plan, device: &Value, limit: u64) -> (EvalResult, u64) {
    let machine = Machine {
        device,
        slots: RefCell::new(vec![Slot::Empty; plan.slots]),
        tracker: Tracker::new(limit, plan.has_loops),
        inits: RefCell::new(Vec::new()),
    };
    let result = machine.node(&plan.root);
    (result, machine.tracker.cost())
}

/// Result and cost of a call of constants, without a device.
pub(super) fn evaluate_constant(call: &PlannedCall, args: &[Value]) -> (EvalResult, u64) {
    let result = dispatch(call, args);
    let views: Vec<Option<&Value>> = args.iter().map(Some).collect();
    (result.clone(), cost_of(call.function, call.overload, &views, result.as_ref().ok()))
}

/// A literal of constants, without a device.
pub(super) fn evaluate_call(literal: &Node) -> EvalResult {
    let device = Value::Null;
    let machine = Machine {
        device: &device,
        slots: RefCell::new(Vec::new()),
        tracker: Tracker::new(u64::MAX, false),
        inits: RefCell::new(Vec::new()),
    };
    machine.node(literal)
}

#[derive(Clone, Debug)]
enum Slot {
    Empty,
    Is(EvalResult),
}

struct Machine<'a> {
    device: &'a Value,
    slots: RefCell<Vec<Slot>>,
    tracker: Tracker,
    /// Accumulators not yet initialised: they are evaluated when they are first looked at.
    inits: RefCell<Vec<(usize, &'a Node)>>,
}

/// A value on its way through qualifiers.
type Qualified = Result<Option<Value>, EvalError>;

impl<'a> Machine<'a> {
    fn node(&self, node: &'a Node) -> EvalResult {
        let result = match node {
            Node::Constant(_, value) => value.clone(),
            Node::Attribute(attribute) => return self.watched(attribute),
            Node::Or(_, terms) => self.logical(terms, true),
            Node::And(_, terms) => self.logical(terms, false),
            Node::Call(call) => return self.call(call),
            Node::Membership(_, operand, values) => self.membership(operand, values),
            Node::List(_, elements) => self.list(elements),
            Node::Map(_, entries) => self.map(entries),
            Node::Fold(fold) => self.fold(fold),
        };
        if is_spent(&result) {
            return result;
        }
        match node {
            Node::Or(_, terms) | Node::And(_, terms) => {
                terms.iter().for_each(|term| self.tracker.drop(term.id()));
            }
            Node::List(_, elements) => {
                self.tracker.drop_all(elements.iter().map(|(element, _)| element.id()));
                self.tracker.add(10);
            }
            Node::Map(_, entries) => {
                self.tracker
                    .drop_all(entries.iter().flat_map(|(key, value, _)| [key.id(), value.id()]));
                self.tracker.add(30);
            }
            Node::Fold(fold) => self.tracker.drop(fold.range.id()),
            _ => {}
        }
        self.tracker.push(node.id(), result.as_ref().ok())?;
        result
    }

    /// `||` (decided by true) or `&&` (decided by false): errors count only if nothing decides.
    fn logical(&self, terms: &'a [Node], decides: bool) -> EvalResult {
        let mut error = None;
        for term in terms {
            match self.node(term) {
                Ok(Value::Bool(value)) if value == decides => return Ok(Value::Bool(decides)),
                Ok(Value::Bool(_)) => {}
                Err(error) if error.ends_evaluation() => return Err(error),
                Ok(_) => {
                    error.get_or_insert(EvalError::NoSuchOverload);
                }
                Err(other) => {
                    error.get_or_insert(other);
                }
            }
        }
        error.map_or(Ok(Value::Bool(!decides)), Err)
    }

    fn call(&self, call: &'a PlannedCall) -> EvalResult {
        if let (Some((result, cost)), false) = (&call.remembered, self.tracker.has_stack()) {
            self.tracker.add(*cost);
            self.tracker.push(call.id, None)?;
            return result.clone();
        }
        let mut values: Vec<EvalResult> = Vec::with_capacity(call.args.len());
        // Functions of one or two arguments evaluate both even if the first fails; longer ones stop.
        for arg in &call.args {
            let value = self.node(arg);
            if is_spent(&value) {
                return value;
            }
            let stops = value.is_err() && call.args.len() > 2;
            values.push(value);
            if stops {
                break;
            }
        }
        let result = self.apply(call, &values);
        let ids = call.args.iter().map(Node::id);
        if let Some(args) = self.tracker.take_args(ids, &values) {
            let views: Vec<Option<&Value>> = args.iter().map(Option::as_ref).collect();
            if call.overload.is_some_and(|overload| cost_fails(overload, &views)) {
                return Err(EvalError::Internal("interface conversion: an argument is an error".to_owned()));
            }
            self.tracker
                .add(cost_of(call.function, call.overload, &views, result.as_ref().ok()));
        }
        self.tracker.push(call.id, result.as_ref().ok())?;
        result
    }

    fn apply(&self, call: &PlannedCall, values: &[EvalResult]) -> EvalResult {
        if call.function == super::ast::operator::NOT_STRICTLY_FALSE {
            return Ok(match values.first() {
                Some(Ok(Value::Bool(value))) => Value::Bool(*value),
                _ => Value::Bool(true),
            });
        }
        let mut args: Vec<Value> = Vec::with_capacity(values.len());
        for value in values {
            args.push(value.clone()?);
        }
        match &call.pattern {
            Some(matcher) => matcher.apply(&args),
            None => dispatch(call, &args),
        }
    }

    fn membership(&self, operand: &'a Node, values: &[Value]) -> EvalResult {
        let value = self.node(operand)?;
        // Upstream looks the value up in a hash map, which takes everything but these.
        if matches!(value, Value::Bytes(_) | Value::Semver(_)) {
            let text = format!("runtime error: hash of unhashable type {}", value.go_type());
            return Err(EvalError::Internal(text));
        }
        let is_plain = matches!(
            value,
            Value::Bool(_) | Value::Int(_) | Value::Uint(_) | Value::Double(_) | Value::String(_)
        );
        let is_there = is_plain && values.iter().any(|element| value.equals(element) == Ok(true));
        Ok(Value::Bool(is_there))
    }

    fn list(&self, elements: &'a [(Node, bool)]) -> EvalResult {
        let mut values = Vec::with_capacity(elements.len());
        for (element, is_optional) in elements {
            match (self.node(element)?, is_optional) {
                (value, false) => values.push(value),
                (Value::Optional(Some(value)), true) => values.push(value.as_ref().clone()),
                (Value::Optional(None), true) => {}
                (other, true) => return Err(not_optional(&other)),
            }
        }
        Ok(Value::List(values.into()))
    }

    fn map(&self, entries: &'a [(Node, Node, bool)]) -> EvalResult {
        let mut map = Map::default();
        for (key, value, is_optional) in entries {
            let key = self.node(key)?;
            let value = match (self.node(value)?, is_optional) {
                (value, false) => Some(value),
                (Value::Optional(value), true) => value.map(|value| value.as_ref().clone()),
                (other, true) => return Err(not_optional(&other)),
            };
            let Some(key) = Key::of(&key) else {
                return Err(EvalError::message(format!("unsupported key type: {}", key.type_name())));
            };
            match value {
                Some(value) => map.entries.insert(key, value),
                None => map.entries.remove(&key),
            };
        }
        Ok(Value::Map(Arc::new(map)))
    }

    fn fold(&self, fold: &'a PlannedFold) -> EvalResult {
        let range = self.node(&fold.range)?;
        let pairs = pairs(&range, fold.has_two_variables)?;
        let before: Vec<Slot> = self.slots.borrow()[fold.slot..fold.slot + 3].to_vec();
        self.set(fold.slot, Slot::Empty);
        self.inits.borrow_mut().push((fold.slot, &fold.init));
        let mut outcome = Ok(());
        for (first, second) in pairs {
            self.set(fold.slot + 1, Slot::Is(Ok(first)));
            self.set(fold.slot + 2, Slot::Is(Ok(second)));
            let condition = self.node(&fold.condition);
            if is_spent(&condition) {
                outcome = condition.map(|_| ());
                break;
            }
            if matches!(condition, Ok(Value::Bool(false))) {
                break;
            }
            let accumulated = self.node(&fold.step);
            if is_spent(&accumulated) {
                outcome = accumulated.map(|_| ());
                break;
            }
            self.set(fold.slot, Slot::Is(accumulated));
        }
        let result = outcome.and_then(|()| self.node(&fold.result));
        self.inits.borrow_mut().retain(|(slot, _)| *slot != fold.slot);
        for (offset, slot) in before.into_iter().enumerate() {
            self.set(fold.slot + offset, slot);
        }
        result
    }

    fn set(&self, slot: usize, value: Slot) {
        if let Some(place) = self.slots.borrow_mut().get_mut(slot) {
            *place = value;
        }
    }

    fn slot(&self, slot: usize) -> EvalResult {
        if let Some(Slot::Is(value)) = self.slots.borrow().get(slot) {
            return value.clone();
        }
        let init = self.inits.borrow().iter().rfind(|(of, _)| *of == slot).map(|(_, node)| *node);
        let Some(init) = init else {
            return Err(EvalError::message("no such attribute(s)"));
        };
        let value = self.node(init);
        if !is_spent(&value) {
            self.set(slot, Slot::Is(value.clone()));
        }
        value
    }

    /// An attribute as a node of its own: it costs 1, a conditional or a presence test nothing.
    fn watched(&self, attribute: &'a Attribute) -> EvalResult {
        let result = self.resolve(attribute);
        if is_spent(&result) {
            return result;
        }
        let result = match (attribute.test, result) {
            (Some(_), Ok(Value::Optional(inner))) => Ok(Value::Bool(inner.is_some())),
            (_, result) => result,
        };
        self.settle(attribute);
        self.tracker
            .push(attribute.test.unwrap_or_else(|| attribute.id()), result.as_ref().ok())?;
        result
    }

    fn settle(&self, attribute: &Attribute) {
        if let Base::Conditional(condition, truthy, falsy) = &attribute.base {
            self.tracker.drop(falsy.id());
            self.tracker.drop(truthy.id());
            self.tracker.drop(condition.id());
        } else {
            self.tracker.drop(attribute.id());
            self.tracker.add(u64::from(attribute.test.is_none()));
        }
    }

    fn resolve(&self, attribute: &'a Attribute) -> EvalResult {
        let base = match &attribute.base {
            Base::Device => self.device.clone(),
            Base::Slot(slot) => self.slot(*slot)?,
            Base::Node(node) => self.node(node)?,
            Base::Conditional(condition, truthy, falsy) => {
                return match self.node(condition)? {
                    Value::Bool(true) => self.resolve(truthy),
                    Value::Bool(false) => self.resolve(falsy),
                    _ => Err(EvalError::NoSuchOverload),
                };
            }
        };
        let (mut value, mut is_optional) = match base {
            Value::Optional(None) => return Ok(Value::Optional(None)),
            Value::Optional(Some(value)) => (value.as_ref().clone(), true),
            value => (value, false),
        };
        for qualifier in &attribute.qualifiers {
            let asks = matches!(
                qualifier,
                Qualifier::Constant { is_optional: true, .. } | Qualifier::Computed { is_optional: true, .. }
            );
            is_optional |= asks;
            match self.qualify(qualifier, &value, is_optional)? {
                Some(next) => value = next,
                None => return Ok(Value::Optional(None)),
            }
        }
        Ok(if is_optional { Value::Optional(Some(Arc::new(value))) } else { value })
    }

    /// Selects; `None` if what is asked for is absent and that is no error.
    fn qualify(&self, qualifier: &'a Qualifier, value: &Value, is_optional: bool) -> Qualified {
        match qualifier {
            Qualifier::Constant {
                id,
                value: index,
                key,
                is_test,
                ..
            } => {
                let selected = select(value, index, key.as_ref(), is_optional || *is_test);
                let selected = match (is_test, selected) {
                    (true, Ok(found)) if !is_optional => Ok(Some(Value::Bool(found.is_some()))),
                    (_, selected) => selected,
                };
                // Presence tests under an optional are counted even when nothing is there.
                let counts = !is_optional || *is_test || !matches!(selected, Ok(None));
                if counts {
                    self.tracker.add(1);
                    self.tracker.push(*id, selected.as_ref().ok().and_then(Option::as_ref))?;
                }
                selected
            }
            Qualifier::Computed {
                id,
                index,
                is_attribute,
                ..
            } => {
                let key = self.resolve(index);
                if is_spent(&key) {
                    return key.map(Some);
                }
                let selected = key.and_then(|key| {
                    let is_key = matches!(
                        key,
                        Value::String(_) | Value::Int(_) | Value::Uint(_) | Value::Bool(_) | Value::Double(_)
                    );
                    if !is_key {
                        let text = format!("invalid qualifier type: {}", key.go_type());
                        return Err(EvalError::message(text));
                    }
                    select(value, &key, Key::of(&key).as_ref(), is_optional)
                });
                if !is_optional || !matches!(selected, Ok(None)) {
                    if !is_attribute {
                        self.tracker.drop(*id);
                    }
                    self.tracker.add(1);
                    self.tracker.push(*id, selected.as_ref().ok().and_then(Option::as_ref))?;
                }
                selected
            }
        }
    }
}

/// What is at a key or index. Absent is an error unless presence is all that is asked.
fn select(value: &Value, index: &Value, key: Option<&Key>, asks_presence: bool) -> Qualified {
    let missing = || EvalError::NoSuchKey(text::display(index));
    match value {
        Value::Map(map) => {
            if let Some(found) = key.and_then(|key| map.find_key(key)).cloned() {
                return Ok(Some(found));
            }
            if map.default_empty {
                return Ok(Some(Value::Map(Arc::new(Map::default()))));
            }
            if asks_presence { Ok(None) } else { Err(missing()) }
        }
        Value::List(list) => {
            let position = position_of(index)?;
            match usize::try_from(position).ok().and_then(|position| list.get(position)) {
                Some(found) => Ok(Some(found.clone())),
                None if asks_presence => Ok(None),
                None => Err(EvalError::message(format!("index out of bounds: {position}"))),
            }
        }
        _ if asks_presence => Ok(None),
        _ => Err(missing()),
    }
}

/// An index of a list: a whole number of any kind.
fn position_of(index: &Value) -> Result<i64, EvalError> {
    let number = match index {
        Value::Int(number) => Some(*number),
        Value::Uint(number) => i64::try_from(*number).ok(),
        Value::Double(number) => super::number::lossless_int(*number),
        _ => None,
    };
    number.ok_or_else(|| {
        let kind = index.type_name();
        EvalError::message(format!("unsupported index type '{kind}' in list"))
    })
}

/// What a fold goes through: elements, or keys; with two variables index and element, or key and value.
fn pairs(range: &Value, has_two_variables: bool) -> Result<Vec<(Value, Value)>, EvalError> {
    match range {
        Value::List(list) if has_two_variables => Ok(list
            .iter()
            .zip(0_i64..)
            .map(|(value, index)| (Value::Int(index), value.clone()))
            .collect()),
        Value::List(list) => Ok(list.iter().map(|value| (value.clone(), Value::Null)).collect()),
        Value::Map(map) => Ok(map
            .entries
            .iter()
            .map(|(key, value)| (key.value(), if has_two_variables { value.clone() } else { Value::Null }))
            .collect()),
        other if has_two_variables => Err(EvalError::message(format!(
            "unsupported comprehension range type: {}",
            other.go_type()
        ))),
        other => Err(EvalError::message(format!("got '{}', expected iterable type", other.go_type()))),
    }
}

/// Calls the first overload that takes the values.
fn dispatch(call: &PlannedCall, args: &[Value]) -> EvalResult {
    // A standard implementation looks at the values by itself.
    let takes = |overload: &&&'static super::overload::Overload| {
        overload.args.len() == args.len() && (overload.is_generic
            || overload.args.iter().zip(args).all(|(declared, value)| fits(declared, value)))
    };
    match call.candidates.iter().find(takes) {
        Some(overload) => (overload.eval)(args),
        None => Err(EvalError::NoSuchOverload),
    }
}

/// The cost of a call; errors among arguments and result count as `None`.
fn cost_of(
    function: &'static str,
    overload: Option<&'static str>,
    args: &[Option<&Value>],
    result: Option<&Value>,
) -> u64 {
    let values: Vec<Value> = args.iter().map(|arg| arg.cloned().unwrap_or(Value::Null)).collect();
    let result = result.cloned().unwrap_or(Value::Null);
    if let Some(cost) = super::standard::cost(function, overload, &values) {
        return cost;
    }
    let cost = match overload {
        Some(overload) => call_cost(function, overload),
        None => name_cost(function),
    };
    cost.map_or(1, |cost| cost(&values, &result))
}

fn is_spent(result: &EvalResult) -> bool {
    matches!(result, Err(error) if error.ends_evaluation())
}

fn not_optional(value: &Value) -> EvalError {
    EvalError::message(format!(
        "cannot initialize optional list element from non-optional value {}",
        value.go_type()
    ))
}
