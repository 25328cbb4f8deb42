//! Accessors of timestamps and durations.
//!
//! Start at [`ACCESSORS`].

use super::overload::{EvalError, EvalResult};
use super::time::{self, Date};
use super::value::Value;

type Eval = fn(&[Value]) -> EvalResult;

/// Function, overload without and with a time zone, implementation.
pub(super) const ACCESSORS: [(&str, &str, &str, Eval); 10] = [
    ("getFullYear", "timestamp_to_year", "timestamp_to_year_with_tz", |a| part(a, |d, _| d.year)),
    ("getMonth", "timestamp_to_month", "timestamp_to_month_with_tz", |a| part(a, |d, _| d.month)),
    ("getDayOfYear", "timestamp_to_day_of_year", "timestamp_to_day_of_year_with_tz", |a| {
        part(a, |d, _| d.day_of_year)
    }),
    ("getDayOfMonth", "timestamp_to_day_of_month", "timestamp_to_day_of_month_with_tz", |a| {
        part(a, |d, _| d.day - 1)
    }),
    ("getDate", "timestamp_to_day_of_month_1_based", "timestamp_to_day_of_month_1_based_with_tz", |a| {
        part(a, |d, _| d.day)
    }),
    ("getDayOfWeek", "timestamp_to_day_of_week", "timestamp_to_day_of_week_with_tz", |a| {
        part(a, |d, _| d.day_of_week)
    }),
    ("getHours", "timestamp_to_hours", "timestamp_to_hours_with_tz", |a| part(a, |d, _| d.hour)),
    ("getMinutes", "timestamp_to_minutes", "timestamp_to_minutes_with_tz", |a| part(a, |d, _| d.minute)),
    ("getSeconds", "timestamp_to_seconds", "timestamp_to_seconds_tz", |a| part(a, |d, _| d.second)),
    ("getMilliseconds", "timestamp_to_milliseconds", "timestamp_to_milliseconds_with_tz", |a| {
        part(a, |_, nanos| i64::from(nanos) / 1_000_000)
    }),
];

/// Function, overload, implementation.
pub(super) const DURATION_ACCESSORS: [(&str, &str, Eval); 4] = [
    ("getHours", "duration_to_hours", |a| span(a, 3_600_000_000_000)),
    ("getMinutes", "duration_to_minutes", |a| span(a, 60_000_000_000)),
    ("getSeconds", "duration_to_seconds", |a| span(a, 1_000_000_000)),
    ("getMilliseconds", "duration_to_milliseconds", |a| span(a, 1_000_000)),
];

fn part(args: &[Value], get: fn(&Date, i32) -> i64) -> EvalResult {
    let (seconds, nanos, offset) = match args {
        [Value::Timestamp(seconds, nanos)] => (seconds, nanos, 0),
        [Value::Timestamp(seconds, nanos), Value::String(zone)] => {
            (seconds, nanos, time::zone(zone)?)
        }
        _ => return Err(EvalError::NoSuchOverload),
    };
    let date = time::date(seconds.saturating_add(offset));
    Ok(Value::Int(get(&date, *nanos)))
}

/// A duration in whole units, rounded toward zero.
fn span(args: &[Value], unit: i128) -> EvalResult {
    match args {
        [Value::Duration(seconds, nanos)] => {
            let whole = time::nanos(*seconds, *nanos) / unit;
            Ok(Value::Int(i64::try_from(whole).unwrap_or(i64::MAX)))
        }
        _ => Err(EvalError::NoSuchOverload),
    }
}
