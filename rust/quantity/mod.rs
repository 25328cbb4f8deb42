//! Exact Kubernetes quantities: `40Gi`, `1500m`, `1e3`.
//!
//! Parses, prints, compares, adds and subtracts as `resource.Quantity` of apimachinery does, without its wrap-arounds
//! and without floats. Never rounds but where upstream rounds (on parsing, up to a nano). The one limit upstream does
//! not have: an amount above 10^25 is refused when read, so that sums of any number of devices stay exact. Upstream
//! accepts such amounts (and hangs on `1e2147483648`).
//! Start at [`Quantity::parse`].

mod wire;

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

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
#[derive(Clone, Debug)]
pub struct Quantity {
    /// The amount in units of 10^-9; upstream knows nothing finer.
    nanos: i128,
    held: Held,
    format: Format,
    kept: Kept,
}

/// How upstream holds the amount; it decides which conversions to integers succeed there, and how they round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Held {
    /// mantissa × 10^exponent in an int64.
    Int64 { mantissa: i64, exponent: i8 },
    /// A big decimal with this exponent.
    Decimal { exponent: i8 },
}

/// The text upstream keeps with a parsed quantity, for printing.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Kept {
    No,
    /// The canonical text.
    Canonical,
    /// Another text, such as `1.500`.
    Text(Arc<str>),
}

const NANOS: i128 = 1_000_000_000;
const NANO_EXPONENT: i8 = -9;
/// Largest amount read, in nanos.
const LIMIT: i128 = NANOS * 10_i128.pow(25);
/// Digits that always fit an int64.
const INT64_DIGITS: usize = 18;
/// Digits of an amount in nanos that is surely beyond [`LIMIT`].
const TOO_MANY_DIGITS: usize = 36;

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
    /// Whether there is any digit at all.
    has_digits: bool,
    suffix: &'a str,
}

/// What a suffix multiplies with.
#[derive(Clone, Copy)]
struct Suffix {
    binary: bool,
    /// Of 2 if `binary`, else of 10.
    exponent: i32,
    format: Format,
}

impl Default for Quantity {
    fn default() -> Self {
        Self::from_i64(0, Format::DecimalSi)
    }
}

