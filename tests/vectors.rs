//! Recorded cases: every line of every file in `tests/vectors` is answered and compared with what it expects.
//!
//! If this were deleted, nothing would hold the engine to upstream where there is no Go. A file that no reader claims
//! fails, so that no vector is forgotten.

#[path = "support/case.rs"]
mod case;
#[path = "support/compare.rs"]
mod compare;

use std::path::{Path, PathBuf};

use serde_json::Value;

/// Files and folders with cases of the allocation format.
const ALLOCATION: [&str; 5] = [
    "upstream/allocator.ndjson",
    "upstream/lexicographical.ndjson",
    "examples.ndjson",
    "differential/",
    "verify/",
];

/// Files that other tests read: the start of the path, and the test.
const ELSEWHERE: [(&str, &str); 6] = [
    ("upstream/cel.ndjson", "tests/cel_vectors.rs"),
    ("name.ndjson", "rust/wire/validate/name.rs"),
    ("quantity.ndjson", "tests/words.rs"),
    ("version.ndjson", "tests/words.rs"),
    ("validate.ndjson", "tests/validate.rs"),
    ("verify/", "tests/verify_mutations.rs"),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors")
}

/// All vector files, by path from the folder.
fn files() -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![folder()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(next).expect("the folder is there") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else if path
                .extension()
                .is_some_and(|extension| extension == "ndjson")
            {
                let name = path.strip_prefix(folder()).expect("inside the folder");
                found.push(name.to_string_lossy().replace('\\', "/"));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn answers_are_as_recorded() {
    let mut failures = Vec::new();
    let mut cases = 0;
    for file in files()
        .iter()
        .filter(|file| ALLOCATION.iter().any(|known| file.starts_with(known)))
    {
        let text = std::fs::read_to_string(folder().join(file)).expect("a text file");
        for (number, line) in text.lines().enumerate() {
            let case: Value = serde_json::from_str(line).expect("a case is JSON");
            cases += 1;
            if let Some(difference) = compare::difference(&case["expect"], &case::answer(&case)) {
                failures.push(format!(
                    "{file}:{} {}: {difference}",
                    number + 1,
                    case["name"]
                ));
            }
        }
    }
    assert!(cases > 0, "no cases found");
    assert!(
        failures.is_empty(),
        "{} of {cases} differ:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

#[test]
fn every_file_has_a_reader() {
    let known = |file: &&String| {
        let elsewhere = ELSEWHERE.iter().map(|(start, _)| start);
        ALLOCATION
            .iter()
            .chain(elsewhere)
            .any(|start| file.starts_with(start))
    };
    let files = files();
    let unread: Vec<&String> = files.iter().filter(|file| !known(file)).collect();
    assert!(unread.is_empty(), "no test reads {unread:?}");
    for (_, test) in ELSEWHERE {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(test);
        assert!(path.exists(), "{test} is said to read vectors");
    }
}
