//! The shape of the repository, kept by a test: layers, limits of size, and words that stay out of the engine.
//!
//! Reads sources as text and knows no syntax beyond what the formatter guarantees. Start at [`LAYERS`].

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

/// The words: modules without meaning of their own.
const WORDS: &[&str] = &["error", "quantity", "attribute", "version", "gates"];

/// Every module of the engine with those it may import beside the words, lowest first. This is the one list of allowed
/// edges. A module may only name modules above it in this list, so there are no cycles.
const LAYERS: &[(&str, &[&str])] = &[
    ("error", &[]),
    ("quantity", &[]),
    ("attribute", &[]),
    ("version", &[]),
    ("gates", &[]),
    ("wire", &[]),
    ("cel", &["wire"]),
    ("inventory", &["wire", "cel"]),
    ("explanation", &["inventory"]),
    ("proof", &["explanation"]),
    // The judge stands aside: it must not know how answers are found.
    ("verify", &["wire", "cel", "inventory", "proof"]),
    ("claim", &["wire", "cel", "inventory", "proof"]),
    ("extended", &["wire", "inventory", "claim"]),
    ("pod", &["wire", "inventory", "claim", "extended"]),
    (
        "feasibility",
        &["wire", "cel", "inventory", "claim", "explanation"],
    ),
    ("refute", &["explanation", "proof", "claim", "feasibility"]),
    (
        "search",
        &["wire", "inventory", "claim", "feasibility", "refute"],
    ),
    (
        "allocation",
        &[
            "wire",
            "cel",
            "inventory",
            "claim",
            "extended",
            "pod",
            "explanation",
            "proof",
            "refute",
            "search",
            "feasibility",
            "verify",
        ],
    ),
    (
        "commit",
        &[
            "wire",
            "inventory",
            "claim",
            "explanation",
            "allocation",
            "verify",
        ],
    ),
    ("in_turn", &["wire", "inventory", "allocation", "commit"]),
    (
        "advice",
        &[
            "wire",
            "cel",
            "inventory",
            "claim",
            "extended",
            "pod",
            "explanation",
            "proof",
            "allocation",
        ],
    ),
    (
        "bindings",
        &[
            "advice",
            "wire",
            "cel",
            "inventory",
            "claim",
            "extended",
            "pod",
            "explanation",
            "proof",
            "allocation",
            "commit",
            "in_turn",
            "verify",
        ],
    ),
];

/// Longest file and longest function, in lines.
const LONGEST_FILE: usize = 600;
const LONGEST_FUNCTION: usize = 70;

/// Names of vendors; what they do differently is said in documents and adapters.
const VENDORS: &str = r"(?i)\b(nvidia|amd|intel|gaudi|tpu|tenstorrent|habana)\b";

