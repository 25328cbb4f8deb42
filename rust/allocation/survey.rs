//! All nodes at once: which of them can take the claims, each with its answer on demand.
//!
//! Nodes that are equal in everything the claims can see are one group and are searched once: the first of them by
//! name stands for all. What the claims can see is what their selectors and constraints read, capacities, counters,
//! taints, and what is held. A node that shares pools with others, or that a claim is already bound to or not, is a
//! group of its own. Groups are remembered from call to call; they never change an answer. Start at [`survey`].

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Answer, Options, Outcome, allocate_on, allocated};
use crate::cel::Reads;
use crate::gates::Features;
use crate::inventory::{Inventory, NodeRow, NodeTable};
use crate::wire::claim::{DeviceClass, DeviceRequest, ResourceClaim, ResourceClaimSpec};

/// How the claims fare on a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// They fit.
    Placed,
    /// They do not.
    Impossible,
    /// Upstream fails.
    Error,
    /// The step budget was spent.
    Undecided,
}

/// What a group came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// How the claims fare.
    pub fate: Fate,
    /// Steps that a search on one node of the group takes.
    pub steps: u64,
    /// Devices that the claims get on it.
    pub devices: usize,
}

/// The fates of the claims on all nodes of a snapshot.
#[derive(Clone, Debug)]
pub struct Survey {
    inventory: Inventory,
    table: Arc<NodeTable>,
    memo: Arc<Memo>,
    /// The group of each node, in chunks like those of the table.
    groups: Vec<Arc<Vec<u32>>>,
    verdicts: Arc<[Verdict]>,
    claims: Vec<Arc<ResourceClaim>>,
}

/// A question and the groups that were met with it.
#[derive(Debug)]
struct Memo {
    features: Features,
    max_steps: u64,
    specs: Vec<ResourceClaimSpec>,
    classes: Vec<Arc<DeviceClass>>,
    reads: Option<Vec<(String, Option<String>)>>,
    groups: Mutex<Groups>,
}

#[derive(Debug, Default)]
struct Groups {
    numbers: HashMap<Box<[u32]>, u32>,
    verdicts: Vec<Verdict>,
}

/// Asks for the claims on every node that a node document or a slice names.
pub fn survey(
    inventory: &Inventory,
    claims: &[Arc<ResourceClaim>],
    options: &Options<'_>,
    before: Option<&Survey>,
) -> Survey {
    let table = Arc::clone(inventory.table());
    let memo = match before.filter(|before| before.memo.is_about(inventory, claims, options)) {
        Some(before) => Arc::clone(&before.memo),
        None => Arc::new(Memo::new(inventory, claims, options)),
    };
    let is_grouped = memo.reads.is_some()
        && !inventory.has_shared_state()
        && options.exclude.is_empty()
        && claims
            .iter()
            .all(|claim| allocated(inventory, claim).is_none());
    let known = before.filter(|before| Arc::ptr_eq(&before.memo, &memo));
    let ask = |row: &NodeRow| verdict(&allocate_on(inventory, &row.name, claims, options));
    let mut groups = memo.groups.lock().unwrap_or_else(PoisonError::into_inner);
    let chunks = table.chunks().iter().enumerate().map(|(at, chunk)| {
        let same = known.filter(|known| {
            let other = known.table.chunks().get(at);
            is_grouped && other.is_some_and(|other| Arc::ptr_eq(other, chunk))
        });
        if let Some(known) = same {
            return Arc::clone(&known.groups[at]);
        }
        let mut key = Vec::new();
        let numbers = chunk.iter().map(|row| {
            if is_grouped && row.is_alone {
                memo.key(row, &mut key);
                groups.number(&key, || ask(row))
            } else {
                groups.alone(ask(row))
            }
        });
        Arc::new(numbers.collect())
    });
    let chunks = chunks.collect();
    let verdicts = groups.verdicts.as_slice().into();
    drop(groups);
    Survey {
        inventory: inventory.clone(),
        table,
        memo,
        groups: chunks,
        verdicts,
        claims: claims.to_vec(),
    }
}

fn verdict(answer: &Answer) -> Verdict {
    Verdict {
        fate: match answer.outcome {
            Outcome::Placed(_) => Fate::Placed,
            Outcome::Impossible(_) => Fate::Impossible,
            Outcome::Error(_) => Fate::Error,
            Outcome::Undecided(_) => Fate::Undecided,
        },
        steps: answer.steps,
        devices: answer
            .allocations()
            .iter()
            .map(|claim| claim.allocation.devices.results.len())
            .sum(),
    }
}

impl Survey {
    /// Every node with what the claims come to on it, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Verdict)> {
        let rows = self.table.chunks().iter().flat_map(|chunk| chunk.iter());
        let groups = self.groups.iter().flat_map(|chunk| chunk.iter());
        rows.zip(groups)
            .map(|(row, group)| (&*row.name, self.verdicts[*group as usize]))
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there is no node.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Whether the node is one of them.
    pub fn has(&self, node: &str) -> bool {
        self.table.position(node).is_some()
    }

