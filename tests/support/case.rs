//! The case format: reads a case, asks this crate, gives the answer in the form that the upstream oracle uses.
//!
//! The format is described in `tests/vectors/README.md`. Never defaults anything: cases are written with the defaults in.
//! Start reading at [`answer`].

use std::collections::BTreeSet;
use std::sync::Arc;

use gpualloc::allocation::{Answer, Foresight, Options, Outcome, Scope, allocate_on};
use gpualloc::gates::Features;
use gpualloc::inventory::Inventory;
use gpualloc::verify::verify;
use gpualloc::wire::allocation::AllocationResult;
use gpualloc::wire::claim::ResourceClaim;
use serde_json::{Map, Value, json};

/// A case that has been read.
pub(crate) struct Case {
    pub(crate) inventory: Inventory,
    pub(crate) nodes: Vec<String>,
    pub(crate) claims: Vec<Arc<ResourceClaim>>,
    pub(crate) options: Options<'static>,
}

/// What this crate answers, in the form of the oracle; an unreadable case gives an object with `error`.
pub(crate) fn answer(case: &Value) -> Value {
    answer_with(case, Foresight::Never)
}

/// The same, with foresight.
pub(crate) fn answer_with(case: &Value, foresight: Foresight) -> Value {
    let name = case["name"].clone();
    match Case::read(case) {
        Ok(mut read) => {
            read.options.foresight = foresight;
            let nodes: Vec<Value> = read
                .nodes
                .iter()
                .map(|node| read.node_answer(node))
                .collect();
            let channel = if read.options.features.is_experimental() {
                "experimental"
            } else {
                "incubating"
            };
            json!({"name": name, "channel": channel, "nodes": nodes})
        }
        Err(error) => json!({"name": name, "error": error}),
    }
}

impl Case {
    /// Reads the documents of a case.
    pub(crate) fn read(case: &Value) -> Result<Self, String> {
        let mut features = features(&case["features"])?;
        features.device_taint_rules =
            features.device_taints && case["taintRulesEnabled"] != json!(false);
        let mut held = BTreeSet::new();
        if !list(case, "held").all(|claim| held.insert(claim["metadata"].to_string())) {
            return Err("held: two claims of the same name".to_owned());
        }
        let documents = Value::Array(documents(case)).to_string();
        let inventory =
            Inventory::from_json_as_is(documents.as_bytes()).map_err(|error| error.to_string())?;
        let claims = list(case, "claims")
            .map(|claim| serde_json::from_str::<ResourceClaim>(&claim.to_string()).map(Arc::new))
            .collect::<Result<_, _>>()
            .map_err(|error| format!("claims: {error}"))?;
        let nodes = list(case, "nodes")
            .filter_map(|node| node["metadata"]["name"].as_str().map(str::to_owned))
            .collect();
        Ok(Self {
            inventory,
            nodes,
            claims,
            // Upstream's steps are those of the plain search.
            options: Options {
                features,
                foresight: Foresight::Never,
                ..Options::default()
            },
        })
    }

    /// The answer for one node.
    pub(crate) fn ask(&self, node: &str) -> Answer {
        allocate_on(&self.inventory, node, &self.claims, &self.options)
    }

    /// The answer for one node as the oracle writes it; with what the verifier objects to, if it does.
    fn node_answer(&self, node: &str) -> Value {
        let answer = self.ask(node);
        let mut line = node_answer(&answer);
        let objections = self.objections(&answer);
        if !objections.is_empty() {
            line["objections"] = json!(objections);
        }
        line
    }

    fn objections(&self, answer: &Answer) -> Vec<String> {
        if !answer.is_placed() {
            return Vec::new();
        }
        let results: Vec<AllocationResult> = answer
            .allocations()
            .iter()
            .map(|claim| AllocationResult::clone(&claim.allocation))
            .collect();
        let verdict = verify(
            &self.inventory,
            &answer.node,
            &self.claims,
            &results,
            self.options.features,
        );
        verdict
            .err()
            .into_iter()
            .flatten()
            .map(|objection| objection.to_string())
            .collect()
    }
}

/// An answer for one node as the oracle writes it.
fn node_answer(answer: &Answer) -> Value {
    let mut line = json!({"node": answer.node, "steps": answer.steps});
    let outcome = match &answer.outcome {
        Outcome::Placed(claims) => {
            let results: Vec<Value> = claims
                .iter()
                .map(|claim| {
                    hide_shares(serde_json::to_value(&claim.allocation).unwrap_or_default())
                })
                .collect();
            line["results"] = Value::Array(results);
            "placed"
        }
        Outcome::Impossible(_) => "unfit",
        Outcome::Undecided(_) => "undecided",
        Outcome::Error(error) => {
            line["scope"] = json!(if error.scope == Scope::Node {
                "node"
            } else {
                "fatal"
            });
            line["error"] = json!(error.text);
            "error"
        }
    };
    line["outcome"] = json!(outcome);
    line
}

