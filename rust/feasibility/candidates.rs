//! One device for one wish, when nothing of the pod is placed: does it pass every check, and if not, which refuses.
//!
//! The checks are upstream's, in upstream's order, each from its only place. Never looks at two devices together.
//! Start at [`Checks::verdict`].

use super::counters::{Counters, Groups};
use super::prepare::{Prepared, PreparedWish};
use super::selectors::Selectors;
use super::view::View;
use crate::claim::capacity::Size;
use crate::claim::taint;
use crate::explanation::Reason;
use crate::wire::slice::DeviceAttribute;

/// What became of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It passed every check.
    Left,
    /// The first check that refused it.
    Removed(Reason),
    /// A check fails on it, with upstream's text; fatal once the search gets there.
    Fails(String),
}

/// What the checks of single devices need beside the device.
pub struct Checks<'v, 's, 'a> {
    view: &'v View<'v>,
    selectors: &'s mut Selectors<'a>,
    counters: Counters<'v>,
    groups: Groups,
}

impl<'v, 's, 'a> Checks<'v, 's, 'a> {
    /// Checks against what is held now.
    pub fn new(view: &'v View<'v>, selectors: &'s mut Selectors<'a>) -> Self {
        Self {
            counters: Counters::new(view),
            groups: Groups::new(view),
            view,
            selectors,
        }
    }

    /// Which check refuses the device for the wish when nothing else is taken.
    pub fn verdict(
        &mut self,
        prepared: &Prepared<'_>,
        wish: &PreparedWish<'_>,
        device: usize,
    ) -> Verdict {
        match self.first_refusal(prepared, wish, device) {
            Ok(None) => Verdict::Left,
            Ok(Some(reason)) => Verdict::Removed(reason),
            Err(text) => Verdict::Fails(text),
        }
    }

    fn first_refusal(
        &mut self,
        prepared: &Prepared<'_>,
        wish: &PreparedWish<'_>,
        device: usize,
    ) -> Result<Option<Reason>, String> {
        let view = self.view;
        let viewed = &view.devices[device];
        let conditions = viewed
            .document()
            .binding_conditions
            .as_deref()
            .unwrap_or_default();
        let is_gated = gates_refuse(view, device);
        let waits = !view.features.device_binding_and_status && !conditions.is_empty();
        let asked = wish.wish;
        if !asked.is_admin() && viewed.is_held() {
            return Ok(Some(match (is_gated || waits, viewed.is_excluded()) {
                (true, _) => Reason::Gate,
                (false, true) => Reason::Excluded,
                (false, false) => Reason::InUse,
            }));
        }
        let is_selectable = waits
            || self
                .selectors
                .is_selectable(view, prepared.claim, wish, device)?;
        if is_gated || waits {
            return Ok(Some(Reason::Gate));
        }
        if !is_selectable {
            let is_of_class = self.selectors.is_of_class(view, wish, device)?;
            let reason = if is_of_class {
                Reason::Selector
            } else {
                Reason::Class
            };
            return Ok(Some(reason));
        }
        if view.features.consumable_capacity && !has_capacity(view, wish, device)? {
            return Ok(Some(Reason::Capacity));
        }
        if !self.has_counters(device) {
            return Ok(Some(Reason::Counters));
        }
        let is_tainted = view
            .taints(device)
            .any(|t| taint::blocks(t, asked.tolerations));
        if view.features.device_taints && is_tainted {
            return Ok(Some(Reason::Taint));
        }
        Ok((!self.has_attributes(prepared, wish, device)?).then_some(Reason::Constraint))
    }

    /// Whether the counters of the device, and its groups, allow one more user.
    fn has_counters(&mut self, device: usize) -> bool {
        let viewed = &self.view.devices[device];
        if viewed.is_shareable() && viewed.has_shares()
            || viewed.document().consumes_counters.is_empty()
        {
            return true;
        }
        if self.view.features.compatibility_groups {
            match self.groups.admit(self.view, device) {
                None => return false,
                Some(before) => self.groups.restore(before),
            }
        }
        let is_enough = self.counters.reserve(self.view, device);
        if is_enough {
            self.counters.free(self.view, device);
        }
        is_enough
    }

    /// Whether every constraint that the wish is under accepts the device as its only one.
    fn has_attributes(
        &mut self,
        prepared: &Prepared<'_>,
        wish: &PreparedWish<'_>,
        device: usize,
    ) -> Result<bool, String> {
        for constraint in wish.under.iter().map(|at| &prepared.constraints[*at]) {
            let attribute = constrained(self.view, wish, constraint.attribute(), device)?;
            let lists = self.view.features.list_type_attributes;
            if !constraint.accepts_alone(attribute.as_ref(), lists) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The value that a constraint compares: derived for the wish, else published. An error is upstream's text and fatal.
pub fn constrained(
    view: &View<'_>,
    wish: &PreparedWish<'_>,
    attribute: &str,
    device: usize,
) -> Result<Option<DeviceAttribute>, String> {
    let viewed = &view.devices[device];
    let of_wish = wish.wish.derived.iter().rfind(|d| d.name == attribute);
    let Some(derived) = of_wish else {
        let attributes = &viewed.document().attributes;
        return Ok(
            crate::attribute::lookup(attributes, attribute, &viewed.slice.pool().driver).cloned(),
        );
    };
    let name = &derived.name;
    let compiled = crate::cel::compiled_derived(&derived.expression);
    let program = compiled
        .as_ref()
        .as_ref()
        .map_err(|error| format!("compile derived attribute {name} failed: {error}"))?;
    let value = program.value(viewed.cel_device());
    value.map(Some).map_err(|error| {
        let id = viewed.id();
        format!("evaluate derived attribute {name} on device {id} failed: {error}")
    })
}

/// Whether the device has enough capacity left for the wish.
fn has_capacity(view: &View<'_>, wish: &PreparedWish<'_>, device: usize) -> Result<bool, String> {
    let viewed = &view.devices[device];
    if wish.wish.capacity.is_none() && viewed.is_whole() {
        return Ok(true);
    }
    let capacity = &viewed.document().capacity;
    let fractional = view.features.fractional_capacity_range;
    let size = Size::of(wish.wish.capacity, capacity, fractional)?;
    size.fits(capacity, |name| view.consumed(device, name))
}

/// Whether a gate that is off, or a feature that the node lacks, rules the device out.
pub fn gates_refuse(view: &View<'_>, device: usize) -> bool {
    let viewed = &view.devices[device];
    let spec = &viewed.slice.document().spec;
    let skips_operations = view.features.is_experimental() && !spec.skip_node_operations.is_empty();
    let declared = &view.node.status.declared_features;
    let has_feature = || {
        let mut declared = declared.iter();
        view.features.optional_node_operations
            && declared.any(|feature| feature == "DRAOptionalNodeOperations")
    };
    skips_operations && !has_feature()
        || !view.features.partitionable_devices && !viewed.document().consumes_counters.is_empty()
}
