//! Claims, templates and classes.

use std::collections::BTreeSet;

use super::{Check, Path, name};
use crate::wire::claim::{
    CapacityRequirements, DeviceClaim, DeviceClaimConfiguration, DeviceClassSpec, DeviceConstraint,
    DeviceDerivedAttribute, DeviceRequest, DeviceSelector, DeviceSubRequest, DeviceToleration,
    ExactDeviceRequest, OpaqueDeviceConfiguration,
};

const REQUESTS: usize = 32;
const CONSTRAINTS: usize = 32;
const CONFIGS: usize = 32;
const ALTERNATIVES: usize = 8;
const SELECTORS: usize = 32;
const TOLERATIONS: usize = 16;
const DERIVED_ATTRIBUTES: usize = 32;
const EXPRESSION_LENGTH: usize = 10 * 1024;
const PARAMETERS_LENGTH: usize = 10 * 1024;

pub(super) fn devices(check: &mut Check, at: &Path<'_>, claim: &DeviceClaim) {
    let requests = at.field("requests");
    check.at_most(&requests, claim.requests.len(), REQUESTS);
    for (index, entry) in claim.requests.iter().enumerate() {
        request(check, &requests.index(index), entry, &claim.constraints);
    }
    let names = claim.requests.iter().map(|request| request.name.as_str());
    check.unique(&requests, Some("name"), names);
    let known = references(claim);
    let constraints = at.field("constraints");
    check.at_most(&constraints, claim.constraints.len(), CONSTRAINTS);
    for (index, entry) in claim.constraints.iter().enumerate() {
        constraint(check, &constraints.index(index), entry, &known);
    }
    let configs = at.field("config");
    check.at_most(&configs, claim.config.len(), CONFIGS);
    for (index, entry) in claim.config.iter().enumerate() {
        config(check, &configs.index(index), entry, &known);
    }
}

/// What may be named: each request and each of its alternatives.
pub(super) fn references(claim: &DeviceClaim) -> BTreeSet<String> {
    let mut known = BTreeSet::new();
    for request in &claim.requests {
        known.insert(request.name.clone());
        for alternative in &request.first_available {
            known.insert(format!("{}/{}", request.name, alternative.name));
        }
    }
    known
}

/// What `exactly` and an alternative have in common.
struct Wish<'a> {
    class: &'a str,
    selectors: &'a [DeviceSelector],
    mode: &'a str,
    count: i64,
    tolerations: &'a [DeviceToleration],
    capacity: Option<&'a CapacityRequirements>,
    derived: &'a [DeviceDerivedAttribute],
}

impl<'a> From<&'a ExactDeviceRequest> for Wish<'a> {
    fn from(exact: &'a ExactDeviceRequest) -> Self {
        Self {
            class: &exact.device_class_name,
            selectors: &exact.selectors,
            mode: &exact.allocation_mode,
            count: exact.count,
            tolerations: &exact.tolerations,
            capacity: exact.capacity.as_ref(),
            derived: &exact.derived_attributes,
        }
    }
}

impl<'a> From<&'a DeviceSubRequest> for Wish<'a> {
    fn from(alternative: &'a DeviceSubRequest) -> Self {
        Self {
            class: &alternative.device_class_name,
            selectors: &alternative.selectors,
            mode: &alternative.allocation_mode,
            count: alternative.count,
            tolerations: &alternative.tolerations,
            capacity: alternative.capacity.as_ref(),
            derived: &alternative.derived_attributes,
        }
    }
}

fn request(
    check: &mut Check,
    at: &Path<'_>,
    request: &DeviceRequest,
    constraints: &[DeviceConstraint],
) {
    check.required_name(&at.field("name"), &request.name, name::label);
    let alternatives = at.field("firstAvailable");
    let ways = [
        ("exactly", request.exactly.is_some()),
        ("firstAvailable", !request.first_available.is_empty()),
    ];
    check.exactly_one(at, &ways);
    if let Some(exact) = &request.exactly {
        wish(check, &at.field("exactly"), &exact.into(), constraints);
    }
    check.at_most(&alternatives, request.first_available.len(), ALTERNATIVES);
    for (index, alternative) in request.first_available.iter().enumerate() {
        let entry = alternatives.index(index);
        check.required_name(&entry.field("name"), &alternative.name, name::label);
        wish(check, &entry, &alternative.into(), constraints);
    }
    let names = request
        .first_available
        .iter()
        .map(|entry| entry.name.as_str());
    check.unique(&alternatives, Some("name"), names);
}

fn wish(check: &mut Check, at: &Path<'_>, wish: &Wish<'_>, constraints: &[DeviceConstraint]) {
    check.required_name(&at.field("deviceClassName"), wish.class, name::subdomain);
    selectors(check, &at.field("selectors"), wish.selectors);
    let count = at.field("count");
    match wish.mode {
        "All" if wish.count != 0 => check.invalid(&count, wish.count, "must not be set with All"),
        "ExactCount" if wish.count <= 0 => check.invalid(&count, wish.count, "must be positive"),
        mode => check.one_of(&at.field("allocationMode"), mode, &["All", "ExactCount"]),
    }
    tolerations(check, &at.field("tolerations"), wish.tolerations);
    let requests = at.field("capacity");
    let requests = requests.field("requests");
    for (key, amount) in wish.capacity.iter().flat_map(|capacity| &capacity.requests) {
        let entry = requests.key(key);
        check.name(&entry, key, name::qualified);
        if amount.sign().is_lt() {
            check.invalid(&entry, amount.to_string(), "must not be negative");
        }
    }
    derived(
        check,
        &at.field("derivedAttributes"),
        wish.derived,
        constraints,
    );
}

