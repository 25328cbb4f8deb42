//! From a checked expression to a tree that can be evaluated: names resolved, constants folded as upstream folds them.
//!
//! Folding follows cel-go's optimiser exactly, because it decides errors (a conversion of a constant that fails is an
//! error of compilation) and costs (constant literals cost nothing). What is folded beyond it, calls of constants, is
//! only remembered: its cost is charged at every evaluation. Never evaluates against a device. Start at [`plan`].

use super::ast::{Call, Entry, Expr, Fold, Kind, Reference, operator};
use super::eval::{evaluate_call, evaluate_constant};
use super::functions::function;
use super::matcher::Matcher;
use super::overload::{EvalError, Overload};
use super::types::Type;
use super::value::{Key, Value};

/// A planned expression.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) root: Node,
    /// Slots that folds need.
    pub(super) slots: usize,
    /// Whether an expression may be evaluated more than once, so that costs need the full bookkeeping.
    pub(super) has_loops: bool,
}

/// An id that upstream's cost tracker knows a result by.
pub(super) type Id = u32;

/// A node of the plan.
#[derive(Debug)]
pub(super) enum Node {
    /// A constant; folding may leave an error in it.
    Constant(Id, Result<Value, EvalError>),
    /// A variable, or anything else, with qualifiers.
    Attribute(Box<Attribute>),
    /// `||`.
    Or(Id, Vec<Node>),
    /// `&&`.
    And(Id, Vec<Node>),
    /// A function.
    Call(Box<PlannedCall>),
    /// `x in [constants]`; upstream charges nothing for it.
    Membership(Id, Box<Node>, Vec<Value>),
    /// A list literal; marks are for `?element`.
    List(Id, Vec<(Node, bool)>),
    /// A map literal; marks are for `?key`.
    Map(Id, Vec<(Node, Node, bool)>),
    /// A fold.
    Fold(Box<PlannedFold>),
}

/// A value that is selected from.
#[derive(Debug)]
pub(super) struct Attribute {
    /// Id of the value itself, used while there are no qualifiers.
    pub(super) id: Id,
    pub(super) base: Base,
    pub(super) qualifiers: Vec<Qualifier>,
    /// Id of the `has()` that asks for presence of the last qualifier only.
    pub(super) test: Option<Id>,
    /// Whether it was written as an optional index.
    pub(super) is_optional: bool,
}

/// What is selected from.
#[derive(Debug)]
pub(super) enum Base {
    /// The variable `device`.
    Device,
    /// A variable of a fold, by slot.
    Slot(usize),
    /// The result of another node.
    Node(Node),
    /// `condition ? truthy : falsy`.
    Conditional(Node, Box<Attribute>, Box<Attribute>),
}

/// One step of selection.
#[derive(Clone, Debug)]
pub(super) enum Qualifier {
    /// A constant key or index.
    Constant {
        id: Id,
        value: Value,
        key: Option<Key>,
        is_optional: bool,
        is_test: bool,
    },
    /// A computed key or index.
    Computed {
        id: Id,
        index: std::sync::Arc<Attribute>,
        is_optional: bool,
        /// Whether the index is an attribute of its own; costs are tracked differently.
        is_attribute: bool,
    },
}

/// A call with its overloads resolved.
#[derive(Debug)]
pub(super) struct PlannedCall {
    pub(super) id: Id,
    pub(super) function: &'static str,
    /// The one overload that fits, or none if it is only known at run time.
    pub(super) overload: Option<&'static str>,
    pub(super) candidates: Vec<&'static Overload>,
    pub(super) args: Vec<Node>,
    /// Result and cost of a call of constants.
    pub(super) remembered: Option<(Result<Value, EvalError>, u64)>,
    /// A constant pattern, compiled.
    pub(super) pattern: Option<Matcher>,
}

/// A fold over a list or map.
#[derive(Debug)]
pub(super) struct PlannedFold {
    pub(super) id: Id,
    pub(super) slot: usize,
    pub(super) has_two_variables: bool,
    pub(super) range: Node,
    pub(super) init: Node,
    pub(super) condition: Node,
    pub(super) step: Node,
    pub(super) result: Node,
}

