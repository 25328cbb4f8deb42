//! All nodes at once against each node on its own, over random walks of commits, releases and
//! updates, in clusters of all sorts of pools.
//!
//! If this were deleted, a node could be given the fate of another that only looks like it, or an old one.
//! `GPUALLOC_WALKS` chooses how many walks, `GPUALLOC_SEED` the first of the long ones.

#![expect(clippy::print_stderr, reason = "long walks say how far they are")]
#![expect(
    dead_code,
    reason = "the modules are shared with tests that use more of them"
)]

#[path = "support/case.rs"]
mod case;
#[path = "differential/generate/mod.rs"]
mod generate;
#[path = "support/random.rs"]
mod random;
#[path = "support/settings.rs"]
mod settings;

use std::collections::BTreeMap;
use std::sync::Arc;

use case::Case;
use gpualloc::allocation::{
    Fate, Options, Outcome, Scope, Survey, Verdict, allocate_first, allocate_on, survey,
};
use gpualloc::in_turn::InTurn;
use gpualloc::inventory::{ClaimKey, DeviceId, Inventory, ObjectRef};
use gpualloc::wire::claim::ResourceClaim;
use random::Random;
use serde_json::{Value, json};
use settings::setting;

fn walks(default: u64) -> u64 {
    setting("GPUALLOC_WALKS", default)
}

/// Every node of the survey has the fate and the steps that it has on its own.
fn check(
    survey: &Survey,
    inventory: &Inventory,
    claims: &[Arc<ResourceClaim>],
    options: &Options<'_>,
) {
    for (node, verdict) in survey.iter() {
        let answer = allocate_on(inventory, node, claims, options);
        let fate = match answer.outcome {
            Outcome::Placed(_) => Fate::Placed,
            Outcome::Impossible(_) => Fate::Impossible,
            Outcome::Error(ref error) if error.scope == Scope::Pod => Fate::Fatal,
            Outcome::Error(_) => Fate::Error,
            Outcome::Undecided(_) => Fate::Undecided,
        };
        assert_eq!(
            (verdict.fate, verdict.steps),
            (fate, answer.steps),
            "{node}"
        );
        assert_eq!(
            survey.answer(node, options).outcome,
            answer.outcome,
            "{node}"
        );
    }
}

#[test]
fn random_cases_fare_as_on_each_node() {
    for seed in 0..walks(1_000).min(20_000) {
        let case = Case::read(&generate::case(11, seed)).expect("a generated case can be read");
        let found = survey(&case.inventory, &case.claims, &case.options, None);
        check(&found, &case.inventory, &case.claims, &case.options);
    }
}

const NODES: usize = 10;

/// A few devices of one kind; `counters` makes them draw from a counter of the pool.
fn devices(random: &mut Random, name: &str, counters: bool) -> Value {
    let memory = random.pick(&["40Gi", "80Gi"]);
    let model = random.pick(&["A", "B", "C"]);
    let shared = random.chance(20);
    let few = 2 + random.below(3);
    // Verdicts on many devices are shared between slices that look alike to a selector.
    let count = if random.chance(30) { 18 } else { few };
    (0..count)
        .map(|index| {
            let mut device = json!({
                "name": format!("{name}-{index}"),
                "attributes": {"model": {"string": model}, "numa": {"int": index / 2},
                    "uuid": {"string": format!("{name}-{index}")}},
                "capacity": {"memory": {"value": memory}},
                "allowMultipleAllocations": shared,
            });
            if counters {
                device["consumesCounters"] = json!([{"counterSet": "set",
                    "counters": {"slots": {"value": format!("{}", 1 + index)}}}]);
            }
            device
        })
        .collect()
}

/// A slice of a driver and a pool of so many slices.
fn slice(name: &str, pool: (&str, &str, usize), place: &Value, devices: &Value) -> Value {
    let (driver, pool, count) = pool;
    let mut spec = json!({"driver": driver, "devices": devices,
        "pool": {"name": pool, "generation": 1, "resourceSliceCount": count}});
    for (key, value) in place.as_object().expect("an object") {
        spec[key] = value.clone();
    }
    json!({"apiVersion": "resource.k8s.io/v1", "kind": "ResourceSlice", "metadata": {"name": name}, "spec": spec})
}

fn label(key: &str, value: &str) -> Value {
    json!({"nodeSelector": {"nodeSelectorTerms": [{"matchExpressions":
        [{"key": key, "operator": "In", "values": [value]}]}]}})
}

fn node(random: &mut Random, name: &str) -> Value {
    let zone = random.pick(&["a", "b", "c"]);
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": {"zone": zone, "host": name}}})
}

