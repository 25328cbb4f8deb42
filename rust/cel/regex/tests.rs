//! Hostile expressions: an answer or an error, soon, on a small stack.

use std::time::{Duration, Instant};

use super::{GoRegex, compile, compile_for_reuse};

/// What the callers' threads may have.
const STACK: usize = 512 << 10;
/// Far above what is needed, far below what a hang takes.
const SOON: Duration = Duration::from_secs(20);

fn answers(pattern: &str, text: &'static str) -> Vec<Option<bool>> {
    let pattern = pattern.to_owned();
    let thread = std::thread::Builder::new()
        .stack_size(STACK)
        .spawn(move || {
            let ask =
                |compiled: Result<GoRegex, String>| compiled.ok().map(|regex| regex.is_match(text));
            vec![ask(compile(&pattern)), ask(compile_for_reuse(&pattern))]
        });
    thread.expect("starts").join().expect("no panic")
}

#[test]
fn hostile_expressions_end() {
    let start = Instant::now();
    for count in [10, 240, 900, 1001, 20_000] {
        let nest = |open: &str, middle: &str, close: &str| {
            answers(
                &[open.repeat(count), middle.to_owned(), close.repeat(count)].concat(),
                "aaaaaaaaaa",
            )
        };
        let shallow = |verdict| {
            if count < 1000 {
                vec![Some(verdict); 2]
            } else {
                vec![None; 2]
            }
        };
        assert_eq!(nest("(", "", ""), [None, None]);
        assert_eq!(nest("[", "", ""), [None, None]);
        assert_eq!(nest("(", "", ")"), shallow(true));
        nest("(?:", "", ")");
        nest("(a|", "", "b)*");
        nest("(?:a", "", ")?");
        nest("(?:", "a", "a)");
        nest("a|", "", "");
        nest("\\pL", "", "");
        nest("(?i)[^\\pL]", "", "");
    }
    for pattern in [
        "(?:\\pL|a*){1000}",
        "\\pL{1000}",
        "(?i)\\PL{1000}",
        "(?:x?){1000}x{1000}",
    ] {
        let [one, other] = answers(pattern, "xxxxxxxxxxxxxxxxxxxx")[..] else {
            unreachable!("two answers");
        };
        assert!(one.is_some() && one == other, "{pattern}");
    }
    answers(&"(a{100}){10}".repeat(800), "aaaa");
    answers(&"(?:.{30}){30}".repeat(50), "aaaa");
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}

#[test]
fn errors_have_the_text_of_go() {
    let error = |pattern| compile(pattern).err().unwrap_or_default();
    assert_eq!(
        error("a**"),
        "error parsing regexp: invalid nested repetition operator: `**`"
    );
    assert_eq!(error("(a"), "error parsing regexp: missing closing ): `(a`");
    assert_eq!(
        error("(?=a)"),
        "error parsing regexp: invalid or unsupported Perl syntax: `(?=`"
    );
}

#[test]
fn preferred_match_is_that_of_go() {
    for (pattern, text, expected) in [
        ("a|ab", "ab", "a"),
        ("(?:|a)+", "aa", ""),
        ("(?i)k+", "K\u{212a}k", "K\u{212a}k"),
        ("\\d+", "\u{0663}12", "12"),
    ] {
        for regex in [compile(pattern), compile_for_reuse(pattern)] {
            assert_eq!(regex.expect("compiles").find(text), expected, "{pattern}");
        }
    }
}
