//! Every call into our engine: the one file to change when its interface changes.
//!
//! Reads worlds, asks, commits, and counts what comes back; knows nothing of rows and tables. Start at [`Cluster`].

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use gpualloc::allocation::{
    Answer, Fate, Options, Outcome, Survey, allocate_each, allocate_first, survey,
};
use gpualloc::cel::Selector;
use gpualloc::gates::FeatureGates;
use gpualloc::in_turn::InTurn;
use gpualloc::inventory::Inventory;
use gpualloc::wire::claim::ResourceClaim;

use crate::clock::measured;
use crate::run::Tally;
use crate::scenarios::world::World;

/// Steps that a node may cost, as a caller would have it; to look in between; to count.
pub(crate) const STEPS: u64 = gpualloc::allocation::MAX_STEPS;
pub(crate) const STEPS_QUICK: u64 = 1 << 14;
pub(crate) const STEPS_COUNTED: u64 = 1 << 12;

type Claims = Vec<Arc<ResourceClaim>>;

/// An inventory in which no selector has been evaluated and nothing was searched, and the claims asked for.
pub(crate) struct Cluster {
    inventory: Inventory,
    claims: Claims,
    passer_by: Claims,
    options: Options<'static>,
    /// What the nodes came to when they were asked last.
    last: RefCell<Option<Survey>>,
}

/// What a question to several nodes came to.
#[derive(Default)]
pub(crate) struct Answers {
    /// Nodes that fit, and the devices that they would give.
    pub(crate) tally: Tally,
    pub(crate) steps: u64,
    pub(crate) undecided: usize,
    pub(crate) error: Option<String>,
}

/// What pods in turn came to.
#[derive(Default)]
pub(crate) struct Turn {
    /// Pods timed.
    pub(crate) pods: usize,
    pub(crate) time: Duration,
    /// Pods placed; or nodes that fitted the pods compared, where every pod asks all.
    pub(crate) fits: usize,
    pub(crate) devices: usize,
    pub(crate) steps: u64,
}

impl Cluster {
    /// Reads a world; nothing but compiled selectors is remembered from one reading to the next.
    pub(crate) fn read(world: &World, max_steps: u64) -> Self {
        let gates = FeatureGates::default()
            .with("DRAListTypeAttributes", world.has_list_attributes)
            .expect("a gate");
        let inventory = Inventory::from_json(world.documents().as_bytes()).expect("documents");
        inventory.table();
        Self {
            inventory,
            last: RefCell::default(),
            claims: claims(world.claims.iter()),
            passer_by: claims(world.passer_by.iter()),
            options: Options {
                features: gates.features(),
                max_steps,
                ..Options::default()
            },
        }
    }

    /// Which of the nodes can take the claims.
    pub(crate) fn each(&self, nodes: &[String]) -> (Answers, Duration) {
        measured(|| {
            if nodes.len() == self.inventory.table().len() {
                return self.all();
            }
            let mut answers = Answers::default();
            for answer in allocate_each(&self.inventory, nodes, &self.claims, &self.options) {
                answers.steps += answer.steps;
                match &answer.outcome {
                    Outcome::Placed(_) => {
                        answers.tally.fits += 1;
                        answers.tally.devices += devices(&answer);
                    }
                    Outcome::Impossible(_) => {}
                    Outcome::Undecided(_) => answers.undecided += 1,
                    Outcome::Error(error) => answers.error = Some(error.text.clone()),
                }
            }
            answers
        })
    }

    /// All nodes at once.
    fn all(&self) -> Answers {
        let mut last = self.last.borrow_mut();
        let found = survey(&self.inventory, &self.claims, &self.options, last.as_ref());
        // Sums in variables of their own stay in registers; in fields each would wait for the one before in memory.
        let (mut fits, mut devices, mut steps, mut undecided) = (0, 0, 0, 0);
        let mut is_error = false;
        found.verdicts().for_each(|verdict| {
            steps += verdict.steps;
            match verdict.fate {
                Fate::Placed => {
                    fits += 1;
                    devices += verdict.devices as usize;
                }
                Fate::Impossible => {}
                Fate::Undecided => undecided += 1,
                Fate::Error | Fate::Fatal => is_error = true,
            }
        });
        *last = Some(found);
        Answers {
            tally: Tally { fits, devices },
            steps,
            undecided,
            error: is_error.then(|| "on a node".to_owned()),
        }
    }

