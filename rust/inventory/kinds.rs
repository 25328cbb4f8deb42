//! Numbers for what is equal: slices up to their names and the values of attributes, columns of attribute values, and
//! what is held of them.
//!
//! Equal numbers mean equal things within all snapshots that come from one inventory, and equal things have equal numbers
//! unless very much has been seen in between; the numbers say nothing else and never show in an answer. Everything is compared by content, never by hash alone. Start at [`Kinds::slice`].

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::FxHashMap;
use serde::Serialize;

use super::Slice;
use super::form::{Form, columns_read};
use super::marks::Marks;
use super::plan::CounterPlan;
use crate::attribute::Name;
use crate::cel;
use crate::wire::core::NodeSelector;
use crate::wire::slice::{
    CounterSet, Device, DeviceAttribute, DeviceCapacity, DeviceCounterConsumption, DeviceTaint,
    ResourceSlice,
};

/// The values of one attribute, by device.
type Column = Box<[Option<DeviceAttribute>]>;

/// Which devices of a slice are held, in bits; nothing where none is.
pub type HeldBits = Option<Arc<[u32]>>;

/// Hands out the numbers.
#[derive(Debug, Default)]
pub struct Kinds(Mutex<Inner>);

/// Texts and columns that are remembered. Beyond that all are forgotten: what is equal may then get another number.
const REMEMBERED: usize = 1 << 20;
/// As before, for plans.
const REMEMBERED_PLANS: usize = 1 << 10;
/// As before, for forms, which are large.
const REMEMBERED_FORMS: usize = 1 << 16;

#[derive(Debug, Default)]
struct Inner {
    texts: FxHashMap<Box<str>, u32>,
    columns: FxHashMap<Column, u32>,
    patterns: Words<HeldBits>,
    /// Of several patterns, by their numbers: the bits of all of them, unless one of them is none of a pattern.
    lists: Words<Option<Box<[HeldBits]>>>,
    /// By the shapes of slices.
    forms: Words<Arc<Form>>,
    /// Several columns, by their numbers.
    sets: Words<()>,
    /// The names of the columns, by shape.
    names: FxHashMap<u32, Arc<[Name]>>,
    plans: FxHashMap<Box<[u32]>, Arc<CounterPlan>>,
    numbers: Counter,
}

/// The numbers handed out so far.
#[derive(Debug, Default)]
struct Counter(u32);

impl Counter {
    /// Four thousand million are enough for years of changes.
    fn next(&mut self) -> u32 {
        self.0 = self.0.saturating_add(1);
        self.0
    }
}

/// Rows of words with their numbers, and by number what they mean.
#[derive(Debug)]
struct Words<T> {
    numbers: FxHashMap<Arc<[u32]>, u32>,
    /// Ascending: a number that is handed out is larger than all before.
    by_number: Vec<(u32, T)>,
}

impl<T> Default for Words<T> {
    fn default() -> Self {
        Self {
            numbers: FxHashMap::default(),
            by_number: Vec::new(),
        }
    }
}

impl<T> Words<T> {
    /// The number of the words, with what they mean if they are new; beyond so many all are forgotten.
    fn number(
        &mut self,
        words: &[u32],
        most: usize,
        numbers: &mut Counter,
        meaning: impl FnOnce(&Arc<[u32]>) -> T,
    ) -> u32 {
        if let Some(number) = self.numbers.get(words) {
            return *number;
        }
        if self.numbers.len() >= most {
            *self = Self::default();
        }
        let (number, words) = (numbers.next(), Arc::from(words));
        self.by_number.push((number, meaning(&words)));
        self.numbers.insert(words, number);
        number
    }

    fn meaning(&self, number: u32) -> Option<&T> {
        let found = self
            .by_number
            .binary_search_by_key(&number, |known| known.0);
        Some(&self.by_number[found.ok()?].1)
    }
}

/// What a slice is like.
#[derive(Debug)]
pub struct SliceKind {
    /// Number of everything but names, pool, node and the values of attributes.
    pub shape: u32,
    /// The attributes that a device of the slice has, ascending; one list for all slices of the shape.
    pub names: Arc<[Name]>,
    /// Number of the values of each of them.
    pub columns: Box<[u32]>,
    /// By which devices may be known to differ, or to be alike.
    pub(super) marks: Marks,
}

/// A number that is worked out when first asked for; a cell that does so once would take longer to copy than all else.
#[derive(Debug)]
pub(super) struct Number(AtomicU32);

impl Number {
    /// More than are ever handed out.
    const UNKNOWN: u32 = u32::MAX;