/// Plans a checked expression. An error is upstream's text, to be put behind `program instantiation failed: `.
pub(super) fn plan(expression: &Expr) -> Result<Plan, String> {
    let mut planner = Planner {
        slots: 0,
        has_loops: false,
    };
    let root = planner.node(expression)?;
    Ok(Plan {
        root,
        slots: planner.slots,
        has_loops: planner.has_loops,
    })
}

struct Planner {
    slots: usize,
    has_loops: bool,
}

impl Node {
    /// The id its result is known by.
    pub(super) fn id(&self) -> Id {
        match self {
            Self::Constant(id, _)
            | Self::Or(id, _)
            | Self::And(id, _)
            | Self::Membership(id, ..)
            | Self::List(id, _)
            | Self::Map(id, _) => *id,
            Self::Attribute(attribute) => attribute.test.unwrap_or_else(|| attribute.id()),
            Self::Call(call) => call.id,
            Self::Fold(fold) => fold.id,
        }
    }

    fn constant(&self) -> Option<&Value> {
        match self {
            Self::Constant(_, Ok(value)) => Some(value),
            _ => None,
        }
    }
}

impl Attribute {
    fn new(id: Id, base: Base) -> Self {
        Self {
            id,
            base,
            qualifiers: Vec::new(),
            test: None,
            is_optional: false,
        }
    }

    /// The id of the last qualifier, or its own.
    pub(super) fn id(&self) -> Id {
        if let Base::Conditional(_, truthy, falsy) = &self.base {
            let (truthy, falsy) = (truthy.id(), falsy.id());
            return if truthy == falsy { truthy } else { self.id };
        }
        self.qualifiers.last().map_or(self.id, Qualifier::id)
    }

    fn qualify(&mut self, qualifier: Qualifier) {
        if let Base::Conditional(_, truthy, falsy) = &mut self.base {
            truthy.qualify(qualifier.clone());
            falsy.qualify(qualifier);
        } else {
            self.qualifiers.push(qualifier);
        }
    }
}

impl Qualifier {
    pub(super) fn id(&self) -> Id {
        match self {
            Self::Constant { id, .. } | Self::Computed { id, .. } => *id,
        }
    }
}

impl Planner {
    fn node(&mut self, expr: &Expr) -> Result<Node, String> {
        let id = expr.id;
        match &expr.kind {
            Kind::Literal(value) => Ok(Node::Constant(id, Ok(value.clone()))),
            Kind::Resolved(reference) => Self::reference(id, reference),
            Kind::Ident(name) => Err(format!("no such attribute(s): {name}")),
            Kind::Select {
                operand,
                field,
                test,
            } => self.select(id, operand, field, *test),
            Kind::Call(call) => self.call(id, call),
            Kind::List { elements, optional } => self.list(id, elements, optional),
            Kind::Map(entries) => self.map(id, entries),
            Kind::Struct { name, .. } => Err(format!("unknown type: {name}")),
            Kind::Fold(fold) => self.fold(id, fold),
        }
    }

    fn reference(id: Id, reference: &Reference) -> Result<Node, String> {
        let attribute = |base| Ok(Node::Attribute(Box::new(Attribute::new(id, base))));
        match reference {
            Reference::Device => attribute(Base::Device),
            Reference::Local(slot) => attribute(Base::Slot(*slot as usize)),
            Reference::Type(of) => Ok(Node::Constant(id, Ok(Value::Type(std::sync::Arc::new(of.clone()))))),
            Reference::Constant(number) => Ok(Node::Constant(id, Ok(Value::Int(*number)))),
            Reference::Undefined(name) => Err(format!("reference to undefined type: {name}")),
        }
    }

    /// The node as something to select from.
    fn attribute(node: Node) -> Attribute {
        match node {
            Node::Attribute(attribute) if attribute.test.is_none() => *attribute,
            other => Attribute::new(other.id(), Base::Node(other)),
        }
    }

    fn select(&mut self, id: Id, operand: &Expr, field: &str, is_test: bool) -> Result<Node, String> {
        let mut attribute = Self::attribute(self.node(operand)?);
        let field: std::sync::Arc<str> = std::sync::Arc::from(field);
        attribute.qualify(Qualifier::Constant {
            id,
            value: Value::String(std::sync::Arc::clone(&field)),
            key: Some(Key::String(field)),
            is_optional: false,
            is_test,
        });
        if is_test {
            attribute.test = Some(id);
        }
        Ok(Node::Attribute(Box::new(attribute)))
    }

