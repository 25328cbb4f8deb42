//! The cheapest changes that make it fit, found by trying: single ones, claims to release, and pairs.
//!
//! Every offer that comes from here was allocated with. Start at [`offers`].

use std::collections::BTreeSet;

use super::change::{Change, Kind, Offer};
use super::question::Question;
use super::space::{Holder, Ladder, Space, release};
use super::trial::Trials;

/// Values of a ladder that are tried one after the other; longer ladders are halved, if they are ordered.
const IN_TURN: usize = 16;
/// Offers of one kind, cheapest first.
const OFFERS_OF_A_KIND: usize = 4;
/// Claims that are released together are looked for in full up to this number.
pub const RELEASED_IN_FULL: usize = 3;
/// Sets of claims that are tried of each number.
const RELEASE_SETS: usize = 1_024;
/// Claims that may be released, those with the fewest devices first.
pub const HOLDERS: usize = 256;
/// Nodes on which everything is released to see what of it can stay.
const NODES_EMPTIED: usize = 8;
/// Changes of a ladder, and claims to release, that are tried in pairs, the smallest first: a claim gets no more devices
/// than that.
const RUNGS: usize = 32;
/// Offers that are pairs.
const PAIRS: usize = 4;
/// Pairs that are tried, cheapest first.
const PAIRS_TRIED: usize = 4_096;

/// What can be offered, cheapest first. `is_fatal` says that without a change some node is fatal for the pod.
pub(super) fn offers(
    question: &Question<'_>,
    space: &Space,
    nodes: &[String],
    is_fatal: bool,
    trials: &mut Trials<'_>,
) -> Vec<Offer> {
    let mut offers = Vec::new();
    let mut ladders: Vec<&Ladder> = space.ladders.iter().collect();
    ladders.sort_by(|a, b| order(&a.changes[0], &b.changes[0]));
    for ladder in &ladders {
        let kind = ladder.changes[0].kind;
        let of_kind = |offer: &&Offer| offer.changes[0].kind == kind;
        if kind == Kind::OtherClass && offers.iter().filter(of_kind).count() >= OFFERS_OF_A_KIND {
            continue;
        }
        if let Some((change, node)) = smallest(ladder, nodes, trials) {
            offers.push(offer(vec![change.clone()], node));
        }
    }
    offers.extend(releases(space, nodes, is_fatal, trials));
    if offers.is_empty() {
        offers = pairs(&ladders, space, nodes, trials);
    }
    if trials.was_undecided {
        trials.grant_all_steps();
        let less = |offer| with_less(offer, space, nodes, trials);
        offers = offers.into_iter().map(less).collect();
    }
    offers.sort_by(|a, b| {
        let by_cost = a.cost.cmp(&b.cost);
        by_cost.then_with(|| {
            let each = a.changes.iter().zip(&b.changes);
            let differing = each.map(|(a, b)| order(a, b)).find(|order| order.is_ne());
            differing.unwrap_or(std::cmp::Ordering::Equal)
        })
    });
    let most = question.options.max_offers_of_a_kind;
    let mut kept: Vec<Offer> = Vec::new();
    for offer in offers {
        let kinds = |offer: &Offer| -> Vec<Kind> { offer.changes.iter().map(|c| c.kind).collect() };
        let known = kept.iter().filter(|known| kinds(known) == kinds(&offer));
        // Two that did without what they could may have become the same.
        if known.count() < most && kept.iter().all(|known| known.changes != offer.changes) {
            kept.push(offer);
        }
    }
    kept
}

/// Cheaper first; of equal ones by document, field and text, so that the order is the same in every run.
fn order(a: &Change, b: &Change) -> std::cmp::Ordering {
    fn key(change: &Change) -> (u64, &str, &str, &str, &str) {
        let c = change;
        (c.cost, &c.document, &c.path, &c.before, &c.after)
    }
    key(a).cmp(&key(b))
}

fn offer(changes: Vec<Change>, node: String) -> Offer {
    Offer {
        cost: changes.iter().map(|change| change.cost).sum(),
        changes,
        is_checked: true,
        node: Some(node),
    }
}

/// The offer without what it can do without, as far as trials with all steps show: half of a pair, or the next smaller
/// value.
fn with_less(mut of: Offer, space: &Space, nodes: &[String], trials: &mut Trials<'_>) -> Offer {
    while let Some(less) = less(&of, space, nodes, trials) {
        of = less;
    }
    of
}

