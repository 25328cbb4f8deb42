//! Terms that most selectors are made of: one value of the device against one constant.
//!
//! Answered directly, with the interpreter's verdict at the interpreter's cost, or not at all: whatever is unusual (an
//! absent value, one of another type, a cost limit that is near) is left to it. Start at [`shorten`].

use std::cmp::Ordering;
use std::sync::Arc;

use super::device::Table;
use super::interpret::Machine;
use super::operand::{Operand, Part};
use super::overload::EvalError;
use super::program::{Attribute, Call, Compare, Leaf, Node, Path, Root, Special};
use super::standard_costs;
use super::value::Value;
use super::variables::Slot;
use crate::attribute::QualifiedName;
use crate::quantity::Quantity;
use crate::version::Version;

/// A term that is answered directly.
#[derive(Debug)]
pub(super) struct Shortcut {
    place: Place,
    test: Test,
    /// What it costs, but for the comparison of texts, whose cost depends on them.
    cost: u64,
}

/// Where the value stands.
#[derive(Debug)]
enum Place {
    /// `device.driver`
    Driver,
    /// `device.attributes[domain].id`
    Leaf(Table, Leaf),
    /// `variable.id`, where the variable may stand for a domain and the id has no slash.
    Of(usize, Arc<str>),
}

/// What is asked of it.
#[derive(Debug)]
enum Test {
    /// Whether it is this text, or another if `equal` is not set.
    Text {
        text: Arc<str>,
        characters: u64,
        equal: bool,
    },
    /// Whether it begins or ends with this text.
    Affix(Arc<str>, fn(&str, &str) -> bool),
    Int(i64, Verdicts),
    Quantity(Arc<Quantity>, Verdicts),
    Version(Arc<Version>, Verdicts),
}

/// What is said of a value that is less than the constant, equal to it, or greater.
#[derive(Clone, Copy, Debug)]
struct Verdicts {
    less: bool,
    equal: bool,
    greater: bool,
}

impl Verdicts {
    fn of(verdict: impl Fn(Ordering) -> bool) -> Self {
        Self {
            less: verdict(Ordering::Less),
            equal: verdict(Ordering::Equal),
            greater: verdict(Ordering::Greater),
        }
    }

    fn on(self, order: Ordering) -> bool {
        match order {
            Ordering::Less => self.less,
            Ordering::Equal => self.equal,
            Ordering::Greater => self.greater,
        }
    }
}

/// The node with its shortcut beside it, if it is such a term.
pub(super) fn shorten(node: Node) -> Node {
    let shortcut = match &node {
        Node::Equal(sides) => equality(sides, true),
        Node::NotEqual(sides) => equality(sides, false),
        Node::Call(call) => comparison(call),
        _ => None,
    };
    match shortcut {
        Some(shortcut) => Node::Shortcut(Box::new((shortcut, node))),
        None => node,
    }
}

fn equality(sides: &[Node; 2], equal: bool) -> Option<Shortcut> {
    let ([Node::Attribute(attribute), Node::Constant(constant)]
    | [Node::Constant(constant), Node::Attribute(attribute)]) = sides
    else {
        return None;
    };
    let (place, cost) = place(attribute)?;
    let (test, comparison) = match constant {
        Value::String(text) => {
            let text = Arc::clone(text);
            let characters = standard_costs::size(constant);
            let test = Test::Text {
                text,
                characters,
                equal,
            };
            (test, 0)
        }
        Value::Int(int) => {
            let verdicts = Verdicts::of(|order| order.is_eq() == equal);
            (Test::Int(*int, verdicts), 1)
        }
        _ => return None,
    };
    Some(Shortcut {
        place,
        test,
        cost: cost + comparison,
    })
}

/// `value < 1`, `value.isLessThan(constant)`, `value.compareTo(constant) < 0`.
fn comparison(call: &Call) -> Option<Shortcut> {
    let [first, second] = call.args.as_slice() else {
        return None;
    };
    match (call.special, first, second) {
        _ if call.stops => None,
        (Special::None, Node::Attribute(attribute), Node::Constant(constant)) => {
            affix(call, attribute, constant)
        }
        (Special::Compare(compare), ..) => {
            own(call, compare, |order| match (compare.result)(order) {
                Value::Bool(verdict) => Some(verdict),
                _ => None,
            })
        }
        (Special::Order(is_in_order), Node::Attribute(attribute), Node::Constant(constant)) => {
            let Value::Int(int) = constant else {
                return None;
            };
            let (place, cost) = place(attribute)?;
            Some(Shortcut {
                place,
                test: Test::Int(*int, Verdicts::of(is_in_order)),
                cost: cost + 1,
            })
        }
        (Special::Order(is_in_order), Node::Call(inner), Node::Constant(Value::Int(int))) => {
            let Special::Compare(compare) = inner.special else {
                return None;
            };
            let shortcut = own(inner, compare, |order| match (compare.result)(order) {
                Value::Int(sign) => Some(is_in_order(sign.cmp(int))),
                _ => None,
            })?;
            Some(Shortcut {
                cost: shortcut.cost + 1,
                ..shortcut
            })
        }
        _ => None,
    }
}

