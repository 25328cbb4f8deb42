//! Durations and timestamps: reading, parts of a date, arithmetic within upstream's ranges.
//!
//! Named time zones are not known here: that takes a database, which an engine without files has none of. `UTC` and
//! offsets such as `+02:00` are. Start at [`parse_duration`] and [`parse_timestamp`].

use super::overload::EvalError;

/// Nanoseconds of a second.
const SECOND: i128 = 1_000_000_000;
/// Seconds of a day.
const DAY: i64 = 86_400;
/// First and last second of the years 1 to 9999.
const FIRST: i64 = -62_135_596_800;
const LAST: i64 = 253_402_300_799;

/// Nanoseconds as seconds and the rest, both of one sign.
pub(super) fn split(nanos: i128) -> Option<(i64, i32)> {
    i64::try_from(nanos).ok()?;
    Some((
        i64::try_from(nanos / SECOND).ok()?,
        i32::try_from(nanos % SECOND).ok()?,
    ))
}

/// Seconds and nanoseconds as nanoseconds.
pub(super) fn nanos(seconds: i64, nanos: i32) -> i128 {
    i128::from(seconds) * SECOND + i128::from(nanos)
}

/// A timestamp from nanoseconds since the epoch; none outside of the years 1 to 9999.
pub(super) fn timestamp(nanos: i128) -> Option<(i64, i32)> {
    let seconds = i64::try_from(nanos.div_euclid(SECOND)).ok()?;
    let rest = i32::try_from(nanos.rem_euclid(SECOND)).ok()?;
    (FIRST..=LAST).contains(&seconds).then_some((seconds, rest))
}

/// A duration from its text, as Go reads it: `1h30m`, `-1.5s`, `300ms`. In nanoseconds.
pub(super) fn parse_duration(text: &str) -> Option<i128> {
    let (negative, mut rest) = match text.as_bytes().first()? {
        b'-' => (true, text.get(1..)?),
        b'+' => (false, text.get(1..)?),
        _ => (false, text),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let (amount, after) = duration_part(rest)?;
        total += amount;
        // Go gives up as soon as the sum leaves 64 bits, the smallest number excepted.
        if total > i128::from(i64::MAX) + 1 {
            return None;
        }
        rest = after;
    }
    if !negative && total > i128::from(i64::MAX) {
        return None;
    }
    Some(if negative { -total } else { total })
}

/// One number with its unit.
fn duration_part(text: &str) -> Option<(i128, &str)> {
    let digits = |t: &str| t.bytes().take_while(u8::is_ascii_digit).count();
    let whole_length = digits(text);
    let whole = text.get(..whole_length)?;
    let mut rest = text.get(whole_length..)?;
    let mut fraction = "";
    if let Some(after) = rest.strip_prefix('.') {
        let length = digits(after);
        fraction = after.get(..length)?;
        rest = after.get(length..)?;
    }
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let unit_length = rest
        .bytes()
        .take_while(|b| *b != b'.' && !b.is_ascii_digit())
        .count();
    let unit: i128 = match rest.get(..unit_length)? {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => SECOND,
        "m" => 60 * SECOND,
        "h" => 3600 * SECOND,
        _ => return None,
    };
    let whole: i128 = if whole.is_empty() {
        0
    } else {
        whole.parse::<u64>().ok()?.into()
    };
    let amount = whole.checked_mul(unit)?;
    Some((amount + part_of(fraction, unit), rest.get(unit_length..)?))
}

/// A decimal fraction of a unit, with the rounding errors of Go's float arithmetic.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "the float arithmetic is upstream's"
)]
fn part_of(fraction: &str, unit: i128) -> i128 {
    let mut digits: u64 = 0;
    let mut scale = 1.0_f64;
    for digit in fraction.bytes() {
        let next = digits
            .checked_mul(10)
            .and_then(|d| d.checked_add(u64::from(digit - b'0')));
        let Some(next) = next.filter(|d| *d <= 1 << 63) else {
            break;
        };
        digits = next;
        scale *= 10.0;
    }
    (digits as f64 * (unit as f64 / scale)) as i128
}

