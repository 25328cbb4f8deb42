//! The rules for one device of an answer: may it be taken now, and does the result say of it what it has to say?
//!
//! Start at [`Replay::check_device`].

use super::attributes;
use super::capacity::{self, Amounts, Fit};
use super::pools::{Found, device_reaches};
use super::replay::{Compared, Replay};
use super::selectors;
use super::usage::{Id, Pick};
use super::wish::{Wish, wishes};
use crate::wire::allocation::DeviceRequestAllocationResult;
use crate::wire::claim::{DeviceSelector, DeviceToleration, ResourceClaim};
use crate::wire::slice::{DeviceAttribute, DeviceTaint};

/// What a node declares if its drivers can do without some node operations.
const OPTIONAL_OPERATIONS: &str = "DRAOptionalNodeOperations";

impl<'p, 'a> Replay<'p, 'a> {
    /// Why the request does not mean the device, if so.
    pub(super) fn unselectable(
        &mut self,
        wish: &Wish<'_>,
        found: &Found<'_, '_>,
    ) -> Result<Option<String>, String> {
        let device = found.device;
        let conditions = device.binding_conditions.as_ref();
        let has_conditions = conditions.is_some_and(|conditions| !conditions.is_empty());
        if !self.features.device_binding_and_status && has_conditions {
            return Ok(Some(
                "it has binding conditions, which are switched off".to_owned(),
            ));
        }
        let class = self.class(wish.class).map(|class| &class.spec.selectors);
        let of_class = class.into_iter().flatten().map(|s| (s, "class"));
        let of_request = wish.selectors.iter().map(|s| (s, "request"));
        for (selector, whose) in of_class.chain(of_request) {
            let DeviceSelector { cel: Some(cel) } = selector else {
                continue;
            };
            let expression = cel.expression.as_str();
            let holds = selectors::holds(expression, found.pool.driver, device)
                .map_err(|text| format!("selector {expression:?} on {}: {text}", device.name))?;
            if !holds {
                return Ok(Some(format!(
                    "selector {expression:?} of the {whose} is false"
                )));
            }
        }
        let per_device = found.slice.spec.per_device_node_selection == Some(true);
        if per_device && !device_reaches(device, self.documents.node)? {
            return Ok(Some("it is for other nodes".to_owned()));
        }
        Ok(None)
    }

    pub(super) fn is_large_enough(
        &self,
        wish: &Wish<'_>,
        found: &Found<'_, '_>,
    ) -> Result<bool, String> {
        if !self.features.consumable_capacity {
            return Ok(true);
        }
        let capacities = &found.device.capacity;
        let fractional = self.features.fractional_capacity_range;
        let fit = capacity::fit(wish.capacity, capacities, &[], fractional)?;
        Ok(matches!(fit, Fit::Yes))
    }

