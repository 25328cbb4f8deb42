//! How many devices fit into what is left of their counters, all counters at once.
//!
//! A small search of its own: a device is among them, or it is not, and then nothing is that takes as much or more of
//! everything. Start at [`Packings::most`].

use rustc_hash::FxHashMap;

/// Choices looked at for one question.
const CHOICES: usize = 400;

/// Answers to remember.
const REMEMBERED: usize = 1 << 12;

/// Questions answered before.
#[derive(Default)]
pub(super) struct Packings {
    known: FxHashMap<Vec<i64>, usize>,
}

impl Packings {
    /// A number of devices that is not exceeded by any that fit together. Of each device is given what it takes of each
    /// counter, of each counter what is left.
    pub(super) fn most(&mut self, mut devices: Vec<Vec<i64>>, left: &[i64]) -> usize {
        devices.sort_unstable();
        // How many counters there are comes first: the same numbers may stand for fewer devices with more of them.
        let mut key = vec![i64::try_from(left.len()).unwrap_or(i64::MAX)];
        key.extend(left);
        key.extend(devices.iter().flatten());
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        let share = |device: &Vec<i64>| -> i64 {
            let amounts = device.iter().zip(left);
            amounts
                .map(|(amount, left)| (amount << 16) / left.max(&1))
                .sum()
        };
        devices.sort_by_cached_key(share);
        let mut packing = Packing {
            devices: &devices,
            best: 0,
            choices: CHOICES,
        };
        let all: Vec<usize> = (0..devices.len()).collect();
        let bound = packing.bound(&all, left);
        let is_done = packing.pack(all, left, 0).is_some();
        let most = if is_done { packing.best } else { bound };
        if self.known.len() >= REMEMBERED {
            self.known.clear();
        }
        self.known.insert(key, most);
        most
    }
}

struct Packing<'d> {
    devices: &'d [Vec<i64>],
    best: usize,
    choices: usize,
}

impl Packing<'_> {
    /// Tries what is open beside those that are taken; nothing if that takes too long.
    fn pack(&mut self, mut open: Vec<usize>, left: &[i64], taken: usize) -> Option<()> {
        self.best = self.best.max(taken);
        loop {
            self.choices = self.choices.checked_sub(1)?;
            let fits = |device: &usize| {
                let mut amounts = self.devices[*device].iter().zip(left);
                amounts.all(|(amount, left)| amount <= left)
            };
            open.retain(fits);
            if open.is_empty() || taken + self.bound(&open, left) <= self.best {
                return Some(());
            }
            let device = &self.devices[open.remove(0)];
            let rest = left.iter().zip(device).map(|(left, amount)| left - amount);
            self.pack(open.clone(), &rest.collect::<Vec<i64>>(), taken + 1)?;
            // In a packing without this device nothing is that could change places with it.
            open.retain(|other| {
                let mut amounts = self.devices[*other].iter().zip(device);
                amounts.any(|(other, own)| other < own)
            });
        }
    }

    /// As many as fit into each counter by itself.
    fn bound(&self, open: &[usize], left: &[i64]) -> usize {
        let of_counter = |(counter, left): (usize, &i64)| {
            let amounts = open.iter().map(|device| self.devices[*device][counter]);
            let mut amounts: Vec<i64> = amounts.collect();
            amounts.sort_unstable();
            let mut spent = 0_i64;
            let fits = |amount: &&i64| {
                spent += **amount;
                spent <= *left
            };
            amounts.iter().take_while(fits).count()
        };
        let bounds = left.iter().enumerate().map(of_counter);
        bounds.min().unwrap_or(open.len()).min(open.len())
    }
}

#[cfg(test)]
mod tests {
    use super::Packings;

    /// What is remembered of two counters is no answer for one, though the numbers are the same in a row.
    #[test]
    fn what_is_remembered_is_told_apart_by_the_number_of_counters() {
        let mut packings = Packings::default();
        assert_eq!(packings.most(vec![vec![1, 1]], &[8, 1]), 1);
        assert_eq!(packings.most(vec![vec![1], vec![1], vec![1]], &[8]), 3);
    }
}
