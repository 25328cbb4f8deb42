//! The semver library of Kubernetes, version 1.
//!
//! Parsing and precedence are those of [`Version`]. Start at [`overloads`].

use std::cmp::Ordering;
use std::sync::Arc;

use super::support::{global, member, no_overload, text};
use crate::cel::overload::{EvalError, EvalResult, Overload};
use crate::cel::types::Type;
use crate::cel::value::Value;
use crate::version::Version;

const SEMVER: Type = Type::Named("kubernetes.Semver");

pub(super) fn overloads() -> Vec<Overload> {
    use Type::{Bool, Int, String};
    let two = |function, id, result, eval| member(function, id, vec![SEMVER, SEMVER], result, eval);
    vec![
        global("semver", "string_to_semver", vec![String], SEMVER, make),
        global(
            "semver",
            "string_bool_to_semver",
            vec![String, Bool],
            SEMVER,
            make,
        ),
        global(
            "isSemver",
            "is_semver_string",
            vec![String],
            Bool,
            is_semver,
        ),
        global(
            "isSemver",
            "is_semver_string_bool",
            vec![String, Bool],
            Bool,
            is_semver,
        ),
        two("isGreaterThan", "semver_is_greater_than", Bool, |args| {
            Ok(Value::Bool(compare(args)? == Ordering::Greater))
        }),
        two("isLessThan", "semver_is_less_than", Bool, |args| {
            Ok(Value::Bool(compare(args)? == Ordering::Less))
        }),
        two("compareTo", "semver_compare_to", Int, |args| {
            Ok(Value::Int(match compare(args)? {
                Ordering::Less => -1,
                Ordering::Equal => 0,
                Ordering::Greater => 1,
            }))
        }),
        member("major", "semver_major", vec![SEMVER], Int, |args| {
            part(args, |version| version.major)
        }),
        member("minor", "semver_minor", vec![SEMVER], Int, |args| {
            part(args, |version| version.minor)
        }),
        member("patch", "semver_patch", vec![SEMVER], Int, |args| {
            part(args, |version| version.patch)
        }),
    ]
}

fn parse(args: &[Value]) -> Result<Result<Version, String>, EvalError> {
    let text = text(args, 0)?;
    let normalize = match args.get(1) {
        None => false,
        Some(Value::Bool(normalize)) => *normalize,
        Some(_) => return no_overload(),
    };
    Ok(if normalize {
        Version::parse_normalized(text)
    } else {
        Version::parse(text)
    })
}

fn make(args: &[Value]) -> EvalResult {
    match parse(args)? {
        Ok(version) => Ok(Value::Semver(Arc::new(version))),
        Err(error) => Err(EvalError::Message(error)),
    }
}

fn is_semver(args: &[Value]) -> EvalResult {
    Ok(Value::Bool(parse(args)?.is_ok()))
}

fn compare(args: &[Value]) -> Result<Ordering, EvalError> {
    match args {
        [Value::Semver(a), Value::Semver(b)] => Ok(a.cmp(b)),
        _ => no_overload(),
    }
}

/// A number of the version; one above the signed range wraps, as upstream's conversion does.
fn part(args: &[Value], pick: fn(&Version) -> u64) -> EvalResult {
    match args {
        [Value::Semver(version)] => Ok(Value::Int(pick(version).cast_signed())),
        _ => no_overload(),
    }
}
