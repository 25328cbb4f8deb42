//! Running a program on a device, costs counted as upstream's tracker counts them.
//!
//! Errors are values until `&&`, `||` or a fold absorbs them; the cost limit and upstream's own crashes end everything.
//! Upstream's tracker looks arguments up on a stack. It finds them whenever all of them were evaluated, so there is no
//! stack here: a call whose arguments were all evaluated costs what it costs, any other call nothing. The recursion is
//! as deep as the program, which the parser bounds. Start at [`run`].

use std::sync::{Arc, LazyLock};

use super::library::cost_fails;
use super::matcher;
use super::overload::{EvalError, EvalResult, Overload};
use super::planner::index_key;
use super::program::{Attribute, Call, Fold, Index, Node, Program, Qualifier, Root, Special};
use super::relate::{fits, name_of_type};
use super::standard;
use super::standard_costs;
use super::value::{Key, Map, Value};

/// How many elements lists may be copied for by `+`. Upstream shares lists and has no limit: one that is added to
/// itself forty times over costs it nothing, and would take all memory here.
const COPIES: u64 = 4_000_000;
/// How many values all comparisons may look at.
const COMPARISONS: u64 = 20_000_000;

/// Runs a program; the second part is the cost.
pub(super) fn run(program: &Program, device: &Value, limit: u64) -> (EvalResult, u64) {
    let mut machine = Machine::new(device, limit, program.slots);
    let result = machine.node(&program.root);
    (result, machine.cost)
}

/// The value of a list or map of constants.
pub(super) fn literal(node: &Node) -> EvalResult {
    Machine::new(&Value::Null, u64::MAX, 0).node(node)
}

/// Result and cost of a call of constants.
pub(super) fn constant_call(call: &Call, args: &[Value]) -> (EvalResult, u64) {
    let result = apply(call, args);
    let cost = cost_of(call, args, result.as_ref().ok());
    (result, cost)
}

static EMPTY: LazyLock<Value> = LazyLock::new(|| Value::Map(Arc::new(Map::default())));

/// What a variable of a fold holds.
enum Slot<'p> {
    /// Nothing yet.
    Empty,
    /// An accumulator that nobody has looked at: upstream initialises it on the first look.
    Pending(&'p Node),
    /// A value or an error.
    Ready(EvalResult),
    /// A list that grows in place.
    List(Vec<Value>),
    /// A map that grows in place.
    Map(Map),
}

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

struct Machine<'p> {
    device: &'p Value,
    cost: u64,
    limit: u64,
    slots: Vec<Slot<'p>>,
    copies: u64,
    comparisons: u64,
}

/// An error in the place of an argument counts as `null` for costs.
fn or_null(result: &EvalResult) -> Value {
    result.as_ref().map_or(Value::Null, Value::clone)
}

impl<'p> Machine<'p> {
    fn new(device: &'p Value, limit: u64, slots: usize) -> Self {
        Machine {
            device,
            cost: 0,
            limit,
            slots: std::iter::repeat_with(|| Slot::Empty).take(slots).collect(),
            copies: COPIES,
            comparisons: COMPARISONS,
        }
    }

    fn charge(&mut self, cost: u64) -> Result<(), EvalError> {
        self.cost = self.cost.saturating_add(cost);
        if self.cost > self.limit {
            return Err(EvalError::CostExceeded);
        }
        Ok(())
    }

