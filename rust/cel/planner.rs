//! From a checked expression to a program.
//!
//! Constants are folded exactly where cel-go folds them, because it shows: a conversion of a constant that fails is an
//! error of compilation, and a literal of constants costs nothing. Start at [`plan`].

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::ast::{self, Expr, Kind, Reference, operator as op};
use super::device::Table;
use super::functions::Function;
use super::interpret;
use super::names;
use super::number;
use super::overload::{EvalError, Overload};
use super::program::{
    Attribute, Call, Compare, Fold, Index, Leaf, Node, Path, Program, Qualifier, Root, Special,
};
use super::regex;
use super::shortcut::{Domains, bound_domain, is_short, shorten};
use super::types::Type;
use super::value::{Key, Value};

/// Plans a checked expression; the error is what upstream says after `program instantiation failed: `.
pub(super) fn plan(expr: &Expr, types: &[Type], slots: u32) -> Result<Program, String> {
    let mut planner = Planner {
        types,
        domains: Domains::new(),
    };
    let root = planner.node(expr)?;
    Ok(Program {
        is_short: is_short(&root),
        root,
        slots: slots as usize,
    })
}

struct Planner<'t> {
    types: &'t [Type],
    /// Variables that stand for nothing but a domain.
    domains: Domains,
}

/// Functions whose call on a constant upstream evaluates when it plans.
const CONVERSIONS: [&str; 10] = [
    "bool",
    "bytes",
    "double",
    "duration",
    "dyn",
    "int",
    "string",
    "timestamp",
    "type",
    "uint",
];

/// Functions of texts whose results on constants are remembered. What they cost is still counted.
const REMEMBERED: [&str; 10] = [
    "quantity",
    "isQuantity",
    "semver",
    "isSemver",
    "ip",
    "isIP",
    "cidr",
    "isCIDR",
    "url",
    "isURL",
];

/// Overloads of one or two arguments that upstream binds as functions of many.
const VARIADIC: [&str; 1] = ["string_format"];

