//! What upstream checks of an expression after its types: literals that cannot be right, and mixed literals.
//!
//! Literals of durations, timestamps, regular expressions and formats are tried out; lists and maps must have elements
//! of one type, except where they are arguments of `format`. Start at [`validate`].

use super::ast::{Call, Expr, Kind};
use super::lexer::Issue;
use super::library::string_format;
use super::reads::children;
use super::regex;
use super::time;
use super::types::Type;
use super::value::Value;

/// What is wrong with the literals of an expression.
pub(super) fn validate(expr: &Expr, types: &[Type]) -> Vec<Issue> {
    let mut validator = Validator {
        types,
        issues: Vec::new(),
    };
    validator.visit(expr, false);
    validator.issues
}

struct Validator<'a> {
    types: &'a [Type],
    issues: Vec<Issue>,
}

impl Validator<'_> {
    fn type_of(&self, expr: &Expr) -> &Type {
        self.types.get(expr.id as usize).unwrap_or(&Type::Error)
    }

    fn report(&mut self, expr: &Expr, text: impl Into<String>) {
        self.issues.push(Issue::new(expr.offset as usize, text));
    }

    /// `is_exempt` inside the arguments of `format`.
    fn visit(&mut self, expr: &Expr, is_exempt: bool) {
        let mut is_exempt = is_exempt;
        match &expr.kind {
            Kind::Call(call) => {
                self.call(call);
                is_exempt |= call.function == "format";
            }
            Kind::List { elements, optional } if !is_exempt => {
                let is_optional = |index: usize| optional.get(index).copied().unwrap_or(false);
                let pairs: Vec<(&Expr, bool)> = elements
                    .iter()
                    .enumerate()
                    .map(|(index, e)| (e, is_optional(index)))
                    .collect();
                self.homogeneous(&pairs);
            }
            Kind::Map(entries) if !is_exempt => {
                let keys: Vec<(&Expr, bool)> =
                    entries.iter().map(|entry| (&entry.key, false)).collect();
                let values: Vec<(&Expr, bool)> = entries
                    .iter()
                    .map(|entry| (&entry.value, entry.optional))
                    .collect();
                self.homogeneous(&keys);
                self.homogeneous(&values);
            }
            _ => {}
        }
        children(expr, &mut |child| self.visit(child, is_exempt));
    }

    fn homogeneous(&mut self, elements: &[(&Expr, bool)]) {
        let element_type =
            |validator: &Self, (expr, is_optional): &(&Expr, bool)| match validator.type_of(expr) {
                Type::Optional(inner) if *is_optional => inner.as_ref().clone(),
                other => other.clone(),
            };
        // Upstream crashes on a question mark before something that is not known to be an optional.
        let unknown =
            |(expr, is_optional): &&(&Expr, bool)| *is_optional && *self.type_of(expr) == Type::Dyn;
        if let Some((expr, _)) = elements.iter().find(unknown) {
            self.report(expr, "runtime error: index out of range [0] with length 0");
            return;
        }
        let Some(first) = elements.first().map(|first| element_type(self, first)) else {
            return;
        };
        for element in &elements[1..] {
            let other = element_type(self, element);
            if !is_equivalent(&first, &other) {
                self.report(
                    element.0,
                    format!("expected type '{first}' but found '{other}'"),
                );
                return;
            }
        }
    }

    fn call(&mut self, call: &Call) {
        let literal = |index: usize| match call.args.get(index).map(|arg| &arg.kind) {
            Some(Kind::Literal(Value::String(text))) => Some(text.as_ref()),
            _ => None,
        };
        match (call.function.as_ref(), call.args.len()) {
            ("duration", 1)
                if literal(0).is_some_and(|text| time::parse_duration(text).is_none()) =>
            {
                self.report(&call.args[0], "invalid duration argument");
            }
            ("timestamp", 1)
                if literal(0).is_some_and(|text| time::parse_timestamp(text).is_none()) =>
            {
                self.report(&call.args[0], "invalid timestamp argument");
            }
            // Oddity: of `matches(text, pattern)` upstream tries out the text.
            ("matches", 1..) if literal(0).is_some_and(|text| regex::compile(text).is_err()) => {
                self.report(&call.args[0], "invalid matches argument");
            }
            ("format", 1) => self.format(call),
            _ => {}
        }
    }

    fn format(&mut self, call: &Call) {
        let (Some(target), Some(argument)) = (&call.target, call.args.first()) else {
            return;
        };
        let (Kind::Literal(Value::String(text)), Kind::List { elements, .. }) =
            (&target.kind, &argument.kind)
        else {
            return;
        };
        let types: Vec<Type> = elements
            .iter()
            .map(|element| self.type_of(element).clone())
            .collect();
        let nested = |index: usize| {
            elements
                .get(index)
                .map_or(Ok(()), |element| self.printable(element))
        };
        if let Err(error) = string_format::check(text, &types, nested) {
            let place = error
                .argument
                .and_then(|index| elements.get(index))
                .unwrap_or(target);
            self.report(place, error.text);
        }
    }

    /// Whether `%s` can print it; literal lists and maps are looked into.
    fn printable(&self, expr: &Expr) -> Result<(), String> {
        match &expr.kind {
            Kind::List { elements, .. } => elements
                .iter()
                .try_for_each(|element| self.printable(element)),
            Kind::Map(entries) => entries.iter().try_for_each(|entry| {
                self.printable(&entry.key)?;
                self.printable(&entry.value)
            }),
            _ => {
                let kind = self.type_of(expr);
                if string_format::printable(kind) {
                    Ok(())
                } else {
                    Err(kind.to_string())
                }
            }
        }
    }
}

/// Whether two types are the same, type parameters aside.
fn is_equivalent(one: &Type, two: &Type) -> bool {
    match (one, two) {
        (Type::List(a), Type::List(b))
        | (Type::Optional(a), Type::Optional(b))
        | (Type::Type(a), Type::Type(b)) => is_equivalent(a, b),
        (Type::Map(a, b), Type::Map(c, d)) => is_equivalent(a, c) && is_equivalent(b, d),
        _ => one == two,
    }
}
