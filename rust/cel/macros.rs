//! Macros: calls that are rewritten while parsing.
//!
//! Every comprehension becomes a [`Fold`]; `cel.bind` and `optMap` are folds over an empty list, whose accumulator is
//! the bound value. Never looks at types. Start at [`expand`].

use std::borrow::Cow;

use super::ast::{Entry, Expr, Field, Fold, Kind, operator};
use super::builder::Builder;
use super::lexer::Issue;
use super::value::Value;

/// Name of the accumulator; not writable as an identifier.
pub(super) const ACCUMULATOR: &str = "@result";
/// Its old name, which iteration variables must not take either.
const OLD_ACCUMULATOR: &str = "__result__";
/// Iteration variable of folds that never iterate.
const UNUSED: &str = "#unused";
/// What `sortBy` binds its target to.
const SORT_INPUT: &str = "@__sortBy_input__";

/// Builds the call, or what its macro makes of it.
pub(super) fn expand(
    builder: &mut Builder,
    offset: u32,
    function: &str,
    target: Option<Expr>,
    args: Vec<Expr>,
) -> Result<Expr, Issue> {
    let mut macros = Macros { builder, offset };
    match (function, target, args.len()) {
        ("has", None, 1) => macros.has(args),
        ("all" | "exists" | "exists_one", Some(target), 2 | 3) | ("existsOne", Some(target), 3) => {
            macros.quantifier(function, target, args)
        }
        ("map" | "filter", Some(target), 2) => macros.list_fold(function, target, args, false),
        ("map", Some(target), 3) => macros.list_fold(function, target, args, true),
        ("transformList" | "transformMap" | "transformMapEntry", Some(target), 3 | 4) => {
            macros.transform(function, target, args)
        }
        ("optMap" | "optFlatMap", Some(target), 2) => macros.opt_map(function, target, args),
        ("sortBy", Some(target), 2) => macros.sort_by(target, args),
        ("bind", Some(target), 3) if matches!(&target.kind, Kind::Ident(name) if name == "cel") => {
            macros.bind(args)
        }
        (_, target, _) => {
            let function = Cow::Owned(function.to_owned());
            macros.builder.any_call(offset, function, target, args)
        }
    }
}

/// The parts of a fold that differ between macros.
struct Parts {
    init: Expr,
    condition: Expr,
    step: Expr,
    result: Expr,
}

struct Macros<'b> {
    builder: &'b mut Builder,
    offset: u32,
}

