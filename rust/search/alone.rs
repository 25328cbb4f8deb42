//! One device and one wish on their own: which check refuses first.
//!
//! Uses the same checks as the search, one at a time; leaves the attempt as it was.

use super::attempt::{Attempt, gates_refuse};
use super::view::View;
use crate::claim::taint;
use crate::explanation::Reason;

/// What became of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alone {
    /// It passed every check.
    Left,
    /// The first check that refused it.
    Removed(Reason),
}

impl Attempt<'_> {
    /// Which check refuses the device for the wish when nothing else is taken.
    pub fn alone(&mut self, view: &View<'_>, at: (usize, usize, usize), device: usize) -> Alone {
        match self.first_refusal(view, at, device) {
            Some(reason) => Alone::Removed(reason),
            None => Alone::Left,
        }
    }

    fn first_refusal(
        &mut self,
        view: &View<'_>,
        (claim, request, alternative): (usize, usize, usize),
        device: usize,
    ) -> Option<Reason> {
        let viewed = &view.devices[device];
        let conditions = viewed
            .document()
            .binding_conditions
            .as_deref()
            .unwrap_or_default();
        if gates_refuse(view, device)
            || !view.features.device_binding_and_status && !conditions.is_empty()
        {
            return Some(Reason::Gate);
        }
        let prepared = &self.claims[claim];
        let wish = &prepared.requests[request].wishes[alternative];
        let asked = wish.wish;
        if !asked.is_admin() && viewed.is_held {
            return Some(Reason::InUse);
        }
        let is_of_class = self.selectors.is_of_class(view, wish, device);
        if !is_of_class.unwrap_or(false) {
            return Some(Reason::Class);
        }
        if !self
            .selectors
            .is_selectable(view, prepared.claim, wish, device)
            .unwrap_or(false)
        {
            return Some(Reason::Selector);
        }
        let sharing = view.features.consumable_capacity;
        if sharing && !self.has_capacity(view, wish, device).unwrap_or(false) {
            return Some(Reason::Capacity);
        }
        if !self.has_counters(view, device) {
            return Some(Reason::Counters);
        }
        let is_tainted = viewed.taints().any(|t| taint::blocks(t, asked.tolerations));
        if view.features.device_taints && is_tainted {
            return Some(Reason::Taint);
        }
        let is_accepted = self.take(view, (claim, request, alternative), device, false);
        match is_accepted {
            Ok(super::attempt::Try::Taken(taken)) => {
                self.give_back(view, claim, taken);
                None
            }
            _ => Some(Reason::Constraint),
        }
    }
}
