//! Random expressions: typed from the grammar, over every function of the environment, with mistakes mixed in.
//!
//! Start reading at [`Generator::expression`]. A type goes in, source text comes out; `{}` in a template stands for an
//! argument of the type listed beside it. What is wrong on purpose: an argument of another type now and then, unknown
//! fields and functions, bad literals, and mutations of the finished text.

use crate::grammar::{Grammar, KINDS, Kind, Template};
use crate::random::Random;

/// Writes expressions.
pub(crate) struct Generator<'a> {
    grammar: &'a Grammar,
    random: &'a mut Random,
    /// Variables in scope, from macros and binds.
    scope: Vec<(String, Kind)>,
    /// Percent of arguments that get a type of their own.
    wrong: usize,
}

impl<'a> Generator<'a> {
    pub(crate) fn new(grammar: &'a Grammar, random: &'a mut Random) -> Self {
        let wrong = [0, 0, 0, 2, 10][random.below(5)];
        Self {
            grammar,
            random,
            scope: Vec::new(),
            wrong,
        }
    }

    /// A whole expression of the wanted kind, sometimes damaged.
    pub(crate) fn expression(&mut self, kind: Kind) -> String {
        let depth = self.random.below(5);
        let text = self.of(kind, depth);
        if self.random.chance(3) {
            self.damaged(&text)
        } else {
            text
        }
    }

    fn of(&mut self, kind: Kind, depth: usize) -> String {
        let kind = if self.random.chance(self.wrong) {
            Kind::at(self.random.below(KINDS.len()))
        } else {
            kind
        };
        if let Some(name) = self.variable(kind) {
            return name;
        }
        if depth == 0 {
            return self.leaf(kind);
        }
        let fitting = self.grammar.templates(kind);
        if fitting.is_empty() || self.random.chance(10) {
            return self.leaf(kind);
        }
        let template = &fitting[self.random.below(fitting.len())];
        self.fill(template, depth - 1)
    }

    fn variable(&mut self, kind: Kind) -> Option<String> {
        let fitting: Vec<String> = self
            .scope
            .iter()
            .filter(|(_, k)| *k == kind)
            .map(|(name, _)| name.clone())
            .collect();
        if fitting.is_empty() || self.random.chance(50) {
            return None;
        }
        Some(fitting[self.random.below(fitting.len())].clone())
    }

    /// Fills a template. `$` names a fresh variable of the kind in `binds` that the last argument may use; the
    /// other arguments may not, unless the template repeats the name itself.
    fn fill(&mut self, template: &Template, depth: usize) -> String {
        let names: Vec<String> = template
            .binds
            .iter()
            .enumerate()
            .map(|(i, _)| format!("v{}", self.scope.len() + i))
            .collect();
        let mut arguments = Vec::new();
        for (index, kind) in template.arguments.iter().enumerate() {
            let inside = index + 1 == template.arguments.len() && !names.is_empty();
            if inside {
                self.scope
                    .extend(names.iter().cloned().zip(template.binds.iter().copied()));
            }
            arguments.push(self.of(*kind, depth));
            if inside {
                self.scope.truncate(self.scope.len() - names.len());
            }
        }
        let mut arguments = arguments.into_iter();
        let mut text = String::new();
        let mut characters = template.text.chars().peekable();
        while let Some(character) = characters.next() {
            match (character, characters.peek()) {
                ('{', Some('}')) => {
                    characters.next();
                    text.push_str(&arguments.next().unwrap_or_default());
                }
                ('$', Some('0')) => {
                    characters.next();
                    text.push_str(&names[0]);
                }
                ('$', Some('1')) => {
                    characters.next();
                    text.push_str(names.get(1).unwrap_or(&names[0]));
                }
                _ => text.push(character),
            }
        }
        text
    }

    fn leaf(&mut self, kind: Kind) -> String {
        let leaves = self.grammar.leaves(kind);
        leaves[self.random.below(leaves.len())].clone()
    }

    /// Cuts, doubles or swaps a piece of the text, or puts in a stray token.
    fn damaged(&mut self, text: &str) -> String {
        let characters: Vec<char> = text.chars().collect();
        let at = self.random.below(characters.len() + 1);
        let to = (at + self.random.below(6)).min(characters.len());
        let (head, middle, tail) = (&characters[..at], &characters[at..to], &characters[to..]);
        let join = |parts: &[&[char]]| -> String { parts.iter().copied().flatten().collect() };
        match self.random.below(3) {
            0 => join(&[head, tail]),
            1 => join(&[head, middle, middle, tail]),
            _ => {
                let tokens = [
                    "(", ")", "[", "]", "{", "}", ".", "?", ":", ",", "&&", "||", "!", "-", "0x",
                    "1u", "'", "\"", "\\", " in ", "null", "b'", "r'", ".?", "[?", "%", "==",
                    " as ", "//", "`", "1e", "#",
                ];
                let token: Vec<char> = tokens[self.random.below(tokens.len())].chars().collect();
                join(&[head, &token, tail])
            }
        }
    }
}
