//! What claims can tell apart: of a node, a slice or a pool, in numbers.
//!
//! Claims see what their selectors and constraints read, capacities, counters, taints, and what is held. Two nodes with
//! equal keys fare alike. Never asks a node. Start at [`Question::key`].

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::alike::{Alike, DeviceKinds};
use super::on_node::is_usable_on;
use super::{Ask, Foresight, Options};
use crate::cel::{Reads, compiled, compiled_derived};
use crate::claim::{Wish, taint};
use crate::gates::Features;
use crate::inventory::{Chunk, DeviceId, Flag, Inventory, PoolId, Slice};
use crate::wire::allocation::AllocationResult;
use crate::wire::claim::{DeviceClass, ResourceClaim, ResourceClaimSpec};
use crate::wire::slice::DeviceTaintRule;

/// Claims asked for, with everything that is the same for all nodes and snapshots.
#[derive(Debug)]
pub(super) struct Question {
    features: Features,
    max_steps: u64,
    foresight: Foresight,
    exclude: BTreeSet<DeviceId>,
    specs: Vec<ResourceClaimSpec>,
    classes: Vec<Arc<DeviceClass>>,
    /// Whether these are all that the claims name.
    knows_classes: bool,
    rules: Vec<Arc<DeviceTaintRule>>,
    reads: Attributes,
    /// The rules and exclusions that are for single pools, by pool, and those for any.
    marks: HashMap<Arc<str>, Vec<Mark>>,
    marks_anywhere: Vec<Mark>,
    /// Whether held devices make no difference but that they cannot be taken.
    is_about_free: bool,
}

/// Attributes that are read.
#[derive(Debug)]
enum Attributes {
    /// These.
    Some(Names),
    /// Perhaps all.
    All,
}

/// Attributes by domain and id; no id means the whole domain.
type Names = BTreeSet<(String, Option<String>)>;

/// What singles out devices by name.
#[derive(Clone, Copy, Debug)]
enum Mark {
    Rule(usize),
    Excluded,
}

/// What a snapshot has beside the rows of its nodes; equal ones give equal rows equal keys.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Scene {
    /// The number of each set of shared slices.
    sets: Vec<u32>,
    /// The number of each open pool.
    pools: HashMap<(PoolId, i64), u32>,
    /// What the claims hold, by claim.
    bound: Vec<Option<AllocationResult>>,
}

impl Scene {
    /// Whether another look would come to the same, for the same nodes: nothing in it is about what is held but what the
    /// claims hold, and that is what it was.
    pub(super) fn is_certain(&self, ask: &Ask<'_>) -> bool {
        let table = ask.inventory.table();
        let known = self.bound.iter().map(Option::as_ref);
        table.sets().iter().all(|set| set.is_empty())
            && table.open_pools().is_empty()
            && known.eq(ask.held.iter().copied())
    }
}

/// Numbers for keys of sets and pools, and the attributes to look at by form.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    by_key: FxHashMap<Box<[u32]>, u32>,
    columns: Columns,
    kinds: DeviceKinds,
}

/// The columns to look at, by form of a node or shape of a slice.
#[derive(Debug, Default)]
struct Columns {
    places: FxHashMap<u32, usize>,
    by_place: Vec<(u32, Box<[usize]>)>,
    /// The place looked at last: neighbours are mostly of one form.
    last: usize,
}

impl Columns {
    fn get(&mut self, form: u32) -> Option<&[usize]> {
        if self
            .by_place
            .get(self.last)
            .is_none_or(|(of, _)| *of != form)
        {
            self.last = *self.places.get(&form)?;
        }
        self.by_place.get(self.last).map(|(_, columns)| &**columns)
    }

    fn get_or(&mut self, form: u32, make: impl FnOnce() -> Box<[usize]>) -> &[usize] {
        if self.get(form).is_none() {
            self.last = self.by_place.len();
            self.places.insert(form, self.last);
            self.by_place.push((form, make()));
        }
        &self.by_place[self.last].1
    }
}

