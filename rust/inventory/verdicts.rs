//! What selectors said of the devices of a slice, remembered for all slices that agree on what the selector reads.
//!
//! Shared by all snapshots, without effect on any answer: errors are not remembered. Start at [`Verdicts::of`].

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use rustc_hash::FxHashMap;

use super::slice::Slice;
use crate::cel::Selector;

/// Slices that are remembered, over all selectors; beyond that all are forgotten.
const REMEMBERED: usize = 1 << 16;

/// Positions of the columns that a selector reads of slices of a shape.
type Columns = FxHashMap<(u32, u32), Arc<[usize]>>;

/// Verdicts by selector and by what it reads.
#[derive(Debug, Default)]
pub struct Verdicts {
    columns: RwLock<Columns>,
    known: RwLock<FxHashMap<Box<[u32]>, OfSlice>>,
}

/// The verdicts on the devices of a slice, by position.
#[derive(Clone, Debug)]
pub struct OfSlice {
    verdicts: Arc<[AtomicU8]>,
    /// The columns that the selector reads.
    columns: Arc<[usize]>,
}

impl OfSlice {
    /// Whether the device is selected, if that is known.
    pub fn get(&self, device: usize) -> Option<bool> {
        match self.verdicts[device].load(Ordering::Relaxed) {
            0 => None,
            verdict => Some(verdict == 1),
        }
    }

    /// Notes whether the selector takes the device, and all that are the same to it.
    pub fn set(&self, selector: &Selector, slice: &Slice, device: usize, is_selected: bool) {
        let verdict = if is_selected { 1 } else { 2 };
        let set = |device: usize| self.verdicts[device].store(verdict, Ordering::Relaxed);
        set(device);
        if slice.is_readable() && selector.reads().is_about_attributes() {
            let alike = slice
                .kind()
                .alike(&self.columns, device, self.verdicts.len());
            alike.for_each(set);
        }
    }
}

impl Verdicts {
    /// What the selector said of slices that look like this one to it.
    pub fn of(&self, selector: &Selector, slice: &Slice) -> OfSlice {
        let columns = self.columns(selector, slice);
        let kind = slice.kind();
        let mut key = vec![selector.number(), kind.shape];
        key.extend(columns.iter().map(|column| kind.columns[*column]));
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known.get(key.as_slice()) {
            return found.clone();
        }
        drop(known);
        let devices = slice.document().spec.devices.iter();
        let new = OfSlice {
            verdicts: devices.map(|_| AtomicU8::new(0)).collect(),
            columns,
        };
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.entry(key.into()).or_insert(new).clone()
    }

    fn columns(&self, selector: &Selector, slice: &Slice) -> Arc<[usize]> {
        let kind = slice.kind();
        let key = (selector.number(), kind.shape);
        let known = self.columns.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known.get(&key) {
            return Arc::clone(found);
        }
        drop(known);
        let reads = selector.reads();
        let columns: Arc<[usize]> = if reads.all_attributes {
            (0..kind.columns.len()).collect()
        } else {
            let reads = reads.attributes.iter();
            let reads = reads.map(|(domain, id)| (domain.as_str(), id.as_deref()));
            kind.columns_read(&slice.pool().driver, reads).into()
        };
        let mut known = self.columns.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(key, Arc::clone(&columns));
        columns
    }
}
