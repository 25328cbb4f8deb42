//! Brute force: tries devices in upstream's order and asks the judge after each, so that the judge alone decides.
//!
//! If the judge is right, the first answer found this way is upstream's, and none is found where upstream finds none.

use std::collections::{BTreeMap, BTreeSet};

use gpualloc::verify::Fault;
use gpualloc::wire::allocation::{AllocationResult, DeviceRequestAllocationResult};
use gpualloc::wire::claim::{DeviceRequest, ResourceClaim};
use gpualloc::wire::core::Node;
use gpualloc::wire::slice::ResourceSlice;

use crate::case::Case;

/// Objections to these fields are of no interest here: the fields follow from the devices.
const DERIVED: [&str; 9] = [
    "adminAccess",
    "tolerations",
    "bindingConditions",
    "bindingFailureConditions",
    "shareID",
    "consumedCapacity",
    "skipNodeOperations",
    "config",
    "nodeSelector",
];

/// Driver, pool, device.
pub(crate) type Id = (String, String, String);

/// The devices of the claims, per claim in the order of the results, with the names of the requests.
pub(crate) fn first(case: &Case, node: &Node, budget: usize) -> Result<Option<Bare>, OutOfBudget> {
    let mut search = Search {
        case,
        node,
        devices: devices(case, node).ok_or(OutOfBudget)?,
        chosen: vec![AllocationResult::default(); case.claims.len()],
        budget,
    };
    Ok(search
        .claim(0)?
        .then_some(search.chosen)
        .map(|chosen| bare(&chosen)))
}

/// Request, driver, pool and device of each result, per claim.
pub(crate) type Bare = Vec<Vec<(String, Id)>>;

/// Too many tries, or an order that brute force cannot know.
#[derive(Debug)]
pub(crate) struct OutOfBudget;

/// What is left of results when everything that follows from the devices is taken away.
pub(crate) fn bare(results: &[AllocationResult]) -> Bare {
    let of_claim = |result: &AllocationResult| {
        let results = result.devices.results.iter();
        let bare = results.map(|r| {
            let id = (
                r.driver.to_string(),
                r.pool.to_string(),
                r.device.to_string(),
            );
            (r.request.clone(), id)
        });
        bare.collect()
    };
    results.iter().map(of_claim).collect()
}

/// Whether the judge allows the devices, in whichever order, whatever else the results say.
pub(crate) fn devices_are_legal(
    case: &Case,
    node: &Node,
    claims: &[ResourceClaim],
    results: &[AllocationResult],
) -> bool {
    let objections = case.judge(node, claims, results).err().unwrap_or_default();
    objections.iter().all(|objection| {
        let mut fields = objection.field.split(['.', '[']);
        objection.fault == Fault::Order || fields.any(|field| DERIVED.contains(&field))
    })
}

/// All devices that the node may see, in the order in which upstream tries them. `None` where that order cannot be told
/// without upstream's rules for generations.
fn devices(case: &Case, node: &Node) -> Option<Vec<Id>> {
    let for_node = |slice: &&ResourceSlice| {
        let name = slice.spec.node_name.as_deref().unwrap_or_default();
        name.is_empty() || name == node.metadata.name
    };
    let mut slices: Vec<&ResourceSlice> = case.slices.iter().filter(for_node).collect();
    let pool = |slice: &ResourceSlice| (slice.spec.driver.clone(), slice.spec.pool.name.clone());
    let mut generations = BTreeMap::new();
    for slice in &slices {
        let generation = slice.spec.pool.generation;
        if *generations.entry(pool(slice)).or_insert(generation) != generation {
            return None;
        }
    }
    let binds = |slice: &&&ResourceSlice| {
        let mut devices = slice.spec.devices.iter();
        devices.any(|device| device.binding_conditions.is_some())
    };
    let binding: BTreeSet<_> = slices
        .iter()
        .filter(binds)
        .map(|slice| pool(slice))
        .collect();
    slices.sort_by_key(|slice| {
        let pool = pool(slice);
        (binding.contains(&pool), pool, slice.metadata.name.clone())
    });
    let ids = slices.iter().flat_map(|slice| {
        let (driver, pool) = pool(slice);
        let names = slice
            .spec
            .devices
            .iter()
            .map(|device| device.name.to_string());
        names.map(move |name| (driver.to_string(), pool.to_string(), name))
    });
    let ids: Vec<Id> = ids.collect();
    let distinct: BTreeSet<&Id> = ids.iter().collect();
    (distinct.len() == ids.len()).then_some(ids)
}

