//! An expression as instructions, and the machine that runs them.
//!
//! The machine keeps all ways to match at once, in order of preference, and reads each character of the text once
//! (Pike's method): no expression makes it slow beyond length of text times length of program. Start at
//! [`Program::compile`] and [`Program::search`].

use super::tree::{Assertion, Kind, NodeId, Set, Tree};

/// An instruction by its index.
type Place = usize;

#[derive(Clone, Copy, Debug)]
enum Instruction {
    Match,
    Char(char, Place),
    /// A character of the set with this index.
    Set(usize, Place),
    Assertion(Assertion, Place),
    /// Two ways, the preferred one first.
    Split(Place, Place),
}

/// A compiled expression.
#[derive(Debug)]
pub(super) struct Program {
    instructions: Vec<Instruction>,
    sets: Vec<Set>,
    start: Place,
}

/// What is left to compile. Instructions are made from the last to the first: `next` is where the one just made goes.
#[derive(Clone, Copy)]
enum Task {
    Node(NodeId),
    /// Keeps what was made for the later alternatives and goes back to what follows them.
    Alternative(Place),
    /// Joins an alternative with the later ones.
    Join,
    /// Ends a loop whose branch is at the place; `enter` says it need not be entered.
    Loop {
        branch: Place,
        exit: Place,
        greedy: bool,
        enter: bool,
    },
    Optional {
        exit: Place,
        greedy: bool,
    },
}

fn split(enter: Place, exit: Place, greedy: bool) -> Instruction {
    if greedy {
        Instruction::Split(enter, exit)
    } else {
        Instruction::Split(exit, enter)
    }
}

struct Compiler<'t> {
    tree: &'t Tree,
    instructions: Vec<Instruction>,
    next: Place,
    tasks: Vec<Task>,
    alternatives: Vec<Place>,
}

impl Program {
    pub(super) fn compile(tree: Tree, root: NodeId) -> Self {
        let mut compiler = Compiler {
            tree: &tree,
            instructions: vec![Instruction::Match],
            next: 0,
            tasks: vec![Task::Node(root)],
            alternatives: Vec::new(),
        };
        while let Some(task) = compiler.tasks.pop() {
            compiler.step(task);
        }
        let (instructions, start) = (compiler.instructions, compiler.next);
        Self {
            instructions,
            sets: tree.into_sets(),
            start,
        }
    }
}

impl Compiler<'_> {
    fn push(&mut self, instruction: Instruction) {
        self.instructions.push(instruction);
        self.next = self.instructions.len() - 1;
    }

    fn step(&mut self, task: Task) {
        match task {
            Task::Node(id) => self.node(id),
            Task::Alternative(after) => {
                self.alternatives.push(self.next);
                self.next = after;
            }
            Task::Join => {
                let later = self.alternatives.pop().unwrap_or(0);
                self.push(Instruction::Split(self.next, later));
            }
            Task::Loop {
                branch,
                exit,
                greedy,
                enter,
            } => {
                let body = self.next;
                let split = split(body, exit, greedy);
                if let Some(instruction) = self.instructions.get_mut(branch) {
                    *instruction = split;
                }
                if enter {
                    self.push(split);
                }
            }
            Task::Optional { exit, greedy } => {
                self.push(split(self.next, exit, greedy));
            }
        }
    }

    fn node(&mut self, id: NodeId) {
        let tree = self.tree;
        let Some(node) = tree.node(id) else {
            return;
        };
        match &node.kind {
            Kind::Empty => {}
            Kind::Char(c) => self.push(Instruction::Char(*c, self.next)),
            Kind::Set(set) => self.push(Instruction::Set(Tree::set_index(*set), self.next)),
            Kind::Assertion(assertion) => self.push(Instruction::Assertion(*assertion, self.next)),
            Kind::Concatenation(children) => {
                self.tasks.extend(children.iter().copied().map(Task::Node));
            }
            Kind::Alternation(children) => {
                let Some((last, earlier)) = children.split_last() else {
                    return;
                };
                for child in earlier {
                    self.tasks.push(Task::Join);
                    self.tasks.push(Task::Node(*child));
                    self.tasks.push(Task::Alternative(self.next));
                }
                self.tasks.push(Task::Node(*last));
            }
            Kind::Repetition {
                node,
                least,
                most,
                greedy,
            } => self.repetition(*node, *least, *most, *greedy),
        }
    }

    /// `x{2,}` is `xx+`, `x{2,4}` is `xx(x(x)?)?`.
    fn repetition(&mut self, node: NodeId, least: u64, most: Option<u64>, greedy: bool) {
        let exit = self.next;
        let Some(most) = most else {
            for _ in 1..least {
                self.tasks.push(Task::Node(node));
            }
            // A branch in front of what may match nothing would prefer nothing forever: it goes behind.
            self.push(Instruction::Match);
            self.tasks.push(Task::Loop {
                branch: self.next,
                exit,
                greedy,
                enter: least == 0,
            });
            self.tasks.push(Task::Node(node));
            return;
        };
        for _ in 0..least {
            self.tasks.push(Task::Node(node));
        }
        for _ in least..most {
            self.tasks.push(Task::Optional { exit, greedy });
            self.tasks.push(Task::Node(node));
        }
    }
}