/// Ways to say for which nodes a slice is.
const KINDS: usize = 11;

/// One of the slices that the cluster may have: of its own node, or of a pool over several.
fn some_slice(random: &mut Random, kind: usize) -> Value {
    let at = random.below(NODES);
    let node = format!("n{at}");
    let named = json!({"nodeName": node});
    let (name, pool, place, devices) = match kind {
        // A pool of the node, of one slice or two.
        0..=2 => {
            let count = 1 + usize::from(random.chance(20));
            let devices = devices(random, &node, false);
            (format!("own-{node}"), ("d", &*node, count), named, devices)
        }
        3 => {
            let name = format!("more-{node}");
            let devices = devices(random, &name, false);
            (name, ("d", &*node, 2), named, devices)
        }
        // One pool over all nodes.
        4 => {
            let devices = devices(random, &node, false);
            (format!("one-{node}"), ("one", "one", NODES), named, devices)
        }
        // Of another, all devices draw from one set of counters.
        5 => {
            let node = format!("n{}", at % 3);
            let devices = devices(random, &node, true);
            let named = json!({"nodeName": node});
            let pool = ("drawn", "drawn", 4);
            (format!("drawn-{node}"), pool, named, devices)
        }
        6 => {
            let sets = json!([{"name": "set", "counters": {"slots": {"value": "5"}}}]);
            let place = json!({"allNodes": true, "sharedCounters": sets});
            let pool = ("drawn", "drawn", 4);
            ("drawn-counters".to_owned(), pool, place, json!([]))
        }
        _ => return shared_slice(random, kind, &node),
    };
    slice(&name, pool, &place, &devices)
}

/// A slice that names no node.
fn shared_slice(random: &mut Random, kind: usize, node: &str) -> Value {
    let zone = random.pick(&["a", "b"]);
    let of = match kind {
        7 => node,
        8 => zone,
        9 => "net",
        _ => "far",
    };
    let mut devices = devices(random, of, false);
    let (name, driver, place) = match kind {
        7 => (format!("host-{of}"), "host", label("host", of)),
        8 => (format!("zone-{of}"), "zone", label("zone", of)),
        9 => (of.to_owned(), "net", json!({"allNodes": true})),
        _ => {
            for device in devices.as_array_mut().expect("a list") {
                device["nodeName"] = json!(format!("n{}", random.below(3)));
            }
            (
                of.to_owned(),
                "far",
                json!({"perDeviceNodeSelection": true}),
            )
        }
    };
    slice(&name, (driver, of, 1), &place, &devices)
}

/// The slices of a cluster: of few kinds, so that many nodes are alike.
fn some_slices(random: &mut Random) -> impl Iterator<Item = Value> {
    let of_counters: &[usize] = if random.chance(30) { &[5, 6] } else { &[0] };
    let mut kinds = of_counters.to_vec();
    kinds.extend((0..2).map(|_| random.below(KINDS)));
    let mut slices = BTreeMap::new();
    for _ in 0..4 * NODES {
        let kind = kinds[random.below(kinds.len())];
        let slice = some_slice(random, kind);
        slices.insert(slice["metadata"]["name"].to_string(), slice);
    }
    slices.into_values()
}

fn rule(random: &mut Random) -> Value {
    let mut selector = json!({});
    if random.chance(70) {
        selector["pool"] = json!(format!("n{}", random.below(NODES)));
    }
    if random.chance(50) {
        selector["device"] = json!(format!("n{}-{}", random.below(NODES), random.below(2)));
    }
    json!({"apiVersion": "resource.k8s.io/v1beta2", "kind": "DeviceTaintRule",
        "metadata": {"name": format!("rule-{}", random.below(2))},
        "spec": {"deviceSelector": selector, "taint": {"key": "bad", "effect": "NoSchedule"}}})
}

fn claim(random: &mut Random, name: &str) -> Arc<ResourceClaim> {
    let selectors = [
        "device.attributes[\"d\"].?model.orValue(\"\") == \"A\"",
        "device.driver != \"d\"",
        "device.driver == \"drawn\" || device.driver == \"one\"",
        "device.capacity[device.driver].memory.compareTo(quantity(\"60Gi\")) >= 0",
        "device.attributes[device.driver].uuid.startsWith(\"n1\")",
        "device.attributes[device.driver].numa == 1",
        "true",
    ];
    let mut exactly = json!({"deviceClassName": "any", "allocationMode": "ExactCount",
        "count": 1 + random.below(4), "selectors": [{"cel": {"expression": random.pick(&selectors)}}]});
    if random.chance(30) {
        exactly["capacity"] = json!({"requests": {"memory": random.pick(&["10Gi", "30Gi"])}});
    }
    let mut devices = json!({"requests": [{"name": "r", "exactly": exactly}]});
    if random.chance(30) {
        devices["constraints"] = json!([{"matchAttribute": "d/numa"}]);
    }
    let document =
        json!({"metadata": {"name": name, "namespace": "ns"}, "spec": {"devices": devices}});
    Arc::new(serde_json::from_value(document).expect("a claim"))
}

