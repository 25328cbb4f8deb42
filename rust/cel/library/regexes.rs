//! The regex library of Kubernetes: `find` and `findAll`.
//!
//! An expression that is a literal is worth compiling once: [`find`] and [`find_all`] take it compiled, and upstream
//! refuses the whole CEL expression when such a literal does not compile. Start at [`overloads`].

use super::support::{int, member, string, strings, text};
use crate::cel::overload::{EvalError, EvalResult, Overload};
use crate::cel::regex::{self, GoRegex};
use crate::cel::types::Type;
use crate::cel::value::Value;

pub(super) fn overloads() -> Vec<Overload> {
    use Type::{Int, String};
    vec![
        member(
            "find",
            "string_find_string",
            vec![String, String],
            String,
            |args| find(&compile(args)?, args),
        ),
        member(
            "findAll",
            "string_find_all_string",
            vec![String, String],
            Type::list(String),
            |args| find_all(&compile(args)?, args),
        ),
        member(
            "findAll",
            "string_find_all_string_int",
            vec![String, String, Int],
            Type::list(String),
            |args| find_all(&compile(args)?, args),
        ),
    ]
}

fn compile(args: &[Value]) -> Result<GoRegex, EvalError> {
    // The types of all arguments are looked at before the expression is.
    text(args, 0)?;
    if args.len() > 2 {
        int(args, 2)?;
    }
    regex::compile(text(args, 1)?)
        .map_err(|error| EvalError::Message(format!("Illegal regex: {error}")))
}

/// `find` with a compiled expression; the arguments are those of the call.
pub(crate) fn find(regex: &GoRegex, args: &[Value]) -> EvalResult {
    Ok(string(regex.find(text(args, 0)?)))
}

/// `findAll` with a compiled expression; the arguments are those of the call.
pub(crate) fn find_all(regex: &GoRegex, args: &[Value]) -> EvalResult {
    let limit = if args.len() > 2 { int(args, 2)? } else { -1 };
    Ok(strings(regex.find_all(text(args, 0)?, limit)))
}
