//! Every change that could help, in ladders from the smallest to the largest change of one thing.
//!
//! Looks at the claims asked for, their classes, what devices publish and who holds them. Never allocates: whether a
//! change helps is not known here. Start at [`Space::new`].

use std::collections::{BTreeMap, BTreeSet};

use super::change::{Change, Edit, Kind, SelectorAt, WishAt};
use super::gates::GATES;
use super::hints::Catalogue;
use super::ladder;
use super::lens::shown;
use super::question::{Origin, Question, is_allocated};
use super::reach::{OnNode, Reach, on_node};
use crate::cel;
use crate::claim::{Wish, key, taint};
use crate::error::InputError;
use crate::inventory::{ClaimKey, PoolId};
use crate::quantity::Quantity;
use crate::wire::claim::{DeviceSelector, DeviceToleration};
use crate::wire::slice::DeviceTaint;

/// Devices that one claim can get at most.
const MOST_DEVICES: usize = 32;

/// Changes of one thing, the smallest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ladder {
    /// The changes.
    pub changes: Vec<Change>,
    /// Whether everything that fits with one change fits with those after it, too.
    pub is_ordered: bool,
}

/// A claim that holds devices where they are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The claim.
    pub claim: ClaimKey,
    /// How many results it holds.
    pub devices: usize,
    /// The nodes that see a pool of which it holds something, in the order asked.
    pub nodes: Vec<String>,
}

/// Everything that could be changed.
#[derive(Clone, Debug, Default)]
pub struct Space {
    /// Changes of documents and gates.
    pub ladders: Vec<Ladder>,
    /// Claims that could be released, those with the fewest devices first.
    pub holders: Vec<Holder>,
    /// What can only be waited for.
    pub waits: Vec<Change>,
    /// The nodes on which devices that become free can only help.
    pub(super) gaining: BTreeSet<String>,
}

impl Space {
    /// What could be changed so that it fits on one of the nodes.
    pub(super) fn new(question: &Question<'_>, nodes: &[String]) -> Result<Self, InputError> {
        let features = question.options.allocation.features;
        let reach = Reach::of_nodes(question.inventory, nodes, features);
        let around = Around {
            question,
            reach: &reach,
            catalogue: Catalogue::new(question),
        };
        let mut space = Self::default();
        for origin in question.origins()? {
            let mut wishes = Wishes {
                around: &around,
                origin: &origin,
                ladders: &mut space.ladders,
            };
            wishes.all();
        }
        class_terms(&around, &mut space.ladders)?;
        for (index, (name, feature)) in GATES.iter().enumerate() {
            if !*feature(&mut features.clone()) {
                space.ladders.push(one(gate(index, name)));
            }
        }
        let wants_all = question.wants_all()?;
        if wants_all {
            let ladders = space.ladders.iter_mut();
            ladders.for_each(|ladder| ladder.is_ordered = false);
        }
        let here = |node: &String| (node.clone(), on_node(question.inventory, node, features));
        let seen: Vec<(String, OnNode)> = nodes.iter().map(here).collect();
        space.holders = holders(question, &seen)?;
        if !wants_all && !question.is_held()? {
            let gaining = seen.iter().filter(|(_, here)| !here.has_shares_that_draw());
            space.gaining = gaining.map(|(node, _)| node.clone()).collect();
        }
        space.waits = reach.incomplete.iter().map(wait).collect();
        Ok(space)
    }

    /// The next smaller change of the same number, list of values or count; nothing if that would be no change.
    pub fn next_smaller(&self, change: &Change) -> Option<&Change> {
        let ladder = self.ladders.iter().find_map(|ladder| {
            let place = ladder.changes.iter().position(|known| known == change)?;
            Some((ladder, place))
        });
        let (ladder, place) = ladder?;
        ladder.changes.get(place.checked_sub(1)?)
    }
}

/// A ladder of one change.
fn one(change: Change) -> Ladder {
    Ladder {
        changes: vec![change],
        is_ordered: true,
    }
}

fn gate(index: usize, name: &str) -> Change {
    Change {
        kind: Kind::EnableGate,
        document: "feature gates".to_owned(),
        path: name.to_owned(),
        claim: None,
        request: None,
        before: String::new(),
        after: name.to_owned(),
        cost: Kind::EnableGate.cost(0),
        edit: Edit::Gate(index),
    }
}

