//! The strings library of cel-go, version 2: positions count characters, never bytes.
//!
//! `format` is in [`super::string_format`], the quoting rules in [`super::quoting`]. Start at [`overloads`].

use super::support::{global, int, int_of, list, member, string, strings, text};
use super::{quoting, string_format};
use crate::cel::overload::{EvalError, EvalResult, Overload};
use crate::cel::types::Type;
use crate::cel::value::Value;

pub(super) fn overloads() -> Vec<Overload> {
    [searching(), changing(), taking_apart(), making()].concat()
}

type Eval = fn(&[Value]) -> EvalResult;

/// A function of a text.
fn of_text(
    function: &'static str,
    id: &'static str,
    rest: &[Type],
    result: Type,
    eval: Eval,
) -> Overload {
    member(function, id, [&[Type::String], rest].concat(), result, eval)
}

fn searching() -> Vec<Overload> {
    use Type::{Int, String};
    let search = |function, id, rest: &[Type], eval: Eval| of_text(function, id, rest, Int, eval);
    let (indexed, last) = ([String, Int], "lastIndexOf");
    vec![
        of_text("charAt", "string_char_at_int", &[Int], String, char_at),
        search("indexOf", "string_index_of_string", &[String], index_of),
        search("indexOf", "string_index_of_string_int", &indexed, index_of),
        search(
            last,
            "string_last_index_of_string",
            &[String],
            last_index_of,
        ),
        search(
            last,
            "string_last_index_of_string_int",
            &indexed,
            last_index_of_offset,
        ),
    ]
}

fn changing() -> Vec<Overload> {
    use Type::{Int, String};
    let change =
        |function, id, rest: &[Type], eval: Eval| of_text(function, id, rest, String, eval);
    let (two, limited) = ([String, String], [String, String, Int]);
    vec![
        change("lowerAscii", "string_lower_ascii", &[], |args| {
            Ok(string(&text(args, 0)?.to_ascii_lowercase()))
        }),
        change("upperAscii", "string_upper_ascii", &[], |args| {
            Ok(string(&text(args, 0)?.to_ascii_uppercase()))
        }),
        change("trim", "string_trim", &[], |args| {
            Ok(string(text(args, 0)?.trim_matches(char::is_whitespace)))
        }),
        change("replace", "string_replace_string_string", &two, replace),
        change(
            "replace",
            "string_replace_string_string_int",
            &limited,
            replace,
        ),
    ]
}

fn taking_apart() -> Vec<Overload> {
    use Type::{Int, String};
    let part = |id, rest: &[Type], eval: Eval| of_text("substring", id, rest, String, eval);
    let parts = |id, rest: &[Type]| of_text("split", id, rest, Type::list(String), split);
    vec![
        parts("string_split_string", &[String]),
        parts("string_split_string_int", &[String, Int]),
        part("string_substring_int", &[Int], substring_from),
        part("string_substring_int_int", &[Int, Int], substring),
    ]
}

fn making() -> Vec<Overload> {
    use Type::String;
    let joined = |id, args| member("join", id, args, String, join);
    let any = [Type::list(Type::Dyn)];
    vec![
        of_text("format", "string_format", &any, String, |args| {
            string_format::format(text(args, 0)?, list(args, 1)?)
                .map(|text| string(&text))
                .map_err(EvalError::Message)
        }),
        global(
            "strings.quote",
            "strings_quote",
            vec![String],
            String,
            |args| Ok(string(&quoting::cel_quote(text(args, 0)?))),
        ),
        joined("list_join", vec![Type::list(String)]),
        joined("list_join_string", vec![Type::list(String), String]),
    ]
}

fn out_of_range<T>(index: i64) -> Result<T, EvalError> {
    Err(EvalError::Message(format!("index out of range: {index}")))
}

/// A position from 0 to the number of characters.
fn position(index: i64, length: usize) -> Result<usize, EvalError> {
    match usize::try_from(index) {
        Ok(position) if position <= length => Ok(position),
        _ => out_of_range(index),
    }
}

fn char_at(args: &[Value]) -> EvalResult {
    let text = text(args, 0)?;
    let start = position(int(args, 1)?, text.chars().count())?;
    Ok(string(
        &text.chars().skip(start).take(1).collect::<String>(),
    ))
}

