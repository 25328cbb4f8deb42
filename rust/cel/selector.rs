//! Expressions ready for use: selectors of devices, and attributes derived from devices.
//!
//! Compiles in the environment of stored expressions, as the scheduler does. Start at [`Selector::compile`].

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};

use super::ast::Expr;
use super::check::check;
use super::device::Device;
use super::interpret::run;
use super::lexer::Issue;
use super::native;
use super::overload::{EvalError, EvalResult};
use super::parser::parse;
use super::planner::plan;
use super::program::Program;
use super::reads::{Reads, reads};
use super::shortcut::{answer, sought};
use super::types::Type;
use super::validate::validate;
use crate::wire::slice::DeviceAttribute;

/// What an evaluation may cost.
pub const COST_LIMIT: u64 = 1_000_000;

/// Why an expression does not compile; the text is upstream's up to the message of its parser or checker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompileError(String);

impl CompileError {
    pub(super) fn text(&self) -> &str {
        &self.0
    }
}

/// Why an evaluation failed; the text is upstream's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuntimeError {
    text: String,
    is_cost_limit: bool,
}

/// How many selectors have been compiled.
static COMPILED: AtomicU32 = AtomicU32::new(0);

/// A compiled selector.
#[derive(Debug)]
pub struct Selector {
    number: u32,
    program: Program,
    reads: Reads,
}

/// A compiled expression for a derived attribute.
#[derive(Debug)]
pub struct Derived {
    program: Program,
    reads: Reads,
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CompileError {}

impl RuntimeError {
    fn plain(text: String) -> Self {
        Self {
            text,
            is_cost_limit: false,
        }
    }

    /// With the hint that upstream adds for selectors.
    fn new(text: &str) -> Self {
        let hint = if text.contains("no such key:") {
            ". consider using CEL optional chaining (.? followed by orValue()) or guarding the check with has() for optional fields"
        } else {
            ""
        };
        Self {
            text: format!("{text}{hint}"),
            is_cost_limit: false,
        }
    }

    /// Whether the cost limit was passed.
    pub fn is_cost_limit(&self) -> bool {
        self.is_cost_limit
    }
}

impl fmt::Display for RuntimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for RuntimeError {}

impl From<EvalError> for RuntimeError {
    fn from(error: EvalError) -> Self {
        Self {
            is_cost_limit: error == EvalError::CostExceeded,
            ..Self::new(&error.text(""))
        }
    }
}

fn failed(source: &str, issues: &[Issue]) -> CompileError {
    let lines: Vec<String> = issues.iter().map(|issue| located(source, issue)).collect();
    CompileError(format!("compilation failed: {}", lines.join("\n")))
}

/// An issue with its place: line and column, counted in code points.
fn located(source: &str, issue: &Issue) -> String {
    let before = source.get(..issue.offset).unwrap_or(source);
    let line = before.matches('\n').count() + 1;
    let column = before
        .rsplit('\n')
        .next()
        .unwrap_or_default()
        .chars()
        .count()
        + 1;
    let text = source.lines().nth(line - 1).unwrap_or_default();
    // Wide marks stand under characters of more than one byte, so that the columns agree.
    let marks: String = text
        .chars()
        .take(column - 1)
        .map(|c| if c.is_ascii() { '.' } else { '．' })
        .collect();
    let end = if text.chars().nth(column - 1).is_none_or(|c| c.is_ascii()) {
        '^'
    } else {
        '＾'
    };
    format!(
        "ERROR: <input>:{line}:{column}: {}\n | {text}\n | {marks}{end}",
        issue.text
    )
}

/// Parses, checks and plans; with the type of the result.
fn compile(
    source: &str,
    accept: fn(&Type) -> Result<(), String>,
) -> Result<(Expr, Program), CompileError> {
    let parsed = parse(source).map_err(|issue| failed(source, &[issue]))?;
    let mut expr = parsed.expr;
    let checked = check(&mut expr, parsed.nodes).map_err(|issues| failed(source, &issues))?;
    let issues = validate(&expr, &checked.types);
    if !issues.is_empty() {
        return Err(failed(source, &issues));
    }
    let result = checked
        .types
        .get(expr.id as usize)
        .cloned()
        .unwrap_or(Type::Error);
    accept(&result).map_err(CompileError)?;
    let program = plan(&expr, &checked.types, checked.slots)
        .map_err(|error| CompileError(format!("program instantiation failed: {error}")))?;
    Ok((expr, program))
}

fn evaluate(program: &Program, device: Device<'_>) -> (EvalResult, u64) {
    if device.is_readable() {
        return run(program, device, COST_LIMIT);
    }
    let text = device.unreadable().unwrap_or_default();
    (Err(EvalError::message(text)), 0)
}

impl Selector {
    /// Compiles an expression whose result is a truth value, or an attribute that may be one.
    pub fn compile(source: &str) -> Result<Self, CompileError> {
        let (expr, program) = compile(source, accept_verdict)?;
        Ok(Self {
            number: COMPILED.fetch_add(1, Ordering::Relaxed),
            program,
            reads: reads(&expr),
        })
    }

