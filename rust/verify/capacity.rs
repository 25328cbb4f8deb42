//! What a share of a device consumes, and whether that fits: the request policies of consumable capacity.
//!
//! Written from the rules a second time, without a look at the engine's version. Start at [`fit`].

use std::cmp::Ordering;
use std::collections::BTreeMap;

use crate::attribute::NameMap;
use crate::quantity::Quantity;
use crate::wire::claim::CapacityRequirements;
use crate::wire::slice::{CapacityRequestPolicy, CapacityRequestPolicyRange, DeviceCapacity};

/// Amounts by capacity name.
pub(super) type Amounts = BTreeMap<String, Quantity>;

/// Whether a request fits a device.
pub(super) enum Fit {
    Yes,
    /// The device cannot serve the request, for this reason; another may.
    No(String),
}

/// Whether what the request would consume fits beside what is consumed already. The error is one with which upstream
/// fails altogether: an amount that cannot be computed with.
pub(super) fn fit(
    wanted: Option<&CapacityRequirements>,
    capacities: &NameMap<DeviceCapacity>,
    used: &[Option<&Amounts>],
    fractional: bool,
) -> Result<Fit, String> {
    let mut names = wanted.into_iter().flat_map(|wanted| wanted.requests.keys());
    if let Some(missing) = names.find(|name| !capacities.contains_key(name)) {
        return Ok(Fit::No(format!("the device has no capacity {missing}")));
    }
    let consumed = consumption(wanted, capacities, fractional)?;
    for (name, capacity) in capacities {
        let Some(amount) = consumed.get(&**name) else {
            continue;
        };
        if violates(amount, capacity.request_policy.as_deref(), fractional)? {
            return Ok(Fit::No(format!("{amount} of {name} is against its policy")));
        }
        let before = used.iter().filter_map(|amounts| (*amounts)?.get(&**name));
        let total = before.fold(amount.clone(), |sum, more| sum.add(more));
        if total > *capacity.value {
            let value = &capacity.value;
            return Ok(Fit::No(format!(
                "{total} of {name} would be used, there is {value}"
            )));
        }
    }
    Ok(Fit::Yes)
}

/// What the request consumes of every capacity of the device.
pub(super) fn consumption(
    wanted: Option<&CapacityRequirements>,
    capacities: &NameMap<DeviceCapacity>,
    fractional: bool,
) -> Result<Amounts, String> {
    let mut amounts = Amounts::new();
    for (name, capacity) in capacities {
        let requested = wanted.and_then(|wanted| wanted.requests.get(&**name));
        let amount =
            consumed(requested, capacity, fractional).map_err(|text| format!("{name}: {text}"))?;
        if amount.sign() == Ordering::Less {
            return Err(format!("{name}: {amount} is negative"));
        }
        amounts.insert(name.to_string(), amount);
    }
    Ok(amounts)
}

fn consumed(
    requested: Option<&Quantity>,
    capacity: &DeviceCapacity,
    fractional: bool,
) -> Result<Quantity, String> {
    let policy = capacity.request_policy.as_deref();
    let Some(requested) = requested else {
        let default = policy.and_then(|policy| policy.default.as_ref());
        return Ok(default.unwrap_or(&capacity.value).clone());
    };
    let range = policy.and_then(|policy| policy.valid_range.as_ref());
    if let Some((range, min)) = range.and_then(|range| Some((range, range.min.as_ref()?))) {
        return in_range(requested, range, min, fractional);
    }
    let values = policy.and_then(|policy| policy.valid_values.as_ref());
    let next = values.and_then(|values| values.iter().find(|value| requested <= *value));
    Ok(next.unwrap_or(requested).clone())
}

fn in_range(
    requested: &Quantity,
    range: &CapacityRequestPolicyRange,
    min: &Quantity,
    fractional: bool,
) -> Result<Quantity, String> {
    if requested < min {
        return Ok(min.clone());
    }
    let Some(step) = &range.step else {
        return Ok(requested.clone());
    };
    let in_milli = counts_in_milli(range, fractional);
    let read = |amount: &Quantity| {
        let number = if in_milli {
            exact_milli(amount)
        } else {
            amount.value()
        };
        number.ok_or_else(|| format!("{amount} cannot be computed with"))
    };
    let (wanted, least, width) = (read(requested)?, read(min)?, read(step)?);
    let above = wanted.wrapping_sub(least);
    let mut steps = above
        .checked_div(width)
        .ok_or_else(|| format!("{above} cannot be divided by a step of {width}"))?;
    if above.wrapping_rem(width) != 0 {
        steps += 1;
    }
    // Upstream guards a negative minimum in one of its two arithmetics only; it is against the API in both.
    let guarded = in_milli || least >= 0;
    if guarded && steps > i64::MAX.wrapping_sub(least).wrapping_div(width) {
        return Err(format!("{requested} rounded up cannot be computed with"));
    }
    let rounded = least.wrapping_add(width.wrapping_mul(steps));
    Ok(match (in_milli, rounded % 1000) {
        (false, _) => Quantity::from_i64(rounded, step.format()),
        (true, 0) => Quantity::from_i64(rounded / 1000, step.format()),
        (true, _) => Quantity::from_milli(rounded, step.format()),
    })
}

/// Whether the range is counted in thousandths: all its bounds are whole thousandths and the step is at least one.
fn counts_in_milli(range: &CapacityRequestPolicyRange, fractional: bool) -> bool {
    let mut bounds = [&range.min, &range.max, &range.step].into_iter().flatten();
    fractional
        && bounds.all(|bound| exact_milli(bound).is_some())
        && range
            .step
            .as_ref()
            .is_none_or(|step| exact_milli(step).is_some_and(|step| step >= 1))
}

fn exact_milli(amount: &Quantity) -> Option<i64> {
    let milli = amount.milli_value()?;
    (Quantity::from_milli(milli, amount.format()) == *amount).then_some(milli)
}

fn violates(
    amount: &Quantity,
    policy: Option<&CapacityRequestPolicy>,
    fractional: bool,
) -> Result<bool, String> {
    let Some(policy) = policy else {
        return Ok(false);
    };
    // Q8: only a default written the same way is let through unchecked.
    let default = policy.default.as_ref();
    if default.is_some_and(|default| default.same_representation(amount)) {
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
    let min = range.min.as_ref().ok_or("a step without a minimum")?;
    let in_milli = counts_in_milli(range, fractional);
    let read = |amount: &Quantity| {
        if in_milli {
            exact_milli(amount)
        } else {
            amount.value()
        }
    };
    let Some(number) = read(amount) else {
        return if in_milli {
            Ok(true)
        } else {
            Err(format!("{amount} cannot be computed with"))
        };
    };
    let (Some(least), Some(width)) = (read(min), read(step)) else {
        return Err("a range that cannot be computed with".to_owned());
    };
    if width == 0 {
        return Err("a step of zero".to_owned());
    }
    Ok(number.wrapping_sub(least).wrapping_rem(width) != 0)
}
