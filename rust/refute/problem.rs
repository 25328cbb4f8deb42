//! What has to be found on a node, in numbers: demands with their candidates, rules between devices, counters, room.
//!
//! Made once from what `feasibility` knows; never changes. A device on which a check fails counts as a candidate, so
//! that what is refuted here is impossible whatever the check would have said. Start at [`Problem::new`].

use std::cell::OnceCell;
use std::collections::BTreeMap;

use fixedbitset::FixedBitSet;

use super::families::Families;
use super::kinds::Marks;
use super::units::Units;
use crate::claim::capacity;
use crate::explanation::Reason;
use crate::feasibility::Selectors;
use crate::feasibility::candidates::{Checks, Verdict, constrained};
use crate::feasibility::counters::Counters;
use crate::feasibility::prepare::{Prepared, PreparedWish};
use crate::feasibility::view::View;
use crate::proof::{CounterRef, Demand, DeviceRef, Element};
use crate::quantity::Quantity;

/// Pool and name of a counter set that a device draws from, and its compatibility groups there.
type SetAndGroups<'d> = (usize, &'d str, &'d [String]);

/// The problem of one node.
pub struct Problem {
    pub(super) demands: Vec<DemandData>,
    pub(super) rules: Vec<Rule>,
    pub(super) devices: Vec<DeviceData>,
    pub(super) counters: Vec<CounterRef>,
    /// Counters to add up.
    pub(super) families: Families,
    /// What is left of each counter.
    pub(super) left: Vec<i128>,
    /// The values that rules compare, by number.
    pub(super) elements: Vec<Element>,
    /// Whether no check fails on any device: then no order of search meets an error.
    pub is_clean: bool,
    /// Whether a pick can make room for others, because a device consumes less than nothing; counting proves nothing then.
    pub(super) is_odd: bool,
    /// Worked out when first asked for.
    marks: OnceCell<Marks>,
    units: OnceCell<Units>,
}

/// A request and the ways to serve it.
pub(super) struct DemandData {
    pub(super) at: Demand,
    pub(super) choices: Vec<Choice>,
}

/// One way to serve a request.
pub(super) struct Choice {
    /// Devices it takes; one for an `All` that finds none.
    pub(super) needed: usize,
    pub(super) is_admin: bool,
    pub(super) candidates: FixedBitSet,
    /// Why the others are none.
    pub(super) excluded: Vec<(usize, Reason)>,
    /// Rules it is under, each with the values of its candidates, by device.
    pub(super) rules: Vec<(usize, BTreeMap<usize, Vec<u32>>)>,
    /// What it consumes of the capacities of shared candidates, by device.
    pub(super) takes: BTreeMap<usize, Vec<i128>>,
}

/// A constraint between devices.
pub(super) struct Rule {
    pub(super) claim: usize,
    pub(super) constraint: usize,
    pub(super) is_match: bool,
    /// Whether every value it compares is a plain one; rules with odd values are left out of account.
    pub(super) is_plain: bool,
}

/// What matters of a device beside who wants it.
pub(super) struct DeviceData {
    pub(super) name: DeviceRef,
    pub(super) is_shared: bool,
    /// Counters it takes for its first user.
    pub(super) consumption: Vec<(usize, i128)>,
    /// The one counter set it draws from, by number.
    pub(super) set: Option<usize>,
    /// What is left of its capacities, for a shared device.
    pub(super) room: Vec<i128>,
    /// Number of its counter sets and compatibility groups; devices with equal ones have equal numbers.
    pub(super) groups: usize,
}

impl Choice {
    pub(super) fn values(&self, rule: usize, device: usize) -> Option<&[u32]> {
        let (_, values) = self.rules.iter().find(|(own, _)| *own == rule)?;
        values.get(&device).map(Vec::as_slice)
    }

    pub(super) fn is_under(&self, rule: usize) -> bool {
        self.rules.iter().any(|(own, _)| *own == rule)
    }
}

