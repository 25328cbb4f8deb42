//! Texts, names, versions and quantities that many devices publish, kept once for all documents of a load.
//!
//! Never changes what a document says. Start at [`Shared::slice`].

use std::hash::Hash;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::attribute::VersionText;
use super::core::Node;
use super::slice::{Device, ResourceSlice};
use crate::attribute::{Name, NameMap};
use crate::quantity::Quantity;

/// What has been seen so far. Nothing is ever iterated, so the order of hashing does not show.
#[derive(Default)]
pub(super) struct Shared {
    texts: FxHashSet<Name>,
    lists: FxHashSet<Arc<[Name]>>,
    versions: FxHashSet<VersionText>,
    /// By amount; those of one amount may be written differently.
    quantities: FxHashMap<i128, Vec<Arc<Quantity>>>,
}

impl Shared {
    /// Lets the devices of a slice share what is equal among them and with slices seen before.
    pub(super) fn slice(&mut self, slice: &mut ResourceSlice) {
        share(&mut self.texts, &mut slice.spec.driver);
        share(&mut self.texts, &mut slice.spec.pool.name);
        if let Some(node) = &mut slice.spec.node_name {
            share(&mut self.texts, node);
        }
        slice.spec.devices.shrink_to_fit();
        for device in &mut slice.spec.devices {
            self.device(device);
        }
    }

    /// Lets nodes share the names of their labels.
    pub(super) fn node(&mut self, node: &mut Node) {
        self.names(&mut node.metadata.labels);
    }

    fn device(&mut self, device: &mut Device) {
        share(&mut self.texts, &mut device.name);
        self.names(&mut device.attributes);
        self.names(&mut device.capacity);
        for attribute in device.attributes.values_mut() {
            attribute.texts_mut(&mut |text| share(&mut self.texts, text));
            attribute.versions_mut(&mut |version| share(&mut self.versions, version));
        }
        for capacity in device.capacity.values_mut() {
            self.quantity(&mut capacity.value);
        }
    }

    fn names<V>(&mut self, map: &mut NameMap<V>) {
        if let Some(seen) = self.lists.get(map.names()) {
            map.share_names(seen);
            return;
        }
        let mut names = map.names().to_vec();
        for name in &mut names {
            share(&mut self.texts, name);
        }
        let names: Arc<[Name]> = names.into();
        map.share_names(&names);
        self.lists.insert(names);
    }

    fn quantity(&mut self, quantity: &mut Arc<Quantity>) {
        let seen = self.quantities.entry(quantity.nanos()).or_default();
        match seen.iter().find(|other| other.is_identical(quantity)) {
            Some(other) => *quantity = Arc::clone(other),
            None => seen.push(Arc::clone(quantity)),
        }
    }
}

/// Replaces a value by an equal one seen before; else keeps it in mind.
fn share<T: Clone + Eq + Hash>(seen: &mut FxHashSet<T>, value: &mut T) {
    match seen.get(value) {
        Some(other) => other.clone_into(value),
        None => {
            seen.insert(value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_are_kept_once_and_nothing_changes() {
        let text = r#"{"spec":{"devices":[
            {"name":"a","attributes":{"x":{"string":"one"},"v":{"version":"1.0.0"}},"capacity":{"m":{"value":"1.500"}}},
            {"name":"b","attributes":{"x":{"string":"one"},"v":{"version":"1.0.0"}},"capacity":{"m":{"value":"1500m"}}},
            {"name":"a","attributes":{"x":{"string":"two"}},"capacity":{"m":{"value":"1500m"}}}]}}"#;
        let read: ResourceSlice = serde_json::from_str(text).expect("a slice");
        let mut shared = read.clone();
        Shared::default().slice(&mut shared);
        assert_eq!(shared, read);
        let written = serde_json::to_string(&shared).expect("JSON");
        assert_eq!(written, serde_json::to_string(&read).expect("JSON"));
        let [a, b, c] = shared.spec.devices.as_slice() else {
            panic!("three devices");
        };
        assert!(Arc::ptr_eq(a.name.shared(), c.name.shared()));
        assert!(Arc::ptr_eq(a.attributes.names(), b.attributes.names()));
        let string = |device: &Device| {
            let attribute = device.attributes.get("x").expect("an attribute");
            Arc::clone(attribute.string().expect("a text").shared())
        };
        assert!(Arc::ptr_eq(&string(a), &string(b)));
        let value = |device: &Device| Arc::clone(&device.capacity.get("m").expect("m").value);
        assert!(!Arc::ptr_eq(&value(a), &value(b)));
        assert!(Arc::ptr_eq(&value(b), &value(c)));
    }
}
