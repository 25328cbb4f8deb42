//! Every change of one field of an answer that must make it wrong, whatever the devices are.

use std::sync::Arc;

use gpualloc::quantity::{Format, Quantity};
use gpualloc::wire::RawJson;
use gpualloc::wire::allocation::{
    AllocationResult, DeviceAllocationConfiguration, DeviceRequestAllocationResult,
};
use gpualloc::wire::claim::{DeviceToleration, OpaqueDeviceConfiguration};
use gpualloc::wire::core::{NodeSelector, NodeSelectorRequirement, NodeSelectorTerm};
use std::collections::BTreeMap;

type Edit<T> = (&'static str, fn(&mut T));

/// All mutations of the results of several claims, each with what was changed.
pub(crate) fn all(results: &[AllocationResult]) -> Vec<(String, Vec<AllocationResult>)> {
    let mut mutants = Vec::new();
    for claim in 0..results.len() {
        let mut add = |what: String, change: &dyn Fn(&mut AllocationResult)| {
            let mut mutant = results.to_vec();
            change(&mut mutant[claim]);
            if mutant != results {
                mutants.push((format!("claim {claim}{what}"), mutant));
            }
        };
        for at in 0..results[claim].devices.results.len() {
            device(at, &mut add);
        }
        for at in 0..results[claim].devices.config.len() {
            config(at, &mut add);
        }
        for (what, edit) in CLAIM {
            add(format!(": {what}"), &|mutant| edit(mutant));
        }
    }
    mutants
}

type Add<'a> = dyn FnMut(String, &dyn Fn(&mut AllocationResult)) + 'a;

fn device(at: usize, add: &mut Add<'_>) {
    for (what, edit) in DEVICE {
        add(format!(" device {at}: {what}"), &|mutant| {
            edit(&mut mutant.devices.results[at]);
        });
    }
    add(format!(" device {at}: left out"), &|mutant| {
        mutant.devices.results.remove(at);
    });
    add(format!(" device {at}: there twice"), &|mutant| {
        let mut again = mutant.devices.results[at].clone();
        again.share_id = again.share_id.map(|id| id.replace("-5000-", "-4000-"));
        mutant.devices.results.insert(at, again);
    });
    add(format!(" device {at}: behind the next"), &|mutant| {
        if at + 1 < mutant.devices.results.len() {
            mutant.devices.results.swap(at, at + 1);
        }
    });
    for other in 0..at {
        add(format!(" device {at}: share of {other}"), &|mutant| {
            let share = mutant.devices.results[other].clone();
            let this = &mut mutant.devices.results[at];
            let same = (&share.driver, &share.pool, &share.device)
                == (&this.driver, &this.pool, &this.device);
            if same && share.share_id.is_some() {
                this.share_id = share.share_id;
            }
        });
    }
}

fn config(at: usize, add: &mut Add<'_>) {
    for (what, edit) in CONFIG {
        add(format!(" config {at}: {what}"), &|mutant| {
            edit(&mut mutant.devices.config[at]);
        });
    }
    add(format!(" config {at}: left out"), &|mutant| {
        mutant.devices.config.remove(at);
    });
    add(format!(" config {at}: behind the next"), &|mutant| {
        if at + 1 < mutant.devices.config.len() {
            mutant.devices.config.swap(at, at + 1);
        }
    });
}

const DEVICE: &[Edit<DeviceRequestAllocationResult>] = &[
    ("unknown request", |r| "nobody".clone_into(&mut r.request)),
    ("request without its alternative", |r| {
        r.request = r.request.split('/').next().unwrap_or_default().to_owned();
    }),
    ("invented alternative", |r| r.request.push_str("/nobody")),
    ("unknown driver", |r| {
        r.driver = format!("{}x", r.driver).as_str().into();
    }),
    ("unknown pool", |r| {
        r.pool = format!("{}x", r.pool).as_str().into();
    }),
    ("unknown device", |r| {
        r.device = format!("{}x", r.device).as_str().into();
    }),
    ("adminAccess true", |r| {
        r.admin_access = if r.admin_access == Some(true) {
            None
        } else {
            Some(true)
        };
    }),
    ("adminAccess false", |r| r.admin_access = Some(false)),
    ("one more toleration", |r| {
        r.tolerations.push(DeviceToleration::default());
    }),
    ("one toleration less", |r| drop(r.tolerations.pop())),
    ("other toleration", |r| {
        if let Some(first) = r.tolerations.first_mut() {
            first.key.push('x');
        }
    }),
    ("toleration seconds", |r| {
        if let Some(first) = r.tolerations.first_mut() {
            first.toleration_seconds = first.toleration_seconds.xor(Some(7));
        }
    }),
    ("one more binding condition", |r| {
        r.binding_conditions.push("x".to_owned());
    }),
    ("one binding condition less", |r| {
        drop(r.binding_conditions.pop());
    }),
    ("one more failure condition", |r| {
        r.binding_failure_conditions.push("x".to_owned());
    }),
    ("one failure condition less", |r| {
        drop(r.binding_failure_conditions.pop());
    }),
    ("share without identifier", |r| r.share_id = None),
    ("share of an unshared device", |r| {
        if r.share_id.is_none() {
            r.share_id = Some("00000000-0000-5000-8000-00000000abcd".to_owned());
        }
    }),
    ("share by another word", |r| {
        if let Some(id) = &mut r.share_id {
            id.replace_range(..1, "X");
        }
    }),
    ("consumes one more", |r| {
        for amount in r
            .consumed_capacity
            .iter_mut()
            .flat_map(|c| c.values_mut().take(1))
        {
            *amount = amount.add(&Quantity::from_i64(1, Format::DecimalSi));
        }
    }),
    ("consumes one less", |r| {
        for amount in r
            .consumed_capacity
            .iter_mut()
            .flat_map(|c| c.values_mut().take(1))
        {
            *amount = amount.sub(&Quantity::from_i64(1, Format::DecimalSi));
        }
    }),
    ("consumes what is not there", |r| {
        let amounts = r.consumed_capacity.get_or_insert_default();
        amounts.insert("nothing".to_owned(), Quantity::default());
    }),
    ("one consumption less", |r| {
        if let Some(amounts) = &mut r.consumed_capacity {
            amounts.pop_first();
        }
    }),
    ("consumes nothing", |r| r.consumed_capacity = None),
    ("empty consumption", |r| {
        r.consumed_capacity = Some(BTreeMap::default());
    }),
    ("one more node operation", |r| {
        r.skip_node_operations.push("x".to_owned());
    }),
    ("one node operation less", |r| {
        drop(r.skip_node_operations.pop());
    }),
    ("compatibility groups", |r| {
        r.compatibility_groups = Some(RawJson::default());
    }),
];

const CONFIG: &[Edit<DeviceAllocationConfiguration>] = &[
    ("other source", |c| {
        let other = if c.source == "FromClass" {
            "FromClaim"
        } else {
            "FromClass"
        };
        other.clone_into(&mut c.source);
    }),
    ("one more request", |c| c.requests.push("nobody".to_owned())),
    ("one request less", |c| drop(c.requests.pop())),
    ("for all requests", |c| c.requests.clear()),
    ("no parameters", |c| c.opaque = None),
    ("other parameters", |c| {
        let opaque = c
            .opaque
            .get_or_insert_with(OpaqueDeviceConfiguration::default);
        opaque.parameters = serde_json::from_str(r#"{"kind":"Other"}"#).expect("JSON");
    }),
    ("other driver", |c| {
        c.opaque
            .get_or_insert_with(OpaqueDeviceConfiguration::default)
            .driver
            .push('x');
    }),
];

const CLAIM: &[Edit<AllocationResult>] = &[
    ("no devices", |r| r.devices.results.clear()),
    ("one more config", |r| {
        r.devices.config.push(DeviceAllocationConfiguration {
            source: "FromClaim".to_owned(),
            ..DeviceAllocationConfiguration::default()
        });
    }),
    ("usable everywhere", |r| r.node_selector = None),
    ("usable nowhere", |r| {
        r.node_selector = Some(NodeSelector::default().into());
    }),
    ("one more term", |r| {
        let selector = r.node_selector.get_or_insert_default();
        let terms = &mut Arc::make_mut(selector).node_selector_terms;
        terms.push(NodeSelectorTerm::default());
    }),
    ("one more requirement", |r| {
        for term in r
            .node_selector
            .iter_mut()
            .flat_map(|s| &mut Arc::make_mut(s).node_selector_terms)
        {
            term.match_expressions.push(NodeSelectorRequirement {
                key: "x".to_owned(),
                operator: "Exists".to_owned(),
                values: Vec::new(),
            });
        }
    }),
    ("for another node", |r| {
        let terms = r
            .node_selector
            .iter_mut()
            .flat_map(|s| &mut Arc::make_mut(s).node_selector_terms);
        let values = terms
            .flat_map(|t| t.match_fields.iter_mut().chain(&mut t.match_expressions))
            .flat_map(|requirement| &mut requirement.values);
        for value in values {
            value.push('x');
        }
    }),
];