    fn node(&mut self, node: &'p Node) -> EvalResult {
        match node {
            Node::Constant(value) => Ok(value.clone()),
            Node::Known(known) => {
                self.charge(known.1)?;
                known.0.clone()
            }
            Node::Attribute(attribute) => self.attribute(attribute),
            Node::Or(terms) => self.logic(terms, true),
            Node::And(terms) => self.logic(terms, false),
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
    fn logic(&mut self, terms: &'p [Node; 2], decides: bool) -> EvalResult {
        let mut error = None;
        for term in terms {
            match self.node(term) {
                Ok(Value::Bool(value)) if value == decides => return Ok(Value::Bool(decides)),
                Ok(Value::Bool(_)) => {}
                Ok(_) => {
                    error.get_or_insert(EvalError::NoSuchOverload);
                }
                Err(found) if found.ends_evaluation() => return Err(found),
                Err(found) => {
                    error.get_or_insert(found);
                }
            }
        }
        error.map_or(Ok(Value::Bool(!decides)), Err)
    }

    /// Evaluates; an error that ends everything comes out, any other stays a result.
    fn argument(&mut self, node: &'p Node) -> Result<EvalResult, EvalError> {
        match self.node(node) {
            Err(error) if error.ends_evaluation() => Err(error),
            result => Ok(result),
        }
    }

    fn equality(&mut self, sides: &'p [Node; 2], equal: bool) -> EvalResult {
        let left = self.argument(&sides[0])?;
        let right = self.argument(&sides[1])?;
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

    fn membership(
        &mut self,
        element: &'p Node,
        set: &std::collections::BTreeSet<Key>,
    ) -> EvalResult {
        let element = self.node(element)?;
        if matches!(element, Value::Bytes(_) | Value::Semver(_)) {
            return Err(unhashable(&element));
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
        let key = Key::of(&key_value).ok_or_else(|| unhashable(&key_value))?;
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
            Special::None | Special::Add => {}
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
        let first = self.argument(one)?;
        let second = self.argument(two)?;
        match (first, second) {
            (Ok(first), Ok(second)) => self.invoke(call, &[first, second]),
            (Ok(first), Err(error)) => self.failed_call(call, &[first, Value::Null], error),
            (Err(error), second) => {
                self.failed_call(call, &[Value::Null, or_null(&second)], error)
            }
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
        if call.special != Special::None
            && let [Value::List(one), Value::List(two)] = args
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

    fn copy(&mut self, elements: usize) -> Result<(), EvalError> {
        let elements = u64::try_from(elements).unwrap_or(u64::MAX);
        self.copies = self
            .copies
            .checked_sub(elements)
            .ok_or_else(|| EvalError::Internal("lists too large to add".to_owned()))?;
        Ok(())
    }

    fn fold(&mut self, fold: &'p Fold) -> EvalResult {
        let range = self.node(&fold.range)?;
        self.set(fold.slot, Slot::Pending(&fold.init));
        match (&range, fold.two) {
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
        if matches!(
            self.argument(&fold.condition)?,
            Ok(Value::Bool(false))
        ) {
            return Ok(false);
        }
        if !self.grow(fold, &fold.step)? {
            let value = self.argument(&fold.step)?;
            self.set(fold.slot, Slot::Ready(value));
        }
        Ok(true)
    }

    /// Does a step that only lets the accumulator grow, without looking at it as a value; false if it is no such step.
    fn grow(&mut self, fold: &'p Fold, step: &'p Node) -> Result<bool, EvalError> {
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
    fn append(
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
    fn insert(
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
    fn grown(&mut self, slot: usize, done: Result<(), EvalError>) -> EvalResult {
        done.and_then(|()| self.slot(slot))
    }

    fn set(&mut self, slot: usize, value: Slot<'p>) {
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
        let ready = match self.argument(init)? {
            Ok(Value::List(list)) if list.is_empty() => Slot::List(Vec::new()),
            Ok(Value::Map(map)) if map.entries.is_empty() => Slot::Map(Map::default()),
            result => Slot::Ready(result),
        };
        self.set(slot, ready);
        Ok(())
    }

    /// The value of a variable of a fold.
    fn slot(&mut self, slot: usize) -> EvalResult {
        self.initialise(slot)?;
        let copied = match self.slots.get(slot) {
            Some(Slot::Ready(result)) => return result.clone(),
            Some(Slot::List(list)) => (list.len(), Value::List(Arc::from(list.as_slice()))),
            Some(Slot::Map(map)) => (map.entries.len(), Value::Map(Arc::new(map.clone()))),
            _ => return Err(EvalError::message("no such attribute(s)")),
        };
        self.copy(copied.0)?;
        Ok(copied.1)
    }

    /// An attribute on its own: 1 for the whole. Conditionals cost nothing, `has()` gives the 1 back.
    fn attribute(&mut self, attribute: &'p Attribute) -> EvalResult {
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
            held = match self.qualify(qualifier, held, optional)? {
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
        held: Held<'p>,
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
        // Under a question mark, a step that finds nothing is not counted; a presence test always is.
        let counts = qualifier.test || !optional || matches!(selected, Ok(Some(_)));
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
    held: Held<'p>,
    index: &Value,
    key: &Key,
    presence: bool,
) -> Result<Option<Held<'p>>, EvalError> {
    let found = match held {
        Held::Device(value) => find(value, index, key)?.map(Held::Device),
        Held::Own(ref value) => find(value, index, key)?.map(|found| Held::Own(found.clone())),
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
                Value::Double(double) => super::number::lossless_int(*double),
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

fn insert_entry(map: &mut Map, key: &Value, value: &Value) -> Result<(), EvalError> {
    let found = Key::of(key).ok_or_else(|| unhashable(key))?;
    if map.find_key(&found).is_some() {
        let shown = matcher::shown(key);
        return Err(EvalError::Message(format!(
            "insert failed: key {shown} already exists"
        )));
    }
    map.entries.insert(found, value.clone());
    Ok(())
}

fn unhashable(value: &Value) -> EvalError {
    EvalError::Internal(format!(
        "runtime error: hash of unhashable type {}",
        value.go_type()
    ))
}

/// The call itself: the overload the checker found, or the first that takes the values.
fn apply(call: &Call, args: &[Value]) -> EvalResult {
    if let Some(pattern) = &call.pattern {
        return matcher::apply(call.function, pattern, args);
    }
    if call.singleton {
        let Some(overload) = call.candidates.first() else {
            return Err(EvalError::NoSuchOverload);
        };
        return match (overload.eval)(args) {
            Err(EvalError::NoSuchOverload) if standard::is_foreign(call.function, args) => Err(
                EvalError::Message(format!("no such overload: {}", call.function)),
            ),
            result => result,
        };
    }
    let takes = |overload: &&Overload| {
        overload.args.len() == args.len()
            && overload
                .args
                .iter()
                .zip(args)
                .all(|(t, value)| fits(t, value))
    };
    let found = match call.overload {
        Some(overload) => Some(overload).filter(takes),
        None => call.candidates.iter().find(takes),
    };
    match found {
        Some(overload) => (overload.eval)(args),
        None => {
            let kinds: Vec<String> = args.iter().map(Value::type_name).collect();
            Err(EvalError::Message(format!(
                "no such overload: {}({})",
                call.function,
                kinds.join(", ")
            )))
        }
    }
}

fn cost_of(call: &Call, args: &[Value], result: Option<&Value>) -> u64 {
    match call.cost {
        Some(cost) => cost(args, result.unwrap_or(&Value::Null)),
        None => 1,
    }
}

/// Some of upstream's cost functions crash on an argument they do not expect.
fn check_costs(call: &Call, args: &[Value]) -> Result<(), EvalError> {
    let Some(overload) = call.overload.filter(|overload| overload.id.starts_with("list_")) else {
        return Ok(());
    };
    let seen: Vec<Option<&Value>> = args
        .iter()
        .map(|arg| Some(arg).filter(|arg| !matches!(arg, Value::Null)))
        .collect();
    if cost_fails(overload.id, &seen) {
        return Err(EvalError::Internal(
            "interface conversion: not the list that was declared".to_owned(),
        ));
    }
    Ok(())
}
