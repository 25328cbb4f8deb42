//! The judge against upstream's recorded answers.
//!
//! It accepts every answer of upstream; trying devices in upstream's order with the judge as the only rule finds the
//! same answer first, and none where upstream has none; it rejects every answer with one field changed.

#[path = "verify/case.rs"]
mod case;
#[path = "verify/enumerate.rs"]
mod enumerate;
#[path = "verify/mutations.rs"]
mod mutations;

use case::Case;
use gpualloc::verify::Objection;

const FILES: [&str; 3] = [
    "upstream/allocator.ndjson",
    "upstream/lexicographical.ndjson",
    "examples.ndjson",
];

fn cases() -> Vec<Case> {
    FILES.iter().flat_map(|file| Case::all(file)).collect()
}

fn text(objections: &[Objection]) -> String {
    let texts: Vec<String> = objections.iter().map(ToString::to_string).collect();
    texts.join("; ")
}

#[test]
fn accepts_every_answer_of_upstream() {
    let mut accepted = 0;
    let mut refused = Vec::new();
    for case in cases() {
        for (node, answer) in case.answers().filter(|(_, a)| a.outcome == "placed") {
            match case.judge(node, &case.claims, &answer.results) {
                Ok(()) => accepted += 1,
                Err(objections) => {
                    refused.push(format!(
                        "{} on {}: {}",
                        case.name,
                        answer.node,
                        text(&objections)
                    ));
                }
            }
        }
    }
    assert!(refused.is_empty(), "{}\n", refused.join("\n"));
    assert!(accepted >= 160, "only {accepted} answers were judged");
}

#[test]
fn rejects_every_mutation() {
    let mut rejected = 0;
    let mut accepted = Vec::new();
    for case in cases() {
        for (node, answer) in case.answers().filter(|(_, a)| a.outcome == "placed") {
            for (what, mutant) in mutations::all(&answer.results) {
                if case.judge(node, &case.claims, &mutant).is_ok() {
                    accepted.push(format!("{} on {}: {what}", case.name, answer.node));
                } else {
                    rejected += 1;
                }
            }
        }
    }
    assert!(accepted.is_empty(), "{}\n", accepted.join("\n"));
    assert!(rejected >= 5_000, "only {rejected} mutations were judged");
}

#[test]
fn first_legal_answer_is_upstreams() {
    let (mut compared, mut too_large) = (0, Vec::new());
    let mut different = Vec::new();
    for case in cases() {
        for (node, answer) in case.answers() {
            // Other errors may come from devices tried in vain, which a judge of answers does not see.
            let expected = match answer.outcome.as_str() {
                "placed" => Some(enumerate::bare(&answer.results)),
                "unfit" => None,
                _ => continue,
            };
            match enumerate::first(&case, node, 20_000) {
                Ok(found) if found == expected => compared += 1,
                Ok(found) => different.push(format!(
                    "{} on {}: found {found:?}, upstream {expected:?}",
                    case.name, answer.node
                )),
                Err(enumerate::OutOfBudget) => too_large.push(case.name.clone()),
            }
        }
    }
    assert!(different.is_empty(), "{}\n", different.join("\n"));
    assert!(
        compared >= 220,
        "only {compared} compared, too large: {too_large:?}"
    );
}

#[test]
fn agrees_with_upstream_on_every_pinned_choice() {
    let (mut legal, mut illegal) = (0, 0);
    let mut different = Vec::new();
    for case in Case::all("verify/pinned.ndjson") {
        for (node, answer) in case.answers() {
            let placed = answer.outcome == "placed";
            let judged = enumerate::devices_are_legal(&case, node, &case.claims, &case.pinned);
            if judged != placed {
                let objections = case.judge(node, &case.claims, &case.pinned);
                let objections = text(&objections.err().unwrap_or_default());
                let outcome = &answer.outcome;
                different.push(format!("{}: {outcome}, but {objections}", case.name));
            }
            if placed {
                legal += 1;
                if let Err(objections) = case.judge(node, &case.claims, &answer.results) {
                    different.push(format!("{}: placed, but {}", case.name, text(&objections)));
                }
            } else {
                illegal += 1;
            }
        }
    }
    assert!(different.is_empty(), "{}\n", different.join("\n"));
    assert!(
        legal >= 160 && illegal >= 300,
        "{legal} legal, {illegal} illegal"
    );
}