fn read(documents: &[Value]) -> String {
    Value::from(documents.to_vec()).to_string()
}

fn gone(kind: &str, name: &str) -> ObjectRef {
    ObjectRef {
        kind: kind.to_owned(),
        key: ClaimKey::new("", name),
        uid: String::new(),
    }
}

/// A cluster on its way.
struct Walk {
    random: Random,
    inventory: Inventory,
    options: Options<'static>,
}

impl Walk {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let nodes = (0..NODES).map(|index| node(&mut random, &format!("n{index}")));
        let mut documents: Vec<Value> = nodes.collect();
        documents.push(
            json!({"apiVersion": "resource.k8s.io/v1", "kind": "DeviceClass",
            "metadata": {"name": "any"}, "spec": {}}),
        );
        let slices: Vec<Value> = some_slices(&mut random).collect();
        let inventory = Inventory::from_json(read(&documents).as_bytes()).expect("documents");
        let mut options = Options::default();
        if random.chance(20) {
            options.exclude.insert(DeviceId::new("d", "n1", "n1-0"));
        }
        let mut walk = Self {
            random,
            inventory,
            options,
        };
        // One by one, as they would come to be known.
        for slice in slices {
            walk.update(&[slice]);
        }
        walk
    }

    fn update(&mut self, documents: &[Value]) {
        let text = read(documents);
        self.inventory = self
            .inventory
            .update(text.as_bytes(), &[])
            .expect("documents");
    }

    fn delete(&mut self, object: ObjectRef) {
        self.inventory = self.inventory.update(b"[]", &[object]).expect("documents");
    }

    fn commit(&mut self, claims: &[Arc<ResourceClaim>]) {
        let node = format!("n{}", self.random.below(NODES));
        let answer = allocate_on(&self.inventory, &node, claims, &self.options);
        if let Ok(next) = self.inventory.commit(&answer) {
            self.inventory = next;
        }
    }

    fn step(&mut self, number: usize, asked: &[Arc<ResourceClaim>]) {
        match self.random.below(17) {
            0..=5 => {
                let wanted = claim(&mut self.random, &format!("c{number}"));
                self.commit(&[wanted]);
            }
            6 => self.commit(asked),
            7 | 8 => {
                let keys: Vec<_> = self
                    .inventory
                    .held_claims()
                    .map(|held| held.key.clone())
                    .collect();
                if !keys.is_empty() {
                    let key = &keys[self.random.below(keys.len())];
                    self.inventory = self.inventory.release(key);
                }
            }
            9 | 10 => {
                let kind = self.random.below(KINDS);
                let slice = some_slice(&mut self.random, kind);
                self.update(&[slice]);
            }
            11 => {
                let slices = self.inventory.slices();
                let names: Vec<String> = slices.map(|slice| slice.name().to_owned()).collect();
                if !names.is_empty() {
                    let name = &names[self.random.below(names.len())];
                    self.delete(gone("ResourceSlice", name));
                }
            }
            12 | 13 => {
                let name = format!("n{}", self.random.below(NODES + 2));
                let node = node(&mut self.random, &name);
                self.update(&[node]);
            }
            14 => {
                let name = format!("n{}", self.random.below(NODES + 2));
                self.delete(gone("Node", &name));
            }
            15 => {
                let like = format!("n{}", self.random.below(NODES));
                let name = format!("n{}", NODES + self.random.below(4));
                // Refused where the name is in use, or a pool is of others, too.
                if let Ok(next) = self.inventory.with_nodes_like(&like, &[&name]) {
                    self.inventory = next;
                }
            }
            _ => {
                if self.random.chance(50) {
                    let rule = rule(&mut self.random);
                    self.update(&[rule]);
                } else {
                    let name = format!("rule-{}", self.random.below(2));
                    self.delete(gone("DeviceTaintRule", &name));
                }
            }
        }
    }
}

/// What a fresh start with the same contents says of every node.
fn fresh(inventory: &Inventory) -> Inventory {
    Inventory::from_state_json(&inventory.to_state_json()).expect("a state")
}

