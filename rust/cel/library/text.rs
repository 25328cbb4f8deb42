//! Values as text, the way `string(…)` and the errors of upstream print them.
//!
//! Start at [`convert`].

use std::fmt::Write as _;

use super::names;
use crate::cel::value::Value;

/// Seconds of a day.
const DAY: i64 = 86_400;

/// What `string(value)` gives; an error text for bytes that are no UTF-8, `None` for types it does not take.
pub(crate) fn convert(value: &Value) -> Option<Result<String, String>> {
    Some(Ok(match value {
        Value::Bool(truth) => truth.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Uint(number) => number.to_string(),
        Value::Double(number) => double(*number),
        Value::String(text) => text.to_string(),
        Value::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => {
                return Some(Err(
                    "invalid UTF-8 in bytes, cannot convert to string".to_owned()
                ));
            }
        },
        Value::Duration(seconds, nanos) => duration(*seconds, *nanos),
        Value::Timestamp(seconds, nanos, zone) => timestamp(*seconds, *nanos, *zone),
        Value::Type(kind) => names::of_type(kind),
        Value::Ip(address) => address.to_string(),
        Value::Cidr(address, bits) => format!("{address}/{bits}"),
        _ => return None,
    }))
}

/// A value in an error text.
pub(in crate::cel) fn display(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::List(list) => {
            let parts: Vec<String> = list.iter().map(display).collect();
            format!("[{}]", parts.join(", "))
        }
        _ => match convert(value) {
            Some(Ok(text)) => text,
            _ => names::of_value(value).to_owned(),
        },
    }
}

/// A double with the fewest digits that mean it, with an exponent below 10^-4 and from 10^6 (or more digits) on.
pub(crate) fn double(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = format!("{number:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    // Go decides by the shortest digits too: with more than six of them, 21 is where the exponent begins.
    if number == 0.0 || (-4..EXPONENT_FROM).contains(&exponent) {
        return format!("{number}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
}

/// First exponent that is written out.
const EXPONENT_FROM: i32 = 6;

/// A duration in seconds, with the fewest digits.
pub(crate) fn duration(seconds: i64, nanos: i32) -> String {
    // Upstream goes through a float of seconds; its shortest digits are what is printed.
    #[expect(clippy::cast_precision_loss, reason = "upstream prints the float")]
    let float = seconds as f64 + f64::from(nanos) / 1e9;
    if float == 0.0 {
        return "0s".to_owned();
    }
    format!("{float}s")
}

/// A timestamp in RFC 3339 form, in the zone it was written with, with the digits of a second that are needed.
pub(crate) fn timestamp(seconds: i64, nanos: i32, zone: i32) -> String {
    let seconds = seconds.saturating_add(i64::from(zone));
    let (year, month, day) = civil(seconds.div_euclid(DAY));
    let second = seconds.rem_euclid(DAY);
    let mut text = format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}",
        second / 3600,
        second / 60 % 60,
        second % 60
    );
    if nanos > 0 {
        let digits = format!("{nanos:09}");
        // Writing to a text cannot fail.
        let _ = write!(text, ".{}", digits.trim_end_matches('0'));
    }
    if zone == 0 {
        text.push('Z');
    } else {
        let sign = if zone < 0 { '-' } else { '+' };
        let minutes = zone.unsigned_abs() / 60;
        let _ = write!(text, "{sign}{:02}:{:02}", minutes / 60, minutes % 60);
    }
    text
}

/// Year, month and day of a number of days since 1970.
fn civil(days: i64) -> (i64, i64, i64) {
    // Counted from the first of March of year 0 in eras of 400 years.
    let shifted = days.saturating_add(719_468);
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}
