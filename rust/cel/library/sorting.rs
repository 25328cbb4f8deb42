//! Sorting with the swaps of Go's `sort.Slice`, which is not stable: equal keys end in the order it leaves them in.
//!
//! Up to twelve elements it is insertion sort, above that the pattern-defeating quicksort of Peters with Go's choices
//! of pivots and limits. Takes any `less`, consistent or not, and never panics. Start at [`sort_like_go`].

/// A comparison of two elements.
type Less<'l> = dyn FnMut(&usize, &usize) -> bool + 'l;

/// Below this length insertion sort.
const SHORT: usize = 12;
/// From this length the pivot is a median of medians.
const LONG: usize = 50;
/// Swaps while looking for a pivot that mean the part is in descending order.
const MOST_SWAPS: usize = 12;
/// Elements out of order that a nearly sorted part may have.
const MOST_STEPS: usize = 5;

/// What the search for a pivot saw.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hint {
    Unknown,
    Increasing,
    Decreasing,
}

/// Sorts by `less`.
pub(super) fn sort_like_go(data: &mut [usize], less: &mut Less<'_>) {
    let limit = usize::BITS - data.len().leading_zeros();
    quick(data, None, limit, less);
}

fn is_less(data: &[usize], a: usize, b: usize, less: &mut Less<'_>) -> bool {
    match (data.get(a), data.get(b)) {
        (Some(a), Some(b)) => less(a, b),
        _ => false,
    }
}

/// Sorts a part; `before` is the element in front of it, if there is one.
fn quick(mut data: &mut [usize], mut before: Option<usize>, mut limit: u32, less: &mut Less<'_>) {
    let (mut balanced, mut partitioned) = (true, true);
    loop {
        let length = data.len();
        if length <= SHORT {
            insertion(data, less);
            return;
        }
        if limit == 0 {
            heap(data, less);
            return;
        }
        if !balanced {
            break_patterns(data);
            limit -= 1;
        }
        let (mut pivot, mut hint) = choose_pivot(data, less);
        if hint == Hint::Decreasing {
            data.reverse();
            pivot = length - 1 - pivot;
            hint = Hint::Increasing;
        }
        if balanced && partitioned && hint == Hint::Increasing && nearly_sorted(data, less) {
            return;
        }
        // Nothing is below what stands in front: equal elements go to the left at once.
        if let (Some(front), Some(value)) = (before, data.get(pivot).copied())
            && !less(&front, &value)
        {
            let middle = partition_equal(data, pivot, less);
            let (equal, rest) = data.split_at_mut(middle);
            before = equal.last().copied();
            data = rest;
            continue;
        }
        let (middle, already) = partition(data, pivot, less);
        partitioned = already;
        let (left, rest) = data.split_at_mut(middle);
        let Some((pivot, right)) = rest.split_first_mut() else {
            return;
        };
        // The pivot counts with the right part.
        balanced = left.len().min(right.len() + 1) >= length / 8;
        if left.len() <= right.len() {
            quick(left, before, limit, less);
            before = Some(*pivot);
            data = right;
        } else {
            quick(right, Some(*pivot), limit, less);
            data = left;
        }
    }
}

fn insertion(data: &mut [usize], less: &mut Less<'_>) {
    for start in 1..data.len() {
        let mut position = start;
        while position > 0 && is_less(data, position, position - 1, less) {
            data.swap(position, position - 1);
            position -= 1;
        }
    }
}

fn heap(data: &mut [usize], less: &mut Less<'_>) {
    let length = data.len();
    for root in (0..=length.saturating_sub(1) / 2).rev() {
        sift_down(data, root, length, less);
    }
    for end in (0..length).rev() {
        data.swap(0, end);
        sift_down(data, 0, end, less);
    }
}

fn sift_down(data: &mut [usize], mut root: usize, end: usize, less: &mut Less<'_>) {
    loop {
        let mut child = 2 * root + 1;
        if child >= end {
            return;
        }
        if child + 1 < end && is_less(data, child, child + 1, less) {
            child += 1;
        }
        if !is_less(data, root, child, less) {
            return;
        }
        data.swap(root, child);
        root = child;
    }
}