impl Problem {
    /// Numbers for what never changes of devices.
    pub(super) fn marks(&self) -> &Marks {
        self.marks.get_or_init(|| Marks::new(self))
    }

    /// Consumption in units.
    pub(super) fn units(&self) -> &Units {
        self.units.get_or_init(|| Units::new(self))
    }

    /// What it costs to look at one state, roughly.
    pub(super) fn weight(&self) -> usize {
        1 + self.demands.len() * self.devices.len()
    }

    /// The problem of placing the claims on the node.
    pub fn new<'a>(
        view: &View<'_>,
        claims: &[Prepared<'a>],
        selectors: &mut Selectors<'a>,
    ) -> Self {
        let mut problem = Self {
            demands: Vec::new(),
            rules: Vec::new(),
            devices: Vec::new(),
            counters: Vec::new(),
            families: Families::default(),
            left: Vec::new(),
            elements: Vec::new(),
            is_clean: true,
            is_odd: false,
            marks: OnceCell::new(),
            units: OnceCell::new(),
        };
        problem.add_devices(view);
        let mut numbers = BTreeMap::new();
        for (index, claim) in claims.iter().enumerate() {
            let first_rule = problem.rules.len();
            for (position, constraint) in claim.constraints.iter().enumerate() {
                problem.rules.push(Rule {
                    claim: index,
                    constraint: position,
                    is_match: constraint.is_match(),
                    is_plain: true,
                });
            }
            for (request, prepared) in claim.requests.iter().enumerate() {
                let at = Demand {
                    claim: index,
                    request,
                };
                let mut choices = Vec::new();
                for wish in &prepared.wishes {
                    let place = (claim, wish, first_rule);
                    choices.push(problem.choice(view, place, selectors, &mut numbers));
                }
                problem.demands.push(DemandData { at, choices });
            }
        }
        problem
    }

    /// Adds the counters of all pools, and says where those of each pool begin.
    fn add_counters(&mut self, view: &View<'_>, counters: &Counters<'_>) -> Vec<usize> {
        let mut starts = Vec::new();
        for (index, pool) in view.pools.iter().enumerate() {
            starts.push(self.counters.len());
            let of_pool = counters.pool(index);
            for ((set, counter), left) in of_pool.names().iter().zip(&of_pool.left) {
                self.counters.push(CounterRef {
                    driver: pool.id.driver.to_string(),
                    pool: pool.id.pool.to_string(),
                    set: set.clone(),
                    counter: counter.clone(),
                });
                self.left.push(*left);
            }
        }
        starts
    }

    fn add_devices(&mut self, view: &View<'_>) {
        let counters = Counters::new(view);
        let starts = self.add_counters(view, &counters);
        self.families = Families::new(&self.counters);
        let mut sets: BTreeMap<(usize, &str), usize> = BTreeMap::new();
        let mut groups: BTreeMap<Vec<SetAndGroups<'_>>, usize> = BTreeMap::new();
        for (index, viewed) in view.devices.iter().enumerate() {
            let document = viewed.document();
            let id = viewed.id();
            let pays = !(viewed.is_shareable && viewed.has_shares);
            let consumption: Vec<(usize, i128)> = if pays {
                let start = starts[viewed.pool];
                let own = counters.draws(view, index).iter();
                own.map(|(number, amount)| (start + *number as usize, *amount))
                    .collect()
            } else {
                Vec::new()
            };
            if consumption.iter().any(|(_, amount)| *amount < 0) {
                self.is_odd = true;
                self.is_clean = false;
            }
            let set = match document.consumes_counters.as_slice() {
                [only] if pays => {
                    let next = sets.len();
                    let key = (viewed.pool, only.counter_set.as_str());
                    Some(*sets.entry(key).or_insert(next))
                }
                _ => None,
            };
            let of_sets = document.consumes_counters.iter();
            let own: Vec<SetAndGroups<'_>> = of_sets
                .map(|c| {
                    let groups = c.compatibility_groups.as_slice();
                    (viewed.pool, c.counter_set.as_str(), groups)
                })
                .collect();
            let next = groups.len();
            let groups = *groups.entry(own).or_insert(next);
            let room = document.capacity.iter().map(|(name, capacity)| {
                let used = viewed.consumed.get(&**name).map_or(0, Quantity::nanos);
                capacity.value.nanos().saturating_sub(used)
            });
            self.devices.push(DeviceData {
                name: DeviceRef {
                    driver: id.driver.to_string(),
                    pool: id.pool.to_string(),
                    device: id.device.to_string(),
                },
                is_shared: viewed.is_shareable,
                consumption,
                set,
                groups,
                room: if viewed.is_shareable {
                    room.collect()
                } else {
                    Vec::new()
                },
            });
        }
    }

