//! Before the search: every claim is checked and sized, errors come in upstream's order.
//!
//! Start at [`prepare`].

use std::sync::Arc;

use super::selectors::Selectors;
use super::view::View;
use crate::claim::capacity::Size;
use crate::claim::constraint::Constraint;
use crate::claim::{Wish, key};
use crate::error::quoted;
use crate::inventory::pool::PoolState;
use crate::wire::claim::{DeviceClass, DeviceRequest, ResourceClaim};
use crate::wire::slice::Device;

/// Devices that the result of one claim can hold.
pub const MAX_RESULTS: usize = 32;

/// A claim, checked.
pub struct Prepared<'a> {
    /// The claim.
    pub claim: &'a ResourceClaim,
    /// Its requests.
    pub requests: Vec<PreparedRequest<'a>>,
    /// Its constraints, empty.
    pub constraints: Vec<Constraint<'a>>,
}

/// A request, checked.
pub struct PreparedRequest<'a> {
    /// The ways to serve it; one, unless there are alternatives.
    pub wishes: Vec<PreparedWish<'a>>,
    /// Whether they are alternatives.
    pub has_alternatives: bool,
    /// The alternative that the search has chosen.
    pub chosen: usize,
}

/// One way to serve a request, sized.
pub struct PreparedWish<'a> {
    /// What is wanted.
    pub wish: Wish<'a>,
    /// Its class.
    pub class: Arc<DeviceClass>,
    /// Slot of class and selectors; equal wishes share one.
    pub slot: usize,
    /// Number of the capacity it asks for; equal ones share one.
    pub size: usize,
    /// How many devices it takes.
    pub devices: usize,
    /// The devices of an `All` wish, by position in the view.
    pub all: Vec<usize>,
    /// The constraints of the claim that it is under, by position.
    pub under: Vec<usize>,
}

/// Checks and sizes all claims. An error is upstream's text and fatal for the pod.
pub fn prepare<'a>(
    view: &View<'_>,
    claims: &[&'a ResourceClaim],
    selectors: &mut Selectors<'a>,
) -> Result<Vec<Prepared<'a>>, String> {
    let prepared = claims
        .iter()
        .map(|claim| prepare_claim(view, claim, selectors));
    let mut prepared: Vec<Prepared<'_>> = prepared.collect::<Result<_, _>>()?;
    number_sizes(&mut prepared);
    Ok(prepared)
}

/// Gives equal requests for capacity equal numbers, of whichever claims they are.
fn number_sizes(claims: &mut [Prepared<'_>]) {
    let mut known = Vec::new();
    let requests = claims.iter_mut().flat_map(|claim| &mut claim.requests);
    for wish in requests.flat_map(|request| &mut request.wishes) {
        let same = known.iter().position(|size| *size == wish.wish.capacity);
        wish.size = same.unwrap_or(known.len());
        if same.is_none() {
            known.push(wish.wish.capacity);
        }
    }
}

fn prepare_claim<'a>(
    view: &View<'_>,
    claim: &'a ResourceClaim,
    selectors: &mut Selectors<'a>,
) -> Result<Prepared<'a>, String> {
    let devices = &claim.spec.devices;
    let mut requests = Vec::new();
    let mut accounted = 0;
    for request in &devices.requests {
        let prepared = prepare_request(view, claim, request, selectors)?;
        let least = prepared
            .wishes
            .iter()
            .map(|wish| wish.devices)
            .min()
            .unwrap_or(0);
        if least > MAX_RESULTS - accounted {
            return Err(format!(
                "claim {}, request {}: adding {least} devices exceeds the claim limit of {MAX_RESULTS}, with {accounted} already accounted for",
                key(claim),
                request.name
            ));
        }
        accounted += least;
        requests.push(prepared);
    }
    let constraints = devices.constraints.iter().enumerate().map(|(index, constraint)| {
        Constraint::new(constraint).ok_or_else(|| {
            let claim = key(claim);
            format!("claim {claim}, constraint #{index}: empty constraint (unsupported constraint type?)")
        })
    });
    let constraints: Vec<Constraint<'_>> = constraints.collect::<Result<_, String>>()?;
    for wish in requests
        .iter_mut()
        .flat_map(|request: &mut PreparedRequest<'_>| &mut request.wishes)
    {
        let all = constraints.iter().enumerate();
        let under = all.filter(|(_, constraint)| constraint.applies_to(&wish.wish));
        wish.under = under.map(|(at, _)| at).collect();
    }
    Ok(Prepared {
        claim,
        requests,
        constraints,
    })
}

