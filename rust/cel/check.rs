//! The type check: resolves names and overloads, gives every expression a static type.
//!
//! Follows cel-go's checker in the order of its steps, because bindings of type variables depend on it. Annotates the
//! expression in place. Never evaluates. Start at [`check`].

use std::borrow::Cow;

use super::ast::{Call, Entry, Expr, Field, Fold, Found, Kind, Reference, operator};
use super::functions::{Function, function};
use super::lexer::Issue;
use super::names;
use super::overload::Overload;
use super::types::Type;
use super::unify::{Bindings, instantiate, most_general};
use super::value::Value;

/// Limit on the size of a type. Upstream has none: `{a: a}` in nested `cel.bind` doubles the type each time, and its
/// checker then does not end.
const MAX_TYPE_SIZE: usize = 2_000;

/// What the check found out.
pub(super) struct Checked {
    /// The type of each expression by its number; no variables are left.
    pub(super) types: Vec<Type>,
    /// How many slots the variables of folds take.
    pub(super) slots: u32,
}

/// Checks `expr`, whose nodes are numbered below `nodes`.
pub(super) fn check(expr: &mut Expr, nodes: u32) -> Result<Checked, Vec<Issue>> {
    let mut checker = Checker {
        types: vec![Type::Error; nodes as usize],
        bindings: Bindings::default(),
        scopes: Vec::new(),
        slots: 0,
        issues: Vec::new(),
    };
    checker.check(expr);
    if !checker.issues.is_empty() {
        return Err(checker.issues);
    }
    let bindings = checker.bindings;
    let close = |t: Type| bindings.replaced(t, true);
    Ok(Checked {
        types: checker.types.into_iter().map(close).collect(),
        slots: checker.slots,
    })
}

/// A variable of a fold.
struct Local {
    name: String,
    slot: u32,
    t: Type,
}

struct Checker {
    types: Vec<Type>,
    bindings: Bindings,
    scopes: Vec<Local>,
    slots: u32,
    issues: Vec<Issue>,
}

/// The type inside an optional, and whether it was one.
fn unwrap_optional(t: Type) -> (Type, bool) {
    match t {
        Type::Optional(inner) => (Type::clone(&inner), true),
        other => (other, false),
    }
}

/// How many types a type consists of, counted no further than to `limit`.
fn size(t: &Type, limit: usize) -> usize {
    if limit == 0 {
        return 1;
    }
    match t {
        Type::List(a) | Type::Optional(a) | Type::Type(a) => 1 + size(a, limit - 1),
        Type::Map(k, v) => {
            let keys = size(k, limit - 1);
            1 + keys + size(v, limit.saturating_sub(1 + keys))
        }
        _ => 1,
    }
}

/// The name of an expression that consists of names and dots only.
fn qualified_name(expr: &Expr) -> Option<String> {
    match &expr.kind {
        Kind::Ident(name) => Some(name.clone()),
        Kind::Select {
            operand,
            field,
            test: false,
        } => Some(format!("{}.{field}", qualified_name(operand)?)),
        _ => None,
    }
}

/// What [`qualified_name`] begins with.
fn first_name(mut expr: &Expr) -> Option<&str> {
    loop {
        match &expr.kind {
            Kind::Ident(name) => return Some(name),
            Kind::Select {
                operand,
                test: false,
                ..
            } => expr = operand,
            _ => return None,
        }
    }
}

impl Checker {
    fn report(&mut self, offset: u32, text: String) {
        self.issues.push(Issue::new(offset as usize, text));
    }

    fn type_of(&self, expr: &Expr) -> Type {
        self.types
            .get(expr.id as usize)
            .cloned()
            .unwrap_or(Type::Error)
    }

    fn set(&mut self, id: u32, offset: u32, mut t: Type) {
        if size(&t, MAX_TYPE_SIZE + 1) > MAX_TYPE_SIZE {
            self.report(offset, "type too large".to_owned());
            t = Type::Error;
        }
        if let Some(slot) = self.types.get_mut(id as usize) {
            *slot = t;
        }
    }

    fn resolved(&self, t: &Type) -> Type {
        self.bindings.substitute(t, false)
    }

    fn undeclared(&mut self, offset: u32, name: &str) -> Type {
        self.report(
            offset,
            format!("undeclared reference to '{name}' (in container '')"),
        );
        Type::Error
    }

