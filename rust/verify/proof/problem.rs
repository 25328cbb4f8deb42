//! What the claims want of the node, in numbers, as facts of a proof speak of it.
//!
//! Leaves away what facts do not use: compatibility groups between picks, and constraints that compare odd values. So
//! what has no solution here has none; the reverse need not hold. Made once, never changed. Start at [`Problem::new`].

use std::collections::{BTreeMap, BTreeSet};

use super::checks::{Checks, compares};
use crate::proof::{CounterRef, Demand, DeviceRef, Element};
use crate::quantity::Quantity;
use crate::verify::attributes::elements;
use crate::verify::capacity;
use crate::verify::device::{compared_value, id};
use crate::verify::pools::{Found, Pool};
use crate::verify::wish::{Wish, wishes};
use crate::wire::claim::ResourceClaim;
use crate::wire::slice::Device;

/// The values that a constraint compares, by device; nothing where they are odd or cannot be computed.
pub(super) type Values = Vec<Option<BTreeSet<Element>>>;

/// A node and the claims asked for.
pub(super) struct Problem<'r, 'p, 'a> {
    pub(super) checks: Checks<'r, 'p, 'a>,
    pub(super) claims: &'r [&'p ResourceClaim],
    /// All devices of the node in the order in which they are tried.
    pub(super) devices: Vec<Found<'p, 'a>>,
    /// The ways to serve each request.
    pub(super) ways: BTreeMap<Demand, Vec<Way<'p>>>,
    /// Whether each constraint is a `matchAttribute`, and whether all values it can come to compare are plain.
    pub(super) rules: BTreeMap<(usize, usize), Rule>,
    /// All counters of all pools, with the pool.
    pub(super) counters: Vec<(CounterRef, usize)>,
    /// What held claims leave of each.
    pub(super) left: Vec<i128>,
    /// What the first user of each device pays.
    pub(super) payments: Vec<Vec<(usize, i128)>>,
    /// What held claims leave of the capacities of each shared device, in the order of their names.
    pub(super) room: Vec<Vec<i128>>,
    /// What keeps facts from meaning anything: a pick that makes room for others.
    pub(super) is_odd: Option<String>,
}

/// One way to serve a request.
pub(super) struct Way<'p> {
    pub(super) wish: Wish<'p>,
    /// Devices that it takes; one for an `All` that finds none.
    pub(super) needed: usize,
    /// Whether each device is a candidate when nothing is assumed.
    pub(super) candidates: Vec<bool>,
    /// Whether a check fails on each device; such a device is a candidate, but no solution has it.
    pub(super) has_errors: Vec<bool>,
    /// What the constraints compare, by position of the constraint; nothing where the wish is not under it.
    pub(super) values: Vec<Option<Values>>,
    /// What a share of each shared device consumes, in the order of its capacities; nothing if that has an error.
    pub(super) takes: Vec<Vec<i128>>,
}

/// What is known of a constraint.
#[derive(Clone, Copy)]
pub(super) struct Rule {
    pub(super) is_match: bool,
    pub(super) is_plain: bool,
}

impl<'r, 'p, 'a> Problem<'r, 'p, 'a> {
    /// The problem.
    pub(super) fn new(checks: Checks<'r, 'p, 'a>, claims: &'r [&'p ResourceClaim]) -> Self {
        let pools: &'p [Pool<'a>] = checks.replay.pools;
        let indexed = pools.iter().enumerate();
        let devices = indexed
            .flat_map(|(index, pool)| pool.devices(index))
            .collect();
        let mut problem = Self {
            checks,
            claims,
            devices,
            ways: BTreeMap::new(),
            rules: BTreeMap::new(),
            counters: Vec::new(),
            left: Vec::new(),
            payments: Vec::new(),
            room: Vec::new(),
            is_odd: None,
        };
        for (index, pool) in pools.iter().enumerate() {
            problem.add_counters(pool, index);
        }
        problem.add_devices();
        for claim in 0..claims.len() {
            problem.add_claim(claim);
        }
        problem
    }

    fn add_counters(&mut self, pool: &Pool<'a>, index: usize) {
        for (set, counters) in &pool.counter_sets {
            for (name, counter) in &counters.counters {
                let counter_ref = CounterRef {
                    driver: pool.driver.to_owned(),
                    pool: pool.name.to_owned(),
                    set: (*set).to_owned(),
                    counter: name.clone(),
                };
                self.counters.push((counter_ref, index));
                self.left.push(counter.value.nanos());
            }
        }
        for device in self.checks.replay.usage.held_devices(pool) {
            for (counter, amount) in self.payment(device, index) {
                self.left[counter] = self.left[counter].saturating_sub(amount);
            }
        }
    }

    /// What the device consumes of the counters of its pool; one of which it consumes nothing makes no difference.
    fn payment(&self, device: &Device, pool: usize) -> Vec<(usize, i128)> {
        let mut amounts: BTreeMap<usize, i128> = BTreeMap::new();
        for consumption in &device.consumes_counters {
            for (index, (counter, of)) in self.counters.iter().enumerate() {
                let is_meant = *of == pool && counter.set == consumption.counter_set;
                let amount = consumption.counters.get(&counter.counter);
                if let Some(amount) = amount.filter(|_| is_meant) {
                    let sum = amounts.entry(index).or_default();
                    *sum = sum.saturating_add(amount.value.nanos());
                }
            }
        }
        amounts.retain(|_, amount| *amount != 0);
        amounts.into_iter().collect()
    }

