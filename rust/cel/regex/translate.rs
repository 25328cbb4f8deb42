//! Reads Go's syntax of regular expressions and writes the `regex` crate's.
//!
//! One pass, a stack of open groups, no recursion. What is written never depends on the crate's defaults: each
//! character class stands spelled out. Start at [`translate`].

use super::names;

/// Most repetitions of one thing, nested counts multiplied.
const MOST_REPEATS: u64 = 1000;
/// Deepest tree Go accepts.
const MOST_HEIGHT: u32 = 1000;
/// Most instructions Go compiles to.
const MOST_SIZE: u64 = (128 << 20) / 40;
/// Matches nothing.
const NOTHING: &str = "[^\\x{0}-\\x{10FFFF}]";

/// The flags that `(?imsU)` sets.
#[derive(Clone, Copy, Default)]
struct Flags {
    fold_case: bool,
    multi_line: bool,
    dot_newline: bool,
    non_greedy: bool,
}

/// A translated part of the expression.
struct Piece {
    text: String,
    /// Whether a repetition can follow the text as it is.
    atomic: bool,
    /// For a run of characters: whether case is folded.
    literal: Option<bool>,
    size: u64,
    height: u32,
    /// The largest product of nested counts in it.
    repeats: u64,
}

impl Piece {
    fn atom(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            atomic: true,
            literal: None,
            size: 1,
            height: 1,
            repeats: 1,
        }
    }
}

/// An open group: what is read of it, and what held before it.
#[derive(Default)]
struct Group {
    flags_before: Flags,
    captures: bool,
    alternatives: Vec<Piece>,
    pieces: Vec<Piece>,
}

struct Translator<'p> {
    pattern: &'p str,
    rest: &'p str,
    flags: Flags,
    groups: Vec<Group>,
    /// The innermost open group.
    group: Group,
}

/// Translates a pattern; the error is Go's text without its prefix.
pub(super) fn translate(pattern: &str) -> Result<String, String> {
    let mut translator = Translator {
        pattern,
        rest: pattern,
        flags: Flags::default(),
        groups: Vec::new(),
        group: Group::default(),
    };
    let mut last_repeat = None;
    while let Some(c) = translator.peek() {
        last_repeat = translator.element(c, last_repeat)?;
    }
    if !translator.groups.is_empty() {
        return Err(failure("missing closing )", pattern));
    }
    let group = std::mem::take(&mut translator.group);
    Ok(translator.close(group)?.text)
}

fn failure(code: &str, expression: &str) -> String {
    format!("{code}: `{expression}`")
}

/// The part of `longer` before `shorter`, which is its tail.
fn before<'p>(longer: &'p str, shorter: &str) -> &'p str {
    longer
        .get(..longer.len().saturating_sub(shorter.len()))
        .unwrap_or(longer)
}

/// Writes one character so that it means only itself, in and out of brackets.
fn write_char(text: &mut String, c: char) {
    if c.is_ascii_alphanumeric() || c == '_' || (!c.is_ascii() && c.is_alphanumeric()) {
        text.push(c);
    } else {
        text.push_str(&format!("\\x{{{:X}}}", u32::from(c)));
    }
}

/// Writes a range of code points; surrogates are in no text and are left out.
fn write_range(text: &mut String, low: u32, high: u32) {
    for (low, high) in [(low, high.min(0xD7FF)), (low.max(0xE000), high)] {
        if low <= high {
            text.push_str(&format!("\\x{{{low:X}}}-\\x{{{high:X}}}"));
        }
    }
}