    fn call(&mut self, id: Id, call: &Call) -> Result<Node, String> {
        let args: Vec<Node> = call
            .target
            .iter()
            .chain(&call.args)
            .map(|arg| self.node(arg))
            .collect::<Result<_, _>>()?;
        match call.function.as_str() {
            operator::AND => Ok(Node::And(id, args)),
            operator::OR => Ok(Node::Or(id, args)),
            operator::CONDITIONAL => Ok(Self::conditional(id, args)),
            operator::INDEX => Self::index(id, args, false),
            operator::OPT_SELECT | operator::OPT_INDEX => Self::index(id, args, true),
            _ => Self::function(id, call, args),
        }
    }

    fn conditional(id: Id, args: Vec<Node>) -> Node {
        let mut args = args.into_iter();
        let (Some(condition), Some(truthy), Some(falsy)) = (args.next(), args.next(), args.next()) else {
            return Node::Constant(id, Err(EvalError::NoSuchOverload));
        };
        let base = Base::Conditional(
            condition,
            Box::new(Self::attribute(truthy)),
            Box::new(Self::attribute(falsy)),
        );
        Node::Attribute(Box::new(Attribute::new(id, base)))
    }

    fn index(id: Id, args: Vec<Node>, is_optional: bool) -> Result<Node, String> {
        let mut args = args.into_iter();
        let (Some(operand), Some(index)) = (args.next(), args.next()) else {
            return Err("no such overload: _[_]".to_owned());
        };
        let mut attribute = Self::attribute(operand);
        attribute.qualify(match index {
            Node::Constant(_, Ok(value)) => {
                let key = Key::of(&value);
                let is_key = matches!(
                    value,
                    Value::String(_) | Value::Int(_) | Value::Uint(_) | Value::Bool(_) | Value::Double(_)
                );
                if !is_key {
                    return Err(format!("invalid qualifier type: {}", value.go_type()));
                }
                Qualifier::Constant {
                    id,
                    value,
                    key,
                    is_optional,
                    is_test: false,
                }
            }
            Node::Attribute(index) if index.test.is_none() => Qualifier::Computed {
                id,
                index: std::sync::Arc::from(index),
                is_optional,
                is_attribute: true,
            },
            other => Qualifier::Computed {
                id,
                index: std::sync::Arc::new(Attribute::new(id, Base::Node(other))),
                is_optional,
                is_attribute: false,
            },
        });
        Ok(Node::Attribute(Box::new(attribute)))
    }

    fn function(id: Id, call: &Call, args: Vec<Node>) -> Result<Node, String> {
        let Some(found) = function(&call.function) else {
            return Err(format!("no such overload: {}", call.function));
        };
        let (function, overloads) = (found.name, &found.overloads);
        let chosen: Vec<&'static Overload> =
            call.overloads.iter().filter_map(|position| overloads.get(*position)).collect();
        let overload = match chosen.as_slice() {
            [one] => Some(one.id),
            _ => None,
        };
        // With several candidates every overload of the function is tried on the values.
        let candidates = if chosen.len() == 1 { chosen } else { overloads.iter().collect() };
        if overload == Some("in_list")
            && let Some(membership) = membership(&args)
        {
            return Ok(match membership {
                Some(values) => {
                    let operand = args.into_iter().next();
                    match operand {
                        Some(operand) => Node::Membership(id, Box::new(operand), values),
                        None => Node::Constant(id, Ok(Value::Bool(false))),
                    }
                }
                None => Node::Constant(id, Ok(Value::Bool(false))),
            });
        }
        let mut planned = PlannedCall {
            id,
            function,
            overload,
            candidates,
            args,
            remembered: None,
            pattern: None,
        };
        let constants: Option<Vec<Value>> = planned.args.iter().map(|arg| arg.constant().cloned()).collect();
        if let Some(constants) = constants {
            let (result, cost) = evaluate_constant(&planned, &constants);
            if constants.len() == 1 && is_conversion(function) {
                return match result {
                    Ok(value) => Ok(Node::Constant(id, Ok(value))),
                    Err(error) => Err(error.text(function)),
                };
            }
            planned.remembered = Some((result, cost));
        } else if let Some(Value::String(pattern)) = planned.args.get(1).and_then(Node::constant) {
            planned.pattern = Matcher::new(function, pattern);
        }
        Ok(Node::Call(Box::new(planned)))
    }