fn prepare_request<'a>(
    view: &View<'_>,
    claim: &'a ResourceClaim,
    request: &'a DeviceRequest,
    selectors: &mut Selectors<'a>,
) -> Result<PreparedRequest<'a>, String> {
    let has_alternatives = !request.first_available.is_empty();
    let named = || format!("claim {}, request {}", key(claim), request.name);
    if has_alternatives && !view.features.prioritized_list {
        return Err(format!(
            "{}: has subrequests, but the DRAPrioritizedList feature is disabled",
            named()
        ));
    }
    if !view.features.consumable_capacity {
        refuse_capacity(claim, request)?;
    }
    let wishes = Wish::of(request);
    if wishes.is_empty() {
        // Upstream crashes here; the API server lets no such request in.
        return Err(format!(
            "{}: neither exactly nor firstAvailable is set",
            named()
        ));
    }
    let mut prepared = Vec::with_capacity(wishes.len());
    for wish in wishes {
        prepared.push(prepare_wish(view, claim, wish, selectors)?);
    }
    Ok(PreparedRequest {
        wishes: prepared,
        has_alternatives,
        chosen: 0,
    })
}

fn refuse_capacity(claim: &ResourceClaim, request: &DeviceRequest) -> Result<(), String> {
    let disabled = "has capacity requests, but the DRAConsumableCapacity feature is disabled";
    if request
        .exactly
        .as_ref()
        .is_some_and(|exact| exact.capacity.is_some())
    {
        return Err(format!(
            "claim {}, request {}: {disabled}",
            key(claim),
            request.name
        ));
    }
    match request
        .first_available
        .iter()
        .find(|sub| sub.capacity.is_some())
    {
        Some(sub) => Err(format!(
            "claim {}, subrequest {}: {disabled}",
            key(claim),
            sub.name
        )),
        None => Ok(()),
    }
}

fn prepare_wish<'a>(
    view: &View<'_>,
    claim: &'a ResourceClaim,
    wish: Wish<'a>,
    selectors: &mut Selectors<'a>,
) -> Result<PreparedWish<'a>, String> {
    let named = || format!("claim {}, request {}", key(claim), wish.name);
    if !wish.derived.is_empty() && !view.features.derived_attributes {
        return Err(format!(
            "{}: cannot handle request with derived attributes, the feature is disabled",
            named()
        ));
    }
    if let Some(index) = wish
        .selectors
        .iter()
        .position(|selector| selector.cel.is_none())
    {
        return Err(format!(
            "{}, selector #{index}: CEL expression empty (unsupported selector type?)",
            named()
        ));
    }
    if !view.features.admin_access && wish.admin_access.is_some() {
        return Err(format!(
            "{}: admin access is requested, but the feature is disabled",
            named()
        ));
    }
    if wish.class.is_empty() {
        return Err(format!(
            "{}: missing device class name (unsupported request type?)",
            named()
        ));
    }
    let Some(class) = view.inventory.class(wish.class) else {
        let name = wish.class;
        return Err(format!(
            "{}: could not retrieve device class {name}: deviceclass.resource.k8s.io {} not found",
            named(),
            quoted(name)
        ));
    };
    let mut prepared = PreparedWish {
        wish,
        class: Arc::clone(class),
        slot: selectors.slot(class, wish.selectors),
        size: 0,
        devices: 0,
        all: Vec::new(),
        under: Vec::new(),
    };
    match wish.mode {
        // A negative count asks for nothing, as upstream compares it (it crashes if all requests of a claim do).
        "ExactCount" => prepared.devices = usize::try_from(wish.count.max(0)).unwrap_or(usize::MAX),
        "All" => {
            prepared.all = all_devices(view, claim, &prepared, selectors)?;
            prepared.devices = prepared.all.len();
        }
        mode => return Err(format!("{}: unsupported count mode {mode}", named())),
    }
    Ok(prepared)
}

fn is_large_enough(
    view: &View<'_>,
    wish: &PreparedWish<'_>,
    device: &Device,
) -> Result<bool, String> {
    let fractional = view.features.fractional_capacity_range;
    Size::of(wish.wish.capacity, &device.capacity, fractional)?.fits(&device.capacity, |_| 0)
}

/// The devices of an `All` wish: all that the selectors take and that are large enough when nothing is consumed.
/// Devices in use are among them, so that the wish fails while one is taken.
fn all_devices(
    view: &View<'_>,
    claim: &ResourceClaim,
    wish: &PreparedWish<'_>,
    selectors: &mut Selectors<'_>,
) -> Result<Vec<usize>, String> {
    let named = || format!("claim {}, request {}", key(claim), wish.wish.name);
    let mut all = Vec::new();
    for (pool, range) in view.pools.iter().zip(view.ranges) {
        let trouble = match &pool.state {
            PoolState::Incomplete { .. } => "being updated",
            PoolState::Invalid { .. } => "invalid",
            PoolState::Usable { .. } => "",
        };
        if !trouble.is_empty() {
            let pool = &pool.id;
            return Err(format!(
                "{}: asks for all devices, but resource pool {pool} is currently {trouble}",
                named()
            ));
        }
        for position in range.clone() {
            if !selectors.is_selectable(view, claim, wish, position)? {
                continue;
            }
            let device = view.devices[position].document();
            let fits = !view.features.consumable_capacity
                || is_large_enough(view, wish, device).map_err(|error| {
                    format!(
                        "{}: checking capacity for device {}: {error}",
                        named(),
                        device.name
                    )
                })?;
            if fits {
                all.push(position);
            }
        }
    }
    Ok(all)
}