impl Quantity {
    /// Parses a quantity; the error text is upstream's.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parts = split(text)?;
        let suffix = read_suffix(parts.suffix).ok_or(WRONG_SUFFIX)?;
        let mut quantity = match int64_digits(&parts, suffix) {
            Some((digits, exponent)) => int64_quantity(&parts, suffix, digits, exponent)?,
            None => decimal_quantity(&parts, suffix)?,
        };
        if text == "0" {
            quantity.kept = Kept::Canonical;
        } else if quantity.kept == Kept::Canonical && quantity.to_string() != text {
            quantity.kept = Kept::Text(Arc::from(text));
        }
        Ok(quantity)
    }

    /// Whether upstream takes the text for a quantity, be it too large for this type.
    pub fn is_quantity(text: &str) -> bool {
        Self::parse(text).map_or_else(|error| error == TOO_LARGE, |_| true)
    }

    /// A whole number.
    pub fn from_i64(value: i64, format: Format) -> Self {
        Self::from_int64(value, 0, i128::from(value) * NANOS, format)
    }

    /// A number of thousandths.
    pub fn from_milli(value: i64, format: Format) -> Self {
        Self::from_int64(value, -3, i128::from(value) * (NANOS / 1_000), format)
    }

    fn from_int64(mantissa: i64, exponent: i8, nanos: i128, format: Format) -> Self {
        Self {
            nanos,
            held: Held::Int64 { mantissa, exponent },
            format,
            kept: Kept::No,
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
        match self.held {
            Held::Int64 { mantissa, exponent } => Some((mantissa, exponent)),
            Held::Decimal { .. } => None,
        }
    }

    /// Mantissa and decimal exponent as upstream keeps them, whether as an int64 or as a big decimal. A sum with a
    /// zero such as `0e-12` has an exponent below -9 there, here never.
    pub fn parts(&self) -> (i128, i32) {
        match self.held {
            Held::Int64 { mantissa, exponent } => (i128::from(mantissa), i32::from(exponent)),
            Held::Decimal { exponent } => {
                let unit = power_of_ten(i32::from(exponent) - i32::from(NANO_EXPONENT));
                (self.nanos / unit.unwrap_or(1), i32::from(exponent))
            }
        }
    }

    fn exponent(&self) -> i8 {
        match self.held {
            Held::Int64 { exponent, .. } | Held::Decimal { exponent } => exponent,
        }
    }

    /// The sum. A zero takes the format of what is added to it, as upstream does.
    #[must_use]
    pub fn add(&self, other: &Self) -> Self {
        let format = if self.is_zero() {
            other.format
        } else {
            self.format
        };
        let exponent = self.exponent().min(other.exponent());
        let held = match (self.small(), other.small()) {
            (Some(a), Some(b)) => add_int64(a, b),
            _ => None,
        };
        Self {
            nanos: self.nanos.saturating_add(other.nanos),
            held: held.unwrap_or(Held::Decimal { exponent }),
            format,
            kept: Kept::No,
        }
    }

    /// The difference.
    #[must_use]
    pub fn sub(&self, other: &Self) -> Self {
        // Oddity: upstream negates the mantissa, and the least int64 is its own negation; only where that sum leaves
        // the int64 it subtracts exactly.
        if let (Some(a), Some(b)) = (self.small(), other.small())
            && b.0 == i64::MIN
            && add_int64(a, b).is_some()
        {
            return self.add(other);
        }
        self.add(&other.neg())
    }

    /// The amount with the other sign.
    #[must_use]
    pub fn neg(&self) -> Self {
        let held = match self.held {
            Held::Int64 { mantissa, exponent } => match mantissa.checked_neg() {
                Some(mantissa) => Held::Int64 { mantissa, exponent },
                None => Held::Decimal { exponent },
            },
            decimal @ Held::Decimal { .. } => decimal,
        };
        Self {
            nanos: self.nanos.saturating_neg(),
            held,
            format: self.format,
            kept: Kept::No,
        }
    }

    /// The amount rounded up to a whole number; `None` where upstream's int64 would wrap.
    pub fn value(&self) -> Option<i64> {
        self.scaled(0)
    }

    /// The amount rounded up to thousandths; `None` where upstream's int64 would wrap.
    pub fn milli_value(&self) -> Option<i64> {
        self.scaled(-3)
    }

    /// Upstream's rounding: away from zero for what it holds in an int64. Of a big decimal the positive are rounded
    /// up; the negative are cut and then one is added (-1.3Ki is -1330).
    fn scaled(&self, to: i32) -> Option<i64> {
        let unit = power_of_ten(to - i32::from(NANO_EXPONENT))?;
        let (quotient, remainder) = (self.nanos / unit, self.nanos % unit);
        let rounded = match self.held {
            Held::Int64 { .. } => quotient + remainder.signum(),
            Held::Decimal { .. } => {
                let (mantissa, _) = self.parts();
                if mantissa < i128::from(i64::MIN) {
                    return None;
                }
                quotient + remainder.signum().abs()
            }
        };
        i64::try_from(rounded).ok()
    }

    /// The whole number it is, where upstream says so: not for fractions and not for big decimals.
    pub fn as_i64(&self) -> Option<i64> {
        let (mantissa, exponent) = self.small()?;
        if exponent < 0 {
            return None;
        }
        i64::try_from(i128::from(mantissa).checked_mul(power_of_ten(i32::from(exponent))?)?).ok()
    }

    /// Whether two quantities are the same in amount, exponent, format and kept text; upstream compares them so in one
    /// place. There big decimals are compared by address and hence never the same.
    pub fn same_representation(&self, other: &Self) -> bool {
        self.small().is_some()
            && self.held == other.held
            && self.format == other.format
            && self.kept == other.kept
    }

    /// Whether two quantities cannot be told apart in any way.
    pub fn is_identical(&self, other: &Self) -> bool {
        self.nanos == other.nanos
            && self.held == other.held
            && self.format == other.format
            && self.kept == other.kept
    }

    fn canonical(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_zero() {
            return f.write_str("0");
        }
        let small = self.nanos.abs() < 1024 * NANOS;
        if self.format == Format::BinarySi && !small && self.nanos % NANOS == 0 {
            let (mut number, mut power) = (self.nanos / NANOS, 0_usize);
            while number % 1024 == 0 {
                number /= 1024;
                power += 1;
            }
            let suffixes = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
            return write!(f, "{number}{}", suffixes.get(power).unwrap_or(&""));
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

/// A sign or a lone point without any digit is a zero, as upstream reads it.
fn split(text: &str) -> Result<Parts<'_>, &'static str> {
    if text.is_empty() {
        return Err(WRONG_FORMAT);
    }
    let negative = text.starts_with('-');
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let digits = |s: &str| s.find(|c: char| !c.is_ascii_digit()).unwrap_or(s.len());
    let (whole, rest) = unsigned.split_at(digits(unsigned));
    let (fraction, suffix) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(digits(rest)),
        None => ("", rest),
    };
    let tail = suffix.trim_start_matches(|c: char| "eEinumkKMGTP".contains(c));
    let tail = tail.strip_prefix(['-', '+']).unwrap_or(tail);
    if !tail.bytes().all(|b| b.is_ascii_digit()) {
        return Err(WRONG_FORMAT);
    }
    Ok(Parts {
        negative,
        whole: whole.trim_start_matches('0'),
        fraction,
        has_digits: !(whole.is_empty() && fraction.is_empty()),
        suffix,
    })
}

fn read_suffix(suffix: &str) -> Option<Suffix> {
    let decimal = |exponent| (false, exponent, Format::DecimalSi);
    let binary = |exponent| (true, exponent, Format::BinarySi);
    let (binary, exponent, format) = match suffix {
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
            // Upstream cuts the number to 32 bits: `1e4294967299` is `1e3`.
            let low = (exponent & 0xffff_ffff) ^ 0x8000_0000;
            let exponent = i32::try_from(low - 0x8000_0000).ok()?;
            (false, exponent, Format::DecimalExponent)
        }
    };
    Some(Suffix {
        binary,
        exponent,
        format,
    })
}

/// All digits as a number, and the decimal exponent, where upstream takes them into an int64.
fn int64_digits(parts: &Parts<'_>, suffix: Suffix) -> Option<(i64, i64)> {
    let length = parts.whole.len().max(1) + parts.fraction.len();
    let exponent = if suffix.binary {
        let log10 = usize::try_from(suffix.exponent * 3 / 10).ok()?;
        if !parts.fraction.is_empty() || length + log10 + 1 > 15 {
            return None;
        }
        0
    } else {
        if length > INT64_DIGITS {
            return None;
        }
        i64::from(suffix.exponent) - i64::try_from(parts.fraction.len()).ok()?
    };
    if exponent < i64::from(NANO_EXPONENT) {
        return None;
    }
    let digits = parts.whole.bytes().chain(parts.fraction.bytes());
    let digits = digits.fold(0, |number, byte| number * 10 + i64::from(byte - b'0'));
    Some((digits, exponent))
}

fn int64_quantity(
    parts: &Parts<'_>,
    suffix: Suffix,
    digits: i64,
    exponent: i64,
) -> Result<Quantity, &'static str> {
    let factor = if suffix.binary {
        1 << suffix.exponent
    } else {
        1
    };
    let magnitude = digits.checked_mul(factor).ok_or(TOO_LARGE)?;
    let mantissa = if parts.negative {
        -magnitude
    } else {
        magnitude
    };
    // The exponent of a zero has no effect; a large one must not be refused.
    let short = if digits == 0 {
        exponent.min(0)
    } else {
        exponent
    };
    let short = i8::try_from(short).map_err(|_| TOO_LARGE)?;
    let unit = power_of_ten(i32::from(short) - i32::from(NANO_EXPONENT)).ok_or(TOO_LARGE)?;
    let nanos = i128::from(mantissa).checked_mul(unit).ok_or(TOO_LARGE)?;
    if nanos.abs() > LIMIT {
        return Err(TOO_LARGE);
    }
    // Upstream's guess at what is canonical already; it is wrong for `1.500`.
    let keeps = if suffix.binary {
        digits & 7 != 0
    } else {
        exponent % 3 == 0 && digits % 1000 != 0 && !parts.whole.is_empty()
    };
    let mut quantity = Quantity::from_int64(mantissa, short, nanos, suffix.format);
    if keeps {
        quantity.kept = Kept::Canonical;
    }
    Ok(quantity)
}

