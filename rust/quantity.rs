//! Exact Kubernetes quantities: `40Gi`, `1500m`, `1e3`.
//!
//! Parses, prints, compares, adds and subtracts as `resource.Quantity` of apimachinery does, without its wrap-arounds
//! and without floats. Never rounds but where upstream rounds (on parsing, up to a nano). The one limit upstream does
//! not have: an amount above 10^25 is refused when read, so that sums of any number of devices stay exact.
//! Start at [`Quantity::parse`].

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How a quantity is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// `1500m`, `1k`, `2M`.
    #[default]
    DecimalSi,
    /// `40Gi`.
    BinarySi,
    /// `1e3`.
    DecimalExponent,
}

/// An exact amount with the format it prints in. Equality and order are by amount alone.
#[derive(Clone, Debug, Default)]
pub struct Quantity {
    /// The amount in units of 10^-9; upstream knows nothing finer.
    nanos: i128,
    /// Mantissa and decimal exponent, where upstream keeps the amount in an int64 and not in a big decimal. It
    /// decides which conversions to an integer succeed there.
    small: Option<(i64, i8)>,
    format: Format,
    /// The text as read, where upstream keeps it for printing and it is not the canonical one (`1.500`).
    text: Option<Arc<str>>,
}

const NANOS: i128 = 1_000_000_000;
/// Largest amount read, in nanos.
const LIMIT: i128 = NANOS * 10_i128.pow(25);
/// Digits that always fit an int64.
const INT64_DIGITS: usize = 18;

const WRONG_FORMAT: &str = "quantities must match the regular expression \
     '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const WRONG_NUMBER: &str = "unable to parse numeric part of quantity";
const WRONG_SUFFIX: &str = "unable to parse quantity's suffix";
const TOO_LARGE: &str = "quantities above 10^25 are not supported";

/// The parts of a quantity's text.
struct Parts<'a> {
    negative: bool,
    /// Digits before the point, without leading zeros.
    whole: &'a str,
    /// Digits after the point.
    fraction: &'a str,
    suffix: &'a str,
}

