//! What an inventory keeps resident for each device of an ordinary slice.
//!
//! Reads a cluster as large as Kubernetes supports and fails when a device takes more than is promised. Where the
//! system does not say what is resident (it does on Linux), it says so and passes.

#[expect(dead_code, reason = "the other bench uses the rest")]
mod scenarios;

use gpualloc::inventory::Inventory;

const NODES: usize = 5_000;
const GPUS: usize = 8;
/// Bytes for each device, everything that the inventory holds beside it included.
const PROMISED: usize = 1_024;

/// Bytes of the process that lie in memory.
fn resident() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: usize = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes * 1_024)
}

#[expect(clippy::print_stdout, reason = "a bench prints what it measures")]
fn main() {
    let documents = scenarios::hgx_world(NODES, GPUS, 1).documents();
    let before = resident();
    let inventory = Inventory::from_json(documents.as_bytes()).expect("documents");
    let after = resident();
    let devices: usize = inventory
        .slices()
        .map(|slice| slice.document().spec.devices.len())
        .sum();
    assert_eq!(devices, NODES * GPUS);
    let (Some(before), Some(after)) = (before, after) else {
        println!("memory: the system does not say what is resident");
        return;
    };
    let each = after.saturating_sub(before) / devices;
    println!("memory: {each} bytes resident for each of {devices} devices");
    assert!(each <= PROMISED, "more than the {PROMISED} bytes promised");
}
