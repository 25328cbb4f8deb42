//! Both engines on the same documents, one line for each row of the table.
//!
//! `make bench` runs all of it; `cargo bench --bench side_by_side -- WORD …` runs the rows whose names contain all the
//! words. `--quick` takes smaller worlds, `--list` names the rows, `--samples N` takes more or fewer samples,
//! `--counts` compares counts of steps and instructions with the recorded ones instead of timing, and `--record` records
//! them. Start at [`run::run`] for a row, at [`ours`] for what is asked of our engine, and at `scenarios` for the worlds.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for people"
)]
#![expect(
    clippy::cast_precision_loss,
    reason = "figures of a report, far below 2^52"
)]

mod clock;
mod counts;
mod go;
mod memory;
mod ours;
mod run;
#[path = "../scenarios/mod.rs"]
mod scenarios;
mod table;

use std::process::ExitCode;
use std::time::Duration;

use run::Effort;
use scenarios::{Row, Sizes};
use table::Line;

/// What was asked for on the command line.
#[derive(Default)]
struct Wishes {
    words: Vec<String>,
    is_quick: bool,
    is_list: bool,
    samples: Option<usize>,
    counts: Option<counts::Mode>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, file] = arguments.as_slice()
        && flag == memory::CHILD
    {
        println!(
            "{}",
            memory::child(file).map_or(String::new(), |kib| kib.to_string())
        );
        return ExitCode::SUCCESS;
    }
    let done = wishes(arguments).and_then(|wishes| match wishes.counts {
        Some(mode) => counts::run(mode, &wishes.words),
        None => time(&wishes),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn wishes(arguments: Vec<String>) -> Result<Wishes, String> {
    let mut wishes = Wishes::default();
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            // What cargo says to every bench.
            "--bench" => {}
            "--quick" => wishes.is_quick = true,
            "--list" => wishes.is_list = true,
            "--counts" => wishes.counts = Some(counts::Mode::Compare),
            "--test" => wishes.counts = Some(counts::Mode::Steps),
            "--record" => wishes.counts = Some(counts::Mode::Record),
            counts::CHILD => wishes.counts = Some(counts::Mode::Child),
            "--samples" => {
                let number = arguments.next().and_then(|number| number.parse().ok());
                wishes.samples = Some(number.ok_or("--samples needs a number")?);
            }
            flag if flag.starts_with('-') => return Err(format!("unknown argument {flag}")),
            _ => wishes.words.push(argument),
        }
    }
    Ok(wishes)
}

/// The rows whose names contain all the words.
fn chosen(sizes: &Sizes, words: &[String]) -> Vec<Row> {
    let mut rows = scenarios::rows(sizes);
    rows.retain(|row| words.iter().all(|word| row.name.contains(word)));
    rows
}

fn time(wishes: &Wishes) -> Result<(), String> {
    let sizes = if wishes.is_quick {
        Sizes::QUICK
    } else {
        Sizes::FULL
    };
    let rows = chosen(&sizes, &wishes.words);
    if wishes.is_list {
        for row in &rows {
            println!("{}", row.name);
        }
        return Ok(());
    }
    let oracle = go::oracle();
    if oracle.is_none() {
        println!(
            "skipped: the upstream allocator, which `make oracle` builds where there is Go; only our side is timed"
        );
    }
    let effort = Effort {
        samples: wishes
            .samples
            .unwrap_or(if wishes.is_quick { 3 } else { 5 }),
        patience: Duration::from_secs(if wishes.is_quick { 1 } else { 8 }),
        steps: if wishes.is_quick {
            ours::STEPS_QUICK
        } else {
            ours::STEPS
        },
    };
    println!("{}", Line::head());
    let mut lines: Vec<Line> = Vec::new();
    for row in &rows {
        if matches!(row.work, scenarios::Work::FirstInTurnFromPython) && go::python().is_none() {
            println!("{}: skipped, no Python package", row.name);
            continue;
        }
        let line = run::run(row, oracle.as_deref(), &effort)?;
        println!("{}", line.text(&lines));
        lines.push(line);
    }
    println!(
        "medians; ~ is the time of some nodes scaled to all; spread is (most - least) / median of Go and of ours; \
         again: a sample is the mean of eight questions, each after another commit; \
         selectors compiled for one sample stay so for the next, in both engines; \
         checksum {} fits, {} devices",
        lines.iter().map(|line| line.tally.fits).sum::<usize>(),
        lines.iter().map(|line| line.tally.devices).sum::<usize>(),
    );
    Ok(())
}