impl Quantity {
    /// Parses a quantity; the error text is upstream's.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parts = split(text)?;
        let (binary, exponent, format) = read_suffix(parts.suffix).ok_or(WRONG_SUFFIX)?;
        if let Some(small) = small_amount(&parts, binary, exponent) {
            let mut quantity = Self::from_small(small.0, small.1, format).ok_or(TOO_LARGE)?;
            if keeps_text(&parts, binary, exponent) {
                quantity.keep_text(text);
            }
            return Ok(quantity);
        }
        let nanos = big_amount(&parts, binary, exponent)?;
        let (nanos, format) = if binary {
            let capped = nanos.min(i128::from(i64::MAX) * NANOS);
            let below_one = capped > 0 && capped < NANOS;
            (capped, if below_one { Format::DecimalSi } else { format })
        } else {
            (nanos, format)
        };
        Ok(Self {
            nanos: if parts.negative { -nanos } else { nanos },
            small: None,
            format,
            text: None,
        })
    }

    /// A whole number.
    pub fn from_i64(value: i64, format: Format) -> Self {
        Self {
            nanos: i128::from(value) * NANOS,
            small: Some((value, 0)),
            format,
            text: None,
        }
    }

    /// A number of thousandths.
    pub fn from_milli(value: i64, format: Format) -> Self {
        Self {
            nanos: i128::from(value) * (NANOS / 1_000),
            small: Some((value, -3)),
            format,
            text: None,
        }
    }

    fn from_small(value: i64, scale: i8, format: Format) -> Option<Self> {
        let nanos = i128::from(value).checked_mul(power_of_ten(i32::from(scale) + 9)?)?;
        (nanos.abs() <= LIMIT).then_some(Self {
            nanos,
            small: Some((value, scale)),
            format,
            text: None,
        })
    }

    fn keep_text(&mut self, text: &str) {
        if self.to_string() != text {
            self.text = Some(Arc::from(text));
        }
    }

    /// The amount in units of 10^-9.
    pub fn nanos(&self) -> i128 {
        self.nanos
    }

    /// The format it prints in.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Whether the amount is zero.
    pub fn is_zero(&self) -> bool {
        self.nanos == 0
    }

    /// Whether the amount is below, equal to or above zero.
    pub fn sign(&self) -> Ordering {
        self.nanos.cmp(&0)
    }

    /// Mantissa and decimal exponent if upstream keeps the amount as an int64, else `None`.
    pub fn small(&self) -> Option<(i64, i8)> {
        self.small
    }

    /// The sum. A zero takes the format of what is added to it, as upstream does.
    #[must_use]
    pub fn add(&self, other: &Self) -> Self {
        let format = if self.is_zero() {
            other.format
        } else {
            self.format
        };
        let small = match (self.small, other.small) {
            (Some(a), Some(b)) => add_small(a, b),
            _ => None,
        };
        Self {
            nanos: self.nanos.saturating_add(other.nanos),
            small,
            format,
            text: None,
        }
    }

    /// The difference.
    #[must_use]
    pub fn sub(&self, other: &Self) -> Self {
        self.add(&other.neg())
    }

    /// The amount with the other sign.
    #[must_use]
    pub fn neg(&self) -> Self {
        Self {
            nanos: self.nanos.saturating_neg(),
            small: self
                .small
                .and_then(|(value, scale)| Some((value.checked_neg()?, scale))),
            format: self.format,
            text: None,
        }
    }

    /// The amount rounded away from zero to a whole number; `None` where an int64 cannot hold it.
    pub fn value(&self) -> Option<i64> {
        round_away(self.nanos, NANOS)
    }

    /// The amount rounded away from zero to thousandths; `None` where an int64 cannot hold it.
    pub fn milli_value(&self) -> Option<i64> {
        round_away(self.nanos, NANOS / 1_000)
    }

    /// The whole number it is, where upstream says so: not for fractions and not for big decimals.
    pub fn as_i64(&self) -> Option<i64> {
        let (value, scale) = self.small?;
        if scale < 0 {
            return None;
        }
        i64::try_from(i128::from(value).checked_mul(power_of_ten(i32::from(scale))?)?).ok()
    }

    /// Whether two quantities are the same in amount, scale, format and kept text; upstream compares them so in one
    /// place. Big decimals are never the same as others.
    pub fn same_representation(&self, other: &Self) -> bool {
        let zero = |q: &Self| q.is_zero() && q.small.is_none_or(|(value, _)| value == 0);
        self.format == other.format
            && self.printed_text() == other.printed_text()
            && (self.small.is_some() && self.small == other.small || zero(self) && zero(other))
    }

    fn printed_text(&self) -> Option<&str> {
        self.text.as_deref()
    }

    fn canonical(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_zero() {
            return f.write_str("0");
        }
        let small = self.nanos.abs() < 1024 * NANOS;
        if self.format == Format::BinarySi && !small && self.nanos % NANOS == 0 {
            let (mut number, mut power) = (self.nanos / NANOS, 0_usize);
            while number % 1024 == 0 && power < 6 {
                number /= 1024;
                power += 1;
            }
            return write!(
                f,
                "{number}{}",
                ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"][power]
            );
        }
        let (mut number, mut exponent) = (self.nanos, -9);
        while number % 1000 == 0 {
            number /= 1000;
            exponent += 3;
        }
        write!(f, "{number}")?;
        if self.format == Format::DecimalExponent {
            return if exponent == 0 {
                Ok(())
            } else {
                write!(f, "e{exponent}")
            };
        }
        // Above exa upstream has no suffix and prints the bare mantissa (an oddity kept).
        let suffixes = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
        let position = usize::try_from((exponent + 9) / 3).unwrap_or(suffixes.len());
        f.write_str(suffixes.get(position).unwrap_or(&""))
    }
}

