//! From text to tokens.
//!
//! Longest match, as the grammar's lexer does it. Never looks at meaning: numbers and strings keep their spelling,
//! [`unescape`] turns a string's spelling into its content. Start at [`tokenize`].

use std::borrow::Cow;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Ident,
    EscapedIdent,
    Int,
    Uint,
    Float,
    String,
    Bytes,
    True,
    False,
    Null,
    In,
    /// An operator or bracket; its spelling says which.
    Punct(&'static str),
    End,
}

/// A token and where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lexeme<'s> {
    pub(super) token: Token,
    pub(super) text: &'s str,
    pub(super) offset: usize,
}

/// Where and why a text is not a sequence of tokens, or a sequence of tokens not an expression.
#[derive(Clone, Debug)]
pub(super) struct Issue {
    pub(super) offset: usize,
    pub(super) text: String,
}

impl Issue {
    pub(super) fn new(offset: usize, text: impl Into<String>) -> Self {
        Issue {
            offset,
            text: text.into(),
        }
    }
}

/// Splits `source` into tokens, the last one being [`Token::End`].
pub(super) fn tokenize(source: &str) -> Result<Vec<Lexeme<'_>>, Issue> {
    let mut lexemes = Vec::with_capacity(source.len() / 4 + 1);
    let mut offset = 0;
    loop {
        offset = skip_blank(source, offset);
        let rest = source.get(offset..).unwrap_or_default();
        if rest.is_empty() {
            lexemes.push(Lexeme {
                token: Token::End,
                text: "<EOF>",
                offset,
            });
            return Ok(lexemes);
        }
        let Some((token, length)) = next_token(rest) else {
            let wrong: String = rest.chars().take(1).collect();
            return Err(Issue::new(
                offset,
                format!("Syntax error: token recognition error at: '{wrong}'"),
            ));
        };
        let text = rest.get(..length).unwrap_or_default();
        lexemes.push(Lexeme {
            token,
            text,
            offset,
        });
        offset += length;
    }
}

fn skip_blank(source: &str, mut offset: usize) -> usize {
    let bytes = source.as_bytes();
    loop {
        match bytes.get(offset) {
            Some(b'\t' | b' ' | b'\r' | b'\n' | 0x0c) => offset += 1,
            Some(b'/') if bytes.get(offset + 1) == Some(&b'/') => {
                while bytes.get(offset).is_some_and(|b| *b != b'\n') {
                    offset += 1;
                }
            }
            _ => return offset,
        }
    }
}

fn next_token(rest: &str) -> Option<(Token, usize)> {
    let bytes = rest.as_bytes();
    let first = *bytes.first()?;
    if let Some(found) = string_token(bytes) {
        return Some(found);
    }
    if first.is_ascii_alphabetic() || first == b'_' {
        let length = run(bytes, 0, |b| b.is_ascii_alphanumeric() || b == b'_');
        let token = match rest.get(..length)? {
            "in" => Token::In,
            "true" => Token::True,
            "false" => Token::False,
            "null" => Token::Null,
            _ => Token::Ident,
        };
        return Some((token, length));
    }
    let digit_follows = bytes.get(1).is_some_and(u8::is_ascii_digit);
    if first.is_ascii_digit() || (first == b'.' && digit_follows) {
        return Some(number(bytes));
    }
    if first == b'`' {
        let inner = run(bytes, 1, |b| {
            b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-' | b'/' | b' ')
        });
        return (inner > 1 && bytes.get(inner) == Some(&b'`'))
            .then_some((Token::EscapedIdent, inner + 1));
    }
    let spelling = punctuation(first, bytes.get(1).copied())?;
    Some((Token::Punct(spelling), spelling.len()))
}

/// The operator or bracket that begins with these bytes.
fn punctuation(first: u8, second: Option<u8>) -> Option<&'static str> {
    Some(match (first, second) {
        (b'=', Some(b'=')) => "==",
        (b'!', Some(b'=')) => "!=",
        (b'<', Some(b'=')) => "<=",
        (b'>', Some(b'=')) => ">=",
        (b'&', Some(b'&')) => "&&",
        (b'|', Some(b'|')) => "||",
        (b'<', _) => "<",
        (b'>', _) => ">",
        (b'[', _) => "[",
        (b']', _) => "]",
        (b'{', _) => "{",
        (b'}', _) => "}",
        (b'(', _) => "(",
        (b')', _) => ")",
        (b'.', _) => ".",
        (b',', _) => ",",
        (b'-', _) => "-",
        (b'!', _) => "!",
        (b'?', _) => "?",
        (b':', _) => ":",
        (b'+', _) => "+",
        (b'*', _) => "*",
        (b'/', _) => "/",
        (b'%', _) => "%",
        _ => return None,
    })
}

/// The end of the run of bytes from `start` that satisfy `accept`.
fn run(bytes: &[u8], start: usize, accept: impl Fn(u8) -> bool) -> usize {
    let mut end = start;
    while bytes.get(end).is_some_and(|b| accept(*b)) {
        end += 1;
    }
    end
}

