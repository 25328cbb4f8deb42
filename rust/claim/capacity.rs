//! Consumable capacity: how much of a device a request takes, and whether that much is there.
//!
//! Follows upstream's rounding to the letter, including which requests it cannot represent. Start at [`Size`].

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::attribute::NameMap;
use crate::error::quoted;
use crate::quantity::{Format, Quantity};
use crate::wire::claim::CapacityRequirements;
use crate::wire::slice::{CapacityRequestPolicy, CapacityRequestPolicyRange, DeviceCapacity};

/// Amounts by capacity name.
pub type Amounts = BTreeMap<String, Quantity>;

const UNREPRESENTABLE: &str =
    "capacity request cannot be represented in the device's range arithmetic";

/// What a request comes to on a device, whatever else is taken of it; nothing where it asks for a capacity that the
/// device does not have. Amounts are in nanos.
pub struct Size(Option<Box<[Part]>>);

/// A capacity of the device.
struct Part {
    amount: i128,
    available: i128,
    /// Whether the amount breaks the policy, or why that cannot be said.
    violates: Result<bool, String>,
}

impl Size {
    /// An error is upstream's text and fatal.
    ///
    /// A capacity that is asked for and not there makes the device unfit, not an error; names are compared literally.
    pub fn of(
        requested: Option<&CapacityRequirements>,
        capacity: &NameMap<DeviceCapacity>,
        fractional: bool,
    ) -> Result<Self, String> {
        if requested.is_some_and(|r| r.requests.keys().any(|name| !capacity.contains_key(name))) {
            return Ok(Self(None));
        }
        let amounts = amounts(requested, capacity, fractional);
        let amounts: Vec<Cow<'_, Quantity>> = amounts.collect::<Result<_, String>>()?;
        let mut named = capacity.iter().zip(&amounts);
        if let Some(((name, _), _)) = named.find(|(_, amount)| amount.sign().is_lt()) {
            let name = quoted(name);
            return Err(format!("capacity {name}: capacity value is negative"));
        }
        let parts = capacity.values().zip(&amounts).map(|(own, amount)| Part {
            amount: amount.nanos(),
            available: own.value.nanos(),
            violates: violates(amount, own.request_policy.as_deref(), fractional),
        });
        Ok(Self(Some(parts.collect())))
    }

    /// Whether it fits beside what is taken of each capacity of the same device, in nanos. An error is upstream's text
    /// and fatal.
    pub fn fits(
        &self,
        capacity: &NameMap<DeviceCapacity>,
        taken: impl Fn(&str) -> i128,
    ) -> Result<bool, String> {
        let Some(parts) = &self.0 else {
            return Ok(false);
        };
        for (name, part) in capacity.keys().zip(parts) {
            if part.violates.clone()? || part.amount.saturating_add(taken(name)) > part.available {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// What the request consumes of each capacity of the device, also of those it does not ask for.
pub fn consumed(
    requested: Option<&CapacityRequirements>,
    capacity: &NameMap<DeviceCapacity>,
    fractional: bool,
) -> Result<Amounts, String> {
    let amounts = amounts(requested, capacity, fractional);
    let amounts = capacity.iter().zip(amounts);
    let amounts = amounts.map(|((name, _), amount)| Ok((name.to_string(), amount?.into_owned())));
    amounts.collect()
}

/// As [`consumed`], in the order of the capacities.
fn amounts<'c>(
    requested: Option<&'c CapacityRequirements>,
    capacity: &'c NameMap<DeviceCapacity>,
    fractional: bool,
) -> impl Iterator<Item = Result<Cow<'c, Quantity>, String>> {
    capacity.iter().map(move |(name, available)| {
        let wanted = requested.and_then(|r| r.requests.get(&**name));
        amount(wanted, available, fractional)
            .map_err(|text| format!("capacity {}: {text}", quoted(name)))
    })
}

fn amount<'c>(
    wanted: Option<&'c Quantity>,
    available: &'c DeviceCapacity,
    fractional: bool,
) -> Result<Cow<'c, Quantity>, String> {
    let policy = available.request_policy.as_deref();
    let Some(wanted) = wanted else {
        let default = policy.and_then(|policy| policy.default.as_ref());
        return Ok(Cow::Borrowed(default.unwrap_or(&available.value)));
    };
    let Some(policy) = policy else {
        return Ok(Cow::Borrowed(wanted));
    };
    match (&policy.valid_range, &policy.valid_values) {
        (Some(range), _) if range.min.is_some() => {
            round_to_range(wanted, range, fractional).map(Cow::Owned)
        }
        (_, Some(values)) => {
            let next = values.iter().find(|value| wanted <= *value);
            Ok(Cow::Borrowed(next.unwrap_or(wanted)))
        }
        _ => Ok(Cow::Borrowed(wanted)),
    }
}

