//! Numbers as texts and as each other, with upstream's rules.
//!
//! Start at [`parse_double`].

/// A double from its text, as Go's `strconv.ParseFloat` reads it; none for what is no number or out of range.
pub(super) fn parse_double(text: &str) -> Option<f64> {
    let (negative, unsigned) = match text.as_bytes().first()? {
        b'-' => (true, text.get(1..)?),
        b'+' => (false, text.get(1..)?),
        _ => (false, text),
    };
    let lower = unsigned.to_ascii_lowercase();
    let magnitude = match lower.as_str() {
        "inf" | "infinity" => f64::INFINITY,
        "nan" => return (lower.len() == text.len()).then_some(f64::NAN),
        _ => match lower.strip_prefix("0x") {
            Some(digits) => parse_hex(digits)?,
            None => parse_decimal(unsigned)?,
        },
    };
    Some(if negative { -magnitude } else { magnitude })
}

fn parse_decimal(text: &str) -> Option<f64> {
    let bytes = text.as_bytes();
    let digit_at = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    // An underscore may stand between two digits.
    let plain = bytes.iter().enumerate().all(|(at, b)| match b {
        b'_' => at > 0 && digit_at(at - 1) && digit_at(at + 1),
        b'.' | b'e' | b'E' | b'+' | b'-' => true,
        other => other.is_ascii_digit(),
    });
    let starts = bytes
        .first()
        .is_some_and(|b| b.is_ascii_digit() || *b == b'.');
    if !plain || !starts {
        return None;
    }
    text.replace('_', "")
        .parse::<f64>()
        .ok()
        .filter(|f| f.is_finite())
}

/// `digits[.digits]p[sign]exponent`, rounded half to even.
fn parse_hex(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.split_once('p')?;
    let exponent_digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    if exponent_digits.is_empty() || !exponent_digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let limited: i64 = exponent.trim_start_matches('+').parse().unwrap_or(i64::MAX);
    let mut power = limited.clamp(-100_000, 100_000);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut bits: u64 = 0;
    let mut sticky = false;
    let mut seen = false;
    for (digit, after_point) in whole
        .chars()
        .map(|c| (c, false))
        .chain(fraction.chars().map(|c| (c, true)))
    {
        if digit == '_' {
            continue;
        }
        let digit = u64::from(digit.to_digit(16)?);
        seen = true;
        if bits < 1 << 59 {
            bits = bits * 16 + digit;
            power -= if after_point { 4 } else { 0 };
        } else {
            sticky |= digit != 0;
            power += if after_point { 0 } else { 4 };
        }
    }
    if !seen {
        return None;
    }
    let value = scale(bits, sticky, power);
    value.is_finite().then_some(value)
}

/// `bits` × 2^`power`, rounded once.
#[expect(clippy::cast_precision_loss, reason = "the bits were cut to 53 before")]
fn scale(bits: u64, sticky: bool, power: i64) -> f64 {
    if bits == 0 {
        return 0.0;
    }
    let length = i64::from(u64::BITS - bits.leading_zeros());
    // Digits that fit: 53, fewer below the smallest normal number.
    let keep = (length + power + 1074).clamp(0, 53);
    let cut = (length - keep).max(0);
    let wide = u128::from(bits);
    let (mut kept, rest) = (wide >> cut, wide & ((1_u128 << cut) - 1));
    let half = (1_u128 << cut) >> 1;
    if cut > 0 && (rest > half || (rest == half && (sticky || kept & 1 == 1))) {
        kept += 1;
    }
    let mut value = kept as f64;
    let mut power = power + cut;
    while power > 0 && value.is_finite() {
        let step = power.min(1000);
        value *= 2_f64.powi(i32::try_from(step).unwrap_or(1000));
        power -= step;
    }
    while power < 0 && value != 0.0 {
        let step = (-power).min(1000);
        value /= 2_f64.powi(i32::try_from(step).unwrap_or(1000));
        power += step;
    }
    value
}

/// The double rounded toward zero, if it is well inside the range.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "the range is checked as upstream checks it"
)]
pub(super) fn double_to_int(double: f64) -> Option<i64> {
    (double.is_finite() && double > i64::MIN as f64 && double < i64::MAX as f64)
        .then_some(double as i64)
}

/// The double rounded toward zero, if it is in range.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the range is checked"
)]
pub(super) fn double_to_uint(double: f64) -> Option<u64> {
    (double.is_finite() && (0.0..18_446_744_073_709_551_616.0).contains(&double))
        .then_some(double as u64)
}

/// The integer a double is exactly.
#[expect(
    clippy::cast_precision_loss,
    clippy::float_cmp,
    reason = "exactness is the question"
)]
pub(super) fn lossless_int(double: f64) -> Option<i64> {
    double_to_int(double).filter(|i| *i as f64 == double)
}

/// The unsigned integer a double is exactly.
#[expect(
    clippy::cast_precision_loss,
    clippy::float_cmp,
    reason = "exactness is the question"
)]
pub(super) fn lossless_uint(double: f64) -> Option<u64> {
    double_to_uint(double).filter(|u| *u as f64 == double)
}

/// `strconv.ParseBool(text)`.
pub(super) fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}
