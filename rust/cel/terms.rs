//! The parts of a condition that a person would change: its top-level `&&` operands and the constants in them.
//!
//! Works on tokens, so that every part has its place in the source and what is not touched stays as it was written.
//! Never evaluates. What is no sequence of tokens is one term without constants. Start at [`terms`].

use std::ops::Range;

use super::lexer::{Lexeme, Token, tokenize, unescape};

/// A constant in a condition that a device's value may be compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constant {
    /// Where it stands; of a text with its quotes, of a number with its sign.
    pub range: Range<usize>,
    /// What it is.
    pub kind: ConstantKind,
    /// What it says, without quotes.
    pub text: String,
    /// Whether `==` stands beside it.
    pub is_equated: bool,
}

/// What a constant is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConstantKind {
    /// A whole number.
    Int,
    /// `true` or `false`.
    Bool,
    /// A text.
    Text,
    /// The text in `quantity("…")`.
    Quantity,
    /// The text in `semver("…")`.
    Version,
}

/// The top-level `&&` operands by their place in the source; one that covers all where there is no such `&&`.
pub fn terms(source: &str) -> Vec<Range<usize>> {
    let whole = trimmed(source, 0..source.len());
    let Ok(lexemes) = tokenize(source) else {
        return vec![whole];
    };
    let mut lexemes = lexemes.as_slice();
    lexemes = lexemes.get(..lexemes.len() - 1).unwrap_or_default();
    while let Some(inside) = without_parentheses(lexemes) {
        lexemes = inside;
    }
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut depth = 0_usize;
    let mut is_new = true;
    for (at, lexeme) in lexemes.iter().enumerate() {
        match lexeme.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            // These bind less tightly than `&&`: the whole is one term.
            "||" if depth == 0 => return vec![whole],
            "?" if depth == 0 && is_choice(lexemes, at) => return vec![whole],
            "&&" if depth == 0 => {
                is_new = true;
                continue;
            }
            _ => {}
        }
        let end = lexeme.offset + lexeme.text.len();
        match found.last_mut() {
            Some(last) if !is_new => last.end = end,
            _ => found.push(lexeme.offset..end),
        }
        is_new = false;
    }
    if found.is_empty() { vec![whole] } else { found }
}

/// The condition with some of its terms replaced, or left out where the replacement is nothing. Nothing if no term
/// is left.
pub fn with_terms(
    source: &str,
    replace: &dyn Fn(usize) -> Option<Option<String>>,
) -> Option<String> {
    let ranges = terms(source);
    let count = ranges.len();
    let kept: Vec<(usize, String)> = ranges
        .into_iter()
        .enumerate()
        .filter_map(|(index, range)| match replace(index) {
            None => Some((index, source.get(range).unwrap_or_default().to_owned())),
            Some(replacement) => Some((index, replacement?)),
        })
        .collect();
    if kept.is_empty() {
        return None;
    }
    if (0..count).all(|index| replace(index).is_none()) {
        return Some(source.to_owned());
    }
    let texts: Vec<String> = kept.into_iter().map(|(_, text)| text).collect();
    Some(texts.join(" && "))
}

/// The condition with a name that is selected, or a key, replaced by another; nothing if it is not in it.
pub fn with_name(source: &str, from: &str, to: &str) -> Option<String> {
    let lexemes = tokenize(source).ok()?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut changed = String::new();
    let mut done = 0;
    for (at, lexeme) in lexemes.iter().enumerate() {
        let is_selected = at > 0 && matches!(lexemes[at - 1].text, "." | "?");
        let text = match lexeme.token {
            // What is no plain name can only be a key.
            Token::Ident if is_selected && lexeme.text == from && to.chars().all(is_plain) => {
                to.to_owned()
            }
            Token::String if is_key(&lexemes, at) => {
                if unescape(lexeme.text, false).ok()? != from.as_bytes() {
                    continue;
                }
                serde_json::to_string(to).ok()?
            }
            _ => continue,
        };
        changed.push_str(source.get(done..lexeme.offset)?);
        changed.push_str(&text);
        done = lexeme.offset + lexeme.text.len();
    }
    changed.push_str(source.get(done..)?);
    (done > 0).then_some(changed)
}

