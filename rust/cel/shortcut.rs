//! Terms that most selectors are made of: one value of the device against one constant.
//!
//! Answered directly, with the interpreter's verdict at the interpreter's cost, or not at all: whatever is unusual (an
//! absent value, one of another type, a cost limit that is near) is left to it. Start at [`shorten`].

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::device::{Device, Table};
use super::interpret::Machine;
use super::operand::Part;
use super::overload::EvalError;
use super::program::{Attribute, Call, Compare, Fold, Leaf, Node, Path, Root, Special};
use super::standard_costs;
use super::value::Value;
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
    /// `variable.id`, where the variable is bound to a domain.
    Bound(Variable, Table, Leaf),
}

/// The slot of a variable that is bound to a domain, which costs something when it is first looked at.
type Variable = usize;

/// Variables by their slots, and the domains they are bound to.
pub(super) type Domains = BTreeMap<Variable, (Table, Arc<str>)>;

/// What the domain costs that a variable is bound to: 1 for the whole and 1 for each step.
const DOMAIN_COST: u64 = 3;

/// What is asked of it.
#[derive(Debug)]
enum Test {
    /// Whether it is this text, or another if `equal` is not set.
    Text {
        text: Arc<str>,
        characters: u64,
        cost_if_same: u64,
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
pub(super) fn shorten(node: Node, domains: &Domains) -> Node {
    let shortcut = match &node {
        Node::Equal(sides) => equality(sides, true, domains),
        Node::NotEqual(sides) => equality(sides, false, domains),
        Node::Call(call) => comparison(call, domains),
        _ => None,
    };
    match shortcut {
        Some(shortcut) => Node::Shortcut(Box::new((shortcut, node))),
        None => node,
    }
}

fn equality(sides: &[Node; 2], equal: bool, domains: &Domains) -> Option<Shortcut> {
    let ([Node::Attribute(attribute), Node::Constant(constant)]
    | [Node::Constant(constant), Node::Attribute(attribute)]) = sides
    else {
        return None;
    };
    let (place, cost) = place(attribute, domains)?;
    let (test, comparison) = match constant {
        Value::String(text) => {
            let text = Arc::clone(text);
            let test = Test::Text {
                cost_if_same: standard_costs::equality_of_texts(&text, &text),
                text,
                characters: standard_costs::size(constant),
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
fn comparison(call: &Call, domains: &Domains) -> Option<Shortcut> {
    let [first, second] = call.args.as_slice() else {
        return None;
    };
    match (call.special, first, second) {
        _ if call.stops => None,
        (Special::None, Node::Attribute(attribute), Node::Constant(constant)) => {
            affix(call, attribute, constant, domains)
        }
        (Special::Compare(compare), ..) => own(call, compare, domains, |order| {
            match (compare.result)(order) {
                Value::Bool(verdict) => Some(verdict),
                _ => None,
            }
        }),
        (Special::Order(is_in_order), Node::Attribute(attribute), Node::Constant(constant)) => {
            let Value::Int(int) = constant else {
                return None;
            };
            let (place, cost) = place(attribute, domains)?;
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
            let shortcut = own(inner, compare, domains, |order| {
                match (compare.result)(order) {
                    Value::Int(sign) => Some(is_in_order(sign.cmp(int))),
                    _ => None,
                }
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
fn affix(
    call: &Call,
    attribute: &Attribute,
    constant: &Value,
    domains: &Domains,
) -> Option<Shortcut> {
    let Value::String(text) = constant else {
        return None;
    };
    let holds = match call.overload?.id {
        "starts_with_string" => |text: &str, affix: &str| text.starts_with(affix),
        "ends_with_string" => |text: &str, affix: &str| text.ends_with(affix),
        _ => return None,
    };
    let (place, cost) = place(attribute, domains)?;
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
    domains: &Domains,
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
    let (place, cost) = place(attribute, domains)?;
    Some(Shortcut {
        place,
        test,
        cost: cost.saturating_add(known).saturating_add(1),
    })
}

/// The place an attribute leads to, and what it costs to get there: 1 for the whole and 1 for each step.
fn place(attribute: &Attribute, domains: &Domains) -> Option<(Place, u64)> {
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
            let (table, domain) = domains.get(slot)?;
            let (domain, id) = (Arc::clone(domain), Arc::clone(id));
            Some((Place::Bound(*slot, *table, Leaf { domain, id }), 2))
        }
        _ => None,
    }
}

/// The domain that a fold only gives a name to.
pub(super) fn bound_domain(fold: &Fold) -> Option<(Table, &Arc<str>)> {
    let Node::Attribute(attribute) = &fold.init else {
        return None;
    };
    match &attribute.path {
        Some(Path::Domain(table, domain)) if !attribute.test && !domain.contains('/') => {
            fold.never_iterates().then_some((*table, domain))
        }
        _ => None,
    }
}

/// Whether a condition consists of such terms alone.
pub(super) fn is_short(condition: &Node) -> bool {
    match condition {
        Node::Shortcut(_) => true,
        Node::And(terms) | Node::Or(terms) => terms.iter().all(is_short),
        Node::Fold(fold) => bound_domain(fold).is_some() && is_short(&fold.result),
        _ => false,
    }
}

/// Whether a short condition holds, and the cost; none if it is left to the interpreter. Nothing has happened then.
pub(super) fn answer(condition: &Node, device: &Device<'_>, limit: u64) -> Option<(bool, u64)> {
    let mut spent = Spent::default();
    let verdict = spent.decide(condition, device)?;
    // Where the limit is passed, the interpreter finds out at which step.
    (spent.cost <= limit).then_some((verdict, spent.cost))
}

/// The attribute, by domain and id, that must be a text for a short condition to hold, and the text; for one that comes
/// before anything else and is affordable whatever is published.
pub(super) fn sought(condition: &Node, limit: u64) -> Option<(&str, &str, &str)> {
    match condition {
        Node::Shortcut(parts) => {
            let Shortcut { place, test, cost } = &parts.0;
            let (Place::Leaf(Table::Attributes, leaf) | Place::Bound(_, Table::Attributes, leaf)) =
                place
            else {
                return None;
            };
            let Test::Text {
                text,
                cost_if_same,
                equal: true,
                ..
            } = test
            else {
                return None;
            };
            let most = cost
                .saturating_add(*cost_if_same)
                .saturating_add(DOMAIN_COST);
            (most <= limit).then_some((&leaf.domain, &leaf.id, text))
        }
        Node::And(terms) => sought(&terms[0], limit),
        Node::Fold(fold) => sought(&fold.result, limit),
        _ => None,
    }
}

/// What an answer has cost so far.
#[derive(Default)]
struct Spent {
    cost: u64,
    /// The variables that have been looked at, a bit each.
    seen: u64,
}

impl Spent {
    fn decide(&mut self, condition: &Node, device: &Device<'_>) -> Option<bool> {
        match condition {
            Node::Shortcut(parts) => self.term(&parts.0, device),
            Node::And(terms) => {
                let first = self.decide(&terms[0], device)?;
                if first {
                    self.decide(&terms[1], device)
                } else {
                    Some(false)
                }
            }
            Node::Or(terms) => {
                let first = self.decide(&terms[0], device)?;
                if first {
                    Some(true)
                } else {
                    self.decide(&terms[1], device)
                }
            }
            Node::Fold(fold) => self.decide(&fold.result, device),
            _ => None,
        }
    }

    fn term(&mut self, shortcut: &Shortcut, device: &Device<'_>) -> Option<bool> {
        let (verdict, cost) = shortcut.verdict(device)?;
        self.cost = self.cost.saturating_add(cost);
        if let Place::Bound(variable, ..) = shortcut.place {
            let bit = 1_u64.checked_shl(u32::try_from(variable).ok()?)?;
            if self.seen & bit == 0 {
                self.seen |= bit;
                self.cost = self.cost.saturating_add(DOMAIN_COST);
            }
        }
        Some(verdict)
    }
}

impl Shortcut {
    /// The verdict and what it costs, beside what the first look at a variable costs.
    fn verdict(&self, device: &Device<'_>) -> Option<(bool, u64)> {
        let found = match &self.place {
            Place::Driver => Part::Driver,
            Place::Leaf(table, leaf) | Place::Bound(_, table, leaf) => {
                device.part(*table, QualifiedName::plain(&leaf.domain, &leaf.id))?
            }
        };
        let verdict = match &self.test {
            Test::Text {
                text,
                characters,
                cost_if_same,
                equal,
            } => {
                let found = found.text(device)?;
                let is_same = *found == **text;
                let cost = if is_same {
                    *cost_if_same
                } else {
                    standard_costs::equality_with(found, *characters)
                };
                return Some((is_same == *equal, self.cost.saturating_add(cost)));
            }
            Test::Affix(affix, holds) => holds(found.text(device)?, affix),
            Test::Int(int, verdicts) => verdicts.on(found.int()?.cmp(int)),
            Test::Quantity(quantity, verdicts) => verdicts.on(found.quantity()?.cmp(quantity)),
            Test::Version(version, verdicts) => verdicts.on(found.version()?.cmp(version)),
        };
        Some((verdict, self.cost))
    }
}

impl<'p> Machine<'p, '_> {
    /// The verdict; none if it is left to the interpreter.
    pub(super) fn shortcut(&mut self, shortcut: &'p Shortcut) -> Result<Option<bool>, EvalError> {
        if let Place::Bound(variable, ..) = shortcut.place {
            self.initialise(variable)?;
        }
        let answer = shortcut.verdict(&self.device);
        // Where the limit is near, the interpreter finds out at which step it is passed.
        Ok(answer.and_then(|(verdict, cost)| self.charge_if_left(cost).then_some(verdict)))
    }
}
