//! A byte for each value of a device, from which it is known without a look at the device that two differ, or are alike.
//!
//! Devices lie far apart in memory; what is asked of thousands of them is mostly answered here. Never says that values are
//! equal which are not. Start at [`SliceKind::marks`].

use rustc_hash::FxHashMap;

use super::kinds::SliceKind;
use crate::wire::slice::{DeviceAttribute, Single};

/// Devices of a slice from which on they have much in common: their values are numbered, and what is said of one of them is
/// said of all that are like it.
pub const MANY_DEVICES: usize = 16;

/// In the place of the part of a column whose marks are not kept.
const NOT_KEPT: u8 = u8::MAX;

/// The marks of a slice in one piece: how many parts there are, for each column which is its own, from 1 on, and the parts,
/// a byte for each device. There is none for a column with the same marks throughout, and [`NOT_KEPT`] for some of very many.
#[derive(Debug)]
pub(super) struct Marks(Box<[u8]>);

impl Marks {
    /// Of the values of each attribute, by device.
    pub(super) fn of<'a>(
        columns: impl ExactSizeIterator<Item = &'a Vec<Option<DeviceAttribute>>>,
    ) -> Self {
        let mut all = vec![0_u8; 1 + columns.len()];
        for (at, column) in columns.enumerate() {
            let own = if column.len() < MANY_DEVICES {
                let own = column.iter().map(|value| fingerprint(value.as_ref()));
                Some(own.collect())
            } else {
                numbers(column)
            };
            // There are seldom as many columns, or values, as there are numbers.
            let own: Option<Vec<u8>> = own.filter(|_| all[0] + 1 < NOT_KEPT);
            let Some(own) = own else {
                all[1 + at] = NOT_KEPT;
                continue;
            };
            // The same text throughout costs one look at one device.
            if own.len() == 1 || own.iter().any(|other| *other != own[0]) {
                all[0] += 1;
                all[1 + at] = all[0];
                all.extend(own);
            }
        }
        Self(all.into())
    }
}

/// Equal numbers for equal values, unless there are too many.
#[expect(
    clippy::mutable_key_type,
    reason = "what changes in a value is what it was read as, which is not compared"
)]
fn numbers(column: &[Option<DeviceAttribute>]) -> Option<Vec<u8>> {
    let mut numbers = FxHashMap::default();
    let numbered = column.iter().map(|value| {
        let next = u8::try_from(numbers.len()).ok()?;
        Some(*numbers.entry(value).or_insert(next))
    });
    numbered.collect()
}

fn fingerprint(value: Option<&DeviceAttribute>) -> u8 {
    match value.and_then(DeviceAttribute::single) {
        Some(Single::String(text)) => crate::attribute::fingerprint(text),
        _ => 0,
    }
}

impl SliceKind {
    /// Marks of the devices' values in a column, if they are kept and not all the same; they differ only where values do. On
    /// a slice with few devices they are fingerprints of texts, 0 where there is none; on one with [`MANY_DEVICES`] they
    /// are equal only for equal values.
    pub fn marks(&self, column: usize) -> Option<&[u8]> {
        let (count, rest) = self.marks.0.split_first()?;
        let (part_of, parts) = rest.split_at(self.columns.len());
        let part = part_of[column];
        let part = usize::from(part)
            .checked_sub(1)
            .filter(|_| part != NOT_KEPT)?;
        let devices = parts.len() / usize::from(*count);
        parts.chunks_exact(devices).nth(part)
    }

    /// Of so many devices of the slice those that are surely like this one in some columns, but for itself.
    pub fn alike(
        &self,
        columns: &[usize],
        device: usize,
        devices: usize,
    ) -> impl Iterator<Item = usize> {
        let is_kept = |column: &usize| self.marks.0[1 + *column] != NOT_KEPT;
        let marks = columns.iter().filter_map(|column| self.marks(*column));
        let marks: Vec<&[u8]> = marks.collect();
        // Numbers are given in order: the last device has its own place for one only where no two have the same value.
        let differ =
            |marks: &&[u8]| marks.last().map(|last| usize::from(*last) + 1) == Some(devices);
        let may_be_alike =
            devices >= MANY_DEVICES && columns.iter().all(is_kept) && !marks.iter().any(differ);
        let others = 0..if may_be_alike { devices } else { 0 };
        others.filter(move |other| {
            let mut marks = marks.iter();
            *other != device && marks.all(|marks| marks[*other] == marks[device])
        })
    }
}
