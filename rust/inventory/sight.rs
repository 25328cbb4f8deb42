//! Which nodes see the slices that name no node: by "all nodes", by a node selector, or device by device.
//!
//! Labels and names that a selector asks for are looked up rather than tried on every node. Answers for one slice and
//! one node come from [`sees`], for all at once from [`all`].

use std::collections::HashMap;
use std::sync::Arc;

use super::pool::is_relevant;
use super::{Inventory, Name, Slice};
use crate::wire::core::{Node, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm};

/// Whether the slice has something for the node. Its selectors have to be valid.
pub(super) fn sees(node: &Node, slice: &Slice) -> bool {
    is_relevant(slice, node) == Ok(true)
}

/// All slices that the node sees without being named, by name.
pub(super) fn seen(inventory: &Inventory, node: &Node) -> Vec<Arc<Slice>> {
    let slices = inventory.slices_shared();
    slices.filter(|slice| sees(node, slice)).cloned().collect()
}

/// For each of the nodes the slices that it sees without being named, by name.
pub(super) fn all(inventory: &Inventory, names: &[Name]) -> Vec<Vec<Arc<Slice>>> {
    let mut seen = vec![Vec::new(); names.len()];
    if inventory.slices_shared().next().is_none() {
        return seen;
    }
    let nodes: Vec<Arc<Node>> = names
        .iter()
        .map(|name| inventory.node_or_bare(name))
        .collect();
    let index = Index::new(&nodes);
    for slice in inventory.slices_shared() {
        match index.candidates(slice) {
            Some(mut candidates) => {
                candidates.sort_unstable();
                candidates.dedup();
                for at in candidates {
                    if sees(&nodes[at], slice) {
                        seen[at].push(Arc::clone(slice));
                    }
                }
            }
            None => {
                for (node, seen) in nodes.iter().zip(&mut seen) {
                    if sees(node, slice) {
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
    fn new(nodes: &'n [Arc<Node>]) -> Self {
        let mut index = Self {
            names: HashMap::new(),
            labels: HashMap::new(),
        };
        for (at, node) in nodes.iter().enumerate() {
            index.names.insert(&node.metadata.name, at);
            for (key, value) in &node.metadata.labels {
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
