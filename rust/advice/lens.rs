//! One request or alternative, looked at device by device: which term of which selector refuses it.
//!
//! Asks each distinct combination of the values that are read once. Terms are asked one after the other, so that the
//! first that is not true gets the blame; the engine asks whole selectors. Start at [`Lens::new`].

use std::collections::{BTreeMap, BTreeSet};

use super::question::Question;
use super::reach::Published;
use super::space::expressions;
use crate::cel::{Reads, compiled};
use crate::claim::{Wish, key, taint};
use crate::inventory::ClaimKey;
use crate::wire::claim::ResourceClaim;

/// A request or alternative with its terms.
pub(super) struct Lens<'q> {
    question: &'q Question<'q>,
    pub(super) claim: ClaimKey,
    pub(super) request: String,
    pub(super) class: String,
    /// The terms of the class, then those of the request.
    pub(super) terms: Vec<String>,
    /// How many of them are of the class.
    pub(super) of_class: usize,
    reads: Reads,
    known: BTreeMap<String, Option<usize>>,
    tolerations: &'q [crate::wire::claim::DeviceToleration],
}

/// What a node's devices come to.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Devices refused by each term.
    pub(super) by_term: BTreeMap<usize, usize>,
    /// Devices that every term takes.
    pub(super) matching: usize,
    /// Those of them that are held as a whole.
    pub(super) held: usize,
    /// Who holds them, or shares of them, with the number of devices.
    pub(super) holders: BTreeMap<ClaimKey, usize>,
    /// Taints of theirs that are not tolerated.
    pub(super) taints: BTreeSet<String>,
}

impl<'q> Lens<'q> {
    pub(super) fn of(question: &'q Question<'q>, claim: &'q ResourceClaim) -> Vec<Self> {
        let wishes = claim.spec.devices.requests.iter().flat_map(Wish::of);
        wishes
            .map(|wish| Self::new(question, claim, &wish))
            .collect()
    }

    fn new(question: &'q Question<'q>, claim: &ResourceClaim, wish: &Wish<'q>) -> Self {
        let class = question.inventory.class(wish.class);
        let of_class = class
            .map(|class| class.spec.selectors.as_slice())
            .unwrap_or_default();
        let split = |expression: &str| -> Vec<String> {
            let ranges = crate::cel::terms(expression).into_iter();
            ranges
                .filter_map(|range| expression.get(range).map(str::to_owned))
                .collect()
        };
        let mut terms: Vec<String> = expressions(of_class)
            .flat_map(|(_, text)| split(text))
            .collect();
        let of_class = terms.len();
        terms.extend(expressions(wish.selectors).flat_map(|(_, text)| split(text)));
        let mut reads = Reads::default();
        for term in &terms {
            if let Ok(selector) = compiled(term).as_ref() {
                let more = selector.reads();
                reads.all_attributes |= more.all_attributes;
                reads.all_capacity |= more.all_capacity;
                reads.attributes.extend(more.attributes.iter().cloned());
                reads.capacity.extend(more.capacity.iter().cloned());
            }
        }
        Self {
            question,
            claim: key(claim),
            request: wish.reference(),
            class: wish.class.to_owned(),
            terms,
            of_class,
            reads,
            known: BTreeMap::new(),
            tolerations: wish.tolerations,
        }
    }

    /// The first term that does not take the device.
    fn refusing(&mut self, device: &Published) -> Option<usize> {
        let projection = device.projection(&self.reads);
        if let Some(known) = self.known.get(&projection) {
            return *known;
        }
        let cel = device.cel();
        let found = self
            .terms
            .iter()
            .position(|term| match compiled(term).as_ref() {
                Ok(selector) => !selector.matches(cel).unwrap_or(false),
                Err(_) => true,
            });
        self.known.insert(projection, found);
        found
    }

    /// Looks at the devices of a node.
    pub(super) fn look(&mut self, devices: &[Published]) -> Seen {
        let mut seen = Seen::default();
        let features = self.question.options.allocation.features;
        for device in devices {
            if let Some(term) = self.refusing(device) {
                *seen.by_term.entry(term).or_default() += 1;
                continue;
            }
            seen.matching += 1;
            if let Some(usage) = self.question.inventory.usage(&device.id()) {
                seen.held += usize::from(usage.is_exclusive(features.consumable_capacity));
                let holders = usage.holders().iter().map(|holder| &holder.claim);
                for claim in holders.collect::<BTreeSet<_>>() {
                    *seen.holders.entry(claim.clone()).or_default() += 1;
                }
            }
            if features.device_taints {
                seen.taints.extend(self.taints(device));
            }
        }
        seen
    }

    fn taints(&self, device: &Published) -> Vec<String> {
        let id = device.id();
        let has_rules = self.question.options.allocation.features.device_taint_rules;
        let rules = self.question.inventory.taint_rules().filter(|rule| {
            has_rules && taint::rule_applies(rule, &id.driver, &id.pool, &id.device)
        });
        let of_rules = rules.map(|rule| &rule.spec.taint);
        let all = device.device().taints.iter().chain(of_rules);
        all.filter(|taint| taint::blocks(taint, self.tolerations))
            .map(|taint| shown(&taint.key, &taint.value, &taint.effect))
            .collect()
    }
}

/// A taint as kubectl writes it.
pub(super) fn shown(key: &str, value: &str, effect: &str) -> String {
    if value.is_empty() {
        format!("{key}:{effect}")
    } else {
        format!("{key}={value}:{effect}")
    }
}
