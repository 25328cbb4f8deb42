//! How large a trial is, from the environment.
//!
//! Start at [`setting`].

/// The number that a variable of the environment has, or else this one.
pub(crate) fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}
