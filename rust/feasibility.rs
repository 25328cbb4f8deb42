//! Where the devices of each request went: the funnel behind a refusal.
//!
//! Asks each device on its own, as if nothing of the pod were placed, by upstream's checks in upstream's order; the
//! first check that refuses counts. Never chooses. Start at [`funnels`].

use crate::explanation::{Funnel, Reason, Wanted};
use crate::inventory::pool::PoolState;
use crate::search::prepare::PreparedWish;
use crate::search::view::View;
use crate::search::{Alone, Attempt};

/// The funnels of all requests and alternatives, in claim order.
pub fn funnels(view: &View<'_>, attempt: &mut Attempt<'_>) -> Vec<Funnel> {
    let mut funnels = Vec::new();
    for claim in 0..attempt.claims.len() {
        for request in 0..attempt.claims[claim].requests.len() {
            for alternative in 0..attempt.claims[claim].requests[request].wishes.len() {
                funnels.push(funnel(view, attempt, (claim, request, alternative)));
            }
        }
    }
    funnels
}

fn funnel(view: &View<'_>, attempt: &mut Attempt<'_>, at: (usize, usize, usize)) -> Funnel {
    let mut counts: std::collections::BTreeMap<Reason, usize> = std::collections::BTreeMap::new();
    let mut seen = 0;
    let mut left = 0;
    for pool in &view.pools {
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
            PoolState::Usable { elsewhere, .. } => {
                let others: usize = elsewhere
                    .iter()
                    .map(|s| s.document().spec.devices.len())
                    .sum();
                seen += others;
                *counts.entry(Reason::Node).or_default() += others;
            }
        }
    }
    for device in 0..view.devices.len() {
        match attempt.alone(view, at, device) {
            Alone::Left => left += 1,
            Alone::Removed(reason) => *counts.entry(reason).or_default() += 1,
        }
    }
    let wish = attempt.wish(at.0, at.1, at.2);
    Funnel {
        claim: crate::claim::key(attempt.claims[at.0].claim),
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