fn less(of: &Offer, space: &Space, nodes: &[String], trials: &mut Trials<'_>) -> Option<Offer> {
    let mut fewer: Vec<Vec<Change>> = Vec::new();
    for (index, change) in of.changes.iter().enumerate() {
        if of.changes.len() > 1 {
            fewer.push(vec![change.clone()]);
        }
        if let Some(smaller) = space.next_smaller(change) {
            let mut changes = of.changes.clone();
            changes[index] = smaller.clone();
            fewer.push(changes);
        }
    }
    fewer.into_iter().find_map(|changes| {
        let node = trials.fits(&changes.iter().collect::<Vec<_>>(), nodes)?;
        Some(offer(changes, node))
    })
}

/// The smallest change of the ladder with which it fits, so that it does not with the one before.
fn smallest<'l>(
    ladder: &'l Ladder,
    nodes: &[String],
    trials: &mut Trials<'_>,
) -> Option<(&'l Change, String)> {
    let changes = &ladder.changes;
    if !ladder.is_ordered || changes.len() <= IN_TURN {
        return changes
            .iter()
            .find_map(|change| Some((change, trials.fits(&[change], nodes)?)));
    }
    let last = changes.len() - 1;
    let mut found = (last, trials.fits(&[&changes[last]], nodes)?);
    // All below `start` are known not to fit.
    let mut start = 0;
    while start < found.0 {
        let middle = start + (found.0 - start) / 2;
        match trials.fits(&[&changes[middle]], nodes) {
            Some(node) => found = (middle, node),
            None => start = middle + 1,
        }
    }
    Some((&changes[found.0], found.1))
}

/// Sets of claims to release: the fewest, of these those with the fewest devices.
fn releases(
    space: &Space,
    nodes: &[String],
    is_fatal: bool,
    trials: &mut Trials<'_>,
) -> Vec<Offer> {
    let holders: Vec<&Holder> = space.holders.iter().take(HOLDERS).collect();
    let hopeful = hopeful(space, &holders, nodes, trials);
    // Other nodes answer as they did; only a failure of theirs would matter.
    let concerned = |set: &[&Holder]| -> Vec<String> {
        let is_concerned = |node: &&String| {
            let sees = |holder: &&Holder| holder.nodes.contains(node);
            is_fatal || set.iter().any(sees) && hopeful.iter().any(|(hopeful, _)| hopeful == *node)
        };
        nodes.iter().filter(is_concerned).cloned().collect()
    };
    for size in 1..=RELEASED_IN_FULL {
        let mut found = Vec::new();
        let (sets, is_all) = sets(&holders, &hopeful, size);
        trials.is_cut_short |= !is_all;
        for set in sets {
            let change = release(&set);
            if let Some(node) = trials.fits(&[&change], &concerned(&set)) {
                found.push(offer(vec![change], node));
            }
            if found.len() >= OFFERS_OF_A_KIND {
                break;
            }
        }
        if !found.is_empty() {
            return found;
        }
    }
    let mut found: Vec<Offer> = hopeful
        .iter()
        .take(NODES_EMPTIED)
        .filter_map(|(node, on_node)| {
            let of_node: Vec<&Holder> = on_node.iter().map(|index| holders[*index]).collect();
            irreducible(of_node, node, nodes, trials)
        })
        .collect();
    found.sort_by(|a, b| {
        a.cost
            .cmp(&b.cost)
            .then_with(|| order(&a.changes[0], &b.changes[0]))
    });
    found.truncate(1);
    found
}

/// The nodes that releasing may help, each with its holders. Where devices that become free can only help and releasing
/// everything does not, no part of it can.
fn hopeful(
    space: &Space,
    holders: &[&Holder],
    nodes: &[String],
    trials: &mut Trials<'_>,
) -> Vec<(String, Vec<usize>)> {
    let mut hopeful = Vec::new();
    for node in nodes {
        let here = |index: &usize| holders[*index].nodes.contains(node);
        let on_node: Vec<usize> = (0..holders.len()).filter(here).collect();
        if on_node.is_empty() {
            continue;
        }
        let all: Vec<&Holder> = on_node.iter().map(|index| holders[*index]).collect();
        if !(space.gaining.contains(node) && trials.is_impossible(&[&release(&all)], node)) {
            hopeful.push((node.clone(), on_node));
        }
    }
    hopeful
}

