//! Expressions that mean harm: none may overflow a small stack, take for ever or take all memory.

use std::fmt::Write as _;

use gpualloc::attribute::NameMap;
use gpualloc::cel::{Device, Selector};

/// The stack that compiling is content with: what threads have by default.
const COMPILE_STACK: usize = 2 * 1024 * 1024;
/// The stack that evaluating is content with.
const EVALUATE_STACK: usize = 512 * 1024;

fn on_stack<T: Send>(size: usize, work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .stack_size(size)
            .spawn_scoped(scope, work);
        thread.expect("a thread").join().expect("no panic")
    })
}

/// Compiles and, if it compiles, evaluates; whether it compiled, and what came out.
fn outcome(expression: &str) -> (bool, Option<Result<bool, String>>) {
    let compiled = on_stack(COMPILE_STACK, || Selector::compile(expression).ok());
    let (attributes, capacity) = (NameMap::default(), NameMap::default());
    let device = Device::new("d.example.com", &attributes, &capacity, None);
    let result = compiled.as_ref().map(|selector| {
        on_stack(EVALUATE_STACK, || selector.matches(device)).map_err(|error| error.to_string())
    });
    on_stack(COMPILE_STACK, move || drop(compiled));
    (result.is_some(), result)
}

fn refused(expression: &str) {
    assert_eq!(
        outcome(expression),
        (false, None),
        "{}",
        &expression[..expression.len().min(60)]
    );
}

fn answers(expression: &str, expected: bool) {
    let shown = &expression[..expression.len().min(60)];
    assert_eq!(outcome(expression), (true, Some(Ok(expected))), "{shown}");
}

fn nested(open: &str, inner: &str, close: &str, depth: usize) -> String {
    format!("{}{inner}{}", open.repeat(depth), close.repeat(depth))
}

#[test]
fn brackets() {
    for bracket in ["(", "[", "{", "((", "[{", "a.b(", "{1:", "!(", "-("] {
        refused(&bracket.repeat(10_240 / bracket.len()));
    }
    refused(&nested("(", "true", ")", 5_000));
    refused(&nested("(", "true", ")", 250));
    answers(&nested("(", "true", ")", 249), true);
    answers(&format!("size({}) == 1", nested("[", "1", "]", 247)), true);
}

#[test]
fn chains() {
    refused(&format!("a{}", ".b".repeat(5_000)));
    refused(&format!("device{}", "[0]".repeat(5_000)));
    refused(&format!("1{} == 1", " + 1".repeat(5_000)));
    answers(&format!("1{} > 1", " + 1".repeat(240)), true);
    answers(&format!("true{}", " && true".repeat(5_000)), true);
    answers(&format!("false{}", " || false".repeat(5_000)), false);
    answers(&format!("{}true", "!".repeat(10_000)), true);
    refused(&"true ? ".repeat(2_000));
    answers(&format!("{}true{}", "true ? ", " : false"), true);
    answers(&format!("{}true", "false ? false : ".repeat(240)), true);
}

#[test]
fn nested_macros() {
    for (depth, expected) in [(240, true), (248, true)] {
        let mut expression = String::new();
        for level in 0..depth {
            write!(expression, "[1].all(x{level}, ").unwrap();
        }
        expression.push_str("true");
        expression.push_str(&")".repeat(depth));
        answers(&expression, expected);
    }
    let mut bound = String::new();
    for level in 0..240 {
        write!(bound, "cel.bind(x{level}, {level}, ").unwrap();
    }
    answers(&format!("{bound}x0 == 0{}", ")".repeat(240)), true);
    refused(&"[1].all(x, ".repeat(900));
}

#[test]
fn growth() {
    // Everything doubles: copies of targets, lists, types, comparisons.
    refused(&format!(
        "optional.of(1){}.hasValue()",
        ".optMap(x, x)".repeat(60)
    ));
    let doubling = |step: &str, end: &str| {
        let mut text = "cel.bind(x0, [1], ".to_owned();
        for level in 1..60 {
            let step = step.replace('x', &format!("x{}", level - 1));
            write!(text, "cel.bind(x{level}, {step}, ").unwrap();
        }
        format!("{text}{}{}", end.replace('x', "x59"), ")".repeat(60))
    };
    let lists = outcome(&doubling("x + x", "x.size() > 0"));
    assert!(matches!(lists, (true, Some(Err(_)))), "{lists:?}");
    refused(&doubling("{x: x}", "x.size() > 0"));
    let compared = outcome(&doubling("[x, x]", "x == x"));
    assert!(matches!(compared, (true, Some(Err(_)))), "{compared:?}");
}

#[test]
fn long_loops_end_at_the_cost_limit() {
    for expression in [
        "lists.range(400000).all(x, x >= 0 && x + 1 > x)",
        "lists.range(200000).map(x, x * 2).size() > 0",
        "lists.range(1000).all(x, lists.range(1000).all(y, x + y >= 0))",
        "lists.range(90000).filter(x, x % 2 == 0).size() > 0",
        "lists.range(20000).transformMap(i, x, i * x).size() > 0",
    ] {
        let (compiled, result) = outcome(expression);
        assert!(compiled, "{expression}");
        if let Some(Err(error)) = result {
            assert_eq!(
                error, "operation cancelled: actual cost limit exceeded",
                "{expression}"
            );
        }
    }
}

#[test]
fn broken_texts() {
    for expression in [
        "\"",
        "'''",
        "b'\\u0041'",
        "\"\\uD800\"",
        "`",
        "`a",
        "0x",
        "1e",
        "99999999999999999999",
        "1e999",
        "\u{0}",
        "é",
        "a\u{301}",
        "r\"",
        "\"\\",
        "// only a comment",
        "",
        " ",
        ".",
        "a.",
        ".a.`b",
        "{",
        "{:}",
        "{1:}",
        "[,,]",
        "has(1)",
        "has()",
        "a.b{",
        "1u2",
        "-",
        "!",
        "in",
        "x in",
        "true false",
        "a ? b",
        "a ? b :",
    ] {
        refused(expression);
    }
}
