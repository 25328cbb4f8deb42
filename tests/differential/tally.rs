//! Counts over a run: outcomes per node, how many cases make the upstream search backtrack, which features occur.
//!
//! Never judges; `compare.rs` does.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use crate::strip::{FEATURES, without};

/// The counts.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) cases: usize,
    pub(crate) nodes: usize,
    pub(crate) backtracking: usize,
    pub(crate) refused_late: usize,
    outcomes: BTreeMap<String, usize>,
    features: BTreeMap<&'static str, usize>,
}

impl Tally {
    /// Adds a case with upstream's answer.
    pub(crate) fn add(&mut self, case: &Value, answer: &Value) {
        self.cases += 1;
        for (name, strip) in FEATURES {
            *self.features.entry(name).or_default() += usize::from(without(case, strip).is_some());
        }
        let channel = answer["channel"].as_str().unwrap_or("none");
        *self
            .outcomes
            .entry(format!("channel {channel}"))
            .or_default() += 1;
        let mut backtracks = false;
        for node in answer["nodes"].as_array().into_iter().flatten() {
            self.nodes += 1;
            let outcome = node["outcome"].as_str().unwrap_or("none");
            let scope = node["scope"].as_str().unwrap_or("");
            *self
                .outcomes
                .entry(format!("{outcome} {scope}").trim().to_owned())
                .or_default() += 1;
            backtracks |= node["steps"].as_u64().unwrap_or(0) > straight(case, node);
            self.refused_late +=
                usize::from(outcome == "unfit" && node["steps"].as_u64() > Some(2));
        }
        self.backtracking += usize::from(backtracks);
    }

    /// Whether the cases are worth asking: neither all placed nor all refused, and hard for the search.
    pub(crate) fn has_bite(&self) -> bool {
        let outcome = |name: &str| self.outcomes.get(name).copied().unwrap_or(0);
        let placed = outcome("placed") * 100 / self.nodes.max(1);
        (40..=60).contains(&placed)
            && self.backtracking * 100 >= self.cases * 18
            && outcome("timeout") * 1_000 <= self.nodes
    }
}

/// The most steps that a search without a single undone device can take for this answer.
fn straight(case: &Value, node: &Value) -> u64 {
    let mut steps = 1;
    let alternatives = |request: &Value| request["firstAvailable"].as_array().map_or(0, Vec::len);
    for (index, claim) in case["claims"].as_array().into_iter().flatten().enumerate() {
        steps += 1;
        let results = node["results"][index]["devices"]["results"].as_array();
        steps += results.map_or(0, Vec::len);
        let requests = claim["spec"]["devices"]["requests"].as_array();
        steps += requests
            .into_iter()
            .flatten()
            .map(|request| 1 + alternatives(request))
            .sum::<usize>();
    }
    u64::try_from(steps).unwrap_or(u64::MAX)
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} cases, {} nodes asked", self.cases, self.nodes)?;
        for (outcome, count) in &self.outcomes {
            writeln!(f, "  {outcome:<28} {count:>8}")?;
        }
        writeln!(
            f,
            "  {:<28} {:>8}",
            "cases that backtrack", self.backtracking
        )?;
        writeln!(
            f,
            "  {:<28} {:>8}",
            "refused after > 2 steps", self.refused_late
        )?;
        writeln!(f, "cases with")?;
        for (feature, count) in &self.features {
            writeln!(f, "  {feature:<28} {count:>8}")?;
        }
        Ok(())
    }
}
