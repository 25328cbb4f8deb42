//! What an inventory keeps resident for each device of an ordinary slice.
//!
//! Reads a cluster as large as Kubernetes supports and fails when a device takes more than is promised. A child that has
//! done nothing else reads it: what the making of documents leaves behind would be taken for room that was there. Where
//! the system does not say what is resident (it does on Linux), it says so and passes.

#[expect(dead_code, reason = "the other bench uses the rest")]
mod scenarios;

use std::process::Command;

use gpualloc::inventory::Inventory;

const NODES: usize = 5_000;
const GPUS: usize = 8;
/// Bytes for each device, everything that the inventory holds beside it included.
const PROMISED: usize = 1_024;

/// The argument that makes a child of us.
const CHILD: &str = "--resident";

/// Bytes of the process that lie in memory.
fn resident() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: usize = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes * 1_024)
}

/// Bytes for each device of the documents in a file.
fn each(file: &str) -> Option<usize> {
    let before = resident()?;
    let documents = std::fs::read(file).expect("a file");
    let inventory = Inventory::from_json(&documents).expect("documents");
    inventory.table();
    drop(documents);
    let after = resident()?;
    let slices = inventory.slices();
    let devices: usize = slices
        .map(|slice| slice.document().spec.devices.len())
        .sum();
    assert_eq!(devices, NODES * GPUS);
    Some(after.saturating_sub(before) / devices)
}

#[expect(clippy::print_stdout, reason = "a bench prints what it measures")]
fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, flag, file] = arguments.as_slice()
        && flag == CHILD
    {
        println!(
            "{}",
            each(file).map_or(String::new(), |bytes| bytes.to_string())
        );
        return;
    }
    let file = std::env::temp_dir().join(format!("memory-{}.json", std::process::id()));
    let documents = scenarios::hgx_world(NODES, GPUS, 1).documents();
    std::fs::write(&file, documents).expect("room for a file");
    let own = std::env::current_exe().expect("a path");
    let output = Command::new(own).arg(CHILD).arg(&file).output();
    let _ = std::fs::remove_file(&file);
    let output = String::from_utf8(output.expect("a child").stdout).expect("text");
    let Ok(each) = output.trim().parse::<usize>() else {
        println!("memory: the system does not say what is resident");
        return;
    };
    println!("memory: {each} bytes resident for each device");
    assert!(each <= PROMISED, "more than the {PROMISED} bytes promised");
}