impl Question {
    pub(super) fn new(
        inventory: &Inventory,
        claims: &[Arc<ResourceClaim>],
        options: &Options<'_>,
    ) -> Self {
        let names: BTreeSet<&str> = wishes(claims).map(|wish| wish.class).collect();
        let named = names.len();
        let classes = names.into_iter().filter_map(|name| inventory.class(name));
        let classes: Vec<Arc<DeviceClass>> = classes.cloned().collect();
        let mut question = Self {
            features: options.features,
            max_steps: options.max_steps,
            foresight: options.foresight,
            exclude: options.exclude.clone(),
            specs: claims.iter().map(|claim| claim.spec.clone()).collect(),
            reads: reads(claims, &classes),
            knows_classes: classes.len() == named,
            classes,
            rules: inventory.taint_rules().cloned().collect(),
            marks: HashMap::new(),
            marks_anywhere: Vec::new(),
            is_about_free: wishes(claims).all(|wish| !wish.wants_all() && !wish.is_admin()),
        };
        question.note_marks();
        question
    }

    fn note_marks(&mut self) {
        for (index, rule) in self.rules.iter().enumerate() {
            let Some(selector) = &rule.spec.device_selector else {
                continue;
            };
            match (&selector.pool, &selector.device) {
                (Some(pool), _) => {
                    let marks = self.marks.entry(Arc::from(pool.as_str())).or_default();
                    marks.push(Mark::Rule(index));
                }
                (None, Some(_)) => self.marks_anywhere.push(Mark::Rule(index)),
                // For all devices of a driver, or of all: no device is singled out.
                (None, None) => {}
            }
        }
        for device in &self.exclude {
            let marks = self.marks.entry(Arc::clone(&device.pool)).or_default();
            if !marks.iter().any(|mark| matches!(mark, Mark::Excluded)) {
                marks.push(Mark::Excluded);
            }
        }
    }

    /// Whether another question is the same.
    pub(super) fn is_about(
        &self,
        inventory: &Inventory,
        claims: &[Arc<ResourceClaim>],
        options: &Options<'_>,
    ) -> bool {
        let same_class = |class: &Arc<DeviceClass>| {
            let now = inventory.class(&class.metadata.name);
            now.is_some_and(|now| Arc::ptr_eq(now, class))
        };
        let mut rules = self.rules.iter();
        let same_rules = inventory
            .taint_rules()
            .all(|rule| rules.next().is_some_and(|own| Arc::ptr_eq(own, rule)));
        let mut specs = self.specs.iter();
        let same_specs = claims.iter().all(|claim| specs.next() == Some(&claim.spec));
        self.features == options.features
            && self.max_steps == options.max_steps
            && self.foresight == options.foresight
            && self.exclude == options.exclude
            && same_specs
            && specs.next().is_none()
            && same_rules
            && rules.next().is_none()
            && self.classes.iter().all(same_class)
            // A class that is new makes the claims fail no more.
            && (self.knows_classes || self.classes.len() == known_classes(inventory, claims))
    }

