//! How a function is declared to the checker and the evaluator.
//!
//! One table entry per overload: signature, implementation, cost. The libraries in `library/` are lists of these.

use super::types::Type;
use super::value::Value;

/// Why an evaluation failed. Errors are values until an operator such as `&&` absorbs them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EvalError {
    /// The text upstream gives (without prefix).
    Message(String),
    /// No overload of the function takes the values given.
    NoSuchOverload,
    /// A key or field is absent.
    NoSuchKey(String),
    /// The cost limit is spent; never absorbed.
    CostExceeded,
    /// Upstream's evaluator fails itself, or ours would not end; never absorbed.
    Internal(String),
}

impl EvalError {
    /// An error with a text.
    pub fn message(text: impl Into<String>) -> Self {
        Self::Message(text.into())
    }

    /// Upstream's crash over a value that it cannot hash.
    pub(super) fn unhashable(value: &Value) -> Self {
        let kind = value.go_type();
        Self::Internal(format!("runtime error: hash of unhashable type {kind}"))
    }

    /// Whether the whole evaluation ends with it, whatever stands around.
    pub fn ends_evaluation(&self) -> bool {
        matches!(self, Self::CostExceeded | Self::Internal(_))
    }

    /// Upstream's text; `function` is the one called, for a missing overload.
    pub fn text(&self, function: &str) -> String {
        match self {
            Self::Message(text) => text.clone(),
            Self::NoSuchOverload if function.is_empty() => "no such overload".to_owned(),
            Self::NoSuchOverload => format!("no such overload: {function}"),
            Self::NoSuchKey(key) => format!("no such key: {key}"),
            Self::CostExceeded => "operation cancelled: actual cost limit exceeded".to_owned(),
            Self::Internal(text) => format!("internal error: {text}"),
        }
    }
}

/// The result of evaluating a (sub)expression.
pub(super) type EvalResult = Result<Value, EvalError>;

/// One overload of a function.
#[derive(Clone, Debug)]
pub(super) struct Overload {
    /// Unique id, as cel-go or the Kubernetes library names it.
    pub id: &'static str,
    /// Function name, such as `startsWith` or `ip.isCanonical`.
    pub function: &'static str,
    /// Whether it is called as `target.function(args)`; then `args[0]` is the target.
    pub member: bool,
    /// Parameter types, the target first.
    pub args: Vec<Type>,
    /// Result type.
    pub result: Type,
    /// The type parameters in `args` and `result`, in the order of their appearance.
    pub parameters: Vec<&'static str>,
    /// Implementation; arguments are values (errors never reach it), count as declared, but their types may be anything
    /// where the checker saw `dyn`: answer [`EvalError::NoSuchOverload`] then.
    pub eval: fn(&[Value]) -> EvalResult,
    /// Run-time cost of the call in cel-go's units, given the arguments and the result, as
    /// `k8s.io/apiserver/pkg/cel/library/cost.go` (`CallCost`) and cel-go's cost tracker compute it; without one it is 1.
    pub cost: Option<fn(&[Value], &Value) -> u64>,
}
