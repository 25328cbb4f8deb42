//! How near two words are: what a slip of the pen turned into what.
//!
//! Start at [`nearest`].

/// The nearest of the choices: first by the number of letters to change when case does not count, then when it does,
/// then by name.
pub(super) fn nearest<'a>(word: &str, choices: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    choices.min_by_key(|choice| (distance(word, choice), *choice))
}

/// Letters to change without and with regard to case.
pub(super) fn distance(a: &str, b: &str) -> (usize, usize) {
    let folded = edits(&a.to_lowercase(), &b.to_lowercase());
    (folded, edits(a, b))
}

/// How many letters are to be inserted, removed or replaced.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn case_is_the_smallest_slip() {
        let near = |word, choices: &[&'static str]| nearest(word, choices.iter().copied());
        assert_eq!(
            near("productname", &["product", "productName", "model"]),
            Some("productName")
        );
        assert_eq!(near("H100", &["A100", "H200", "h100"]), Some("h100"));
        assert_eq!(near("x", &[]), None);
    }
}