fn selectors(check: &mut Check, at: &Path<'_>, selectors: &[DeviceSelector]) {
    check.at_most(at, selectors.len(), SELECTORS);
    for (index, selector) in selectors.iter().enumerate() {
        let cel_at = at.index(index);
        let cel_at = cel_at.field("cel");
        match &selector.cel {
            None => check.wrong(&cel_at, "is required"),
            Some(cel) => expression(check, &cel_at.field("expression"), &cel.expression),
        }
    }
}

fn expression(check: &mut Check, at: &Path<'_>, expression: &str) {
    if check.required(at, expression) {
        check.at_most_bytes(at, expression, EXPRESSION_LENGTH);
    }
}

fn derived(
    check: &mut Check,
    at: &Path<'_>,
    derived: &[DeviceDerivedAttribute],
    constraints: &[DeviceConstraint],
) {
    check.at_most(at, derived.len(), DERIVED_ATTRIBUTES);
    for (index, attribute) in derived.iter().enumerate() {
        let entry = at.index(index);
        let name_at = entry.field("name");
        check.required_name(&name_at, &attribute.name, name::fully_qualified);
        expression(check, &entry.field("expression"), &attribute.expression);
        let is_used = constraints.iter().any(|constraint| {
            let named = [&constraint.match_attribute, &constraint.distinct_attribute];
            named
                .into_iter()
                .flatten()
                .any(|name| *name == attribute.name)
        });
        if !is_used && !attribute.name.is_empty() {
            check.invalid(&name_at, &attribute.name, "no constraint refers to it");
        }
    }
    check.unique(
        at,
        Some("name"),
        derived.iter().map(|attribute| attribute.name.as_str()),
    );
}

pub(super) fn tolerations(check: &mut Check, at: &Path<'_>, tolerations: &[DeviceToleration]) {
    check.at_most(at, tolerations.len(), TOLERATIONS);
    for (index, toleration) in tolerations.iter().enumerate() {
        let entry = at.index(index);
        let operator = entry.field("operator");
        if toleration.key.is_empty() {
            if toleration.operator != "Exists" {
                let operator_value = &toleration.operator;
                check.invalid(&operator, operator_value, "must be Exists without a key");
            }
        } else {
            check.name(&entry.field("key"), &toleration.key, name::label_key);
        }
        let value = entry.field("value");
        if toleration.operator == "Exists" {
            if !toleration.value.is_empty() {
                check.invalid(&value, &toleration.value, "must be empty with Exists");
            }
        } else {
            check.one_of(&operator, &toleration.operator, &["Equal", "Exists"]);
            check.name(&value, &toleration.value, name::label_value);
        }
        if !toleration.effect.is_empty() {
            let known = ["NoExecute", "NoSchedule", "None"];
            check.one_of(&entry.field("effect"), &toleration.effect, &known);
        }
    }
}

/// A list of requests that must exist.
pub(super) fn named_requests(
    check: &mut Check,
    at: &Path<'_>,
    requests: &[String],
    known: &BTreeSet<String>,
) {
    check.at_most(at, requests.len(), REQUESTS);
    for (index, request) in requests.iter().enumerate() {
        if !known.contains(request) {
            let why = "must be the name of a request, or request/alternative";
            check.invalid(&at.index(index), request, why);
        }
    }
    check.unique(at, None, requests.iter().map(String::as_str));
}

fn constraint(
    check: &mut Check,
    at: &Path<'_>,
    constraint: &DeviceConstraint,
    known: &BTreeSet<String>,
) {
    named_requests(check, &at.field("requests"), &constraint.requests, known);
    let kinds = [
        ("matchAttribute", &constraint.match_attribute),
        ("distinctAttribute", &constraint.distinct_attribute),
    ];
    check.exactly_one(at, &kinds.map(|(field, name)| (field, name.is_some())));
    for (field, attribute) in kinds {
        if let Some(attribute) = attribute {
            check.required_name(&at.field(field), attribute, name::fully_qualified);
        }
    }
}

fn config(
    check: &mut Check,
    at: &Path<'_>,
    config: &DeviceClaimConfiguration,
    known: &BTreeSet<String>,
) {
    named_requests(check, &at.field("requests"), &config.requests, known);
    opaque(check, &at.field("opaque"), config.opaque.as_ref());
}

/// The one kind of configuration there is.
pub(super) fn opaque(check: &mut Check, at: &Path<'_>, opaque: Option<&OpaqueDeviceConfiguration>) {
    let Some(opaque) = opaque else {
        check.wrong(at, "is required");
        return;
    };
    check.required_name(&at.field("driver"), &opaque.driver, name::driver);
    let (parameters, text) = (at.field("parameters"), opaque.parameters.text());
    if text == "null" {
        check.wrong(&parameters, "is required");
    } else if !text.starts_with('{') {
        check.wrong(&parameters, "must be a JSON object");
    }
    check.at_most_bytes(&parameters, text, PARAMETERS_LENGTH);
}

pub(super) fn class(check: &mut Check, at: &Path<'_>, class: &DeviceClassSpec) {
    selectors(check, &at.field("selectors"), &class.selectors);
    let configs = at.field("config");
    check.at_most(&configs, class.config.len(), CONFIGS);
    for (index, entry) in class.config.iter().enumerate() {
        opaque(
            check,
            &configs.index(index).field("opaque"),
            entry.opaque.as_ref(),
        );
    }
    if let Some(resource) = &class.extended_resource_name {
        let resource_at = at.field("extendedResourceName");
        check.name(&resource_at, resource, name::extended_resource);
    }
}