impl Planner<'_> {
    fn node(&mut self, expr: &Expr) -> Result<Node, String> {
        match &expr.kind {
            Kind::Literal(value) => Ok(Node::Constant(value.clone())),
            Kind::Ident(name) => Err(format!("no such attribute(s): {name}")),
            Kind::Resolved(reference) => self.reference(expr.id, reference),
            Kind::Select {
                operand,
                field,
                test,
            } => self.select(operand, field, *test),
            Kind::Call(call) => Ok(shorten(self.call(call)?, &self.domains)),
            Kind::List { elements, optional } => self.list(elements, optional),
            Kind::Map(entries) => self.map(entries),
            Kind::Struct { name, fields } => self.message(name, fields),
            Kind::Fold(fold) => self.fold(fold),
        }
    }

    fn reference(&self, id: u32, reference: &Reference) -> Result<Node, String> {
        let root = match reference {
            Reference::Device => Root::Device,
            Reference::Local(slot, name) => {
                // Upstream takes every variable that holds a type for the name of one.
                if matches!(self.types.get(id as usize), Some(Type::Type(_))) {
                    return Err(format!("reference to undefined type: {name}"));
                }
                Root::Slot(*slot as usize)
            }
            Reference::Type(t) => return Ok(Node::Constant(Value::Type(Arc::new(t.clone())))),
            Reference::Constant(value) => return Ok(Node::Constant(Value::Int(*value))),
            Reference::Undefined(name) => {
                return Err(format!("reference to undefined type: {name}"));
            }
        };
        Ok(attribute(Box::new(Attribute::new(root))))
    }

    fn select(&mut self, operand: &Expr, name: &Arc<str>, test: bool) -> Result<Node, String> {
        let mut selected = as_attribute(self.node(operand)?);
        selected.qualify(&Arc::new(Qualifier {
            index: Index::Constant(
                Value::String(Arc::clone(name)),
                Key::String(Arc::clone(name)),
            ),
            optional: false,
            test,
        }));
        selected.test = test;
        Ok(attribute(selected))
    }

    fn nodes(&mut self, exprs: &[Expr]) -> Result<Vec<Node>, String> {
        exprs.iter().map(|expr| self.node(expr)).collect()
    }

    fn call(&mut self, call: &ast::Call) -> Result<Node, String> {
        let mut args = Vec::with_capacity(call.args.len() + 1);
        if let Some(target) = &call.target {
            args.push(self.node(target)?);
        }
        args.extend(self.nodes(&call.args)?);
        let name = call.function.as_ref();
        if name == op::CONDITIONAL {
            return conditional(args);
        }
        let pair = match name {
            op::AND => Node::And,
            op::OR => Node::Or,
            op::EQUALS => Node::Equal,
            op::NOT_EQUALS => Node::NotEqual,
            "or" if call.target.is_some() => Node::OrOptional,
            "orValue" if call.target.is_some() => Node::OrValue,
            op::INDEX => return index(args, false),
            op::OPT_INDEX | op::OPT_SELECT => return index(args, true),
            _ => return invocation(call, args),
        };
        match <[Node; 2]>::try_from(args) {
            Ok(two) => Ok(pair(Box::new(two))),
            Err(_) => Err(format!("no such overload: {name}")),
        }
    }

    fn list(&mut self, elements: &[Expr], optional: &[bool]) -> Result<Node, String> {
        let nodes = self.nodes(elements)?;
        let constant = nodes.iter().all(|node| node.constant().is_some());
        let marks = optional.iter().copied().chain(std::iter::repeat(false));
        let list = Node::List(nodes.into_iter().zip(marks).collect());
        Ok(if constant { literal(&list)? } else { list })
    }

    fn map(&mut self, entries: &[ast::Entry]) -> Result<Node, String> {
        let mut nodes = Vec::with_capacity(entries.len());
        for entry in entries {
            nodes.push((
                self.node(&entry.key)?,
                self.node(&entry.value)?,
                entry.optional,
            ));
        }
        let constant = nodes
            .iter()
            .all(|(key, value, _)| key.constant().is_some() && value.constant().is_some());
        let map = Node::Map(nodes.into());
        Ok(if constant { literal(&map)? } else { map })
    }

    fn message(&mut self, name: &str, fields: &[ast::Field]) -> Result<Node, String> {
        let mut nodes = Vec::with_capacity(fields.len());
        for field in fields {
            nodes.push((self.node(&field.value)?, field.optional));
        }
        if names::message(name).is_none() {
            return Err(format!("unknown type: {name}"));
        }
        Ok(Node::Message(Box::new((name.to_owned(), nodes))))
    }

    fn fold(&mut self, fold: &ast::Fold) -> Result<Node, String> {
        let mut planned = Box::new(Fold {
            slot: fold.slot as usize,
            two: fold.iter2.is_some(),
            init: self.node(&fold.init)?,
            range: self.node(&fold.range)?,
            condition: self.node(&fold.condition)?,
            step: self.node(&fold.step)?,
            result: Node::Constant(Value::Null),
        });
        if let Some((table, domain)) = bound_domain(&planned) {
            self.domains
                .insert(planned.slot, (table, Arc::clone(domain)));
        }
        planned.result = self.node(&fold.result)?;
        Ok(Node::Fold(planned))
    }
}

fn attribute(mut attribute: Box<Attribute>) -> Node {
    attribute.path = attribute.path();
    Node::Attribute(attribute)
}

/// The node as something to select from; an attribute simply goes on.
#[expect(
    clippy::unnecessary_box_returns,
    reason = "the box it stands in already is used again"
)]
fn as_attribute(node: Node) -> Box<Attribute> {
    match node {
        Node::Attribute(mut attribute) => {
            attribute.test = false;
            attribute
        }
        other => Box::new(Attribute::new(Root::Node(other))),
    }
}

impl Attribute {
    fn new(root: Root) -> Self {
        Attribute {
            root,
            qualifiers: Vec::new(),
            test: false,
            path: None,
        }
    }

