//! Which devices the selectors of class and request take.
//!
//! Equal pairs of class and selectors are one slot, whichever claim they stand in; a slot looks at a device once, and
//! on large slices at what was found for devices and slices that look alike to the selector.
//! Errors are upstream's texts, are fatal and are not remembered. Start at [`Selectors::is_selectable`].

use std::sync::Arc;

use super::prepare::PreparedWish;
use super::view::{DeviceView, View};
use crate::attribute::fingerprint;
use crate::cel;
use crate::claim::key;
use crate::inventory::pool::device_matches;
use crate::inventory::{MANY_DEVICES, OfSlice, Slice};
use crate::wire::claim::{DeviceClass, DeviceSelector, ResourceClaim};

/// A selector in use.
#[derive(Clone)]
struct Compiled {
    /// As it compiled, or why it does not.
    selector: Arc<Result<cel::Selector, cel::CompileError>>,
    seen: Seen,
}

/// What a selector said last.
#[derive(Clone, Default)]
struct Seen {
    /// The slice looked at, with what is known of its devices.
    slice: Option<(Arc<Slice>, OfSlice)>,
    /// The verdict on all readable devices of a driver, where its name is all that is read.
    driver: Option<(Arc<str>, bool)>,
    /// For slices of a shape the column that must have a text with this fingerprint, if one must.
    sought: Option<(u32, Option<(usize, u8)>)>,
}

impl Seen {
    /// Whether the device is selected.
    fn matches(
        &mut self,
        selector: &cel::Selector,
        view: &View<'_>,
        device: &DeviceView<'_>,
    ) -> Result<bool, cel::RuntimeError> {
        if device.slice.is_readable() && selector.reads().is_about_driver() {
            return self.driver_matches(selector, device);
        }
        if !has_many(device.slice) {
            if device.slice.is_readable() && self.has_other_text(device) {
                return Ok(false);
            }
            let verdict = selector.matches(device.cel_device())?;
            if !verdict {
                self.seek(selector, device.slice);
            }
            return Ok(verdict);
        }
        let known = self.of_slice(selector, view, device.slice);
        if let Some(verdict) = known.get(device.index as usize) {
            return Ok(verdict);
        }
        let verdict = selector.matches(device.cel_device())?;
        known.set(selector, device.slice, device.index as usize, verdict);
        Ok(verdict)
    }

    /// Notes where the text stands that the selector seeks, if it seeks one: it has refused a device, and will more.
    fn seek(&mut self, selector: &cel::Selector, slice: &Slice) {
        let kind = slice.kind();
        if self.sought.is_some_and(|(shape, _)| shape == kind.shape) {
            return;
        }
        let sought = selector.sought().and_then(|(domain, id, text)| {
            let attribute = std::iter::once((domain, Some(id)));
            match *kind.columns_read(&slice.pool().driver, attribute) {
                [column] => Some((column, fingerprint(text))),
                // Published twice, with and without domain.
                _ => None,
            }
        });
        self.sought = Some((kind.shape, sought));
    }

    /// Whether the device surely has another text than the one that is sought. Says so for nearly all that have, without a
    /// look at the device, which would be one at memory far away.
    fn has_other_text(&self, device: &DeviceView<'_>) -> bool {
        let Some((shape, Some((column, sought)))) = self.sought else {
            return false;
        };
        let kind = device.slice.kind();
        if shape != kind.shape {
            return false;
        }
        let published = kind.marks(column);
        let published = published.map_or(0, |column| column[device.index as usize]);
        published != 0 && published != sought
    }

    /// What was said of the devices of a large slice and of slices like it.
    fn of_slice(
        &mut self,
        selector: &cel::Selector,
        view: &View<'_>,
        slice: &Arc<Slice>,
    ) -> &OfSlice {
        if !matches!(&self.slice, Some((last, _)) if Arc::ptr_eq(last, slice)) {
            self.slice = None;
        }
        let look = || {
            (
                Arc::clone(slice),
                view.inventory.verdicts().of(selector, slice),
            )
        };
        &self.slice.get_or_insert_with(look).1
    }

