//! Expressions as the parser leaves them and the checker annotates them.
//!
//! Depth is bounded by the parser (see [`super::parser`]), so walking and dropping a tree by recursion is safe.
//! Start at [`Expr`].

use std::borrow::Cow;
use std::sync::Arc;

use super::functions::Function;
use super::overload::Overload;
use super::types::Type;
use super::value::Value;

/// One expression.
#[derive(Clone, Debug)]
pub(super) struct Expr {
    /// Index into the checker's table of types.
    pub(super) id: u32,
    /// Byte offset in the source of what errors point at.
    pub(super) offset: u32,
    /// What it is.
    pub(super) kind: Kind,
}

/// What an expression is.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// A literal.
    Literal(Value),
    /// A name, with its leading dot where it was written.
    Ident(String),
    /// `operand.field`, or `has(operand.field)` when `test` is set.
    Select {
        operand: Box<Expr>,
        field: Arc<str>,
        test: bool,
    },
    /// A call of a function, an operator or a member.
    Call(Box<Call>),
    /// A list literal; `optional[i]` marks `?element`.
    List {
        elements: Vec<Expr>,
        optional: Vec<bool>,
    },
    /// A map literal.
    Map(Vec<Entry>),
    /// A message literal.
    Struct { name: String, fields: Vec<Field> },
    /// What macros expand to.
    Fold(Box<Fold>),
    /// A name the checker has resolved.
    Resolved(Reference),
}

/// What a name stands for.
#[derive(Clone, Debug)]
pub(super) enum Reference {
    /// The variable `device`.
    Device,
    /// A variable of an enclosing fold: its slot and name.
    Local(u32, String),
    /// A type.
    Type(Type),
    /// A name that the checker knows and the planner does not; upstream fails there, so do we.
    Undefined(String),
    /// A constant of an enumeration.
    Constant(i64),
}

/// A call.
#[derive(Clone, Debug)]
pub(super) struct Call {
    /// The function's name; operators have their mangled names such as `_+_`.
    pub(super) function: Cow<'static, str>,
    /// What stands before the dot.
    pub(super) target: Option<Expr>,
    /// The arguments.
    pub(super) args: Vec<Expr>,
    /// What the checker made of the name.
    pub(super) found: Option<Found>,
}

/// A function, and the one overload of it that fits; none if several do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub(super) function: &'static Function,
    pub(super) overload: Option<&'static Overload>,
}

/// An entry of a map literal.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: Expr,
    pub(super) value: Expr,
    pub(super) optional: bool,
}

/// A field of a message literal.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) value: Expr,
    pub(super) optional: bool,
}

/// A fold over a list or map. The checker replaces the names by slots.
#[derive(Clone, Debug)]
pub(super) struct Fold {
    pub(super) range: Expr,
    pub(super) iter: String,
    pub(super) iter2: Option<String>,
    pub(super) accu: String,
    pub(super) init: Expr,
    pub(super) condition: Expr,
    pub(super) step: Expr,
    pub(super) result: Expr,
    /// Slot of the accumulator, set by the checker; the iteration variables have the two after it.
    pub(super) slot: u32,
}

/// Mangled names of operators.
pub(super) mod operator {
    pub(in crate::cel) const CONDITIONAL: &str = "_?_:_";
    pub(in crate::cel) const AND: &str = "_&&_";
    pub(in crate::cel) const OR: &str = "_||_";
    pub(in crate::cel) const NOT: &str = "!_";
    pub(in crate::cel) const EQUALS: &str = "_==_";
    pub(in crate::cel) const NOT_EQUALS: &str = "_!=_";
    pub(in crate::cel) const LESS: &str = "_<_";
    pub(in crate::cel) const LESS_EQUALS: &str = "_<=_";
    pub(in crate::cel) const GREATER: &str = "_>_";
    pub(in crate::cel) const GREATER_EQUALS: &str = "_>=_";
    pub(in crate::cel) const ADD: &str = "_+_";
    pub(in crate::cel) const SUBTRACT: &str = "_-_";
    pub(in crate::cel) const MULTIPLY: &str = "_*_";
    pub(in crate::cel) const DIVIDE: &str = "_/_";
    pub(in crate::cel) const MODULO: &str = "_%_";
    pub(in crate::cel) const NEGATE: &str = "-_";
    pub(in crate::cel) const INDEX: &str = "_[_]";
    pub(in crate::cel) const OPT_INDEX: &str = "_[?_]";
    pub(in crate::cel) const OPT_SELECT: &str = "_?._";
    pub(in crate::cel) const IN: &str = "@in";
    pub(in crate::cel) const NOT_STRICTLY_FALSE: &str = "@not_strictly_false";
    pub(in crate::cel) const MAP_INSERT: &str = "cel.@mapInsert";
}
