//! Families of claims that just do not fit, at the largest sizes that a claim allows: each has a short proof.
//!
//! A plain search takes exponentially many steps for them. Start at [`families`].

use std::time::Instant;

use serde_json::{Value, json};

use crate::{check, kind, prove, read};

const GIB: usize = 1 << 30;

/// One node with one pool of these devices.
pub(crate) fn cluster(devices: &[Value], counters: &[Value], claims: &[Value]) -> Value {
    let pool = json!({"name": "p", "generation": 1, "resourceSliceCount": 2});
    let slice = |name: &str, field: &str, list: &[Value]| {
        json!({"metadata": {"name": name},
               "spec": {"driver": "d", "pool": pool, "nodeName": "n", field: list}})
    };
    let features = [
        "ConsumableCapacity",
        "ListTypeAttributes",
        "PartitionableDevices",
        "PrioritizedList",
    ];
    let on: serde_json::Map<String, Value> = features
        .iter()
        .map(|name| ((*name).to_owned(), json!(true)))
        .collect();
    json!({"name": "family", "features": on,
           "nodes": [{"metadata": {"name": "n"}}],
           "classes": [{"metadata": {"name": "c"},
                        "spec": {"selectors": [{"cel": {"expression": "device.driver == 'd'"}}]}}],
           "slices": [slice("s-counters", "sharedCounters", counters), slice("s-devices", "devices", devices)],
           "claims": claims})
}

fn claim(name: usize, requests: &[Value], constraints: &[Value]) -> Value {
    json!({"metadata": {"namespace": "x", "name": format!("claim-{name}")},
           "spec": {"devices": {"requests": requests, "constraints": constraints}}})
}

fn request(name: usize, count: usize) -> Value {
    json!({"name": format!("r{name}"), "exactly":
           {"deviceClassName": "c", "allocationMode": "ExactCount", "count": count}})
}

/// Devices with an attribute.
fn devices(count: usize, attribute: impl Fn(usize) -> Value) -> Vec<Value> {
    let device = |index: usize| json!({"name": format!("dev-{index:03}"), "attributes": {"a": attribute(index)}});
    (0..count).map(device).collect()
}

fn matching(requests: &[String]) -> Value {
    json!({"matchAttribute": "d/a", "requests": requests})
}

fn a(n: usize) -> Value {
    let wish = claim(0, &[request(0, n / 2 + 1)], &[matching(&[])]);
    cluster(&devices(n, |i| json!({"int": i % 2})), &[], &[wish])
}

fn b(n: usize) -> Value {
    let requests: Vec<Value> = (0..=n / 2).map(|i| request(i, 2)).collect();
    let constraints: Vec<Value> = (0..=n / 2).map(|i| matching(&[format!("r{i}")])).collect();
    cluster(
        &devices(n, |i| json!({"int": i / 2})),
        &[],
        &[claim(0, &requests, &constraints)],
    )
}

/// Devices that are all equal, and claims of so many each.
fn c(n: usize, counts: &[usize]) -> Value {
    let claims = counts.iter().enumerate();
    let claims: Vec<Value> = claims
        .map(|(i, count)| claim(i, &[request(0, *count)], &[]))
        .collect();
    cluster(&devices(n, |_| json!({"int": 1})), &[], &claims)
}

fn d(n: usize) -> Value {
    let wish = |i| claim(i, &[request(0, 2)], &[matching(&[])]);
    cluster(
        &devices(n, |i| json!({"int": i / 2})),
        &[],
        &(0..=n / 2).map(wish).collect::<Vec<_>>(),
    )
}

fn distinct() -> Value {
    let constraint = json!({"distinctAttribute": "d/a"});
    let wish = claim(0, &[request(0, 8)], &[constraint]);
    cluster(&devices(56, |i| json!({"int": i % 7})), &[], &[wish])
}