/// Rounded away from zero to a nano, and with a binary suffix capped at the largest int64.
fn decimal_quantity(parts: &Parts<'_>, suffix: Suffix) -> Result<Quantity, &'static str> {
    if !parts.has_digits {
        return Err(WRONG_NUMBER);
    }
    let mut format = suffix.format;
    let mut exponent = NANO_EXPONENT;
    let magnitude = if suffix.binary {
        let cap = i128::from(i64::MAX) * NANOS;
        let magnitude = binary_nanos(parts, suffix.exponent).unwrap_or(i128::MAX);
        if magnitude > cap {
            exponent = 0;
        }
        if magnitude > 0 && magnitude < NANOS {
            format = Format::DecimalSi;
        }
        magnitude.min(cap)
    } else {
        decimal_nanos(parts, suffix.exponent).ok_or(TOO_LARGE)?
    };
    if magnitude > LIMIT {
        return Err(TOO_LARGE);
    }
    if magnitude == 0 {
        // Only what is not zero is rounded to nanos. Finer or larger exponents would have no effect.
        let decimal = if suffix.binary { 0 } else { suffix.exponent };
        let digits = i32::try_from(parts.fraction.len()).unwrap_or(i32::MAX);
        let own = decimal.saturating_sub(digits).clamp(-9, 25);
        exponent = i8::try_from(own).unwrap_or(NANO_EXPONENT);
    }
    Ok(Quantity {
        nanos: if parts.negative {
            -magnitude
        } else {
            magnitude
        },
        held: Held::Decimal { exponent },
        format,
        kept: Kept::No,
    })
}

/// whole.fraction × 10^exponent in nanos, rounded up; `None` if far too large.
fn decimal_nanos(parts: &Parts<'_>, exponent: i32) -> Option<i128> {
    let digits = format!("{}{}", parts.whole, parts.fraction);
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return Some(0);
    }
    let shift =
        i64::from(exponent) - i64::try_from(parts.fraction.len()).ok()? - i64::from(NANO_EXPONENT);
    let cut = usize::try_from(shift.min(0).unsigned_abs()).unwrap_or(usize::MAX);
    let (kept, dropped) = digits.split_at(digits.len().saturating_sub(cut));
    if kept.len() > TOO_MANY_DIGITS {
        return None;
    }
    let number: i128 = if kept.is_empty() {
        0
    } else {
        kept.parse().ok()?
    };
    let unit = power_of_ten(i32::try_from(shift.max(0)).ok()?)?;
    let up = i128::from(dropped.bytes().any(|b| b != b'0'));
    number.checked_mul(unit)?.checked_add(up)
}