    fn list(&mut self, id: Id, elements: &[Expr], optional: &[bool]) -> Result<Node, String> {
        let mut nodes = Vec::with_capacity(elements.len());
        for (position, element) in elements.iter().enumerate() {
            let is_optional = optional.get(position).copied().unwrap_or(false);
            nodes.push((self.node(element)?, is_optional));
        }
        let is_constant = nodes.iter().all(|(node, _)| matches!(node, Node::Constant(..)));
        let list = Node::List(id, nodes);
        Ok(if is_constant { Node::Constant(id, evaluate_call(&list)) } else { list })
    }

    fn map(&mut self, id: Id, entries: &[Entry]) -> Result<Node, String> {
        let mut nodes = Vec::with_capacity(entries.len());
        for entry in entries {
            nodes.push((self.node(&entry.key)?, self.node(&entry.value)?, entry.optional));
        }
        let is_constant = |node: &Node| matches!(node, Node::Constant(..));
        let all_constant = nodes.iter().all(|(key, value, _)| is_constant(key) && is_constant(value));
        let map = Node::Map(id, nodes);
        Ok(if all_constant { Node::Constant(id, evaluate_call(&map)) } else { map })
    }

    fn fold(&mut self, id: Id, fold: &Fold) -> Result<Node, String> {
        let slot = fold.slot as usize;
        self.slots = self.slots.max(slot + 3);
        let planned = PlannedFold {
            id,
            slot,
            has_two_variables: fold.iter2.is_some(),
            init: self.node(&fold.init)?,
            range: self.node(&fold.range)?,
            condition: self.node(&fold.condition)?,
            step: self.node(&fold.step)?,
            result: self.node(&fold.result)?,
        };
        let is_empty = |value: &Value| matches!(value, Value::List(list) if list.is_empty());
        self.has_loops |= !planned.range.constant().is_some_and(is_empty);
        Ok(Node::Fold(Box::new(planned)))
    }
}

/// Functions whose calls on a constant upstream evaluates when compiling.
fn is_conversion(function: &str) -> bool {
    matches!(
        function,
        "bool" | "bytes" | "double" | "dyn" | "duration" | "int" | "string" | "timestamp" | "type" | "uint"
    )
}

/// The values of `x in [constants]` as a set: none if it cannot be one, `Some(None)` for an empty list.
#[expect(clippy::option_option, reason = "three different answers")]
fn membership(args: &[Node]) -> Option<Option<Vec<Value>>> {
    let Some(Value::List(list)) = args.get(1).and_then(Node::constant) else {
        return None;
    };
    if list.is_empty() {
        return Some(None);
    }
    let is_simple = |value: &Value| {
        matches!(
            value,
            Value::Bool(_) | Value::Int(_) | Value::Uint(_) | Value::Double(_) | Value::String(_)
        )
    };
    list.iter().all(is_simple).then(|| Some(list.to_vec()))
}

/// The type of a value as `type()` gives it.
pub(super) fn type_value(of: &Value) -> Value {
    Value::Type(std::sync::Arc::new(of.type_of()))
}

/// Whether a value may stand where an overload declares the type.
pub(super) fn fits(declared: &Type, value: &Value) -> bool {
    match (declared, value) {
        (Type::Dyn | Type::Param(_) | Type::Var(_) | Type::Error, _)
        | (Type::Null, Value::Null)
        | (Type::Bool, Value::Bool(_))
        | (Type::Int, Value::Int(_))
        | (Type::Uint, Value::Uint(_))
        | (Type::Double, Value::Double(_))
        | (Type::String, Value::String(_))
        | (Type::Bytes, Value::Bytes(_))
        | (Type::Duration, Value::Duration(..))
        | (Type::Timestamp, Value::Timestamp(..))
        | (Type::List(_), Value::List(_))
        | (Type::Map(..), Value::Map(_) | Value::Object(_))
        | (Type::Optional(_), Value::Optional(_))
        | (Type::Type(_), Value::Type(_)) => true,
        (Type::Named(name), value) => matches!(value.type_of(), Type::Named(is) if is == *name),
        _ => false,
    }
}