    /// The answer for a node, as [`allocate_on`] gives it.
    pub fn answer(&self, node: &str, options: &Options<'_>) -> Answer {
        allocate_on(&self.inventory, node, &self.claims, options)
    }
}

impl Groups {
    fn number(&mut self, key: &[u32], ask: impl FnOnce() -> Verdict) -> u32 {
        if let Some(number) = self.numbers.get(key) {
            return *number;
        }
        let number = self.alone(ask());
        self.numbers.insert(key.into(), number);
        number
    }

    fn alone(&mut self, verdict: Verdict) -> u32 {
        self.verdicts.push(verdict);
        u32::try_from(self.verdicts.len() - 1).unwrap_or(u32::MAX)
    }
}

impl Memo {
    fn new(inventory: &Inventory, claims: &[Arc<ResourceClaim>], options: &Options<'_>) -> Self {
        let requests = claims.iter().flat_map(|claim| &claim.spec.devices.requests);
        let names: Vec<&str> = requests.flat_map(class_names).collect();
        let classes = names
            .iter()
            .filter_map(|name| inventory.class(name).cloned());
        let classes: Vec<Arc<DeviceClass>> = classes.collect();
        Self {
            features: options.features,
            max_steps: options.max_steps,
            reads: reads(inventory, claims, &classes),
            specs: claims.iter().map(|claim| claim.spec.clone()).collect(),
            classes,
            groups: Mutex::default(),
        }
    }

    /// Whether the question is the same.
    fn is_about(
        &self,
        inventory: &Inventory,
        claims: &[Arc<ResourceClaim>],
        options: &Options<'_>,
    ) -> bool {
        let same_class = |class: &Arc<DeviceClass>| {
            let now = inventory.class(&class.metadata.name);
            now.is_some_and(|now| Arc::ptr_eq(now, class))
        };
        self.features == options.features
            && self.max_steps == options.max_steps
            && self.specs.len() == claims.len()
            && self
                .specs
                .iter()
                .zip(claims)
                .all(|(spec, claim)| *spec == claim.spec)
            && self.classes.iter().all(same_class)
    }

    /// What the claims can see of a node, in numbers.
    fn key(&self, row: &NodeRow, key: &mut Vec<u32>) {
        key.clear();
        key.extend([row.structure, row.usage]);
        for slice in row.slices.iter() {
            let kind = slice.kind();
            key.push(kind.shape);
            let reads = self.reads.iter().flatten();
            let reads = reads.map(|(domain, id)| (domain.as_str(), id.as_deref()));
            kind.add_read(&slice.pool().driver, reads, key);
        }
    }
}

fn class_names(request: &DeviceRequest) -> Vec<&str> {
    let exact = request
        .exactly
        .iter()
        .map(|exact| exact.device_class_name.as_str());
    let alternatives = request.first_available.iter();
    exact
        .chain(alternatives.map(|sub| sub.device_class_name.as_str()))
        .collect()
}

/// The attributes that selectors and constraints read; nothing if that cannot be told.
fn reads(
    inventory: &Inventory,
    claims: &[Arc<ResourceClaim>],
    classes: &[Arc<DeviceClass>],
) -> Option<Vec<(String, Option<String>)>> {
    let mut all = Vec::new();
    let mut add = |reads: &Reads| {
        all.extend(reads.attributes.iter().cloned());
        !reads.all_attributes
    };
    let mut selectors: Vec<&str> = Vec::new();
    let of_class = classes.iter().flat_map(|class| &class.spec.selectors);
    let requests = claims.iter().flat_map(|claim| &claim.spec.devices.requests);
    let of_request = requests.clone().flat_map(|request| {
        let exact = request.exactly.iter().flat_map(|exact| &exact.selectors);
        exact.chain(
            request
                .first_available
                .iter()
                .flat_map(|sub| &sub.selectors),
        )
    });
    for selector in of_class.chain(of_request) {
        selectors.push(&selector.cel.as_ref()?.expression);
    }
    for expression in selectors {
        let compiled = inventory.cel_cache().selector(expression);
        if !add(compiled.as_ref().as_ref().ok()?.reads()) {
            return None;
        }
    }
    let has_derived = requests.clone().any(|request| {
        let exact = request
            .exactly
            .iter()
            .any(|exact| !exact.derived_attributes.is_empty());
        exact
            || request
                .first_available
                .iter()
                .any(|sub| !sub.derived_attributes.is_empty())
    });
    if has_derived {
        return None;
    }
    for constraint in claims
        .iter()
        .flat_map(|claim| &claim.spec.devices.constraints)
    {
        let names = constraint
            .match_attribute
            .iter()
            .chain(&constraint.distinct_attribute);
        for name in names {
            let (domain, id) = name.split_once('/')?;
            all.push((domain.to_owned(), Some(id.to_owned())));
        }
    }
    all.sort();
    all.dedup();
    Some(all)
}