/// `value.startsWith(constant)` and `value.endsWith(constant)`.
fn affix(call: &Call, attribute: &Attribute, constant: &Value) -> Option<Shortcut> {
    let Value::String(text) = constant else {
        return None;
    };
    let holds = match call.overload?.id {
        "starts_with_string" => |text: &str, affix: &str| text.starts_with(affix),
        "ends_with_string" => |text: &str, affix: &str| text.ends_with(affix),
        _ => return None,
    };
    let (place, cost) = place(attribute)?;
    Some(Shortcut {
        place,
        test: Test::Affix(Arc::clone(text), holds),
        cost: cost + standard_costs::affix(constant),
    })
}

/// A comparison with a constant of one of Kubernetes' own types.
fn own(
    call: &Call,
    compare: Compare,
    verdict: impl Fn(Ordering) -> Option<bool>,
) -> Option<Shortcut> {
    let [Node::Attribute(attribute), constant] = call.args.as_slice() else {
        return None;
    };
    let (value, known) = match constant {
        Node::Constant(value) => (value, 0),
        Node::Known(known) => (known.0.as_ref().ok()?, known.1),
        _ => return None,
    };
    verdict(Ordering::Equal)?;
    let verdicts = Verdicts::of(|order| verdict(order) == Some(true));
    let test = match value {
        Value::Quantity(quantity) if compare.quantities => {
            Test::Quantity(Arc::clone(quantity), verdicts)
        }
        Value::Semver(version) if compare.versions => Test::Version(Arc::clone(version), verdicts),
        _ => return None,
    };
    let (place, cost) = place(attribute)?;
    Some(Shortcut {
        place,
        test,
        cost: cost.saturating_add(known).saturating_add(1),
    })
}

/// The place an attribute leads to, and what it costs to get there: 1 for the whole and 1 for each step.
fn place(attribute: &Attribute) -> Option<(Place, u64)> {
    if attribute.test {
        return None;
    }
    if let Some(path) = &attribute.path {
        return match path {
            Path::Driver => Some((Place::Driver, 2)),
            Path::Leaf(table, leaf) => Some((Place::Leaf(*table, leaf.clone()), 4)),
            Path::Domain(..) => None,
        };
    }
    match (&attribute.root, attribute.qualifiers.as_slice()) {
        (Root::Slot(slot), [qualifier]) => {
            let id = qualifier.plain().filter(|id| !id.contains('/'))?;
            Some((Place::Of(*slot, Arc::clone(id)), 2))
        }
        _ => None,
    }
}

impl<'p> Machine<'p, '_> {
    /// The verdict; none if it is left to the interpreter.
    pub(super) fn shortcut(&mut self, shortcut: &'p Shortcut) -> Result<Option<bool>, EvalError> {
        let Some(found) = self.at(&shortcut.place)? else {
            return Ok(None);
        };
        let answer = match &shortcut.test {
            Test::Text {
                text,
                characters,
                equal,
            } => found.text(&self.device).map(|found| {
                let is_same = *found == **text;
                let cost = standard_costs::equality_with(found, is_same, *characters);
                (is_same == *equal, cost)
            }),
            Test::Affix(affix, holds) => {
                let found = found.text(&self.device);
                found.map(|found| (holds(found, affix), 0))
            }
            Test::Int(int, verdicts) => {
                let order = found.int().map(|found| found.cmp(int));
                order.map(|order| (verdicts.on(order), 0))
            }
            Test::Quantity(quantity, verdicts) => {
                let order = found.quantity().map(|found| found.cmp(quantity));
                order.map(|order| (verdicts.on(order), 0))
            }
            Test::Version(version, verdicts) => {
                let order = found.version().map(|found| found.cmp(version));
                order.map(|order| (verdicts.on(order), 0))
            }
        };
        // Where the limit is near, the interpreter finds out at which step it is passed.
        Ok(answer.and_then(|(verdict, cost)| {
            let is_charged = self.charge_if_left(cost.saturating_add(shortcut.cost));
            is_charged.then_some(verdict)
        }))
    }

    fn at(&mut self, place: &'p Place) -> Result<Option<Operand<'p>>, EvalError> {
        Ok(match place {
            Place::Driver => Some(Operand::Part(Part::Driver)),
            Place::Leaf(table, leaf) => {
                let name = QualifiedName::plain(&leaf.domain, &leaf.id);
                self.device.leaf(*table, name)
            }
            Place::Of(slot, id) => {
                self.initialise(*slot)?;
                match self.slots.get(*slot) {
                    Some(Slot::Part(Part::Domain(table, domain))) => {
                        let name = QualifiedName::with_plain_id(domain, id);
                        self.device.leaf(*table, name)
                    }
                    _ => None,
                }
            }
        })
    }
}