    /// Where it leads, if it is made of plain constant steps from the device.
    fn path(&self) -> Option<Path> {
        if !matches!(self.root, Root::Device) {
            return None;
        }
        let (field, steps) = self.qualifiers.split_first()?;
        let table = match &**field.plain()? {
            "driver" if steps.is_empty() => return Some(Path::Driver),
            "attributes" => Table::Attributes,
            "capacity" => Table::Capacity,
            _ => return None,
        };
        let domain = Arc::clone(steps.first()?.plain()?);
        match steps {
            [_] => Some(Path::Domain(table, domain)),
            [_, id] => {
                let id = Arc::clone(id.plain()?);
                let is_plain = !domain.contains('/') && !id.contains('/');
                is_plain.then_some(Path::Leaf(table, Leaf { domain, id }))
            }
            _ => None,
        }
    }

    /// Selects further; from a conditional, in both branches.
    fn qualify(&mut self, qualifier: &Arc<Qualifier>) {
        self.path = None;
        if let Root::Conditional(parts) = &mut self.root {
            parts.1.qualify(qualifier);
            parts.2.qualify(qualifier);
        } else {
            self.qualifiers.push(Arc::clone(qualifier));
        }
    }
}

impl Node {
    fn constant(&self) -> Option<&Value> {
        match self {
            Node::Constant(value) => Some(value),
            // A literal whose evaluation failed is a constant for upstream; nothing more is folded from it here.
            _ => None,
        }
    }
}

fn conditional(args: Vec<Node>) -> Result<Node, String> {
    let Ok([condition, yes, no]) = <[Node; 3]>::try_from(args) else {
        return Err("no such overload: _?_:_".to_owned());
    };
    let parts = (condition, *as_attribute(yes), *as_attribute(no));
    let root = Root::Conditional(Box::new(parts));
    Ok(attribute(Box::new(Attribute::new(root))))
}

fn index(args: Vec<Node>, optional: bool) -> Result<Node, String> {
    let Ok([operand, by]) = <[Node; 2]>::try_from(args) else {
        return Err("no such overload: _[_]".to_owned());
    };
    let mut selected = as_attribute(operand);
    let index = match by {
        Node::Constant(value) => {
            let key = index_key(&value).map_err(|error| error.text(""))?;
            Index::Constant(value, key)
        }
        other => Index::Computed(*as_attribute(other)),
    };
    selected.qualify(&Arc::new(Qualifier {
        index,
        optional,
        test: false,
    }));
    Ok(attribute(selected))
}

/// The key that a value in brackets makes.
pub(super) fn index_key(value: &Value) -> Result<Key, EvalError> {
    let plain = matches!(
        value,
        Value::String(_) | Value::Int(_) | Value::Uint(_) | Value::Bool(_) | Value::Double(_)
    );
    Key::of(value)
        .filter(|_| plain)
        .ok_or_else(|| EvalError::Message(format!("invalid qualifier type: {}", value.go_type())))
}

/// A list or map of constants. Where building it fails, so does every evaluation.
fn literal(node: &Node) -> Result<Node, String> {
    match interpret::literal(node) {
        Ok(value) => Ok(Node::Constant(value)),
        // Upstream crashes already when planning.
        Err(EvalError::Internal(text)) => Err(text),
        Err(error) => Ok(Node::Known(Box::new((Err(error), 0)))),
    }
}

fn invocation(call: &ast::Call, args: Vec<Node>) -> Result<Node, String> {
    let Some(ast::Found {
        function: found,
        overload,
    }) = call.found
    else {
        return Err(format!("no such overload: {}", call.function));
    };
    let id = overload.map_or("", |overload| overload.id);
    if id == "in_list"
        && let Some(Value::List(list)) = args.get(1).and_then(Node::constant)
        && let Some(set) = membership(list)
    {
        let Some(element) = args.into_iter().next() else {
            return Err("no such overload: @in".to_owned());
        };
        return Ok(match set {
            set if set.is_empty() => Node::Constant(Value::Bool(false)),
            set => Node::Membership(Box::new((element, set))),
        });
    }
    let planned = planned(found, overload, args)?;
    let constants: Option<Vec<Value>> = planned
        .args
        .iter()
        .map(|arg| arg.constant().cloned())
        .collect();
    let Some(constants) = constants else {
        return Ok(Node::Call(Box::new(planned)));
    };
    if planned.args.len() == 1 && CONVERSIONS.contains(&found.name) {
        let (result, _) = interpret::constant_call(&planned, &constants);
        return result.map(Node::Constant).map_err(|error| error.text(""));
    }
    if REMEMBERED.contains(&found.name) {
        return Ok(Node::Known(Box::new(interpret::constant_call(
            &planned, &constants,
        ))));
    }
    Ok(Node::Call(Box::new(planned)))
}

