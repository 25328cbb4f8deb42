//! The one function whose inside is timed, or counted by callgrind.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

static CALLS: AtomicUsize = AtomicUsize::new(0);

/// Does the work and says how long it took. Never inlined: callgrind finds it by its name.
#[inline(never)]
pub(crate) fn measured<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    CALLS.fetch_add(1, Ordering::Relaxed);
    let start = Instant::now();
    let value = work();
    (value, start.elapsed())
}

/// How often [`measured`] was called.
pub(crate) fn calls() -> usize {
    CALLS.load(Ordering::Relaxed)
}
