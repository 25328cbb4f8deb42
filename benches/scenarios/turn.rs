//! Pods that come one after the other until nothing fits, and clusters with many shares.
//!
//! Builds worlds only. Start at [`rows`].

use serde_json::{Value, json};

use super::hgx::{self, Held, Hgx, Layout};
use super::world::{self, Machine, Place, World};
use super::{Go, Goal, Row, Sizes, Work};

/// Devices of a machine.
const DEVICES: usize = 10;

pub(super) fn rows(sizes: &Sizes) -> Vec<Row> {
    let nodes = sizes.turn_nodes;
    let mut rows = Vec::new();
    for (name, claim) in [
        ("plain", plain as fn() -> String),
        ("CEL", with_selector),
        ("two with matchAttribute", two_of_an_island),
    ] {
        for (way, work, rate) in [
            ("first fitting node", Work::FirstInTurn, 400_000.0),
            ("all nodes evaluated", Work::AllInTurn, 100_000.0),
            (
                "first fitting node, from Python",
                Work::FirstInTurnFromPython,
                50_000.0,
            ),
        ] {
            rows.push(Row {
                name: format!("pods in turn on {nodes} x {DEVICES}, {way}: {name}"),
                work,
                goal: Goal::Rate(rate),
                world: Box::new(move || {
                    let hgx = Hgx {
                        nodes,
                        gpus: DEVICES,
                        layout: Layout::Named,
                        held: Held::Empty,
                    };
                    World {
                        held: Vec::new(),
                        claims: vec![claim()],
                        ..hgx.world(1, hgx::PRODUCT_SELECTOR)
                    }
                }),
                go: Go::Nodes(nodes),
            });
        }
    }
    rows
}

fn plain() -> String {
    world::claim("pod", &[world::request("gpu", hgx::DRIVER, 1, &[])], &[])
}

fn with_selector() -> String {
    let selectors = [hgx::PRODUCT_SELECTOR, hgx::MEMORY_SELECTOR];
    world::claim(
        "pod",
        &[world::request("gpu", hgx::DRIVER, 1, &selectors)],
        &[],
    )
}

fn two_of_an_island() -> String {
    let request = world::request("gpus", hgx::DRIVER, 2, &[]);
    let constraint = world::match_attribute("resource.kubernetes.io/pcieRoot", &["gpus"]);
    world::claim("pod", &[request], &[constraint])
}

/// Shares of one device, at most.
const SHARES: usize = 50;
const SHARED_DEVICES: usize = 8;

/// Claims that hold shares of devices on machines that are no part of the question. There are `most` of them, and room for
/// as many, so that the documents are the same whatever is held: those without a share are allocated nothing.
pub(super) fn hold_shares(world: &mut World, shares: usize, most: usize) {
    let machines = most.div_ceil(SHARES * SHARED_DEVICES);
    world.bystanders = (0..machines).map(sharing_machine).collect();
    for share in 0..most {
        let device = share / SHARES;
        let pool = sharing_name(device / SHARED_DEVICES);
        let name = format!("gpu-{}", device % SHARED_DEVICES);
        let mut result = world::result(hgx::DRIVER, &pool, &name);
        result["shareID"] = json!(format!("00000000-0000-4000-8000-{share:012x}"));
        result["consumedCapacity"] = json!({"memory": "1Gi"});
        let results = if share < shares {
            vec![result]
        } else {
            Vec::new()
        };
        world.held.push(world::held(
            &format!("share-{share:05}"),
            hgx::DRIVER,
            results,
        ));
    }
}

fn sharing_name(machine: usize) -> String {
    format!("shared-{machine:05}")
}

fn sharing_machine(machine: usize) -> Machine {
    let name = sharing_name(machine);
    let devices: Vec<Value> = (0..SHARED_DEVICES)
        .map(|gpu| {
            let mut device = hgx::device(&format!("gpu-{gpu}"), 0x4000 + machine, gpu);
            device["allowMultipleAllocations"] = json!(true);
            device
        })
        .collect();
    let content = ("devices", Value::Array(devices));
    let slice = format!("00000-{}-{name}-abcde", hgx::DRIVER);
    Machine {
        node: world::node(&name),
        slices: vec![world::slice(
            &slice,
            hgx::DRIVER,
            &name,
            (&name, 1),
            &Place::Named,
            content,
        )],
        name,
    }
}
