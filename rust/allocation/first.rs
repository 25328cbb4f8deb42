//! The first of all nodes that takes claims, asked again and again while the cluster fills up.
//!
//! Remembers what nodes came to, so that the next claims like these start where the last ones ended; that never changes
//! an answer. Start at [`First::allocate`].

use std::sync::Arc;

use super::survey::Survey;
use super::{Answer, Options, Refused, allocate_first, allocate_on};
use crate::inventory::Inventory;
use crate::wire::claim::ResourceClaim;

/// Different claims that are remembered.
const REMEMBERED: usize = 16;

/// Asks the nodes of an inventory by name, for one pod after the other.
#[derive(Debug, Default)]
pub struct First {
    /// The last survey for each of the last different claims, the latest last.
    surveys: Vec<Arc<Survey>>,
}

impl First {
    /// Nothing is remembered.
    pub fn new() -> Self {
        Self::default()
    }

    /// As [`allocate_first`] with all nodes by name.
    pub fn allocate(
        &mut self,
        inventory: &Inventory,
        claims: &[Arc<ResourceClaim>],
        options: &Options<'_>,
    ) -> Answer {
        let mut known = self.surveys.iter();
        let known = known.position(|survey| survey.is_about(inventory, claims, options));
        let known = known.map(|at| self.surveys.remove(at));
        let survey = Survey::begin(inventory, claims, options, known.as_deref());
        let survey = Arc::new(survey);
        let answer = match survey.first(options) {
            Some((row, before, steps)) => {
                let answer = allocate_on(inventory, &row.name, claims, options);
                Answer {
                    steps: answer.steps.saturating_add(steps),
                    refused: Refused {
                        nodes: Some((Arc::clone(&survey), before)),
                        ..Refused::default()
                    },
                    ..answer
                }
            }
            None => allocate_first(inventory, &inventory.node_names(), claims, options),
        };
        if self.surveys.len() == REMEMBERED {
            self.surveys.remove(0);
        }
        self.surveys.push(survey);
        answer
    }
}
