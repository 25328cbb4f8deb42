//! Changes of one thing, from the smallest to the largest: the values that a constant, a count or an amount could have.
//!
//! Only values that devices publish are on a ladder. Never allocates. Start at [`constants`] and [`capacities`].

use std::cmp::Ordering;
use std::collections::BTreeSet;

use super::near::distance;
use super::reach::{Published, Reach};
use crate::cel::{self, Constant, ConstantKind};
use crate::quantity::Quantity;
use crate::version::Version;
use crate::wire::claim::CapacityRequirements;
use crate::wire::slice::DeviceCapacity;

/// Values tried for a constant that is not a threshold, nearest first.
const NEAREST: usize = 16;

/// A constant of a term and what could stand there instead, nearest first.
pub(super) struct Replacements {
    /// The texts of the term with the constant replaced.
    pub(super) texts: Vec<String>,
    /// Whether each of them takes all devices that those before it take.
    pub(super) is_ordered: bool,
}

/// For each constant of the term the values that make it take a device which it now refuses.
pub(super) fn constants(term: &str, reach: &Reach) -> Vec<Replacements> {
    let compiled = cel::compiled(term);
    let Ok(selector) = compiled.as_ref() else {
        return Vec::new();
    };
    let reads = selector.reads();
    let devices: Vec<_> = reach.distinct(reads).iter().map(|one| one.cel()).collect();
    let takes = |text: &str| -> Vec<bool> {
        let compiled = cel::compiled(text);
        let verdict = |device: &cel::Device<'_>| match compiled.as_ref() {
            Ok(selector) => selector.matches(*device).unwrap_or(false),
            Err(_) => false,
        };
        devices.iter().map(verdict).collect()
    };
    let now = takes(term);
    let mut ladders = Vec::new();
    for constant in cel::constants(term) {
        let values = reach.values(reads, constant.kind);
        let mut texts: Vec<(String, Vec<bool>)> = Vec::new();
        for value in nearest_first(&constant, values) {
            let text = with_constant(term, &constant, &value);
            let taken = takes(&text);
            if taken.iter().zip(&now).any(|(new, old)| *new && !old) {
                texts.push((text, taken));
            }
        }
        let grows = |pair: &[(String, Vec<bool>)]| {
            pair[0]
                .1
                .iter()
                .zip(&pair[1].1)
                .all(|(less, more)| *more || !less)
        };
        let is_ordered = texts.windows(2).all(grows);
        if !is_ordered {
            texts.truncate(NEAREST);
        }
        if !texts.is_empty() {
            let texts = texts.into_iter().map(|(text, _)| text).collect();
            ladders.push(Replacements { texts, is_ordered });
        }
    }
    ladders
}

fn with_constant(term: &str, constant: &Constant, value: &str) -> String {
    let quoted = match constant.kind {
        ConstantKind::Int | ConstantKind::Bool => value.to_owned(),
        _ => serde_json::to_string(value).unwrap_or_default(),
    };
    let before = term.get(..constant.range.start).unwrap_or_default();
    let after = term.get(constant.range.end..).unwrap_or_default();
    format!("{before}{quoted}{after}")
}

/// The values by their distance from the constant: in places of the order for what has one, in letters for texts.
fn nearest_first(constant: &Constant, values: BTreeSet<String>) -> Vec<String> {
    let now = constant.text.as_str();
    if matches!(constant.kind, ConstantKind::Text | ConstantKind::Bool) {
        let mut values: Vec<String> = values.into_iter().filter(|value| value != now).collect();
        values.sort_by_cached_key(|value| (distance(now, value), value.clone()));
        return values;
    }
    let order = |value: &String| compare(constant.kind, value, now);
    let mut values: Vec<String> = values.into_iter().collect();
    values.sort_by(|a, b| compare(constant.kind, a, b).then_with(|| a.cmp(b)));
    values.dedup_by(|a, b| compare(constant.kind, a, b) == Ordering::Equal);
    let below = values.iter().rev().filter(|value| order(value).is_lt());
    let above = values.iter().filter(|value| order(value).is_gt());
    let ranked = |(rank, value): (usize, &String)| (rank, value.clone());
    let mut ranked: Vec<_> = below
        .enumerate()
        .map(ranked)
        .chain(above.enumerate().map(ranked))
        .collect();
    // Stable: of two at the same distance the lower one comes first.
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().map(|(_, value)| value).collect()
}

fn compare(kind: ConstantKind, a: &str, b: &str) -> Ordering {
    match kind {
        ConstantKind::Int => a.parse::<i64>().ok().cmp(&b.parse::<i64>().ok()),
        ConstantKind::Quantity => Quantity::parse(a).ok().cmp(&Quantity::parse(b).ok()),
        ConstantKind::Version => match (Version::parse_normalized(a), Version::parse_normalized(b))
        {
            (Ok(a), Ok(b)) => a.cmp(&b),
            _ => a.cmp(b),
        },
        ConstantKind::Text | ConstantKind::Bool => a.cmp(b),
    }
}

/// For each capacity that is asked for the smaller amounts that a device could give, largest first.
pub(super) fn capacities(
    requested: &CapacityRequirements,
    reach: &Reach,
    consumed: &dyn Fn(&Published, &str) -> Option<Quantity>,
) -> Vec<(String, Quantity, Vec<Quantity>)> {
    let mut ladders = Vec::new();
    for (name, wanted) in &requested.requests {
        let mut amounts = BTreeSet::new();
        for device in &reach.devices {
            let Some(capacity) = device.device().capacity.get(name) else {
                continue;
            };
            amounts.extend(published(capacity));
            if let Some(consumed) = consumed(device, name) {
                amounts.insert(capacity.value.sub(&consumed));
            }
        }
        let smaller = amounts
            .into_iter()
            .rev()
            .filter(|amount| amount < wanted && amount.sign().is_gt());
        ladders.push((name.clone(), wanted.clone(), smaller.collect()));
    }
    ladders
}

/// The amounts that the capacity and its policy name.
fn published(capacity: &DeviceCapacity) -> Vec<Quantity> {
    let mut amounts = vec![capacity.value.as_ref().clone()];
    if let Some(policy) = &capacity.request_policy {
        amounts.extend(policy.valid_values.iter().flatten().cloned());
        if let Some(range) = &policy.valid_range {
            amounts.extend(range.min.clone());
            amounts.extend(range.max.clone());
        }
    }
    amounts
}
