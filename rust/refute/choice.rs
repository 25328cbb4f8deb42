//! The ways to serve requests: which devices pass the checks, what constraints compare of them, what shares consume.
//!
//! Wishes for which the checks ask the same have one [`Sort`] in common. Start at [`Sorts::choice`].

use std::collections::BTreeMap;
use std::sync::Arc;

use fixedbitset::FixedBitSet;

use super::problem::Problem;
use crate::claim::constraint::Constraint;
use crate::claim::{Wish, capacity};
use crate::explanation::Reason;
use crate::feasibility::Selectors;
use crate::feasibility::candidates::{Checks, Verdict, constrained};
use crate::feasibility::prepare::{Prepared, PreparedWish};
use crate::feasibility::view::View;
use crate::proof::Element;
use crate::quantity::Quantity;

/// One way to serve a request.
pub(super) struct Choice {
    /// Devices it takes; one for an `All` that finds none.
    pub(super) needed: usize,
    pub(super) is_admin: bool,
    /// Rules it is under, in the order of the values of its sort.
    pub(super) rules: Vec<usize>,
    pub(super) sort: Arc<Sort>,
}

/// What the checks say, for all choices of which they ask the same.
pub(super) struct Sort {
    pub(super) number: usize,
    pub(super) candidates: FixedBitSet,
    /// Why the others are none.
    pub(super) excluded: Vec<(usize, Reason)>,
    values: Vec<Values>,
    /// What it consumes of the capacities of shared candidates, by device.
    pub(super) takes: BTreeMap<usize, Vec<i128>>,
    /// Whether no check fails on a device.
    is_clean: bool,
}

/// The values that a rule compares of candidates, by device; nothing where they are odd.
struct Values {
    of: Vec<Option<Vec<u32>>>,
    is_plain: bool,
}

impl Choice {
    /// Each rule, and what it compares of the device.
    pub(super) fn values_of(&self, device: usize) -> impl Iterator<Item = (usize, Option<&[u32]>)> {
        let values = self.sort.values.iter();
        let values = values.map(move |values| values.of[device].as_deref());
        self.rules.iter().copied().zip(values)
    }

    pub(super) fn values(&self, rule: usize, device: usize) -> Option<&[u32]> {
        let position = self.rules.iter().position(|own| *own == rule)?;
        self.sort.values[position].of[device].as_deref()
    }

    pub(super) fn is_under(&self, rule: usize) -> bool {
        self.rules.contains(&rule)
    }
}

/// All that the checks of a choice, and the values of its candidates, depend on.
struct Asked<'a> {
    slot: usize,
    wish: Wish<'a>,
    /// The devices of an `All` wish.
    all: Option<Vec<usize>>,
    /// What constraints compare.
    attributes: Vec<&'a str>,
}

impl Asked<'_> {
    fn is_like(&self, other: &Self) -> bool {
        let (own, others) = (&self.wish, &other.wish);
        self.slot == other.slot
            && self.all == other.all
            && self.attributes == other.attributes
            && own.is_admin() == others.is_admin()
            && own.tolerations == others.tolerations
            && own.capacity == others.capacity
            && own.derived == others.derived
    }
}

/// The sorts known so far.
#[derive(Default)]
pub(super) struct Sorts<'a> {
    known: Vec<(Asked<'a>, Arc<Sort>)>,
    /// The values met so far, by number.
    numbers: BTreeMap<Element, u32>,
}

