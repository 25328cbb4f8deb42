//! From tokens to an expression, macros expanded.
//!
//! Accepts what cel-go 0.29 accepts, its limits on nesting included: no grammar rule is more than 250 deep in itself
//! and no path through the tree has more than 250 operators, selections and member calls. Everything after this
//! module leans on those limits when it recurses. Never resolves a name. Start at [`parse`].

use std::sync::Arc;

use super::ast::{Entry, Expr, Field, Kind, operator};
use super::builder::{Builder, balance, literal_value};
use super::lexer::{Issue, Lexeme, Token, tokenize};
use super::macros;
use super::value::Value;

/// cel-go's limit on the depth of a rule and of the tree.
const MAX_DEPTH: u32 = 250;
/// cel-go's limit on the length of an expression, in code points.
const MAX_CODE_POINTS: usize = 100_000;
/// Words that are no variables.
const RESERVED: [&str; 21] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "false",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "package",
    "namespace",
    "null",
    "return",
    "true",
    "var",
    "void",
    "while",
];

/// A parsed expression and how many nodes were numbered.
pub(super) struct Parsed {
    pub(super) expr: Expr,
    pub(super) nodes: u32,
}

/// Parses `source`.
pub(super) fn parse(source: &str) -> Result<Parsed, Issue> {
    let points = source.chars().count();
    if points > MAX_CODE_POINTS {
        return Err(Issue::new(
            0,
            format!(
                "expression code point size exceeds limit: size: {points}, limit {MAX_CODE_POINTS}"
            ),
        ));
    }
    let mut parser = Parser {
        lexemes: tokenize(source)?,
        position: 0,
        builder: Builder::default(),
        expr_depth: 0,
        relation_depth: 0,
        calc_depth: 0,
    };
    let (expr, _) = parser.expr()?;
    if parser.peek().token != Token::End {
        return Err(parser.unexpected());
    }
    Ok(Parsed {
        expr,
        nodes: parser.builder.nodes,
    })
}

/// An expression and its height in counted nodes.
type Tall = (Expr, u32);

struct Parser<'s> {
    lexemes: Vec<Lexeme<'s>>,
    position: usize,
    builder: Builder,
    expr_depth: u32,
    relation_depth: u32,
    calc_depth: u32,
}

fn depth_issue(offset: usize) -> Issue {
    Issue::new(
        offset,
        format!("expression recursion limit exceeded: {MAX_DEPTH}"),
    )
}

/// Offsets fit: the length of an expression is limited.
fn offset32(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}

