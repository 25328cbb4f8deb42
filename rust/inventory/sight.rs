//! Which nodes see the slices that name no node: by "all nodes", by a node selector, or device by device.
//!
//! Labels and names that a selector asks for are looked up rather than tried on every node. Answers for one slice and
//! one node come from [`Sight::sees`], for all at once from [`all`].

use std::collections::HashMap;
use std::sync::Arc;

use super::pool::device_matches;
use super::selector::valid_matches;
use super::{Inventory, Name, Slice};
use crate::wire::core::{Node, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm};

/// One node and what it sees.
pub(super) struct Sight {
    node: Arc<Node>,
}

impl Sight {
    /// A node; a bare one where there is no document.
    pub(super) fn new(inventory: &Inventory, name: &str) -> Self {
        Self {
            node: inventory.node_or_bare(name),
        }
    }

    /// Whether the slice has something for the node. Its selectors have to be valid.
    pub(super) fn sees(&self, slice: &Slice) -> bool {
        let spec = &slice.document().spec;
        if spec.all_nodes == Some(true) || spec.node_selector.is_some() {
            return valid_matches(&self.node, spec.all_nodes, spec.node_selector.as_ref());
        }
        spec.per_device_node_selection == Some(true)
            && spec
                .devices
                .iter()
                .any(|device| device_matches(device, &self.node) == Ok(true))
    }

    /// All slices that it sees without being named, by name.
    pub(super) fn seen(&self, inventory: &Inventory) -> Vec<Arc<Slice>> {
        let slices = inventory.slices_shared();
        slices.filter(|slice| self.sees(slice)).cloned().collect()
    }
}

/// For each of the nodes the slices that it sees without being named, by name.
pub(super) fn all(inventory: &Inventory, names: &[Name]) -> Vec<Vec<Arc<Slice>>> {
    let mut seen = vec![Vec::new(); names.len()];
    if inventory.slices_shared().next().is_none() {
        return seen;
    }
    let sights: Vec<Sight> = names
        .iter()
        .map(|name| Sight::new(inventory, name))
        .collect();
    let index = Index::new(&sights);
    for slice in inventory.slices_shared() {
        match index.candidates(slice) {
            Some(mut candidates) => {
                candidates.sort_unstable();
                candidates.dedup();
                for at in candidates {
                    if sights[at].sees(slice) {
                        seen[at].push(Arc::clone(slice));
                    }
                }
            }
            None => {
                for (sight, seen) in sights.iter().zip(&mut seen) {
                    if sight.sees(slice) {
                        seen.push(Arc::clone(slice));
                    }
                }
            }
        }
    }
    seen
}

/// Nodes by name and by label.
struct Index<'n> {
    names: HashMap<&'n str, usize>,
    labels: HashMap<(&'n str, &'n str), Vec<usize>>,
}

impl<'n> Index<'n> {
    fn new(sights: &'n [Sight]) -> Self {
        let mut index = Self {
            names: HashMap::new(),
            labels: HashMap::new(),
        };
        for (at, sight) in sights.iter().enumerate() {
            index.names.insert(&sight.node.metadata.name, at);
            for (key, value) in &sight.node.metadata.labels {
                index.labels.entry((key, value)).or_default().push(at);
            }
        }
        index
    }

    /// Nodes among which are all that see the slice; nothing where each has to be asked.
    fn candidates(&self, slice: &Slice) -> Option<Vec<usize>> {
        let spec = &slice.document().spec;
        match (&spec.node_selector, spec.all_nodes) {
            (Some(selector), None | Some(false)) => self.of_selector(selector),
            (None, None | Some(false)) => {
                let mut nodes = Vec::new();
                for device in &spec.devices {
                    match (&device.node_name, &device.node_selector, device.all_nodes) {
                        (Some(name), ..) if !name.is_empty() => {
                            nodes.extend(self.names.get(name.as_str()));
                        }
                        (_, Some(selector), None | Some(false)) => {
                            nodes.extend(self.of_selector(selector)?);
                        }
                        (_, None, None | Some(false)) => {}
                        _ => return None,
                    }
                }
                Some(nodes)
            }
            _ => None,
        }
    }

    fn of_selector(&self, selector: &NodeSelector) -> Option<Vec<usize>> {
        let terms = selector.node_selector_terms.iter();
        let mut nodes = Vec::new();
        for term in terms {
            nodes.extend(self.of_term(term)?);
        }
        Some(nodes)
    }

    /// By the first requirement that names values.
    fn of_term(&self, term: &NodeSelectorTerm) -> Option<Vec<usize>> {
        let is_in = |requirement: &&NodeSelectorRequirement| requirement.operator == "In";
        let mut fields = term.match_fields.iter().filter(is_in);
        if let Some(field) = fields.find(|field| field.key == "metadata.name") {
            let names = field.values.iter();
            let nodes = names.filter_map(|name| self.names.get(name.as_str()).copied());
            return Some(nodes.collect());
        }
        let label = term.match_expressions.iter().find(is_in)?;
        let values = label.values.iter();
        let nodes = values.filter_map(|value| self.labels.get(&(label.key.as_str(), value)));
        Some(nodes.flatten().copied().collect())
    }
}