impl Macros<'_> {
    fn literal(&mut self, value: Value) -> Result<Expr, Issue> {
        self.builder.node(self.offset, Kind::Literal(value))
    }

    fn ident(&mut self, name: &str) -> Result<Expr, Issue> {
        self.builder.node(self.offset, Kind::Ident(name.to_owned()))
    }

    fn accumulator(&mut self) -> Result<Expr, Issue> {
        self.ident(ACCUMULATOR)
    }

    fn call(&mut self, function: &'static str, args: Vec<Expr>) -> Result<Expr, Issue> {
        self.builder.call(self.offset, function, args)
    }

    fn list(&mut self, elements: Vec<Expr>) -> Result<Expr, Issue> {
        let optional = vec![false; elements.len()];
        self.builder
            .node(self.offset, Kind::List { elements, optional })
    }

    fn has(&mut self, mut args: Vec<Expr>) -> Result<Expr, Issue> {
        let arg = args.pop().map(|arg| (arg.offset, arg.kind));
        match arg {
            Some((_, Kind::Select { operand, field, .. })) => self.builder.node(
                self.offset,
                Kind::Select {
                    operand,
                    field,
                    test: true,
                },
            ),
            Some((offset, _)) => Err(Issue::new(
                offset as usize,
                "invalid argument to has() macro",
            )),
            None => Err(Issue::new(
                self.offset as usize,
                "invalid argument to has() macro",
            )),
        }
    }

    fn fold(
        &mut self,
        range: Expr,
        (iter, iter2): (String, Option<String>),
        accu: &str,
        parts: Parts,
    ) -> Result<Expr, Issue> {
        let fold = Fold {
            range,
            iter,
            iter2,
            accu: accu.to_owned(),
            init: parts.init,
            condition: parts.condition,
            step: parts.step,
            result: parts.result,
            slot: 0,
        };
        self.builder.node(self.offset, Kind::Fold(Box::new(fold)))
    }

    /// `c ? yes : accumulator`, or just `yes` without a filter.
    fn filtered(&mut self, filter: Option<Expr>, yes: Expr) -> Result<Expr, Issue> {
        let Some(filter) = filter else {
            return Ok(yes);
        };
        let accu = self.accumulator()?;
        self.call(operator::CONDITIONAL, vec![filter, yes, accu])
    }

    fn quantifier(
        &mut self,
        function: &str,
        target: Expr,
        mut args: Vec<Expr>,
    ) -> Result<Expr, Issue> {
        let predicate = pop(&mut args, self.offset)?;
        let variables = iteration_variables(&args, "argument must be a simple name")?;
        let accu = self.accumulator()?;
        let parts = match function {
            "all" => Parts {
                init: self.literal(Value::Bool(true))?,
                condition: self.call(operator::NOT_STRICTLY_FALSE, vec![accu])?,
                step: {
                    let accu = self.accumulator()?;
                    self.call(operator::AND, vec![accu, predicate])?
                },
                result: self.accumulator()?,
            },
            "exists" => Parts {
                init: self.literal(Value::Bool(false))?,
                condition: {
                    let not = self.call(operator::NOT, vec![accu])?;
                    self.call(operator::NOT_STRICTLY_FALSE, vec![not])?
                },
                step: {
                    let accu = self.accumulator()?;
                    self.call(operator::OR, vec![accu, predicate])?
                },
                result: self.accumulator()?,
            },
            _ => Parts {
                init: self.literal(Value::Int(0))?,
                condition: self.literal(Value::Bool(true))?,
                step: {
                    let one = self.literal(Value::Int(1))?;
                    let sum = self.call(operator::ADD, vec![accu, one])?;
                    self.filtered(Some(predicate), sum)?
                },
                result: {
                    let accu = self.accumulator()?;
                    let one = self.literal(Value::Int(1))?;
                    self.call(operator::EQUALS, vec![accu, one])?
                },
            },
        };
        self.fold(target, variables, ACCUMULATOR, parts)
    }

    /// `map` with or without a filter, and `filter`.
    fn list_fold(
        &mut self,
        function: &str,
        target: Expr,
        mut args: Vec<Expr>,
        has_filter: bool,
    ) -> Result<Expr, Issue> {
        let last = pop(&mut args, self.offset)?;
        let filter = if has_filter {
            Some(pop(&mut args, self.offset)?)
        } else {
            None
        };
        let variables = iteration_variables(&args, "argument is not an identifier")?;
        let (filter, element) = if function == "filter" {
            (Some(last), pop(&mut args, self.offset)?)
        } else {
            (filter, last)
        };
        let parts = self.appending(filter, element)?;
        self.fold(target, variables, ACCUMULATOR, parts)
    }

    /// The fold that collects `element` in a list.
    fn appending(&mut self, filter: Option<Expr>, element: Expr) -> Result<Parts, Issue> {
        let accu = self.accumulator()?;
        let list = self.list(vec![element])?;
        let sum = self.call(operator::ADD, vec![accu, list])?;
        Ok(Parts {
            init: self.list(Vec::new())?,
            condition: self.literal(Value::Bool(true))?,
            step: self.filtered(filter, sum)?,
            result: self.accumulator()?,
        })
    }

    fn transform(
        &mut self,
        function: &str,
        target: Expr,
        mut args: Vec<Expr>,
    ) -> Result<Expr, Issue> {
        let value = pop(&mut args, self.offset)?;
        let filter = if args.len() == 3 {
            Some(pop(&mut args, self.offset)?)
        } else {
            None
        };
        let variables = iteration_variables(&args, "argument must be a simple name")?;
        let parts = if function == "transformList" {
            self.appending(filter, value)?
        } else {
            let mut inserted = vec![self.accumulator()?];
            if function == "transformMap" {
                inserted.push(self.ident(&variables.0)?);
            }
            inserted.push(value);
            let insert = self.call(operator::MAP_INSERT, inserted)?;
            Parts {
                init: self.builder.node(self.offset, Kind::Map(Vec::new()))?,
                condition: self.literal(Value::Bool(true))?,
                step: self.filtered(filter, insert)?,
                result: self.accumulator()?,
            }
        };
        self.fold(target, variables, ACCUMULATOR, parts)
    }

    /// A fold over nothing: its accumulator is a variable, its result sees it.
    fn binding(&mut self, name: &str, init: Expr, result: Expr) -> Result<Expr, Issue> {
        let range = self.list(Vec::new())?;
        let parts = Parts {
            init,
            condition: self.literal(Value::Bool(false))?,
            step: self.ident(name)?,
            result,
        };
        self.fold(range, (UNUSED.to_owned(), None), name, parts)
    }

    fn bind(&mut self, mut args: Vec<Expr>) -> Result<Expr, Issue> {
        let result = pop(&mut args, self.offset)?;
        let init = pop(&mut args, self.offset)?;
        let name = variable(
            &args,
            0,
            "cel.bind() variable names must be simple identifiers",
        )?;
        self.binding(&name, init, result)
    }

    fn opt_map(
        &mut self,
        function: &str,
        target: Expr,
        mut args: Vec<Expr>,
    ) -> Result<Expr, Issue> {
        let body = pop(&mut args, self.offset)?;
        let complaint = format!("{function}() variable name must be a simple identifier");
        let name = variable(&args, 0, &complaint)?;
        let copy = copy(self.builder, &target)?;
        let present =
            self.builder
                .any_call(self.offset, "hasValue".into(), Some(target), Vec::new())?;
        let value = self
            .builder
            .any_call(self.offset, "value".into(), Some(copy), Vec::new())?;
        let mut mapped = self.binding(&name, value, body)?;
        if function == "optMap" {
            mapped = self.call("optional.of", vec![mapped])?;
        }
        let none = self.call("optional.none", Vec::new())?;
        self.call(operator::CONDITIONAL, vec![present, mapped, none])
    }

    fn sort_by(&mut self, target: Expr, args: Vec<Expr>) -> Result<Expr, Issue> {
        if !matches!(
            target.kind,
            Kind::List { .. }
                | Kind::Select { .. }
                | Kind::Ident(_)
                | Kind::Fold(_)
                | Kind::Call(_)
        ) {
            return Err(Issue::new(
                target.offset as usize,
                "sortBy can only be applied to a list, identifier, comprehension, call or select expression",
            ));
        }
        let input = self.ident(SORT_INPUT)?;
        let keys = self.list_fold("map", input, args, false)?;
        let input = self.ident(SORT_INPUT)?;
        let sorted = self.builder.any_call(
            self.offset,
            "@sortByAssociatedKeys".into(),
            Some(input),
            vec![keys],
        )?;
        self.binding(SORT_INPUT, target, sorted)
    }
}

