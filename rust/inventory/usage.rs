//! What is held: claims with an allocation, and for each device who holds it.
//!
//! Never judges: two claims may hold one device, and a held device may be gone. Start at [`Held`].

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::id::ClaimKey;
use super::kinds::{Kinds, Number};
use super::slice::Slice;
use crate::quantity::Quantity;
use crate::wire::allocation::{AllocationResult, ResourceClaimConsumerReference};

/// A claim with its allocation.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Held {
    /// The claim.
    pub key: ClaimKey,
    /// UID of the claim; empty when it was never stored.
    #[serde(default)]
    pub uid: String,
    /// What it holds.
    pub allocation: Arc<AllocationResult>,
    /// For whom.
    #[serde(default)]
    pub reserved_for: Vec<ResourceClaimConsumerReference>,
    /// What only the caller knows of it.
    #[serde(default)]
    pub caller: CallerData,
    /// Committed here and not yet seen in a document with an allocation.
    #[serde(default)]
    pub unconfirmed: bool,
}

/// Data of the caller, carried and never read by allocation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CallerData {
    /// Who owns what is held, such as a job.
    pub owner: Option<String>,
    /// Higher is more important.
    pub priority: Option<i64>,
    /// The queue it is charged to.
    pub queue: Option<String>,
    /// Whether it may be taken away.
    pub preemptible: Option<bool>,
}

/// Who holds a device. Results for administration are not in here: they take nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceUsage {
    holders: Arc<[Holder]>,
}

/// One result that holds a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The claim.
    pub claim: ClaimKey,
    /// The share, for a shared device.
    pub share_id: Option<Arc<str>>,
    /// What the share consumes.
    pub consumed: BTreeMap<String, Quantity>,
}

/// Who holds the devices of a slice, by their position.
#[derive(Clone, Debug)]
pub struct SliceUsage {
    devices: Box<[Option<DeviceUsage>]>,
    /// How each is held, so that a look at all of them need not follow that many pointers.
    how: Box<[How]>,
    /// A bit for each that is held as a whole, and how many are held in shares.
    whole: Box<[u32]>,
    shared: usize,
    held: usize,
    number: Number,
}

/// How a device is held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct How {
    /// Somebody holds it as a whole.
    whole: bool,
    /// Somebody holds a share.
    shares: bool,
}

impl SliceUsage {
    pub(super) fn none(slice: &Slice) -> Self {
        let devices = slice.document().spec.devices.len();
        Self {
            devices: vec![None; devices].into(),
            how: vec![How::default(); devices].into(),
            whole: vec![0; devices.div_ceil(32)].into(),
            shared: 0,
            held: 0,
            number: Number::unknown(),
        }
    }

    /// Equal for slices of which the same is held, device by device, up to who holds it.
    pub(super) fn number(&self, kinds: &Kinds) -> u32 {
        self.number.get_or(|| {
            if self.shared == 0 {
                return kinds.pattern(&self.whole);
            }
            let mut text = String::with_capacity(self.devices.len());
            for (device, how) in self.devices.iter().zip(&self.how) {
                add_usage(device.as_ref(), *how, &mut text);
            }
            kinds.text(text)
        })
    }

    pub(super) fn set(&mut self, index: usize, usage: Option<DeviceUsage>) {
        let place = &mut self.devices[index];
        self.number = Number::unknown();
        self.held += usize::from(usage.is_some());
        self.held -= usize::from(place.is_some());
        let how = usage.as_ref().map_or_else(How::default, |usage| How {
            whole: usage.is_exclusive(true),
            shares: usage.has_shares(true),
        });
        let before = std::mem::replace(&mut self.how[index], how);
        self.shared += usize::from(how.shares);
        self.shared -= usize::from(before.shares);
        let (word, bit) = (&mut self.whole[index / 32], 1 << (index % 32));
        *word = if how.whole { *word | bit } else { *word & !bit };
        *place = usage;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.held == 0
    }

    /// [`DeviceUsage::is_exclusive`] of the device at a position.
    pub fn is_exclusive(&self, index: usize, consumable_capacity: bool) -> bool {
        let how = self.how[index];
        how.whole || !consumable_capacity && how.shares
    }