impl<'a> Sorts<'a> {
    /// A way to serve a request; `first_rule` is the first of the claim.
    pub(super) fn choice(
        &mut self,
        problem: &mut Problem,
        view: &View<'_>,
        (claim, wish, first_rule): (&Prepared<'a>, &PreparedWish<'a>, usize),
        selectors: &mut Selectors<'a>,
    ) -> Choice {
        let constraints = claim.constraints.iter().enumerate();
        let (positions, constraints): (Vec<usize>, Vec<&Constraint<'a>>) = constraints
            .filter(|(_, constraint)| constraint.applies_to(&wish.wish))
            .unzip();
        let asked = Asked {
            slot: wish.slot,
            wish: wish.wish,
            all: wish.wish.wants_all().then(|| wish.all.clone()),
            attributes: constraints.iter().map(|c| c.attribute()).collect(),
        };
        let known = self.known.iter().find(|(known, _)| known.is_like(&asked));
        let sort = if let Some((_, sort)) = known {
            Arc::clone(sort)
        } else {
            let sort = self.sort(problem, view, (claim, wish), &constraints, selectors);
            let sort = Arc::new(sort);
            self.known.push((asked, Arc::clone(&sort)));
            sort
        };
        let rules: Vec<usize> = positions.iter().map(|at| first_rule + at).collect();
        // A constraint that an `All` violates is fatal, not just unfit.
        problem.is_clean &= sort.is_clean && (rules.is_empty() || !wish.wish.wants_all());
        for (rule, values) in rules.iter().zip(&sort.values) {
            problem.rules[*rule].is_plain &= values.is_plain;
        }
        let needed = if wish.wish.wants_all() {
            wish.all.len().max(1)
        } else {
            wish.devices
        };
        Choice {
            needed,
            is_admin: wish.wish.is_admin(),
            rules,
            sort,
        }
    }

    fn sort(
        &mut self,
        problem: &mut Problem,
        view: &View<'_>,
        (claim, wish): (&Prepared<'a>, &PreparedWish<'a>),
        constraints: &[&Constraint<'a>],
        selectors: &mut Selectors<'a>,
    ) -> Sort {
        let mut candidates = FixedBitSet::with_capacity(view.devices.len());
        let mut excluded = Vec::new();
        let mut is_clean = true;
        let of_all = |device: &usize| !wish.wish.wants_all() || wish.all.contains(device);
        let mut checks = Checks::new(view, selectors);
        for device in (0..view.devices.len()).filter(of_all) {
            match checks.verdict(claim, wish, device) {
                Verdict::Left => candidates.insert(device),
                Verdict::Removed(reason) => excluded.push((device, reason)),
                Verdict::Fails(_) => {
                    is_clean = false;
                    candidates.insert(device);
                }
            }
        }
        let values = constraints.iter().map(|constraint| {
            let attribute = |device| constrained(view, wish, constraint.attribute(), device);
            let lists = view.features.list_type_attributes;
            let elements = |device| {
                let attribute = attribute(device).ok().flatten();
                attribute.and_then(|attribute| constraint.elements(&attribute, lists))
            };
            self.values(problem, &candidates, elements)
        });
        let values = values.collect();
        Sort {
            number: self.known.len(),
            excluded,
            values,
            takes: takes(problem, view, wish, &candidates),
            candidates,
            is_clean,
        }
    }

    /// The values of the candidates, in numbers.
    fn values(
        &mut self,
        problem: &mut Problem,
        candidates: &FixedBitSet,
        elements: impl Fn(usize) -> Option<Vec<Element>>,
    ) -> Values {
        let mut values = Values {
            of: vec![None; candidates.len()],
            is_plain: true,
        };
        for device in candidates.ones() {
            let Some(elements) = elements(device) else {
                values.is_plain = false;
                continue;
            };
            let number = |element: Element| {
                if let Some(known) = self.numbers.get(&element) {
                    return *known;
                }
                let next = u32::try_from(self.numbers.len()).unwrap_or(u32::MAX);
                problem.elements.push(element.clone());
                self.numbers.insert(element, next);
                next
            };
            values.of[device] = Some(elements.into_iter().map(number).collect());
        }
        values
    }
}

/// What the wish consumes of the capacities of shared devices.
fn takes(
    problem: &Problem,
    view: &View<'_>,
    wish: &PreparedWish<'_>,
    candidates: &FixedBitSet,
) -> BTreeMap<usize, Vec<i128>> {
    let shared = candidates.ones().filter(|d| problem.devices[*d].is_shared);
    let mut takes = BTreeMap::new();
    for device in shared {
        let capacities = &view.devices[device].document().capacity;
        let fractional = view.features.fractional_capacity_range;
        match capacity::consumed(wish.wish.capacity, capacities, fractional) {
            Ok(amounts) => {
                let amounts = capacities
                    .keys()
                    .map(|name| amounts.get(&**name).map_or(0, Quantity::nanos));
                takes.insert(device, amounts.collect());
            }
            Err(_) => {
                takes.insert(device, vec![0; capacities.len()]);
            }
        }
    }
    takes
}