    /// The options that make a difference.
    pub(super) fn options(&self) -> Options<'static> {
        Options {
            features: self.features,
            max_steps: self.max_steps,
            foresight: self.foresight,
            exclude: self.exclude.clone(),
            ..Options::default()
        }
    }

    /// What the snapshot has beside its rows.
    pub(super) fn scene(&self, ask: &Ask<'_>, numbers: &mut Numbers) -> Scene {
        let inventory = ask.inventory;
        let table = inventory.table();
        let mut key = Vec::new();
        let sets = table.sets().iter().map(|set| {
            key.clear();
            for slice in set.iter() {
                self.add_slice(slice, numbers, &mut key);
                key.push(inventory.usage_number(slice));
            }
            numbers.number(&key)
        });
        let sets = sets.collect();
        let mut pools = HashMap::new();
        for pool in table.open_pools() {
            key.clear();
            add_pool(inventory, pool, &mut key);
            pools.insert(pool.clone(), numbers.number(&key));
        }
        let bound = ask.held.iter().map(|held| held.cloned());
        Scene {
            sets,
            pools,
            bound: bound.collect(),
        }
    }

    /// What the claims can see of a node, in numbers. Nothing where nodes with equal keys may still differ, so that the
    /// node is to be asked by itself.
    pub(super) fn key(
        &self,
        inventory: &Inventory,
        (chunk, at): (&Chunk, usize),
        scene: &Scene,
        numbers: &mut Numbers,
        key: &mut Vec<u32>,
    ) -> Option<()> {
        let [structure, set, flags, slices, form, columns @ ..] = chunk.facts(at) else {
            return None;
        };
        let is_odd = flags & Flag::ODD != 0
            || flags & Flag::COUNTERS != 0 && !self.features.partitionable_devices
            || flags & Flag::GROUPS != 0 && !self.features.compatibility_groups;
        if is_odd {
            return None;
        }
        let row = &chunk.rows()[at];
        key.clear();
        key.extend([
            *structure,
            chunk.usage(at, inventory),
            scene.sets[*set as usize],
        ]);
        for held in scene.bound.iter().flatten() {
            let usable = is_usable_on(held, &row.node);
            key.push(usable.map_or(2, u32::from));
        }
        key.push(*form);
        match &self.reads {
            Attributes::All => key.extend(columns),
            Attributes::Some(reads) => {
                let of_node = || match slices {
                    1 => columns_of(row.own().next(), reads),
                    _ => columns_of_form(inventory, *form, reads, columns.len()),
                };
                let read = numbers.columns.get_or(*form, of_node);
                key.extend(read.iter().map(|column| columns[*column]));
            }
        }
        if self.has_marks() {
            row.own().for_each(|slice| self.add_marks(slice, key));
        }
        if flags & Flag::OPEN_POOLS != 0 {
            key.extend(row.open_pools.iter().map(|pool| scene.pools[pool]));
        }
        Some(())
    }

    /// What a node has in common with those that differ from it in what is held and in the values of attributes alone;
    /// `key` is what [`Question::key`] says of it. Nothing for a node on which others have a say.
    pub(super) fn kind(
        &self,
        inventory: &Inventory,
        (chunk, at): (&Chunk, usize),
        key: &[u32],
        kind: &mut Vec<u32>,
    ) -> Option<()> {
        let [structure, set, flags, _, form, ..] = chunk.facts(at) else {
            return None;
        };
        let is_alone = inventory.table().sets()[*set as usize].is_empty();
        if !is_alone || flags & Flag::OPEN_POOLS != 0 {
            return None;
        }
        kind.clear();
        kind.extend([*structure, *flags, *form]);
        if self.has_marks() {
            kind.extend(&key[2..]);
        }
        Some(())
    }

    /// What the node has in common with others that fare alike, whichever devices are held; `key` is what
    /// [`Question::key`] says of it.
    pub(super) fn alike(
        &self,
        inventory: &Inventory,
        (chunk, at): (&Chunk, usize),
        key: &[u32],
        numbers: &mut Numbers,
    ) -> Option<Alike> {
        let [_, set, 0, 1, shape, ..] = chunk.facts(at) else {
            return None;
        };
        let is_alone = inventory.table().sets()[*set as usize].is_empty();
        if !self.is_about_free || self.has_marks() || !is_alone {
            return None;
        }
        let read = numbers.columns.get(*shape)?;
        let slice = || chunk.rows()[at].own().next();
        let (node, seen) = key.split_at(key.len().checked_sub(1 + read.len())?);
        // What is held comes second.
        let node = [&node[..1], &node[2..]];
        let seen = (node, seen, key[1]);
        Alike::of(inventory, slice, seen, read, &mut numbers.kinds)
    }

    fn has_marks(&self) -> bool {
        !self.marks.is_empty() || !self.marks_anywhere.is_empty()
    }

    fn add_slice(&self, slice: &Arc<Slice>, numbers: &mut Numbers, key: &mut Vec<u32>) {
        let kind = slice.kind();
        key.push(kind.shape);
        match &self.reads {
            Attributes::All => key.extend(&kind.columns),
            Attributes::Some(reads) => {
                let of_slice = || columns_of(Some(slice), reads);
                let read = numbers.columns.get_or(kind.shape, of_slice);
                key.extend(read.iter().map(|column| kind.columns[*column]));
            }
        }
        if self.has_marks() {
            self.add_marks(slice, key);
        }
    }

    /// Which devices of the slice are singled out, and how many times.
    fn add_marks(&self, slice: &Slice, key: &mut Vec<u32>) {
        let count = key.len();
        key.push(0);
        let of_pool = self.marks.get(&slice.pool().pool).into_iter().flatten();
        for mark in of_pool.chain(&self.marks_anywhere) {
            for index in 0..slice.document().spec.devices.len() {
                let id = slice.device_id(index);
                let (number, applies) = match mark {
                    Mark::Excluded => (self.rules.len(), self.exclude.contains(&id)),
                    Mark::Rule(rule) => (
                        *rule,
                        taint::rule_applies(&self.rules[*rule], &id.driver, &id.pool, &id.device),
                    ),
                };
                if applies {
                    key.extend([number, index].map(|n| u32::try_from(n).unwrap_or(u32::MAX)));
                    key[count] += 1;
                }
            }
        }
    }
}

