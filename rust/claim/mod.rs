//! What is wanted, in the form the search works with: requests and alternatives alike, constraints, capacities.
//!
//! Knows nothing of what is held. Start at [`Wish`].

pub mod capacity;
pub mod constraint;
pub mod taint;

use crate::inventory::ClaimKey;
use crate::wire::claim::{
    CapacityRequirements, DeviceDerivedAttribute, DeviceRequest, DeviceSelector, DeviceSubRequest,
    DeviceToleration, ResourceClaim,
};

/// The key of a claim document.
pub fn key(claim: &ResourceClaim) -> ClaimKey {
    ClaimKey::new(&claim.metadata.namespace, &claim.metadata.name)
}

/// One way to serve a request: the request itself, or one alternative of `firstAvailable`.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// Name of the request, or of the alternative.
    pub name: &'a str,
    /// Name of the request that the alternative belongs to.
    pub parent: Option<&'a str>,
    /// Name of the device class.
    pub class: &'a str,
    /// Conditions beside those of the class.
    pub selectors: &'a [DeviceSelector],
    /// `ExactCount`, `All` or something unknown.
    pub mode: &'a str,
    /// Devices wanted with `ExactCount`.
    pub count: i64,
    /// As written; also `false` counts as asked for.
    pub admin_access: Option<bool>,
    /// Taints accepted.
    pub tolerations: &'a [DeviceToleration],
    /// Capacities wanted.
    pub capacity: Option<&'a CapacityRequirements>,
    /// Attributes computed for constraints.
    pub derived: &'a [DeviceDerivedAttribute],
}

impl<'a> Wish<'a> {
    /// The ways to serve a request, in the order they are tried; none for a request that says nothing.
    pub fn of(request: &'a DeviceRequest) -> Vec<Self> {
        if request.first_available.is_empty() {
            return request
                .exactly
                .iter()
                .map(|exact| Self::exact(&request.name, exact))
                .collect();
        }
        let alternatives = request.first_available.iter();
        alternatives
            .map(|sub| Self::alternative(&request.name, sub))
            .collect()
    }

    /// One of the ways to serve a request.
    pub fn nth(request: &'a DeviceRequest, alternative: usize) -> Option<Self> {
        if request.first_available.is_empty() {
            let exact = request.exactly.as_ref().filter(|_| alternative == 0);
            return exact.map(|exact| Self::exact(&request.name, exact));
        }
        let sub = request.first_available.get(alternative)?;
        Some(Self::alternative(&request.name, sub))
    }

    fn alternative(request: &'a str, sub: &'a DeviceSubRequest) -> Self {
        Self {
            name: &sub.name,
            parent: Some(request),
            class: &sub.device_class_name,
            selectors: &sub.selectors,
            mode: &sub.allocation_mode,
            count: sub.count,
            admin_access: None,
            tolerations: &sub.tolerations,
            capacity: sub.capacity.as_ref(),
            derived: &sub.derived_attributes,
        }
    }

    fn exact(name: &'a str, exact: &'a crate::wire::claim::ExactDeviceRequest) -> Self {
        Self {
            name,
            parent: None,
            class: &exact.device_class_name,
            selectors: &exact.selectors,
            mode: &exact.allocation_mode,
            count: exact.count,
            admin_access: exact.admin_access,
            tolerations: &exact.tolerations,
            capacity: exact.capacity.as_ref(),
            derived: &exact.derived_attributes,
        }
    }

    /// Whether all devices are wanted.
    pub fn wants_all(&self) -> bool {
        self.mode == "All"
    }

    /// Whether it is for administration.
    pub fn is_admin(&self) -> bool {
        self.admin_access == Some(true)
    }

    /// The name of the request in constraints and configurations.
    pub fn base(&self) -> &'a str {
        self.parent.unwrap_or(self.name)
    }

    /// `request` or `request/alternative`, as results name it.
    pub fn reference(&self) -> String {
        match self.parent {
            None => self.name.to_owned(),
            Some(parent) => format!("{parent}/{}", self.name),
        }
    }

    /// Whether a list of request references means this wish.
    pub fn is_named_in(&self, requests: &[String]) -> bool {
        requests.iter().any(|request| {
            request == self.base() || self.parent.is_some() && *request == self.reference()
        })
    }
}
