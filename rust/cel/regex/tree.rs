//! The tree of an expression.
//!
//! Nodes refer to each other by index, so that no depth of nesting costs stack. Never simplified. Start at [`Tree`].

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use regex_syntax::hir::{Class, HirKind};

/// Most instructions Go compiles to.
pub(super) const MOST_SIZE: u64 = (128 << 20) / 40;

/// Highest tree handed to the crate, and the most instructions and classes.
const CRATE_HEIGHT: u32 = 24;
const CRATE_SIZE: u64 = 4000;
const CRATE_SETS: usize = 100;

/// Characters as ranges in order.
pub(super) type Ranges = Arc<[(char, char)]>;

/// A node by its index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NodeId(usize);

/// A set of characters by its index.
#[derive(Clone, Copy, Debug)]
pub(super) struct SetId(usize);

/// A condition on a place between characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Assertion {
    TextStart,
    TextEnd,
    LineStart,
    LineEnd,
    WordBoundary,
    NotWordBoundary,
}

/// A node.
#[derive(Debug)]
pub(super) enum Kind {
    Empty,
    Char(char),
    Set(SetId),
    Assertion(Assertion),
    Concatenation(Vec<NodeId>),
    Alternation(Vec<NodeId>),
    Repetition {
        node: NodeId,
        least: u64,
        most: Option<u64>,
        greedy: bool,
    },
}

/// A node with what the limits look at.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    /// Whether it can match nothing.
    pub(super) nullable: bool,
    /// Instructions it compiles to, about.
    pub(super) size: u64,
    pub(super) height: u32,
    /// The largest product of nested counts in it.
    pub(super) repeats: u64,
    /// For a run of characters: whether case is folded.
    pub(super) literal: Option<bool>,
}

/// A set of characters: its text in the syntax of the `regex` crate, and its ranges in order.
#[derive(Debug)]
pub(super) struct Set {
    text: String,
    pub(super) ranges: Ranges,
}

/// The tree.
#[derive(Debug, Default)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    sets: Vec<Set>,
    set_ids: BTreeMap<String, usize>,
}

