//! Where the devices of each request went: the funnel behind a refusal.
//!
//! Asks each device on its own, as if nothing of the pod were placed, by upstream's checks in upstream's order; the
//! first check that refuses counts. Never chooses. Start at [`funnels`].

use super::candidates::{Checks, Verdict};
use super::prepare::{Prepared, PreparedWish};
use super::selectors::Selectors;
use super::view::View;
use crate::explanation::{Funnel, Reason, Wanted};
use crate::inventory::pool::PoolState;

/// The funnels of all requests and alternatives, in claim order.
pub fn funnels<'a>(
    view: &View<'_>,
    claims: &[Prepared<'a>],
    selectors: &mut Selectors<'a>,
) -> Vec<Funnel> {
    let mut checks = Checks::new(view, selectors);
    let wishes = claims.iter().flat_map(|claim| {
        let wishes = claim.requests.iter().flat_map(|request| &request.wishes);
        wishes.map(move |wish| (claim, wish))
    });
    wishes
        .map(|(claim, wish)| funnel(view, &mut checks, claim, wish))
        .collect()
}

fn funnel(
    view: &View<'_>,
    checks: &mut Checks<'_, '_, '_>,
    claim: &Prepared<'_>,
    wish: &PreparedWish<'_>,
) -> Funnel {
    let mut counts: std::collections::BTreeMap<Reason, usize> = std::collections::BTreeMap::new();
    let mut seen = 0;
    let mut left = 0;
    for pool in view.pools {
        let here: usize = pool
            .slices()
            .iter()
            .map(|s| s.document().spec.devices.len())
            .sum();
        seen += here;
        match &pool.state {
            PoolState::Incomplete { .. } => {
                *counts.entry(Reason::IncompletePool).or_default() += here;
            }
            PoolState::Invalid { .. } => *counts.entry(Reason::InvalidPool).or_default() += here,
            PoolState::Usable {
                devices_elsewhere: others,
                ..
            } => {
                seen += others;
                *counts.entry(Reason::Node).or_default() += others;
            }
        }
    }
    for device in 0..view.devices.len() {
        match checks.verdict(claim, wish, device) {
            Verdict::Left => left += 1,
            Verdict::Removed(reason) => *counts.entry(reason).or_default() += 1,
            // The search never got to it; a selector that fails takes no device.
            Verdict::Fails(_) => *counts.entry(Reason::Selector).or_default() += 1,
        }
    }
    Funnel {
        claim: crate::claim::key(claim.claim),
        request: wish.wish.reference(),
        wanted: wanted(wish),
        seen,
        removed: counts.into_iter().filter(|(_, count)| *count > 0).collect(),
        left,
    }
}

fn wanted(wish: &PreparedWish<'_>) -> Wanted {
    if wish.wish.wants_all() {
        Wanted::All
    } else {
        Wanted::Count(wish.wish.count)
    }
}
