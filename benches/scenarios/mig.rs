//! Machines with eight GPUs that are cut on demand: every partition is a device, and counters say which go together.
//!
//! Counter names, values and device names are those of the NVIDIA driver; the placements are the table of an
//! eight-slice card, with the profiles without media and with all media that newer cards add: one full GPU and 39
//! placements. Which layouts are possible follows from the counters alone. Start at [`Mig::world`].

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::hgx;
use super::random::Random;
use super::world::{self, Machine, Place, World};

pub(crate) const CLASS: &str = "mig.nvidia.com";
pub(crate) const GPUS: usize = 8;
const SLICES: usize = 8;

/// Multiprocessors, copy engines, decoders, encoders, JPEG engines, optical flow engines, memory in MiB.
type Engines = [usize; 7];

const COUNTERS: [&str; 7] = [
    "multiprocessors",
    "copy-engines",
    "decoders",
    "encoders",
    "jpeg-engines",
    "ofa-engines",
    "memory",
];
const CAPACITIES: [&str; 7] = [
    "multiprocessors",
    "copyEngines",
    "decoders",
    "encoders",
    "jpegEngines",
    "ofaEngines",
    "memory",
];
const WHOLE: Engines = [132, 8, 7, 0, 7, 1, 81152];

struct Profile {
    id: usize,
    name: &'static str,
    size: usize,
    starts: &'static [usize],
    engines: Engines,
}

const SEVEN: &[usize] = &[0, 1, 2, 3, 4, 5, 6];

const fn profile(
    id: usize,
    name: &'static str,
    size: usize,
    starts: &'static [usize],
    engines: Engines,
) -> Profile {
    Profile {
        id,
        name,
        size,
        starts,
        engines,
    }
}

const PROFILES: [Profile; 9] = [
    profile(19, "1g.10gb", 1, SEVEN, [16, 1, 1, 0, 1, 0, 9984]),
    profile(20, "1g.10gb+me", 1, SEVEN, [16, 1, 1, 0, 1, 1, 9984]),
    profile(15, "1g.20gb", 2, &[0, 2, 4, 6], [26, 1, 1, 0, 1, 0, 20096]),
    profile(14, "2g.20gb", 2, &[0, 2, 4], [32, 2, 2, 0, 2, 0, 20096]),
    profile(9, "3g.40gb", 4, &[0, 4], [60, 3, 3, 0, 3, 0, 40448]),
    profile(5, "4g.40gb", 4, &[0], [64, 4, 4, 0, 4, 0, 40448]),
    profile(0, "7g.80gb", 8, &[0], WHOLE),
    profile(67, "1g.10gb-me", 1, SEVEN, [16, 1, 0, 0, 0, 0, 9984]),
    profile(65, "1g.10gb+me.all", 1, SEVEN, [16, 1, 7, 0, 7, 1, 9984]),
];

/// A profile at a place.
#[derive(Clone, Copy)]
struct Placement {
    profile: &'static Profile,
    start: usize,
}

impl Placement {
    fn device(self, gpu: usize) -> String {
        let profile = self.profile.name.to_lowercase().replace('.', "");
        let profile = profile.replace('+', "-");
        format!("gpu-{gpu}-mig-{profile}-{}-{}", self.profile.id, self.start)
    }

    /// Of every counter what it takes.
    fn takes(self) -> Vec<usize> {
        let slices = (0..SLICES)
            .map(|s| usize::from((self.start..self.start + self.profile.size).contains(&s)));
        self.profile.engines.into_iter().chain(slices).collect()
    }
}

fn placements() -> Vec<Placement> {
    let of = |profile: &'static Profile| {
        profile.starts.iter().map(move |start| Placement {
            profile,
            start: *start,
        })
    };
    PROFILES.iter().flat_map(of).collect()
}

/// How much is held before the question.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Held {
    /// Nothing, or next to nothing.
    Empty,
    /// Half of the GPUs of each node.
    Half,
    /// Everything, by layouts that nothing can be added to.
    Full,
    /// The first memory slice of each half of each GPU: no room for 3g.
    Fragmented,
}