/// Floats outside `rust/cel`, as file and part of the line: a visitor has to name the type of what it refuses.
const FLOATS: &[(&str, &str)] = &[("rust/quantity.rs", "fn visit_f64")];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files below a directory of the repository with one of the extensions, by path. Hidden directories and caches
/// are left out.
fn files(directory: &str, extensions: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root().join(directory)];
    while let Some(directory) = open.pop() {
        let Ok(entries) = fs::read_dir(&directory) else {
            continue;
        };
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if name.starts_with('.') || name.starts_with("__") {
                continue;
            }
            if path.is_dir() {
                open.push(path);
            } else if extensions
                .iter()
                .any(|e| path.extension().is_some_and(|own| own == *e))
            {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A path as it is written in this file.
fn name(path: &Path) -> String {
    let path = path.strip_prefix(root()).unwrap_or(path);
    path.to_string_lossy().replace('\\', "/")
}

/// The lines of a Rust file without comments and without its unit tests, numbered from one.
fn code(text: &str) -> Vec<(usize, &str)> {
    text.lines()
        .enumerate()
        .take_while(|(_, line)| !line.starts_with("#[cfg(test)]"))
        .map(|(index, line)| {
            let code = if line.trim_start().starts_with("//") {
                ""
            } else {
                line.split(" // ").next().unwrap_or_default()
            };
            (index + 1, code)
        })
        .collect()
}

/// The module of the crate that a file belongs to.
fn module(path: &Path) -> String {
    let name = name(path);
    let inside = name.strip_prefix("rust/").unwrap_or(&name);
    let first = inside.split('/').next().unwrap_or_default();
    first.trim_end_matches(".rs").to_owned()
}

/// The modules that a file imports, with what is said after `crate::`, also in braces.
fn imports(text: &str) -> BTreeSet<String> {
    let single = Regex::new(r"\bcrate::([a-z_]+)").expect("a pattern");
    let group = Regex::new(r"\bcrate::\{([^;]*)\}").expect("a pattern");
    let item = Regex::new(r"^\s*([a-z_]+)").expect("a pattern");
    let lines: Vec<&str> = code(text).into_iter().map(|(_, line)| line).collect();
    let text = lines.join("\n");
    let mut found: BTreeSet<String> = single
        .captures_iter(&text)
        .map(|c| c[1].to_owned())
        .collect();
    for captures in group.captures_iter(&text) {
        let mut depth = 0;
        let parts = captures[1].split(|c| {
            depth += i32::from(c == '{') - i32::from(c == '}');
            c == ',' && depth == 0
        });
        found.extend(parts.filter_map(|part| Some(item.captures(part)?[1].to_owned())));
    }
    found
}

fn complain(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn modules_import_only_from_above() {
    let mut faults = Vec::new();
    let mut allowed: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (module, edges) in LAYERS {
        for edge in *edges {
            if !allowed.contains_key(edge) {
                faults.push(format!(
                    "the table lets {module} import {edge}, which stands below it"
                ));
            }
        }
        allowed.insert(module, edges.iter().chain(WORDS).copied().collect());
    }
    for path in files("rust", &["rs"]) {
        let module = module(&path);
        if module == "lib" {
            continue;
        }
        let Some(allowed) = allowed.get(module.as_str()) else {
            faults.push(format!(
                "{}: {module} is not in the table of layers",
                name(&path)
            ));
            continue;
        };
        for import in imports(&read(&path)) {
            if import != module && !allowed.contains(import.as_str()) {
                faults.push(format!(
                    "{}: {module} must not import {import}",
                    name(&path)
                ));
            }
        }
    }
    complain(&faults);
}

#[test]
fn engine_knows_neither_python_nor_floats_nor_vendors() {
    let rules = [
        (r"\bpyo3\b", "rust/bindings/", "pyo3"),
        (r"\bf(32|64)\b", "rust/cel/", "a float"),
        (VENDORS, "", "a vendor"),
        (
            r"\b(SystemTime|Instant::now|std::env|std::fs|std::net::Tcp|std::thread)\b",
            "",
            "the outside world",
        ),
    ];
    let mut faults = Vec::new();
    for (pattern, exempt, what) in rules {
        let pattern = Regex::new(pattern).expect("a pattern");
        for path in files("rust", &["rs"]) {
            let name = name(&path);
            let tests = name.ends_with("/tests.rs");
            if tests || !exempt.is_empty() && name.starts_with(exempt) {
                continue;
            }
            for (number, line) in code(&read(&path)) {
                let known = FLOATS
                    .iter()
                    .any(|(file, part)| name == *file && line.contains(part));
                if pattern.is_match(line) && !known {
                    faults.push(format!("{name}:{number}: {what}: {}", line.trim()));
                }
            }
        }
    }
    complain(&faults);
}

#[test]
fn files_stay_short() {
    let mut faults = Vec::new();
    let sources =
        ["rust", "python", "tests", "benches"].map(|d| files(d, &["rs", "py", "pyi", "go"]));
    for path in sources.into_iter().flatten() {
        let lines = read(&path).lines().count();
        if lines > LONGEST_FILE {
            faults.push(format!(
                "{}: {lines} lines, {LONGEST_FILE} are allowed",
                name(&path)
            ));
        }
    }
    complain(&faults);
}

#[test]
fn functions_fit_on_a_screen() {
    let head = Regex::new(
        r"^(\s*)(?:pub(?:\([a-z ]+\))? |const |async |extern )*fn (\w+)|^(\s*)(?:async )?def (\w+)|^()func (?:\([^)]*\) )?(\w+)",
    )
    .expect("a pattern");
    let mut faults = Vec::new();
    let sources = ["rust", "python", "tests", "benches"].map(|d| files(d, &["rs", "py", "go"]));
    for path in sources.into_iter().flatten() {
        // A table of calls to record, long because the library is.
        if path.ends_with("tests/oracle/library/calls.go") {
            continue;
        }
        let text = read(&path);
        let lines: Vec<&str> = text.lines().collect();
        for (start, line) in lines.iter().enumerate() {
            let Some(captures) = head.captures(line) else {
                continue;
            };
            let groups: Vec<&str> = captures
                .iter()
                .skip(1)
                .flatten()
                .map(|m| m.as_str())
                .collect();
            let [indent, function] = groups.as_slice() else {
                continue;
            };
            let python = path.extension().is_some_and(|e| e == "py");
            let length = length(&lines[start..], indent, python);
            if length > LONGEST_FUNCTION {
                let name = name(&path);
                let number = start + 1;
                faults.push(format!("{name}:{number}: {function} has {length} lines"));
            }
        }
    }
    complain(&faults);
}

/// How many lines a function takes that starts at the first line: to the closing brace at its own indentation, or in
/// Python to the last line that is indented deeper.
fn length(lines: &[&str], indent: &str, python: bool) -> usize {
    let depth = |line: &str| line.len() - line.trim_start().len();
    if python {
        let mut end = 1;
        let mut signature = true;
        for (index, line) in lines.iter().enumerate().skip(1) {
            if line.trim().is_empty() {
                continue;
            }
            let closes = signature && line.trim_start().starts_with(')');
            if depth(line) <= indent.len() && !closes {
                break;
            }
            signature &= !closes;
            end = index + 1;
        }
        return end;
    }
    let close = format!("{indent}}}");
    for (index, line) in lines.iter().enumerate() {
        let declared = line.ends_with(';') && depth(line) <= indent.len();
        if *line == close || declared || (index == 0 && line.ends_with('}')) {
            return index + 1;
        }
    }
    lines.len()
}

#[test]
fn modules_open_with_what_they_are() {
    let mut faults = Vec::new();
    for path in ["rust", "tests", "benches"]
        .into_iter()
        .flat_map(|d| files(d, &["rs"]))
    {
        if !read(&path).starts_with("//! ") {
            faults.push(format!("{}: does not open with //!", name(&path)));
        }
    }
    for path in ["python", "tests"]
        .into_iter()
        .flat_map(|d| files(d, &["py"]))
    {
        let text = read(&path);
        let body = text.lines().find(|line| !line.starts_with('#'));
        if !text.is_empty() && !body.is_some_and(|line| line.starts_with("\"\"\"")) {
            faults.push(format!("{}: does not open with a docstring", name(&path)));
        }
    }
    complain(&faults);
}

#[test]
fn vectors_have_readers() {
    let readers: String = ["rust", "tests", "benches"]
        .into_iter()
        .flat_map(|d| files(d, &["rs", "py", "go", "sh"]))
        .filter(|path| !path.ends_with("tidy.rs"))
        .map(|path| read(&path))
        .collect();
    let mut faults = Vec::new();
    for path in files("tests/vectors", &["ndjson", "json", "yaml", "txt"]) {
        let file = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if !readers.contains(&file) {
            faults.push(format!("{}: nothing reads it", name(&path)));
        }
    }
    complain(&faults);
}