impl<'s> Parser<'s> {
    fn peek(&self) -> Lexeme<'s> {
        self.ahead(0)
    }

    fn ahead(&self, distance: usize) -> Lexeme<'s> {
        let found = self.lexemes.get(self.position + distance);
        let found = found.or_else(|| self.lexemes.last());
        found.copied().unwrap_or(Lexeme {
            token: Token::End,
            text: "<EOF>",
            offset: 0,
        })
    }

    fn next(&mut self) -> Lexeme<'s> {
        let lexeme = self.peek();
        self.position += 1;
        lexeme
    }

    fn take(&mut self, punct: &str) -> Option<Lexeme<'s>> {
        matches!(self.peek().token, Token::Punct(p) if p == punct).then(|| self.next())
    }

    fn expect(&mut self, punct: &str) -> Result<Lexeme<'s>, Issue> {
        self.take(punct).ok_or_else(|| {
            let found = self.peek();
            Issue::new(
                found.offset,
                format!(
                    "Syntax error: mismatched input '{}' expecting '{punct}'",
                    found.text
                ),
            )
        })
    }

    fn unexpected(&self) -> Issue {
        let found = self.peek();
        Issue::new(
            found.offset,
            format!("Syntax error: unexpected input '{}'", found.text),
        )
    }

    /// One more counted node on top of `height`.
    fn grow(&self, height: u32) -> Result<u32, Issue> {
        if height >= MAX_DEPTH {
            return Err(Issue::new(
                self.peek().offset,
                "max recursion depth exceeded",
            ));
        }
        Ok(height + 1)
    }

    fn expr(&mut self) -> Result<Tall, Issue> {
        self.expr_depth += 1;
        if self.expr_depth > MAX_DEPTH {
            return Err(depth_issue(self.peek().offset));
        }
        let mut result = self.logic(false)?;
        if let Some(mark) = self.take("?") {
            let (condition, height) = result;
            let (yes, yes_height) = self.logic(false)?;
            self.expect(":")?;
            let (no, no_height) = self.expr()?;
            let height = self.grow(height.max(yes_height).max(no_height))?;
            let args = vec![condition, yes, no];
            let offset = offset32(mark.offset);
            result = (
                self.builder.call(offset, operator::CONDITIONAL, args)?,
                height,
            );
        }
        self.expr_depth -= 1;
        Ok(result)
    }

    /// A chain of `||` (or, inside, of `&&`), balanced into a tree as upstream does.
    fn logic(&mut self, and: bool) -> Result<Tall, Issue> {
        let (sign, function) = if and {
            ("&&", operator::AND)
        } else {
            ("||", operator::OR)
        };
        let operand = |parser: &mut Self| {
            if and {
                parser.relation(false)
            } else {
                parser.logic(true)
            }
        };
        let (first, mut height) = operand(self)?;
        if !matches!(self.peek().token, Token::Punct(p) if p == sign) {
            return Ok((first, height));
        }
        let mut terms = vec![Some(first)];
        let mut offsets = Vec::new();
        while let Some(mark) = self.take(sign) {
            let (term, term_height) = operand(self)?;
            terms.push(Some(term));
            offsets.push(offset32(mark.offset));
            height = height.max(term_height);
        }
        let last = offsets.len() - 1;
        let tree = balance(&mut self.builder, function, &mut terms, &offsets, 0, last)?;
        Ok((tree, height))
    }

    /// Comparisons: one left-associative level. `right` marks the right operand of another comparison.
    fn relation(&mut self, right: bool) -> Result<Tall, Issue> {
        self.relation_depth += 1;
        if self.relation_depth > MAX_DEPTH {
            return Err(depth_issue(self.peek().offset));
        }
        let mut left = self.calc(0)?;
        if right {
            self.relation_depth -= 1;
            return Ok(left);
        }
        loop {
            let mark = self.peek();
            let function = match mark.token {
                Token::In => operator::IN,
                Token::Punct("<") => operator::LESS,
                Token::Punct("<=") => operator::LESS_EQUALS,
                Token::Punct(">") => operator::GREATER,
                Token::Punct(">=") => operator::GREATER_EQUALS,
                Token::Punct("==") => operator::EQUALS,
                Token::Punct("!=") => operator::NOT_EQUALS,
                _ => break,
            };
            self.next();
            let operand = self.relation(true)?;
            left = self.binary(mark, function, left, operand)?;
        }
        self.relation_depth -= 1;
        Ok(left)
    }

    /// Arithmetic by precedence climbing: level 1 is `+ -`, level 2 `* / %`.
    fn calc(&mut self, above: u8) -> Result<Tall, Issue> {
        self.calc_depth += 1;
        if self.calc_depth > MAX_DEPTH {
            return Err(depth_issue(self.peek().offset));
        }
        let mut left = self.unary()?;
        loop {
            let mark = self.peek();
            let (function, level) = match mark.token {
                Token::Punct("+") => (operator::ADD, 1),
                Token::Punct("-") => (operator::SUBTRACT, 1),
                Token::Punct("*") => (operator::MULTIPLY, 2),
                Token::Punct("/") => (operator::DIVIDE, 2),
                Token::Punct("%") => (operator::MODULO, 2),
                _ => break,
            };
            if level <= above {
                break;
            }
            self.next();
            let operand = self.calc(level)?;
            left = self.binary(mark, function, left, operand)?;
        }
        self.calc_depth -= 1;
        Ok(left)
    }

    fn binary(
        &mut self,
        mark: Lexeme<'s>,
        function: &'static str,
        left: Tall,
        right: Tall,
    ) -> Result<Tall, Issue> {
        let height = self.grow(left.1.max(right.1))?;
        let args = vec![left.0, right.0];
        let call = self.builder.call(offset32(mark.offset), function, args)?;
        Ok((call, height))
    }

    /// A member, negated or not. A minus directly before a number belongs to the number.
    fn unary(&mut self) -> Result<Tall, Issue> {
        let mark = self.peek();
        let (sign, function) = match mark.token {
            Token::Punct("!") => ("!", operator::NOT),
            Token::Punct("-") if !matches!(self.ahead(1).token, Token::Int | Token::Float) => {
                ("-", operator::NEGATE)
            }
            _ => return self.member(),
        };
        let mut count = 0_usize;
        while self.take(sign).is_some() {
            count += 1;
        }
        let (operand, height) = self.member()?;
        if count.is_multiple_of(2) {
            return Ok((operand, height));
        }
        let call = self
            .builder
            .call(offset32(mark.offset), function, vec![operand])?;
        Ok((call, height))
    }

    fn member(&mut self) -> Result<Tall, Issue> {
        let mut left = self.primary()?;
        loop {
            let mark = self.peek();
            match mark.token {
                Token::Punct(".") => left = self.dot(left)?,
                Token::Punct("[") => left = self.index(left)?,
                _ => return Ok(left),
            }
        }
    }

    fn dot(&mut self, (operand, height): Tall) -> Result<Tall, Issue> {
        let mark = self.next();
        let offset = offset32(mark.offset);
        let optional = self.take("?").is_some();
        let name = self.next();
        let field = match name.token {
            Token::Ident => name.text,
            Token::EscapedIdent => name.text.trim_matches('`'),
            _ => {
                self.position -= 1;
                return Err(self.unexpected());
            }
        };
        let open = self.peek();
        if !optional && name.token == Token::Ident && open.token == Token::Punct("(") {
            let (args, args_height) = self.arguments()?;
            let height = self.grow(height.max(args_height))?;
            let offset = offset32(open.offset);
            let expanded = macros::expand(&mut self.builder, offset, field, Some(operand), args)?;
            return Ok((expanded, height));
        }
        let height = self.grow(height)?;
        if optional {
            let key = Kind::Literal(Value::String(Arc::from(field)));
            let key = self.builder.node(offset32(name.offset), key)?;
            let call = self
                .builder
                .call(offset, operator::OPT_SELECT, vec![operand, key])?;
            return Ok((call, height));
        }
        let select = Kind::Select {
            operand: Box::new(operand),
            field: Arc::from(field),
            test: false,
        };
        Ok((self.builder.node(offset, select)?, height))
    }

    fn index(&mut self, (operand, height): Tall) -> Result<Tall, Issue> {
        let mark = self.next();
        let function = match self.take("?") {
            Some(_) => operator::OPT_INDEX,
            None => operator::INDEX,
        };
        let (index, index_height) = self.expr()?;
        self.expect("]")?;
        let height = self.grow(height.max(index_height))?;
        let args = vec![operand, index];
        let call = self.builder.call(offset32(mark.offset), function, args)?;
        Ok((call, height))
    }

    /// `( expr, expr … )`, the bracket still to come.
    fn arguments(&mut self) -> Result<(Vec<Expr>, u32), Issue> {
        self.expect("(")?;
        let mut args = Vec::new();
        let mut height = 0;
        if self.take(")").is_some() {
            return Ok((args, height));
        }
        loop {
            let (arg, arg_height) = self.expr()?;
            args.push(arg);
            height = height.max(arg_height);
            if self.take(",").is_none() {
                self.expect(")")?;
                return Ok((args, height));
            }
        }
    }

    fn primary(&mut self) -> Result<Tall, Issue> {
        let lexeme = self.peek();
        match lexeme.token {
            Token::Punct("(") => {
                self.next();
                let inner = self.expr()?;
                self.expect(")")?;
                Ok(inner)
            }
            Token::Punct("[") => self.list(),
            Token::Punct("{") => self.map(),
            Token::Ident => self.name(""),
            Token::Punct(".") if self.ahead(1).token == Token::Ident => {
                self.next();
                self.name(".")
            }
            _ => Ok((self.literal()?, 0)),
        }
    }

    /// A variable, a global call or a message literal.
    fn name(&mut self, dot: &str) -> Result<Tall, Issue> {
        let first = self.peek();
        let mut distance = 1;
        while self.ahead(distance).token == Token::Punct(".")
            && self.ahead(distance + 1).token == Token::Ident
        {
            distance += 2;
        }
        if self.ahead(distance).token == Token::Punct("{") {
            let words = self.lexemes.get(self.position..self.position + distance);
            let name: String = words.unwrap_or_default().iter().map(|l| l.text).collect();
            self.position += distance;
            return self.message(format!("{dot}{name}"));
        }
        self.next();
        let offset = offset32(first.offset);
        if RESERVED.contains(&first.text) {
            let text = format!("reserved identifier: {}", first.text);
            return Err(Issue::new(first.offset, text));
        }
        let mut name = String::with_capacity(dot.len() + first.text.len());
        name.push_str(dot);
        name.push_str(first.text);
        let open = self.peek();
        if open.token == Token::Punct("(") {
            let (args, height) = self.arguments()?;
            let offset = offset32(open.offset);
            let expanded = macros::expand(&mut self.builder, offset, &name, None, args)?;
            return Ok((expanded, height));
        }
        Ok((self.builder.node(offset, Kind::Ident(name))?, 0))
    }

    fn list(&mut self) -> Result<Tall, Issue> {
        let open = self.next();
        let mut elements = Vec::new();
        let mut optional = Vec::new();
        let mut height = 0;
        while self.take("]").is_none() {
            // A lone comma is allowed in an empty list, as it is after the last element.
            if elements.is_empty() && self.take(",").is_some() {
                self.expect("]")?;
                break;
            }
            optional.push(self.take("?").is_some());
            let (element, element_height) = self.expr()?;
            elements.push(element);
            height = height.max(element_height);
            if self.take(",").is_none() {
                self.expect("]")?;
                break;
            }
        }
        let list = Kind::List { elements, optional };
        Ok((self.builder.node(offset32(open.offset), list)?, height))
    }

    fn map(&mut self) -> Result<Tall, Issue> {
        let open = self.next();
        let mut entries = Vec::new();
        let mut height = 0;
        while self.take("}").is_none() {
            if entries.is_empty() && self.take(",").is_some() {
                self.expect("}")?;
                break;
            }
            let optional = self.take("?").is_some();
            let (key, key_height) = self.expr()?;
            self.expect(":")?;
            let (value, value_height) = self.expr()?;
            entries.push(Entry {
                key,
                value,
                optional,
            });
            height = height.max(key_height).max(value_height);
            if self.take(",").is_none() {
                self.expect("}")?;
                break;
            }
        }
        let map = Kind::Map(entries);
        Ok((self.builder.node(offset32(open.offset), map)?, height))
    }

    fn message(&mut self, name: String) -> Result<Tall, Issue> {
        let open = self.expect("{")?;
        let mut fields = Vec::new();
        let mut height = 0;
        while self.take("}").is_none() {
            if fields.is_empty() && self.take(",").is_some() {
                self.expect("}")?;
                break;
            }
            let optional = self.take("?").is_some();
            let word = self.next();
            let name = match word.token {
                Token::Ident => word.text.to_owned(),
                Token::EscapedIdent => word.text.trim_matches('`').to_owned(),
                _ => {
                    self.position -= 1;
                    return Err(self.unexpected());
                }
            };
            self.expect(":")?;
            let (value, value_height) = self.expr()?;
            fields.push(Field {
                name,
                value,
                optional,
            });
            height = height.max(value_height);
            if self.take(",").is_none() {
                self.expect("}")?;
                break;
            }
        }
        let message = Kind::Struct { name, fields };
        Ok((self.builder.node(offset32(open.offset), message)?, height))
    }

    fn literal(&mut self) -> Result<Expr, Issue> {
        let first = self.peek();
        let sign = match self.take("-") {
            Some(_) => "-",
            None => "",
        };
        let lexeme = self.peek();
        let value = literal_value(sign, lexeme).ok_or_else(|| self.unexpected())?;
        self.next();
        let value = value.map_err(|text| Issue::new(first.offset, text))?;
        self.builder
            .node(offset32(first.offset), Kind::Literal(value))
    }
}