fn split(text: &str) -> Result<Parts<'_>, String> {
    if text.is_empty() {
        return Err(WRONG_FORMAT.to_owned());
    }
    let negative = text.starts_with('-');
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let digits = |s: &str| s.find(|c: char| !c.is_ascii_digit()).unwrap_or(s.len());
    let (whole, rest) = unsigned.split_at(digits(unsigned));
    let (fraction, suffix) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(digits(rest)),
        None => ("", rest),
    };
    let letters = suffix
        .find(|c: char| !"eEinumkKMGTP".contains(c))
        .unwrap_or(suffix.len());
    let tail = &suffix[letters..];
    let tail = tail.strip_prefix(['-', '+']).unwrap_or(tail);
    if tail.bytes().any(|b| !b.is_ascii_digit()) {
        return Err(WRONG_FORMAT.to_owned());
    }
    if whole.is_empty() && fraction.is_empty() && !(suffix.is_empty() && !rest.starts_with('.')) {
        return Err(WRONG_NUMBER.to_owned());
    }
    Ok(Parts {
        negative,
        whole: whole.trim_start_matches('0'),
        fraction,
        suffix,
    })
}

/// Whether the suffix is a power of two, the exponent of its base, and the format.
fn read_suffix(suffix: &str) -> Option<(bool, i32, Format)> {
    let decimal = |exponent| Some((false, exponent, Format::DecimalSi));
    let binary = |exponent| Some((true, exponent, Format::BinarySi));
    match suffix {
        "n" => decimal(-9),
        "u" => decimal(-6),
        "m" => decimal(-3),
        "" => decimal(0),
        "k" => decimal(3),
        "M" => decimal(6),
        "G" => decimal(9),
        "T" => decimal(12),
        "P" => decimal(15),
        "E" => decimal(18),
        "Ki" => binary(10),
        "Mi" => binary(20),
        "Gi" => binary(30),
        "Ti" => binary(40),
        "Pi" => binary(50),
        "Ei" => binary(60),
        _ => {
            let exponent: i64 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
            let exponent = i32::try_from(exponent.clamp(-1_000_000, 1_000_000)).ok()?;
            Some((false, exponent, Format::DecimalExponent))
        }
    }
}

/// Mantissa and exponent, where upstream's fast path takes the number.
fn small_amount(parts: &Parts<'_>, binary: bool, exponent: i32) -> Option<(i64, i8)> {
    let whole = if parts.whole.is_empty() {
        "0"
    } else {
        parts.whole
    };
    let length = whole.len() + parts.fraction.len();
    let (scale, mantissa) = if binary {
        let bits = usize::try_from(exponent).ok()? * 3 / 10;
        if !parts.fraction.is_empty() || whole.len() + bits + 1 > 15 {
            return None;
        }
        (0, 1_i64 << exponent)
    } else {
        if length > INT64_DIGITS {
            return None;
        }
        (exponent - i32::try_from(parts.fraction.len()).ok()?, 1)
    };
    if scale < -9 {
        return None;
    }
    let value: i64 = format!("{whole}{}", parts.fraction).parse().ok()?;
    let value = value.checked_mul(mantissa)?;
    let value = if parts.negative { -value } else { value };
    // A zero of any exponent is zero; other exponents this large are refused as too large.
    let scale = if value == 0 { scale.min(0) } else { scale };
    Some((value, i8::try_from(scale).unwrap_or(i8::MAX)))
}

/// Whether upstream remembers the text of a number on its fast path.
fn keeps_text(parts: &Parts<'_>, binary: bool, exponent: i32) -> bool {
    let whole = if parts.whole.is_empty() {
        "0"
    } else {
        parts.whole
    };
    let shifted = format!("{whole}{}", parts.fraction);
    if binary {
        return shifted.parse::<i64>().is_ok_and(|value| value & 7 != 0);
    }
    let scale = exponent - i32::try_from(parts.fraction.len()).unwrap_or(0);
    scale % 3 == 0 && !shifted.ends_with("000") && !shifted.starts_with('0')
}

