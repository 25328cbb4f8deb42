//! The scenarios of the table that compares the engine with the upstream allocator: what is asked, of which world, and
//! what is to be reached.
//!
//! Seeded, so that every run builds the same bytes; worlds are built when a row is run. Never asks an engine. Start at
//! [`rows`].

pub(crate) mod families;
pub(crate) mod hgx;
pub(crate) mod mig;
pub(crate) mod random;
pub(crate) mod turn;
pub(crate) mod world;

use std::time::Duration;

use families::FAMILIES;
use hgx::{Hgx, Layout};
use mig::Mig;
use world::World;

/// Builds a world.
pub(crate) type Build = Box<dyn Fn() -> World>;

/// One line of the table.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) work: Work,
    pub(crate) goal: Goal,
    pub(crate) world: Build,
    pub(crate) go: Go,
}

/// What is timed.
#[derive(Clone)]
pub(crate) enum Work {
    /// Every node is asked; nothing is cached.
    Each,
    /// The same, with all memory made cold before.
    EachCold,
    /// Every node is asked again after one commit, several times in a row.
    EachAgain,
    /// Pod after pod takes the first node that fits, until all is full.
    FirstInTurn,
    /// The same from Python, with every answer as a dict.
    FirstInTurnFromPython,
    /// Pod after pod asks all nodes and takes the first that fits, until all is full.
    AllInTurn,
    /// An expression is evaluated on every device.
    Evaluate(String),
    /// An expression is compiled.
    Compile(String),
    /// The world is read; what counts is how much memory it takes.
    Memory,
}

/// What is to be reached.
#[derive(Clone)]
pub(crate) enum Goal {
    /// So many times as fast as upstream.
    Times(f64),
    /// Less than this.
    Within(Duration),
    /// So many a second.
    Rate(f64),
    /// At most so many bytes for each device.
    Bytes(f64),
    /// No slower than another row, which comes before; a third more counts as noise.
    SameAs(String),
    /// Nothing; the row is there to be compared with.
    None,
}

/// What upstream is asked.
pub(crate) enum Go {
    /// So many nodes of the same world, evenly spread; the time is that of all.
    Nodes(usize),
    /// Another world, as this says.
    Other(Build, String),
    /// Nothing.
    Nothing,
}

/// How large the worlds are.
#[derive(Clone)]
pub(crate) struct Sizes {
    pub(crate) hgx_nodes: usize,
    pub(crate) mig_nodes: usize,
    pub(crate) mig_distinct_nodes: usize,
    pub(crate) shares: usize,
    pub(crate) turn_nodes: usize,
    /// Nodes that upstream is asked where it needs long for each.
    pub(crate) go_nodes: usize,
}

impl Sizes {
    /// Those of the table.
    pub(crate) const FULL: Self = Self {
        hgx_nodes: 5_000,
        mig_nodes: 512,
        mig_distinct_nodes: 128,
        shares: 40_000,
        turn_nodes: 500,
        go_nodes: 32,
    };
    /// For a look in between.
    pub(crate) const QUICK: Self = Self {
        hgx_nodes: 500,
        mig_nodes: 64,
        mig_distinct_nodes: 16,
        shares: 4_000,
        turn_nodes: 50,
        go_nodes: 8,
    };
    /// For counting.
    pub(crate) const SMALL: Self = Self {
        hgx_nodes: 24,
        mig_nodes: 2,
        mig_distinct_nodes: 2,
        shares: 100,
        turn_nodes: 4,
        go_nodes: 2,
    };
}

/// GPUs of a machine, and devices of a machine of the rows with pods in turn.
const GPUS: usize = 8;
/// States of nodes that are called few.
const STATES: usize = 64;

/// Machines of so many GPUs each, most of them free, and a claim for so many.
pub(crate) fn hgx_world(nodes: usize, gpus: usize, count: usize) -> World {
    let hgx = Hgx {
        nodes,
        gpus,
        layout: Layout::Named,
        held: hgx::Held::Empty,
    };
    hgx.world(count, hgx::PRODUCT_SELECTOR)
}

/// All rows, in the order of the table.
pub(crate) fn rows(sizes: &Sizes) -> Vec<Row> {
    let mut rows = hgx_rows(sizes);
    rows.extend(layout_rows(sizes));
    rows.extend(mig_rows(sizes));
    rows.extend(share_rows(sizes));
    rows.extend(family_rows());
    rows.extend(turn::rows(sizes));
    rows.extend(selector_rows(sizes));
    rows
}

fn hgx_rows(sizes: &Sizes) -> Vec<Row> {
    let nodes = sizes.hgx_nodes;
    let cases = [
        ("empty", hgx::Held::Empty, 1, hgx::PRODUCT_SELECTOR),
        (
            "half of each node held",
            hgx::Held::HalfOfEach,
            1,
            hgx::PRODUCT_SELECTOR,
        ),
        (
            "half the nodes full",
            hgx::Held::HalfFull,
            1,
            hgx::PRODUCT_SELECTOR,
        ),
        ("full", hgx::Held::Full, 1, hgx::PRODUCT_SELECTOR),
        (
            "selector matches nothing",
            hgx::Held::Empty,
            1,
            hgx::NOTHING_SELECTOR,
        ),
        ("count 8", hgx::Held::Empty, 8, hgx::PRODUCT_SELECTOR),
        (
            "memory.compareTo",
            hgx::Held::Empty,
            1,
            hgx::MEMORY_SELECTOR,
        ),
    ];
    let mut rows = Vec::new();
    for (name, held, count, selector) in cases {
        for (suffix, work, times) in [
            ("", Work::Each, 100.0),
            (", again after a commit", Work::EachAgain, 1_000.0),
        ] {
            rows.push(Row {
                name: format!("hgx {nodes}: {name}{suffix}"),
                work,
                goal: Goal::Times(times),
                world: hgx_build(nodes, Layout::Named, held, count, selector),
                go: Go::Nodes(nodes),
            });
        }
    }
    rows
}

