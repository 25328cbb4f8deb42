//! The quantity library of Kubernetes.
//!
//! Arithmetic is that of [`Quantity`]. Start at [`overloads`].

use std::cmp::Ordering;
use std::sync::Arc;

use super::support::{global, int, member, no_overload, quantity, text};
use crate::cel::overload::{EvalError, Overload};
use crate::cel::types::Type;
use crate::cel::value::Value;
use crate::quantity::{Format, Quantity};

const QUANTITY: Type = Type::Named("kubernetes.Quantity");

pub(super) fn overloads() -> Vec<Overload> {
    [reading(), arithmetic()].concat()
}

fn reading() -> Vec<Overload> {
    use Type::{Bool, Double, Int, String};
    let one = |function, id, result, eval| member(function, id, vec![QUANTITY], result, eval);
    let two = |function, id, other, result, eval| {
        member(function, id, vec![QUANTITY, other], result, eval)
    };
    vec![
        global(
            "quantity",
            "string_to_quantity",
            vec![String],
            QUANTITY,
            |args| match Quantity::parse(text(args, 0)?) {
                Ok(quantity) => Ok(Value::Quantity(Arc::new(quantity))),
                Err(error) => Err(EvalError::Message(error)),
            },
        ),
        global(
            "isQuantity",
            "is_quantity_string",
            vec![String],
            Bool,
            |args| Ok(Value::Bool(Quantity::is_quantity(text(args, 0)?))),
        ),
        global("sign", "quantity_sign", vec![QUANTITY], Int, |args| {
            Ok(sign(quantity(args, 0)?.sign()))
        }),
        two(
            "isGreaterThan",
            "quantity_is_greater_than",
            QUANTITY,
            Bool,
            |args| Ok(Value::Bool(compare(args)? == Ordering::Greater)),
        ),
        two(
            "isLessThan",
            "quantity_is_less_than",
            QUANTITY,
            Bool,
            |args| Ok(Value::Bool(compare(args)? == Ordering::Less)),
        ),
        two("compareTo", "quantity_compare_to", QUANTITY, Int, |args| {
            Ok(sign(compare(args)?))
        }),
        one("asApproximateFloat", "quantity_get_float", Double, |args| {
            Ok(Value::Double(approximate(quantity(args, 0)?)))
        }),
        one(
            "asInteger",
            "quantity_get_int",
            Int,
            |args| match quantity(args, 0)?.as_i64() {
                Some(number) => Ok(Value::Int(number)),
                None => Err(EvalError::message("cannot convert value to integer")),
            },
        ),
        one("isInteger", "quantity_is_integer", Bool, |args| {
            Ok(Value::Bool(quantity(args, 0)?.as_i64().is_some()))
        }),
    ]
}

/// Sums and differences; a whole number is a quantity too.
fn arithmetic() -> Vec<Overload> {
    let sum =
        |function, id, other, eval| member(function, id, vec![QUANTITY, other], QUANTITY, eval);
    vec![
        sum("add", "quantity_add", QUANTITY, |args| {
            Ok(result(quantity(args, 0)?.add(quantity(args, 1)?)))
        }),
        sum("add", "quantity_add_int", Type::Int, |args| {
            Ok(result(quantity(args, 0)?.add(&whole(args)?)))
        }),
        sum("sub", "quantity_sub", QUANTITY, |args| {
            Ok(result(quantity(args, 0)?.sub(quantity(args, 1)?)))
        }),
        sum("sub", "quantity_sub_int", Type::Int, |args| {
            Ok(result(quantity(args, 0)?.sub(&whole(args)?)))
        }),
    ]
}

fn compare(args: &[Value]) -> Result<Ordering, EvalError> {
    match args {
        [
            Value::Quantity(a) | Value::QuantityResult(a),
            Value::Quantity(b) | Value::QuantityResult(b),
        ] => Ok(a.cmp(b)),
        _ => no_overload(),
    }
}

fn sign(order: Ordering) -> Value {
    Value::Int(match order {
        Ordering::Less => -1,
        Ordering::Equal => 0,
        Ordering::Greater => 1,
    })
}

fn whole(args: &[Value]) -> Result<Quantity, EvalError> {
    Ok(Quantity::from_i64(int(args, 1)?, Format::DecimalExponent))
}

fn result(quantity: Quantity) -> Value {
    Value::QuantityResult(Arc::new(quantity))
}

/// The amount as a float: mantissa times a power of ten, each rounded.
#[expect(
    clippy::cast_precision_loss,
    reason = "the function is meant to be approximate"
)]
fn approximate(quantity: &Quantity) -> f64 {
    let (mantissa, exponent) = quantity.parts();
    if exponent == 0 {
        return mantissa as f64;
    }
    // Parsing rounds the power once, as a table of powers does.
    let power: f64 = format!("1e{exponent}").parse().unwrap_or(f64::NAN);
    mantissa as f64 * power
}