/// The magnitude in nanos, rounded up.
fn big_amount(parts: &Parts<'_>, binary: bool, exponent: i32) -> Result<i128, String> {
    let digits = format!("{}{}", parts.whole, parts.fraction);
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return Ok(0);
    }
    let decimal_exponent = if binary { 0 } else { exponent };
    let point = i32::try_from(parts.fraction.len()).map_err(|_| TOO_LARGE)?;
    // digits × 10^shift nanos
    let shift = decimal_exponent - point + 9;
    let (kept, dropped) = if shift < 0 {
        let cut = digits
            .len()
            .saturating_sub(usize::try_from(-shift).unwrap_or(usize::MAX));
        digits.split_at(cut)
    } else {
        (digits, "")
    };
    if kept.len() > 36 {
        return if binary {
            Ok(i128::from(i64::MAX) * NANOS)
        } else {
            Err(TOO_LARGE.to_owned())
        };
    }
    if binary {
        return binary_amount(digits, shift, exponent);
    }
    let mut nanos: i128 = if kept.is_empty() {
        0
    } else {
        kept.parse().map_err(|_| WRONG_NUMBER)?
    };
    if shift > 0 {
        let factor = power_of_ten(shift).ok_or(TOO_LARGE)?;
        nanos = nanos.checked_mul(factor).ok_or(TOO_LARGE)?;
    }
    if dropped.bytes().any(|b| b != b'0') {
        nanos += 1;
    }
    if nanos > LIMIT {
        Err(TOO_LARGE.to_owned())
    } else {
        Ok(nanos)
    }
}

/// digits × 10^shift × 2^exponent nanos, rounded up, digit by digit so that nothing overflows before the cap.
fn binary_amount(digits: &str, shift: i32, exponent: i32) -> Result<i128, String> {
    let cap = i128::from(i64::MAX) * NANOS;
    let factor = 1_i128 << exponent;
    let mut numerator: i128 = 0;
    let mut scale = shift;
    let mut lost = false;
    for byte in digits.bytes() {
        // 2^60 × 10^18 is the largest that fits with room; digits beyond it only decide the rounding.
        if numerator > 10_i128.pow(18) {
            lost |= byte != b'0';
            scale += 1;
        } else {
            numerator = numerator * 10 + i128::from(byte - b'0');
        }
    }
    let product = numerator.checked_mul(factor).ok_or(TOO_LARGE)?;
    if scale >= 0 {
        let scaled = power_of_ten(scale).and_then(|power| product.checked_mul(power));
        return Ok(scaled.unwrap_or(cap).min(cap));
    }
    let Some(divisor) = power_of_ten(-scale) else {
        return Ok(1);
    };
    let up = i128::from(lost || product % divisor != 0);
    Ok((product / divisor + up).min(cap))
}

fn add_small(a: (i64, i8), b: (i64, i8)) -> Option<(i64, i8)> {
    if b.0 == 0 {
        return Some(a);
    }
    if a.0 == 0 {
        return Some(b);
    }
    let scale = a.1.min(b.1);
    let rescaled = |(value, from): (i64, i8)| -> Option<i64> {
        let factor = i64::try_from(power_of_ten(i32::from(from) - i32::from(scale))?).ok()?;
        value.checked_mul(factor)
    };
    Some((rescaled(a)?.checked_add(rescaled(b)?)?, scale))
}

fn power_of_ten(exponent: i32) -> Option<i128> {
    10_i128.checked_pow(u32::try_from(exponent).ok()?)
}

fn round_away(nanos: i128, unit: i128) -> Option<i64> {
    let (quotient, remainder) = (nanos / unit, nanos % unit);
    i64::try_from(quotient + remainder.signum()).ok()
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.nanos == other.nanos
    }
}

impl Eq for Quantity {}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        self.nanos.cmp(&other.nanos)
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.text {
            Some(text) => f.write_str(text),
            None => self.canonical(f),
        }
    }
}

impl<'de> Deserialize<'de> for Quantity {
    /// A string, or a bare number as the API server accepts it.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Quantity;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a quantity such as \"40Gi\"")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Quantity, E> {
                Quantity::parse(text.trim()).map_err(E::custom)
            }
            fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Quantity, E> {
                self.visit_str(&value.to_string())
            }
            fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Quantity, E> {
                self.visit_str(&value.to_string())
            }
            fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Quantity, E> {
                Err(E::custom("write a fraction as text, such as \"1500m\""))
            }
            fn visit_unit<E: serde::de::Error>(self) -> Result<Quantity, E> {
                Ok(Quantity::default())
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
