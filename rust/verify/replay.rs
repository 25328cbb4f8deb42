//! Replays an answer: claim by claim, request by request, device by device.
//!
//! Everything that is wrong is written down and the replay goes on, so that one look shows all faults.
//! Start at [`replay`].

use std::collections::{BTreeMap, BTreeSet};

use super::pools::{Found, Pool, Position, State};
use super::usage::{Usage, id_of};
use super::wish::{Served, Wish, served, wishes};
use super::{Documents, Fault, Objection, key_of, outcome};
use crate::gates::Features;
use crate::wire::allocation::{
    AllocationResult, DeviceAllocationConfiguration, DeviceRequestAllocationResult,
};
use crate::wire::claim::{DeviceClass, DeviceConstraint, ResourceClaim};
use crate::wire::slice::DeviceAttribute;

/// Most devices a claim can have.
const MOST_RESULTS: usize = 32;

/// Everything that is wrong with the answer, in the order found.
pub(super) fn replay<'p, 'a>(
    documents: &'p Documents<'a>,
    pools: &'p [Pool<'a>],
    claims: &[&'p ResourceClaim],
    results: &[AllocationResult],
    features: Features,
) -> Vec<Objection> {
    let mut replay = Replay::new(documents, pools, features);
    replay.check_all_wishes(claims);
    for (index, (claim, result)) in claims.iter().zip(results).enumerate() {
        replay.claim = (index, key_of(&claim.metadata));
        replay.check_claim(claim, result);
    }
    replay.objections
}

/// The state of a replay.
pub(super) struct Replay<'p, 'a> {
    pub(super) documents: &'p Documents<'a>,
    pub(super) pools: &'p [Pool<'a>],
    pub(super) features: Features,
    pub(super) usage: Usage<'p, 'a>,
    /// For requests of all devices, by claim and place in the claim, which devices that are.
    pub(super) everything: BTreeMap<(usize, (usize, usize)), Vec<Position>>,
    /// The claim at hand: its index and its name.
    pub(super) claim: (usize, String),
    pub(super) objections: Vec<Objection>,
}

/// A constraint with the values of the devices picked under it so far.
pub(super) struct Compared<'c> {
    pub(super) constraint: &'c DeviceConstraint,
    pub(super) values: Vec<DeviceAttribute>,
}