fn wait((pool, (here, wanted)): (&PoolId, &(usize, i64))) -> Change {
    Change {
        kind: Kind::Wait,
        document: format!("pool {pool}"),
        path: String::new(),
        claim: None,
        request: None,
        before: format!("the other slices of pool {pool}: {here} of {wanted} are there"),
        after: String::new(),
        cost: Kind::Wait.cost(0),
        edit: Edit::Nothing,
    }
}

/// What the changes are looked for in.
struct Around<'s> {
    question: &'s Question<'s>,
    reach: &'s Reach,
    catalogue: Catalogue,
}

/// Collects the changes of one claim.
struct Wishes<'s> {
    around: &'s Around<'s>,
    origin: &'s Origin,
    ladders: &'s mut Vec<Ladder>,
}

/// Where a request or alternative stands, in the claim and in its document.
struct At {
    wish: WishAt,
    path: String,
    request: String,
}

impl Wishes<'_> {
    fn all(&mut self) {
        let (claims, prefix) = (&self.origin.claims, self.origin.path);
        let devices = &self.origin.claim.spec.devices;
        for (number, request) in devices.requests.iter().enumerate() {
            for (alternative, wish) in Wish::of(request).into_iter().enumerate() {
                let alternative = wish.parent.is_some().then_some(alternative);
                let form = alternative.map_or("exactly".to_owned(), |alternative| {
                    format!("firstAvailable[{alternative}]")
                });
                let at = At {
                    wish: WishAt {
                        claims: claims.clone(),
                        request: number,
                        alternative,
                    },
                    path: format!("{prefix}.requests[{number}].{form}"),
                    request: wish.reference(),
                };
                self.selectors(&at, wish.selectors);
                self.taints(&at, &wish);
                self.capacity(&at, &wish);
                self.count(&at, &wish);
                self.classes(&at, &wish);
            }
        }
        for (index, constraint) in devices.constraints.iter().enumerate() {
            let what = match (&constraint.match_attribute, &constraint.distinct_attribute) {
                (Some(name), _) => format!("matchAttribute {name}"),
                (_, Some(name)) => format!("distinctAttribute {name}"),
                _ => "of an unknown kind".to_owned(),
            };
            let edit = Edit::Constraint(claims.clone(), index);
            let path = format!("{prefix}.constraints[{index}]");
            let change = self.change(Kind::DropConstraint, path, (what, String::new()), edit, 0);
            self.ladders.push(one(change));
        }
    }

    fn change(
        &self,
        kind: Kind,
        path: String,
        (before, after): (String, String),
        edit: Edit,
        size: usize,
    ) -> Change {
        Change {
            kind,
            document: self.origin.document.clone(),
            path,
            claim: Some(key(&self.origin.claim)),
            request: None,
            before,
            after,
            cost: kind.cost(size),
            edit,
        }
    }

    /// A change of the field of a request.
    fn of(
        &self,
        at: &At,
        (kind, size): (Kind, usize),
        field: &str,
        texts: (String, String),
        edit: Edit,
    ) -> Change {
        let path = format!("{}.{field}", at.path);
        Change {
            request: Some(at.request.clone()),
            ..self.change(kind, path, texts, edit, size)
        }
    }

    fn selectors(&mut self, at: &At, selectors: &[DeviceSelector]) {
        for (index, expression) in expressions(selectors) {
            let selector = SelectorAt::Wish(at.wish.clone(), index);
            let field = format!("selectors[{index}].cel.expression");
            let template = self.of(
                at,
                (Kind::DropTerm, 0),
                &field,
                (String::new(), String::new()),
                Edit::Nothing,
            );
            let kinds = (Kind::LoosenTerm, Kind::DropTerm);
            let found = terms(self.around, &selector, expression, kinds, &template);
            self.ladders.extend(found);
        }
    }

    fn taints(&mut self, at: &At, wish: &Wish<'_>) {
        let features = self.around.question.options.allocation.features;
        if !features.device_taints {
            return;
        }
        let rules = || self.around.question.inventory.taint_rules();
        let mut found: BTreeSet<(String, String, String)> = BTreeSet::new();
        let mut note = |taint: &DeviceTaint| {
            if taint::blocks(taint, wish.tolerations) {
                found.insert((taint.effect.clone(), taint.key.clone(), taint.value.clone()));
            }
        };
        for device in &self.around.reach.devices {
            device.device().taints.iter().for_each(&mut note);
            let id = device.id();
            for rule in rules().filter(|_| features.device_taint_rules) {
                if taint::rule_applies(rule, &id.driver, &id.pool, &id.device) {
                    note(&rule.spec.taint);
                }
            }
        }
        for (effect, key, value) in found {
            let shown = shown(&key, &value, &effect);
            // Running pods leave a device with the other effect.
            let size = usize::from(effect != "NoSchedule");
            let toleration = DeviceToleration {
                key,
                operator: "Equal".to_owned(),
                value,
                effect,
                toleration_seconds: None,
            };
            let edit = Edit::Tolerate(at.wish.clone(), toleration);
            let texts = (String::new(), shown);
            let change = self.of(at, (Kind::Tolerate, size), "tolerations", texts, edit);
            self.ladders.push(one(change));
        }
    }

    fn capacity(&mut self, at: &At, wish: &Wish<'_>) {
        let Some(requested) = wish.capacity else {
            return;
        };
        let inventory = self.around.question.inventory;
        let sharing = self
            .around
            .question
            .options
            .allocation
            .features
            .consumable_capacity;
        let consumed = |device: &super::reach::Published, name: &str| -> Option<Quantity> {
            inventory
                .usage(&device.id())?
                .aggregated(sharing)?
                .remove(name)
        };
        for (name, wanted, amounts) in ladder::capacities(requested, self.around.reach, &consumed) {
            let field = format!("capacity.requests[{name}]");
            let texts = |after: String| (format!("{wanted} {name}"), after);
            let edit = |amount| Edit::Capacity(at.wish.clone(), name.clone(), amount);
            let smaller = amounts.into_iter().enumerate().map(|(place, amount)| {
                let texts = texts(format!("{amount} {name}"));
                self.of(
                    at,
                    (Kind::LowerCapacity, place + 1),
                    &field,
                    texts,
                    edit(Some(amount)),
                )
            });
            let smaller: Vec<Change> = smaller.collect();
            if !smaller.is_empty() {
                self.ladders.push(Ladder {
                    changes: smaller,
                    is_ordered: true,
                });
            }
            // Who asks for nothing may get everything, so this is not the least amount.
            let none = texts(String::new());
            let change = self.of(
                at,
                (Kind::LowerCapacity, usize::MAX),
                &field,
                none,
                edit(None),
            );
            self.ladders.push(one(change));
        }
    }

    fn count(&mut self, at: &At, wish: &Wish<'_>) {
        let count = usize::try_from(wish.count).unwrap_or_default();
        let (before, most) = if wish.wants_all() {
            ("all".to_owned(), self.around.reach.most.min(MOST_DEVICES))
        } else {
            (
                wish.count.to_string(),
                count.saturating_sub(1).min(MOST_DEVICES),
            )
        };
        let field = if wish.wants_all() {
            "allocationMode"
        } else {
            "count"
        };
        let changes = (1..=most).rev().map(|fewer| {
            let size = if wish.wants_all() {
                most - fewer + 1
            } else {
                count - fewer
            };
            let edit = Edit::Count(at.wish.clone(), i64::try_from(fewer).unwrap_or(i64::MAX));
            let texts = (before.clone(), fewer.to_string());
            self.of(at, (Kind::LowerCount, size), field, texts, edit)
        });
        let changes: Vec<Change> = changes.collect();
        if !changes.is_empty() {
            self.ladders.push(Ladder {
                changes,
                is_ordered: true,
            });
        }
    }

    fn classes(&mut self, at: &At, wish: &Wish<'_>) {
        let names = self
            .around
            .question
            .inventory
            .classes()
            .map(|class| &class.metadata.name);
        let others: Vec<&String> = names.filter(|name| *name != wish.class).collect();
        for name in others {
            let edit = Edit::Class(at.wish.clone(), name.clone());
            let texts = (wish.class.to_owned(), name.clone());
            let change = self.of(at, (Kind::OtherClass, 0), "deviceClassName", texts, edit);
            self.ladders.push(one(change));
        }
    }
}