/// whole.fraction × 2^exponent in nanos, rounded up; `None` if far too large.
fn binary_nanos(parts: &Parts<'_>, exponent: i32) -> Option<i128> {
    let unit = NANOS << exponent;
    let whole: i128 = if parts.whole.is_empty() {
        0
    } else {
        parts.whole.parse().ok()?
    };
    // From the last digit on, so that every step is exact but for a remainder that only decides the rounding.
    let (mut nanos, mut inexact) = (0, false);
    for byte in parts.fraction.bytes().rev() {
        let sum = i128::from(byte - b'0') * unit + nanos;
        inexact |= sum % 10 != 0;
        nanos = sum / 10;
    }
    whole
        .checked_mul(unit)?
        .checked_add(nanos + i128::from(inexact))
}

/// The sum as upstream's int64 arithmetic has it; `None` where it falls back to big decimals.
fn add_int64(a: (i64, i8), b: (i64, i8)) -> Option<Held> {
    let held = |(mantissa, exponent)| Held::Int64 { mantissa, exponent };
    if b.0 == 0 {
        return Some(held(a));
    }
    if a.0 == 0 {
        return Some(held(b));
    }
    let exponent = a.1.min(b.1);
    let rescaled = |(mantissa, from): (i64, i8)| -> Option<i64> {
        let factor = i64::try_from(power_of_ten(i32::from(from) - i32::from(exponent))?).ok()?;
        mantissa.checked_mul(factor)
    };
    let mantissa = rescaled(a)?.checked_add(rescaled(b)?)?;
    Some(Held::Int64 { mantissa, exponent })
}

fn power_of_ten(exponent: i32) -> Option<i128> {
    10_i128.checked_pow(u32::try_from(exponent).ok()?)
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
        match &self.kept {
            Kept::Text(text) => f.write_str(text),
            Kept::No | Kept::Canonical => self.canonical(f),
        }
    }
}