    /// Whether the device may be taken at this point.
    pub(super) fn check_device(
        &mut self,
        field: &str,
        wish: &Wish<'p>,
        found: Found<'p, 'a>,
        compared: &mut [Compared<'_>],
    ) {
        let field = format!("{field}.device");
        match self.unselectable(wish, &found) {
            Ok(None) => {}
            Ok(Some(text)) | Err(text) => self.object(&field, text),
        }
        if wish.mode == "All" {
            let all = self.everything.get(&(self.claim.0, wish.place));
            if !all.is_some_and(|all| all.contains(&found.position)) {
                self.object(&field, "is not one of all devices that are meant");
            }
        }
        let mut texts = Vec::new();
        texts.extend(self.taken(wish, found));
        texts.extend(self.out_of_bounds(found));
        texts.extend(self.overdrawn(found));
        texts.extend(self.untolerated(wish, found));
        for constraint in compared {
            texts.extend(self.unconstrained(wish, found, constraint));
        }
        for text in texts {
            self.object(&field, text);
        }
    }

    pub(super) fn is_shared(&self, found: Found<'_, '_>) -> bool {
        self.features.consumable_capacity && found.device.allow_multiple_allocations == Some(true)
    }

    /// Whether somebody else has the device. Access for administration stands beside every user, but not twice in one
    /// claim; what it has taken, a later request of the pod cannot have.
    pub(super) fn taken(&self, wish: &Wish<'_>, found: Found<'_, '_>) -> Option<String> {
        let id = id(found);
        if wish.is_admin() {
            let twice = !self.is_shared(found) && self.usage.is_picked(id, Some(self.claim.0));
            return twice.then(|| "the claim has it already".to_owned());
        }
        if self.usage.is_held_exclusively(id) {
            return Some("another claim holds it".to_owned());
        }
        let picked = self.usage.is_picked(id, None);
        picked.then(|| "an earlier request has it".to_owned())
    }

    /// Whether the gates and the node allow the device.
    pub(super) fn out_of_bounds(&self, found: Found<'_, '_>) -> Option<String> {
        let node = &self.documents.node.status.declared_features;
        let skips = !found.slice.spec.skip_node_operations.is_empty();
        // Without any gate of the experimental channel, upstream does not look at this field.
        if skips && self.features.is_experimental() {
            if !self.features.optional_node_operations {
                return Some("it skips node operations, which is switched off".to_owned());
            }
            if !node.iter().any(|feature| feature == OPTIONAL_OPERATIONS) {
                return Some(format!("the node does not declare {OPTIONAL_OPERATIONS}"));
            }
        }
        let counts = !found.device.consumes_counters.is_empty();
        (counts && !self.features.partitionable_devices)
            .then(|| "it consumes counters, which is switched off".to_owned())
    }

    /// Whether the device pays counters if it is taken now: of the shares of a device only the first does.
    pub(super) fn pays_counters(&self, found: Found<'_, '_>) -> bool {
        !(self.is_shared(found) && self.usage.is_shared_already(id(found)))
    }

    pub(super) fn overdrawn(&self, found: Found<'p, 'a>) -> Option<String> {
        if found.device.consumes_counters.is_empty() || !self.pays_counters(found) {
            return None;
        }
        let groups = self.features.compatibility_groups;
        let refused = self.usage.incompatible(found.pool, found.device);
        if let Some(set) = refused.filter(|_| groups) {
            return Some(format!(
                "its compatibility groups do not fit those on {set}"
            ));
        }
        self.usage.overdrawn(found.pool, found.device)
    }

    pub(super) fn untolerated(&self, wish: &Wish<'_>, found: Found<'_, '_>) -> Option<String> {
        if !self.features.device_taints {
            return None;
        }
        let rules = self.documents.taint_rules.iter().filter(|rule| {
            // A rule without a selector means no device, one with an empty selector every device.
            let selector = rule.spec.device_selector.as_ref();
            let is = |wanted: &Option<String>, name: &str| {
                wanted.as_ref().is_none_or(|wanted| wanted == name)
            };
            self.features.device_taint_rules
                && selector.is_some_and(|selector| {
                    is(&selector.driver, found.pool.driver)
                        && is(&selector.pool, found.pool.name)
                        && is(&selector.device, &found.device.name)
                })
        });
        let mut taints = found
            .device
            .taints
            .iter()
            .chain(rules.map(|rule| &rule.spec.taint));
        let taint = taints.find(|taint| {
            ["NoSchedule", "NoExecute"].contains(&taint.effect.as_str())
                && !wish.tolerations.iter().any(|t| tolerates(t, taint))
        })?;
        Some(format!("taint {} is not tolerated", taint.key))
    }

    /// Whether the device violates the constraint beside those picked before.
    pub(super) fn unconstrained(
        &self,
        wish: &Wish<'_>,
        found: Found<'_, '_>,
        compared: &mut Compared<'_>,
    ) -> Option<String> {
        let constraint = compared.constraint;
        if !constraint.requests.is_empty() && !wish.is_named_in(&constraint.requests) {
            return None;
        }
        let matching = constraint.match_attribute.as_deref();
        let name = matching.or(constraint.distinct_attribute.as_deref())?;
        let value = match compared_value(wish, found, name) {
            Ok(value) => value,
            Err(text) => return Some(text),
        };
        let Some(value) = value else {
            return Some(format!(
                "it has no attribute {name}, which a constraint compares"
            ));
        };
        let lists = self.features.list_type_attributes;
        let before = &compared.values;
        let text = if matching.is_some() {
            (!attributes::agrees(before, &value, lists)).then(|| format!("its {name} is another"))
        } else {
            (!attributes::differs(before, &value, lists)).then(|| format!("its {name} is the same"))
        };
        compared.values.push(value);
        text
    }

    /// Whether the fields beside the device are what they have to be. Records the device as taken.
    pub(super) fn check_fields(
        &mut self,
        field: &str,
        claim: &ResourceClaim,
        wish: &Wish<'p>,
        found: Found<'p, 'a>,
        result: &DeviceRequestAllocationResult,
    ) {
        let binds = self.features.device_binding_and_status;
        let conditions =
            |list: Option<&[String]>| list.filter(|_| binds).unwrap_or_default().to_vec();
        let skips = self.features.is_experimental();
        let consumed = self.consumed(&format!("{field}.device"), wish, found);
        let admin = wish.is_admin().then_some(true);
        let device = found.device;
        let operations = &found.slice.spec.skip_node_operations;
        let faults = [
            ("adminAccess", result.admin_access != admin),
            (
                "tolerations",
                result.tolerations != tolerations_of(claim, wish),
            ),
            (
                "bindingConditions",
                result.binding_conditions != conditions(device.binding_conditions.as_deref()),
            ),
            (
                "bindingFailureConditions",
                result.binding_failure_conditions
                    != conditions(device.binding_failure_conditions.as_deref()),
            ),
            (
                "skipNodeOperations",
                result.skip_node_operations
                    != if skips {
                        operations.clone()
                    } else {
                        Vec::new()
                    },
            ),
            ("compatibilityGroups", result.compatibility_groups.is_some()),
            (
                "consumedCapacity",
                result.consumed_capacity != Some(consumed.clone()).filter(|c| !c.is_empty()),
            ),
        ];
        for (name, _) in faults.iter().filter(|(_, wrong)| *wrong) {
            self.object(
                format!("{field}.{name}"),
                "is not what the request and the device ask for",
            );
        }
        let shared = self.is_shared(found);
        if let Some(text) = self.wrong_share(shared, found, result.share_id.as_deref()) {
            self.object(format!("{field}.shareID"), text);
        }
        let pays_counters = self.pays_counters(found);
        self.usage.picks.push(Pick {
            claim: self.claim.0,
            found,
            shared,
            share_id: result.share_id.clone(),
            consumed,
            pays_counters,
        });
    }

    /// What the request consumes of a shared device; says so if that does not fit.
    fn consumed(&mut self, field: &str, wish: &Wish<'_>, found: Found<'_, '_>) -> Amounts {
        if !self.features.consumable_capacity {
            return Amounts::new();
        }
        let capacities = &found.device.capacity;
        let fractional = self.features.fractional_capacity_range;
        let picked = self.usage.picked_amounts(id(found));
        let used = [self.usage.held_amounts(id(found)), Some(&picked)];
        match capacity::fit(wish.capacity, capacities, &used, fractional) {
            Ok(Fit::Yes) => {}
            Ok(Fit::No(text)) | Err(text) => self.object(field, text),
        }
        if !self.is_shared(found) {
            return Amounts::new();
        }
        capacity::consumption(wish.capacity, capacities, fractional).unwrap_or_default()
    }

    fn wrong_share(
        &self,
        shared: bool,
        found: Found<'_, '_>,
        share_id: Option<&str>,
    ) -> Option<String> {
        match (shared, share_id) {
            (false, None) => None,
            (false, Some(_)) => Some("the device is not shared".to_owned()),
            (true, None) => Some("a share needs an identifier".to_owned()),
            (true, Some(share_id)) if !is_uuid(share_id) => {
                Some("is no lower-case UUID".to_owned())
            }
            (true, Some(share_id)) => self
                .usage
                .has_share(id(found), share_id)
                .then(|| "another share of the device has it".to_owned()),
        }
    }
}

pub(super) fn id<'a>(found: Found<'_, 'a>) -> Id<'a> {
    (found.pool.driver, found.pool.name, &found.device.name)
}

/// The tolerations a result carries. Upstream looks the request up by name again, so of two requests with the same
/// name (which the API does not admit) the first one's are copied.
fn tolerations_of<'c>(claim: &'c ResourceClaim, wish: &Wish<'c>) -> &'c [DeviceToleration] {
    let requests = claim.spec.devices.requests.iter().enumerate();
    let mut namesakes = requests.flat_map(|(place, request)| wishes(place, request));
    namesakes
        .find(|other| other.request == wish.request && other.alternative == wish.alternative)
        .map_or(wish.tolerations, |other| other.tolerations)
}

fn tolerates(toleration: &DeviceToleration, taint: &DeviceTaint) -> bool {
    let effect = toleration.effect.is_empty() || toleration.effect == taint.effect;
    let key = toleration.key.is_empty() || toleration.key == taint.key;
    let value = match toleration.operator.as_str() {
        "" | "Equal" => toleration.value == taint.value,
        "Exists" => true,
        _ => false,
    };
    effect && key && value
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.char_indices().all(|(index, c)| match index {
            8 | 13 | 18 | 23 => c == '-',
            _ => matches!(c, '0'..='9' | 'a'..='f'),
        })
}

/// The value that a constraint compares: derived for the wish, else published.
pub(super) fn compared_value(
    wish: &Wish<'_>,
    found: Found<'_, '_>,
    name: &str,
) -> Result<Option<DeviceAttribute>, String> {
    let mut derived = wish.derived.iter().rev();
    let driver = found.pool.driver;
    match derived.find(|derived| derived.name == name) {
        Some(derived) => selectors::derived(&derived.expression, driver, found.device)
            .map(Some)
            .map_err(|text| format!("derived attribute {name}: {text}")),
        None => Ok(attributes::published(found.device, driver, name).cloned()),
    }
}
