//! What devices consume of counters, in units so large that the numbers are small.
//!
//! Rounding consumption down as well as what is left leaves every true sum possible. Start at [`Units::new`].

use super::problem::Problem;

/// Most units that a device consumes of a counter.
const MOST: i128 = 1 << 16;

/// Consumption in units.
#[derive(Debug)]
pub(super) struct Units {
    /// The unit of each counter.
    pub(super) of: Vec<i128>,
    /// More than all devices consume together of any.
    pub(super) enough: i64,
    /// What each device consumes of which counters.
    pub(super) amounts: Vec<Vec<(usize, i64)>>,
}

impl Units {
    pub(super) fn new(problem: &Problem) -> Self {
        let mut of = vec![0_i128; problem.counters.len()];
        let mut most = vec![0_i128; problem.counters.len()];
        for (counter, amount) in problem.devices.iter().flat_map(|d| &d.consumption) {
            of[*counter] = common(of[*counter], *amount);
            most[*counter] = most[*counter].max(*amount);
        }
        for (unit, most) in of.iter_mut().zip(&most) {
            *unit = (*unit).max(most / MOST).max(1);
        }
        let in_units = |consumption: &[(usize, i128)]| {
            let own = consumption.iter().map(|(counter, amount)| {
                let amount = i64::try_from(amount / of[*counter]).unwrap_or(0);
                (*counter, amount)
            });
            own.filter(|(_, amount)| *amount > 0).collect()
        };
        let devices = problem.devices.iter();
        let amounts = devices
            .map(|device| in_units(&device.consumption))
            .collect();
        let enough = MOST * (1 + 2 * i128::try_from(problem.devices.len()).unwrap_or(0));
        Self {
            enough: i64::try_from(enough).unwrap_or(i64::MAX),
            of,
            amounts,
        }
    }
}

/// The greatest common divisor of a divisor known so far and an amount.
fn common(known: i128, amount: i128) -> i128 {
    let (mut a, mut b) = (known, amount);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}