    /// A number that no other selector has, not even an equal one.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Whether the device is selected.
    pub fn matches(&self, device: Device<'_>) -> Result<bool, RuntimeError> {
        self.evaluate(device).0
    }

    /// Whether the device is selected, and what it cost to find out.
    pub fn evaluate(&self, device: Device<'_>) -> (Result<bool, RuntimeError>, u64) {
        if self.program.is_short
            && device.is_readable()
            && let Some((verdict, cost)) = answer(&self.program.root, &device, COST_LIMIT)
        {
            return (Ok(verdict), cost);
        }
        let (result, cost) = evaluate(&self.program, device);
        let result = match result {
            Ok(value) => native::verdict(&value).map_err(|text| RuntimeError::new(&text)),
            Err(error) => Err(error.into()),
        };
        (result, cost)
    }

    /// What of a device it looks at.
    pub fn reads(&self) -> &Reads {
        &self.reads
    }

    /// The attribute, by domain and id, and the text that it must be: a readable device on which it is another text is not
    /// selected, whatever else is asked.
    pub fn sought(&self) -> Option<(&str, &str, &str)> {
        let program = Some(&self.program).filter(|program| program.is_short);
        sought(&program?.root, COST_LIMIT)
    }
}

impl Derived {
    /// Compiles an expression whose result can be an attribute.
    pub fn compile(source: &str) -> Result<Self, CompileError> {
        let (expr, program) = compile(source, accept_attribute)?;
        Ok(Self {
            program,
            reads: reads(&expr),
        })
    }

    /// What of a device it looks at.
    pub fn reads(&self) -> &Reads {
        &self.reads
    }

    /// The attribute of a device.
    pub fn value(&self, device: Device<'_>) -> Result<DeviceAttribute, RuntimeError> {
        self.evaluate(device).0
    }

    /// The attribute of a device, and what it cost to compute.
    pub fn evaluate(&self, device: Device<'_>) -> (Result<DeviceAttribute, RuntimeError>, u64) {
        let (result, cost) = evaluate(&self.program, device);
        let result = match result {
            Ok(value) => native::attribute(&value).map_err(RuntimeError::plain),
            Err(error) => Err(RuntimeError {
                is_cost_limit: error == EvalError::CostExceeded,
                text: error.text(""),
            }),
        };
        (result, cost)
    }
}

/// A selector gives a truth value, or something of unknown type that may be one.
fn accept_verdict(result: &Type) -> Result<(), String> {
    match result {
        Type::Bool | Type::Dyn => Ok(()),
        other => Err(format!(
            "must evaluate to bool or the unknown type, not {other}"
        )),
    }
}

fn accept_attribute(result: &Type) -> Result<(), String> {
    let is_scalar = |kind: &Type| {
        matches!(
            kind,
            Type::String | Type::Int | Type::Bool | Type::Dyn | Type::Named("kubernetes.Semver")
        )
    };
    let element = match result {
        Type::List(element) => element,
        scalar => scalar,
    };
    if is_scalar(element) {
        return Ok(());
    }
    Err(format!(
        "must evaluate to a primitive scalar (string, integer, boolean, semver) or a list of these scalars, not {result}"
    ))
}
