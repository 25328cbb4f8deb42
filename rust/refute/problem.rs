//! What has to be found on a node, in numbers: demands with their candidates, rules between devices, counters, room.
//!
//! Made once from what `feasibility` knows; never changes. A device on which a check fails counts as a candidate, so
//! that what is refuted here is impossible whatever the check would have said. Start at [`Problem::new`].

use std::cell::OnceCell;
use std::collections::BTreeMap;

use super::choice::{Choice, Sorts};
use super::families::Families;
use super::kinds::Marks;
use super::units::Units;
use crate::feasibility::Selectors;
use crate::feasibility::counters::Counters;
use crate::feasibility::prepare::Prepared;
use crate::feasibility::view::View;
use crate::proof::{CounterRef, Demand, DeviceRef, Element};

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
        let mut sorts = Sorts::default();
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
                    choices.push(sorts.choice(&mut problem, view, place, selectors));
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
        let mut sets: Numbers<(usize, &str)> = Numbers::default();
        let mut groups: Numbers<Vec<SetAndGroups<'_>>> = Numbers::default();
        for (index, viewed) in view.devices.iter().enumerate() {
            let document = viewed.document();
            let id = viewed.id();
            let pays = !(viewed.is_shareable() && viewed.has_shares());
            let consumption: Vec<(usize, i128)> = if pays {
                let start = starts[viewed.pool as usize];
                let own = counters.draws(view, index).iter();
                own.map(|(number, amount)| (start + number, amount))
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
                    Some(sets.number((viewed.pool as usize, only.counter_set.as_str())))
                }
                _ => None,
            };
            let of_sets = document.consumes_counters.iter();
            let own: Vec<SetAndGroups<'_>> = of_sets
                .map(|c| {
                    let groups = c.compatibility_groups.as_slice();
                    (viewed.pool as usize, c.counter_set.as_str(), groups)
                })
                .collect();
            let groups = groups.number(own);
            let room = document.capacity.iter().map(|(name, capacity)| {
                let used = view.consumed(index, name);
                capacity.value.nanos().saturating_sub(used)
            });
            self.devices.push(DeviceData {
                name: DeviceRef {
                    driver: id.driver,
                    pool: id.pool,
                    device: id.device,
                },
                is_shared: viewed.is_shareable(),
                consumption,
                set,
                groups,
                room: if viewed.is_shareable() {
                    room.collect()
                } else {
                    Vec::new()
                },
            });
        }
    }
}

/// Numbers for keys in the order in which they are met; those met one after the other are mostly equal.
#[derive(Default)]
struct Numbers<K> {
    known: BTreeMap<K, usize>,
    last: Option<(K, usize)>,
}

impl<K: Clone + Default + Ord> Numbers<K> {
    fn number(&mut self, key: K) -> usize {
        if let Some((_, number)) = self.last.as_ref().filter(|(last, _)| *last == key) {
            return *number;
        }
        let next = self.known.len();
        let number = *self.known.entry(key.clone()).or_insert(next);
        self.last = Some((key, number));
        number
    }
}