impl Tree {
    pub(super) fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(id.0)
    }

    /// Whether the `regex` crate may have it: reading it there takes recursion and, for classes, long.
    pub(super) fn fits_crate(&self, root: NodeId) -> bool {
        let sets = self
            .nodes
            .iter()
            .filter(|node| matches!(node.kind, Kind::Set(_)))
            .count();
        self.node(root).is_some_and(|node| {
            node.height <= CRATE_HEIGHT && node.size <= CRATE_SIZE && sets <= CRATE_SETS
        })
    }

    pub(super) fn into_sets(self) -> Vec<Set> {
        self.sets
    }

    pub(super) fn set_index(id: SetId) -> usize {
        id.0
    }

    fn push(&mut self, node: Node) -> NodeId {
        self.nodes.push(node);
        NodeId(self.nodes.len() - 1)
    }

    fn leaf(kind: Kind, nullable: bool, literal: Option<bool>) -> Node {
        Node {
            kind,
            nullable,
            size: 1,
            height: 1,
            repeats: 1,
            literal,
        }
    }

    pub(super) fn empty(&mut self) -> NodeId {
        self.push(Self::leaf(Kind::Empty, true, None))
    }

    pub(super) fn assertion(&mut self, assertion: Assertion) -> NodeId {
        self.push(Self::leaf(Kind::Assertion(assertion), true, None))
    }

    /// One character, itself or in any case.
    pub(super) fn char(&mut self, c: char, fold_case: bool) -> NodeId {
        // What is neither ASCII nor a letter may still have another case.
        let kind = if fold_case && (c.is_ascii_alphabetic() || !c.is_ascii()) {
            let mut text = String::from("(?i:");
            write_char(&mut text, c);
            text.push(')');
            Kind::Set(self.set(text))
        } else {
            Kind::Char(c)
        };
        self.push(Self::leaf(kind, false, Some(fold_case)))
    }

    /// A class, by its text in the syntax of the `regex` crate.
    pub(super) fn class(&mut self, text: String) -> NodeId {
        let set = self.set(text);
        self.push(Self::leaf(Kind::Set(set), false, None))
    }

    fn set(&mut self, text: String) -> SetId {
        if let Some(index) = self.set_ids.get(&text) {
            return SetId(*index);
        }
        let ranges = ranges(&text);
        let index = self.sets.len();
        self.set_ids.insert(text.clone(), index);
        self.sets.push(Set { text, ranges });
        SetId(index)
    }

    /// What the limits look at, over several children.
    fn over(&self, children: &[NodeId], flat: fn(&Kind) -> bool) -> Node {
        let mut node = Self::leaf(Kind::Empty, true, None);
        node.size = 0;
        let (mut last, mut parts) = (None, 0_u32);
        let mut deepest = 0;
        for child in children.iter().filter_map(|child| self.node(*child)) {
            if child.literal.is_none() || child.literal != last {
                parts = parts.saturating_add(1);
            }
            last = child.literal;
            node.size = node.size.saturating_add(child.size);
            node.repeats = node.repeats.max(child.repeats);
            node.nullable &= child.nullable;
            let below = if flat(&child.kind) {
                child.height.saturating_sub(1)
            } else {
                child.height
            };
            deepest = deepest.max(below);
        }
        node.height = if parts > 1 {
            deepest.saturating_add(1)
        } else {
            deepest.max(1)
        };
        node.size = node.size.max(1);
        node
    }

    /// Nodes that follow each other.
    pub(super) fn concatenation(&mut self, children: Vec<NodeId>) -> NodeId {
        match children.as_slice() {
            [] => self.empty(),
            [only] => *only,
            _ => {
                let node = self.over(&children, |kind| matches!(kind, Kind::Concatenation(_)));
                self.push(Node {
                    kind: Kind::Concatenation(children),
                    ..node
                })
            }
        }
    }

    /// Nodes of which one matches, the first that can.
    pub(super) fn alternation(&mut self, children: Vec<NodeId>) -> NodeId {
        if let [only] = children.as_slice() {
            return *only;
        }
        let mut node = self.over(&children, |kind| matches!(kind, Kind::Alternation(_)));
        node.nullable = children
            .iter()
            .filter_map(|child| self.node(*child))
            .any(|child| child.nullable);
        node.size = node
            .size
            .saturating_add(u64::try_from(children.len()).unwrap_or(u64::MAX) - 1);
        self.push(Node {
            kind: Kind::Alternation(children),
            ..node
        })
    }

    /// A node between parentheses that capture. Nobody asks for what they capture; they count for the limits.
    pub(super) fn capture(&mut self, node: NodeId) -> NodeId {
        let inner = self.over(&[node], |_| false);
        self.push(Node {
            kind: Kind::Concatenation(vec![node]),
            size: inner.size.saturating_add(2),
            height: inner.height.saturating_add(1),
            ..inner
        })
    }

    /// A repeated node. `counted` says it is written with braces.
    pub(super) fn repetition(
        &mut self,
        node: NodeId,
        counted: bool,
        (least, most): (u64, Option<u64>),
        greedy: bool,
    ) -> NodeId {
        let inner = self.over(&[node], |_| false);
        let times = if counted { most.unwrap_or(least) } else { 1 };
        let repeats = match times {
            0 if most.is_some() => 1,
            0 => inner.repeats,
            _ => inner.repeats.saturating_mul(times),
        };
        let size = match (counted, most) {
            (false, None) => inner.size.saturating_add(2),
            (false, Some(_)) => inner.size.saturating_add(1),
            (true, None) => inner.size.saturating_mul(least.max(1)).saturating_add(2),
            (true, Some(most)) => inner
                .size
                .saturating_mul(most)
                .saturating_add(most.saturating_sub(least)),
        };
        self.push(Node {
            kind: Kind::Repetition {
                node,
                least,
                most,
                greedy,
            },
            nullable: least == 0 || inner.nullable,
            size: size.max(1),
            height: inner.height.saturating_add(1),
            repeats,
            literal: None,
        })
    }

    /// The tree in the syntax of the `regex` crate. Recurses: only for trees that are not high.
    pub(super) fn write(&self, id: NodeId, text: &mut String) {
        let Some(node) = self.node(id) else {
            return;
        };
        match &node.kind {
            Kind::Empty => text.push_str("(?:)"),
            Kind::Char(c) => write_char(text, *c),
            Kind::Set(set) => text.push_str(self.sets.get(set.0).map_or("", |set| &set.text)),
            Kind::Assertion(assertion) => text.push_str(match assertion {
                Assertion::TextStart => "\\A",
                Assertion::TextEnd => "\\z",
                Assertion::LineStart => "(?m:^)",
                Assertion::LineEnd => "(?m:$)",
                Assertion::WordBoundary => "(?-u:\\b)",
                Assertion::NotWordBoundary => "(?-u:\\B)",
            }),
            Kind::Concatenation(children) => {
                for child in children {
                    self.write(*child, text);
                }
            }
            Kind::Alternation(children) => {
                text.push_str("(?:");
                for (index, child) in children.iter().enumerate() {
                    if index > 0 {
                        text.push('|');
                    }
                    self.write(*child, text);
                }
                text.push(')');
            }
            Kind::Repetition {
                node,
                least,
                most,
                greedy,
            } => {
                text.push_str("(?:");
                self.write(*node, text);
                text.push(')');
                // Writing to a text cannot fail.
                let _ = match (least, most) {
                    (0, None) => write!(text, "*"),
                    (1, None) => write!(text, "+"),
                    (least, None) => write!(text, "{{{least},}}"),
                    (least, Some(most)) => write!(text, "{{{least},{most}}}"),
                };
                if !greedy {
                    text.push('?');
                }
            }
        }
    }
}