    /// Not worked out yet.
    pub(super) fn unknown() -> Self {
        Self(AtomicU32::new(Self::UNKNOWN))
    }

    /// The number, worked out if it was not.
    pub(super) fn get_or(&self, make: impl FnOnce() -> u32) -> u32 {
        self.known().unwrap_or_else(|| {
            // Whoever else works it out comes to the same.
            let number = make();
            self.0.store(number, Ordering::Relaxed);
            number
        })
    }

    /// The number, if it was worked out.
    pub(super) fn known(&self) -> Option<u32> {
        Some(self.0.load(Ordering::Relaxed)).filter(|number| *number != Self::UNKNOWN)
    }
}

impl Clone for Number {
    fn clone(&self) -> Self {
        Self(AtomicU32::new(self.0.load(Ordering::Relaxed)))
    }
}

/// A slice without what its kind leaves out.
#[derive(Serialize)]
struct Shape<'a> {
    driver: &'a str,
    node_selector: Option<&'a NodeSelector>,
    all_nodes: Option<bool>,
    per_device: Option<bool>,
    counters: &'a [CounterSet],
    skips: &'a [String],
    devices: Vec<DeviceShape<'a>>,
}

#[derive(Serialize)]
struct DeviceShape<'a> {
    attributes: Vec<&'a str>,
    /// A malformed attribute makes every selector fail on the device, whether it reads it or not.
    malformed: bool,
    capacity: Vec<(&'a str, &'a DeviceCapacity)>,
    consumes: &'a [DeviceCounterConsumption],
    node_name: Option<&'a str>,
    node_selector: Option<&'a NodeSelector>,
    all_nodes: Option<bool>,
    taints: &'a [DeviceTaint],
    binds: Option<bool>,
    conditions: Option<&'a [String]>,
    failures: Option<&'a [String]>,
    shared: Option<bool>,
}

impl Kinds {
    /// The kind of a slice.
    pub fn slice(&self, slice: &ResourceSlice) -> SliceKind {
        let spec = &slice.spec;
        let devices = spec.devices.iter();
        let devices = devices.map(|device| DeviceShape::of(&spec.driver, device));
        let shape = Shape {
            driver: &spec.driver,
            node_selector: spec.node_selector.as_ref(),
            all_nodes: spec.all_nodes,
            per_device: spec.per_device_node_selection,
            counters: &spec.shared_counters,
            skips: &spec.skip_node_operations,
            devices: devices.collect(),
        };
        let mut columns: BTreeMap<&Name, Vec<Option<DeviceAttribute>>> = BTreeMap::new();
        for (index, device) in spec.devices.iter().enumerate() {
            for (name, attribute) in device.attributes.iter() {
                let column = columns
                    .entry(name)
                    .or_insert_with(|| vec![None; spec.devices.len()]);
                column[index] = Some(attribute.clone());
            }
        }
        let text = serde_json::to_string(&shape).unwrap_or_default();
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let shape = inner.text(text);
        let names = Arc::clone(inner.names.entry(shape).or_insert_with(|| {
            let names = columns.keys().map(|name| (*name).clone());
            names.collect()
        }));
        let marks = Marks::of(columns.values());
        let columns = columns.into_values();
        let columns = columns.map(|column| inner.column(column.into()));
        SliceKind {
            shape,
            columns: columns.collect(),
            marks,
            names,
        }
    }

    /// A number that was not handed out before.
    pub fn next(&self) -> u32 {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.numbers.next()
    }