impl<'p, 'a> Replay<'p, 'a> {
    /// Nothing is taken but what is held, and nothing is wrong yet.
    pub(super) fn new(
        documents: &'p Documents<'a>,
        pools: &'p [Pool<'a>],
        features: Features,
    ) -> Self {
        Self {
            documents,
            pools,
            features,
            usage: Usage::of_held(documents.held.iter().copied(), features),
            everything: BTreeMap::new(),
            claim: (0, String::new()),
            objections: Vec::new(),
        }
    }

    /// What makes upstream refuse one of the claims before it looks for devices.
    pub(super) fn check_all_wishes(&mut self, claims: &[&'p ResourceClaim]) {
        for (index, claim) in claims.iter().enumerate() {
            self.claim = (index, key_of(&claim.metadata));
            self.check_wishes(claim);
        }
    }

    pub(super) fn object(&mut self, field: impl Into<String>, text: impl Into<String>) {
        self.note(Fault::Illegal, field.into(), text.into());
    }

    fn note(&mut self, fault: Fault, field: String, text: String) {
        self.objections.push(Objection {
            claim: self.claim.1.clone(),
            field,
            text,
            fault,
        });
    }

    pub(super) fn class(&self, name: &str) -> Option<&'a DeviceClass> {
        let mut classes = self.documents.classes.iter();
        classes.find(|class| class.metadata.name == name).copied()
    }

    /// What makes upstream refuse a claim before it looks for devices; alternatives that were not taken count, too.
    fn check_wishes(&mut self, claim: &'p ResourceClaim) {
        for (place, request) in claim.spec.devices.requests.iter().enumerate() {
            let field = format!("spec.devices.requests[{place}]");
            let ways = wishes(place, request);
            if ways.is_empty() {
                self.object(&field, "asks for nothing");
            }
            if !self.features.prioritized_list && !request.first_available.is_empty() {
                self.object(&field, "alternatives are switched off");
            }
            for wish in &ways {
                for text in self.faults_of(wish) {
                    self.object(&field, format!("{}: {text}", wish.reference()));
                }
                if wish.mode == "All" {
                    match self.all_devices(wish) {
                        Ok(all) => {
                            self.everything.insert((self.claim.0, wish.place), all);
                        }
                        Err(text) => self.object(&field, text),
                    }
                }
            }
        }
        for (index, constraint) in claim.spec.devices.constraints.iter().enumerate() {
            if constraint.match_attribute.is_none() && constraint.distinct_attribute.is_none() {
                self.object(format!("spec.devices.constraints[{index}]"), "says nothing");
            }
        }
    }

    fn faults_of(&self, wish: &Wish<'_>) -> Vec<String> {
        let mut texts = Vec::new();
        let mut check = |fault: bool, text: &str| {
            if fault {
                texts.push(text.to_owned());
            }
        };
        let features = self.features;
        check(
            !features.consumable_capacity && wish.capacity.is_some(),
            "capacity requests are switched off",
        );
        check(
            !features.admin_access && wish.admin_access.is_some(),
            "access for administration is switched off",
        );
        check(
            !features.derived_attributes && !wish.derived.is_empty(),
            "derived attributes are switched off",
        );
        check(
            wish.selectors.iter().any(|selector| selector.cel.is_none()),
            "a selector says nothing",
        );
        check(
            !["ExactCount", "All"].contains(&wish.mode),
            "unknown allocation mode",
        );
        check(
            self.class(wish.class).is_none(),
            "the device class does not exist",
        );
        texts
    }

    /// All devices on the node that the request means. Whether they are free plays no part (Q22, Q24), and one
    /// incomplete or invalid pool of whichever driver spoils it (Q21).
    fn all_devices(&mut self, wish: &Wish<'_>) -> Result<Vec<Position>, String> {
        let mut all = Vec::new();
        for (index, pool) in self.pools.iter().enumerate() {
            if pool.state != State::Usable {
                let (driver, name) = (pool.driver, pool.name);
                return Err(format!(
                    "all devices are asked for, but pool {driver}/{name} is not complete and valid"
                ));
            }
            for found in pool.devices(index) {
                if self.unselectable(wish, &found)?.is_none()
                    && self.is_large_enough(wish, &found)?
                {
                    all.push(found.position);
                }
            }
        }
        Ok(all)
    }

    /// How many devices a way to serve a request takes; `None` for all devices where there are none.
    pub(super) fn needed(&self, wish: &Wish<'_>) -> Option<usize> {
        if wish.mode == "All" {
            let all = self.everything.get(&(self.claim.0, wish.place))?;
            return Some(all.len()).filter(|count| *count > 0);
        }
        Some(usize::try_from(wish.count.max(0)).unwrap_or(usize::MAX))
    }

    fn check_claim(&mut self, claim: &'p ResourceClaim, result: &AllocationResult) {
        let results = &result.devices.results;
        if results.len() > MOST_RESULTS {
            let count = results.len();
            self.object(
                RESULTS,
                format!("{count} devices, {MOST_RESULTS} are allowed"),
            );
        }
        let (dealt, texts) = served(claim, results, |wish| self.needed(wish));
        let all_served = texts.is_empty();
        for text in texts {
            self.object(RESULTS, text);
        }
        let constraints = claim.spec.devices.constraints.iter();
        let mut compared: Vec<Compared<'_>> = constraints
            .map(|constraint| Compared {
                constraint,
                values: Vec::new(),
            })
            .collect();
        let first_pick = self.usage.picks.len();
        let mut last_index = None;
        for one in &dealt {
            self.check_request(claim, one, results, &mut compared, &mut last_index);
        }
        if !all_served {
            return;
        }
        let wishes: Vec<Wish<'_>> = dealt.iter().map(|one| one.wish).collect();
        let expected = outcome::configuration(claim, &wishes, |name| self.class(name));
        self.check_configuration(&expected, &result.devices.config);
        let picks: Vec<Found<'_, '_>> = self
            .usage
            .picks
            .iter()
            .skip(first_pick)
            .map(|pick| pick.found)
            .collect();
        match outcome::node_selector(&picks, &self.documents.node.metadata.name) {
            Ok(expected) if expected.as_ref() == result.node_selector.as_deref() => {}
            Ok(Some(_)) => self.object(NODE_SELECTOR, "is not what the devices ask for"),
            Ok(None) => self.object(NODE_SELECTOR, "the devices can be used everywhere"),
            Err(text) => self.object(NODE_SELECTOR, text),
        }
    }

    fn check_request(
        &mut self,
        claim: &'p ResourceClaim,
        one: &Served<'p>,
        results: &[DeviceRequestAllocationResult],
        compared: &mut [Compared<'_>],
        last_index: &mut Option<usize>,
    ) {
        let mut positions = BTreeSet::new();
        let mut last_position = None;
        for &index in &one.results {
            let Some(result) = results.get(index) else {
                continue;
            };
            let field = format!("{RESULTS}[{index}]");
            if last_index.is_some_and(|last| last > index) {
                self.note(
                    Fault::Order,
                    field.clone(),
                    "stands before an earlier request".into(),
                );
            }
            *last_index = Some(index);
            let Some(found) = self.find(&field, result) else {
                continue;
            };
            if !positions.insert(found.position) {
                self.object(format!("{field}.device"), "is there twice for one request");
            } else if last_position.is_some_and(|last| last > found.position) {
                self.note(
                    Fault::Order,
                    field.clone(),
                    "stands behind a later device".into(),
                );
            }
            last_position = Some(found.position);
            self.check_device(&field, &one.wish, found, compared);
            self.check_fields(&field, claim, &one.wish, found, result);
        }
    }

    /// Looks the device up among those the node can use.
    fn find(
        &mut self,
        field: &str,
        result: &DeviceRequestAllocationResult,
    ) -> Option<Found<'p, 'a>> {
        let (driver, name, device) = id_of(result);
        let pools: &'p [Pool<'a>] = self.pools;
        let pool = pools
            .iter()
            .enumerate()
            .find(|(_, pool)| pool.driver == driver && pool.name == name);
        let Some((index, pool)) = pool else {
            self.object(
                format!("{field}.pool"),
                format!("the node sees no pool {driver}/{name}"),
            );
            return None;
        };
        let fault = match &pool.state {
            State::Usable => None,
            State::Incomplete => Some("it is being updated".to_owned()),
            State::Invalid(reason) => Some(reason.clone()),
        };
        if let Some(fault) = fault {
            let text = format!("pool {driver}/{name} cannot be used: {fault}");
            self.object(format!("{field}.pool"), text);
            return None;
        }
        let found = pool
            .devices(index)
            .find(|found| found.device.name == device);
        if found.is_none() {
            let text = format!("pool {driver}/{name} has no device {device} for the node");
            self.object(format!("{field}.device"), text);
        }
        found
    }

    fn check_configuration(
        &mut self,
        expected: &[DeviceAllocationConfiguration],
        actual: &[DeviceAllocationConfiguration],
    ) {
        if expected.len() != actual.len() {
            let (want, got) = (expected.len(), actual.len());
            self.object(CONFIG, format!("has {got} entries, {want} apply"));
            return;
        }
        for (index, (want, got)) in expected.iter().zip(actual).enumerate() {
            let field = format!("{CONFIG}[{index}]");
            if want.source != got.source {
                self.object(
                    format!("{field}.source"),
                    format!("should be {}", want.source),
                );
            }
            if want.requests != got.requests {
                let want = want.requests.join(", ");
                self.object(format!("{field}.requests"), format!("should be [{want}]"));
            }
            let opaque = |entry: &DeviceAllocationConfiguration| {
                let opaque = entry.opaque.as_ref()?;
                Some((opaque.driver.clone(), compact(opaque.parameters.text())))
            };
            if opaque(want) != opaque(got) {
                self.object(format!("{field}.opaque"), "is not what class or claim say");
            }
        }
    }
}

const RESULTS: &str = "status.allocation.devices.results";
const CONFIG: &str = "status.allocation.devices.config";
const NODE_SELECTOR: &str = "status.allocation.nodeSelector";

/// JSON without the blanks between its tokens.
fn compact(json: &str) -> String {
    let mut quoted = false;
    let mut escaped = false;
    let keep = move |c: &char| {
        if quoted {
            quoted = escaped || *c != '"';
            escaped = !escaped && *c == '\\';
            return true;
        }
        quoted = *c == '"';
        !c.is_ascii_whitespace()
    };
    json.chars().filter(keep).collect()
}