#[test]
fn walks_end_where_a_fresh_start_does() {
    let (mut fits, mut kinds, first) = (0, 0, setting("GPUALLOC_SEED", 0));
    for seed in first..first + walks(60) {
        if seed % 5_000 == 0 {
            eprintln!("walk {seed}");
        }
        let mut walk = Walk::new(seed);
        let asked = vec![claim(&mut walk.random, "asked")];
        let mut last = survey(&walk.inventory, &asked, &walk.options, None);
        for step in 0..30 {
            walk.step(step, &asked);
            let next = survey(&walk.inventory, &asked, &walk.options, Some(&last));
            let fresh = fresh(&walk.inventory);
            if step % 6 == 0 {
                check(&next, &fresh, &asked, &walk.options);
            }
            let anew = survey(&fresh, &asked, &walk.options, None);
            let all: Vec<_> = anew.iter().collect();
            let kept: Vec<_> = next.iter().collect();
            assert_eq!(kept, all, "walk {seed}, step {step}");
            let is_placed = |(_, verdict): &&(_, Verdict)| verdict.fate == Fate::Placed;
            let fitting = all.iter().filter(is_placed).count();
            fits += usize::from(fitting > 0);
            kinds += usize::from(fitting > 0 && fitting < all.len());
            last = next;
        }
    }
    assert!(fits > 0 && kinds > 0, "the walks decide nothing");
}

/// Machines of one kind; on each other devices are held.
fn machines_in_use(random: &mut Random) -> Vec<Value> {
    let kinds: Vec<(&str, &str, bool)> = (0..6)
        .map(|_| {
            let (model, memory) = (
                random.pick(&["A", "A", "B"]),
                random.pick(&["40Gi", "80Gi"]),
            );
            (model, memory, random.chance(10))
        })
        .collect();
    let mut documents = vec![
        json!({"apiVersion": "resource.k8s.io/v1", "kind": "DeviceClass", "metadata": {"name": "any"}, "spec": {}}),
    ];
    for node in 0..16 {
        let name = format!("n{node}");
        let devices = kinds.iter().enumerate().map(|(index, (model, memory, tainted))| {
            let mut device = json!({"name": format!("{name}-{index}"), "capacity": {"memory": {"value": memory}},
                "attributes": {"model": {"string": model}, "numa": {"int": index / 2},
                    "uuid": {"string": format!("{name}-{index}")}}});
            if *tainted {
                device["taints"] = json!([{"key": "bad", "effect": "NoSchedule"}]);
            }
            device
        });
        let devices: Value = devices.collect();
        let place = json!({"nodeName": name});
        documents.push(slice(
            &format!("s-{name}"),
            ("d", &name, 1),
            &place,
            &devices,
        ));
        for index in (0..6).filter(|_| random.chance(40)) {
            let device = format!("{name}-{index}");
            documents.push(json!({"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim",
                "metadata": {"name": format!("c-{device}"), "namespace": "ns"},
                "spec": {"devices": {"requests": [{"name": "r", "exactly": {"deviceClassName": "any"}}]}},
                "status": {"allocation": {"devices": {"results":
                    [{"request": "r", "driver": "d", "pool": name, "device": device}]}}}}));
        }
    }
    documents
}

/// Nodes that fare alike need not look alike: what one gives, the other gives of its own free devices.
#[test]
fn nodes_fare_as_on_their_own_whichever_devices_are_held() {
    let mut fates = [0; 2];
    for seed in 0..walks(200).min(20_000) {
        let mut random = Random::new(seed);
        let documents = machines_in_use(&mut random);
        let inventory = Inventory::from_json(read(&documents).as_bytes()).expect("documents");
        let asked = vec![claim(&mut random, "asked"), claim(&mut random, "too")];
        let options = Options::default();
        let found = survey(&inventory, &asked, &options, None);
        check(&found, &inventory, &asked, &options);
        for verdict in found.verdicts() {
            fates[usize::from(verdict.fate == Fate::Placed)] += 1;
        }
    }
    assert!(
        fates.iter().all(|count| *count > 100),
        "one-sided: {fates:?}"
    );
}

