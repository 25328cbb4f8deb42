//! Machines with eight GPUs each, as the NVIDIA driver publishes them without MIG.
//!
//! Every GPU has a UUID and a bus address of its own. Start at [`Hgx::world`].

use serde_json::{Value, json};

use super::random::Random;
use super::world::{self, Machine, Place, World};

pub(crate) const DRIVER: &str = "gpu.nvidia.com";
pub(crate) const PRODUCT: &str = "NVIDIA H100 80GB HBM3";

/// The selector that most claims carry.
pub(crate) const PRODUCT_SELECTOR: &str =
    "device.attributes[\"gpu.nvidia.com\"].productName == \"NVIDIA H100 80GB HBM3\"";
/// One that reads a capacity.
pub(crate) const MEMORY_SELECTOR: &str =
    "device.capacity[\"gpu.nvidia.com\"].memory.compareTo(quantity(\"40Gi\")) >= 0";
/// One that compares versions.
pub(crate) const VERSION_SELECTOR: &str =
    "device.attributes[\"gpu.nvidia.com\"].cudaComputeCapability.compareTo(semver(\"9.0.0\")) >= 0";
/// One that nothing satisfies.
pub(crate) const NOTHING_SELECTOR: &str =
    "device.attributes[\"gpu.nvidia.com\"].productName == \"NVIDIA B200\"";

/// How the slices say where they can be used.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// `nodeName`, and a pool for each node, as all drivers do.
    Named,
    /// A node selector on the host name.
    Selected,
    /// `nodeName`, but all slices are of one pool.
    OnePool,
}

/// How much is held before the question.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Held {
    /// Nothing but on 64 nodes.
    Empty,
    /// Half of the GPUs of each node.
    HalfOfEach,
    /// All of every other node, and some of the rest.
    HalfFull,
    /// All but on 64 nodes, which have one or two left.
    Full,
}

/// Nodes that keep even an empty or a full cluster from having one state only.
const ODD_NODES: usize = 64;

pub(crate) struct Hgx {
    pub(crate) nodes: usize,
    pub(crate) gpus: usize,
    pub(crate) layout: Layout,
    pub(crate) held: Held,
}

impl Hgx {
    /// A world in which one claim asks for so many GPUs.
    pub(crate) fn world(&self, count: usize, selector: &str) -> World {
        let request = |selectors| [world::request("gpu", DRIVER, count, selectors)];
        World {
            machines: (0..self.nodes).map(|node| self.machine(node)).collect(),
            classes: vec![class()],
            held: self.held_claims(),
            claims: vec![world::claim("train", &request(&[selector]), &[])],
            passer_by: Some(world::claim(
                "passer-by",
                &[world::request("gpu", DRIVER, 1, &[])],
                &[],
            )),
            ..World::default()
        }
    }

    fn pool(&self, node: &str) -> String {
        match self.layout {
            Layout::OnePool => "fleet".to_owned(),
            Layout::Named | Layout::Selected => node.to_owned(),
        }
    }

    fn device(&self, node: &str, gpu: usize) -> String {
        match self.layout {
            Layout::OnePool => format!("{node}-gpu-{gpu}"),
            Layout::Named | Layout::Selected => format!("gpu-{gpu}"),
        }
    }

    fn machine(&self, node: usize) -> Machine {
        let name = node_name(node);
        let devices: Vec<Value> = (0..self.gpus)
            .map(|gpu| device(&self.device(&name, gpu), node, gpu))
            .collect();
        let (place, slices) = match self.layout {
            Layout::Named => (Place::Named, 1),
            Layout::Selected => (Place::Selected, 1),
            Layout::OnePool => (Place::Named, self.nodes),
        };
        let pool = self.pool(&name);
        let content = ("devices", Value::Array(devices));
        let slice_name = format!("00000-{DRIVER}-{name}-abcde");
        let slice = world::slice(&slice_name, DRIVER, &name, (&pool, slices), &place, content);
        Machine {
            node: world::node(&name),
            slices: vec![slice],
            name,
        }
    }

    /// One claim for each GPU that is held.
    fn held_claims(&self) -> Vec<String> {
        let mut random = Random::new(5);
        let mut claims = Vec::new();
        for node in 0..self.nodes {
            let name = node_name(node);
            for gpu in self.held_on(node, &mut random) {
                let result = world::result(DRIVER, &self.pool(&name), &self.device(&name, gpu));
                claims.push(world::held(&format!("{name}-{gpu}"), DRIVER, vec![result]));
            }
        }
        claims
    }

    /// Which GPUs of a node are held.
    fn held_on(&self, node: usize, random: &mut Random) -> Vec<usize> {
        let is_odd = node.is_multiple_of(self.nodes.div_ceil(ODD_NODES).max(2));
        let some = |random: &mut Random| {
            let count = 1 + random.below(self.gpus - 1);
            random.choose(count, self.gpus)
        };
        match self.held {
            Held::Empty if is_odd => some(random),
            Held::Empty => Vec::new(),
            Held::HalfOfEach => random.choose(self.gpus / 2, self.gpus),
            Held::HalfFull if node % 2 == 1 => some(random),
            Held::Full if is_odd => {
                let count = self.gpus - 1 - random.below(2);
                random.choose(count, self.gpus)
            }
            Held::HalfFull | Held::Full => (0..self.gpus).collect(),
        }
    }
}

/// The selector that only the last GPU of the last node satisfies.
pub(crate) fn uuid_selector(nodes: usize, gpus: usize) -> String {
    let uuid = uuid(nodes - 1, gpus - 1);
    format!("device.attributes[\"{DRIVER}\"].uuid == \"{uuid}\"")
}

pub(crate) fn class() -> String {
    world::class(DRIVER, "device.driver == 'gpu.nvidia.com'")
}

pub(crate) fn node_name(node: usize) -> String {
    format!("hgx-{node:05}")
}

pub(crate) fn uuid(node: usize, gpu: usize) -> String {
    format!(
        "GPU-{node:08x}-{gpu:04x}-4000-8000-{:012x}",
        node * 64 + gpu
    )
}

/// Bus addresses repeat from node to node as they do in a rack, so the domain carries the node.
pub(crate) fn bus(node: usize, gpu: usize) -> String {
    format!("{node:04x}:{:02x}:00.0", 0x18 + 0x11 * gpu)
}

/// A GPU with nine attributes and its memory.
pub(crate) fn device(name: &str, node: usize, gpu: usize) -> Value {
    json!({
        "name": name,
        "attributes": {
            "type": {"string": "gpu"},
            "uuid": {"string": uuid(node, gpu)},
            "productName": {"string": PRODUCT},
            "architecture": {"string": "Hopper"},
            "cudaComputeCapability": {"version": "9.0.0"},
            "driverVersion": {"version": "580.126.20"},
            "cudaDriverVersion": {"version": "13.0.0"},
            "resource.kubernetes.io/pciBusID": {"string": bus(node, gpu)},
            "resource.kubernetes.io/pcieRoot": {"string": format!("pci0000:{:02x}", 0x16 + 0x22 * (gpu / 2))},
        },
        "capacity": {"memory": {"value": "81559Mi"}},
    })
}
