//! Case distinctions: whether no case is missing, and whether each leads to a contradiction.
//!
//! Start at [`check`].

use std::collections::BTreeSet;
use std::fmt;

use super::facts;
use super::problem::Way;
use super::state::State;
use super::sum;
use crate::proof::{AlternativeCase, Demand, DeviceCase, DeviceRef, Element, Proof, ValueCase};

/// Cases within cases that are followed.
const DEEPEST: usize = 100;

/// Everything that is wrong with a proof under the assumptions; a search that went through everything is none here.
pub(super) fn check(state: &State<'_, '_, '_, '_>, proof: &Proof, depth: usize) -> Vec<String> {
    if depth > DEEPEST {
        return vec![format!("cases are more than {DEEPEST} deep")];
    }
    let depth = depth + 1;
    let done = match proof {
        Proof::Few(few) => facts::few(state, few).map(|()| Vec::new()),
        Proof::Sum(fact) => sum::sum(state, fact).map(|()| Vec::new()),
        Proof::Limit { claim, needed } => facts::limit(state, *claim, *needed).map(|()| Vec::new()),
        Proof::Exhausted { .. } => Err("only a whole proof can be a search".to_owned()),
        Proof::ByValue {
            claim,
            constraint,
            cases,
        } => by_value(state, (*claim, *constraint), cases, depth),
        Proof::ByAlternative {
            claim,
            request,
            cases,
        } => by_alternative(state, demand(*claim, *request), cases, depth),
        Proof::ByDevice {
            claim,
            request,
            cases,
            without,
        } => by_device(state, demand(*claim, *request), (cases, without), depth),
    };
    done.unwrap_or_else(|text| vec![text])
}

fn demand(claim: usize, request: usize) -> Demand {
    Demand { claim, request }
}

/// The faults of a case, each with the name of the case.
fn within(case: impl fmt::Display, faults: Vec<String>) -> impl Iterator<Item = String> {
    faults
        .into_iter()
        .map(move |fault| format!("{case}: {fault}"))
}

/// The devices under a `matchAttribute` have a value in common. A demand that is under it whatever happens, and still
/// takes a device, takes a candidate with that value; so the values of such candidates are all that can be.
fn by_value(
    state: &State<'_, '_, '_, '_>,
    at: (usize, usize),
    cases: &[ValueCase],
    depth: usize,
) -> Result<Vec<String>, String> {
    let (claim, constraint) = at;
    let rule = state.problem.rules.get(&at);
    if !rule.is_some_and(|rule| rule.is_match && rule.is_plain) {
        return Err(format!(
            "claim {claim} has no plain matchAttribute {constraint}"
        ));
    }
    let mut values: BTreeSet<&Element> = BTreeSet::new();
    let mut needed = 0_usize;
    for at in state.problem.ways.keys().filter(|at| at.claim == claim) {
        let ways = state.open(*at);
        let under = ways.iter().all(|(_, way)| way.values[constraint].is_some());
        if !under || state.needed(*at) == 0 {
            continue;
        }
        needed = needed.saturating_add(state.needed(*at));
        for (_, way) in ways {
            for (device, own) in way.values[constraint].iter().flatten().enumerate() {
                if state.is_candidate(*at, way, device) {
                    values.extend(own.iter().flatten());
                }
            }
        }
    }
    if needed == 0 || needed.saturating_add(state.picked_under(at)) < 2 {
        return Err(format!(
            "constraint {constraint} of claim {claim} compares no two devices"
        ));
    }
    let mut faults = Vec::new();
    for value in cases.iter().flat_map(|case| &case.values) {
        values.remove(value);
    }
    for value in values {
        faults.push(format!("value {value}: no case"));
    }
    for case in cases {
        for value in &case.values {
            let mut inner = state.clone();
            inner.settle(at, value.clone());
            let name = format!("value {value}");
            faults.extend(within(name, check(&inner, &case.proof, depth)));
        }
    }
    Ok(faults)
}

fn by_alternative(
    state: &State<'_, '_, '_, '_>,
    at: Demand,
    cases: &[AlternativeCase],
    depth: usize,
) -> Result<Vec<String>, String> {
    state.problem.ways_of(at)?;
    let mut open: BTreeSet<usize> = state.open(at).iter().map(|(way, _)| *way).collect();
    let mut faults = Vec::new();
    for case in cases {
        let name = format!("alternative {}", case.alternative);
        if !open.remove(&case.alternative) {
            faults.push(format!("{name}: is not open, or there is a case before"));
            continue;
        }
        let mut inner = state.clone();
        inner.choose(at, case.alternative);
        faults.extend(within(name, check(&inner, &case.proof, depth)));
    }
    let missing = open.into_iter();
    faults.extend(missing.map(|way| format!("alternative {way}: no case")));
    Ok(faults)
}

