//! One row: both engines asked in turn about the same documents, and their answers compared.
//!
//! Start at [`run`].

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::go::{self, Process};
use crate::ours::{self, Cluster};
use crate::scenarios::world::{World, spread};
use crate::scenarios::{Go, Row, Work};
use crate::{memory, table::Line};

/// How often, and for how long, a row is sampled.
pub(crate) struct Effort {
    pub(crate) samples: usize,
    /// A row that has taken this long takes no more samples.
    pub(crate) patience: Duration,
    /// Steps that a node may cost.
    pub(crate) steps: u64,
}

/// What was answered: nodes or pods that fit, devices given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) fits: usize,
    pub(crate) devices: usize,
}

/// A sample of ours: the time of a unit of the row, and what was answered.
#[derive(Default)]
struct Sample {
    nanos: f64,
    tally: Tally,
    undecided: usize,
}

/// Pods from one that is timed to the next on the upstream side.
const GO_STRIDE: usize = 50;
const COMPILATIONS: usize = 200;
/// Commits in a sample, each with the question after it: a single one would mostly measure how a processor wakes up that
/// slept while upstream was at work (40 ms of sleep alone make 11 us of a question 70).
const COMMITS: usize = 8;

/// Samples a row until it is known well enough.
pub(crate) fn run(row: &Row, oracle: Option<&Path>, effort: &Effort) -> Result<Line, String> {
    let world = (row.world)();
    let nodes = world.nodes();
    let mut line = Line::new(row);
    let mut upstream = match oracle {
        Some(oracle) => start(row, &world, oracle, &mut line)?,
        None => None,
    };
    let mut ours = Ours {
        row,
        world: &world,
        nodes: &nodes,
        steps: effort.steps,
        python: None,
        standing: None,
        round: 0,
    };
    // The first sample compiles selectors, for the rest of the process as with us, and warms up; its answer is the one
    // compared.
    let theirs = upstream.as_mut().map(Process::sample).transpose()?;
    let begun = Instant::now();
    for index in 0..effort.samples {
        if index >= 1 && begun.elapsed() > effort.patience {
            break;
        }
        if let Some(upstream) = &mut upstream {
            let sample = upstream.sample()?;
            line.go.push(scaled(row, &sample, nodes.len()));
        }
        let sample = ours.sample()?;
        line.ours.push(sample.nanos);
        line.tally = sample.tally;
        line.undecided = sample.undecided;
    }
    if let Some(theirs) = theirs {
        compare(row, &world, &theirs, &line)?;
    }
    Ok(line)
}

/// So many of the nodes, evenly spread.
fn named(nodes: &[String], count: usize) -> Vec<String> {
    let positions = spread(count, nodes.len()).into_iter();
    positions.map(|index| nodes[index].clone()).collect()
}

fn start(
    row: &Row,
    world: &World,
    oracle: &Path,
    line: &mut Line,
) -> Result<Option<Process>, String> {
    let (work, expression) = match &row.work {
        Work::Each | Work::EachCold | Work::EachAgain => ("each", ""),
        Work::FirstInTurn | Work::FirstInTurnFromPython => ("first", ""),
        Work::AllInTurn => ("all", ""),
        Work::Evaluate(expression) => ("evaluate", expression.as_str()),
        Work::Compile(expression) => ("compile", expression.as_str()),
        Work::Memory => return Ok(None),
    };
    let case = |world: &World, ask: &[String]| {
        world
            .case(&json!({"work": work, "ask": ask, "stride": GO_STRIDE, "expression": expression}))
    };
    let scenario = match &row.go {
        Go::Nothing => return Ok(None),
        Go::Nodes(count) => {
            line.is_go_scaled = work == "each" && *count < world.machines.len();
            case(world, &named(&world.nodes(), *count))
        }
        Go::Other(world, note) => {
            line.note = format!("upstream {note}");
            let world = world();
            case(&world, &world.nodes())
        }
    };
    let mut program = Command::new(oracle);
    program.arg("time");
    Process::start(program, &scenario).map(Some)
}

/// The time of a unit of the row: of all nodes, of one pod, of one evaluation.
fn scaled(row: &Row, sample: &go::Sample, nodes: usize) -> f64 {
    let unit = sample.nanos / sample.units.max(1) as f64;
    match (&row.work, &row.go) {
        (Work::Each | Work::EachCold | Work::EachAgain, Go::Nodes(_)) => unit * nodes as f64,
        (Work::Each | Work::EachCold | Work::EachAgain, _) => sample.nanos,
        _ => unit,
    }
}

struct Ours<'a> {
    row: &'a Row,
    world: &'a World,
    nodes: &'a [String],
    steps: u64,
    python: Option<Process>,
    /// The cluster that was asked before, where that counts.
    standing: Option<Cluster>,
    round: usize,
}