/// A claim of which much depends on the values of attributes.
fn choosy(random: &mut Random, name: &str) -> Arc<ResourceClaim> {
    let text = |random: &mut Random| match random.below(4) {
        0 => format!("model == \"{}\"", random.pick(&["A", "B"])),
        1 => format!("model != \"{}\"", random.pick(&["A", "B"])),
        2 => format!("uuid == \"n{}-{}\"", random.below(16), random.below(4)),
        _ => format!("numa < {}", random.below(3)),
    };
    let expression = format!(
        "device.attributes[\"d\"].{} {} device.attributes[\"d\"].{}",
        text(random),
        random.pick(&["&&", "||"]),
        text(random)
    );
    let mut exactly =
        json!({"deviceClassName": "any", "selectors": [{"cel": {"expression": expression}}]});
    if random.chance(40) {
        exactly["allocationMode"] = json!("All");
    } else {
        exactly["allocationMode"] = json!("ExactCount");
        exactly["count"] = json!(1 + random.below(3));
    }
    let mut devices = json!({"requests": [{"name": "r", "exactly": exactly}]});
    if random.chance(40) {
        let rule = random.pick(&["matchAttribute", "distinctAttribute"]);
        devices["constraints"] = json!([{rule: random.pick(&["d/model", "d/numa", "d/uuid"])}]);
    }
    let document =
        json!({"metadata": {"name": name, "namespace": "ns"}, "spec": {"devices": devices}});
    Arc::new(serde_json::from_value(document).expect("a claim"))
}

/// Nodes of one kind are searched on one stage, whatever the values of attributes, what is held and where slices lie.
#[test]
fn nodes_of_one_kind_fare_as_on_their_own() {
    let mut fates = [0; 3];
    for seed in 0..walks(300).min(20_000) {
        let mut random = Random::new(seed);
        let mut documents = machines_in_use(&mut random);
        for document in &mut documents {
            if document["kind"] != "ResourceSlice" {
                continue;
            }
            // Values differ from node to node, and now and then one has no value, or another type.
            for device in document["spec"]["devices"].as_array_mut().expect("a list") {
                device["attributes"]["model"] = json!({"string": random.pick(&["A", "B"])});
                if random.chance(3) {
                    device["attributes"]["numa"] = json!({"string": "none"});
                }
            }
        }
        if random.chance(30) {
            split(&mut documents);
        }
        let inventory = Inventory::from_json(read(&documents).as_bytes()).expect("documents");
        let asked = [choosy(&mut random, "asked"), choosy(&mut random, "too")];
        let asked = &asked[random.below(2)..];
        let mut options = Options::default();
        if random.chance(20) {
            options.exclude.insert(DeviceId::new("d", "n1", "n1-0"));
        }
        let found = survey(&inventory, asked, &options, None);
        check(&found, &inventory, asked, &options);
        for verdict in found.verdicts() {
            fates[match verdict.fate {
                Fate::Placed => 0,
                Fate::Impossible => 1,
                _ => 2,
            }] += 1;
        }
    }
    assert!(
        fates.iter().all(|count| *count > 100),
        "one-sided: {fates:?}"
    );
}

/// Puts the last two devices of every slice into a slice of their own.
fn split(documents: &mut Vec<Value>) {
    let mut more = Vec::new();
    for document in documents
        .iter_mut()
        .filter(|d| d["kind"] == "ResourceSlice")
    {
        document["spec"]["pool"]["resourceSliceCount"] = json!(2);
        let mut other = document.clone();
        let name = document["metadata"]["name"].as_str().expect("a name");
        other["metadata"]["name"] = json!(format!("a-{name}"));
        let devices = document["spec"]["devices"].as_array_mut().expect("a list");
        let last = devices.split_off(devices.len() - 2);
        other["spec"]["devices"] = json!(last);
        more.push(other);
    }
    documents.append(&mut more);
}

/// Pods in turn get what they get when every node is asked anew for each.
#[test]
fn pods_in_turn_are_placed_as_one_by_one() {
    for seed in 0..walks(60).min(20_000) {
        let mut walk = Walk::new(seed);
        let asks: Vec<_> = (0..3).map(|_| claim(&mut walk.random, "like")).collect();
        let mut turn = InTurn::new(walk.inventory.clone());
        for number in 0..12 {
            let mut asked = ResourceClaim::clone(&asks[number % asks.len()]);
            asked.metadata.name = format!("pod-{number}");
            let asked = [Arc::new(asked)];
            let plain = fresh(turn.inventory());
            let answer = turn.place(&asked, &walk.options);
            let plain = allocate_first(&plain, &plain.node_names(), &asked, &walk.options);
            assert_eq!(answer.outcome, plain.outcome, "walk {seed}, pod {number}");
            assert_eq!((&answer.node, answer.steps), (&plain.node, plain.steps));
            assert_eq!(
                answer.refused(),
                plain.refused(),
                "walk {seed}, pod {number}"
            );
        }
    }
}
