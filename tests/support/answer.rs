//! Answers cases: one JSON object a line on standard input, one answer a line on standard output, in the same order.
//!
//! Upstream's own test suite drives the engine through this program (`tests/oracle/upstream.sh`).

mod case;

use std::io::{BufRead, Write};

fn main() -> std::io::Result<()> {
    let mut output = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let answer = match serde_json::from_str(&line) {
            Ok(case) => case::answer(&case),
            Err(error) => serde_json::json!({"error": format!("read case: {error}")}),
        };
        writeln!(output, "{answer}")?;
        output.flush()?;
    }
    Ok(())
}