    fn choice<'a>(
        &mut self,
        view: &View<'_>,
        (claim, wish, first_rule): (&Prepared<'a>, &PreparedWish<'a>, usize),
        selectors: &mut Selectors<'a>,
        numbers: &mut BTreeMap<Element, u32>,
    ) -> Choice {
        let mut candidates = FixedBitSet::with_capacity(view.devices.len());
        let mut excluded = Vec::new();
        let of_all = |device: &usize| !wish.wish.wants_all() || wish.all.contains(device);
        let mut checks = Checks::new(view, selectors);
        for device in (0..view.devices.len()).filter(of_all) {
            match checks.verdict(claim, wish, device) {
                Verdict::Left => candidates.insert(device),
                Verdict::Removed(reason) => excluded.push((device, reason)),
                Verdict::Fails(_) => {
                    self.is_clean = false;
                    candidates.insert(device);
                }
            }
        }
        let mut rules = Vec::new();
        for (position, constraint) in claim.constraints.iter().enumerate() {
            if constraint.applies_to(&wish.wish) {
                // A constraint that an `All` violates is fatal, not just unfit.
                self.is_clean &= !wish.wish.wants_all();
                let rule = first_rule + position;
                let place = (claim, wish, position);
                rules.push((
                    rule,
                    self.values(view, place, selectors, &candidates, rule, numbers),
                ));
            }
        }
        let takes = self.takes(view, wish, &candidates);
        let needed = if wish.wish.wants_all() {
            wish.all.len().max(1)
        } else {
            wish.devices
        };
        Choice {
            needed,
            is_admin: wish.wish.is_admin(),
            candidates,
            excluded,
            rules,
            takes,
        }
    }

    /// The values that the rule compares of the candidates.
    fn values<'a>(
        &mut self,
        view: &View<'_>,
        (claim, wish, position): (&Prepared<'a>, &PreparedWish<'a>, usize),
        selectors: &Selectors<'a>,
        candidates: &FixedBitSet,
        rule: usize,
        numbers: &mut BTreeMap<Element, u32>,
    ) -> BTreeMap<usize, Vec<u32>> {
        let constraint = &claim.constraints[position];
        let mut values = BTreeMap::new();
        for device in candidates.ones() {
            let attribute = constrained(view, selectors, wish, constraint.attribute(), device);
            let lists = view.features.list_type_attributes;
            let elements = attribute
                .ok()
                .flatten()
                .and_then(|attribute| constraint.elements(&attribute, lists));
            let Some(elements) = elements else {
                self.rules[rule].is_plain = false;
                continue;
            };
            let mut own: Vec<u32> = Vec::with_capacity(elements.len());
            for element in elements {
                let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
                let number = *numbers.entry(element.clone()).or_insert(next);
                if number == next {
                    self.elements.push(element);
                }
                own.push(number);
            }
            values.insert(device, own);
        }
        values
    }

    /// What the wish consumes of the capacities of shared devices.
    fn takes(
        &mut self,
        view: &View<'_>,
        wish: &PreparedWish<'_>,
        candidates: &FixedBitSet,
    ) -> BTreeMap<usize, Vec<i128>> {
        let shared = candidates.ones().filter(|d| self.devices[*d].is_shared);
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
}