/// The expressions of selectors with their places.
pub(super) fn expressions(selectors: &[DeviceSelector]) -> impl Iterator<Item = (usize, &str)> {
    let numbered = selectors.iter().enumerate();
    numbered
        .filter_map(|(index, selector)| Some((index, selector.cel.as_ref()?.expression.as_str())))
}

/// For each term of a selector: another constant in it, and leaving it out.
fn terms(
    around: &Around<'_>,
    selector: &SelectorAt,
    expression: &str,
    (loosen, drop): (Kind, Kind),
    template: &Change,
) -> Vec<Ladder> {
    let mut ladders = Vec::new();
    for (term, range) in cel::terms(expression).into_iter().enumerate() {
        let source = expression.get(range).unwrap_or_default();
        let change = |kind: Kind, size, text: Option<String>| Change {
            kind,
            before: source.to_owned(),
            after: text.clone().unwrap_or_default(),
            cost: kind.cost(size),
            edit: Edit::Term {
                selector: selector.clone(),
                term,
                text,
            },
            ..template.clone()
        };
        if let Ok(selector) = cel::compiled(source).as_ref() {
            for (from, to) in around.catalogue.renames(selector.reads()) {
                if let Some(text) = cel::with_name(source, &from, &to) {
                    ladders.push(one(change(loosen, 0, Some(text))));
                }
            }
        }
        for replacements in ladder::constants(source, around.reach) {
            let texts = replacements.texts.into_iter().enumerate();
            let changes = texts.map(|(place, text)| change(loosen, place + 1, Some(text)));
            ladders.push(Ladder {
                changes: changes.collect(),
                is_ordered: replacements.is_ordered,
            });
        }
        ladders.push(one(change(drop, 0, None)));
    }
    ladders
}

