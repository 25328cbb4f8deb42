//! What constraints compare of each device, worked out once: a search asks for it again and again.
//!
//! Never works it out itself. Start at [`Values::of`].

use rustc_hash::FxHashMap;

use crate::claim::constraint::Value;
use crate::feasibility::prepare::Prepared;

/// What constraints compare, once it was asked for.
pub(super) struct Values {
    /// Where the constraints of each claim begin.
    starts: Vec<usize>,
    /// What is published, by constraint and device.
    published: Vec<Vec<Asked>>,
    /// How many devices there are.
    devices: usize,
    /// What wishes derive for themselves, by claim, constraint, request, alternative and device.
    derived: FxHashMap<(usize, usize, usize, usize, usize), Asked>,
}

/// Nothing before it was asked for; nothing inside where the device has no value.
pub(super) type Asked = Option<Option<Value>>;

impl Values {
    /// Nothing was asked for yet.
    pub(super) fn new(claims: &[Prepared<'_>], devices: usize) -> Self {
        let mut constraints = 0;
        let starts = claims.iter().map(|claim| {
            let start = constraints;
            constraints += claim.constraints.len();
            start
        });
        Self {
            starts: starts.collect(),
            published: vec![Vec::new(); constraints],
            devices,
            derived: FxHashMap::default(),
        }
    }

    /// Forgets what was worked out, for other devices.
    pub(super) fn forget(&mut self) {
        self.published.iter_mut().for_each(Vec::clear);
        self.derived.clear();
    }

    /// The place for what a constraint compares of a device for a wish.
    pub(super) fn of(
        &mut self,
        (claim, request, alternative): (usize, usize, usize),
        constraint: usize,
        is_derived: bool,
        device: usize,
    ) -> &mut Asked {
        if is_derived {
            let key = (claim, constraint, request, alternative, device);
            return self.derived.entry(key).or_default();
        }
        let values = &mut self.published[self.starts[claim] + constraint];
        if values.is_empty() {
            values.resize_with(self.devices, Asked::default);
        }
        &mut values[device]
    }
}