fn round_to_range(
    wanted: &Quantity,
    range: &CapacityRequestPolicyRange,
    fractional: bool,
) -> Result<Quantity, String> {
    let (Some(min), step) = (&range.min, &range.step) else {
        return Ok(wanted.clone());
    };
    if wanted < min {
        return Ok(min.clone());
    }
    let Some(step) = step else {
        return Ok(wanted.clone());
    };
    if uses_milli(range, fractional) {
        let Some(units) = exact_milli(wanted) else {
            return Err(format!(
                "{UNREPRESENTABLE}: request {wanted} is not a representable milli value"
            ));
        };
        let (step_units, min_units) = (milli(step), milli(min));
        let rounded = round_up(units, min_units, step_units)?.ok_or_else(|| {
            format!("{UNREPRESENTABLE}: rounding request {wanted} up to the next step passes the milli-value range")
        })?;
        return Ok(from_milli(rounded, step.format()));
    }
    if *wanted > Quantity::from_i64(i64::MAX, Format::DecimalSi) {
        return Err(format!(
            "{UNREPRESENTABLE}: request {wanted} exceeds MaxInt64"
        ));
    }
    let rounded = round_up(whole(wanted), whole(min), whole(step))?.ok_or_else(|| {
        format!("{UNREPRESENTABLE}: rounding request {wanted} up to the next step passes MaxInt64")
    })?;
    Ok(Quantity::from_i64(rounded, step.format()))
}

/// The least `min + n × step` that is not below `wanted`; `None` where an int64 cannot hold it.
fn round_up(wanted: i64, min: i64, step: i64) -> Result<Option<i64>, String> {
    if step == 0 {
        return Err(zero_step());
    }
    let added = wanted.wrapping_sub(min);
    let steps = added.wrapping_div(step);
    let steps = steps.wrapping_add(i64::from(added.wrapping_rem(step) != 0));
    if min >= 0 && steps > i64::MAX.wrapping_sub(min).wrapping_div(step) {
        return Ok(None);
    }
    Ok(Some(min.wrapping_add(step.wrapping_mul(steps))))
}

/// Upstream divides by zero here; the API server lets no such slice in.
fn zero_step() -> String {
    "requestPolicy.validRange.step is zero, which no API server accepts".to_owned()
}

fn from_milli(units: i64, format: Format) -> Quantity {
    if units % 1000 == 0 {
        Quantity::from_i64(units / 1000, format)
    } else {
        Quantity::from_milli(units, format)
    }
}

/// Whether an amount breaks the policy. An amount that is the default, as written, never does.
fn violates(
    amount: &Quantity,
    policy: Option<&CapacityRequestPolicy>,
    fractional: bool,
) -> Result<bool, String> {
    let Some(policy) = policy else {
        return Ok(false);
    };
    if policy
        .default
        .as_ref()
        .is_some_and(|default| amount.same_representation(default))
    {
        return Ok(false);
    }
    if let Some(range) = &policy.valid_range {
        return violates_range(amount, range, fractional);
    }
    let values = policy.valid_values.as_deref().unwrap_or_default();
    Ok(!values.is_empty() && !values.contains(amount))
}

fn violates_range(
    amount: &Quantity,
    range: &CapacityRequestPolicyRange,
    fractional: bool,
) -> Result<bool, String> {
    if range.max.as_ref().is_some_and(|max| amount > max) {
        return Ok(true);
    }
    let Some(step) = &range.step else {
        return Ok(false);
    };
    let Some(min) = &range.min else {
        // Upstream dereferences nothing here; the API server wants a minimum.
        return Err(
            "requestPolicy.validRange has a step and no min, which no API server accepts"
                .to_owned(),
        );
    };
    let (units, step, min) = if uses_milli(range, fractional) {
        let Some(units) = exact_milli(amount) else {
            return Ok(true);
        };
        (units, milli(step), milli(min))
    } else {
        (whole(amount), whole(step), whole(min))
    };
    if step == 0 {
        return Err(zero_step());
    }
    Ok(units.wrapping_sub(min).wrapping_rem(step) != 0)
}

/// Whether range arithmetic is done in thousandths: the gate is on and all bounds can be said in them.
fn uses_milli(range: &CapacityRequestPolicyRange, fractional: bool) -> bool {
    let bounds = [&range.min, &range.max, &range.step];
    fractional
        && bounds
            .into_iter()
            .flatten()
            .all(|bound| exact_milli(bound).is_some())
        && range
            .step
            .as_ref()
            .and_then(exact_milli)
            .is_none_or(|step| step >= 1)
}

fn exact_milli(amount: &Quantity) -> Option<i64> {
    let units = amount.milli_value()?;
    (Quantity::from_milli(units, amount.format()) == *amount).then_some(units)
}

fn milli(amount: &Quantity) -> i64 {
    amount.milli_value().unwrap_or(i64::MAX)
}

fn whole(amount: &Quantity) -> i64 {
    amount.value().unwrap_or(i64::MAX)
}