    fn mismatch(&mut self, offset: u32, expected: &Type, actual: &Type) {
        let expected = self.resolved(expected);
        let actual = self.resolved(actual);
        self.report(
            offset,
            format!("expected type '{expected}' but found '{actual}'"),
        );
    }

    fn check(&mut self, expr: &mut Expr) {
        // A broken expression can have very many errors; upstream shows no more than these either.
        if self.issues.len() > 100 {
            return;
        }
        let (id, offset) = (expr.id, expr.offset);
        let t = match &mut expr.kind {
            Kind::Literal(value) => names::type_of_value(value),
            Kind::Ident(name) => {
                let name = std::mem::take(name);
                let (reference, t) = self.ident(offset, name);
                expr.kind = Kind::Resolved(reference);
                t
            }
            Kind::Resolved(_) => return,
            Kind::Select { .. } => self.select(expr),
            Kind::Call(call) => self.call(offset, call),
            Kind::List { elements, optional } => self.list(elements, optional),
            Kind::Map(entries) => self.map(entries),
            Kind::Struct { name, fields } => self.message(offset, name, fields),
            Kind::Fold(fold) => self.fold(fold),
        };
        self.set(id, offset, t);
    }

    /// The variable of a fold that `name` means, the innermost one first.
    fn local(&self, name: &str) -> Option<&Local> {
        let bare = name.strip_prefix('.').unwrap_or(name);
        self.scopes.iter().rev().find(|local| local.name == bare)
    }

    fn ident(&mut self, offset: u32, name: String) -> (Reference, Type) {
        if !name.starts_with('.')
            && let Some(local) = self.local(&name)
        {
            let reference = Reference::Local(local.slot, local.name.clone());
            return (reference, local.t.clone());
        }
        let bare = name.strip_prefix('.').unwrap_or(&name);
        if let Some(found) = names::global(bare) {
            return found;
        }
        let t = self.undeclared(offset, &name);
        (Reference::Undefined(name), t)
    }

    fn select(&mut self, expr: &mut Expr) -> Type {
        if let Some(found) = self.qualified(expr) {
            expr.kind = Kind::Resolved(found.0);
            return found.1;
        }
        let offset = expr.offset;
        let Kind::Select {
            operand,
            field,
            test,
        } = &mut expr.kind
        else {
            return Type::Error;
        };
        let t = self.field(offset, operand, field, false);
        if *test { Type::Bool } else { self.resolved(&t) }
    }

    /// What a chain of names means as one qualified name.
    fn qualified(&self, expr: &Expr) -> Option<(Reference, Type)> {
        if matches!(expr.kind, Kind::Select { test: true, .. }) {
            return None;
        }
        let first = first_name(expr)?;
        if !first.starts_with('.') && self.local(first).is_some() {
            return None;
        }
        // The rest is for nothing nearly always.
        if !names::is_package(first.strip_prefix('.').unwrap_or(first)) {
            return None;
        }
        let name = qualified_name(expr)?;
        names::global(name.strip_prefix('.').unwrap_or(&name))
    }

    /// The type of `operand.field`.
    fn field(&mut self, offset: u32, operand: &mut Expr, field: &str, optional: bool) -> Type {
        self.check(operand);
        let operand = self.resolved(&self.type_of(operand));
        let (target, was_optional) = unwrap_optional(operand);
        let t = match &target {
            Type::Map(_, value) => (**value).clone(),
            Type::Var(_) => {
                self.bindings.assignable(&Type::Dyn, &target);
                Type::Dyn
            }
            Type::Dyn | Type::Error => Type::Dyn,
            Type::Named(name) => names::field(name, field).unwrap_or_else(|| {
                self.report(offset, format!("undefined field '{field}'"));
                Type::Error
            }),
            other => {
                let text = format!("type '{other}' does not support field selection");
                self.report(offset, text);
                Type::Dyn
            }
        };
        if was_optional || optional {
            Type::optional(t)
        } else {
            t
        }
    }