    /// Narrows what is known of the devices of a large slice down to those that the selector, too, is known to take;
    /// nothing is evaluated.
    fn narrow(
        &mut self,
        selector: &cel::Selector,
        view: &View<'_>,
        slice: &Arc<Slice>,
        known: &mut [Option<bool>],
    ) {
        let of_all = slice.is_readable() && selector.reads().is_about_driver();
        let of_driver = self.driver.as_ref();
        let of_driver = of_driver.filter(|(driver, _)| Arc::ptr_eq(driver, &slice.pool().driver));
        let of_driver = of_driver.map(|(_, verdict)| *verdict);
        let of_slice = (!of_all).then(|| self.of_slice(selector, view, slice));
        for (device, known) in known.iter_mut().enumerate() {
            if *known == Some(true) {
                *known = of_slice.map_or(of_driver, |of_slice| of_slice.get(device));
            }
        }
    }

    /// As [`Seen::matches`], without a look at every device, each of which would be a miss of the cache.
    fn driver_matches(
        &mut self,
        selector: &cel::Selector,
        device: &DeviceView<'_>,
    ) -> Result<bool, cel::RuntimeError> {
        let driver = &device.slice.pool().driver;
        if let Some((of, verdict)) = &self.driver
            && Arc::ptr_eq(of, driver)
        {
            return Ok(*verdict);
        }
        let verdict = selector.matches(device.cel_device())?;
        self.driver = Some((Arc::clone(driver), verdict));
        Ok(verdict)
    }
}

/// Whether verdicts on the devices of a slice are shared among them, and with slices like it.
fn has_many(slice: &Slice) -> bool {
    slice.document().spec.devices.len() >= MANY_DEVICES
}

/// The verdicts on the devices of one view; nothing evaluated yet in a new one.
#[derive(Default)]
pub struct Selectors<'a> {
    slots: Vec<Slot<'a>>,
}

struct Slot<'a> {
    class: Arc<DeviceClass>,
    selectors: &'a [DeviceSelector],
    of_class: Vec<Option<Compiled>>,
    of_request: Vec<Option<Compiled>>,
    /// What is known, by position of the device.
    known: Vec<Option<bool>>,
    /// Where the slice begins of which all that was known has been noted last.
    recalled: Option<usize>,
}

impl<'a> Selectors<'a> {
    /// Forgets what was said of the devices of the view, for one of other devices.
    pub fn forget(&mut self) {
        for slot in &mut self.slots {
            slot.known.clear();
            slot.recalled = None;
        }
    }

    /// The slot of a class with the selectors of a request.
    pub(super) fn slot(
        &mut self,
        class: &Arc<DeviceClass>,
        selectors: &'a [DeviceSelector],
    ) -> usize {
        let is_same =
            |slot: &Slot<'_>| Arc::ptr_eq(&slot.class, class) && slot.selectors == selectors;
        if let Some(slot) = self.slots.iter().position(is_same) {
            return slot;
        }
        self.slots.push(Slot {
            class: Arc::clone(class),
            selectors,
            of_class: vec![None; class.spec.selectors.len()],
            of_request: vec![None; selectors.len()],
            known: Vec::new(),
            recalled: None,
        });
        self.slots.len() - 1
    }

    /// How many devices from a position on are known to be refused before one that is not.
    pub fn refused(&self, wish: &PreparedWish<'_>, from: usize) -> usize {
        let known = self.slots[wish.slot].known.get(from..);
        let known = known.unwrap_or_default().iter();
        known.take_while(|known| **known == Some(false)).count()
    }

    /// Whether class and request take the device, and whether it is for this node. An error is upstream's text and
    /// fatal.
    pub fn is_selectable(
        &mut self,
        view: &View<'_>,
        claim: &ResourceClaim,
        wish: &PreparedWish<'_>,
        position: usize,
    ) -> Result<bool, String> {
        let slot = &mut self.slots[wish.slot];
        if let Some(Some(known)) = slot.known.get(position) {
            return Ok(*known);
        }
        let device = &view.devices[position];
        let may_wait = !view.features.device_binding_and_status
            && device.slice.devices_at_large().has_conditions;
        let conditions = || device.document().binding_conditions.as_deref();
        if may_wait && !conditions().unwrap_or_default().is_empty() {
            return Ok(false);
        }
        let is_selectable = slot.is_of_class(view, position)?
            && slot.is_of_request(view, claim, position)?
            && is_for_node(view, position)?;
        if slot.known.is_empty() {
            slot.known.resize(view.devices.len(), None);
        }
        slot.known[position] = Some(is_selectable);
        if !may_wait {
            slot.recall(view, position);
        }
        Ok(is_selectable)
    }

