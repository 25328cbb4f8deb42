//! Reads `grammar.txt`: for each kind of expression, ways to write it out of arguments, and leaves.

/// Kinds that the generator aims for, by the names of `grammar.txt`. `Dyn` is what an attribute is to the checker.
pub(crate) const KINDS: [&str; 25] = [
    "Bool",
    "Int",
    "Uint",
    "Double",
    "String",
    "Bytes",
    "Duration",
    "Timestamp",
    "Quantity",
    "Semver",
    "Ip",
    "Cidr",
    "Url",
    "Format",
    "Type",
    "Dyn",
    "IntList",
    "StringList",
    "BoolList",
    "DynList",
    "StringIntMap",
    "AttributeMap",
    "OptionalInt",
    "OptionalString",
    "OptionalDyn",
];

/// A position in [`KINDS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kind(usize);

impl Kind {
    /// The kind of that name; a name that is not in the table is a mistake in `grammar.txt`.
    pub(crate) fn named(name: &str) -> Self {
        let position = KINDS.iter().position(|kind| *kind == name);
        Self(position.unwrap_or_else(|| panic!("grammar.txt: unknown kind {name:?}")))
    }

    /// The kind at a position.
    pub(crate) fn at(position: usize) -> Self {
        Self(position)
    }
}

/// One way to write an expression of a kind.
pub(crate) struct Template {
    /// Source text; `{}` is an argument, `$0` and `$1` are bound variables.
    pub text: String,
    /// Kinds of the arguments.
    pub arguments: Vec<Kind>,
    /// Kinds of the bound variables, in scope of the last argument.
    pub binds: Vec<Kind>,
}

/// All ways, by kind.
pub(crate) struct Grammar {
    templates: Vec<Vec<Template>>,
    leaves: Vec<Vec<String>>,
}

impl Grammar {
    /// The grammar of `grammar.txt`.
    pub(crate) fn new() -> Self {
        let mut grammar = Self {
            templates: KINDS.iter().map(|_| Vec::new()).collect(),
            leaves: KINDS.iter().map(|_| Vec::new()).collect(),
        };
        for line in include_str!("grammar.txt")
            .lines()
            .filter(|line| !line.starts_with('#'))
        {
            let columns: Vec<&str> = line.split('\t').collect();
            let kind = Kind::named(columns[0]);
            if columns.len() == 2 {
                grammar.leaves[kind.0].push(columns[1].to_owned());
                continue;
            }
            let kinds = |column: Option<&&str>| {
                column
                    .map_or("", |c| c)
                    .split_whitespace()
                    .map(Kind::named)
                    .collect()
            };
            grammar.templates[kind.0].push(Template {
                text: columns[1].to_owned(),
                arguments: kinds(columns.get(2)),
                binds: kinds(columns.get(3)),
            });
        }
        grammar
    }

    /// Ways to make the kind out of others.
    pub(crate) fn templates(&self, kind: Kind) -> &[Template] {
        &self.templates[kind.0]
    }

    /// Literals and device fields of the kind.
    pub(crate) fn leaves(&self, kind: Kind) -> &[String] {
        &self.leaves[kind.0]
    }
}