fn hgx_build(
    nodes: usize,
    layout: Layout,
    held: hgx::Held,
    count: usize,
    selector: &'static str,
) -> Build {
    Box::new(move || {
        let hgx = Hgx {
            nodes,
            gpus: GPUS,
            layout,
            held,
        };
        hgx.world(count, selector)
    })
}

fn layout_rows(sizes: &Sizes) -> Vec<Row> {
    let nodes = sizes.hgx_nodes;
    [
        ("nodeSelector slices", Layout::Selected),
        ("one pool", Layout::OnePool),
    ]
    .into_iter()
    .flat_map(|(name, layout)| {
        [
            ("empty", hgx::Held::Empty),
            ("half of each node held", hgx::Held::HalfOfEach),
        ]
        .map(|(held_name, held)| Row {
            name: format!("hgx {nodes}, {name}: {held_name}"),
            work: Work::Each,
            goal: Goal::Times(1_000.0),
            world: hgx_build(nodes, layout, held, 1, hgx::PRODUCT_SELECTOR),
            go: Go::Nodes(sizes.go_nodes),
        })
    })
    .collect()
}

fn mig_rows(sizes: &Sizes) -> Vec<Row> {
    let mut rows = Vec::new();
    for (states_name, nodes, states, times) in [
        ("64 states", sizes.mig_nodes, STATES, 1_000.0),
        (
            "all distinct",
            sizes.mig_distinct_nodes,
            sizes.mig_distinct_nodes,
            20.0,
        ),
    ] {
        for profile in ["1g.10gb", "3g.40gb"] {
            for (held, held_name) in mig::Held::ALL {
                let mig = Mig {
                    nodes,
                    held,
                    states: states.min(nodes),
                };
                rows.push(Row {
                    name: format!("MIG {nodes}, {states_name}, {}: {held_name}", &profile[..2]),
                    work: Work::Each,
                    goal: Goal::Times(times),
                    world: Box::new(move || mig.world(profile)),
                    go: Go::Nodes(nodes),
                });
            }
        }
    }
    rows
}

/// Dynamic MIG nodes, and claims elsewhere that hold shares or, in the row to compare with, nothing. Memory is made cold in
/// both, or it would be compared how much of it reading the claims has taken.
fn share_rows(sizes: &Sizes) -> Vec<Row> {
    let nodes = sizes.mig_distinct_nodes;
    let most = sizes.shares;
    let row = |shares: usize, goal| Row {
        name: format!("MIG {nodes}, {shares} shares held elsewhere"),
        work: Work::EachCold,
        goal,
        world: Box::new(move || {
            let mig = Mig {
                nodes,
                held: mig::Held::Empty,
                states: nodes,
            };
            let mut world = mig.world("1g.10gb");
            turn::hold_shares(&mut world, shares, most);
            world
        }) as Build,
        go: Go::Nodes(sizes.go_nodes),
    };
    let without = row(0, Goal::None);
    let goal = Goal::SameAs(without.name.clone());
    vec![without, row(sizes.shares, goal)]
}

fn family_rows() -> Vec<Row> {
    FAMILIES
        .iter()
        .map(|family| {
            let world = family.world;
            let (size, go_size) = (family.size, family.go_size);
            Row {
                name: format!("unfit {} (n={size})", family.name),
                work: Work::Each,
                goal: Goal::Within(Duration::from_millis(1)),
                world: Box::new(move || world(size)),
                go: Go::Other(Box::new(move || world(go_size)), format!("n={go_size}")),
            }
        })
        .collect()
}

fn selector_rows(sizes: &Sizes) -> Vec<Row> {
    let devices = sizes.hgx_nodes.min(500);
    let nodes = sizes.hgx_nodes;
    let row = |name: String, work, goal, world, go| Row {
        name,
        work,
        goal,
        world,
        go,
    };
    let world = |nodes| Box::new(move || hgx_world(nodes, GPUS, 1)) as Build;
    let mut rows = Vec::new();
    for (name, expression) in [
        ("productName ==", hgx::PRODUCT_SELECTOR),
        ("memory.compareTo", hgx::MEMORY_SELECTOR),
        ("version.compareTo", hgx::VERSION_SELECTOR),
    ] {
        let evaluate = Work::Evaluate(expression.to_owned());
        let compile = Work::Compile(expression.to_owned());
        let goal = |nanos| Goal::Within(Duration::from_nanos(nanos));
        let name = |what: &str| format!("CEL {what}: {name}");
        rows.push(row(
            name("evaluate"),
            evaluate,
            goal(150),
            world(devices),
            Go::Nodes(1),
        ));
        rows.push(row(
            name("compile"),
            compile,
            goal(10_000),
            world(1),
            Go::Nodes(1),
        ));
    }
    let uuid = Box::new(move || {
        let hgx = Hgx {
            nodes,
            gpus: GPUS,
            layout: Layout::Named,
            held: hgx::Held::Empty,
        };
        hgx.world(1, &hgx::uuid_selector(nodes, GPUS))
    });
    let within = Goal::Within(Duration::from_millis(10));
    let name = format!("{} devices, selector reads the uuid", nodes * GPUS);
    rows.push(row(name, Work::Each, within, uuid, Go::Nodes(nodes)));
    let name = format!("memory, {} devices", nodes * GPUS);
    rows.push(row(
        name,
        Work::Memory,
        Goal::Bytes(1024.0),
        world(nodes),
        Go::Nothing,
    ));
    rows
}