fn alternatives() -> Value {
    let way = |way: usize, request: usize| {
        let expression = format!("device.attributes['d'].a >= {}", (way + request) % 3);
        json!({"name": format!("w{way}"), "deviceClassName": "c", "allocationMode": "ExactCount",
               "count": 2 + way % 2, "selectors": [{"cel": {"expression": expression}}]})
    };
    let request = |request: usize| {
        let ways: Vec<Value> = (0..8).map(|index| way(index, request)).collect();
        json!({"name": format!("r{request}"), "firstAvailable": ways})
    };
    let wish = claim(0, &(0..8).map(request).collect::<Vec<_>>(), &[]);
    cluster(&devices(15, |i| json!({"int": i})), &[], &[wish])
}

/// Two GPUs that are cut on demand: two halves of four slices, two of three, and one slice more than there is memory.
fn partitions() -> Value {
    let profiles: [(&str, usize, &[usize]); 4] = [
        ("1g", 1, &[0, 1, 2, 3, 4, 5, 6]),
        ("2g", 2, &[0, 2, 4]),
        ("3g", 4, &[0, 4]),
        ("4g", 4, &[0]),
    ];
    let (mut devices, mut sets) = (Vec::new(), Vec::new());
    for gpu in 0..2 {
        let mut counters = json!({"memory": {"value": (80 * GIB).to_string()}});
        for slice in 0..8 {
            counters[format!("slice-{slice}")] = json!({"value": "1"});
        }
        sets.push(json!({"name": format!("gpu-{gpu}"), "counters": counters}));
        for (profile, size, starts) in profiles {
            for start in starts {
                let mut counters = json!({"memory": {"value": (10 * GIB * size).to_string()}});
                for slice in *start..start + size {
                    counters[format!("slice-{slice}")] = json!({"value": "1"});
                }
                devices.push(json!({"name": format!("gpu-{gpu}-{profile}-{start}"),
                    "attributes": {"profile": {"string": profile}},
                    "consumesCounters": [{"counterSet": format!("gpu-{gpu}"), "counters": counters}]}));
            }
        }
    }
    let mut wishes = Vec::new();
    for (index, (profile, count)) in [("4g", 2), ("3g", 2), ("1g", 1)].into_iter().enumerate() {
        let mut request = request(index, count);
        let expression = format!("device.attributes['d'].profile == '{profile}'");
        request["exactly"]["selectors"] = json!([{"cel": {"expression": expression}}]);
        wishes.push(request);
    }
    cluster(&devices, &sets, &[claim(0, &wishes, &[])])
}

/// Shares of 35Gi are rounded up to 40Gi, so each of four devices has room for two.
fn shares() -> Value {
    let device = |index: usize| {
        json!({"name": format!("dev-{index}"), "allowMultipleAllocations": true,
               "capacity": {"memory": {"value": "80Gi", "requestPolicy":
                   {"default": "10Gi", "validRange": {"min": "10Gi", "step": "10Gi"}}}}})
    };
    let wish = |index: usize| {
        let mut request = request(0, 1);
        request["exactly"]["capacity"] = json!({"requests": {"memory": "35Gi"}});
        claim(index, &[request], &[])
    };
    cluster(
        &(0..4).map(device).collect::<Vec<_>>(),
        &[],
        &(0..9).map(wish).collect::<Vec<_>>(),
    )
}

/// Two devices that can be shared and of which one says of a counter that it draws nothing of it, as the other does.
fn zeros() -> Value {
    let device = |index: usize, counters: Value| {
        json!({"name": format!("dev-{index}"), "allowMultipleAllocations": true,
               "capacity": {"memory": {"value": "10"}},
               "consumesCounters": [{"counterSet": "s", "counters": counters}]})
    };
    let wish = |index: usize, memory: &str| {
        let mut request = request(index, 1);
        request["exactly"]["capacity"] = json!({"requests": {"memory": memory}});
        request
    };
    let set = json!({"name": "s", "counters": {"c": {"value": "100"}, "z": {"value": "5"}}});
    cluster(
        &[
            device(0, json!({"c": {"value": "1"}, "z": {"value": "0"}})),
            device(1, json!({"c": {"value": "1"}})),
        ],
        &[set],
        &[claim(0, &[wish(0, "7"), wish(1, "7"), wish(2, "5")], &[])],
    )
}

/// Each device is on two of twelve rings, each ring has eight devices.
fn lists() -> Value {
    let rings = |i: usize| json!({"strings": [format!("ring-{}", i % 12), format!("ring-{}", (i + 1 + i / 12) % 12)]});
    let wish = claim(0, &[request(0, 9)], &[matching(&[])]);
    cluster(&devices(48, rings), &[], &[wish])
}