impl Numbers {
    fn number(&mut self, key: &[u32]) -> u32 {
        let next = u32::try_from(self.by_key.len()).unwrap_or(u32::MAX);
        match self.by_key.get(key) {
            Some(number) => *number,
            None => *self.by_key.entry(key.into()).or_insert(next),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.by_key.len()
    }
}

/// What slices of other nodes have to do with a pool.
fn add_pool(inventory: &Inventory, (id, generation): &(PoolId, i64), key: &mut Vec<u32>) {
    let census = inventory.census(id).cloned().unwrap_or_default();
    let own = census.of(*generation);
    let counts = [
        usize::from(census.is_newer_than(*generation)),
        own.slices.slices,
        own.with_groups.slices,
    ];
    key.extend(counts.map(|count| u32::try_from(count).unwrap_or(u32::MAX)));
    if own.with_counters == 0 {
        return;
    }
    // All devices of the pool draw from the same counters.
    for slice in inventory.slices_of_pool(id) {
        if slice.document().spec.pool.generation == *generation {
            key.extend([slice.kind().shape, inventory.usage_number(slice)]);
        }
    }
}

fn by_name(reads: &Names) -> impl Iterator<Item = (&str, Option<&str>)> {
    let reads = reads.iter();
    reads.map(|(domain, id)| (domain.as_str(), id.as_deref()))
}

/// The columns of a slice that are read.
fn columns_of(slice: Option<&Arc<Slice>>, reads: &Names) -> Box<[usize]> {
    slice.map_or_else(Box::default, |slice| {
        let driver = &slice.pool().driver;
        slice.kind().columns_read(driver, by_name(reads))
    })
}

/// The columns of nodes with several slices that are read; all where it is not known any more which.
fn columns_of_form(
    inventory: &Inventory,
    form: u32,
    reads: &Names,
    columns: usize,
) -> Box<[usize]> {
    match inventory.form_of(form) {
        Some(form) => form.columns_read(by_name(reads)),
        None => (0..columns).collect(),
    }
}

fn wishes(claims: &[Arc<ResourceClaim>]) -> impl Iterator<Item = Wish<'_>> {
    let requests = claims.iter().flat_map(|claim| &claim.spec.devices.requests);
    requests.flat_map(Wish::of)
}

/// How many of the classes that the claims name there are.
fn known_classes(inventory: &Inventory, claims: &[Arc<ResourceClaim>]) -> usize {
    let names: BTreeSet<&str> = wishes(claims).map(|wish| wish.class).collect();
    let known = names.iter().filter(|name| inventory.class(name).is_some());
    known.count()
}

/// The attributes that selectors, derived attributes and constraints read.
fn reads(claims: &[Arc<ResourceClaim>], classes: &[Arc<DeviceClass>]) -> Attributes {
    let mut all = BTreeSet::new();
    let mut add = |reads: &Reads| {
        all.extend(reads.attributes.iter().cloned());
        !reads.all_attributes
    };
    let of_class = classes.iter().flat_map(|class| &class.spec.selectors);
    let of_request = wishes(claims).flat_map(|wish| wish.selectors);
    for selector in of_class.chain(of_request) {
        // One that is missing or does not compile fails whatever the device is.
        let Some(cel) = &selector.cel else { continue };
        let compiled = compiled(&cel.expression);
        if let Ok(selector) = compiled.as_ref()
            && !add(selector.reads())
        {
            return Attributes::All;
        }
    }
    for derived in wishes(claims).flat_map(|wish| wish.derived) {
        let compiled = compiled_derived(&derived.expression);
        if let Ok(derived) = compiled.as_ref()
            && !add(derived.reads())
        {
            return Attributes::All;
        }
    }
    let constraints = claims
        .iter()
        .flat_map(|claim| &claim.spec.devices.constraints);
    let names = constraints.flat_map(|constraint| {
        let matched = constraint.match_attribute.iter();
        matched.chain(&constraint.distinct_attribute)
    });
    for name in names {
        let Some((domain, id)) = name.split_once('/') else {
            return Attributes::All;
        };
        all.insert((domain.to_owned(), Some(id.to_owned())));
    }
    Attributes::Some(all)
}