/// Whether what stands there selects from a map or list.
fn is_key(lexemes: &[Lexeme<'_>], at: usize) -> bool {
    let before = |back: usize| at.checked_sub(back).and_then(|at| lexemes.get(at));
    let is = |lexeme: Option<&Lexeme<'_>>, text: &str| lexeme.is_some_and(|l| l.text == text);
    is(before(1), "[") && before(2).is_some_and(is_operand)
        || is(before(1), "?") && is(before(2), "[")
}

/// The constants of a condition in their order, without those that are keys, domains or parts of a pattern.
pub fn constants(source: &str) -> Vec<Constant> {
    let Ok(lexemes) = tokenize(source) else {
        return Vec::new();
    };
    (0..lexemes.len())
        .filter_map(|at| constant(&lexemes, at))
        .collect()
}

fn constant(lexemes: &[Lexeme<'_>], at: usize) -> Option<Constant> {
    let before = |back: usize| at.checked_sub(back).and_then(|at| lexemes.get(at));
    let after = |on: usize| lexemes.get(at + on);
    let is = |lexeme: Option<&Lexeme<'_>>, text: &str| lexeme.is_some_and(|l| l.text == text);
    let lexeme = lexemes.get(at)?;
    if is_key(lexemes, at) {
        return None;
    }
    let end = lexeme.offset + lexeme.text.len();
    let plain = |kind, text: String| {
        let is_equated = is(before(1), "==") || is(after(1), "==");
        Some(Constant {
            range: lexeme.offset..end,
            kind,
            text,
            is_equated,
        })
    };
    match lexeme.token {
        Token::Int => {
            let is_negative = is(before(1), "-") && !before(2).is_some_and(is_operand);
            let mut found = plain(ConstantKind::Int, lexeme.text.to_owned())?;
            if is_negative {
                found.range.start = before(1)?.offset;
                found.text.insert(0, '-');
                found.is_equated |= is(before(2), "==");
            }
            Some(found)
        }
        Token::True | Token::False => plain(ConstantKind::Bool, lexeme.text.to_owned()),
        Token::String => {
            let text = String::from_utf8(unescape(lexeme.text, false).ok()?).ok()?;
            let call = before(2).filter(|_| is(before(1), "("));
            let is_equated = is(before(3), "==") || is(after(2), "==");
            let kind = match call.map(|call| call.text) {
                Some("quantity") => ConstantKind::Quantity,
                Some("semver") => ConstantKind::Version,
                // The argument of some other function, such as a pattern.
                Some(_) if call.is_some_and(is_operand) => return None,
                _ => return plain(ConstantKind::Text, text),
            };
            Some(Constant {
                is_equated,
                ..plain(kind, text)?
            })
        }
        _ => None,
    }
}

/// Whether something that ends here can be indexed, called or subtracted from.
fn is_operand(lexeme: &Lexeme<'_>) -> bool {
    match lexeme.token {
        Token::Punct(text) => matches!(text, ")" | "]" | "}"),
        Token::In | Token::End => false,
        _ => true,
    }
}

/// Whether a question mark chooses; after a dot or a bracket it asks for a value that may be absent.
fn is_choice(lexemes: &[Lexeme<'_>], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|before| lexemes.get(before));
    !before.is_some_and(|before| matches!(before.text, "." | "["))
}

/// What stands between parentheses that hold everything.
fn without_parentheses<'l, 's>(lexemes: &'l [Lexeme<'s>]) -> Option<&'l [Lexeme<'s>]> {
    let (first, rest) = lexemes.split_first()?;
    let (last, inside) = rest.split_last()?;
    if first.text != "(" || last.text != ")" {
        return None;
    }
    let mut depth = 0_usize;
    for lexeme in inside {
        match lexeme.text {
            "(" => depth += 1,
            ")" => depth = depth.checked_sub(1)?,
            _ => {}
        }
    }
    Some(inside)
}

fn trimmed(source: &str, range: Range<usize>) -> Range<usize> {
    let text = source.get(range.clone()).unwrap_or_default();
    let start = range.start + (text.len() - text.trim_start().len());
    start..start + text.trim().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(source: &str) -> Vec<&str> {
        terms(source)
            .into_iter()
            .map(|range| &source[range])
            .collect()
    }

    #[test]
    fn terms_are_the_operands_of_the_outermost_and() {
        assert_eq!(split("a == 1 && b > 2&&c"), ["a == 1", "b > 2", "c"]);
        assert_eq!(split(" (a && (b || c)) "), ["a", "(b || c)"]);
        assert_eq!(split("(a) && (b && c)"), ["(a)", "(b && c)"]);
        assert_eq!(split("a && b || c"), ["a && b || c"]);
        assert_eq!(split("a ? b : c && d"), ["a ? b : c && d"]);
        assert_eq!(split("x.?y.orValue(1) == 1 && m[?'k'].hasValue()").len(), 2);
        assert_eq!(split("s == '&&' && t"), ["s == '&&'", "t"]);
        assert_eq!(split("a && 'open"), ["a && 'open"]);
        assert_eq!(split(""), [""]);
    }

    #[test]
    fn a_term_is_replaced_or_left_out() {
        let source = "a && b //c\n && d";
        let with = |wanted: usize, text: Option<&str>| {
            with_terms(source, &|index| {
                (index == wanted).then(|| text.map(str::to_owned))
            })
        };
        assert_eq!(with(0, None).as_deref(), Some("b && d"));
        assert_eq!(with(2, Some("x")).as_deref(), Some("a && b && x"));
        assert_eq!(with_terms("a", &|_| Some(None)), None);
        assert_eq!(with(9, None).as_deref(), Some(source));
    }

    #[test]
    fn names_and_keys_are_replaced_where_they_select() {
        let with = |from, to| {
            with_name(
                r#"a["x.y"].name == "name" && a["x.y"].?name.has()"#,
                from,
                to,
            )
        };
        let expected = r#"a["x.y"].Name == "name" && a["x.y"].?Name.has()"#;
        assert_eq!(with("name", "Name").as_deref(), Some(expected));
        let expected = r#"a["z"].name == "name" && a["z"].?name.has()"#;
        assert_eq!(with("x.y", "z").as_deref(), Some(expected));
        assert_eq!(with("other", "z"), None);
        assert_eq!(with("name", "not plain"), None);
    }

    #[test]
    fn constants_are_what_values_are_compared_with() {
        use ConstantKind::{Bool, Int, Quantity, Text, Version};
        let source = r#"device.attributes["d.e"].model == "A\n1" && device.capacity["d.e"].memory.compareTo(quantity("40Gi")) >= 0
            && x >= -3 && semver("1.2.3") == y && z.matches("^a") && u in ["p", 'q'] && v[1] == true"#;
        let found = constants(source);
        let shown: Vec<(ConstantKind, &str, bool)> = found
            .iter()
            .map(|c| (c.kind, c.text.as_str(), c.is_equated))
            .collect();
        let expected = [
            (Text, "A\n1", true),
            (Quantity, "40Gi", false),
            (Int, "0", false),
            (Int, "-3", false),
            (Version, "1.2.3", true),
            (Text, "p", false),
            (Text, "q", false),
            (Bool, "true", true),
        ];
        assert_eq!(shown, expected);
        assert_eq!(&source[found[3].range.clone()], "-3");
    }
}
