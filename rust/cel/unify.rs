//! Assignability of types, with variables bound on the way.
//!
//! Follows cel-go's checker: `dyn` and errors are assignable to everything and from everything, variables are bound to
//! what they are compared with, and a failed attempt leaves no binding behind. Start at [`Bindings::assignable`].

use std::sync::Arc;

use super::types::Type;

/// Bindings of type variables, with a trail for undoing.
#[derive(Default)]
pub(super) struct Bindings {
    bound: Vec<Option<Type>>,
    trail: Vec<(usize, Option<Type>)>,
}

fn is_parameter(t: &Type) -> bool {
    matches!(t, Type::Var(_) | Type::Param(_))
}

fn has_variable(t: &Type) -> bool {
    match t {
        Type::Var(_) | Type::Param(_) => true,
        Type::List(a) | Type::Optional(a) | Type::Type(a) => has_variable(a),
        Type::Map(k, v) => has_variable(k) || has_variable(v),
        _ => false,
    }
}

fn is_dyn_or_error(t: &Type) -> bool {
    matches!(t, Type::Dyn | Type::Error)
}

impl Bindings {
    /// A fresh variable.
    pub(super) fn fresh(&mut self) -> Type {
        let index = u32::try_from(self.bound.len()).unwrap_or(u32::MAX);
        self.bound.push(None);
        Type::Var(index)
    }

