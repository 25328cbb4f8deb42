//! How much memory a world takes: a child reads it from a file and says how much more is resident than before.

use std::process::Command;

use crate::ours;
use crate::scenarios::world::World;

/// The argument that makes a child of us.
pub(crate) const CHILD: &str = "--resident";

/// Devices of all slices.
pub(crate) fn devices(world: &World) -> usize {
    let slices = world.machines.iter().flat_map(|machine| &machine.slices);
    let count = |slice: &String| {
        let slice: serde_json::Value = serde_json::from_str(slice).expect("a slice");
        slice["spec"]["devices"].as_array().map_or(0, Vec::len)
    };
    slices.map(count).sum()
}

/// Bytes that the inventory of a world keeps resident.
pub(crate) fn resident(world: &World) -> Result<f64, String> {
    let file = std::env::temp_dir().join(format!("world-{}.json", std::process::id()));
    std::fs::write(&file, world.documents()).map_err(|error| error.to_string())?;
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new(own).arg(CHILD).arg(&file).output();
    let _ = std::fs::remove_file(&file);
    let output = output.map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    let kib: f64 = text
        .trim()
        .parse()
        .map_err(|_| "resident memory is not known here")?;
    Ok(kib * 1024.0)
}

/// What the child does: KiB resident, or nothing where the system does not tell.
pub(crate) fn child(file: &str) -> Option<i64> {
    let before = status()?;
    let text = std::fs::read(file).ok()?;
    let inventory = ours::read_only(&text);
    drop(text);
    let after = status();
    drop(inventory);
    Some(after? - before)
}

fn status() -> Option<i64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