/// A timestamp from its RFC 3339 text: seconds, nanoseconds. Out of range is for the caller to see.
pub(super) fn parse_timestamp(text: &str) -> Option<(i64, i32, i32)> {
    let bytes = text.as_bytes();
    let number = |from: usize, to: usize| -> Option<i64> {
        let part = bytes.get(from..to)?;
        part.iter()
            .all(u8::is_ascii_digit)
            .then(|| part.iter().fold(0, |n, b| n * 10 + i64::from(b - b'0')))
    };
    let at = |index: usize, byte: u8| bytes.get(index) == Some(&byte);
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    if !at(4, b'-') || !at(7, b'-') || !at(10, b'T') {
        return None;
    }
    // Go takes an hour of one digit.
    let hour_end = if at(12, b':') { 12 } else { 13 };
    let hour = number(11, hour_end)?;
    let (minute, second) = (
        number(hour_end + 1, hour_end + 3)?,
        number(hour_end + 4, hour_end + 6)?,
    );
    if !at(hour_end, b':') || !at(hour_end + 3, b':') {
        return None;
    }
    let (nanos, zone) = fraction(bytes, hour_end + 6);
    let offset = zone_offset(bytes.get(zone..)?)?;
    let valid = (1..=12).contains(&month)
        && (1..=days_in(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    let days = days_from_civil(year, month, day);
    valid.then_some((
        days * DAY + hour * 3600 + minute * 60 + second - offset,
        nanos,
        i32::try_from(offset).ok()?,
    ))
}

/// Nanoseconds of a fraction at `start`, and where it ends.
fn fraction(bytes: &[u8], start: usize) -> (i32, usize) {
    let has_one = matches!(bytes.get(start), Some(b'.' | b','))
        && bytes.get(start + 1).is_some_and(u8::is_ascii_digit);
    if !has_one {
        return (0, start);
    }
    let mut end = start + 1;
    let mut nanos = 0;
    let mut unit = 100_000_000;
    while let Some(digit) = bytes.get(end).filter(|b| b.is_ascii_digit()) {
        nanos += i32::from(digit - b'0') * unit;
        unit /= 10;
        end += 1;
    }
    (nanos, end)
}

/// Seconds east of UTC of `Z` or `±hh:mm`.
fn zone_offset(zone: &[u8]) -> Option<i64> {
    if zone == b"Z" {
        return Some(0);
    }
    let [sign, h1, h2, b':', m1, m2] = zone else {
        return None;
    };
    let digit = |b: &u8| b.is_ascii_digit().then(|| i64::from(b - b'0'));
    let hours = digit(h1)? * 10 + digit(h2)?;
    let minutes = digit(m1)? * 10 + digit(m2)?;
    if hours > 24 || minutes > 60 {
        return None;
    }
    let offset = hours * 3600 + minutes * 60;
    match sign {
        b'+' => Some(offset),
        b'-' => Some(-offset),
        _ => None,
    }
}

fn is_leap(year: i64) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 of a date of the Gregorian calendar.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The parts of a date that accessors give.
pub(super) struct Date {
    pub(super) year: i64,
    /// From 0.
    pub(super) month: i64,
    /// From 1.
    pub(super) day: i64,
    /// From 0.
    pub(super) day_of_year: i64,
    /// From 0, a Sunday.
    pub(super) day_of_week: i64,
    pub(super) hour: i64,
    pub(super) minute: i64,
    pub(super) second: i64,
}

/// The date of a second since the epoch.
pub(super) fn date(seconds: i64) -> Date {
    let days = seconds.div_euclid(DAY);
    let of_day = seconds.rem_euclid(DAY);
    let shifted = days.saturating_add(719_468);
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let month = (march_month + 2) % 12;
    let year = year_of_era + era * 400 + i64::from(month < 2);
    Date {
        year,
        month,
        day: of_year - (153 * march_month + 2) / 5 + 1,
        day_of_year: days - days_from_civil(year, 1, 1),
        day_of_week: (days + 4).rem_euclid(7),
        hour: of_day / 3600,
        minute: of_day / 60 % 60,
        second: of_day % 60,
    }
}

/// Seconds east of UTC of a zone as accessors take it.
pub(super) fn zone(text: &str) -> Result<i64, EvalError> {
    let Some((hours, minutes)) = text.split_once(':') else {
        return match text {
            "" | "UTC" => Ok(0),
            other => Err(EvalError::message(format!("unknown time zone {other}"))),
        };
    };
    let number = |part: &str| {
        part.parse::<i32>().map_err(|_| {
            EvalError::message(format!("strconv.Atoi: parsing {part:?}: invalid syntax"))
        })
    };
    let (hours, minutes) = (i64::from(number(hours)?), i64::from(number(minutes)?));
    let offset = if text.starts_with('-') {
        hours * 60 - minutes
    } else {
        hours * 60 + minutes
    };
    Ok(offset * 60)
}