fn families() -> Vec<(&'static str, Value)> {
    vec![
        ("A, 62 devices", a(62)),
        ("B, 30 devices", b(30)),
        ("C, 31 devices", c(31, &[32])),
        ("C, 128 devices, five claims", c(128, &[26; 5])),
        ("D, 64 devices", d(64)),
        ("two claims, the last too large", c(40, &[20, 21])),
        ("more distinct devices than values", distinct()),
        ("eight requests of eight alternatives", alternatives()),
        ("partitions of two GPUs", partitions()),
        ("shares with steps", shares()),
        ("shares, a counter of which none is drawn", zeros()),
        ("lists of values", lists()),
    ]
}

#[test]
fn families_that_do_not_fit_have_short_proofs() {
    let mut faults = Vec::new();
    for (name, document) in families() {
        let case = read(&document).expect("a case");
        let begun = Instant::now();
        let answer = case.ask("n");
        let asked = begun.elapsed().as_micros();
        let begun = Instant::now();
        let Some(proof) = prove(&case, "n") else {
            faults.push(format!("{name}: {:?}", answer.outcome));
            continue;
        };
        let proved = begun.elapsed().as_micros();
        let begun = Instant::now();
        let verdict = check(&case, "n", &proof);
        let checked = begun.elapsed().as_micros();
        let (kind, size) = (kind(&proof), proof.size());
        println!(
            "{name}: {kind}, size {size}; answer {asked} µs, proof {proved} µs, check {checked} µs"
        );
        if !proof.is_short() || verdict.is_err() {
            faults.push(format!("{name}: {verdict:?}"));
        }
    }
    assert!(faults.is_empty(), "{faults:?}");
}

/// What is stated of a cluster on which the claims do not fit has to be true all the same.
#[test]
fn wrong_statements_about_claims_that_do_not_fit_are_refused() {
    let refused = |document: &Value, change: &dyn Fn(&mut Value)| {
        let case = read(document).expect("a case");
        let proof = prove(&case, "n").expect("a proof");
        assert_eq!(check(&case, "n", &proof), Ok(()));
        let mut written = serde_json::to_value(&proof).expect("a proof is data");
        change(&mut written);
        let changed = serde_json::from_value(written).expect("a proof");
        assert_ne!(proof, changed);
        let verdict = check(&case, "n", &changed);
        assert!(verdict.is_err(), "{changed:?}");
    };
    let mut document = c(3, &[2]);
    let request = &mut document["claims"][0]["spec"]["devices"]["requests"][0];
    request["exactly"]["selectors"] =
        json!([{"cel": {"expression": "device.attributes['d'].a == 2"}}]);
    refused(&document, &|proof| {
        proof["excluded"][1]["reason"] = json!("class");
    });
    refused(&document, &|proof| {
        proof["excluded"][1]["reason"] = json!("taint");
    });
    refused(&document, &|proof| {
        proof["excluded"][1]["device"] = json!("dev-003");
    });
    refused(&document, &|proof| proof["needed"] = json!(3));
    refused(&document, &|proof| proof["room"] = json!(2));
    refused(&document, &|proof| proof["demands"][0]["claim"] = json!(1));
    refused(&document, &|proof| {
        *proof = json!({"kind": "limit", "claim": 0, "needed": 2});
    });
    refused(&document, &|proof| {
        *proof = json!({"kind": "exhausted", "steps": 1_u64 << 40});
    });
    refused(&a(62), &|proof| {
        let cases = proof["cases"][0]["values"].as_array_mut();
        cases.expect("values").pop();
    });
    refused(&a(62), &|proof| proof["constraint"] = json!(1));
    refused(&partitions(), &|proof| proof["left"] = json!("0"));
    refused(&partitions(), &|proof| {
        let counters = proof["counters"].as_array_mut().expect("counters");
        counters.push(counters[0].clone());
    });
    refused(&distinct(), &|proof| {
        let values = proof["grouping"]["values"].as_array_mut();
        values.expect("values").pop();
    });
}
