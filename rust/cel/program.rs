//! A compiled expression: what is left when names, overloads and constants are settled.
//!
//! The shape follows cel-go's interpreter where its cost tracker can see the difference: variables and what is selected
//! from them form one [`Attribute`], which costs 1 as a whole and 1 for each step, and nothing as a whole when it is a
//! branch of a conditional. Built by [`super::planner`], run by [`super::interpret`].

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::device::Table;
use super::overload::{EvalResult, Overload};
use super::regex::GoRegex;
use super::shortcut::Shortcut;
use super::value::{Key, Value};

/// A compiled expression.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) root: Node,
    /// Whether it consists of terms that are answered directly.
    pub(super) is_short: bool,
    /// How many variables of folds there are.
    pub(super) slots: usize,
}

/// A step of the evaluation.
#[derive(Debug)]
pub(super) enum Node {
    /// A constant; costs nothing.
    Constant(Value),
    /// A call of constants, remembered: its result and its cost.
    Known(Box<(EvalResult, u64)>),
    /// A variable or a value, and what is selected from it.
    Attribute(Box<Attribute>),
    /// `||`.
    Or(Box<[Node; 2]>),
    /// `&&`.
    And(Box<[Node; 2]>),
    /// `==`.
    Equal(Box<[Node; 2]>),
    /// `!=`.
    NotEqual(Box<[Node; 2]>),
    /// A comparison that is answered directly, with what it stands for.
    Shortcut(Box<(Shortcut, Node)>),
    /// A call of any other function.
    Call(Box<Call>),
    /// `x in [constants]`.
    Membership(Box<(Node, BTreeSet<Key>)>),
    /// A list; the marks are for `?element`.
    List(Box<[(Node, bool)]>),
    /// A map; the marks are for `?key`.
    Map(Box<[(Node, Node, bool)]>),
    /// A message of this name.
    Message(Box<(String, Vec<(Node, bool)>)>),
    /// A fold.
    Fold(Box<Fold>),
    /// `optional.or(optional)`, the right side evaluated only if needed.
    OrOptional(Box<[Node; 2]>),
    /// `optional.orValue(value)`, the right side evaluated only if needed.
    OrValue(Box<[Node; 2]>),
}

/// A value and what is selected from it.
#[derive(Debug)]
pub(super) struct Attribute {
    pub(super) root: Root,
    pub(super) qualifiers: Vec<Arc<Qualifier>>,
    /// Whether it stands in `has()`.
    pub(super) test: bool,
    /// Where it leads, if that is known beforehand.
    pub(super) path: Option<Path>,
}

/// What plain constant steps from `device` lead to.
#[derive(Debug)]
pub(super) enum Path {
    /// `device.driver`
    Driver,
    /// `device.attributes[domain]`
    Domain(Table, Arc<str>),
    /// `device.attributes[domain].id`
    Leaf(Table, Leaf),
}

/// An id in a domain, neither with a slash.
#[derive(Clone, Debug)]
pub(super) struct Leaf {
    pub(super) domain: Arc<str>,
    pub(super) id: Arc<str>,
}

/// What is selected from.
#[derive(Debug)]
pub(super) enum Root {
    /// The variable `device`.
    Device,
    /// A variable of a fold.
    Slot(usize),
    /// Any other value.
    Node(Node),
    /// `condition ? yes : no`.
    Conditional(Box<(Node, Attribute, Attribute)>),
}

/// One step of a selection.
#[derive(Debug)]
pub(super) struct Qualifier {
    pub(super) index: Index,
    /// Whether the step is written with a question mark.
    pub(super) optional: bool,
    /// Whether only presence is asked for.
    pub(super) test: bool,
}

impl Qualifier {
    /// The text of a constant step that is no question.
    pub(super) fn plain(&self) -> Option<&Arc<str>> {
        match &self.index {
            Index::Constant(_, Key::String(text)) if !self.optional && !self.test => Some(text),
            _ => None,
        }
    }
}

/// A field name, key or index.
#[derive(Debug)]
pub(super) enum Index {
    /// Known beforehand.
    Constant(Value, Key),
    /// Computed; its own variable costs nothing.
    Computed(Attribute),
}

/// A call.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) function: &'static str,
    /// The overload, or nothing if the values decide.
    pub(super) overload: Option<&'static Overload>,
    /// The overloads to choose from.
    pub(super) candidates: &'static [Overload],
    /// One implementation for all overloads; it looks at the values itself.
    pub(super) singleton: bool,
    /// What the call costs beside 1.
    pub(super) cost: Option<super::library::Cost>,
    pub(super) args: Vec<Node>,
    /// Whether the first failing argument ends the call, as it does in upstream's calls of many arguments.
    pub(super) stops: bool,
    /// A constant pattern, compiled.
    pub(super) pattern: Option<GoRegex>,
    /// What the evaluator does by itself.
    pub(super) special: Special,
    /// Whether upstream's cost function may crash.
    pub(super) cost_may_fail: bool,
}

/// Calls the evaluator knows.
#[derive(Clone, Copy, Debug)]
pub(super) enum Special {
    /// None of them.
    None,
    /// True unless the argument is false.
    NotStrictlyFalse,
    /// `+` with a variable of a fold on the left, whose list grows in place.
    Append(usize),
    /// `+` of anything else.
    Add,
    /// `<`, `<=`, `>` or `>=`: whether a number that stands so to the other is in order.
    Order(fn(Ordering) -> bool),
    /// A comparison of two quantities or of two semantic versions.
    Compare(Compare),
    /// An insertion into the map of a fold's variable.
    Insert(usize),
}

/// A comparison of values of one of Kubernetes' own types.
#[derive(Clone, Copy, Debug)]
pub(super) struct Compare {
    /// What is said of the order.
    pub(super) result: fn(Ordering) -> Value,
    /// Whether the overload, if it is known, takes quantities.
    pub(super) quantities: bool,
    /// Whether the overload, if it is known, takes semantic versions.
    pub(super) versions: bool,
}

/// A fold.
#[derive(Debug)]
pub(super) struct Fold {
    /// Slot of the accumulator; the iteration variables follow.
    pub(super) slot: usize,
    pub(super) two: bool,
    pub(super) range: Node,
    pub(super) init: Node,
    pub(super) condition: Node,
    pub(super) step: Node,
    pub(super) result: Node,
}

impl Fold {
    /// Whether it only binds its accumulator, as `cel.bind` does by a fold over an empty list.
    pub(super) fn never_iterates(&self) -> bool {
        matches!(&self.range, Node::Constant(Value::List(list)) if list.is_empty())
    }
}