    /// The counters of a pool of which the key tells the shapes.
    pub fn plan(&self, key: Vec<u32>, make: impl FnOnce() -> CounterPlan) -> Arc<CounterPlan> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(plan) = inner.plans.get(key.as_slice()) {
            return Arc::clone(plan);
        }
        if inner.plans.len() >= REMEMBERED_PLANS {
            inner.plans.clear();
        }
        let plan = Arc::new(make());
        inner.plans.insert(key.into(), Arc::clone(&plan));
        plan
    }

    /// Adds what slices that make a node are like, in numbers: of their form, and of the values of each attribute. Of a
    /// single slice the form is its shape, and the rest its columns; of none it is 0.
    pub fn form(&self, slices: &[&Arc<Slice>], facts: &mut Vec<u32>) {
        if let [slice] = slices {
            facts.push(slice.kind().shape);
            facts.extend_from_slice(&slice.kind().columns);
            return;
        }
        if slices.is_empty() {
            facts.push(0);
            return;
        }
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let form = inner.form(slices);
        facts.push(form);
        let form = inner.forms.meaning(form).cloned();
        for columns in form.iter().flat_map(|form| form.columns(slices)) {
            facts.push(inner.set(&columns));
        }
    }

    /// The form of several slices that has a number; nothing where it was forgotten.
    pub fn form_of(&self, number: u32) -> Option<Arc<Form>> {
        let inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.forms.meaning(number).cloned()
    }

    /// The number of a pattern of bits.
    pub fn pattern(&self, bits: &[u32]) -> u32 {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Inner {
            patterns, numbers, ..
        } = &mut *inner;
        patterns.number(bits, REMEMBERED, numbers, |bits| Some(Arc::clone(bits)))
    }

    /// The number of several patterns, by their numbers.
    pub fn patterns(&self, numbers: &[u32]) -> u32 {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Inner {
            lists,
            patterns,
            numbers: counter,
            ..
        } = &mut *inner;
        lists.number(numbers, REMEMBERED, counter, |numbers| {
            let bits = numbers
                .iter()
                .map(|number| bits(patterns, *number).cloned());
            bits.collect()
        })
    }

    /// Shows the pattern that has a number, or the patterns that have one together, to a reader that asks for no number
    /// meanwhile; the number 0 stands for no bit. Nothing where the number is none of a pattern, or where that was
    /// forgotten.
    pub fn bits<R>(
        &self,
        number: u32,
        patterns: usize,
        read: impl FnOnce(&[HeldBits]) -> R,
    ) -> Option<R> {
        let inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all = if patterns == 1 {
            std::slice::from_ref(bits(&inner.patterns, number)?)
        } else {
            inner.lists.meaning(number)?.as_deref()?
        };
        Some(read(all))
    }

    /// The number of a text.
    pub fn text(&self, text: String) -> u32 {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.text(text)
    }
}

impl Inner {
    fn text(&mut self, text: String) -> u32 {
        if let Some(number) = self.texts.get(text.as_str()) {
            return *number;
        }
        if self.texts.len() >= REMEMBERED {
            self.texts.clear();
            self.names.clear();
        }
        let next = self.numbers.next();
        self.texts.insert(text.into(), next);
        next
    }

    fn form(&mut self, slices: &[&Arc<Slice>]) -> u32 {
        let shapes: Vec<u32> = slices.iter().map(|slice| slice.kind().shape).collect();
        let form = |_: &_| Arc::new(Form::of(slices));
        self.forms
            .number(&shapes, REMEMBERED_FORMS, &mut self.numbers, form)
    }

    fn set(&mut self, columns: &[u32]) -> u32 {
        if let [column] = columns {
            return *column;
        }
        self.sets
            .number(columns, REMEMBERED, &mut self.numbers, |_| ())
    }

    fn column(&mut self, column: Column) -> u32 {
        if let Some(number) = self.columns.get(&column) {
            return *number;
        }
        if self.columns.len() >= REMEMBERED {
            self.columns.clear();
        }
        let next = self.numbers.next();
        self.columns.insert(column, next);
        next
    }
}

/// The pattern that has a number.
fn bits(patterns: &Words<HeldBits>, number: u32) -> Option<&HeldBits> {
    match number {
        0 => Some(&None),
        number => patterns.meaning(number),
    }
}

impl<'a> DeviceShape<'a> {
    fn of(driver: &str, device: &'a Device) -> Self {
        let seen = cel::Device::new(driver, &device.attributes, &device.capacity, None);
        Self {
            attributes: device.attributes.keys().map(Name::as_str).collect(),
            malformed: !seen.is_readable(),
            capacity: device
                .capacity
                .iter()
                .map(|(name, capacity)| (name.as_str(), capacity))
                .collect(),
            consumes: &device.consumes_counters,
            node_name: device.node_name.as_deref(),
            node_selector: device.node_selector.as_ref(),
            all_nodes: device.all_nodes,
            taints: &device.taints,
            binds: device.binds_to_node,
            conditions: device.binding_conditions.as_deref(),
            failures: device.binding_failure_conditions.as_deref(),
            shared: device.allow_multiple_allocations,
        }
    }
}

impl SliceKind {
    /// Positions of the columns that a reader of `(domain, id)` attributes looks at; without an id, of all in the domain.
    pub fn columns_read<'r>(
        &self,
        driver: &str,
        reads: impl Iterator<Item = (&'r str, Option<&'r str>)>,
    ) -> Box<[usize]> {
        columns_read(&self.names.iter().map(|name| (name, driver)), reads)
    }
}
