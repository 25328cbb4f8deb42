//! Taints and tolerations.
//!
//! Only the effects `NoSchedule` and `NoExecute` keep a device from being allocated; others never do.

use crate::wire::claim::DeviceToleration;
use crate::wire::slice::{DeviceTaint, DeviceTaintRule};

/// Whether a taint keeps a device from a request with these tolerations.
pub fn blocks(taint: &DeviceTaint, tolerations: &[DeviceToleration]) -> bool {
    matches!(taint.effect.as_str(), "NoSchedule" | "NoExecute")
        && !tolerations
            .iter()
            .any(|toleration| tolerates(toleration, taint))
}

fn tolerates(toleration: &DeviceToleration, taint: &DeviceTaint) -> bool {
    if !toleration.effect.is_empty() && toleration.effect != taint.effect
        || !toleration.key.is_empty() && toleration.key != taint.key
    {
        return false;
    }
    match toleration.operator.as_str() {
        "" | "Equal" => toleration.value == taint.value,
        "Exists" => true,
        _ => false,
    }
}

/// Whether a rule taints a device. A rule without a selector taints nothing, one with an empty selector everything.
pub fn rule_applies(rule: &DeviceTaintRule, driver: &str, pool: &str, device: &str) -> bool {
    let Some(selector) = &rule.spec.device_selector else {
        return false;
    };
    let matches =
        |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|wanted| wanted == is);
    matches(&selector.driver, driver)
        && matches(&selector.pool, pool)
        && matches(&selector.device, device)
}