fn by_device(
    state: &State<'_, '_, '_, '_>,
    at: Demand,
    (cases, without): (&[DeviceCase], &Option<Box<Proof>>),
    depth: usize,
) -> Result<Vec<String>, String> {
    let problem = state.problem;
    problem.ways_of(at)?;
    let open = state.open(at);
    let [(way, data)] = open.as_slice() else {
        return Err("several alternatives are open; none can take a device".to_owned());
    };
    if state.needed(at) == 0 {
        return Err("the demand takes no more devices".to_owned());
    }
    let mut state = state.clone();
    let mut faults = Vec::new();
    let mut seen = BTreeSet::new();
    for case in cases {
        let device = problem.device(&case.device)?;
        let mut class = vec![device];
        for equal in &case.equals {
            class.push(problem.device(equal)?);
        }
        if !class.iter().all(|device| seen.insert(*device)) {
            return Err(format!("case {}: a device was there before", case.device));
        }
        for (other, name) in class
            .iter()
            .zip([&case.device].into_iter().chain(&case.equals))
        {
            if !state.is_candidate(at, data, *other) {
                faults.push(format!("device {name}: is no candidate"));
            }
        }
        let first = kind(&state, device);
        for (other, name) in class.iter().skip(1).zip(&case.equals) {
            if !first.will_do_for(&kind(&state, *other)) {
                let first = &case.device;
                faults.push(format!("device {name}: {first} would not do in its place"));
            }
        }
        let mut inner = state.clone();
        inner.take(at, *way, device);
        let name = format!("device {}", case.device);
        faults.extend(within(name, check(&inner, &case.proof, depth)));
        for device in class {
            state.bar(at, device);
        }
    }
    if let Some(proof) = without {
        faults.extend(within("without them", check(&state, proof, depth)));
        return Ok(faults);
    }
    for device in state.candidates(at) {
        let name = name_of(&state, device);
        faults.push(format!("device {name}: no case"));
    }
    Ok(faults)
}

fn name_of(state: &State<'_, '_, '_, '_>, device: usize) -> DeviceRef {
    let found = state.problem.devices[device];
    DeviceRef {
        driver: found.pool.driver.into(),
        pool: found.pool.name.into(),
        device: found.device.name.as_str().into(),
    }
}

/// All that the claims can see of a device under the assumptions. Devices of one kind can change places in a solution.
#[derive(PartialEq)]
pub(super) struct Kind {
    is_shared: bool,
    /// What it pays if it is taken, with pool, counter set and compatibility groups.
    pays: Option<Paid>,
    room: Vec<i128>,
    /// For each demand and open alternative whether it is a candidate, what a share takes, and its values.
    uses: Vec<Use>,
}

#[derive(PartialEq)]
struct Paid {
    pool: usize,
    amounts: Vec<(usize, i128)>,
    groups: Vec<(String, Vec<String>)>,
}

#[derive(PartialEq)]
struct Use {
    is_admin: bool,
    is_candidate: bool,
    takes: Vec<i128>,
    values: Vec<Option<BTreeSet<Element>>>,
}

impl Kind {
    /// Whether a solution that has the other device has one with this one in its place. The same demands change places
    /// if both are taken; if this one is free, it costs no more.
    fn will_do_for(&self, other: &Self) -> bool {
        if self == other {
            return true;
        }
        let mut uses = self.uses.iter().zip(&other.uses);
        let has_admin = self.uses.iter().any(|of| of.is_admin);
        let is_used_so = |(own, other): (&Use, &Use)| {
            own == other
                || !has_admin
                    && (!own.is_candidate || other.is_candidate && own.values == other.values)
        };
        let is_whole = !self.is_shared && !other.is_shared;
        is_whole && uses.all(is_used_so) && self.costs_no_more(other)
    }

    fn costs_no_more(&self, other: &Self) -> bool {
        let amounts = |kind: &Self| -> Vec<(usize, i128)> {
            let pays = kind.pays.as_ref();
            pays.map(|paid| paid.amounts.clone()).unwrap_or_default()
        };
        let others = amounts(other);
        amounts(self).into_iter().all(|(counter, amount)| {
            let mut others = others.iter();
            amount <= 0 || others.any(|(of, others)| *of == counter && amount <= *others)
        })
    }
}

/// The kind of a device under the assumptions.
pub(super) fn kind(state: &State<'_, '_, '_, '_>, device: usize) -> Kind {
    let problem = state.problem;
    let found = problem.devices[device];
    let consumptions = &found.device.consumes_counters;
    let is_shared = problem.is_shared(device);
    let pays = (!consumptions.is_empty() && state.pays(device)).then(|| Paid {
        pool: found.position.0,
        amounts: problem.payments[device].clone(),
        groups: consumptions
            .iter()
            .map(|c| (c.counter_set.clone(), c.compatibility_groups.clone()))
            .collect(),
    });
    let used = |at: Demand, way: &Way<'_>| {
        let values = way.values.iter();
        Use {
            is_admin: way.wish.is_admin(),
            is_candidate: state.is_candidate(at, way, device),
            takes: way.takes[device].clone(),
            values: values
                .map(|values| values.as_ref()?[device].clone())
                .collect(),
        }
    };
    let ways = problem.ways.keys();
    let uses = ways.flat_map(|at| {
        let open = state.open(*at);
        open.into_iter().map(|(_, way)| used(*at, way))
    });
    Kind {
        is_shared,
        pays,
        room: if is_shared {
            state.room(device)
        } else {
            Vec::new()
        },
        uses: uses.collect(),
    }
}
