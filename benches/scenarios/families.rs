//! Questions that have no solution and many ways to look for one, each on one machine.
//!
//! A function builds a family at a size; the upstream allocator is asked at a size it can finish. Start at [`FAMILIES`].

use serde_json::{Value, json};

use super::world::{self, Machine, Place, World};
use super::{hgx, mig};

const DRIVER: &str = "gpu.example.com";
const CLASS: &str = DRIVER;

/// A family: its name, the question at a size, the size asked of us, the largest that upstream ends in a second or two.
pub(crate) struct Family {
    pub(crate) name: &'static str,
    pub(crate) world: fn(usize) -> World,
    pub(crate) size: usize,
    pub(crate) go_size: usize,
}

const fn family(
    name: &'static str,
    world: fn(usize) -> World,
    size: usize,
    go_size: usize,
) -> Family {
    Family {
        name,
        world,
        size,
        go_size,
    }
}

pub(crate) const FAMILIES: [Family; 15] = [
    family("A: half of two islands and one", match_of_two, 62, 32),
    family("B: pairs, one too many", pairs, 30, 14),
    family("C: one more than there are", one_too_many, 31, 18),
    family("C: five claims of 26 over 128", claims_of_26, 128, 9),
    family("D: pairs, each a claim", pair_claims, 64, 14),
    family("distinct, more than values", distinct, 16, 8),
    family("two claims, the last cannot", last_cannot, 32, 18),
    family("firstAvailable, n of n alternatives", alternatives, 8, 6),
    family("MIG mix, one slice too many", mig_slices, 8, 2),
    family("MIG mix, starts exclude each other", mig_starts, 8, 2),
    family("list attributes, too many share", lists, 45, 18),
    family("shares with steps", shares, 15, 5),
    family("MIG parts of one GPU: match and counters", mig_of_one, 8, 1),
    family("match, then a claim that cannot", match_then_not, 64, 28),
    family("shares among alternatives", share_alternatives, 15, 3),
];

/// One machine with these devices and claims.
fn one(devices: Vec<Value>, claims: Vec<String>) -> World {
    let name = hgx::node_name(0);
    let content = ("devices", Value::Array(devices));
    let slice = world::slice(
        "00000-slice",
        DRIVER,
        &name,
        (&name, 1),
        &Place::Named,
        content,
    );
    World {
        machines: vec![Machine {
            node: world::node(&name),
            slices: vec![slice],
            name,
        }],
        classes: vec![world::class(CLASS, "device.driver == 'gpu.example.com'")],
        claims,
        ..World::default()
    }
}

/// Devices in islands, each with a UUID of its own.
fn devices(count: usize, island: impl Fn(usize) -> usize) -> Vec<Value> {
    (0..count)
        .map(|index| {
            json!({
                "name": format!("gpu-{index:03}"),
                "attributes": {
                    "island": {"string": format!("island-{}", island(index))},
                    "model": {"string": "accelerator"},
                    "uuid": {"string": hgx::uuid(0, index)},
                },
                "capacity": {"memory": {"value": "80Gi"}},
            })
        })
        .collect()
}

fn attribute(name: &str) -> String {
    format!("{DRIVER}/{name}")
}

fn match_of_two(size: usize) -> World {
    let request = world::request("gpus", CLASS, size / 2 + 1, &[]);
    let constraint = world::match_attribute(&attribute("island"), &["gpus"]);
    one(
        devices(size, |index| index % 2),
        vec![world::claim("train", &[request], &[constraint])],
    )
}

fn pairs(size: usize) -> World {
    let names: Vec<String> = (0..=size / 2)
        .map(|index| format!("pair-{index}"))
        .collect();
    let requests: Vec<Value> = names
        .iter()
        .map(|name| world::request(name, CLASS, 2, &[]))
        .collect();
    let constraints: Vec<Value> = names
        .iter()
        .map(|name| world::match_attribute(&attribute("island"), &[name]))
        .collect();
    one(
        devices(size, |index| index / 2),
        vec![world::claim("train", &requests, &constraints)],
    )
}

fn pair_claims(size: usize) -> World {
    let claim = |index: usize| {
        let request = world::request("pair", CLASS, 2, &[]);
        let constraint = world::match_attribute(&attribute("island"), &["pair"]);
        world::claim(&format!("pair-{index:02}"), &[request], &[constraint])
    };
    one(
        devices(size, |index| index / 2),
        (0..=size / 2).map(claim).collect(),
    )
}

fn one_too_many(size: usize) -> World {
    let request = world::request("gpus", CLASS, size + 1, &[]);
    one(
        devices(size, |_| 0),
        vec![world::claim("train", &[request], &[])],
    )
}

/// A fifth of the devices and one for each of five claims.
fn claims_of_26(size: usize) -> World {
    let claim = |index: usize| {
        let request = world::request("gpus", CLASS, size / 5 + 1, &[]);
        world::claim(&format!("train-{index}"), &[request], &[])
    };
    one(devices(size, |_| 0), (0..5).map(claim).collect())
}

/// Four devices of each value.
fn distinct(values: usize) -> World {
    let request = world::request("gpus", CLASS, values + 1, &[]);
    let constraint = world::distinct_attribute(&attribute("island"), &["gpus"]);
    one(
        devices(4 * values, |index| index / 4),
        vec![world::claim("train", &[request], &[constraint])],
    )
}

const NO_SUCH_MODEL: &str = "device.attributes['gpu.example.com'].model == 'discontinued'";

