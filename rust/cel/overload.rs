//! How a function is declared to the checker and the evaluator.
//!
//! One table entry per overload: signature, implementation, cost. The libraries in `library/` are lists of these.

use std::fmt;

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
    /// Upstream's evaluator crashes here, and so ends the evaluation; never absorbed.
    Internal(String),
}

impl EvalError {
    /// An error with a text.
    pub fn message(text: impl Into<String>) -> Self {
        Self::Message(text.into())
    }

    /// Whether nothing absorbs the error: the evaluation is over.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::CostExceeded | Self::Internal(_))
    }
}

impl fmt::Display for EvalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(text) => f.write_str(text),
            Self::NoSuchOverload => f.write_str("no such overload"),
            Self::NoSuchKey(key) => write!(f, "no such key: {key}"),
            Self::CostExceeded => {
                f.write_str("operation cancelled: actual cost limit exceeded")
            }
            Self::Internal(text) => write!(f, "internal error: {text}"),
        }
    }
}

/// The result of evaluating a (sub)expression.
pub type EvalResult = Result<Value, EvalError>;

/// One overload of a function.
#[derive(Clone)]
pub struct Overload {
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
    /// Implementation; arguments are values (errors never reach it), count as declared, but their types may be anything
    /// where the checker saw `dyn`: answer [`EvalError::NoSuchOverload`] then.
    pub eval: fn(&[Value]) -> EvalResult,
    /// Run-time cost of the call in cel-go's units, given the arguments and the result, as
    /// `k8s.io/apiserver/pkg/cel/library/cost.go` (CallCost) and cel-go's cost tracker compute it. `None`: the default of 1.
    pub cost: Option<fn(&[Value], &Value) -> u64>,
}
