//! The slices of a node taken together: under which attributes their columns go.
//!
//! A question compares thousands of nodes; where a node has many slices, one number for each attribute is less to read
//! than one for each column. Never looks at values. Start at [`Form::of`].

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Slice;
use crate::attribute::{Name, split_name};

/// What nodes have in common whose slices have the same shapes, in order.
#[derive(Debug)]
pub struct Form {
    attributes: Box<[Published]>,
}

/// An attribute that a driver publishes.
#[derive(Debug)]
struct Published {
    driver: Arc<str>,
    name: Name,
    columns: Box<[Place]>,
}

/// Position of a slice, and of the column in it.
type Place = (usize, usize);

impl Form {
    /// The form of a node with these slices.
    pub(super) fn of(slices: &[&Arc<Slice>]) -> Self {
        let mut attributes: BTreeMap<(&Arc<str>, &Name), Vec<Place>> = BTreeMap::new();
        for (at, slice) in slices.iter().enumerate() {
            for (column, name) in slice.kind().names.iter().enumerate() {
                let columns = attributes.entry((&slice.pool().driver, name)).or_default();
                columns.push((at, column));
            }
        }
        let attributes = attributes
            .into_iter()
            .map(|((driver, name), columns)| Published {
                driver: Arc::clone(driver),
                name: name.clone(),
                columns: columns.into(),
            });
        Self {
            attributes: attributes.collect(),
        }
    }

    /// For each attribute the numbers of its columns on slices that make a node of this form.
    pub(super) fn columns(&self, slices: &[&Arc<Slice>]) -> impl Iterator<Item = Vec<u32>> {
        let of = |(slice, column): &Place| slices[*slice].kind().columns[*column];
        let attributes = self.attributes.iter();
        attributes.map(move |attribute| attribute.columns.iter().map(of).collect())
    }

    /// Positions of the attributes that a reader of `(domain, id)` attributes looks at; without an id, of all in the
    /// domain.
    pub fn columns_read<'r>(
        &self,
        reads: impl Iterator<Item = (&'r str, Option<&'r str>)>,
    ) -> Box<[usize]> {
        let attributes = self.attributes.iter();
        let published = attributes.map(|attribute| (&attribute.name, &*attribute.driver));
        columns_read(&published, reads)
    }
}

/// Positions of published attributes that a reader of `(domain, id)` attributes looks at.
pub(super) fn columns_read<'p, 'r>(
    published: &(impl Iterator<Item = (&'p Name, &'p str)> + Clone),
    reads: impl Iterator<Item = (&'r str, Option<&'r str>)>,
) -> Box<[usize]> {
    let mut positions = Vec::new();
    for (domain, id) in reads {
        for (position, (name, driver)) in published.clone().enumerate() {
            let (own, own_id) = split_name(name.as_str(), driver);
            if own == domain && id.is_none_or(|id| id == own_id) {
                positions.push(position);
            }
        }
    }
    positions.into()
}
