//! What a change costs without a clock: search steps, and instructions where valgrind is there, against a recorded file.
//!
//! Small worlds, one run of each row, the same numbers on every machine. Answers must be the recorded ones, steps must
//! not rise, instructions by a twentieth at most. Start at [`run`].

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::ours::{self, Cluster};
use crate::run::Tally;
use crate::scenarios::{Row, Sizes, Work};
use crate::{clock, memory};

/// The argument that makes a child of us, which runs under valgrind the rows named after it.
pub(crate) const CHILD: &str = "--counted";

/// What to do with the counts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Answers and steps, which are the same on every machine, and what a device takes of memory: what the gate compares.
    Steps,
    /// Instructions, too; they change a little with paths and with the seeds of hash maps.
    Compare,
    Record,
    Child,
}

/// Counts of one row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count {
    tally: Tally,
    undecided: usize,
    steps: u64,
    instructions: Option<u64>,
}

/// Rows that take longer, or have no answer, are not run under valgrind, which is fifty times slower.
const MOST_TIME_COUNTED: Duration = Duration::from_secs(1);
/// Instructions may rise by one part of so many.
const PART: u64 = 20;

fn recorded() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/side_by_side/counts.txt")
}

pub(crate) fn run(mode: Mode, words: &[String]) -> Result<(), String> {
    if mode == Mode::Child {
        return child(words);
    }
    let (mut counts, mut long) = (BTreeMap::new(), BTreeSet::new());
    for row in crate::chosen(&Sizes::SMALL, words) {
        let begun = Instant::now();
        let Some(count) = count(&row)? else { continue };
        if begun.elapsed() > MOST_TIME_COUNTED {
            println!("{}: takes too long to count instructions", row.name);
            long.insert(row.name.clone());
        }
        counts.insert(row.name, count);
    }
    let known = read(&std::fs::read_to_string(recorded()).unwrap_or_default());
    let compiler = compiler();
    if mode == Mode::Steps {
        // What a device takes shows only where there are many.
        for row in crate::chosen(&Sizes::FULL, words) {
            memory::keep_promise(&row)?;
        }
        return compare(&known.counts, &counts);
    }
    if mode == Mode::Compare && known.compiler != compiler {
        println!("instructions skipped: recorded with another compiler or for another machine");
    } else {
        instructions(&mut counts, &long)?;
    }
    if mode == Mode::Record {
        let mut all = known.counts;
        all.extend(counts);
        return std::fs::write(recorded(), written(&compiler, &all)).map_err(|e| e.to_string());
    }
    compare(&known.counts, &counts)
}

/// Runs a row once; rows that count nothing give nothing.
fn count(row: &Row) -> Result<Option<Count>, String> {
    let world = (row.world)();
    let nodes = world.nodes();
    let each = |cluster: &Cluster| {
        let (answers, _) = cluster.each(&nodes);
        match &answers.error {
            Some(error) => Err(format!("{}: {error}", row.name)),
            None => Ok(Count {
                tally: answers.tally,
                undecided: answers.undecided,
                steps: answers.steps,
                instructions: None,
            }),
        }
    };
    let most = memory::devices(&world) + 1;
    let turn = |turn: ours::Turn| Count {
        tally: Tally {
            fits: turn.fits,
            devices: turn.devices,
        },
        steps: turn.steps,
        ..Count::default()
    };
    Ok(Some(match &row.work {
        Work::Each | Work::EachCold => each(&Cluster::read(&world, ours::STEPS_COUNTED))?,
        Work::EachAgain => {
            let cluster = Cluster::read(&world, ours::STEPS_COUNTED);
            cluster.each(&nodes);
            each(&cluster.after_commit(&nodes, 0)?)?
        }
        Work::FirstInTurn => turn(Cluster::read(&world, ours::STEPS_COUNTED).first_in_turn(most)),
        Work::AllInTurn => turn(Cluster::read(&world, ours::STEPS_COUNTED).all_in_turn(most, 1)),
        Work::Evaluate(expression) => {
            let (fits, _, _) = Cluster::read(&world, ours::STEPS_COUNTED).evaluate(expression);
            let tally = Tally { fits, devices: 0 };
            Count {
                tally,
                ..Count::default()
            }
        }
        Work::Compile(expression) => {
            let (fits, _) = ours::compile(expression, 1);
            let tally = Tally { fits, devices: 0 };
            Count {
                tally,
                ..Count::default()
            }
        }
        Work::Memory | Work::FirstInTurnFromPython => return Ok(None),
    }))
}

/// Runs the rows named, and says of each which calls of the clock are its own.
fn child(names: &[String]) -> Result<(), String> {
    let rows = crate::chosen(&Sizes::SMALL, &[]);
    for row in rows.iter().filter(|row| names.contains(&row.name)) {
        // What is prepared once in a process, selectors among it, belongs to no row.
        count(row)?;
        let before = clock::calls();
        count(row)?;
        let first = match row.work {
            Work::EachAgain => clock::calls(),
            _ => before + 1,
        };
        println!("{first}\t{}\t{}", clock::calls(), row.name);
    }
    Ok(())
}