/// The first position at or after `offset` where `part` stands.
fn index_of(args: &[Value]) -> EvalResult {
    let (whole, part) = (text(args, 0)?, text(args, 1)?);
    let offset = if args.len() > 2 { int(args, 2)? } else { 0 };
    let Ok(start) = usize::try_from(offset) else {
        return out_of_range(offset);
    };
    let length = whole.chars().count();
    if part.is_empty() {
        return Ok(int_of(start.min(length)));
    }
    let Some((bytes, _)) = whole.char_indices().nth(start) else {
        return Ok(Value::Int(-1));
    };
    let tail = whole.get(bytes..).unwrap_or("");
    Ok(tail.split_once(part).map_or(Value::Int(-1), |(before, _)| {
        int_of(start.saturating_add(before.chars().count()))
    }))
}

fn last_index_of(args: &[Value]) -> EvalResult {
    let (whole, part) = (text(args, 0)?, text(args, 1)?);
    if part.is_empty() {
        return Ok(int_of(whole.chars().count()));
    }
    Ok(whole
        .rsplit_once(part)
        .map_or(Value::Int(-1), |(before, _)| int_of(before.chars().count())))
}

/// The last position at or before an offset.
fn last_index_of_offset(args: &[Value]) -> EvalResult {
    let (whole, part) = (text(args, 0)?, text(args, 1)?);
    let offset = int(args, 2)?;
    let Ok(start) = usize::try_from(offset) else {
        return out_of_range(offset);
    };
    let length = whole.chars().count();
    if part.is_empty() {
        return Ok(int_of(start.min(length)));
    }
    if start >= length {
        return Ok(Value::Int(-1));
    }
    let end = start.saturating_add(part.chars().count()).min(length);
    let head: String = whole.chars().take(end).collect();
    Ok(head
        .rsplit_once(part)
        .map_or(Value::Int(-1), |(before, _)| int_of(before.chars().count())))
}

fn replace(args: &[Value]) -> EvalResult {
    let (whole, old, new) = (text(args, 0)?, text(args, 1)?, text(args, 2)?);
    let limit = if args.len() > 3 { int(args, 3)? } else { -1 };
    Ok(string(&match usize::try_from(limit) {
        Ok(limit) => whole.replacen(old, new, limit),
        Err(_) => whole.replace(old, new),
    }))
}

fn split(args: &[Value]) -> EvalResult {
    let (whole, separator) = (text(args, 0)?, text(args, 1)?);
    let limit = if args.len() > 2 { int(args, 2)? } else { -1 };
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    if limit == 0 {
        return Ok(strings([]));
    }
    if !separator.is_empty() {
        return Ok(strings(whole.splitn(limit, separator)));
    }
    // Into characters; the last part takes what is left.
    let mut parts = Vec::new();
    let mut rest = whole;
    while let Some(c) = rest.chars().next() {
        let (head, tail) = if parts.len() + 1 == limit {
            (rest, "")
        } else {
            rest.split_at(c.len_utf8())
        };
        parts.push(head);
        rest = tail;
    }
    Ok(strings(parts))
}

fn substring_from(args: &[Value]) -> EvalResult {
    let text = text(args, 0)?;
    let start = position(int(args, 1)?, text.chars().count())?;
    Ok(string(&text.chars().skip(start).collect::<String>()))
}

fn substring(args: &[Value]) -> EvalResult {
    let (text, start, end) = (text(args, 0)?, int(args, 1)?, int(args, 2)?);
    if start > end {
        return Err(EvalError::Message(format!(
            "invalid substring range. start: {start}, end: {end}"
        )));
    }
    let length = text.chars().count();
    let (start, end) = (position(start, length)?, position(end, length)?);
    Ok(string(
        &text
            .chars()
            .skip(start)
            .take(end - start)
            .collect::<String>(),
    ))
}

fn join(args: &[Value]) -> EvalResult {
    let separator = if args.len() > 1 { text(args, 1)? } else { "" };
    let mut joined = String::new();
    for (index, element) in list(args, 0)?.iter().enumerate() {
        if index > 0 {
            joined.push_str(separator);
        }
        let Value::String(text) = element else {
            let text = super::text::display(element);
            return Err(EvalError::Message(format!("join: invalid input: {text}")));
        };
        joined.push_str(text);
    }
    Ok(string(&joined))
}
