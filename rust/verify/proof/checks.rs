//! The checks of one device for one way to serve a request, when nothing of the claims is placed.
//!
//! Each check can be asked for by its name. Never looks at two devices together. Start at [`Checks::first_refusal`].

use std::collections::BTreeSet;

use crate::inventory::DeviceId;
use crate::proof::Reason;
use crate::verify::attributes::{agrees, differs};
use crate::verify::capacity::{self, Fit};
use crate::verify::device::{compared_value, id};
use crate::verify::pools::{Found, device_reaches};
use crate::verify::replay::Replay;
use crate::verify::selectors::holds;
use crate::verify::wish::Wish;
use crate::wire::claim::{DeviceConstraint, DeviceSelector, ResourceClaim};

/// The checks in the order in which they are asked.
const ORDER: [Reason; 9] = [
    Reason::Gate,
    Reason::Excluded,
    Reason::InUse,
    Reason::Class,
    Reason::Selector,
    Reason::Capacity,
    Reason::Counters,
    Reason::Taint,
    Reason::Constraint,
];

/// The judge before it has seen any pick, with the devices that the caller leaves out.
pub(super) struct Checks<'r, 'p, 'a> {
    pub(super) replay: &'r Replay<'p, 'a>,
    pub(super) excluded: &'r BTreeSet<DeviceId>,
}

impl Checks<'_, '_, '_> {
    /// The first check that refuses the device. An error is that of the check before which nothing refuses it.
    pub(super) fn first_refusal(
        &self,
        claim: &ResourceClaim,
        wish: &Wish<'_>,
        found: Found<'_, '_>,
    ) -> Result<Option<Reason>, String> {
        for reason in ORDER {
            if self.refuses(reason, claim, wish, found)? {
                return Ok(Some(reason));
            }
        }
        Ok(None)
    }

    /// Whether the check of this name refuses the device. Devices of other nodes and of pools that cannot be used are
    /// none of the node's, so these two reasons refuse nothing here.
    pub(super) fn refuses(
        &self,
        reason: Reason,
        claim: &ResourceClaim,
        wish: &Wish<'_>,
        found: Found<'_, '_>,
    ) -> Result<bool, String> {
        let (replay, features) = (self.replay, self.replay.features);
        match reason {
            Reason::IncompletePool | Reason::InvalidPool => Ok(false),
            Reason::Node => self.is_elsewhere(found),
            Reason::Gate => {
                let conditions = found.device.binding_conditions.as_ref();
                let waits = conditions.is_some_and(|conditions| !conditions.is_empty());
                let is_off = !features.device_binding_and_status;
                Ok(replay.out_of_bounds(found).is_some() || is_off && waits)
            }
            Reason::Excluded => Ok(!wish.is_admin() && self.is_excluded(found)),
            Reason::InUse => Ok(replay.taken(wish, found).is_some()),
            Reason::Class => {
                let class = replay.class(wish.class);
                let selectors = class.map_or(&[][..], |class| &class.spec.selectors);
                Ok(!hold(selectors, found)?)
            }
            Reason::Selector => Ok(!hold(wish.selectors, found)? || self.is_elsewhere(found)?),
            Reason::Capacity => self.is_too_small(wish, found),
            Reason::Counters => Ok(replay.overdrawn(found).is_some()),
            Reason::Taint => Ok(replay.untolerated(wish, found).is_some()),
            Reason::Constraint => self.violates_alone(claim, wish, found),
        }
    }

    fn is_excluded(&self, found: Found<'_, '_>) -> bool {
        let (driver, pool, device) = id(found);
        self.excluded.contains(&DeviceId::new(driver, pool, device))
    }

    fn is_elsewhere(&self, found: Found<'_, '_>) -> Result<bool, String> {
        let per_device = found.slice.spec.per_device_node_selection == Some(true);
        Ok(per_device && !device_reaches(found.device, self.replay.documents.node)?)
    }

    fn is_too_small(&self, wish: &Wish<'_>, found: Found<'_, '_>) -> Result<bool, String> {
        let features = self.replay.features;
        if !features.consumable_capacity {
            return Ok(false);
        }
        let used = [self.replay.usage.held_amounts(id(found))];
        let capacities = &found.device.capacity;
        let fractional = features.fractional_capacity_range;
        let fit = capacity::fit(wish.capacity, capacities, &used, fractional)?;
        Ok(matches!(fit, Fit::No(_)))
    }

    /// Whether a constraint refuses the device although it is the only one.
    fn violates_alone(
        &self,
        claim: &ResourceClaim,
        wish: &Wish<'_>,
        found: Found<'_, '_>,
    ) -> Result<bool, String> {
        let lists = self.replay.features.list_type_attributes;
        for constraint in &claim.spec.devices.constraints {
            let Some((name, is_match)) = compares(constraint, wish) else {
                continue;
            };
            let value = compared_value(wish, found, name)?;
            let accepts = value.is_some_and(|value| {
                if is_match {
                    agrees(&[], &value, lists)
                } else {
                    differs(&[], &value, lists)
                }
            });
            if !accepts {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// The attribute that the constraint compares of devices for the wish, and whether it has to be the same; nothing if
/// the wish is not under the constraint.
pub(super) fn compares<'c>(
    constraint: &'c DeviceConstraint,
    wish: &Wish<'_>,
) -> Option<(&'c str, bool)> {
    if !constraint.requests.is_empty() && !wish.is_named_in(&constraint.requests) {
        return None;
    }
    let matching = constraint.match_attribute.as_deref();
    let name = matching.or(constraint.distinct_attribute.as_deref())?;
    Some((name, matching.is_some()))
}

fn hold(selectors: &[DeviceSelector], found: Found<'_, '_>) -> Result<bool, String> {
    for cel in selectors
        .iter()
        .filter_map(|selector| selector.cel.as_ref())
    {
        let (driver, device) = (found.pool.driver, found.device);
        if !holds(&cel.expression, driver, device)? {
            return Ok(false);
        }
    }
    Ok(true)
}