    fn add_devices(&mut self) {
        for found in self.devices.clone() {
            let payment = self.payment(found.device, found.position.0);
            if payment.iter().any(|(_, amount)| *amount < 0) {
                let device = &found.device.name;
                self.is_odd = Some(format!("device {device} consumes less than nothing"));
            }
            self.payments.push(payment);
            let held = self.checks.replay.usage.held_amounts(id(found));
            let room = found.device.capacity.iter().map(|(name, capacity)| {
                let used = held.and_then(|held| held.get(&**name));
                let used = used.map_or(0, Quantity::nanos);
                capacity.value.nanos().saturating_sub(used)
            });
            self.room.push(room.collect());
        }
    }

    fn add_claim(&mut self, claim: usize) {
        let document = self.claims[claim];
        for (place, request) in document.spec.devices.requests.iter().enumerate() {
            let at = Demand {
                claim,
                request: place,
            };
            let ways = wishes(place, request).into_iter();
            let ways = ways.map(|wish| self.way(claim, wish)).collect();
            self.ways.insert(at, ways);
        }
        for (index, constraint) in document.spec.devices.constraints.iter().enumerate() {
            let is_match = constraint.match_attribute.is_some();
            let ways = self.ways.iter().filter(|(at, _)| at.claim == claim);
            let is_plain = ways.flat_map(|(_, ways)| ways).all(|way| {
                let values = way.values[index].as_ref();
                values.is_none_or(|values| {
                    let mut of = values.iter().zip(&way.candidates);
                    of.all(|(values, is_candidate)| values.is_some() || !is_candidate)
                })
            });
            self.rules
                .insert((claim, index), Rule { is_match, is_plain });
        }
    }

    fn way(&self, claim: usize, wish: Wish<'p>) -> Way<'p> {
        let replay = self.checks.replay;
        let document = self.claims[claim];
        let all = replay.everything.get(&(claim, wish.place));
        let all = all.filter(|_| wish.mode == "All");
        let is_meant = |found: &Found<'p, 'a>| all.is_none_or(|all| all.contains(&found.position));
        let verdict = |found: &Found<'p, 'a>| self.checks.first_refusal(document, &wish, *found);
        let verdicts: Vec<_> = self.devices.iter().map(verdict).collect();
        // A check with an error may have said yes.
        let passes = |verdict: &Result<_, _>| matches!(verdict, Ok(None) | Err(_));
        let both = self.devices.iter().zip(&verdicts);
        let candidates: Vec<bool> = both
            .map(|(found, verdict)| is_meant(found) && passes(verdict))
            .collect();
        let lists = replay.features.list_type_attributes;
        let compared = document.spec.devices.constraints.iter().map(|constraint| {
            let (name, _) = compares(constraint, &wish)?;
            let values = self
                .devices
                .iter()
                .zip(&candidates)
                .map(|(found, is_candidate)| {
                    let value = is_candidate.then(|| compared_value(&wish, *found, name));
                    elements(&value?.ok()??, lists)
                });
            Some(values.collect())
        });
        let values = compared.collect();
        let takes = self.devices.iter().map(|found| self.takes(&wish, *found));
        let count = match all {
            Some(all) => all.len().max(1),
            None => usize::try_from(wish.count.max(0)).unwrap_or(usize::MAX),
        };
        Way {
            needed: count,
            has_errors: verdicts.iter().map(Result::is_err).collect(),
            candidates,
            values,
            takes: takes.collect(),
            wish,
        }
    }

    fn takes(&self, wish: &Wish<'_>, found: Found<'_, '_>) -> Vec<i128> {
        if !self.checks.replay.is_shared(found) {
            return Vec::new();
        }
        let fractional = self.checks.replay.features.fractional_capacity_range;
        let capacities = &found.device.capacity;
        let amounts = capacity::consumption(wish.capacity, capacities, fractional);
        let amounts = amounts.unwrap_or_default();
        let names = capacities.keys();
        names
            .map(|name| amounts.get(&**name).map_or(0, Quantity::nanos))
            .collect()
    }

    pub(super) fn is_shared(&self, device: usize) -> bool {
        self.checks.replay.is_shared(self.devices[device])
    }

    /// The position of a device of the node.
    pub(super) fn device(&self, wanted: &DeviceRef) -> Result<usize, String> {
        let wanted_id = (&*wanted.driver, &*wanted.pool, &*wanted.device);
        let position = self
            .devices
            .iter()
            .position(|found| id(*found) == wanted_id);
        position.ok_or_else(|| format!("the node has no device {wanted}"))
    }

    /// The ways to serve a demand.
    pub(super) fn ways_of(&self, at: Demand) -> Result<&[Way<'p>], String> {
        let ways = self.ways.get(&at).map(Vec::as_slice);
        ways.ok_or_else(|| {
            let Demand { claim, request } = at;
            format!("claim {claim} has no request {request}, or there is no such claim")
        })
    }
}