fn last_cannot(size: usize) -> World {
    let first = world::request("gpus", CLASS, size / 2, &[]);
    let last = world::request("gpu", CLASS, 1, &[NO_SUCH_MODEL]);
    let claims = vec![
        world::claim("first", &[first], &[]),
        world::claim("last", &[last], &[]),
    ];
    one(devices(size, |_| 0), claims)
}

/// As many requests as alternatives in each, one device fewer; every alternative would do.
fn alternatives(size: usize) -> World {
    let requests: Vec<Value> = (0..size)
        .map(|request| first_available(request, size))
        .collect();
    one(
        devices(size - 1, |_| 0),
        vec![world::claim("train", &requests, &[])],
    )
}

fn first_available(request: usize, alternatives: usize) -> Value {
    let alternatives: Vec<Value> = (0..alternatives)
        .map(|index| {
            let least = 80 - 8 * index;
            let selector = format!(
                "device.capacity['gpu.example.com'].memory.compareTo(quantity('{least}Gi')) >= 0"
            );
            let mut wish = world::wish(CLASS, 1, &[&selector]);
            wish["name"] = json!(format!("at-least-{least}"));
            wish
        })
        .collect();
    json!({"name": format!("request-{request}"), "firstAvailable": alternatives})
}

fn mig_machine(gpus: usize, claims: Vec<String>) -> World {
    World {
        machines: vec![mig::machine(0, gpus)],
        classes: vec![mig::class()],
        claims,
        ..World::default()
    }
}

/// 65 memory slices of 64.
fn mig_slices(gpus: usize) -> World {
    let large = [
        mig::request("large", "3g.40gb", gpus),
        mig::request("middle", "2g.20gb", gpus),
    ];
    let small = [mig::request("small", "1g.10gb", 2 * gpus + 1)];
    let claims = vec![
        world::claim("first", &large, &[]),
        world::claim("second", &small, &[]),
    ];
    mig_machine(gpus, claims)
}

/// Every sum would do, but 2g starts at 0, 2 or 4, and 4g takes 0 to 3.
fn mig_starts(gpus: usize) -> World {
    let requests = [
        mig::request("small", "2g.20gb", 2 * gpus),
        mig::request("large", "4g.40gb", gpus),
    ];
    mig_machine(gpus, vec![world::claim("train", &requests, &[])])
}

fn mig_of_one(gpus: usize) -> World {
    let selector = "device.attributes['gpu.nvidia.com'].profile.startsWith('1g.10gb')";
    let request = world::request("parts", mig::CLASS, 8, &[selector]);
    let constraint = world::match_attribute("gpu.nvidia.com/parentUUID", &["parts"]);
    mig_machine(gpus, vec![world::claim("train", &[request], &[constraint])])
}

/// Each device is near two of three memories, so two thirds share one; one more is wanted.
fn lists(size: usize) -> World {
    let mut devices = devices(size, |_| 0);
    for (index, device) in devices.iter_mut().enumerate() {
        device["attributes"]["near"] = json!({"ints": [index % 3, (index + 1) % 3]});
    }
    let request = world::request("gpus", CLASS, size * 2 / 3 + 1, &[]);
    let constraint = world::match_attribute(&attribute("near"), &["gpus"]);
    World {
        has_list_attributes: true,
        ..one(
            devices,
            vec![world::claim("train", &[request], &[constraint])],
        )
    }
}

fn shared(count: usize) -> Vec<Value> {
    let mut devices = devices(count, |_| 0);
    for device in &mut devices {
        device["allowMultipleAllocations"] = json!(true);
        device["capacity"]["memory"]["requestPolicy"] =
            json!({"default": "8Gi", "validRange": {"min": "8Gi", "max": "80Gi", "step": "8Gi"}});
    }
    devices
}

/// 30Gi become 32Gi, so two shares fill a device.
fn shares(size: usize) -> World {
    let requests: Vec<Value> = (0..=2 * size)
        .map(|index| {
            let mut request = world::request(&format!("share-{index}"), CLASS, 1, &[]);
            request["exactly"]["capacity"] = json!({"requests": {"memory": "30Gi"}});
            request
        })
        .collect();
    one(shared(size), vec![world::claim("infer", &requests, &[])])
}

fn share_alternatives(size: usize) -> World {
    let requests: Vec<Value> = (0..=2 * size)
        .map(|index| {
            let alternatives: Vec<Value> = ["30Gi", "28Gi", "26Gi"]
                .map(|memory| {
                    let mut wish = world::wish(CLASS, 1, &[]);
                    wish["name"] = json!(format!("with-{}", memory.to_lowercase()));
                    wish["capacity"] = json!({"requests": {"memory": memory}});
                    wish
                })
                .into();
            json!({"name": format!("share-{index}"), "firstAvailable": alternatives})
        })
        .collect();
    one(shared(size), vec![world::claim("infer", &requests, &[])])
}

/// Half of an island of two fits; what the second claim wants nobody has.
fn match_then_not(size: usize) -> World {
    let first = world::request("gpus", CLASS, size / 4, &[]);
    let constraint = world::match_attribute(&attribute("island"), &["gpus"]);
    let last = world::request("gpu", CLASS, 1, &[NO_SUCH_MODEL]);
    let claims = vec![
        world::claim("first", &[first], &[constraint]),
        world::claim("last", &[last], &[]),
    ];
    one(devices(size, |index| 2 * index / size), claims)
}
