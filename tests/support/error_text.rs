//! Which part of an error text is upstream's own, and so has to be equal.

/// The part of an error text that is upstream's own. What follows comes from cel-go, from a Go struct dump, or from the
/// label selector or version parser.
pub(crate) fn own_part(text: &str) -> &str {
    const FOREIGN: [&str; 8] = [
        "failed to perform node selection for device ",
        "CEL compile error: ",
        "failed to parse node selector ",
        "compilation failed: ",
        "parse semantic version: ",
        "could not be converted to bool: ",
        "expected list element at index ",
        "unsupported CEL return type: ",
    ];
    let cut = FOREIGN
        .iter()
        .filter_map(|marker| Some(text.find(marker)? + marker.len()))
        .min()
        .unwrap_or(text.len());
    text.get(..cut).unwrap_or(text)
}