fn number(bytes: &[u8]) -> (Token, usize) {
    let digit = |b: u8| b.is_ascii_digit();
    if bytes.starts_with(b"0x") {
        let end = run(bytes, 2, |b| b.is_ascii_hexdigit());
        if end > 2 {
            return match bytes.get(end) {
                Some(b'u' | b'U') => (Token::Uint, end + 1),
                _ => (Token::Int, end),
            };
        }
    }
    let whole = run(bytes, 0, digit);
    let mut end = whole;
    if bytes.get(end) == Some(&b'.') && bytes.get(end + 1).is_some_and(u8::is_ascii_digit) {
        end = run(bytes, end + 1, digit);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let start = end + 1 + sign;
        let exponent = run(bytes, start, digit);
        if exponent > start {
            end = exponent;
        }
    }
    if end > whole {
        return (Token::Float, end);
    }
    match bytes.get(whole) {
        Some(b'u' | b'U') => (Token::Uint, whole + 1),
        _ => (Token::Int, whole),
    }
}

/// A string or bytes literal at the start of `bytes`, if a complete one is there.
fn string_token(bytes: &[u8]) -> Option<(Token, usize)> {
    let (token, prefix) = match bytes.first()? {
        b'b' | b'B' => (Token::Bytes, 1),
        _ => (Token::String, 0),
    };
    let raw = usize::from(matches!(bytes.get(prefix), Some(b'r' | b'R')));
    let start = prefix + raw;
    let quote = *bytes.get(start)?;
    if quote != b'"' && quote != b'\'' {
        return None;
    }
    let triple = bytes.get(start + 1) == Some(&quote) && bytes.get(start + 2) == Some(&quote);
    let long = triple
        .then(|| string_end(bytes, start + 3, quote, 3, raw == 1))
        .flatten();
    let end = long.or_else(|| string_end(bytes, start + 1, quote, 1, raw == 1))?;
    Some((token, end))
}

/// The end of the literal whose content starts at `at`, closed by `count` quotes.
fn string_end(bytes: &[u8], mut at: usize, quote: u8, count: usize, raw: bool) -> Option<usize> {
    loop {
        let byte = *bytes.get(at)?;
        if (0..count).all(|i| bytes.get(at + i) == Some(&quote)) {
            return Some(at + count);
        }
        if byte == b'\\' && !raw {
            at += escape_length(bytes.get(at + 1..)?)? + 1;
            continue;
        }
        if count == 1 && matches!(byte, b'\n' | b'\r') {
            return None;
        }
        at += 1;
    }
}

/// How many bytes after the backslash belong to the escape.
fn escape_length(after: &[u8]) -> Option<usize> {
    let hex = |n: usize| {
        (1..=n)
            .all(|i| after.get(i).is_some_and(u8::is_ascii_hexdigit))
            .then_some(n + 1)
    };
    match after.first()? {
        b'a' | b'b' | b'f' | b'n' | b'r' | b't' | b'v' | b'"' | b'\'' | b'\\' | b'?' | b'`' => {
            Some(1)
        }
        b'x' | b'X' => hex(2),
        b'u' => hex(4),
        b'U' => hex(8),
        b'0'..=b'3' => (1..=2)
            .all(|i| matches!(after.get(i), Some(b'0'..=b'7')))
            .then_some(3),
        _ => None,
    }
}

/// The content of a string literal (without the `b` of a bytes literal). Bytes, because escapes in a bytes literal
/// need not form text.
pub(super) fn unescape(literal: &str, bytes: bool) -> Result<Vec<u8>, &'static str> {
    const BROKEN: &str = "unable to unescape string";
    let mut literal = Cow::Borrowed(literal);
    if literal.contains('\r') {
        literal = Cow::Owned(literal.replace("\r\n", "\n").replace('\r', "\n"));
    }
    let raw = literal.starts_with(['r', 'R']);
    let quoted = literal.get(usize::from(raw)..).unwrap_or_default();
    let width = if quoted.len() >= 6 && (quoted.starts_with("'''") || quoted.starts_with("\"\"\""))
    {
        3
    } else {
        1
    };
    let end = quoted.len().checked_sub(width).ok_or(BROKEN)?;
    let content = quoted.get(width..end).ok_or(BROKEN)?;
    if raw || !content.contains('\\') {
        return Ok(content.as_bytes().to_vec());
    }
    let mut out = Vec::with_capacity(content.len());
    let mut rest = content;
    while let Some(at) = rest.find('\\') {
        out.extend_from_slice(rest.get(..at).ok_or(BROKEN)?.as_bytes());
        let escape = rest.get(at + 1..).ok_or(BROKEN)?;
        let length = escape_length(escape.as_bytes()).ok_or(BROKEN)?;
        push_escape(&mut out, escape.get(..length).ok_or(BROKEN)?, bytes)?;
        rest = escape.get(length..).ok_or(BROKEN)?;
    }
    out.extend_from_slice(rest.as_bytes());
    Ok(out)
}

fn push_escape(out: &mut Vec<u8>, escape: &str, bytes: bool) -> Result<(), &'static str> {
    const BROKEN: &str = "unable to unescape string";
    let code = match escape.as_bytes() {
        b"a" => 7,
        b"b" => 8,
        b"f" => 12,
        b"n" => 10,
        b"r" => 13,
        b"t" => 9,
        b"v" => 11,
        [b'u' | b'U', ..] if bytes => return Err(BROKEN),
        [b'x' | b'X' | b'u' | b'U', ..] => {
            u32::from_str_radix(escape.get(1..).ok_or(BROKEN)?, 16).map_err(|_| BROKEN)?
        }
        [b'0'..=b'3', _, _] => u32::from_str_radix(escape, 8).map_err(|_| BROKEN)?,
        [other] => u32::from(*other),
        _ => return Err(BROKEN),
    };
    if bytes {
        out.push(u8::try_from(code).map_err(|_| BROKEN)?);
        return Ok(());
    }
    let c = char::from_u32(code).ok_or("invalid unicode code point")?;
    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    Ok(())
}