/// The terms of the classes that are asked for.
fn class_terms(around: &Around<'_>, ladders: &mut Vec<Ladder>) -> Result<(), InputError> {
    let question = around.question;
    let mut classes: BTreeSet<String> = BTreeSet::new();
    for claim in question.claims()? {
        if !is_allocated(question.inventory, &claim) {
            let wishes = claim.spec.devices.requests.iter().flat_map(Wish::of);
            classes.extend(wishes.map(|wish| wish.class.to_owned()));
        }
    }
    for name in classes {
        let Some(class) = question.inventory.class(&name) else {
            continue;
        };
        for (index, expression) in expressions(&class.spec.selectors) {
            let template = Change {
                document: format!("DeviceClass {name}"),
                path: format!("spec.selectors[{index}].cel.expression"),
                ..gate(0, "")
            };
            let selector = SelectorAt::Class(name.clone(), index);
            let kinds = (Kind::LoosenClassTerm, Kind::DropClassTerm);
            ladders.extend(terms(around, &selector, expression, kinds, &template));
        }
    }
    Ok(())
}

/// The claims that hold something of a pool that one of the nodes sees; and those asked for that are bound elsewhere.
fn holders(question: &Question<'_>, nodes: &[(String, OnNode)]) -> Result<Vec<Holder>, InputError> {
    let mut seen: BTreeMap<&PoolId, Vec<usize>> = BTreeMap::new();
    for (index, (_, here)) in nodes.iter().enumerate() {
        for pool in &here.pools {
            seen.entry(pool).or_default().push(index);
        }
    }
    let asked: BTreeSet<ClaimKey> = question.claims()?.iter().map(|claim| key(claim)).collect();
    let mut found = Vec::new();
    for held in question.inventory.held_claims() {
        let results = &held.allocation.devices.results;
        let mut at: BTreeSet<usize> = BTreeSet::new();
        if asked.contains(&held.key) {
            at.extend(0..nodes.len());
        }
        for result in results
            .iter()
            .filter(|result| result.admin_access != Some(true))
        {
            let pool = PoolId {
                driver: result.driver.as_str().into(),
                pool: result.pool.as_str().into(),
            };
            at.extend(seen.get(&pool).into_iter().flatten());
        }
        if !at.is_empty() {
            found.push(Holder {
                claim: held.key.clone(),
                devices: results.len(),
                nodes: at.into_iter().map(|index| nodes[index].0.clone()).collect(),
            });
        }
    }
    found.sort_by_key(|holder| holder.devices);
    Ok(found)
}

/// Releasing some of the holders together.
pub(super) fn release(holders: &[&Holder]) -> Change {
    let named: Vec<String> = holders
        .iter()
        .map(|holder| {
            let plural = if holder.devices == 1 { "" } else { "s" };
            format!("claim {} ({} device{plural})", holder.claim, holder.devices)
        })
        .collect();
    let devices: usize = holders.iter().map(|holder| holder.devices).sum();
    let size = 1_000 * holders.len().saturating_sub(1).min(9) + devices.min(999);
    Change {
        kind: Kind::Release,
        document: "held claims".to_owned(),
        path: String::new(),
        claim: None,
        request: None,
        before: named.join(", "),
        after: String::new(),
        cost: Kind::Release.cost(size),
        edit: Edit::Release(holders.iter().map(|holder| holder.claim.clone()).collect()),
    }
}
