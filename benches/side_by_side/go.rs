//! An allocator in a process of its own, which reads one scenario and gives a sample when asked: upstream, or ours
//! through Python.
//!
//! Never interprets what it answers beyond the numbers. Start at [`Process::start`].

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

/// A sample: the time of all units together, and what was answered.
#[derive(Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) nanos: f64,
    pub(crate) units: usize,
    pub(crate) fits: usize,
    pub(crate) devices: usize,
}

/// A running allocator.
pub(crate) struct Process {
    child: Child,
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    file: PathBuf,
}

/// The upstream allocator, where `make oracle` puts it.
pub(crate) fn oracle() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("build/oracle");
    path.exists().then_some(path)
}

/// Our package in Python, where `make wheel` puts it.
pub(crate) fn python() -> Option<Command> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = root.join(".venv/bin/python");
    python.exists().then(|| {
        let mut command = Command::new(python);
        command.arg(root.join("benches/in_turn.py"));
        command
    })
}

/// Numbers the files.
fn next() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl Process {
    /// Starts a program on a scenario, whose file becomes its last argument.
    pub(crate) fn start(mut program: Command, scenario: &str) -> Result<Self, String> {
        let failed = |what: &str, error: std::io::Error| format!("{what}: {error}");
        let file =
            std::env::temp_dir().join(format!("scenario-{}-{}.json", std::process::id(), next()));
        std::fs::write(&file, scenario).map_err(|e| failed("write the scenario", e))?;
        let mut child = program
            .arg(&file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| failed("start the allocator", e))?;
        let questions = child.stdin.take();
        let answers = child.stdout.take().ok_or("the allocator has no output")?;
        Ok(Self {
            child,
            questions,
            answers: BufReader::new(answers),
            file,
        })
    }

    /// Takes one sample.
    pub(crate) fn sample(&mut self) -> Result<Sample, String> {
        let questions = self.questions.as_mut().ok_or("the allocator has ended")?;
        questions
            .write_all(b"sample\n")
            .map_err(|e| e.to_string())?;
        let mut line = String::new();
        self.answers
            .read_line(&mut line)
            .map_err(|e| e.to_string())?;
        let answer: Value = serde_json::from_str(&line).map_err(|_| "the allocator has ended")?;
        if let Some(error) = answer["error"].as_str() {
            return Err(format!("an allocator in a process of its own: {error}"));
        }
        let number = |field: &str| {
            let value = answer[field]
                .as_u64()
                .and_then(|value| usize::try_from(value).ok());
            value.ok_or(format!("the allocator gives no {field}"))
        };
        Ok(Sample {
            nanos: answer["nanos"]
                .as_f64()
                .ok_or("the allocator gives no time")?,
            units: number("units")?,
            fits: number("fits")?,
            devices: number("devices")?,
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Without questions it ends by itself.
        drop(self.questions.take());
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.file);
    }
}
