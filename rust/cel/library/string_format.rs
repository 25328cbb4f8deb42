//! `string.format`: clauses `%s %d %f %e %b %o %x %X`, with the look that upstream's number printer gives `%f` and
//! `%e` (grouped digits, powers in superscripts).
//!
//! Start at [`format()`]; [`check`] is what the compiler asks about a literal format.

use std::fmt::Write as _;

use super::support::key_value;
use super::{names, quoting, text};
use crate::cel::types::Type;
use crate::cel::value::{Key, Map, Value};

/// Digits after the point where none are asked for.
const DEFAULT_PRECISION: u64 = 6;

/// A kind of clause.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Clause {
    String,
    Decimal,
    Fixed,
    Scientific,
    Binary,
    Hex { upper: bool },
    Octal,
}

/// Why a format is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FormatError {
    /// Upstream's text.
    pub text: String,
    /// The argument it is about, if it is about one.
    pub argument: Option<usize>,
}

/// Formats values.
pub(super) fn format(format: &str, args: &[Value]) -> Result<String, String> {
    let mut formatted = String::new();
    walk(format, args.len(), |piece| {
        match piece {
            Piece::Literal(text) => formatted.push_str(text),
            Piece::Clause(clause, precision, index) => {
                let value = args.get(index).unwrap_or(&Value::Null);
                let text = apply(clause, precision, value).map_err(|text| during(index, &text))?;
                formatted.push_str(&text);
            }
        }
        Ok(())
    })
    .map_err(|error| error.text)?;
    Ok(formatted)
}

/// Checks a literal format against the static types of a literal list of arguments. `nested` answers for `%s`, which
/// looks into literal lists and maps: `Err` names the type that cannot be printed.
pub(crate) fn check(
    format: &str,
    types: &[Type],
    mut nested: impl FnMut(usize) -> Result<(), String>,
) -> Result<(), FormatError> {
    let mut used = 0;
    walk(format, types.len(), |piece| {
        let Piece::Clause(clause, _, index) = piece else {
            return Ok(());
        };
        used = index + 1;
        let kind = types.get(index).unwrap_or(&Type::Dyn);
        let verdict = match clause {
            Clause::String => nested(index).map_err(|name| wrong_type(clause, &name)),
            _ if accepts(clause, kind) => Ok(()),
            _ => Err(wrong_type(clause, &names::of_type(kind))),
        };
        verdict.map_err(|text| during(index, &text))
    })?;
    if types.len() > used {
        return Err(FormatError {
            text: format!(
                "too many arguments supplied to string.format (expected {used}, got {})",
                types.len()
            ),
            argument: None,
        });
    }
    Ok(())
}

/// Whether `%s` takes a value of this static type.
pub(crate) fn printable(kind: &Type) -> bool {
    !matches!(
        kind,
        Type::Optional(_) | Type::Named(_) | Type::Error | Type::Param(_) | Type::Var(_)
    )
}

fn accepts(clause: Clause, kind: &Type) -> bool {
    match (clause, kind) {
        (_, Type::Dyn) => true,
        (Clause::String, _) => printable(kind),
        (Clause::Decimal | Clause::Octal, _) => matches!(kind, Type::Int | Type::Uint),
        (Clause::Fixed | Clause::Scientific, _) => matches!(kind, Type::Double | Type::String),
        (Clause::Binary, _) => matches!(kind, Type::Int | Type::Uint | Type::Bool),
        (Clause::Hex { .. }, _) => {
            matches!(kind, Type::Int | Type::Uint | Type::String | Type::Bytes)
        }
    }
}

fn during(index: usize, text: &str) -> FormatError {
    FormatError {
        text: format!("error during formatting: {text}"),
        argument: Some(index),
    }
}

enum Piece<'f> {
    Literal(&'f str),
    Clause(Clause, Option<u64>, usize),
}

fn plain(text: String) -> FormatError {
    FormatError {
        text,
        argument: None,
    }
}

/// Walks over a format. The order of complaints is upstream's: a missing argument before a bad clause.
fn walk<'f>(
    format: &'f str,
    arguments: usize,
    mut visit: impl FnMut(Piece<'f>) -> Result<(), FormatError>,
) -> Result<(), FormatError> {
    let mut rest = format;
    let mut index = 0;
    while let Some((literal, tail)) = rest.split_once('%') {
        visit(Piece::Literal(literal))?;
        if let Some(after) = tail.strip_prefix('%') {
            visit(Piece::Literal("%"))?;
            rest = after;
            continue;
        }
        if index >= arguments {
            return Err(plain(format!("index {index} out of range")));
        }
        if tail.is_empty() {
            return Err(plain("unexpected end of string".to_owned()));
        }
        let (clause, precision, after) = parse_clause(tail)
            .map_err(|text| plain(format!("could not parse formatting clause: {text}")))?;
        visit(Piece::Clause(clause, precision, index))?;
        index += 1;
        rest = after;
    }
    visit(Piece::Literal(rest))
}

