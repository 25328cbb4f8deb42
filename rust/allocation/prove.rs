//! The proof behind an "impossible", made on demand.
//!
//! Allocates once more to learn the outcome, then looks for a short proof. Start at [`prove_on`].

use std::sync::Arc;

use super::{Ask, Options, Outcome, allocate_on};
use crate::explanation::Refusal;
use crate::feasibility::Selectors;
use crate::feasibility::prepare::prepare;
use crate::feasibility::view::View;
use crate::inventory::{Inventory, Spot};
use crate::proof::Proof;
use crate::refute::{self, Problem, refute};
use crate::wire::claim::ResourceClaim;

/// Why the node cannot serve the claims: a proof that [`crate::verify`] can check. Nothing where the answer is another,
/// or has a reason that needs no proof, such as a claim that is bound to another node.
pub fn prove_on(
    inventory: &Inventory,
    node: &str,
    claims: &[Arc<ResourceClaim>],
    options: &Options<'_>,
) -> Option<Proof> {
    let answer = allocate_on(inventory, node, claims, options);
    let Outcome::Impossible(explanation) = &answer.outcome else {
        return None;
    };
    if !matches!(
        *explanation.nodes.first()?.refusal,
        Refusal::NoSolution { .. }
    ) {
        return None;
    }
    let features = options.features;
    let Spot { node, layout } = inventory.spot(node, features).ok()?;
    let view = View::new(inventory, node, &layout, features, &options.exclude);
    let asked = Ask::new(inventory, claims, options).open();
    let mut selectors = Selectors::default();
    let prepared = prepare(&view, &asked, &mut selectors).ok()?;
    let problem = Problem::new(&view, &prepared, &mut selectors);
    let exhausted = Proof::Exhausted {
        steps: answer.steps,
    };
    let proof = refute(&problem, refute::BUDGET).or_else(|| refute(&problem, refute::PATIENCE));
    Some(proof.unwrap_or(exhausted))
}
