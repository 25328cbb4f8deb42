//! The Common Expression Language in Kubernetes' dialect, as device selectors use it.
//!
//! Compiles an expression once (syntax, types), says which attributes it reads, evaluates it against a device within
//! a cost limit. Knows nothing of slices or claims. The stations of an expression: [`lexer`], [`parser`] with
//! [`macros`], [`check`], [`validate`], [`planner`], [`interpret`]. Start at [`selector`].

mod ast;
mod builder;
mod cache;
mod check;
mod device;
mod functions;
mod interpret;
mod invoke;
mod lexer;
mod library;
mod macros;
mod matcher;
mod names;
mod native;
mod number;
mod operand;
mod overload;
mod parser;
mod planner;
mod program;
mod reads;
mod regex;
mod relate;
mod selection;
mod selector;
mod shortcut;
mod standard;
mod standard_costs;
mod terms;
mod time;
mod types;
mod unify;
mod validate;
mod value;
mod variables;

pub use cache::{compiled, compiled_derived};
pub use device::Device;
pub use reads::Reads;
pub use selector::{COST_LIMIT, CompileError, Derived, RuntimeError, Selector};
pub use terms::{Constant, ConstantKind, constants, terms, with_name, with_terms};