    /// Fresh variables for parameters, one after the other; the number of the first.
    pub(super) fn fresh_for(&mut self, parameters: &[&'static str]) -> usize {
        let first = self.bound.len();
        self.bound.resize(first + parameters.len(), None);
        first
    }

    fn find(&self, t: &Type) -> Option<&Type> {
        match t {
            Type::Var(index) => self.bound.get(*index as usize)?.as_ref(),
            _ => None,
        }
    }

    fn bind(&mut self, variable: &Type, to: Type) {
        if let Type::Var(index) = variable
            && let Some(slot) = self.bound.get_mut(*index as usize)
        {
            let old = slot.replace(to);
            self.trail.push((*index as usize, old));
        }
    }

    /// Whether `from[i]` is assignable to `to[i]` for all `i`; binds variables only then.
    pub(super) fn all_assignable(&mut self, from: &[Type], to: &[Type]) -> bool {
        let mark = self.trail.len();
        let fits =
            from.len() == to.len() && from.iter().zip(to).all(|(one, two)| self.assign(one, two));
        if !fits {
            while self.trail.len() > mark {
                if let Some((index, old)) = self.trail.pop()
                    && let Some(slot) = self.bound.get_mut(index)
                {
                    *slot = old;
                }
            }
        }
        if mark == 0 {
            self.trail.clear();
        }
        fits
    }

    /// Whether `from` is assignable to `to`; binds variables only then.
    pub(super) fn assignable(&mut self, from: &Type, to: &Type) -> bool {
        self.all_assignable(std::slice::from_ref(from), std::slice::from_ref(to))
    }

    fn assign(&mut self, one: &Type, two: &Type) -> bool {
        if is_parameter(two) {
            match self.substitution(one, two) {
                (true, _) => return true,
                (false, true) => return false,
                (false, false) => {}
            }
        }
        if is_parameter(one) {
            return self.substitution(two, one).0;
        }
        if is_dyn_or_error(one) || is_dyn_or_error(two) {
            return true;
        }
        match (one, two) {
            (Type::Null, other) | (other, Type::Null) => matches!(
                other,
                Type::Null | Type::Named(_) | Type::Optional(_) | Type::Duration | Type::Timestamp
            ),
            (Type::List(a), Type::List(b)) | (Type::Optional(a), Type::Optional(b)) => {
                self.assign(a, b)
            }
            (Type::Map(k1, v1), Type::Map(k2, v2)) => self.assign(k1, k2) && self.assign(v1, v2),
            (Type::Type(_), Type::Type(_)) => true,
            _ => one == two,
        }
    }

    /// Whether `two` (a variable, or what it is bound to) can stand for `one`, and whether it is bound.
    fn substitution(&mut self, one: &Type, two: &Type) -> (bool, bool) {
        if one == two {
            return (true, true);
        }
        if let Some(bound) = self.find(two).cloned() {
            if *one == bound {
                return (true, true);
            }
            if self.assign(one, &bound) {
                let general = if less_specific(one, &bound) {
                    one.clone()
                } else {
                    bound
                };
                if !self.occurs(two, &general) {
                    self.bind(two, general);
                }
                return (true, true);
            }
            return (false, true);
        }
        if self.occurs(two, one) {
            return (false, false);
        }
        self.bind(two, one.clone());
        (true, false)
    }

    /// Whether `variable` occurs in `within`, bindings followed.
    fn occurs(&self, variable: &Type, within: &Type) -> bool {
        if variable == within {
            return true;
        }
        match within {
            Type::Var(_) => self
                .find(within)
                .is_some_and(|bound| self.occurs(variable, bound)),
            Type::List(a) | Type::Optional(a) | Type::Type(a) => self.occurs(variable, a),
            Type::Map(k, v) => self.occurs(variable, k) || self.occurs(variable, v),
            _ => false,
        }
    }

    /// As [`Bindings::substitute`], of a type that is not needed any more.
    pub(super) fn replaced(&self, t: Type, close: bool) -> Type {
        if has_variable(&t) {
            self.substitute(&t, close)
        } else {
            t
        }
    }

    /// `t` with bound variables replaced; free ones become `dyn` when `close` is set.
    pub(super) fn substitute(&self, t: &Type, close: bool) -> Type {
        if let Some(bound) = self.find(t) {
            return self.substitute(bound, close);
        }
        if !has_variable(t) {
            return t.clone();
        }
        match t {
            Type::Var(_) | Type::Param(_) if close => Type::Dyn,
            Type::List(a) => Type::list(self.substitute(a, close)),
            Type::Optional(a) => Type::optional(self.substitute(a, close)),
            Type::Type(a) => Type::Type(Arc::new(self.substitute(a, close))),
            Type::Map(k, v) => Type::map(self.substitute(k, close), self.substitute(v, close)),
            other => other.clone(),
        }
    }
}

/// The more general of two types known to unify.
pub(super) fn most_general(one: Type, two: Type) -> Type {
    if less_specific(&one, &two) { one } else { two }
}

/// Whether `one` is equal to `two` or says less.
fn less_specific(one: &Type, two: &Type) -> bool {
    if matches!(one, Type::Dyn) || is_parameter(one) {
        return true;
    }
    if matches!(two, Type::Dyn) || is_parameter(two) {
        return false;
    }
    match (one, two) {
        (Type::List(a), Type::List(b)) | (Type::Optional(a), Type::Optional(b)) => {
            less_specific(a, b)
        }
        (Type::Map(k1, v1), Type::Map(k2, v2)) => less_specific(k1, k2) && less_specific(v1, v2),
        (Type::Type(_), Type::Type(_)) => true,
        _ => one == two,
    }
}

/// The parameters of a declaration in the order of their appearance.
pub(super) fn parameters<'t>(types: impl IntoIterator<Item = &'t Type>) -> Vec<&'static str> {
    fn visit(t: &Type, names: &mut Vec<&'static str>) {
        match t {
            Type::Param(name) if !names.contains(name) => names.push(name),
            Type::List(a) | Type::Optional(a) | Type::Type(a) => visit(a, names),
            Type::Map(k, v) => {
                visit(k, names);
                visit(v, names);
            }
            _ => {}
        }
    }
    let mut names = Vec::new();
    types.into_iter().for_each(|t| visit(t, &mut names));
    names
}

/// An overload's type with its parameters replaced by variables, which are numbered from `first` on.
pub(super) fn instantiate(t: &Type, parameters: &[&'static str], first: usize) -> Type {
    let inside = |t: &Type| instantiate(t, parameters, first);
    match t {
        Type::Param(name) => {
            let position = parameters.iter().position(|known| known == name);
            let number = first + position.unwrap_or_default();
            Type::Var(u32::try_from(number).unwrap_or(u32::MAX))
        }
        Type::List(a) => Type::list(inside(a)),
        Type::Optional(a) => Type::optional(inside(a)),
        Type::Type(a) => Type::Type(Arc::new(inside(a))),
        Type::Map(k, v) => Type::map(inside(k), inside(v)),
        other => other.clone(),
    }
}