/// Counts the instructions of what is timed, in one run under callgrind.
fn instructions(
    counts: &mut BTreeMap<String, Count>,
    long: &BTreeSet<String>,
) -> Result<(), String> {
    // Of rows that go the same way one is enough.
    let is_like_another = |name: &str| name.contains("distinct") || name.contains("3g");
    let chosen = |name: &String, count: &Count| {
        !long.contains(name) && count.undecided == 0 && !is_like_another(name)
    };
    let names: Vec<&String> = counts
        .iter()
        .filter(|(name, count)| chosen(name, count))
        .map(|(name, _)| name)
        .collect();
    let folder = std::env::temp_dir().join(format!("callgrind-{}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new("valgrind")
        .arg("--tool=callgrind")
        // Callgrind takes one option for each pattern, so the two differ.
        .arg("--toggle-collect=*clock*measured*")
        .arg("--dump-after=side_by_side::clock::measured*")
        .arg(format!(
            "--callgrind-out-file={}",
            folder.join("out").display()
        ))
        .arg(own)
        .arg(CHILD)
        .args(names)
        .output();
    let Ok(output) = output else {
        println!("instructions skipped: no valgrind");
        return Ok(());
    };
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let cells: Vec<&str> = line.split('\t').collect();
        let [first, last, name] = cells.as_slice() else {
            return Err("the counted run says nothing".to_owned());
        };
        let number = |cell: &str| cell.parse::<usize>().map_err(|error| error.to_string());
        let total: Option<u64> = (number(first)?..=number(last)?)
            .map(|call| total(&folder.join(format!("out.{call}"))))
            .sum();
        if let Some(count) = counts.get_mut(*name) {
            count.instructions = total;
        }
    }
    std::fs::remove_dir_all(&folder).map_err(|error| error.to_string())
}

/// The instructions of a dump.
fn total(file: &Path) -> Option<u64> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with("totals:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// The compiler and what it compiles for.
fn compiler() -> String {
    let output = Command::new("rustc").arg("-V").output();
    let version = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let target = std::env::consts::ARCH;
    format!("{} for {target}", version.unwrap_or_default())
}

struct Recorded {
    compiler: String,
    counts: BTreeMap<String, Count>,
}

const HEAD: &str = "row\tfits\tdevices\tundecided\tsteps\tinstructions";

fn written(compiler: &str, counts: &BTreeMap<String, Count>) -> String {
    let mut text = format!("{compiler}\n{HEAD}\n");
    for (name, count) in counts {
        let instructions = count.instructions.map_or("-".to_owned(), |i| i.to_string());
        let _ = writeln!(
            text,
            "{name}\t{}\t{}\t{}\t{}\t{instructions}",
            count.tally.fits, count.tally.devices, count.undecided, count.steps
        );
    }
    text
}

fn read(text: &str) -> Recorded {
    let mut lines = text.lines();
    let compiler = lines.next().unwrap_or_default().to_owned();
    let mut counts = BTreeMap::new();
    for line in lines.skip(1) {
        let cells: Vec<&str> = line.split('\t').collect();
        let [name, fits, devices, undecided, steps, instructions] = cells.as_slice() else {
            continue;
        };
        let number = |cell: &str| cell.parse::<usize>().unwrap_or_default();
        let count = Count {
            tally: Tally {
                fits: number(fits),
                devices: number(devices),
            },
            undecided: number(undecided),
            steps: steps.parse().unwrap_or_default(),
            instructions: instructions.parse().ok(),
        };
        counts.insert((*name).to_owned(), count);
    }
    Recorded { compiler, counts }
}

fn compare(
    known: &BTreeMap<String, Count>,
    counts: &BTreeMap<String, Count>,
) -> Result<(), String> {
    let mut faults = Vec::new();
    let mut better = 0;
    for (name, now) in counts {
        let Some(before) = known.get(name) else {
            faults.push(format!("{name}: not recorded"));
            continue;
        };
        let answer = |count: &Count| (count.tally.fits, count.tally.devices);
        if before.undecided == 0 && answer(before) != answer(now)
            || now.undecided > before.undecided
        {
            faults.push(format!("{name}: {now:?}, recorded is {before:?}"));
        }
        if now.steps > before.steps {
            faults.push(format!(
                "{name}: {} steps, {} recorded",
                now.steps, before.steps
            ));
        }
        if let (Some(now), Some(before)) = (now.instructions, before.instructions)
            && now > before + before / PART
        {
            faults.push(format!("{name}: {now} instructions, {before} recorded"));
        }
        better += usize::from(now.steps < before.steps);
    }
    println!(
        "{} rows counted, {better} with fewer steps than recorded",
        counts.len()
    );
    if faults.is_empty() {
        return Ok(());
    }
    Err(format!(
        "{}\n`cargo bench --bench side_by_side -- --record` records what is meant to change",
        faults.join("\n")
    ))
}
