//! Building nodes of expressions: numbers, calls, balanced chains, literals.
//!
//! Start at [`Builder`].

use std::borrow::Cow;
use std::sync::Arc;

use super::ast::{Call, Expr, Kind};
use super::lexer::{Issue, Lexeme, Token, unescape};
use super::number;
use super::value::Value;

/// Limit on nodes. Upstream has none; `optMap` copies its target, so that a chain of them doubles each time.
const MAX_NODES: u32 = 400_000;

/// Numbers the nodes.
#[derive(Default)]
pub(super) struct Builder {
    /// How many nodes there are.
    pub(super) nodes: u32,
}

impl Builder {
    /// A node.
    pub(super) fn node(&mut self, offset: u32, kind: Kind) -> Result<Expr, Issue> {
        if self.nodes >= MAX_NODES {
            return Err(Issue::new(offset as usize, "expression too large"));
        }
        let id = self.nodes;
        self.nodes += 1;
        Ok(Expr { id, offset, kind })
    }

    /// A call of a function or operator.
    pub(super) fn call(
        &mut self,
        offset: u32,
        function: &'static str,
        args: Vec<Expr>,
    ) -> Result<Expr, Issue> {
        self.any_call(offset, Cow::Borrowed(function), None, args)
    }

    /// A call of either style.
    pub(super) fn any_call(
        &mut self,
        offset: u32,
        function: Cow<'static, str>,
        target: Option<Expr>,
        args: Vec<Expr>,
    ) -> Result<Expr, Issue> {
        let call = Call {
            function,
            target,
            args,
            found: None,
        };
        self.node(offset, Kind::Call(Box::new(call)))
    }
}

/// The value of a literal token; `None` when the token is none.
pub(super) fn literal_value(sign: &str, lexeme: Lexeme<'_>) -> Option<Result<Value, &'static str>> {
    let text = lexeme.text;
    let (radix, digits) = match text.strip_prefix("0x") {
        Some(digits) => (16, digits),
        None => (10, text),
    };
    Some(match lexeme.token {
        Token::Int => i64::from_str_radix(&format!("{sign}{digits}"), radix)
            .map(Value::Int)
            .map_err(|_| "invalid int literal"),
        Token::Float => number::parse_double(&format!("{sign}{text}"))
            .map(Value::Double)
            .ok_or("invalid double literal"),
        _ if !sign.is_empty() => return None,
        Token::Uint => u64::from_str_radix(digits.trim_end_matches(['u', 'U']), radix)
            .map(Value::Uint)
            .map_err(|_| "invalid uint literal"),
        Token::String => unescape(text, false).and_then(|content| {
            let content = String::from_utf8(content).map_err(|_| "unable to unescape string")?;
            Ok(Value::String(Arc::from(content)))
        }),
        Token::Bytes => unescape(text.get(1..).unwrap_or_default(), true)
            .map(|content| Value::Bytes(Arc::from(content))),
        Token::True => Ok(Value::Bool(true)),
        Token::False => Ok(Value::Bool(false)),
        Token::Null => Ok(Value::Null),
        _ => return None,
    })
}

/// Joins `terms[low..=high + 1]` by a balanced tree of calls.
pub(super) fn balance(
    builder: &mut Builder,
    function: &'static str,
    terms: &mut [Option<Expr>],
    offsets: &[u32],
    low: usize,
    high: usize,
) -> Result<Expr, Issue> {
    let middle = (low + high).div_ceil(2);
    let term = |index: usize, terms: &mut [Option<Expr>]| {
        terms
            .get_mut(index)
            .and_then(Option::take)
            .ok_or_else(|| Issue::new(0, "unspecified term"))
    };
    let left = if middle == low {
        term(middle, terms)?
    } else {
        balance(builder, function, terms, offsets, low, middle - 1)?
    };
    let right = if middle == high {
        term(middle + 1, terms)?
    } else {
        balance(builder, function, terms, offsets, middle + 1, high)?
    };
    let offset = offsets.get(middle).copied().unwrap_or_default();
    builder.call(offset, function, vec![left, right])
}
