//! A request or one of its alternatives, in one form; and which results serve which request.
//!
//! Looks at names and counts only. Start at [`wishes`] and [`served`].

use crate::wire::allocation::DeviceRequestAllocationResult;
use crate::wire::claim::{
    CapacityRequirements, DeviceDerivedAttribute, DeviceRequest, DeviceSelector, DeviceToleration,
    ResourceClaim,
};

/// One way to serve a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish<'a> {
    /// Place of the request in the claim and of the alternative in the request.
    pub(super) place: (usize, usize),
    /// Name of the request.
    pub(super) request: &'a str,
    /// Name of the alternative, inside `firstAvailable`.
    pub(super) alternative: Option<&'a str>,
    pub(super) class: &'a str,
    pub(super) selectors: &'a [DeviceSelector],
    pub(super) mode: &'a str,
    pub(super) count: i64,
    pub(super) admin_access: Option<bool>,
    pub(super) tolerations: &'a [DeviceToleration],
    pub(super) capacity: Option<&'a CapacityRequirements>,
    pub(super) derived: &'a [DeviceDerivedAttribute],
}

impl Wish<'_> {
    /// How results name it.
    pub(super) fn reference(&self) -> String {
        match self.alternative {
            Some(alternative) => format!("{}/{alternative}", self.request),
            None => self.request.to_owned(),
        }
    }

    /// Whether a list of request names means it: by the request's name or by its own.
    pub(super) fn is_named_in(&self, requests: &[String]) -> bool {
        requests.iter().any(|name| name == self.request) || requests.contains(&self.reference())
    }

    pub(super) fn is_admin(&self) -> bool {
        self.admin_access == Some(true)
    }
}

/// The ways to serve a request, in order of preference. None if the request says nothing.
pub(super) fn wishes(place: usize, request: &DeviceRequest) -> Vec<Wish<'_>> {
    if request.first_available.is_empty() {
        let exactly = request.exactly.iter().map(|exactly| Wish {
            place: (place, 0),
            request: &request.name,
            alternative: None,
            class: &exactly.device_class_name,
            selectors: &exactly.selectors,
            mode: &exactly.allocation_mode,
            count: exactly.count,
            admin_access: exactly.admin_access,
            tolerations: &exactly.tolerations,
            capacity: exactly.capacity.as_ref(),
            derived: &exactly.derived_attributes,
        });
        return exactly.collect();
    }
    let alternatives = request.first_available.iter().enumerate();
    let alternatives = alternatives.map(|(index, alternative)| Wish {
        place: (place, index),
        request: &request.name,
        alternative: Some(&alternative.name),
        class: &alternative.device_class_name,
        selectors: &alternative.selectors,
        mode: &alternative.allocation_mode,
        count: alternative.count,
        admin_access: None,
        tolerations: &alternative.tolerations,
        capacity: alternative.capacity.as_ref(),
        derived: &alternative.derived_attributes,
    });
    alternatives.collect()
}

/// A request with the alternative that was taken and the results that serve it, as indices.
#[derive(Debug)]
pub(super) struct Served<'a> {
    pub(super) wish: Wish<'a>,
    pub(super) results: Vec<usize>,
}

/// Deals the results of a claim out to its requests. `needed` says how many devices a way to serve a request takes,
/// `None` that it cannot be served. What could not be dealt out is told as texts.
pub(super) fn served<'a>(
    claim: &'a ResourceClaim,
    results: &[DeviceRequestAllocationResult],
    needed: impl Fn(&Wish<'a>) -> Option<usize>,
) -> (Vec<Served<'a>>, Vec<String>) {
    let mut free: Vec<usize> = (0..results.len()).collect();
    let mut dealt = Vec::new();
    let mut texts = Vec::new();
    for (place, request) in claim.spec.devices.requests.iter().enumerate() {
        let ways = wishes(place, request);
        let serves = |wish: &Wish<'_>, index: &usize| {
            results
                .get(*index)
                .is_some_and(|result| result.request == wish.reference())
        };
        // The alternative is the one that the first result names; without results, the first that needs none.
        let named = free
            .iter()
            .find_map(|index| ways.iter().find(|wish| serves(wish, index)));
        let Some(wish) = named.or_else(|| ways.iter().find(|wish| needed(wish) == Some(0))) else {
            texts.push(format!("request {} has no devices", request.name));
            continue;
        };
        let Some(count) = needed(wish) else {
            let name = wish.reference();
            texts.push(format!(
                "request {name} asks for all devices, and there are none"
            ));
            continue;
        };
        let taken: Vec<usize> = free
            .iter()
            .copied()
            .filter(|index| serves(wish, index))
            .take(count)
            .collect();
        if taken.len() < count {
            let (name, got) = (wish.reference(), taken.len());
            texts.push(format!(
                "request {name} has {got} devices and needs {count}"
            ));
        }
        free.retain(|index| !taken.contains(index));
        dealt.push(Served {
            wish: *wish,
            results: taken,
        });
    }
    for result in free.into_iter().filter_map(|index| results.get(index)) {
        texts.push(format!(
            "device {} serves {}, which did not ask for it",
            result.device, result.request
        ));
    }
    (dealt, texts)
}