fn planned(
    found: &'static Function,
    overload: Option<&'static Overload>,
    args: Vec<Node>,
) -> Result<Call, String> {
    let cost = match overload {
        Some(overload) => overload.cost,
        None => found.name_cost,
    };
    let pattern = match (found.name, args.get(1).and_then(Node::constant)) {
        ("matches" | "find" | "findAll", Some(Value::String(pattern))) => {
            Some(regex::compile_for_reuse(pattern)?)
        }
        _ => None,
    };
    let variadic = overload.is_some_and(|overload| VARIADIC.contains(&overload.id));
    Ok(Call {
        function: found.name,
        overload,
        candidates: &found.overloads,
        singleton: found.singleton,
        cost,
        stops: args.len() > 2
            || variadic
            || pattern.is_some()
            || (overload.is_none() && !found.singleton),
        pattern,
        special: special(found.name, overload, &args),
        cost_may_fail: overload.is_some_and(|overload| overload.id.starts_with("list_")),
        args,
    })
}

fn special(name: &str, overload: Option<&Overload>, args: &[Node]) -> Special {
    let takes = |prefix| overload.is_none_or(|overload| overload.id.starts_with(prefix));
    let compare = |result| {
        Special::Compare(Compare {
            result,
            quantities: takes("quantity_"),
            versions: takes("semver_"),
        })
    };
    let slot = match args.first() {
        Some(Node::Attribute(attribute)) if attribute.qualifiers.is_empty() => {
            match attribute.root {
                Root::Slot(slot) => Some(slot),
                _ => None,
            }
        }
        _ => None,
    };
    match (name, slot) {
        (op::NOT_STRICTLY_FALSE, _) => Special::NotStrictlyFalse,
        ("compareTo", _) => compare(|order| Value::Int(order as i64)),
        ("isGreaterThan", _) => compare(|order| Value::Bool(order.is_gt())),
        ("isLessThan", _) => compare(|order| Value::Bool(order.is_lt())),
        (op::LESS, _) => Special::Order(Ordering::is_lt),
        (op::LESS_EQUALS, _) => Special::Order(Ordering::is_le),
        (op::GREATER, _) => Special::Order(Ordering::is_gt),
        (op::GREATER_EQUALS, _) => Special::Order(Ordering::is_ge),
        (op::ADD, Some(slot)) => Special::Append(slot),
        (op::ADD, None) => Special::Add,
        (op::MAP_INSERT, Some(slot)) => Special::Insert(slot),
        _ => Special::None,
    }
}

/// The set that `in` looks into, numbers in every type that holds them; none if an element is no plain value.
fn membership(list: &[Value]) -> Option<BTreeSet<Key>> {
    let mut set = BTreeSet::new();
    for element in list {
        match element {
            Value::Bool(_) | Value::String(_) => {}
            Value::Double(double) => {
                set.extend(number::lossless_int(*double).map(Key::Int));
                set.extend(number::lossless_uint(*double).map(Key::Uint));
            }
            Value::Int(i) => {
                set.extend(double_key(i128::from(*i)));
                set.extend(u64::try_from(*i).ok().map(Key::Uint));
            }
            Value::Uint(u) => {
                set.extend(double_key(i128::from(*u)));
                set.extend(i64::try_from(*u).ok().map(Key::Int));
            }
            _ => return None,
        }
        set.extend(Key::of(element).filter(|_| !is_nan(element)));
    }
    Some(set)
}

fn is_nan(value: &Value) -> bool {
    matches!(value, Value::Double(double) if double.is_nan())
}

#[expect(
    clippy::cast_precision_loss,
    reason = "upstream rounds the whole number in the same way"
)]
fn double_key(whole: i128) -> Option<Key> {
    Key::of(&Value::Double(whole as f64))
}
