//! Cutting off what cannot lead to a solution, so that the first solution in upstream's order stays the first.
//!
//! Only where no check can fail on any device: an error of upstream's depends on which devices its search gets to.
//! Start at [`Search::look_ahead`].

use super::{Pick, Search};
use crate::refute::{Assumed, Lookahead};

/// What failed at one place. A device that cannot be told from one that failed fails, too: the two could change places
/// in any solution.
#[derive(Debug, Default)]
pub(super) struct Tried {
    kinds: Vec<usize>,
    failed: Vec<usize>,
}

impl Tried {
    /// Whether a device like this one has failed here.
    pub(super) fn has_failed(&self, device: usize) -> bool {
        !self.failed.is_empty() && self.failed.contains(&self.kinds[device])
    }
}

impl Search<'_, '_> {
    /// From here on asks about every pick whether it leaves a solution.
    pub fn look_ahead(&mut self, lookahead: Lookahead) {
        self.lookahead = Some(lookahead);
    }

    /// Whether the picks made so far cannot be completed.
    pub(super) fn is_hopeless(&mut self) -> bool {
        let Some(mut lookahead) = self.lookahead.take() else {
            return false;
        };
        let (is_hopeless, looked_at) = lookahead.is_hopeless(&self.assumed(&lookahead));
        self.steps += looked_at;
        self.lookahead = Some(lookahead);
        is_hopeless
    }

    /// Notes that a candidate failed; nothing of it is left taken.
    pub(super) fn note_failure(&self, tried: &mut Tried, device: usize) {
        let Some(lookahead) = &self.lookahead else {
            return;
        };
        if tried.kinds.is_empty() {
            tried.kinds = lookahead.kinds(&self.assumed(lookahead));
        }
        tried.failed.push(tried.kinds[device]);
    }

    fn assumed(&self, lookahead: &Lookahead) -> Vec<Assumed> {
        let claims = self.attempt.picks.iter().enumerate();
        let picks = claims.flat_map(|(claim, picks)| picks.iter().map(move |pick| (claim, pick)));
        picks
            .filter_map(|(claim, pick): (usize, &Pick)| {
                Some(Assumed {
                    demand: lookahead.demand(claim, pick.request)?,
                    alternative: pick.alternative,
                    device: pick.device,
                })
            })
            .collect()
    }
}
