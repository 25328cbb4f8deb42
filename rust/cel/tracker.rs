//! Counting costs the way cel-go's tracker does, down to the cases in which it loses sight of an argument.
//!
//! Upstream keeps results on a stack and looks arguments up by id. Where nothing is evaluated twice it always finds
//! them, and the stack is left out here; with loops it may not, and then the call costs nothing. Start at
//! [`Tracker::take_args`].

use std::cell::{Cell, RefCell};

use super::overload::{EvalError, EvalResult};
use super::plan::Id;
use super::value::Value;

/// Cost so far, and where needed the results that may still be arguments.
pub(super) struct Tracker {
    cost: Cell<u64>,
    limit: u64,
    stack: Option<RefCell<Vec<(Id, Option<Value>)>>>,
}

impl Tracker {
    pub(super) fn new(limit: u64, has_loops: bool) -> Self {
        Self {
            cost: Cell::new(0),
            limit,
            stack: has_loops.then(RefCell::default),
        }
    }

    pub(super) fn cost(&self) -> u64 {
        self.cost.get()
    }

    pub(super) fn has_stack(&self) -> bool {
        self.stack.is_some()
    }

    pub(super) fn add(&self, cost: u64) {
        self.cost.set(self.cost.get().saturating_add(cost));
    }

    /// Notes a result; an error once the limit is passed.
    pub(super) fn push(&self, id: Id, value: Option<&Value>) -> Result<(), EvalError> {
        if let Some(stack) = &self.stack {
            stack.borrow_mut().push((id, value.cloned()));
        }
        if self.cost.get() > self.limit { Err(EvalError::CostExceeded) } else { Ok(()) }
    }

    /// Forgets the newest result of the id and everything after it.
    pub(super) fn drop(&self, id: Id) {
        if let Some(stack) = &self.stack {
            let mut stack = stack.borrow_mut();
            if let Some(position) = stack.iter().rposition(|(of, _)| *of == id) {
                stack.truncate(position);
            }
        }
    }

    /// Forgets results as those of arguments, last first, up to the first that is not there.
    pub(super) fn drop_all(&self, ids: impl DoubleEndedIterator<Item = Id>) {
        if let Some(stack) = &self.stack {
            take(&mut stack.borrow_mut(), ids);
        }
    }

    /// The arguments of a call as the tracker sees them, `None` for one that is an error; nothing if it lost one.
    pub(super) fn take_args(
        &self,
        ids: impl ExactSizeIterator<Item = Id> + DoubleEndedIterator,
        values: &[EvalResult],
    ) -> Option<Vec<Option<Value>>> {
        match &self.stack {
            Some(stack) => take(&mut stack.borrow_mut(), ids),
            None if ids.len() == values.len() => {
                Some(values.iter().map(|value| value.as_ref().ok().cloned()).collect())
            }
            None => None,
        }
    }
}

fn take(
    stack: &mut Vec<(Id, Option<Value>)>,
    ids: impl DoubleEndedIterator<Item = Id>,
) -> Option<Vec<Option<Value>>> {
    let mut found = Vec::new();
    for id in ids.rev() {
        let position = stack.iter().rposition(|(of, _)| *of == id)?;
        found.push(stack.drain(position..).next()?.1);
    }
    found.reverse();
    Some(found)
}
