//! Advice as JSON, for programs.
//!
//! Start at [`Advice::to_json`].

use serde_json::{Value, json};

use super::change::{Change, Offer};
use super::groups::{Group, RequestLine, Say, Span};
use super::hints::Hint;
use super::{Advice, Ended};
use crate::explanation::Wanted;

/// Holders that are named; the number of all stands beside them.
const HOLDERS_NAMED: usize = 8;

impl Advice {
    /// All of it as one JSON object.
    pub fn to_json(&self) -> Value {
        let claims: Vec<String> = self.claims.iter().map(ToString::to_string).collect();
        let mut value = json!({
            "asked": claims,
            "nodes": self.nodes,
            "outcome": self.outcome.word(),
            "summary": self.groups.iter().map(Group::to_json).collect::<Vec<_>>(),
            "changes": self.offers.iter().map(Offer::to_json).collect::<Vec<_>>(),
            "hints": self.hints.iter().map(Hint::to_json).collect::<Vec<_>>(),
            "triedOn": self.tried_on,
            "trials": self.trials,
            "cutShort": self.is_cut_short,
        });
        match &self.outcome {
            Ended::Placed { node } => value["node"] = json!(node),
            Ended::Error { node, text } => {
                value["node"] = json!(node);
                value["error"] = json!(text);
            }
            Ended::Impossible | Ended::Undecided => {}
        }
        value
    }
}

impl Ended {
    /// The word for it in data.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Placed { .. } => "placed",
            Self::Impossible => "impossible",
            Self::Error { .. } => "error",
            Self::Undecided => "undecided",
        }
    }
}

impl Offer {
    fn to_json(&self) -> Value {
        json!({
            "text": self.to_string(),
            "cost": self.cost,
            "checked": self.is_checked,
            "node": self.node,
            "edits": self.changes.iter().map(Change::to_json).collect::<Vec<_>>(),
        })
    }
}

impl Change {
    fn to_json(&self) -> Value {
        let released: Vec<String> = self.released().iter().map(ToString::to_string).collect();
        let mut value = json!({
            "kind": self.kind.word(),
            "text": self.to_string(),
            "cost": self.cost,
            "document": self.document,
            "path": self.path,
            "claim": self.claim.as_ref().map(ToString::to_string),
            "request": self.request,
            "before": self.before,
            "after": self.after,
        });
        if !released.is_empty() {
            value["release"] = json!(released);
        }
        value
    }
}

impl Group {
    fn to_json(&self) -> Value {
        let mut value = json!({
            "text": self.to_string(),
            "count": self.nodes.len(),
            "nodes": self.nodes,
        });
        let reason = match &self.say {
            Say::NoSolution(lines) => {
                value["requests"] = lines.iter().map(RequestLine::to_json).collect();
                "no solution"
            }
            Say::BoundElsewhere(claim) => {
                value["claim"] = json!(claim.to_string());
                "bound elsewhere"
            }
            Say::ExtendedResource(resource) => {
                value["resource"] = json!(resource);
                "extended resource"
            }
            Say::Error { is_fatal, text } => {
                value["error"] = json!(text);
                value["scope"] = json!(if *is_fatal { "pod" } else { "node" });
                "error"
            }
            Say::Undecided => "undecided",
        };
        value["reason"] = json!(reason);
        if let Some(proof) = &self.proof {
            value["proof"] = json!(proof);
        }
        value
    }
}

impl RequestLine {
    fn to_json(&self) -> Value {
        let wanted = match self.wanted {
            Wanted::Count(count) => json!(count),
            Wanted::All => json!("all"),
        };
        let removed = self
            .removed
            .iter()
            .map(|removed| (removed.reason.word().to_owned(), removed.devices.to_json()));
        let terms = self.terms.iter().map(|(term, is_of_class, devices)| {
            json!({"term": term, "ofClass": is_of_class, "devices": devices.to_json()})
        });
        let holders = self.holders.iter().take(HOLDERS_NAMED);
        let holders =
            holders.map(|(claim, devices)| json!({"claim": claim.to_string(), "devices": devices}));
        json!({
            "claim": self.claim.to_string(),
            "request": self.request,
            "class": self.class,
            "wanted": wanted,
            "seen": self.seen.to_json(),
            "left": self.left.to_json(),
            "short": self.is_short,
            "removed": removed.collect::<serde_json::Map<_, _>>(),
            "matching": self.matching.to_json(),
            "held": self.held.to_json(),
            "holders": holders.collect::<Vec<_>>(),
            "holderCount": self.holders.len(),
            "taints": self.taints,
            "terms": terms.collect::<Vec<_>>(),
        })
    }
}

impl Span {
    /// Least and most.
    fn to_json(self) -> Value {
        json!([self.least, self.most])
    }
}

impl Hint {
    fn to_json(&self) -> Value {
        json!({
            "text": self.to_string(),
            "kind": self.kind.word(),
            "place": self.place,
            "name": self.name,
            "of": self.of,
            "devices": self.devices,
            "nearest": self.nearest,
        })
    }
}
