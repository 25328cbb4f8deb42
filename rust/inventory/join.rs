//! More nodes like one that is there, for questions such as "would it fit if three more of these joined".
//!
//! Copies documents under other names, without the way over text; never judges whether they are worth having. Start at
//! [`Inventory::with_nodes_like`].

use super::update::apply;
use super::{Inventory, Slice};
use crate::attribute::Name;
use crate::error::InputError;
use crate::wire::core::{Node, ObjectMeta};
use crate::wire::document::Document;
use crate::wire::slice::ResourceSlice;

/// The label that repeats the name of a node.
const HOSTNAME: &str = "kubernetes.io/hostname";

impl Inventory {
    /// The same inventory with more nodes: each has the document of `like` and copies of the slices that name it.
    ///
    /// A pool with the name of the node gets the name of the new one, any other the new name at its end; attributes are
    /// the same. Slices that name no node are not copied. An error if a name is in use, or if a pool of `like` has
    /// slices that do not name it.
    pub fn with_nodes_like(&self, like: &str, names: &[&str]) -> Result<Self, InputError> {
        let named = || format!("Node {like}");
        let slices: Vec<_> = self.slices_on_node(like).collect();
        if self.node(like).is_none() && slices.is_empty() {
            return Err(InputError::new(named(), "", "is not in the inventory"));
        }
        for slice in &slices {
            let mut pool = self.slices_of_pool(slice.pool());
            let is_of_node =
                |slice: &Slice| slice.document().spec.node_name.as_deref() == Some(like);
            if !pool.all(|slice| is_of_node(slice)) {
                let message = format!("pool {} has slices for other nodes", slice.pool());
                return Err(InputError::new(named(), "", message));
            }
        }
        let (mut nodes, mut copies) = (Vec::new(), Vec::new());
        for (at, name) in names.iter().enumerate() {
            let is_known = self.node(name).is_some() || self.slices_on_node(name).next().is_some();
            if is_known || names[..at].contains(name) || name.is_empty() {
                let message = "is in use, or no name: give each new node another one";
                return Err(InputError::new(
                    format!("Node {name}"),
                    "metadata.name",
                    message,
                ));
            }
            if let Some(node) = self.node(like) {
                nodes.push(Document::Node(node_named(node, name)));
            }
            for slice in &slices {
                let copy = slice_for(slice.document(), like, name);
                if self.slices.contains_key(copy.metadata.name.as_str()) {
                    let named = format!("ResourceSlice {}", copy.metadata.name);
                    return Err(InputError::new(named, "metadata.name", "is in use"));
                }
                copies.push(Document::Slice(copy));
            }
        }
        nodes.append(&mut copies);
        apply(self, nodes, &[], Vec::new())
    }
}

fn node_named(node: &Node, name: &str) -> Node {
    let mut node = node.clone();
    rename(&mut node.metadata, name.to_owned());
    let labels = node.metadata.labels.iter();
    let labels = labels.map(|(key, value)| {
        let value = if *key == HOSTNAME { name } else { value };
        (key.clone(), value.to_owned())
    });
    node.metadata.labels = labels.collect();
    node
}

fn slice_for(slice: &ResourceSlice, like: &str, name: &str) -> ResourceSlice {
    let mut slice = slice.clone();
    let own = renamed(&slice.metadata.name, like, name);
    rename(&mut slice.metadata, own);
    let spec = &mut slice.spec;
    let pool = if spec.pool.name == like {
        name.to_owned()
    } else {
        format!("{}-{name}", spec.pool.name)
    };
    spec.pool.name = Name::from(pool.as_str());
    spec.node_name = Some(Name::from(name));
    for device in &mut spec.devices {
        if device.node_name.as_deref() == Some(like) {
            device.node_name = Some(Name::from(name));
        }
    }
    slice
}

/// The name of a slice in which the node's name stands, as drivers make them; else with the new one at its end.
fn renamed(slice: &str, like: &str, name: &str) -> String {
    if slice.contains(like) {
        slice.replacen(like, name, 1)
    } else {
        format!("{slice}-{name}")
    }
}

/// Another object that no API server has stored.
fn rename(metadata: &mut ObjectMeta, name: String) {
    metadata.name = name;
    metadata.uid.clear();
    metadata.resource_version.clear();
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENTS: &str = r#"
        {"apiVersion":"v1","kind":"Node","metadata":{"name":"a","uid":"1","labels":{"kubernetes.io/hostname":"a","x":"a"}}}
        {"apiVersion":"resource.k8s.io/v1","kind":"ResourceSlice","metadata":{"name":"a-gpu"},
         "spec":{"driver":"d.io","nodeName":"a","pool":{"name":"a","generation":1,"resourceSliceCount":1},
         "devices":[{"name":"gpu-0"},{"name":"gpu-1"}]}}
        {"apiVersion":"resource.k8s.io/v1","kind":"ResourceSlice","metadata":{"name":"s"},
         "spec":{"driver":"e.io","nodeName":"a","pool":{"name":"p","generation":1,"resourceSliceCount":1},
         "devices":[{"name":"nic"}]}}"#;

    #[test]
    fn copies_stand_under_other_names() {
        let inventory = Inventory::from_json(DOCUMENTS.as_bytes()).expect("documents");
        inventory.table();
        let more = inventory.with_nodes_like("a", &["b", "c"]).expect("names");
        assert_eq!(more.node_names(), ["a", "b", "c"]);
        let labels = &more.node("b").expect("a node").metadata.labels;
        assert_eq!(labels.get(HOSTNAME).map(String::as_str), Some("b"));
        assert_eq!(labels.get("x").map(String::as_str), Some("a"));
        let slices: Vec<String> = more
            .slices_on_node("c")
            .map(|slice| format!("{} {}", slice.name(), slice.pool()))
            .collect();
        assert_eq!(slices, ["c-gpu d.io/c", "s-c e.io/p-c"]);
        // As if read from documents: the same rows.
        let state = Inventory::from_state_json(&more.to_state_json()).expect("a state");
        assert_eq!(state, more);
    }

    #[test]
    fn names_in_use_and_unknown_nodes_are_refused() {
        let inventory = Inventory::from_json(DOCUMENTS.as_bytes()).expect("documents");
        for (like, names) in [
            ("a", ["a", "b"]),
            ("a", ["b", "b"]),
            ("a", ["b", ""]),
            ("x", ["b", "c"]),
        ] {
            assert!(inventory.with_nodes_like(like, &names).is_err());
        }
    }
}