fn parse_clause(text: &str) -> Result<(Clause, Option<u64>, &str), String> {
    let (precision, rest) = match text.strip_prefix('.') {
        None => (None, text),
        Some(digits) => parse_precision(digits)
            .map(|(precision, rest)| (Some(precision), rest))
            .map_err(|error| format!("error while parsing precision: {error}"))?,
    };
    let byte = rest.bytes().next().unwrap_or_default();
    let clause = match byte {
        b's' => Clause::String,
        b'd' => Clause::Decimal,
        b'f' => Clause::Fixed,
        b'e' => Clause::Scientific,
        b'b' => Clause::Binary,
        b'x' => Clause::Hex { upper: false },
        b'X' => Clause::Hex { upper: true },
        b'o' => Clause::Octal,
        // Upstream reads one byte and prints it as a character.
        _ => {
            return Err(format!(
                "unrecognized formatting clause \"{}\"",
                char::from(byte)
            ));
        }
    };
    Ok((clause, precision, rest.get(1..).unwrap_or("")))
}

fn parse_precision(text: &str) -> Result<(u64, &str), String> {
    let Some(end) = text.find(|c: char| !c.is_ascii_digit()) else {
        return Err("could not find end of precision specifier".to_owned());
    };
    let (digits, rest) = text.split_at(end);
    let refused = |why| {
        let digits = quoting::go_quote(digits);
        format!(
            "error while converting precision to integer: strconv.Atoi: parsing {digits}: {why}"
        )
    };
    if digits.is_empty() {
        return Err(refused("invalid syntax"));
    }
    match digits.parse::<i64>() {
        Ok(precision) => Ok((precision.unsigned_abs(), rest)),
        Err(_) => Err(refused("value out of range")),
    }
}

fn wrong_type(clause: Clause, name: &str) -> String {
    let rule = match clause {
        Clause::String => {
            "string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, \
             and timestamps"
        }
        Clause::Decimal => "decimal clause can only be used on integers",
        Clause::Fixed => "fixed-point clause can only be used on doubles",
        Clause::Scientific => "scientific clause can only be used on doubles",
        Clause::Binary => "only integers and bools can be formatted as binary",
        Clause::Hex { .. } => "only integers, byte buffers, and strings can be formatted as hex",
        Clause::Octal => "octal clause can only be used on integers",
    };
    format!("{rule}, was given {name}")
}

fn apply(clause: Clause, precision: Option<u64>, value: &Value) -> Result<String, String> {
    let precision = precision.unwrap_or(DEFAULT_PRECISION);
    let refuse = || Err(wrong_type(clause, names::of_value(value)));
    match (clause, value) {
        (Clause::String, _) => print(value),
        (Clause::Decimal, Value::Int(number)) => Ok(number.to_string()),
        (Clause::Decimal, Value::Uint(number)) => Ok(number.to_string()),
        (Clause::Fixed, _) => {
            double_of(value).map_or_else(refuse, |number| Ok(fixed(number, precision)))
        }
        (Clause::Scientific, _) => {
            double_of(value).map_or_else(refuse, |number| Ok(scientific(number, precision)))
        }
        (Clause::Binary, Value::Int(number)) => {
            Ok(signed(*number, |magnitude| format!("{magnitude:b}")))
        }
        (Clause::Binary, Value::Uint(number)) => Ok(format!("{number:b}")),
        (Clause::Binary, Value::Bool(truth)) => Ok(u8::from(*truth).to_string()),
        (Clause::Octal, Value::Int(number)) => {
            Ok(signed(*number, |magnitude| format!("{magnitude:o}")))
        }
        (Clause::Octal, Value::Uint(number)) => Ok(format!("{number:o}")),
        (Clause::Hex { upper }, _) => {
            let text = match value {
                Value::Int(number) => signed(*number, |magnitude| format!("{magnitude:x}")),
                Value::Uint(number) => format!("{number:x}"),
                Value::String(text) => hex(text.as_bytes()),
                Value::Bytes(bytes) => hex(bytes),
                _ => return refuse(),
            };
            Ok(if upper {
                text.to_ascii_uppercase()
            } else {
                text
            })
        }
        _ => refuse(),
    }
}

