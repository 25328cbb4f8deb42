//! Reads Go's syntax of regular expressions.
//!
//! One pass, a stack of open groups, no recursion. Classes are written in the `regex` crate's syntax, spelled out so
//! that they never depend on its defaults. Start at [`parse`].

use std::fmt::Write as _;

use super::names;
use super::tree::{Assertion, MOST_SIZE, NodeId, Tree};

/// Most repetitions of one thing, nested counts multiplied.
const MOST_REPEATS: u64 = 1000;
/// Deepest tree Go accepts.
const MOST_HEIGHT: u32 = 1000;
/// Longest expression read. Go has no such limit; no selector comes near it.
const MOST_BYTES: usize = 64 << 10;
/// Matches nothing.
const NOTHING: &str = "[^\\x{0}-\\x{10FFFF}]";

/// The flags that `(?imsU)` sets.
#[derive(Clone, Copy, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are four independent flags"
)]
struct Flags {
    fold_case: bool,
    multi_line: bool,
    dot_newline: bool,
    non_greedy: bool,
}

/// An open group: what is read of it, and what held before it.
#[derive(Default)]
struct Group {
    flags_before: Flags,
    captures: bool,
    alternatives: Vec<NodeId>,
    pieces: Vec<NodeId>,
}

struct Parser<'p> {
    tree: Tree,
    pattern: &'p str,
    rest: &'p str,
    flags: Flags,
    groups: Vec<Group>,
    /// The innermost open group.
    group: Group,
}