/// Writes one character so that it means only itself, in and out of brackets.
fn write_char(text: &mut String, c: char) {
    if c.is_ascii_alphanumeric() || c == '_' || (!c.is_ascii() && c.is_alphanumeric()) {
        text.push(c);
    } else {
        // Writing to a text cannot fail.
        let _ = write!(text, "\\x{{{:X}}}", u32::from(c));
    }
}

/// Classes kept by [`ranges`]; all are forgotten when there are more.
const MOST_KEPT: usize = 256;

thread_local! {
    /// Reading a Unicode class takes long, and an expression made at run time is compiled again and again.
    static KEPT: RefCell<BTreeMap<String, Ranges>> = const { RefCell::new(BTreeMap::new()) };
}

/// The characters of a class.
fn ranges(text: &str) -> Ranges {
    if let Some(ranges) = KEPT.with_borrow(|kept| kept.get(text).cloned()) {
        return ranges;
    }
    let ranges: Ranges = read_ranges(text).into();
    KEPT.with_borrow_mut(|kept| {
        if kept.len() >= MOST_KEPT {
            kept.clear();
        }
        kept.insert(text.to_owned(), Arc::clone(&ranges));
    });
    ranges
}

/// The texts are this module's own and always parse; an empty set stands for what does not.
fn read_ranges(text: &str) -> Vec<(char, char)> {
    let Ok(parsed) = regex_syntax::parse(text) else {
        return Vec::new();
    };
    match parsed.kind() {
        HirKind::Class(Class::Unicode(class)) => class
            .ranges()
            .iter()
            .map(|range| (range.start(), range.end()))
            .collect(),
        HirKind::Class(Class::Bytes(class)) => {
            let ranges = class.ranges().iter();
            ranges
                .map(|range| (char::from(range.start()), char::from(range.end())))
                .collect()
        }
        HirKind::Literal(literal) => {
            let text = std::str::from_utf8(&literal.0).unwrap_or("");
            text.chars().take(1).map(|c| (c, c)).collect()
        }
        _ => Vec::new(),
    }
}
