//! Memory: how much of it a world takes (a child reads it from a file and says how much more is resident than before), and
//! making it cold.

use std::process::Command;

use crate::ours;
use crate::scenarios::world::World;
use crate::scenarios::{Goal, Row, Work};

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

/// Bytes that the inventory of a world keeps resident for each device; nothing where the system does not say.
pub(crate) fn each(world: &World) -> Result<Option<f64>, String> {
    let file = std::env::temp_dir().join(format!("world-{}.json", std::process::id()));
    std::fs::write(&file, world.documents()).map_err(|error| error.to_string())?;
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new(own).arg(CHILD).arg(&file).output();
    let _ = std::fs::remove_file(&file);
    let output = output.map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let kib: Option<f64> = String::from_utf8_lossy(&output.stdout).trim().parse().ok();
    Ok(kib.map(|kib| kib * 1024.0 / devices(world) as f64))
}

/// Fails where a row about memory takes more than it promises.
pub(crate) fn keep_promise(row: &Row) -> Result<(), String> {
    let (Work::Memory, Goal::Bytes(promised)) = (&row.work, &row.goal) else {
        return Ok(());
    };
    let Some(bytes) = each(&(row.world)())? else {
        println!("{}: the system does not say what is resident", row.name);
        return Ok(());
    };
    println!("{}: {bytes:.0} bytes for each", row.name);
    if bytes > *promised {
        return Err(format!("{}: more than the {promised} promised", row.name));
    }
    Ok(())
}

/// What the child does: KiB resident, or nothing where the system does not tell.
pub(crate) fn child(file: &str) -> Option<i64> {
    let before = status()?;
    let text = std::fs::read(file).expect("a file");
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

/// Goes over more memory than caches hold, so that nothing that was read before is at hand.
pub(crate) fn make_cold() {
    let much = vec![1_u8; 400_000_000];
    let lines = much.iter().step_by(64).map(|byte| u64::from(*byte));
    std::hint::black_box(lines.sum::<u64>());
}