impl Held {
    pub(crate) const ALL: [(Self, &'static str); 4] = [
        (Self::Empty, "empty"),
        (Self::Half, "half full"),
        (Self::Full, "full"),
        (Self::Fragmented, "fragmented"),
    ];
}

pub(crate) struct Mig {
    pub(crate) nodes: usize,
    pub(crate) held: Held,
    /// Different states of nodes; as many as nodes when all are distinct.
    pub(crate) states: usize,
}

impl Mig {
    /// A world in which one claim asks for a partition of a profile.
    pub(crate) fn world(&self, profile: &str) -> World {
        let request = request("mig", profile, 1);
        World {
            machines: (0..self.nodes).map(|node| machine(node, GPUS)).collect(),
            classes: vec![class()],
            held: self.held_claims(),
            claims: vec![world::claim("train", &[request], &[])],
            ..World::default()
        }
    }

    /// The states repeat along the nodes, so that each stands for equally many.
    fn held_claims(&self) -> Vec<String> {
        let states = self.distinct_states();
        let mut claims = Vec::new();
        for node in 0..self.nodes {
            let name = hgx::node_name(node);
            for device in &states[node % self.states] {
                let result = world::result(hgx::DRIVER, &name, device);
                claims.push(world::held(
                    &format!("{name}-{device}"),
                    CLASS,
                    vec![result],
                ));
            }
        }
        claims
    }

    /// States of which no two are equal, not even with their GPUs in another order.
    fn distinct_states(&self) -> Vec<Vec<String>> {
        let (mut states, mut seen, mut seed) = (Vec::new(), BTreeSet::new(), 0);
        while states.len() < self.states {
            let held = self.held_on(seed);
            let mut of_gpu: Vec<Vec<&str>> = vec![Vec::new(); GPUS];
            for device in &held {
                let (gpu, placement) = device["gpu-".len()..].split_once('-').expect("a placement");
                of_gpu[gpu.parse::<usize>().expect("a number")].push(placement);
            }
            for placements in &mut of_gpu {
                placements.sort_unstable();
            }
            of_gpu.sort_unstable();
            if seen.insert(format!("{of_gpu:?}")) {
                states.push(held);
            }
            seed += 1;
        }
        states
    }

