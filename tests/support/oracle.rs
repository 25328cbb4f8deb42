//! Talks to the oracle: the program that answers cases with the real upstream code (`tests/oracle`).
//!
//! Lines of JSON go in, lines of JSON come out, in the same order. Where the oracle cannot be had, callers say that
//! they skipped.

use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Path of the oracle: `GPUALLOC_ORACLE`, else what `tests/oracle/build.sh` made.
pub(crate) fn path() -> Option<PathBuf> {
    let built = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("build/oracle");
    let path = std::env::var_os("GPUALLOC_ORACLE").map_or(built, PathBuf::from);
    path.exists().then_some(path)
}

/// What the oracle answers to the cases, one line each, in order.
pub(crate) fn ask(oracle: &std::path::Path, command: &str, cases: &[String]) -> Vec<String> {
    let mut child = Command::new(oracle)
        .arg(command)
        .env("GOGC", "400")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the oracle starts");
    let stdin = child.stdin.take().expect("stdin is piped");
    let stdout = child.stdout.take().expect("stdout is piped");
    let answers: Vec<String> = std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut writer = BufWriter::new(stdin);
            for case in cases {
                writeln!(writer, "{case}").expect("the oracle reads");
            }
        });
        BufReader::new(stdout)
            .lines()
            .map(|line| line.expect("the oracle writes text"))
            .collect()
    });
    assert!(
        child.wait().expect("the oracle ends").success(),
        "the oracle failed"
    );
    assert_eq!(answers.len(), cases.len(), "one answer for each case");
    answers
}