    /// The same after somebody else's claim was committed on one of the nodes, as good as any that has room.
    pub(crate) fn after_commit(&self, nodes: &[String], round: usize) -> Result<Self, String> {
        let claims: Claims = self
            .passer_by
            .iter()
            .map(|claim| renamed(claim, round))
            .collect();
        let from = (round * 61) % nodes.len();
        let ask = |nodes| allocate_first(&self.inventory, nodes, &claims, &self.options);
        let mut answers = [&nodes[from..], nodes].into_iter().map(ask);
        let answer = answers.find(Answer::is_placed);
        let answer = answer.ok_or("no room for one more; take fewer samples")?;
        Ok(Self {
            inventory: self.inventory.commit(&answer).expect("it was placed"),
            claims: self.claims.clone(),
            passer_by: self.passer_by.clone(),
            options: self.options.clone(),
            last: self.last.clone(),
        })
    }

    /// Places pod after pod on the first node that fits, until none does.
    pub(crate) fn first_in_turn(&self, most: usize) -> Turn {
        let pods = self.pods(most);
        let mut turn = Turn::default();
        let mut cluster = InTurn::new(self.inventory.clone());
        let ((), time) = measured(|| {
            for claims in &pods {
                turn.pods += 1;
                let answer = cluster.place(claims, &self.options);
                if !answer.is_placed() {
                    break;
                }
                turn.fits += 1;
                turn.steps += answer.steps;
                turn.devices += devices(&answer);
            }
        });
        turn.time = time;
        turn
    }

    /// Lets every pod ask all nodes and places it on the first that fits, until none does; nodes that fit are counted for
    /// one pod of `compared`.
    pub(crate) fn all_in_turn(&self, most: usize, compared: usize) -> Turn {
        let pods = self.pods(most);
        let mut turn = Turn::default();
        let mut cluster = InTurn::new(self.inventory.clone());
        let ((), time) = measured(|| {
            for (number, claims) in pods.iter().enumerate() {
                turn.pods += 1;
                let fits = cluster.verdicts(claims, &self.options);
                let fits = fits.filter(|found| found.fate == Fate::Placed).count();
                turn.fits += if number % compared == 0 { fits } else { 0 };
                let answer = cluster.place(claims, &self.options);
                if !answer.is_placed() {
                    break;
                }
                turn.steps += answer.steps;
                turn.devices += devices(&answer);
            }
        });
        turn.time = time;
        turn
    }

    fn pods(&self, most: usize) -> Vec<Claims> {
        (0..most)
            .map(|pod| {
                self.claims
                    .iter()
                    .map(|claim| renamed(claim, pod))
                    .collect()
            })
            .collect()
    }

    /// Evaluates an expression on every device, none of it remembered: how many it selects, of how many.
    pub(crate) fn evaluate(&self, expression: &str) -> (usize, usize, Duration) {
        let selector = Selector::compile(expression).expect("a selector");
        let devices: Vec<_> = self
            .inventory
            .slices()
            .flat_map(|slice| {
                (0..slice.document().spec.devices.len()).map(|index| slice.cel_device(index))
            })
            .collect();
        let (selected, time) = measured(|| {
            let devices = devices.iter().copied();
            devices
                .filter(|device| selector.matches(*device).expect("a verdict"))
                .count()
        });
        (selected, devices.len(), time)
    }
}

/// Compiles an expression so many times.
pub(crate) fn compile(expression: &str, times: usize) -> (usize, Duration) {
    measured(|| {
        let compiled = (0..times).map(|_| Selector::compile(std::hint::black_box(expression)));
        compiled.flatten().count()
    })
}

fn devices(answer: &Answer) -> usize {
    let results = answer.allocations().iter();
    results
        .map(|claim| claim.allocation.devices.results.len())
        .sum()
}

fn claims<'a>(documents: impl Iterator<Item = &'a String>) -> Claims {
    let read = |document: &String| {
        let inventory = Inventory::from_json(document.as_bytes()).expect("a claim");
        inventory.claims().next().cloned().expect("a claim")
    };
    documents.map(read).collect()
}

fn renamed(claim: &ResourceClaim, number: usize) -> Arc<ResourceClaim> {
    let mut claim = claim.clone();
    claim.metadata.name = format!("{}-{number}", claim.metadata.name);
    Arc::new(claim)
}

/// Reads documents and does nothing with them; what comes back keeps the inventory alive.
pub(crate) fn read_only(documents: &[u8]) -> impl Sized + use<> {
    let inventory = Inventory::from_json(documents).expect("documents");
    inventory.table();
    inventory
}