/// Sets of so many holders of one node, those with the fewest devices first, and whether these are all.
fn sets<'h>(
    holders: &[&'h Holder],
    hopeful: &[(String, Vec<usize>)],
    size: usize,
) -> (Vec<Vec<&'h Holder>>, bool) {
    let mut found: BTreeSet<(usize, Vec<usize>)> = BTreeSet::new();
    let mut is_all = true;
    for (_, on_node) in hopeful {
        let mut open: Vec<Vec<usize>> = vec![Vec::new()];
        for _ in 0..size {
            let longer = open.iter().flat_map(|set| {
                let next = on_node
                    .iter()
                    .filter(|index| set.last().is_none_or(|last| *index > last));
                next.map(|index| [set.as_slice(), &[*index]].concat())
            });
            open = longer.take(RELEASE_SETS + 1).collect();
            is_all &= open.len() <= RELEASE_SETS;
            open.truncate(RELEASE_SETS);
        }
        for set in open {
            let devices = set.iter().map(|index| holders[*index].devices).sum();
            found.insert((devices, set));
        }
    }
    is_all &= found.len() <= RELEASE_SETS;
    let sets = found.into_iter().take(RELEASE_SETS);
    let sets = sets.map(|(_, set)| set.into_iter().map(|index| holders[index]).collect());
    (sets.collect(), is_all)
}

/// All holders of a node but those that can stay; nothing if it does not fit even so. Those with the most devices are
/// the first to stay.
fn irreducible(
    mut set: Vec<&Holder>,
    node: &str,
    nodes: &[String],
    trials: &mut Trials<'_>,
) -> Option<Offer> {
    let here = [node.to_owned()];
    trials.fits(&[&release(&set)], &here)?;
    // Once one stays, another may that could not before, where fewer free devices can help.
    let mut before = set.len() + 1;
    while set.len() < before {
        before = set.len();
        let mut index = set.len();
        while index > 0 {
            index -= 1;
            let kept = set.remove(index);
            if trials.fits(&[&release(&set)], &here).is_none() {
                set.insert(index, kept);
            }
        }
    }
    let change = release(&set);
    let node = trials.fits(&[&change], nodes)?;
    Some(offer(vec![change], node))
}

/// Two changes that help together, cheapest first; only asked for when no single one does.
fn pairs(
    ladders: &[&Ladder],
    space: &Space,
    nodes: &[String],
    trials: &mut Trials<'_>,
) -> Vec<Offer> {
    trials.is_cut_short |= space.holders.len() > RUNGS;
    let holders = space.holders.iter().take(RUNGS);
    let releases: Vec<Change> = holders.map(|holder| release(&[holder])).collect();
    // What is changed, by ladder and place in it.
    let mut halves: Vec<((usize, usize), &Change)> = Vec::new();
    for (number, ladder) in ladders.iter().enumerate() {
        trials.is_cut_short |= ladder.changes.len() > RUNGS;
        let changes = ladder.changes.iter().take(RUNGS).enumerate();
        halves.extend(changes.map(|(place, change)| ((number, place), change)));
    }
    let numbered = releases.iter().enumerate();
    halves.extend(numbered.map(|(place, change)| ((ladders.len() + place, 0), change)));
    let mut pairs = Vec::new();
    for (index, (a, first)) in halves.iter().enumerate() {
        for (b, second) in &halves[index + 1..] {
            if a.0 != b.0 && !first.excludes(second) {
                pairs.push((first.cost + second.cost, *a, *b, *first, *second));
            }
        }
    }
    pairs.sort_by_key(|(cost, a, b, ..)| (*cost, *a, *b));
    trials.is_cut_short |= pairs.len() > PAIRS_TRIED;
    let mut helping: BTreeSet<(usize, usize)> = BTreeSet::new();
    let mut found = Vec::new();
    for (_, a, b, first, second) in pairs.into_iter().take(PAIRS_TRIED) {
        // Larger changes of two things that help already are of no use.
        if helping.contains(&(a.0, b.0)) {
            continue;
        }
        if let Some(node) = trials.fits(&[first, second], nodes) {
            helping.insert((a.0, b.0));
            found.push(offer(vec![first.clone(), second.clone()], node));
        }
        if found.len() >= PAIRS || trials.is_spent() {
            break;
        }
    }
    found
}
