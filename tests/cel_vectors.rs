//! Upstream's own table of CEL expressions: same verdict, value, cost and error, line by line.
//!
//! If this were deleted, our CEL would be held to Kubernetes' only where the oracle can be built.

#[path = "cel_differential/compare.rs"]
mod compare;
#[path = "support/error_text.rs"]
mod error_text;

use compare::{Tally, ours};
use error_text::own_part;
use serde_json::Value;

#[test]
fn cel_answers_are_as_recorded() {
    let mut tally = Tally::default();
    let mut texts = Vec::new();
    for line in include_str!("vectors/upstream/cel.ndjson").lines() {
        let case: Value = serde_json::from_str(line).expect("a case is JSON");
        let (theirs, ours) = (&case["expect"], ours(&case));
        tally.add(&case, theirs, &ours);
        // The recorded text is that of the cel package; selectors add a hint for missing keys to it.
        let text = |answer: &Value| answer["error"].as_str().unwrap_or_default().to_owned();
        if !own_part(&text(&ours)).starts_with(own_part(&text(theirs))) {
            texts.push(format!("upstream {theirs}\n  here     {ours}"));
        }
    }
    assert!(tally.disagreements.is_empty(), "{}", tally.report());
    assert!(
        texts.is_empty(),
        "error texts differ:\n{}",
        texts.join("\n")
    );
    assert!(tally.evaluated() > 100, "{tally}");
}