    fn held_on(&self, seed: u64) -> Vec<String> {
        let mut random = Random::new(seed);
        let mut held = Vec::new();
        match self.held {
            Held::Empty if seed == 0 => {}
            Held::Empty => {
                for gpu in random.choose(2, GPUS) {
                    layout(&mut random, gpu, 2, &mut held);
                }
            }
            Held::Half => {
                for gpu in random.choose(GPUS / 2, GPUS) {
                    layout(&mut random, gpu, SLICES, &mut held);
                }
            }
            Held::Full => (0..GPUS).for_each(|gpu| layout(&mut random, gpu, SLICES, &mut held)),
            Held::Fragmented => {
                for gpu in 0..GPUS {
                    // Which of the 1g profiles it is tells the states apart.
                    for start in [0, 4] {
                        let profile = &PROFILES[[0, 7][random.below(2)]];
                        held.push(Placement { profile, start }.device(gpu));
                    }
                }
            }
        }
        held
    }
}

/// Takes random placements that fit together until so many slices are used or nothing can be added.
fn layout(random: &mut Random, gpu: usize, slices: usize, held: &mut Vec<String>) {
    let mut order = placements();
    random.shuffle(&mut order);
    let mut left: Vec<usize> = WHOLE.into_iter().chain([1; SLICES]).collect();
    let mut used = 0;
    for placement in order {
        let takes = placement.takes();
        if used >= slices || takes.iter().zip(&left).any(|(take, left)| take > left) {
            continue;
        }
        for (left, take) in left.iter_mut().zip(&takes) {
            *left -= take;
        }
        used += placement.profile.size;
        held.push(placement.device(gpu));
    }
}

pub(crate) fn class() -> String {
    world::class(
        CLASS,
        "device.driver == 'gpu.nvidia.com' && device.attributes['gpu.nvidia.com'].type == 'mig'",
    )
}

/// A request for partitions of a profile.
pub(crate) fn request(name: &str, profile: &str, count: usize) -> Value {
    let selector = format!("device.attributes['gpu.nvidia.com'].profile == '{profile}'");
    world::request(name, CLASS, count, &[&selector])
}

/// A machine: a slice with the counters of all GPUs, then a slice for each GPU.
pub(crate) fn machine(node: usize, gpus: usize) -> Machine {
    let name = hgx::node_name(node);
    let sets: Vec<Value> = (0..gpus)
        .map(|gpu| {
            let whole: Vec<usize> = WHOLE.into_iter().chain([1; SLICES]).collect();
            json!({"name": counter_set(gpu), "counters": counters(&whole)})
        })
        .collect();
    let slice = |index: usize, content| {
        let slice = format!("{index:05}-{}-{name}-abcde", hgx::DRIVER);
        world::slice(
            &slice,
            hgx::DRIVER,
            &name,
            (&name, gpus + 1),
            &Place::Named,
            content,
        )
    };
    let mut slices = vec![slice(0, ("sharedCounters", Value::Array(sets)))];
    slices
        .extend((0..gpus).map(|gpu| slice(gpu + 1, ("devices", Value::Array(devices(node, gpu))))));
    Machine {
        node: world::node(&name),
        slices,
        name,
    }
}

fn counter_set(gpu: usize) -> String {
    format!("gpu-{gpu}-counter-set")
}

fn counters(amounts: &[usize]) -> Value {
    let slices = (0..SLICES).map(|slice| format!("memory-slice-{slice}"));
    let names = COUNTERS.iter().map(|&name| name.to_owned()).chain(slices);
    let entries = names
        .zip(amounts)
        .enumerate()
        .map(|(index, (name, amount))| {
            let unit = if COUNTERS.get(index) == Some(&"memory") {
                "Mi"
            } else {
                ""
            };
            (name, json!({"value": format!("{amount}{unit}")}))
        });
    // A placement names the memory slices it takes and no other.
    let entries = entries
        .zip(amounts)
        .enumerate()
        .filter(|(index, (_, amount))| *index < COUNTERS.len() || **amount > 0)
        .map(|(_, (entry, _))| entry);
    Value::Object(entries.collect::<Map<String, Value>>())
}

/// The full GPU, then its placements.
fn devices(node: usize, gpu: usize) -> Vec<Value> {
    let mut full = hgx::device(&format!("gpu-{gpu}"), node, gpu);
    let whole: Vec<usize> = WHOLE.into_iter().chain([1; SLICES]).collect();
    full["capacity"] = capacity(&WHOLE);
    full["consumesCounters"] =
        json!([{"counterSet": counter_set(gpu), "counters": counters(&whole)}]);
    let mut devices = vec![full];
    devices.extend(placements().into_iter().map(|placement| {
        json!({
            "name": placement.device(gpu),
            "attributes": {
                "type": {"string": "mig"},
                "parentUUID": {"string": hgx::uuid(node, gpu)},
                "profile": {"string": placement.profile.name},
                "productName": {"string": hgx::PRODUCT},
                "architecture": {"string": "Hopper"},
                "cudaComputeCapability": {"version": "9.0.0"},
                "driverVersion": {"version": "580.126.20"},
                "cudaDriverVersion": {"version": "13.0.0"},
                "resource.kubernetes.io/pciBusID": {"string": hgx::bus(node, gpu)},
            },
            "capacity": capacity(&placement.profile.engines),
            "consumesCounters": [{"counterSet": counter_set(gpu), "counters": counters(&placement.takes())}],
        })
    }));
    devices
}

fn capacity(engines: &Engines) -> Value {
    let entries = CAPACITIES.iter().zip(engines).map(|(name, amount)| {
        let unit = if *name == "memory" { "Mi" } else { "" };
        (
            (*name).to_owned(),
            json!({"value": format!("{amount}{unit}")}),
        )
    });
    Value::Object(entries.collect())
}