impl Ours<'_> {
    fn sample(&mut self) -> Result<Sample, String> {
        match &self.row.work {
            Work::Each => self.asked(&Cluster::read(self.world, self.steps)),
            Work::EachCold => {
                let cluster = Cluster::read(self.world, self.steps);
                memory::make_cold();
                self.asked(&cluster)
            }
            Work::EachAgain => self.asked_again(),
            Work::FirstInTurn | Work::AllInTurn => Ok(self.turn()),
            Work::FirstInTurnFromPython => self.turn_of_python(),
            Work::Evaluate(expression) => {
                let cluster = self
                    .standing
                    .get_or_insert_with(|| Cluster::read(self.world, self.steps));
                let (fits, units, time) = cluster.evaluate(expression);
                Ok(per_unit(time, units, Tally { fits, devices: 0 }))
            }
            Work::Compile(expression) => {
                let (fits, time) = ours::compile(expression, COMPILATIONS);
                Ok(per_unit(time, COMPILATIONS, Tally { fits, devices: 0 }))
            }
            Work::Memory => {
                let devices = memory::devices(self.world);
                let bytes = memory::each(self.world)?;
                Ok(Sample {
                    nanos: bytes.ok_or("resident memory is not known here")?,
                    tally: Tally { fits: 0, devices },
                    undecided: 0,
                })
            }
        }
    }

    fn asked(&self, cluster: &Cluster) -> Result<Sample, String> {
        let (answers, time) = cluster.each(self.nodes);
        if let Some(error) = answers.error {
            return Err(format!("ours: {error}"));
        }
        Ok(Sample {
            nanos: time.as_nanos() as f64,
            tally: answers.tally,
            undecided: answers.undecided,
        })
    }

    /// The mean of some questions, each after another commit; every sample begins with the cluster as it was read.
    fn asked_again(&mut self) -> Result<Sample, String> {
        let standing = self.standing.take().unwrap_or_else(|| {
            let cluster = Cluster::read(self.world, self.steps);
            cluster.each(self.nodes);
            cluster
        });
        let mut last: Option<Cluster> = None;
        let mut all = Sample::default();
        for _ in 0..COMMITS {
            let before = last.as_ref().unwrap_or(&standing);
            let cluster = before.after_commit(self.nodes, self.round)?;
            self.round += 1;
            let sample = self.asked(&cluster)?;
            all.nanos += sample.nanos / COMMITS as f64;
            all.undecided += sample.undecided;
            all.tally = sample.tally;
            last = Some(cluster);
        }
        self.standing = Some(standing);
        Ok(all)
    }

    fn turn_of_python(&mut self) -> Result<Sample, String> {
        let mut python = if let Some(python) = self.python.take() {
            python
        } else {
            let program = go::python().ok_or("`make wheel` builds our Python package")?;
            Process::start(program, &self.world.case(&json!({"ask": self.nodes})))?
        };
        let sample = python.sample()?;
        self.python = Some(python);
        let (fits, devices) = (sample.fits, sample.devices);
        Ok(Sample {
            nanos: sample.nanos / sample.units as f64,
            tally: Tally { fits, devices },
            undecided: 0,
        })
    }

    fn turn(&self) -> Sample {
        let cluster = Cluster::read(self.world, self.steps);
        let most = memory::devices(self.world) + 1;
        let turn = match self.row.work {
            Work::FirstInTurn => cluster.first_in_turn(most),
            _ => cluster.all_in_turn(most, GO_STRIDE),
        };
        let (fits, devices) = (turn.fits, turn.devices);
        per_unit(turn.time, turn.pods, Tally { fits, devices })
    }
}

fn per_unit(time: Duration, units: usize, tally: Tally) -> Sample {
    Sample {
        nanos: time.as_nanos() as f64 / units as f64,
        tally,
        undecided: 0,
    }
}

/// Fails if the engines do not agree on the documents that both were asked about.
fn compare(row: &Row, world: &World, theirs: &go::Sample, line: &Line) -> Result<(), String> {
    let theirs = Tally {
        fits: theirs.fits,
        devices: theirs.devices,
    };
    let ours = match (&row.work, &row.go) {
        (Work::Each | Work::EachCold | Work::EachAgain, Go::Nodes(count)) => {
            let nodes = named(&world.nodes(), *count);
            Cluster::read(world, ours::STEPS).each(&nodes).0.tally
        }
        (Work::Each, Go::Other(world, _)) => {
            let world = world();
            Cluster::read(&world, ours::STEPS)
                .each(&world.nodes())
                .0
                .tally
        }
        // How often an expression is compiled differs.
        (Work::Compile(_), _) => return Ok(()),
        _ => line.tally,
    };
    if ours == theirs {
        return Ok(());
    }
    Err(format!(
        "{}: upstream answers {theirs:?}, we {ours:?}",
        row.name
    ))
}