impl<'p> Translator<'p> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn take(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let c = chars.next()?;
        self.rest = chars.as_str();
        Some(c)
    }

    fn take_prefix(&mut self, prefix: &str) -> bool {
        let rest = self.rest.strip_prefix(prefix);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// Reads one element; gives what was left before it if it is a repetition.
    fn element(&mut self, c: char, last_repeat: Option<&'p str>) -> Result<Option<&'p str>, String> {
        let start = self.rest;
        match c {
            '(' if self.rest.starts_with("(?") => self.perl_group()?,
            '[' => self.class()?,
            '\\' => self.escape()?,
            '*' | '+' | '?' => {
                self.take();
                let (least, most) = match c {
                    '*' => (0, None),
                    '+' => (1, None),
                    _ => (0, Some(1)),
                };
                self.repeat(start, &c.to_string(), least, most, last_repeat)?;
                return Ok(Some(start));
            }
            '{' => {
                if let Some((least, most)) = self.count()? {
                    let text = match most {
                        None => format!("{{{least},}}"),
                        Some(most) => format!("{{{least},{most}}}"),
                    };
                    self.repeat(start, &text, least, most, last_repeat)?;
                    return Ok(Some(start));
                }
                self.take();
                self.literal(c);
            }
            _ => {
                self.take();
                self.simple(c)?;
            }
        }
        Ok(None)
    }

    fn simple(&mut self, c: char) -> Result<(), String> {
        match c {
            '(' => self.open(self.flags, true),
            ')' => {
                let Some(outer) = self.groups.pop() else {
                    return Err(failure("unexpected )", self.pattern));
                };
                let inner = std::mem::replace(&mut self.group, outer);
                self.flags = inner.flags_before;
                let piece = self.close(inner)?;
                self.group.pieces.push(piece);
            }
            '|' => {
                let pieces = std::mem::take(&mut self.group.pieces);
                self.group.alternatives.push(concatenate(pieces));
            }
            '^' => self.push(if self.flags.multi_line { "(?m:^)" } else { "\\A" }),
            '$' => self.push(if self.flags.multi_line { "(?m:$)" } else { "\\z" }),
            '.' => self.push(if self.flags.dot_newline {
                "[\\x{0}-\\x{10FFFF}]"
            } else {
                "[^\\n]"
            }),
            _ => self.literal(c),
        }
        Ok(())
    }

    fn push(&mut self, text: &str) {
        self.group.pieces.push(Piece::atom(text));
    }

    fn literal(&mut self, c: char) {
        let mut text = String::new();
        write_char(&mut text, c);
        // What is neither ASCII nor a letter may still have another case.
        if self.flags.fold_case && (c.is_ascii_alphabetic() || !c.is_ascii()) {
            text = format!("(?i:{text})");
        }
        self.group.pieces.push(Piece {
            literal: Some(self.flags.fold_case),
            ..Piece::atom(text)
        });
    }

    fn open(&mut self, flags_before: Flags, captures: bool) {
        let inner = Group {
            flags_before,
            captures,
            ..Group::default()
        };
        self.groups.push(std::mem::replace(&mut self.group, inner));
    }

    /// Makes one piece of a group that ends here. Nobody asks for submatches, so none are captured.
    fn close(&self, group: Group) -> Result<Piece, String> {
        let mut alternatives = group.alternatives;
        alternatives.push(concatenate(group.pieces));
        let mut piece = alternate(alternatives);
        if group.captures {
            piece.size = piece.size.saturating_add(2);
            piece.height = piece.height.saturating_add(1);
            piece.literal = None;
        }
        self.check(&piece)?;
        Ok(piece)
    }

    fn check(&self, piece: &Piece) -> Result<(), String> {
        if piece.height > MOST_HEIGHT {
            return Err(failure("expression nests too deeply", self.pattern));
        }
        if piece.size > MOST_SIZE {
            return Err(failure("expression too large", self.pattern));
        }
        Ok(())
    }

    /// Reads `(?…`: a named group, a group with flags, or flags for what follows.
    fn perl_group(&mut self) -> Result<(), String> {
        let start = self.rest;
        let named = (start.starts_with("(?P<") && start.len() > 4) || (start.starts_with("(?<") && start.len() > 3);
        if named {
            let name_start = if start.starts_with("(?P") { 4 } else { 3 };
            let Some(end) = start.find('>') else {
                return Err(failure("invalid named capture", start));
            };
            let name = start.get(name_start..end).unwrap_or("");
            if name.is_empty() || name.bytes().any(|b| !b.is_ascii_alphanumeric() && b != b'_') {
                return Err(failure("invalid named capture", start.get(..=end).unwrap_or(start)));
            }
            self.rest = start.get(end + 1..).unwrap_or("");
            self.open(self.flags, true);
            return Ok(());
        }
        self.take_prefix("(?");
        let (mut flags, mut value, mut seen) = (self.flags, true, false);
        while let Some(c) = self.take() {
            let flag = match c {
                'i' => &mut flags.fold_case,
                'm' => &mut flags.multi_line,
                's' => &mut flags.dot_newline,
                'U' => &mut flags.non_greedy,
                '-' if value => {
                    (value, seen) = (false, false);
                    continue;
                }
                ':' | ')' if value || seen => {
                    if c == ':' {
                        self.open(self.flags, false);
                    }
                    self.flags = flags;
                    return Ok(());
                }
                _ => break,
            };
            *flag = value;
            seen = true;
        }
        let read = before(start, self.rest);
        Err(failure("invalid or unsupported Perl syntax", read))
    }

    /// Reads `{least}`, `{least,}` or `{least,most}`; leaves anything else alone.
    fn count(&mut self) -> Result<Option<(u64, Option<u64>)>, String> {
        let start = self.rest;
        let Some((body, rest)) = start.strip_prefix('{').and_then(|body| body.split_once('}')) else {
            return Ok(None);
        };
        let number = |digits: &str| -> Option<u64> {
            let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
            let padded = digits.len() > 1 && digits.starts_with('0');
            (plain && !padded).then(|| digits.parse().unwrap_or(u64::MAX))
        };
        let counts = match body.split_once(',') {
            None => number(body).map(|least| (least, Some(least))),
            Some((least, "")) => number(least).map(|least| (least, None)),
            Some((least, most)) => number(least).zip(number(most).map(Some)),
        };
        let Some((least, most)) = counts else {
            return Ok(None);
        };
        if least > MOST_REPEATS || most.is_some_and(|most| most > MOST_REPEATS || most < least) {
            return Err(failure("invalid repeat count", before(start, rest)));
        }
        self.rest = rest;
        Ok(Some((least, most)))
    }

    /// Repeats the piece before; `operator` is read already, a `?` for laziness is not.
    fn repeat(
        &mut self,
        start: &'p str,
        operator: &str,
        least: u64,
        most: Option<u64>,
        last_repeat: Option<&'p str>,
    ) -> Result<(), String> {
        let lazy = self.take_prefix("?") != self.flags.non_greedy;
        if let Some(last) = last_repeat {
            let read = before(last, self.rest);
            return Err(failure("invalid nested repetition operator", read));
        }
        let Some(inner) = self.group.pieces.pop() else {
            let read = before(start, self.rest);
            return Err(failure("missing argument to repetition operator", read));
        };
        let counted = operator.starts_with('{');
        let times = if counted { most.unwrap_or(least) } else { 1 };
        let repeats = match times {
            0 if counted && most.is_some() => 1,
            0 => inner.repeats,
            _ => inner.repeats.saturating_mul(times),
        };
        if counted && repeats > MOST_REPEATS && times >= 2 {
            return Err(failure("invalid repeat count", before(start, self.rest)));
        }
        let size = match (counted, most) {
            (false, None) => inner.size.saturating_add(2),
            (false, Some(_)) => inner.size.saturating_add(1),
            (true, None) => inner.size.saturating_mul(least.max(1)).saturating_add(2),
            (true, Some(most)) => inner.size.saturating_mul(most).saturating_add(most - least),
        };
        let body = if inner.atomic {
            inner.text
        } else {
            format!("(?:{})", inner.text)
        };
        let piece = Piece {
            text: format!("{body}{operator}{}", if lazy { "?" } else { "" }),
            atomic: false,
            literal: None,
            size: size.max(1),
            height: inner.height.saturating_add(1),
            repeats,
        };
        self.check(&piece)?;
        self.group.pieces.push(piece);
        Ok(())
    }

    /// Reads what begins with a backslash, outside of brackets.
    fn escape(&mut self) -> Result<(), String> {
        let start = self.rest;
        let assertion = match start.as_bytes().get(1) {
            Some(b'A') => "\\A",
            Some(b'z') => "\\z",
            Some(b'b') => "(?-u:\\b)",
            Some(b'B') => "(?-u:\\B)",
            Some(b'C') => return Err(failure("invalid escape sequence", "\\C")),
            Some(b'Q') => {
                let rest = start.get(2..).unwrap_or("");
                let (literal, rest) = rest.split_once("\\E").unwrap_or((rest, ""));
                literal.chars().for_each(|c| self.literal(c));
                self.rest = rest;
                return Ok(());
            }
            _ => "",
        };
        if !assertion.is_empty() {
            self.rest = start.get(2..).unwrap_or("");
            self.push(assertion);
            return Ok(());
        }
        if let Some(item) = self.class_escape()? {
            self.push_class(&item, false);
            return Ok(());
        }
        let code = self.character_escape()?;
        match char::from_u32(code) {
            Some(c) => self.literal(c),
            None => self.push(NOTHING),
        }
        Ok(())
    }

    fn push_class(&mut self, items: &str, negated: bool) {
        let text = match (items.is_empty(), negated) {
            (true, false) => NOTHING.to_owned(),
            (true, true) => "[\\x{0}-\\x{10FFFF}]".to_owned(),
            (false, false) => format!("[{items}]"),
            (false, true) => format!("[^{items}]"),
        };
        if self.flags.fold_case {
            self.push(&format!("(?i:{text})"));
        } else {
            self.push(&text);
        }
    }

    /// Reads `\pN`, `\p{Name}` or `\d`, `\s`, `\w` and their opposites, as an item to be put between brackets.
    fn class_escape(&mut self) -> Result<Option<String>, String> {
        let start = self.rest;
        let mut chars = start.chars();
        let (Some('\\'), Some(letter)) = (chars.next(), chars.next()) else {
            return Ok(None);
        };
        let negate = |items: &str| format!("[^{items}]");
        if let Some(items) = names::perl_class(letter.to_ascii_lowercase()) {
            self.rest = chars.as_str();
            let negated = letter.is_ascii_uppercase();
            return Ok(Some(if negated { negate(items) } else { items.to_owned() }));
        }
        if !matches!(letter, 'p' | 'P') {
            return Ok(None);
        }
        let (sequence, name) = match chars.next() {
            None => return Ok(None),
            Some('{') => {
                let Some(end) = start.find('}') else {
                    return Err(failure("invalid character class range", start));
                };
                self.rest = start.get(end + 1..).unwrap_or("");
                (start.get(..=end).unwrap_or(start), start.get(3..end).unwrap_or(""))
            }
            Some(_) => {
                self.rest = chars.as_str();
                let sequence = before(start, self.rest);
                (sequence, sequence.get(2..).unwrap_or(""))
            }
        };
        let opposite = name.strip_prefix('^');
        let Some(items) = names::unicode_class(opposite.unwrap_or(name)) else {
            return Err(failure("invalid character class range", sequence));
        };
        let negated = (letter == 'P') != opposite.is_some();
        Ok(Some(if negated { negate(&items) } else { items }))
    }

    /// Reads an escape that stands for one code point.
    fn character_escape(&mut self) -> Result<u32, String> {
        let start = self.rest;
        self.take();
        let Some(c) = self.take() else {
            return Err(failure("trailing backslash at end of expression", ""));
        };
        let octal = |rest: &str| rest.bytes().next().is_some_and(|b| (b'0'..=b'7').contains(&b));
        let code = match c {
            '0'..='7' if c == '0' || octal(self.rest) => {
                let mut code = u32::from(c) - u32::from('0');
                for _ in 0..2 {
                    if !octal(self.rest) {
                        break;
                    }
                    code = code * 8 + self.take().and_then(|digit| digit.to_digit(8)).unwrap_or(0);
                }
                Some(code)
            }
            'x' => self.hexadecimal(),
            'a' => Some(7),
            'f' => Some(12),
            'n' => Some(10),
            'r' => Some(13),
            't' => Some(9),
            'v' => Some(11),
            _ => (c.is_ascii() && !c.is_ascii_alphanumeric()).then_some(u32::from(c)),
        };
        code.ok_or_else(|| failure("invalid escape sequence", before(start, self.rest)))
    }

    /// Reads what follows `\x`: two digits, or any number of them in braces.
    fn hexadecimal(&mut self) -> Option<u32> {
        let digit = |c: char| c.to_digit(16);
        let first = self.take()?;
        if first != '{' {
            let second = self.take();
            return Some(digit(first)? * 16 + digit(second?)?);
        }
        let (mut code, mut digits) = (0_u32, 0);
        loop {
            let c = self.take()?;
            if c == '}' {
                return (digits > 0).then_some(code);
            }
            code = code * 16 + digit(c)?;
            if code > u32::from(char::MAX) {
                return None;
            }
            digits = 1;
        }
    }

    /// Reads a class in brackets.
    fn class(&mut self) -> Result<(), String> {
        let start = self.rest;
        self.take();
        let negated = self.take_prefix("^");
        let mut items = String::new();
        let mut first = true;
        while first || !self.rest.starts_with(']') {
            first = false;
            if let Some(item) = self.posix_item()? {
                items.push_str(&item);
                continue;
            }
            if let Some(item) = self.class_escape()? {
                items.push_str(&item);
                continue;
            }
            let range = self.rest;
            let low = self.class_character(start)?;
            let mut high = low;
            let dash = self.rest.strip_prefix('-');
            if let Some(rest) = dash.filter(|rest| !rest.is_empty() && !rest.starts_with(']')) {
                self.rest = rest;
                high = self.class_character(start)?;
                if high < low {
                    let read = before(range, self.rest);
                    return Err(failure("invalid character class range", read));
                }
            }
            write_range(&mut items, low, high);
        }
        self.take();
        self.push_class(&items, negated);
        Ok(())
    }

    fn class_character(&mut self, class: &str) -> Result<u32, String> {
        match self.peek() {
            None => Err(failure("missing closing ]", class)),
            Some('\\') => self.character_escape(),
            Some(c) => {
                self.take();
                Ok(u32::from(c))
            }
        }
    }

    /// Reads `[:name:]` or `[:^name:]` inside of brackets.
    fn posix_item(&mut self) -> Result<Option<String>, String> {
        let Some((name, rest)) = self.rest.strip_prefix("[:").and_then(|body| body.split_once(":]")) else {
            return Ok(None);
        };
        let opposite = name.strip_prefix('^');
        let Some(items) = names::posix_class(opposite.unwrap_or(name)) else {
            let read = before(self.rest, rest);
            return Err(failure("invalid character class range", read));
        };
        self.rest = rest;
        Ok(Some(if opposite.is_some() {
            format!("[^{items}]")
        } else {
            items.to_owned()
        }))
    }
}

/// Joins pieces that follow each other. Characters in a row count as one node of the tree.
fn concatenate(mut pieces: Vec<Piece>) -> Piece {
    if pieces.len() == 1
        && let Some(piece) = pieces.pop()
    {
        return piece;
    }
    let mut joined = Piece {
        atomic: false,
        size: 0,
        height: 1,
        ..Piece::atom("")
    };
    let (mut nodes, mut deepest, mut last) = (0_u32, 1, None);
    for piece in pieces {
        if piece.literal.is_none() || piece.literal != last {
            nodes = nodes.saturating_add(1);
        }
        last = piece.literal;
        deepest = deepest.max(piece.height);
        joined.text.push_str(&if piece.atomic || !piece.text.contains('|') {
            piece.text
        } else {
            format!("(?:{})", piece.text)
        });
        joined.size = joined.size.saturating_add(piece.size);
        joined.repeats = joined.repeats.max(piece.repeats);
    }
    joined.size = joined.size.max(1);
    joined.height = if nodes > 1 { deepest.saturating_add(1) } else { deepest };
    joined
}

/// Joins alternatives.
fn alternate(mut alternatives: Vec<Piece>) -> Piece {
    if alternatives.len() == 1
        && let Some(piece) = alternatives.pop()
    {
        return piece;
    }
    let mut joined = Piece {
        size: 0,
        ..Piece::atom("(?:")
    };
    for (index, piece) in alternatives.iter().enumerate() {
        if index > 0 {
            joined.text.push('|');
        }
        joined.text.push_str(&piece.text);
        joined.size = joined.size.saturating_add(piece.size).saturating_add(u64::from(index > 0));
        joined.height = joined.height.max(piece.height.saturating_add(1));
        joined.repeats = joined.repeats.max(piece.repeats);
    }
    joined.text.push(')');
    joined
}