    /// [`DeviceUsage::has_shares`] of the device at a position.
    pub fn has_shares(&self, index: usize, consumable_capacity: bool) -> bool {
        consumable_capacity && self.how[index].shares
    }

    /// The positions of devices that are held, ascending.
    pub fn held(&self) -> impl Iterator<Item = usize> {
        let is_any = move |index: &usize| {
            let how = self.how[*index];
            how.whole || how.shares
        };
        // Shares are few; where there are none the bits say it all.
        let wholes = (self.shared == 0).then(|| bits(&self.whole));
        let all = (self.shared > 0).then(|| (0..self.how.len()).filter(is_any));
        wholes
            .into_iter()
            .flatten()
            .chain(all.into_iter().flatten())
    }

    /// Who holds the device at a position.
    pub fn device(&self, index: usize) -> Option<&DeviceUsage> {
        self.devices.get(index)?.as_ref()
    }
}

/// The positions of bits that are set, ascending.
pub fn bits(words: &[u32]) -> impl Iterator<Item = usize> {
    words.iter().enumerate().flat_map(|(at, word)| {
        let rest = |word: &u32| Some(word & (word - 1)).filter(|word| *word != 0);
        let words = std::iter::successors(Some(*word).filter(|word| *word != 0), rest);
        words.map(move |word| at * 32 + word.trailing_zeros() as usize)
    })
}

/// What is held of a device: nothing, the whole, or what its shares consume.
fn add_usage(usage: Option<&DeviceUsage>, how: How, text: &mut String) {
    let Some(held) = usage else {
        text.push('-');
        return;
    };
    text.push(if how.whole { 'x' } else { 's' });
    if how.shares {
        for (name, amount) in held.aggregated(true).unwrap_or_default() {
            let _ = write!(text, "{name}={};", amount.nanos());
        }
        text.push('.');
    }
}

impl DeviceUsage {
    /// The holders, by claim and then in the order of the claim's results.
    pub fn holders(&self) -> &[Holder] {
        &self.holders
    }

    /// Held by one alone.
    pub(super) fn only(holder: Holder) -> Self {
        Self {
            holders: Arc::new([holder]),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.holders.is_empty()
    }

    pub(super) fn with(&self, holder: Holder) -> Self {
        let position = self
            .holders
            .partition_point(|other| other.claim <= holder.claim);
        let (before, after) = self.holders.split_at(position);
        let holders = before.iter().cloned().chain([holder]);
        Self {
            holders: holders.chain(after.iter().cloned()).collect(),
        }
    }

    pub(super) fn without(&self, claim: &ClaimKey) -> Self {
        let kept = self.holders.iter().filter(|holder| holder.claim != *claim);
        Self {
            holders: kept.cloned().collect(),
        }
    }

    /// Whether the device is held as a whole. With the gate `DRAConsumableCapacity` off, shares count as wholes.
    pub fn is_exclusive(&self, consumable_capacity: bool) -> bool {
        self.holders
            .iter()
            .any(|holder| !consumable_capacity || holder.share_id.is_none())
    }

    /// Whether shares of the device are held.
    pub fn has_shares(&self, consumable_capacity: bool) -> bool {
        consumable_capacity && self.holders.iter().any(|holder| holder.share_id.is_some())
    }

    /// The share ids held.
    pub fn share_ids(&self) -> impl Iterator<Item = &str> {
        self.holders
            .iter()
            .filter_map(|holder| holder.share_id.as_deref())
    }

    /// The sum of what shares consume, by capacity; `None` when no share consumes anything.
    pub fn aggregated(&self, consumable_capacity: bool) -> Option<BTreeMap<&str, Quantity>> {
        let mut sum: BTreeMap<&str, Quantity> = BTreeMap::new();
        let shares = self
            .holders
            .iter()
            .filter(|holder| consumable_capacity && holder.share_id.is_some());
        for (name, amount) in shares.flat_map(|holder| &holder.consumed) {
            match sum.get_mut(name.as_str()) {
                Some(total) => *total = total.add(amount),
                None => {
                    sum.insert(name, amount.clone());
                }
            }
        }
        (!sum.is_empty()).then_some(sum)
    }
}