/// Reads a pattern; the error is Go's text without its prefix.
pub(super) fn parse(pattern: &str) -> Result<(Tree, NodeId), String> {
    if pattern.len() > MOST_BYTES {
        return Err(failure("expression too large", pattern));
    }
    let mut parser = Parser {
        tree: Tree::default(),
        pattern,
        rest: pattern,
        flags: Flags::default(),
        groups: Vec::new(),
        group: Group::default(),
    };
    let mut last_repeat = None;
    while let Some(c) = parser.peek() {
        last_repeat = parser.element(c, last_repeat)?;
    }
    if !parser.groups.is_empty() {
        return Err(failure("missing closing )", pattern));
    }
    let group = std::mem::take(&mut parser.group);
    let root = parser.close(group)?;
    Ok((parser.tree, root))
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

/// Writes a range of code points; surrogates are in no text and are left out.
fn write_range(text: &mut String, low: u32, high: u32) {
    for (low, high) in [(low, high.min(0xD7FF)), (low.max(0xE000), high)] {
        if low <= high {
            // Writing to a text cannot fail.
            let _ = write!(text, "\\x{{{low:X}}}-\\x{{{high:X}}}");
        }
    }
}

impl<'p> Parser<'p> {
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
    fn element(
        &mut self,
        c: char,
        last_repeat: Option<&'p str>,
    ) -> Result<Option<&'p str>, String> {
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
                self.repeat(start, false, (least, most), last_repeat)?;
                return Ok(Some(start));
            }
            '{' => {
                if let Some(counts) = self.count()? {
                    self.repeat(start, true, counts, last_repeat)?;
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
                let sequence = self.tree.concatenation(pieces);
                self.group.alternatives.push(sequence);
            }
            '^' if self.flags.multi_line => self.assertion(Assertion::LineStart),
            '^' => self.assertion(Assertion::TextStart),
            '$' if self.flags.multi_line => self.assertion(Assertion::LineEnd),
            '$' => self.assertion(Assertion::TextEnd),
            '.' if self.flags.dot_newline => self.class_text("[\\x{0}-\\x{10FFFF}]"),
            '.' => self.class_text("[^\\n]"),
            _ => self.literal(c),
        }
        Ok(())
    }

    fn assertion(&mut self, assertion: Assertion) {
        let node = self.tree.assertion(assertion);
        self.group.pieces.push(node);
    }

    fn class_text(&mut self, text: &str) {
        let node = self.tree.class(text.to_owned());
        self.group.pieces.push(node);
    }

    fn literal(&mut self, c: char) {
        let node = self.tree.char(c, self.flags.fold_case);
        self.group.pieces.push(node);
    }

    fn open(&mut self, flags_before: Flags, captures: bool) {
        let inner = Group {
            flags_before,
            captures,
            ..Group::default()
        };
        self.groups.push(std::mem::replace(&mut self.group, inner));
    }

    /// Makes one node of a group that ends here.
    fn close(&mut self, group: Group) -> Result<NodeId, String> {
        let mut alternatives = group.alternatives;
        alternatives.push(self.tree.concatenation(group.pieces));
        let mut node = self.tree.alternation(alternatives);
        if group.captures {
            node = self.tree.capture(node);
        }
        self.check(node)?;
        Ok(node)
    }

    fn check(&self, id: NodeId) -> Result<(), String> {
        let (height, size) = self
            .tree
            .node(id)
            .map_or((0, 0), |node| (node.height, node.size));
        if height > MOST_HEIGHT {
            return Err(failure("expression nests too deeply", self.pattern));
        }
        if size > MOST_SIZE {
            return Err(failure("expression too large", self.pattern));
        }
        Ok(())
    }

    /// Reads `(?…`: a named group, a group with flags, or flags for what follows.
    fn perl_group(&mut self) -> Result<(), String> {
        let start = self.rest;
        let named = (start.starts_with("(?P<") && start.len() > 4)
            || (start.starts_with("(?<") && start.len() > 3);
        if named {
            let name_start = if start.starts_with("(?P") { 4 } else { 3 };
            let Some(end) = start.find('>') else {
                return Err(failure("invalid named capture", start));
            };
            let name = start.get(name_start..end).unwrap_or("");
            if name.is_empty()
                || name
                    .bytes()
                    .any(|b| !b.is_ascii_alphanumeric() && b != b'_')
            {
                return Err(failure(
                    "invalid named capture",
                    start.get(..=end).unwrap_or(start),
                ));
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
        let Some((body, rest)) = start
            .strip_prefix('{')
            .and_then(|body| body.split_once('}'))
        else {
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

    /// Repeats the node before; the operator is read already, a `?` for laziness is not.
    fn repeat(
        &mut self,
        start: &'p str,
        counted: bool,
        (least, most): (u64, Option<u64>),
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
        let node = self.tree.repetition(inner, counted, (least, most), !lazy);
        let repeats = self.tree.node(node).map_or(1, |node| node.repeats);
        if counted && most.unwrap_or(least) >= 2 && repeats > MOST_REPEATS {
            return Err(failure("invalid repeat count", before(start, self.rest)));
        }
        self.check(node)?;
        self.group.pieces.push(node);
        Ok(())
    }

    /// Reads what begins with a backslash, outside of brackets.
    fn escape(&mut self) -> Result<(), String> {
        let start = self.rest;
        let assertion = match start.as_bytes().get(1) {
            Some(b'A') => Some(Assertion::TextStart),
            Some(b'z') => Some(Assertion::TextEnd),
            Some(b'b') => Some(Assertion::WordBoundary),
            Some(b'B') => Some(Assertion::NotWordBoundary),
            Some(b'C') => return Err(failure("invalid escape sequence", "\\C")),
            Some(b'Q') => {
                let rest = start.get(2..).unwrap_or("");
                let (literal, rest) = rest.split_once("\\E").unwrap_or((rest, ""));
                literal.chars().for_each(|c| self.literal(c));
                self.rest = rest;
                return Ok(());
            }
            _ => None,
        };
        if let Some(assertion) = assertion {
            self.rest = start.get(2..).unwrap_or("");
            self.assertion(assertion);
            return Ok(());
        }
        if let Some(item) = self.class_escape()? {
            self.push_class(&item, false);
            return Ok(());
        }
        let code = self.character_escape()?;
        match char::from_u32(code) {
            Some(c) => self.literal(c),
            None => self.class_text(NOTHING),
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
            self.class_text(&format!("(?i:{text})"));
        } else {
            self.class_text(&text);
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
            return Ok(Some(if negated {
                negate(items)
            } else {
                items.to_owned()
            }));
        }
        if !matches!(letter, 'p' | 'P') {
            return Ok(None);
        }
        let (sequence, name) = match chars.next() {
            None => return Err(failure("invalid character class range", start)),
            Some('{') => {
                let Some(end) = start.find('}') else {
                    return Err(failure("invalid character class range", start));
                };
                self.rest = start.get(end + 1..).unwrap_or("");
                (
                    start.get(..=end).unwrap_or(start),
                    start.get(3..end).unwrap_or(""),
                )
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
        let octal = |rest: &str| {
            rest.bytes()
                .next()
                .is_some_and(|b| (b'0'..=b'7').contains(&b))
        };
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
        let Some((name, rest)) = self
            .rest
            .strip_prefix("[:")
            .and_then(|body| body.split_once(":]"))
        else {
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