/// Moves three elements near the middle to places that depend on the length alone.
fn break_patterns(data: &mut [usize]) {
    let length = data.len();
    if length < 8 {
        return;
    }
    let mut random = u64::try_from(length).unwrap_or(u64::MAX);
    let modulus = length.next_power_of_two();
    // Go takes the power above the bit length, also for a power of two.
    let modulus = if modulus == length {
        modulus * 2
    } else {
        modulus
    };
    let start = length / 4 * 2 - 1;
    for step in 0..3 {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let low =
            usize::try_from(random & u64::try_from(modulus - 1).unwrap_or(u64::MAX)).unwrap_or(0);
        let other = if low >= length { low - length } else { low };
        data.swap(start + step, other);
    }
}

/// The index of a pivot, and whether the part looks sorted one way or the other.
fn choose_pivot(data: &[usize], less: &mut Less<'_>) -> (usize, Hint) {
    let length = data.len();
    let quarter = length / 4;
    let (mut a, mut b, mut c) = (quarter, quarter * 2, quarter * 3);
    let mut swaps = 0;
    if length >= LONG {
        for place in [&mut a, &mut b, &mut c] {
            *place = median(data, [*place - 1, *place, *place + 1], &mut swaps, less);
        }
    }
    let middle = median(data, [a, b, c], &mut swaps, less);
    let hint = match swaps {
        0 => Hint::Increasing,
        MOST_SWAPS => Hint::Decreasing,
        _ => Hint::Unknown,
    };
    (middle, hint)
}

fn median(data: &[usize], places: [usize; 3], swaps: &mut usize, less: &mut Less<'_>) -> usize {
    let [mut a, mut b, mut c] = places;
    let mut order = |first: &mut usize, second: &mut usize| {
        if is_less(data, *second, *first, less) {
            *swaps += 1;
            std::mem::swap(first, second);
        }
    };
    order(&mut a, &mut b);
    order(&mut b, &mut c);
    order(&mut a, &mut b);
    b
}

/// Sorts a part with few elements out of order; gives up when there are more.
fn nearly_sorted(data: &mut [usize], less: &mut Less<'_>) -> bool {
    let length = data.len();
    let mut position = 1;
    for _ in 0..MOST_STEPS {
        while position < length && !is_less(data, position, position - 1, less) {
            position += 1;
        }
        if position == length {
            return true;
        }
        if length < LONG {
            return false;
        }
        data.swap(position, position - 1);
        // Moves the smaller one to the left …
        if position >= 2 {
            for place in (1..position).rev() {
                if !is_less(data, place, place - 1, less) {
                    break;
                }
                data.swap(place, place - 1);
            }
        }
        // … and the greater one to the right.
        if length - position >= 2 {
            for place in position + 1..length {
                if !is_less(data, place, place - 1, less) {
                    break;
                }
                data.swap(place, place - 1);
            }
        }
    }
    false
}

/// Puts what equals the pivot first; gives where the rest begins.
fn partition_equal(data: &mut [usize], pivot: usize, less: &mut Less<'_>) -> usize {
    data.swap(0, pivot);
    let (mut left, mut right) = (1, data.len() - 1);
    loop {
        while left <= right && !is_less(data, 0, left, less) {
            left += 1;
        }
        while left <= right && is_less(data, 0, right, less) {
            right -= 1;
        }
        if left > right {
            return left;
        }
        data.swap(left, right);
        left += 1;
        right -= 1;
    }
}

/// Puts smaller elements before the pivot; gives its place and whether nothing had to move.
fn partition(data: &mut [usize], pivot: usize, less: &mut Less<'_>) -> (usize, bool) {
    data.swap(0, pivot);
    let (mut left, mut right) = (1, data.len() - 1);
    let mut already = true;
    loop {
        while left <= right && is_less(data, left, 0, less) {
            left += 1;
        }
        while left <= right && !is_less(data, right, 0, less) {
            right -= 1;
        }
        if left > right {
            data.swap(right, 0);
            return (right, already);
        }
        data.swap(left, right);
        left += 1;
        right -= 1;
        already = false;
    }
}