    fn call(&mut self, offset: u32, call: &mut Call) -> Type {
        if call.function == operator::OPT_SELECT {
            return self.opt_select(offset, call);
        }
        for arg in &mut call.args {
            self.check(arg);
        }
        if let Some(target) = &call.target
            && let Some(prefix) = qualified_name(target)
            && let Some(found) = function(&format!("{prefix}.{}", call.function))
        {
            call.target = None;
            return self.resolve(offset, call, found);
        }
        if let Some(target) = &mut call.target {
            self.check(target);
        }
        match function(&call.function) {
            Some(found) => self.resolve(offset, call, found),
            None => self.undeclared(offset, &call.function),
        }
    }

    fn opt_select(&mut self, offset: u32, call: &mut Call) -> Type {
        let [operand, field] = call.args.as_mut_slice() else {
            return Type::Error;
        };
        let Kind::Literal(Value::String(name)) = &field.kind else {
            self.report(offset, "unsupported optional field selection".to_owned());
            return Type::Error;
        };
        let name = name.to_string();
        let t = self.field(offset, operand, &name, true);
        self.resolved(&t)
    }

    /// Finds the overloads that fit and the type of the result.
    fn resolve(&mut self, offset: u32, call: &mut Call, found: &'static Function) -> Type {
        call.function = Cow::Borrowed(found.name);
        let args: Vec<Type> = call
            .target
            .iter()
            .chain(&call.args)
            .map(|arg| self.type_of(arg))
            .collect();
        if matches!(found.name, operator::AND | operator::OR) {
            self.logic(call, &args);
            return Type::Bool;
        }
        let mut result: Option<(Type, Option<&'static Overload>)> = None;
        for overload in &found.overloads {
            if overload.member != call.target.is_some() {
                continue;
            }
            let Some(t) = self.fits(overload, &args) else {
                continue;
            };
            result = Some(match result {
                None => (t, Some(overload)),
                Some((known, _)) if known == t => (known, None),
                Some(_) => (Type::Dyn, None),
            });
        }
        if let Some((t, overload)) = result {
            call.found = Some(Found {
                function: found,
                overload,
            });
            return t;
        }
        self.misfit(offset, call, found.name, &args)
    }

    fn misfit(&mut self, offset: u32, call: &Call, name: &str, args: &[Type]) -> Type {
        let shown: Vec<String> = args
            .iter()
            .map(|t| self.bindings.substitute(t, true).to_string())
            .collect();
        let signature = match (call.target.is_some(), shown.split_first()) {
            (true, Some((target, rest))) => format!("{target}.({})", rest.join(", ")),
            _ => format!("({})", shown.join(", ")),
        };
        self.report(
            offset,
            format!("found no matching overload for '{name}' applied to '{signature}'"),
        );
        Type::Error
    }

    fn logic(&mut self, call: &Call, args: &[Type]) {
        for (arg, t) in call.args.iter().zip(args) {
            if !self.bindings.assignable(t, &Type::Bool) {
                self.mismatch(arg.offset, &Type::Bool, t);
            }
        }
    }

    /// The type of the overload's result if it takes these arguments.
    fn fits(&mut self, overload: &Overload, args: &[Type]) -> Option<Type> {
        if overload.args.len() != args.len() {
            return None;
        }
        if overload.parameters.is_empty() {
            let fits = self.bindings.all_assignable(args, &overload.args);
            return fits.then(|| overload.result.clone());
        }
        let first = self.bindings.fresh_for(&overload.parameters);
        let clashes = |(arg, wanted): (&Type, &Type)| arg.clashes_with(wanted);
        if args.iter().zip(&overload.args).any(clashes) {
            return None;
        }
        let instance = |t: &Type| instantiate(t, &overload.parameters, first);
        let wanted: Vec<Type> = overload.args.iter().map(instance).collect();
        if !self.bindings.all_assignable(args, &wanted) {
            return None;
        }
        Some(self.resolved(&instance(&overload.result)))
    }

    fn join(&mut self, previous: Option<Type>, current: Type) -> Type {
        match previous {
            None => current,
            Some(previous) if self.bindings.assignable(&previous, &current) => {
                most_general(previous, current)
            }
            // Mixed literals are refused after the check, except as arguments of `format`.
            Some(_) => Type::Dyn,
        }
    }

    /// The type of an element or entry, unwrapped where it is written with a question mark.
    fn element(&mut self, expr: &Expr, optional: bool) -> Type {
        let t = self.type_of(expr);
        if !optional {
            return t;
        }
        let (inner, was_optional) = unwrap_optional(t);
        if !was_optional && inner != Type::Dyn {
            self.mismatch(expr.offset, &Type::optional(inner.clone()), &inner);
        }
        inner
    }

    fn list(&mut self, elements: &mut [Expr], optional: &[bool]) -> Type {
        let mut joined = None;
        for (position, element) in elements.iter_mut().enumerate() {
            self.check(element);
            let is_optional = optional.get(position).copied().unwrap_or(false);
            let t = self.element(element, is_optional);
            joined = Some(self.join(joined, t));
        }
        Type::list(joined.unwrap_or_else(|| self.bindings.fresh()))
    }

    fn map(&mut self, entries: &mut [Entry]) -> Type {
        let mut keys = None;
        let mut values = None;
        for entry in entries {
            self.check(&mut entry.key);
            let t = self.type_of(&entry.key);
            keys = Some(self.join(keys, t));
            self.check(&mut entry.value);
            let t = self.element(&entry.value, entry.optional);
            values = Some(self.join(values, t));
        }
        let keys = keys.unwrap_or_else(|| self.bindings.fresh());
        Type::map(keys, values.unwrap_or_else(|| self.bindings.fresh()))
    }

    fn message(&mut self, offset: u32, name: &mut String, fields: &mut [Field]) -> Type {
        let bare = name.strip_prefix('.').unwrap_or(name).to_owned();
        let Some(message) = names::message(&bare) else {
            return self.undeclared(offset, name);
        };
        *name = bare;
        for field in fields {
            self.check(&mut field.value);
            let actual = self.element(&field.value, field.optional);
            let Some(expected) = names::message_field(name, &field.name) else {
                self.report(offset, format!("undefined field '{}'", field.name));
                continue;
            };
            if !self.bindings.assignable(&expected, &actual) {
                let text = format!(
                    "expected type of field '{}' is '{expected}' but provided type is '{actual}'",
                    field.name
                );
                self.report(offset, text);
            }
        }
        if message == Type::Error {
            self.report(offset, format!("'{name}' is not a message type"));
        }
        message
    }

    /// The types of the iteration variables.
    fn iteration(&mut self, fold: &Fold) -> (Type, Type) {
        let range = self.resolved(&self.type_of(&fold.range));
        let two = fold.iter2.is_some();
        match range {
            Type::List(element) if two => (Type::Int, Type::clone(&element)),
            Type::List(element) => (Type::clone(&element), Type::Error),
            Type::Map(key, value) => (Type::clone(&key), Type::clone(&value)),
            Type::Dyn | Type::Error | Type::Var(_) => {
                self.bindings.assignable(&Type::Dyn, &range);
                (Type::Dyn, Type::Dyn)
            }
            other => {
                let text = format!(
                    "expression of type '{other}' cannot be range of a comprehension (must be list, map, or dynamic)"
                );
                self.report(fold.range.offset, text);
                (Type::Error, Type::Error)
            }
        }
    }

    fn declare(&mut self, name: &str, slot: u32, t: Type) {
        self.scopes.push(Local {
            name: name.to_owned(),
            slot,
            t,
        });
    }

    fn assert(&mut self, expr: &Expr, expected: &Type) {
        let actual = self.type_of(expr);
        if !self.bindings.assignable(expected, &actual) {
            self.mismatch(expr.offset, expected, &actual);
        }
    }

    fn fold(&mut self, fold: &mut Fold) -> Type {
        self.check(&mut fold.range);
        self.check(&mut fold.init);
        fold.slot = self.slots;
        self.slots = self.slots.saturating_add(3);
        let accu = self.type_of(&fold.init);
        let (first, second) = self.iteration(fold);
        let outer = self.scopes.len();
        self.declare(&fold.accu, fold.slot, accu.clone());
        self.declare(&fold.iter, fold.slot + 1, first);
        if let Some(name) = &fold.iter2 {
            self.declare(name, fold.slot + 2, second);
        }
        self.check(&mut fold.condition);
        self.assert(&fold.condition, &Type::Bool);
        self.check(&mut fold.step);
        self.assert(&fold.step, &accu);
        self.scopes.truncate(outer + 1);
        self.check(&mut fold.result);
        self.scopes.truncate(outer);
        let t = self.type_of(&fold.result);
        self.resolved(&t)
    }
}