    /// Whether the class alone takes the device.
    pub(super) fn is_of_class(
        &mut self,
        view: &View<'_>,
        wish: &PreparedWish<'_>,
        position: usize,
    ) -> Result<bool, String> {
        self.slots[wish.slot].is_of_class(view, position)
    }
}

impl Slot<'_> {
    /// Notes what is known of the other devices of the slice of a device, since they will be asked for one by one.
    fn recall(&mut self, view: &View<'_>, position: usize) {
        let DeviceView { slice, index, .. } = view.devices[position];
        let spec = &slice.document().spec;
        let start = position - index as usize;
        if !has_many(slice)
            || spec.per_device_node_selection == Some(true)
            || self.recalled == Some(start)
        {
            return;
        }
        self.recalled = Some(start);
        let mut known = vec![Some(true); spec.devices.len()];
        for compiled in self.of_class.iter_mut().chain(&mut self.of_request) {
            // Without one it was not asked yet, or is an error for whoever gets to it.
            let asked = compiled.as_mut().and_then(|Compiled { selector, seen }| {
                let selector: &Arc<Result<_, _>> = selector;
                Some(((**selector).as_ref().ok()?, seen))
            });
            if let Some((selector, seen)) = asked {
                seen.narrow(selector, view, slice, &mut known);
            } else {
                let unsure = known.iter_mut().filter(|known| **known == Some(true));
                unsure.for_each(|known| *known = None);
            }
        }
        for (own, known) in self.known[start..].iter_mut().zip(known) {
            *own = own.or(known);
        }
    }

    fn is_of_class(&mut self, view: &View<'_>, position: usize) -> Result<bool, String> {
        let class = &self.class;
        hold(
            view,
            position,
            (&class.spec.selectors, &mut self.of_class),
            &|| format!("class {}", class.metadata.name),
        )
    }

    fn is_of_request(
        &mut self,
        view: &View<'_>,
        claim: &ResourceClaim,
        position: usize,
    ) -> Result<bool, String> {
        hold(
            view,
            position,
            (self.selectors, &mut self.of_request),
            &|| format!("claim {}", key(claim)),
        )
    }
}

fn hold(
    view: &View<'_>,
    position: usize,
    (selectors, compiled): (&[DeviceSelector], &mut [Option<Compiled>]),
    whose: &dyn Fn() -> String,
) -> Result<bool, String> {
    let device = &view.devices[position];
    for (index, (selector, compiled)) in selectors.iter().zip(compiled).enumerate() {
        let Some(cel) = &selector.cel else {
            // Requests were checked before; upstream crashes on a class like this.
            return Err(format!(
                "{}: selector #{index}: CEL expression empty",
                whose()
            ));
        };
        let compiled = compiled.get_or_insert_with(|| Compiled {
            selector: cel::compiled(&cel.expression),
            seen: Seen::default(),
        });
        let selector = compiled.selector.as_ref().as_ref().map_err(|error| {
            format!("{}: selector #{index}: CEL compile error: {error}", whose())
        })?;
        let seen = &mut compiled.seen;
        let is_match = seen.matches(selector, view, device).map_err(|error| {
            let id = device.id();
            format!(
                "{}: selector #{index} on device {id}: CEL runtime error: {error}",
                whose()
            )
        })?;
        if !is_match {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether a device that selects nodes for itself selects this one. Oddity: asked after the selectors.
fn is_for_node(view: &View<'_>, position: usize) -> Result<bool, String> {
    let device = &view.devices[position];
    if device.slice.document().spec.per_device_node_selection != Some(true) {
        return Ok(true);
    }
    device_matches(device.document(), &view.node)
}
