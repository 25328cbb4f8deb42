//! Calls of functions: which overload, at what cost.
//!
//! Start at [`apply`].

use super::library::cost_fails;
use super::matcher;
use super::overload::{EvalError, EvalResult, Overload};
use super::program::Call;
use super::relate::fits;
use super::standard;
use super::value::Value;

/// The call itself: the overload the checker found, or the first that takes the values.
pub(super) fn apply(call: &Call, args: &[Value]) -> EvalResult {
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
    // Upstream calls `flatten` with any list.
    let takes = |overload: &&Overload| {
        overload.args.len() == args.len()
            && (call.function == "flatten"
                || overload
                    .args
                    .iter()
                    .zip(args)
                    .all(|(t, value)| fits(t, value)))
    };
    let found = match call.overload {
        Some(overload) => Some(overload).filter(takes),
        None => call.candidates.iter().find(takes),
    };
    if let Some(overload) = found {
        return (overload.eval)(args);
    }
    let kinds: Vec<String> = args.iter().map(Value::type_name).collect();
    Err(EvalError::Message(format!(
        "no such overload: {}({})",
        call.function,
        kinds.join(", ")
    )))
}

/// What a call costs.
pub(super) fn cost_of(call: &Call, args: &[Value], result: Option<&Value>) -> u64 {
    match call.cost {
        Some(cost) => cost(args, result.unwrap_or(&Value::Null)),
        None => 1,
    }
}

/// Some of upstream's cost functions crash on an argument they do not expect.
pub(super) fn check_costs(call: &Call, args: &[Value]) -> Result<(), EvalError> {
    let Some(overload) = call.overload.filter(|_| call.cost_may_fail) else {
        return Ok(());
    };
    let seen: Vec<Option<&Value>> = args
        .iter()
        .map(|arg| Some(arg).filter(|arg| !matches!(arg, Value::Null)))
        .collect();
    if cost_fails(overload.id, &seen) {
        return Err(EvalError::Internal(
            "interface conversion: *types.Err is not traits.Lister: missing method Add".to_owned(),
        ));
    }
    Ok(())
}
