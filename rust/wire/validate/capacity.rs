//! Capacities and the policies for sharing them.

use super::{Check, Path};
use crate::quantity::Quantity;
use crate::wire::slice::{CapacityRequestPolicy, CapacityRequestPolicyRange, DeviceCapacity};

const VALID_VALUES: usize = 10;

pub(super) fn capacity(check: &mut Check, at: &Path<'_>, capacity: &DeviceCapacity, shared: bool) {
    let Some(policy) = &capacity.request_policy else {
        return;
    };
    let policy_at = at.field("requestPolicy");
    if !shared {
        check.wrong(&policy_at, "needs allowMultipleAllocations: true");
    }
    let default_at = policy_at.field("default");
    let values = policy.valid_values.as_deref().unwrap_or_default();
    let limits = !values.is_empty() || policy.valid_range.is_some();
    match &policy.default {
        None if limits => check.wrong(&default_at, "is required with validValues or validRange"),
        Some(default) if default > &capacity.value => {
            too_much(check, &default_at, default, &capacity.value);
        }
        _ => {}
    }
    if !values.is_empty() && policy.valid_range.is_some() {
        check.wrong(
            &policy_at,
            "at most one of validValues and validRange is allowed",
        );
    }
    valid_values(
        check,
        &policy_at.field("validValues"),
        policy,
        &capacity.value,
    );
    if let Some(range) = &policy.valid_range {
        let default = policy.default.as_ref();
        valid_range(check, &policy_at, range, default, &capacity.value);
    }
}

fn too_much(check: &mut Check, at: &Path<'_>, amount: &Quantity, most: &Quantity) {
    let why = format!("is more than the capacity, which is {most}");
    check.invalid(at, amount.to_string(), why);
}

fn valid_values(check: &mut Check, at: &Path<'_>, policy: &CapacityRequestPolicy, most: &Quantity) {
    let values = policy.valid_values.as_deref().unwrap_or_default();
    check.at_most(at, values.len(), VALID_VALUES);
    for (index, value) in values.iter().enumerate() {
        if value > most {
            too_much(check, &at.index(index), value, most);
        }
    }
    for (index, pair) in values.windows(2).enumerate() {
        if pair[0] >= pair[1] {
            let why = "values must ascend";
            check.invalid(&at.index(index + 1), pair[1].to_string(), why);
        }
    }
    if let Some(default) = &policy.default
        && !values.is_empty()
        && !values.contains(default)
    {
        check.wrong(at, format!("must contain the default {default}"));
    }
}

fn valid_range(
    check: &mut Check,
    policy: &Path<'_>,
    range: &CapacityRequestPolicyRange,
    default: Option<&Quantity>,
    most: &Quantity,
) {
    let at = policy.field("validRange");
    let (min_at, max_at) = (at.field("min"), at.field("max"));
    let Some(min) = &range.min else {
        check.wrong(&min_at, "is required");
        return;
    };
    if min.sign().is_lt() {
        check.invalid(&min_at, min.to_string(), "must not be negative");
    }
    if min > most {
        too_much(check, &min_at, min, most);
    }
    let default_at = policy.field("default");
    if let Some(default) = default.filter(|default| *default < min) {
        let why = format!("is less than validRange.min, which is {min}");
        check.invalid(&default_at, default.to_string(), why);
    }
    if let Some(max) = &range.max {
        if max > most {
            too_much(check, &max_at, max, most);
        }
        if max < min {
            let why = format!("is less than min, which is {min}");
            check.invalid(&max_at, max.to_string(), why);
        }
        if let Some(default) = default.filter(|default| *default > max) {
            let why = format!("is more than validRange.max, which is {max}");
            check.invalid(&default_at, default.to_string(), why);
        }
    }
    if let Some(step) = &range.step {
        let bounds = [(default_at, default), (max_at, range.max.as_ref())];
        valid_step(check, &at.field("step"), step, min, most);
        for (bound_at, bound) in bounds {
            multiple(check, &bound_at, bound, step, min);
        }
    }
}

fn valid_step(check: &mut Check, at: &Path<'_>, step: &Quantity, min: &Quantity, most: &Quantity) {
    if step.sign().is_le() {
        check.invalid(at, step.to_string(), "must be positive");
    } else if min.add(step) > *most {
        let why = format!("with min it is more than the capacity, which is {most}");
        check.invalid(at, step.to_string(), why);
    }
}

/// Upstream calculates in whole units, or in thousandths where a bound is fractional; exact nanos say the same for all
/// bounds that fit either.
fn multiple(
    check: &mut Check,
    at: &Path<'_>,
    amount: Option<&Quantity>,
    step: &Quantity,
    min: &Quantity,
) {
    let Some(amount) = amount else {
        return;
    };
    if step.sign().is_le() || amount < min {
        return;
    }
    if amount.sub(min).nanos() % step.nanos() != 0 {
        let why = format!("must be min plus a multiple of the step {step}");
        check.invalid(at, amount.to_string(), why);
    }
}