/// The ways to match that are open at a place in the text, in order of preference.
struct Threads {
    list: Vec<(Place, usize)>,
    /// For each instruction the number of the round in which it was last added.
    seen: Vec<usize>,
    round: usize,
}

impl Threads {
    fn new(length: usize) -> Self {
        Self {
            list: Vec::new(),
            seen: vec![0; length],
            round: 1,
        }
    }

    fn clear(&mut self) {
        self.list.clear();
        self.round += 1;
    }
}

/// What a search works in; kept from one to the next.
pub(super) struct Room {
    current: Threads,
    later: Threads,
    stack: Vec<Place>,
}

/// The characters around a place in the text.
#[derive(Clone, Copy)]
struct Around {
    before: Option<char>,
    after: Option<char>,
}

impl Around {
    fn holds(self, assertion: Assertion) -> bool {
        let word = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
        match assertion {
            Assertion::TextStart => self.before.is_none(),
            Assertion::TextEnd => self.after.is_none(),
            Assertion::LineStart => self.before.is_none_or(|c| c == '\n'),
            Assertion::LineEnd => self.after.is_none_or(|c| c == '\n'),
            Assertion::WordBoundary => word(self.before) != word(self.after),
            Assertion::NotWordBoundary => word(self.before) == word(self.after),
        }
    }
}

impl Program {
    /// Room for searches.
    pub(super) fn room(&self) -> Room {
        Room {
            current: Threads::new(self.instructions.len()),
            later: Threads::new(self.instructions.len()),
            stack: Vec::new(),
        }
    }

    /// The leftmost match that does not begin before `from`, as byte positions. With `any`, the end is that of the
    /// first match found, not of the preferred one.
    pub(super) fn search(
        &self,
        room: &mut Room,
        text: &str,
        from: usize,
        any: bool,
    ) -> Option<(usize, usize)> {
        let tail = text.get(from..)?;
        let Room {
            current,
            later,
            stack,
        } = room;
        current.clear();
        let mut found: Option<(usize, usize)> = None;
        let mut before = text.get(..from)?.chars().next_back();
        let mut places = tail.char_indices();
        loop {
            let position = from + places.offset();
            let after = places.next().map(|(_, c)| c);
            let around = Around { before, after };
            if found.is_none() {
                self.add(current, stack, self.start, position, around);
            }
            later.clear();
            let following = Around {
                before: after,
                after: places.clone().next().map(|(_, c)| c),
            };
            for (place, start) in &current.list {
                match (self.instructions.get(*place), after) {
                    (Some(Instruction::Match), _) => {
                        found = Some((*start, position));
                        break;
                    }
                    (Some(Instruction::Char(wanted, next)), Some(c)) if *wanted == c => {
                        self.add(later, stack, *next, *start, following);
                    }
                    (Some(Instruction::Set(set, next)), Some(c)) if self.has(*set, c) => {
                        self.add(later, stack, *next, *start, following);
                    }
                    _ => {}
                }
            }
            if after.is_none() || (found.is_some() && (any || later.list.is_empty())) {
                return found;
            }
            before = after;
            std::mem::swap(current, later);
        }
    }

    fn has(&self, set: usize, c: char) -> bool {
        let Some(set) = self.sets.get(set) else {
            return false;
        };
        let position = set.ranges.partition_point(|(_, high)| *high < c);
        set.ranges.get(position).is_some_and(|(low, _)| *low <= c)
    }

    /// Adds a place and all that is reached from it without reading.
    fn add(
        &self,
        threads: &mut Threads,
        stack: &mut Vec<Place>,
        place: Place,
        start: usize,
        around: Around,
    ) {
        stack.push(place);
        while let Some(place) = stack.pop() {
            match threads.seen.get_mut(place) {
                Some(seen) if *seen != threads.round => *seen = threads.round,
                _ => continue,
            }
            match self.instructions.get(place) {
                Some(Instruction::Split(first, second)) => {
                    stack.push(*second);
                    stack.push(*first);
                }
                Some(Instruction::Assertion(assertion, next)) if around.holds(*assertion) => {
                    stack.push(*next);
                }
                None | Some(Instruction::Assertion(..)) => {}
                Some(_) => threads.list.push((place, start)),
            }
        }
    }
}