struct Search<'c> {
    case: &'c Case,
    node: &'c Node,
    devices: Vec<Id>,
    chosen: Vec<AllocationResult>,
    budget: usize,
}

impl Search<'_> {
    fn claim(&mut self, claim: usize) -> Result<bool, OutOfBudget> {
        if claim == self.case.claims.len() {
            let legal = devices_are_legal(self.case, self.node, &self.case.claims, &self.chosen);
            return Ok(legal);
        }
        self.request(claim, 0)
    }

    fn request(&mut self, claim: usize, index: usize) -> Result<bool, OutOfBudget> {
        let case = self.case;
        let Some(request) = case.claims[claim].spec.devices.requests.get(index) else {
            return self.claim(claim + 1);
        };
        for (reference, mode, count) in ways(request) {
            let found = if mode == "All" {
                let all = self.all(claim, &reference);
                !all.is_empty() && self.fixed(claim, index, &reference, &all)?
            } else {
                let count = usize::try_from(count).unwrap_or(0);
                self.some(claim, index, &reference, count, 0)?
            };
            if found {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The devices that the judge counts among all devices of a request.
    fn all(&self, claim: usize, reference: &str) -> Vec<Id> {
        let alone = std::slice::from_ref(&self.case.claims[claim]);
        let meant = |id: &&Id| {
            let mut result = AllocationResult::default();
            result.devices.results.push(device(reference, id));
            let objections = self.case.judge(self.node, alone, &[result]);
            let objections = objections.err().unwrap_or_default();
            objections.iter().all(|objection| {
                let unseen = objection.text.contains("for the node");
                let unusable = objection.field.rsplit('.').next() == Some("pool");
                !objection.text.contains("all devices") && !unseen && !unusable
            })
        };
        self.devices.iter().filter(meant).cloned().collect()
    }

    fn fixed(
        &mut self,
        claim: usize,
        index: usize,
        reference: &str,
        all: &[Id],
    ) -> Result<bool, OutOfBudget> {
        let before = self.chosen[claim].devices.results.len();
        for id in all {
            self.chosen[claim]
                .devices
                .results
                .push(device(reference, id));
        }
        let found = all.len() <= 32 && self.possible()? && self.request(claim, index + 1)?;
        if !found {
            self.chosen[claim].devices.results.truncate(before);
        }
        Ok(found)
    }

    fn some(
        &mut self,
        claim: usize,
        index: usize,
        reference: &str,
        count: usize,
        from: usize,
    ) -> Result<bool, OutOfBudget> {
        if count == 0 {
            return self.request(claim, index + 1);
        }
        if self.chosen[claim].devices.results.len() + count > 32 {
            return Ok(false);
        }
        for at in from..self.devices.len() {
            let result = device(reference, &self.devices[at]);
            self.chosen[claim].devices.results.push(result);
            let found =
                self.possible()? && self.some(claim, index, reference, count - 1, at + 1)?;
            if found {
                return Ok(true);
            }
            self.chosen[claim].devices.results.pop();
        }
        Ok(false)
    }

    /// Whether the judge has nothing against the devices chosen so far but that some are missing.
    fn possible(&mut self) -> Result<bool, OutOfBudget> {
        self.budget = self.budget.checked_sub(1).ok_or(OutOfBudget)?;
        let objections = self.case.judge(self.node, &self.case.claims, &self.chosen);
        let objections = objections.err().unwrap_or_default();
        Ok(objections.iter().all(|objection| {
            objection.text.contains("has no devices")
                || objection.text.contains("devices and needs")
                || objection.text.contains("and there are none")
                || objection
                    .field
                    .split(['.', '['])
                    .any(|f| DERIVED.contains(&f))
        }))
    }
}

/// The ways to serve a request: reference, mode and count.
fn ways(request: &DeviceRequest) -> Vec<(String, &str, i64)> {
    if let (true, Some(exactly)) = (request.first_available.is_empty(), &request.exactly) {
        return vec![(
            request.name.clone(),
            &exactly.allocation_mode,
            exactly.count,
        )];
    }
    let ways = request.first_available.iter().map(|way| {
        let reference = format!("{}/{}", request.name, way.name);
        (reference, way.allocation_mode.as_str(), way.count)
    });
    ways.collect()
}

pub(crate) fn device(reference: &str, id: &Id) -> DeviceRequestAllocationResult {
    DeviceRequestAllocationResult {
        request: reference.to_owned(),
        driver: id.0.as_str().into(),
        pool: id.1.as_str().into(),
        device: id.2.as_str().into(),
        ..DeviceRequestAllocationResult::default()
    }
}
