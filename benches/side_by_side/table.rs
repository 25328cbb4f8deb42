//! A line of the table: the samples of a row, their medians, and whether the goal is reached.

use crate::run::Tally;
use crate::scenarios::{Goal, Row, Work};

/// Samples of a row.
pub(crate) struct Line {
    name: String,
    goal: Goal,
    unit: Unit,
    pub(crate) go: Vec<f64>,
    pub(crate) ours: Vec<f64>,
    /// Whether the time is that of some nodes, scaled to all.
    pub(crate) is_go_scaled: bool,
    pub(crate) tally: Tally,
    pub(crate) undecided: usize,
    pub(crate) note: String,
}

#[derive(Clone, Copy)]
enum Unit {
    Time,
    TimePerPod,
    Bytes,
}

/// A third more is noise where two rows are to be the same.
const SAME: f64 = 1.33;

impl Line {
    pub(crate) fn new(row: &Row) -> Self {
        let unit = match row.work {
            Work::FirstInTurn | Work::FirstInTurnFromPython | Work::AllInTurn => Unit::TimePerPod,
            Work::Memory => Unit::Bytes,
            _ => Unit::Time,
        };
        Self {
            name: row.name.clone(),
            goal: row.goal.clone(),
            unit,
            go: Vec::new(),
            ours: Vec::new(),
            is_go_scaled: false,
            tally: Tally::default(),
            undecided: 0,
            note: String::new(),
        }
    }

    /// The head of the table.
    pub(crate) fn head() -> String {
        columns(&[
            "row", "Go", "ours", "ratio", "spread", "goal", "reached", "answers",
        ])
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn median(&self) -> f64 {
        median(&self.ours)
    }

    /// The line as text; `before` are the lines printed already.
    pub(crate) fn text(&self, before: &[Self]) -> String {
        let go = self.written(&self.go, self.is_go_scaled);
        let ours = self.written(&self.ours, false);
        let ratio = self
            .ratio()
            .map_or(String::from("-"), |ratio| format!("{ratio:.1}x"));
        let spread = format!("{} {}", spread(&self.go), spread(&self.ours));
        let mut answers = format!("{} fit, {} devices", self.tally.fits, self.tally.devices);
        if self.undecided > 0 {
            answers = format!("{} undecided", self.undecided);
        }
        if !self.note.is_empty() {
            answers = format!("{answers}; {}", self.note);
        }
        columns(&[
            &self.name,
            &go,
            &ours,
            &ratio,
            &spread,
            &self.goal(),
            self.reached(before),
            &answers,
        ])
    }

    fn ratio(&self) -> Option<f64> {
        let known = !self.go.is_empty() && !self.ours.is_empty();
        known.then(|| median(&self.go) / median(&self.ours))
    }

    fn written(&self, samples: &[f64], is_scaled: bool) -> String {
        if samples.is_empty() {
            return "-".to_owned();
        }
        let mark = if is_scaled { "~" } else { "" };
        let value = median(samples);
        match self.unit {
            Unit::Time => format!("{mark}{}", time(value)),
            Unit::TimePerPod => format!("{mark}{}/pod", time(value)),
            Unit::Bytes => format!("{value:.0} B"),
        }
    }

    fn goal(&self) -> String {
        match &self.goal {
            Goal::Times(times) => format!(">= {times:.0}x"),
            Goal::Within(limit) => format!("< {}", time(limit.as_nanos() as f64)),
            Goal::Rate(rate) => format!(">= {rate:.0}/s"),
            Goal::Bytes(bytes) => format!("<= {bytes:.0} B"),
            Goal::SameAs(_) => "no effect".to_owned(),
            Goal::None => "-".to_owned(),
        }
    }

    fn reached(&self, before: &[Self]) -> &'static str {
        let ours = self.median();
        let reached = match &self.goal {
            _ if self.undecided > 0 => Some(false),
            Goal::Times(times) => self.ratio().map(|ratio| ratio >= *times),
            Goal::Within(limit) => Some(ours < limit.as_nanos() as f64),
            Goal::Rate(rate) => Some(1e9 / ours >= *rate),
            Goal::Bytes(bytes) => Some(ours <= *bytes),
            Goal::SameAs(name) => {
                let other = before.iter().find(|line| line.name() == name);
                other.map(|other| ours <= SAME * other.median())
            }
            Goal::None => None,
        };
        match reached {
            Some(true) => "yes",
            Some(false) => "NO",
            None => "-",
        }
    }
}

/// The sample in the middle.
pub(crate) fn median(samples: &[f64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// How far the samples lie apart, in percent of the median.
fn spread(samples: &[f64]) -> String {
    let most = samples.iter().copied().fold(f64::MIN, f64::max);
    let least = samples.iter().copied().fold(f64::MAX, f64::min);
    if samples.is_empty() {
        return "-".to_owned();
    }
    format!("{:.0}%", 100.0 * (most - least) / median(samples))
}

fn time(nanos: f64) -> String {
    match nanos {
        n if n < 1e3 => format!("{n:.0} ns"),
        n if n < 1e6 => format!("{:.1} us", n / 1e3),
        n if n < 1e9 => format!("{:.1} ms", n / 1e6),
        n => format!("{:.1} s", n / 1e9),
    }
}

fn columns(cells: &[&str; 8]) -> String {
    let [name, go, ours, ratio, spread, goal, reached, answers] = cells;
    format!(
        "{name:<58} {go:>14} {ours:>14} {ratio:>10} {spread:>10} {goal:>12} {reached:>7}  {answers}"
    )
}