fn pop(args: &mut Vec<Expr>, offset: u32) -> Result<Expr, Issue> {
    args.pop()
        .ok_or_else(|| Issue::new(offset as usize, "missing argument"))
}

fn variable(args: &[Expr], index: usize, complaint: &str) -> Result<String, Issue> {
    match args.get(index) {
        Some(Expr {
            kind: Kind::Ident(name),
            ..
        }) => Ok(name.clone()),
        other => Err(Issue::new(
            other.map_or(0, |e| e.offset as usize),
            complaint,
        )),
    }
}

/// The one or two iteration variables that `args` consists of.
fn iteration_variables(args: &[Expr], complaint: &str) -> Result<(String, Option<String>), Issue> {
    let first = variable(args, 0, complaint)?;
    let second = match args.len() {
        2 => Some(variable(args, 1, complaint)?),
        _ => None,
    };
    let offset = args.last().map_or(0, |e| e.offset as usize);
    if second.as_ref() == Some(&first) {
        return Err(Issue::new(
            offset,
            format!("duplicate variable name: {first}"),
        ));
    }
    let taken = |name: &str| name == ACCUMULATOR || name == OLD_ACCUMULATOR;
    if taken(&first) || second.as_deref().is_some_and(taken) {
        return Err(Issue::new(
            offset,
            "iteration variable overwrites accumulator variable",
        ));
    }
    Ok((first, second))
}

/// A copy with numbers of its own.
fn copy(builder: &mut Builder, expr: &Expr) -> Result<Expr, Issue> {
    let many = |builder: &mut Builder, exprs: &[Expr]| -> Result<Vec<Expr>, Issue> {
        exprs.iter().map(|e| copy(builder, e)).collect()
    };
    let kind = match &expr.kind {
        Kind::Literal(value) => Kind::Literal(value.clone()),
        Kind::Ident(name) => Kind::Ident(name.clone()),
        Kind::Resolved(reference) => Kind::Resolved(reference.clone()),
        Kind::Select {
            operand,
            field,
            test,
        } => Kind::Select {
            operand: Box::new(copy(builder, operand)?),
            field: field.clone(),
            test: *test,
        },
        Kind::Call(call) => {
            let target = match &call.target {
                Some(target) => Some(copy(builder, target)?),
                None => None,
            };
            let args = many(builder, &call.args)?;
            return builder.any_call(expr.offset, call.function.clone(), target, args);
        }
        Kind::List { elements, optional } => Kind::List {
            elements: many(builder, elements)?,
            optional: optional.clone(),
        },
        Kind::Map(entries) => Kind::Map(copy_entries(builder, entries)?),
        Kind::Struct { name, fields } => Kind::Struct {
            name: name.clone(),
            fields: copy_fields(builder, fields)?,
        },
        Kind::Fold(fold) => Kind::Fold(Box::new(copy_fold(builder, fold)?)),
    };
    builder.node(expr.offset, kind)
}

fn copy_entries(builder: &mut Builder, entries: &[Entry]) -> Result<Vec<Entry>, Issue> {
    entries
        .iter()
        .map(|entry| {
            Ok(Entry {
                key: copy(builder, &entry.key)?,
                value: copy(builder, &entry.value)?,
                optional: entry.optional,
            })
        })
        .collect()
}

fn copy_fields(builder: &mut Builder, fields: &[Field]) -> Result<Vec<Field>, Issue> {
    fields
        .iter()
        .map(|field| {
            Ok(Field {
                name: field.name.clone(),
                value: copy(builder, &field.value)?,
                optional: field.optional,
            })
        })
        .collect()
}

fn copy_fold(builder: &mut Builder, fold: &Fold) -> Result<Fold, Issue> {
    Ok(Fold {
        range: copy(builder, &fold.range)?,
        iter: fold.iter.clone(),
        iter2: fold.iter2.clone(),
        accu: fold.accu.clone(),
        init: copy(builder, &fold.init)?,
        condition: copy(builder, &fold.condition)?,
        step: copy(builder, &fold.step)?,
        result: copy(builder, &fold.result)?,
        slot: fold.slot,
    })
}
