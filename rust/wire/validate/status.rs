//! Allocations and consumers of claims.

use std::collections::BTreeSet;

use super::{Check, Path, claim, device, name, selector, slice};
use crate::wire::allocation::{
    AllocationResult, DeviceAllocationConfiguration, DeviceRequestAllocationResult,
    ResourceClaimConsumerReference,
};
use crate::wire::claim::ResourceClaim;

const RESULTS: usize = 32;
const CONFIGS: usize = 64;
const CONSUMERS: usize = 256;

pub(super) fn status(check: &mut Check, at: &Path<'_>, claim: &ResourceClaim) {
    let known = claim::references(&claim.spec.devices);
    if let Some(allocated) = &claim.status.allocation {
        allocation(check, &at.field("allocation"), allocated, &known);
    }
    let consumers = at.field("reservedFor");
    reserved_for(check, &consumers, &claim.status.reserved_for);
    if claim.status.allocation.is_none() && !claim.status.reserved_for.is_empty() {
        check.wrong(&consumers, "needs an allocation");
    }
}

fn reserved_for(check: &mut Check, at: &Path<'_>, consumers: &[ResourceClaimConsumerReference]) {
    check.at_most(at, consumers.len(), CONSUMERS);
    for (index, consumer) in consumers.iter().enumerate() {
        let entry = at.index(index);
        check.required(&entry.field("resource"), &consumer.resource);
        check.required(&entry.field("name"), &consumer.name);
        check.required(&entry.field("uid"), &consumer.uid);
    }
    check.unique(
        at,
        Some("uid"),
        consumers.iter().map(|consumer| consumer.uid.as_str()),
    );
}

fn allocation(
    check: &mut Check,
    at: &Path<'_>,
    allocation: &AllocationResult,
    known: &BTreeSet<String>,
) {
    let devices = at.field("devices");
    let (results, configs) = (devices.field("results"), devices.field("config"));
    check.at_most(&results, allocation.devices.results.len(), RESULTS);
    for (index, entry) in allocation.devices.results.iter().enumerate() {
        result(check, &results.index(index), entry, known);
    }
    check.at_most(&configs, allocation.devices.config.len(), CONFIGS);
    for (index, entry) in allocation.devices.config.iter().enumerate() {
        config(check, &configs.index(index), entry, known);
    }
    if let Some(nodes) = &allocation.node_selector {
        selector::single_term(check, &at.field("nodeSelector"), nodes);
    }
}

fn result(
    check: &mut Check,
    at: &Path<'_>,
    result: &DeviceRequestAllocationResult,
    known: &BTreeSet<String>,
) {
    if !known.contains(&result.request) {
        let why = "must be the name of a request, or request/alternative";
        check.invalid(&at.field("request"), &result.request, why);
    }
    check.required_name(&at.field("driver"), &result.driver, name::driver);
    check.required_name(&at.field("pool"), &result.pool, name::pool);
    check.required_name(&at.field("device"), &result.device, name::label);
    claim::tolerations(check, &at.field("tolerations"), &result.tolerations);
    let (needed, failing) = (
        &result.binding_conditions,
        &result.binding_failure_conditions,
    );
    device::conditions(check, at, needed, failing);
    if let Some(share) = &result.share_id {
        check.name(&at.field("shareID"), share, name::uuid);
    }
    let consumed = at.field("consumedCapacity");
    for key in result
        .consumed_capacity
        .iter()
        .flat_map(|consumed| consumed.keys())
    {
        check.name(&consumed.key(key), key, name::qualified);
    }
    let operations = &result.skip_node_operations;
    slice::skip_node_operations(check, &at.field("skipNodeOperations"), operations);
}

fn config(
    check: &mut Check,
    at: &Path<'_>,
    config: &DeviceAllocationConfiguration,
    known: &BTreeSet<String>,
) {
    let source = at.field("source");
    if check.required(&source, &config.source) {
        check.one_of(&source, &config.source, &["FromClass", "FromClaim"]);
    }
    claim::named_requests(check, &at.field("requests"), &config.requests, known);
    claim::opaque(check, &at.field("opaque"), config.opaque.as_ref());
}