fn signed(number: i64, digits: impl Fn(u64) -> String) -> String {
    let sign = if number < 0 { "-" } else { "" };
    format!("{sign}{}", digits(number.unsigned_abs()))
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The number `%f` and `%e` print: a double, or one of three words for one.
fn double_of(value: &Value) -> Option<f64> {
    match value {
        Value::Double(number) => Some(*number),
        Value::String(text) => match &**text {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        _ => None,
    }
}

fn special(number: f64) -> Option<&'static str> {
    if number.is_nan() {
        return Some("NaN");
    }
    number
        .is_infinite()
        .then_some(if number > 0.0 { "∞" } else { "-∞" })
}

/// Whether Go's reader of verbs gives up on a number; it then prints that no verb was found.
fn too_long(number: u64) -> bool {
    number / 10 > 1_000_000
}

fn fixed(number: f64, precision: u64) -> String {
    if too_long(precision) {
        return "%!(NOVERB)".to_owned();
    }
    if let Some(word) = special(number) {
        return word.to_owned();
    }
    // The printer keeps the least number of digits in eight bits and the most in sixteen, with a sign.
    let least = usize::try_from(precision % 256).unwrap_or(0);
    let most = usize::try_from(precision % 65_536).unwrap_or(0);
    let magnitude = number.abs();
    let text = if most < 32_768 {
        format!("{magnitude:.most$}")
    } else {
        format!("{magnitude}")
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let fraction = fraction.trim_end_matches('0');
    let sign = if number < 0.0 { "-" } else { "" };
    let mut printed = format!("{sign}{}", grouped(whole));
    if least > 0 || !fraction.is_empty() {
        // Writing to a text cannot fail.
        let _ = write!(printed, ".{fraction:0<least$}");
    }
    printed
}

/// Digits in groups of three.
fn grouped(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Six digits always; upstream takes the precision for the width.
fn scientific(number: f64, width: u64) -> String {
    if too_long(width) {
        return "%!(NOVERB)".to_owned();
    }
    let width = usize::try_from(width % 65_536).unwrap_or(0);
    let text = special(number).map_or_else(
        || {
            let magnitude = format!("{:.6e}", number.abs());
            let (digits, exponent) = magnitude.split_once('e').unwrap_or((&magnitude, "0"));
            let sign = if number < 0.0 { "-" } else { "" };
            format!("{sign}{digits}×10{}", superscript(exponent))
        },
        str::to_owned,
    );
    let padding = width.saturating_sub(text.chars().count());
    format!("{}{text}", " ".repeat(padding))
}

fn superscript(exponent: &str) -> String {
    let digits = exponent.strip_prefix('-');
    let mut text = String::from(if digits.is_some() { "⁻" } else { "" });
    let digits = format!("{:0>2}", digits.unwrap_or(exponent));
    text.extend(digits.chars().map(|digit| match digit {
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        '4'..='9' => char::from_u32(0x2070 + digit.to_digit(10).unwrap_or(0)).unwrap_or(digit),
        _ => '⁰',
    }));
    text
}

/// `%s` at the outer level.
fn print(value: &Value) -> Result<String, String> {
    match value {
        Value::List(list) => print_list(list),
        Value::Map(map) => print_map(map),
        Value::Null => Ok("null".to_owned()),
        Value::Ip(_) | Value::Cidr(..) => Err(wrong_type(Clause::String, names::of_value(value))),
        _ => match text::convert(value) {
            Some(Ok(text)) => Ok(text),
            Some(Err(error)) => Err(format!("could not convert argument \"{error}\" to string")),
            None => Err(wrong_type(Clause::String, names::of_value(value))),
        },
    }
}

/// `%s` inside of a list or map: as a CEL literal.
fn print_literal(value: &Value) -> Result<String, String> {
    Ok(match value {
        Value::String(text) => quoting::go_quote(text),
        Value::Bytes(_) => format!("b{}", quoting::go_quote(&print(value)?)),
        Value::Double(number) if number.is_nan() => "\"NaN\"".to_owned(),
        Value::Double(number) if number.is_infinite() => if *number > 0.0 {
            "\"+Inf\""
        } else {
            "\"-Inf\""
        }
        .to_owned(),
        Value::Double(number) => format!("{number:.6}"),
        Value::Duration(..) => format!("duration({})", quoting::go_quote(&print(value)?)),
        Value::Timestamp(..) => format!("timestamp({})", quoting::go_quote(&print(value)?)),
        Value::Optional(_)
        | Value::Quantity(_)
        | Value::QuantityResult(_)
        | Value::Semver(_)
        | Value::Ip(_)
        | Value::Cidr(..)
        | Value::Url(_)
        | Value::Format(_) => {
            return Err(format!(
                "no formatting function for {}",
                names::of_value(value)
            ));
        }
        _ => print(value)?,
    })
}

fn print_list(list: &[Value]) -> Result<String, String> {
    let parts: Vec<String> = list.iter().map(print_literal).collect::<Result<_, _>>()?;
    Ok(format!("[{}]", parts.join(", ")))
}

fn print_map(map: &Map) -> Result<String, String> {
    let mut parts = Vec::with_capacity(map.entries.len());
    for (key, value) in &map.entries {
        if let Key::Other(_) = key {
            return Err(format!(
                "no formatting function for map key of type {}",
                names::of_value(&key_value(key))
            ));
        }
        parts.push((print_literal(&key_value(key))?, print_literal(value)?));
    }
    parts.sort_by(|(a, _), (b, _)| a.cmp(b));
    let parts: Vec<String> = parts
        .iter()
        .map(|(key, value)| format!("{key}:{value}"))
        .collect();
    Ok(format!("{{{}}}", parts.join(", ")))
}
