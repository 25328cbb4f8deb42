//! Which attributes and capacities an expression looks at: a static property of the expression.
//!
//! Devices that agree on those get the same result. What cannot be told from the text counts as everything. Start at
//! [`reads`].

use std::collections::BTreeSet;

use super::ast::{Expr, Kind, Reference, operator};
use super::value::Value;

/// What an expression reads of a device.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says of one thing whether it is read"
)]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    /// The driver's name.
    pub driver: bool,
    /// Whether the device can be shared.
    pub allow_multiple_allocations: bool,
    /// Attributes by domain and id; no id means the whole domain.
    pub attributes: BTreeSet<(String, Option<String>)>,
    /// Capacities by domain and id; no id means the whole domain.
    pub capacity: BTreeSet<(String, Option<String>)>,
    /// All attributes, as with a computed domain.
    pub all_attributes: bool,
    /// All capacities.
    pub all_capacity: bool,
}

impl Reads {
    /// Whether nothing is read but, perhaps, the driver's name: then all devices of a driver are the same to it.
    pub fn is_about_driver(&self) -> bool {
        self.is_about_attributes() && self.attributes.is_empty() && !self.all_attributes
    }

    /// Whether nothing is read but attributes and, perhaps, the driver's name.
    pub fn is_about_attributes(&self) -> bool {
        let Self {
            driver: _,
            allow_multiple_allocations,
            attributes: _,
            capacity,
            all_attributes: _,
            all_capacity,
        } = self;
        !allow_multiple_allocations && capacity.is_empty() && !all_capacity
    }
}

/// What an expression reads.
pub(super) fn reads(expr: &Expr) -> Reads {
    let mut reads = Reads::default();
    visit(expr, &mut reads);
    reads
}

fn visit(expr: &Expr, reads: &mut Reads) {
    if let Some(path) = device_path(expr) {
        note(&path, reads);
        // Computed keys may read something themselves.
        inside_path(expr, reads);
        return;
    }
    children(expr, &mut |child| visit(child, reads));
}

/// The steps of a selection from `device`; `None` in it is a step that is computed.
fn device_path(expr: &Expr) -> Option<Vec<Option<&str>>> {
    match &expr.kind {
        Kind::Resolved(Reference::Device) => Some(Vec::new()),
        Kind::Select { operand, field, .. } => {
            let mut path = device_path(operand)?;
            path.push(Some(field));
            Some(path)
        }
        Kind::Call(call)
            if matches!(
                call.function.as_ref(),
                operator::INDEX | operator::OPT_INDEX | operator::OPT_SELECT
            ) =>
        {
            let [operand, index] = call.args.as_slice() else {
                return None;
            };
            let mut path = device_path(operand)?;
            path.push(match &index.kind {
                Kind::Literal(Value::String(text)) => Some(&**text),
                _ => None,
            });
            Some(path)
        }
        _ => None,
    }
}

fn inside_path(expr: &Expr, reads: &mut Reads) {
    match &expr.kind {
        Kind::Select { operand, .. } => inside_path(operand, reads),
        Kind::Call(call) => {
            if let [operand, index] = call.args.as_slice() {
                inside_path(operand, reads);
                visit(index, reads);
            }
        }
        _ => {}
    }
}

fn note(path: &[Option<&str>], reads: &mut Reads) {
    let Some(Some(field)) = path.first() else {
        *reads = Reads {
            driver: true,
            allow_multiple_allocations: true,
            all_attributes: true,
            all_capacity: true,
            ..std::mem::take(reads)
        };
        return;
    };
    let (named, all) = match *field {
        "driver" => return reads.driver = true,
        "allowMultipleAllocations" => return reads.allow_multiple_allocations = true,
        "attributes" => (&mut reads.attributes, &mut reads.all_attributes),
        _ => (&mut reads.capacity, &mut reads.all_capacity),
    };
    match (path.get(1), path.get(2)) {
        (Some(Some(domain)), Some(Some(id))) => {
            named.insert(((*domain).to_owned(), Some((*id).to_owned())));
        }
        (Some(Some(domain)), _) => {
            named.insert(((*domain).to_owned(), None));
        }
        _ => *all = true,
    }
}

/// Shows the direct parts of an expression.
pub(super) fn children<'e>(expr: &'e Expr, see: &mut dyn FnMut(&'e Expr)) {
    match &expr.kind {
        Kind::Literal(_) | Kind::Ident(_) | Kind::Resolved(_) => {}
        Kind::Select { operand, .. } => see(operand),
        Kind::Call(call) => call.target.iter().chain(&call.args).for_each(see),
        Kind::List { elements, .. } => elements.iter().for_each(see),
        Kind::Map(entries) => {
            for entry in entries {
                see(&entry.key);
                see(&entry.value);
            }
        }
        Kind::Struct { fields, .. } => fields.iter().for_each(|field| see(&field.value)),
        Kind::Fold(fold) => {
            for part in [
                &fold.range,
                &fold.init,
                &fold.condition,
                &fold.step,
                &fold.result,
            ] {
                see(part);
            }
        }
    }
}
