//! The state of one attempt: which devices are taken for which request, and how to take one back.
//!
//! Everything that [`Attempt::take`] changes is written down in a [`Taken`], so that [`Attempt::give_back`] restores
//! the state exactly. Never decides which device to try next. Start at [`Attempt::take`].

use rustc_hash::FxHashMap;

use super::values::{Asked, Values};
use crate::claim::capacity::{self, Amounts, Size};
use crate::claim::constraint::{Constraint, Value};
use crate::claim::{key, taint};
use crate::feasibility::Selectors;
use crate::feasibility::candidates::{constrained, gates_refuse};
use crate::feasibility::counters::{Counters, Groups, GroupsBefore};
use crate::feasibility::prepare::{Prepared, PreparedWish};
use crate::feasibility::view::View;

/// A device picked for a wish.
#[derive(Clone, Debug)]
pub struct Pick {
    /// Position of the device in the view.
    pub device: usize,
    /// Position of the request in the claim.
    pub request: usize,
    /// Position of the alternative in the request.
    pub alternative: usize,
    /// What it consumes, if it is a share.
    pub share: Option<Amounts>,
}

/// What taking a device changed beside adding the pick.
#[derive(Debug)]
pub struct Taken {
    device: usize,
    request: usize,
    alternative: usize,
    constraints: usize,
    groups: Option<GroupsBefore>,
    has_counters: bool,
    is_marked: bool,
    share: Option<Amounts>,
    has_pick: bool,
}

/// The answer to the try of one device.
pub enum Try {
    /// It is taken.
    Taken(Taken),
    /// It cannot be taken; nothing has changed.
    Refused,
}

/// Devices taken so far.
pub struct Attempt<'a> {
    /// The claims, with the running state of their constraints.
    pub claims: Vec<Prepared<'a>>,
    /// Picks by claim, in the order they were made.
    pub picks: Vec<Vec<Pick>>,
    /// Selector memo.
    pub selectors: Selectors<'a>,
    /// What is taken of devices, in the order it was taken.
    uses: Vec<Use>,
    /// By position of the device how many uses there were when it was last taken; 0 where nothing is taken of it.
    last_use: Vec<u32>,
    counters: Counters<'a>,
    groups: Groups,
    /// What constraints compare.
    values: Values,
    /// What is asked for comes to on a device, by number of what is asked for and by device.
    sizes: FxHashMap<(usize, usize), Result<Size, String>>,
}

/// What is taken of a device at once.
struct Use {
    what: What,
    /// Of the use of the same device before it, as in [`Attempt::last_use`].
    before: u32,
}

enum What {
    /// All of it, by this claim.
    Whole(usize),
    /// A share.
    Share(Amounts),
}

impl<'a> Attempt<'a> {
    /// Nothing taken.
    pub fn new(view: &View<'a>, claims: Vec<Prepared<'a>>, selectors: Selectors<'a>) -> Self {
        Self {
            picks: claims.iter().map(|_| Vec::new()).collect(),
            values: Values::new(&claims, view.devices.len()),
            claims,
            selectors,
            uses: Vec::new(),
            last_use: vec![0; view.devices.len()],
            counters: Counters::new(view),
            groups: Groups::new(view),
            sizes: FxHashMap::default(),
        }
    }

    /// Gives everything back, for a view of which other devices are held since.
    pub fn renew(&mut self, view: &View<'a>) {
        for claim in &mut self.claims {
            claim.constraints.iter_mut().for_each(Constraint::clear);
        }
        self.picks.iter_mut().for_each(Vec::clear);
        self.uses.clear();
        self.last_use.fill(0);
        self.counters.renew(view);
        self.groups = Groups::new(view);
    }

    /// Forgets what is known of the devices, for a view of others that differ from them in names and attributes alone.
    pub fn forget(&mut self) {
        self.selectors.forget();
        self.values.forget();
    }