/// Upstream draws share IDs at random, so they are compared as one constant.
fn hide_shares(mut allocation: Value) -> Value {
    let results = allocation
        .pointer_mut("/devices/results")
        .and_then(Value::as_array_mut);
    for result in results.into_iter().flatten() {
        if result.get("shareID").is_some() {
            result["shareID"] = json!("SHARE");
        }
    }
    allocation
}

fn list<'a>(case: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    case[field].as_array().into_iter().flatten()
}

/// Features by the names that upstream gives them.
fn features(fields: &Value) -> Result<Features, String> {
    let mut features = Features::default();
    for (name, on) in fields.as_object().into_iter().flatten() {
        let field = match name.as_str() {
            "AdminAccess" => &mut features.admin_access,
            "CompatibilityGroups" => &mut features.compatibility_groups,
            "ConsumableCapacity" => &mut features.consumable_capacity,
            "DerivedAttributes" => &mut features.derived_attributes,
            "DeviceBindingAndStatus" => &mut features.device_binding_and_status,
            "DeviceTaints" => &mut features.device_taints,
            "FractionalCapacityRange" => &mut features.fractional_capacity_range,
            "ListTypeAttributes" => &mut features.list_type_attributes,
            "OptionalNodeOperations" => &mut features.optional_node_operations,
            "PartitionableDevices" => &mut features.partitionable_devices,
            "PrioritizedList" => &mut features.prioritized_list,
            _ => return Err(format!("features: unknown feature {name:?}")),
        };
        *field = on
            .as_bool()
            .ok_or_else(|| format!("features: {name} is no truth value"))?;
    }
    Ok(features)
}

/// All documents of the case but the claims asked for, each with its kind.
fn documents(case: &Value) -> Vec<Value> {
    let mut documents = Vec::new();
    let kinds = [
        ("nodes", "v1", "Node"),
        ("classes", "resource.k8s.io/v1", "DeviceClass"),
        ("slices", "resource.k8s.io/v1", "ResourceSlice"),
        ("taintRules", "resource.k8s.io/v1", "DeviceTaintRule"),
        ("held", "resource.k8s.io/v1", "ResourceClaim"),
    ];
    for (field, api_version, kind) in kinds {
        let mut names = BTreeSet::new();
        for document in list(case, field) {
            let mut document = document.clone();
            if let Some(fields) = document.as_object_mut() {
                fields.insert("apiVersion".to_owned(), json!(api_version));
                fields.insert("kind".to_owned(), json!(kind));
            }
            if kind == "ResourceSlice" {
                unique(&mut document, &mut names);
            }
            documents.push(document);
        }
    }
    documents.extend(allocated(&case["allocated"]));
    documents
}

/// Upstream's own suite has slices of equal names, which no cluster has: later ones get a name that sorts right behind.
fn unique(document: &mut Value, names: &mut BTreeSet<String>) {
    let Some(name) = document["metadata"]["name"].as_str().map(str::to_owned) else {
        return;
    };
    let mut candidate = name.clone();
    let mut number = 0;
    while !names.insert(candidate.clone()) {
        number += 1;
        candidate = format!("{name}-again-{number}");
    }
    if candidate != name {
        document["metadata"]["name"] = json!(candidate);
    }
}

/// The allocated state given directly, as held claims that come to the same.
fn allocated(state: &Value) -> Vec<Value> {
    let mut results: Vec<Map<String, Value>> = Vec::new();
    for entry in list(state, "devices").chain(list(state, "shared")) {
        results.extend(entry.as_object().cloned());
    }
    for entry in list(state, "capacity") {
        let same = |result: &&mut Map<String, Value>| {
            let fields = ["driver", "pool", "device"];
            result.contains_key("shareID")
                && !result.contains_key("consumedCapacity")
                && fields
                    .iter()
                    .all(|field| result.get(*field) == entry.get(*field))
        };
        if let Some(share) = results.iter_mut().find(same) {
            share.insert("consumedCapacity".to_owned(), entry["capacity"].clone());
            continue;
        }
        let mut result = entry.as_object().cloned().unwrap_or_default();
        let capacity = result.remove("capacity").unwrap_or_default();
        result.insert("consumedCapacity".to_owned(), capacity);
        result.insert("shareID".to_owned(), json!("unknown"));
        results.push(result);
    }
    let held = |(index, mut result): (usize, Map<String, Value>)| {
        result.insert("request".to_owned(), json!("held"));
        json!({"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim",
               "metadata": {"namespace": "allocated", "name": format!("held-{index}"), "uid": format!("held-{index}")},
               "spec": {}, "status": {"allocation": {"devices": {"results": [result]}}}})
    };
    results.into_iter().enumerate().map(held).collect()
}