    /// The wish at a place.
    pub fn wish(&self, claim: usize, request: usize, alternative: usize) -> &PreparedWish<'a> {
        &self.claims[claim].requests[request].wishes[alternative]
    }

    /// Whether the device is taken in a way that rules it out for the wish.
    pub fn is_in_use(&self, view: &View<'_>, claim: usize, is_admin: bool, device: usize) -> bool {
        if is_admin {
            self.is_taken_by(claim, device)
        } else {
            let is_whole = |what: &What| matches!(what, What::Whole(_));
            view.devices[device].is_held() || self.uses(device).any(is_whole)
        }
    }

    /// Whether the claim takes all of the device already.
    fn is_taken_by(&self, claim: usize, device: usize) -> bool {
        let mut uses = self.uses(device);
        uses.any(|what| matches!(what, What::Whole(by) if *by == claim))
    }

    /// What is taken of a device, the latest first.
    fn uses(&self, device: usize) -> impl Iterator<Item = &What> {
        let at = |last: u32| self.uses.get((last as usize).checked_sub(1)?);
        let uses = std::iter::successors(at(self.last_use[device]), move |used| at(used.before));
        uses.map(|used| &used.what)
    }

    fn shares(&self, device: usize) -> impl Iterator<Item = &Amounts> {
        self.uses(device).filter_map(|what| match what {
            What::Share(share) => Some(share),
            What::Whole(_) => None,
        })
    }

    fn has_shares(&self, device: usize) -> bool {
        self.shares(device).next().is_some()
    }

    fn add_use(&mut self, device: usize, what: What) {
        let before = self.last_use[device];
        self.uses.push(Use { what, before });
        self.last_use[device] = u32::try_from(self.uses.len()).unwrap_or(u32::MAX);
    }

    /// Takes back the last use there is, which is one of the device.
    fn drop_use(&mut self, device: usize) {
        if let Some(last) = self.uses.pop() {
            self.last_use[device] = last.before;
        }
    }

    /// Whether the device has enough capacity left for the wish. An error is upstream's text and fatal.
    pub fn has_capacity(
        &mut self,
        view: &View<'_>,
        (claim, request, alternative): (usize, usize, usize),
        device: usize,
    ) -> Result<bool, String> {
        let wish = self.wish(claim, request, alternative);
        let viewed = &view.devices[device];
        if wish.wish.capacity.is_none() && viewed.is_whole() && !self.has_shares(device) {
            return Ok(true);
        }
        let (asked, number) = (wish.wish.capacity, wish.size);
        let capacity = &viewed.document().capacity;
        let fractional = view.features.fractional_capacity_range;
        let known = self.sizes.entry((number, device));
        known.or_insert_with(|| Size::of(asked, capacity, fractional));
        let size = self.sizes[&(number, device)].as_ref();
        let size = size.map_err(String::clone)?;
        size.fits(capacity, |name| {
            let taken = self.shares(device).filter_map(|share| share.get(name));
            taken.fold(view.consumed(device, name), |sum, amount| {
                sum.saturating_add(amount.nanos())
            })
        })
    }

    /// Takes the device for the wish, if gates, counters, taints, constraints and capacity allow it. With `must` a
    /// refusing constraint is an error. Errors are upstream's texts and fatal.
    pub fn take(
        &mut self,
        view: &View<'_>,
        place: (usize, usize, usize),
        device: usize,
        must: bool,
    ) -> Result<Try, String> {
        let (claim, request, alternative) = place;
        let viewed = &view.devices[device];
        let is_admin = self.wish(claim, request, alternative).wish.is_admin();
        // A shared device may be taken for administration more than once by one claim.
        let is_admin_share = is_admin && viewed.is_shareable();
        if !is_admin_share && self.is_in_use(view, claim, is_admin, device)
            || gates_refuse(view, device)
        {
            return Ok(Try::Refused);
        }
        // Constraints on what is published cannot fail with an error, and refuse most: whether they do is the same before
        // and after what upstream asks first.
        let comes_first = !must
            && self
                .wish(claim, request, alternative)
                .wish
                .derived
                .is_empty();
        if comes_first && !self.is_accepted(view, place, device)? {
            return Ok(Try::Refused);
        }
        let mut taken = Taken {
            device,
            request,
            alternative,
            constraints: 0,
            groups: None,
            has_counters: false,
            is_marked: false,
            share: None,
            has_pick: false,
        };
        match self.admit(view, place, &mut taken, must) {
            Ok(true) => {
                self.picks[claim].push(Pick {
                    device,
                    request,
                    alternative,
                    share: taken.share.clone(),
                });
                taken.has_pick = true;
                Ok(Try::Taken(taken))
            }
            Ok(false) => {
                self.give_back(view, claim, taken);
                Ok(Try::Refused)
            }
            Err(error) => {
                self.give_back(view, claim, taken);
                Err(error)
            }
        }
    }

    /// The checks that change something, in upstream's order; what they changed is in `taken`.
    fn admit(
        &mut self,
        view: &View<'_>,
        (claim, request, alternative): (usize, usize, usize),
        taken: &mut Taken,
        must: bool,
    ) -> Result<bool, String> {
        let viewed = &view.devices[taken.device];
        let wish = self.wish(claim, request, alternative).wish;
        if !self.admit_counters(view, taken) {
            return Ok(false);
        }
        if view.features.device_taints
            && view
                .taints(taken.device)
                .any(|t| taint::blocks(t, wish.tolerations))
        {
            return Ok(false);
        }
        if !self.push_all(view, (claim, request, alternative), taken)? {
            if must {
                return Err(format!(
                    "claim {}, request {}: cannot add device {} because a claim constraint would not be satisfied",
                    key(self.claims[claim].claim),
                    wish.name,
                    viewed.id()
                ));
            }
            return Ok(false);
        }
        if !viewed.is_shareable() {
            taken.is_marked = !self.is_taken_by(claim, taken.device);
            if taken.is_marked {
                self.add_use(taken.device, What::Whole(claim));
            }
        }
        self.admit_capacity(view, (claim, request, alternative), taken)
    }

    /// Counters and compatibility groups.
    fn admit_counters(&mut self, view: &View<'_>, taken: &mut Taken) -> bool {
        let viewed = &view.devices[taken.device];
        // A further share of a device adds nothing to its counters.
        let is_further_share =
            viewed.is_shareable() && (viewed.has_shares() || self.has_shares(taken.device));
        if is_further_share || viewed.document().consumes_counters.is_empty() {
            return true;
        }
        if view.features.compatibility_groups {
            taken.groups = self.groups.admit(view, taken.device);
            if taken.groups.is_none() {
                return false;
            }
        }
        taken.has_counters = self.counters.reserve(view, taken.device);
        taken.has_counters
    }

    fn admit_capacity(
        &mut self,
        view: &View<'_>,
        (claim, request, alternative): (usize, usize, usize),
        taken: &mut Taken,
    ) -> Result<bool, String> {
        if !view.features.consumable_capacity {
            return Ok(true);
        }
        let viewed = &view.devices[taken.device];
        let fits = self.has_capacity(view, (claim, request, alternative), taken.device);
        let wish = self.wish(claim, request, alternative);
        let named = |what: &str, error: String| {
            let (claim, name, id) = (key(self.claims[claim].claim), wish.wish.name, viewed.id());
            format!("claim {claim}, request {name}: {what} for device {id}: {error}")
        };
        if !fits.map_err(|error| named("rechecking capacity", error))? {
            return Ok(false);
        }
        if viewed.is_shareable() {
            let fractional = view.features.fractional_capacity_range;
            let consumed =
                capacity::consumed(wish.wish.capacity, &viewed.document().capacity, fractional)
                    .map_err(|error| named("computing consumed capacity", error))?;
            self.add_use(taken.device, What::Share(consumed.clone()));
            taken.share = Some(consumed);
        }
        Ok(true)
    }

    /// Shows the device to all constraints that the wish is under, until one refuses.
    fn push_all(
        &mut self,
        view: &View<'_>,
        (claim, request, alternative): (usize, usize, usize),
        taken: &mut Taken,
    ) -> Result<bool, String> {
        while let under = &self.wish(claim, request, alternative).under
            && let Some(constraint) = under.get(taken.constraints)
        {
            let constraint = *constraint;
            if !self.push(
                view,
                (claim, request, alternative),
                constraint,
                taken.device,
            )? {
                return Ok(false);
            }
            taken.constraints += 1;
        }
        Ok(true)
    }

    /// Shows the device to a constraint; true if it accepts.
    fn push(
        &mut self,
        view: &View<'_>,
        place: (usize, usize, usize),
        constraint: usize,
        device: usize,
    ) -> Result<bool, String> {
        let prepared = &mut self.claims[place.0];
        let wish = &prepared.requests[place.1].wishes[place.2];
        let is_derived = !wish.wish.derived.is_empty();
        let asked = self.values.of(place, constraint, is_derived, device);
        let rule = &mut prepared.constraints[constraint];
        let value = compared(asked, view, (wish, rule), device)?;
        Ok(rule.push(value, view.features.list_type_attributes))
    }

    /// Whether all constraints that the wish is under would accept the device now.
    fn is_accepted(
        &mut self,
        view: &View<'_>,
        place: (usize, usize, usize),
        device: usize,
    ) -> Result<bool, String> {
        let prepared = &self.claims[place.0];
        let wish = &prepared.requests[place.1].wishes[place.2];
        let is_derived = !wish.wish.derived.is_empty();
        for constraint in &wish.under {
            let rule = &prepared.constraints[*constraint];
            let asked = self.values.of(place, *constraint, is_derived, device);
            let value = compared(asked, view, (wish, rule), device)?;
            if !rule.accepts(value, view.features.list_type_attributes) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Takes a device back, in the opposite order it was taken.
    pub fn give_back(&mut self, view: &View<'_>, claim: usize, taken: Taken) {
        if taken.has_pick {
            self.picks[claim].pop();
        }
        // A device that can be shared is not marked.
        if taken.share.is_some() || taken.is_marked {
            self.drop_use(taken.device);
        }
        let prepared = &mut self.claims[claim];
        let wish = &prepared.requests[taken.request].wishes[taken.alternative];
        for constraint in wish.under[..taken.constraints].iter().rev() {
            prepared.constraints[*constraint].pop();
        }
        if let Some(before) = taken.groups {
            self.groups.restore(before);
        }
        if taken.has_counters {
            self.counters.free(view, taken.device);
        }
    }
}

/// What a constraint compares of a device, worked out if it was not before.
fn compared<'s>(
    asked: &'s mut Asked,
    view: &View<'_>,
    (wish, rule): (&PreparedWish<'_>, &Constraint<'_>),
    device: usize,
) -> Result<Option<&'s Value>, String> {
    if asked.is_none() {
        let value = constrained(view, wish, rule.attribute(), device)?;
        let lists = view.features.list_type_attributes;
        *asked = Some(value.map(|value| Value::of(&value, lists)));
    }
    Ok(asked.as_ref().and_then(Option::as_ref))
}
