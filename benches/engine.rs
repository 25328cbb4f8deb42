//! What the engine costs without Python: reading a cluster, compiling and evaluating a selector, allocating a claim.
//!
//! `cargo bench` times; `cargo bench -- --test` runs each once, as the gate does.

#[expect(dead_code, reason = "the comparison with upstream uses the rest")]
mod scenarios;

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use gpualloc::allocation::{Options, allocate_each, allocate_on, survey};
use gpualloc::cel::Selector;
use gpualloc::inventory::Inventory;
use gpualloc::wire::claim::ResourceClaim;
use scenarios::hgx;

/// As many as the largest clusters that Kubernetes supports.
const NODES: usize = 5_000;
const GPUS: usize = 8;

/// The selector that every class of a driver begins with.
const DRIVER_SELECTOR: &str = "device.driver == \"gpu.nvidia.com\"";

/// All of the kinds of terms that selectors are made of.
const JOINED_SELECTOR: &str = "device.driver == \"gpu.nvidia.com\" && device.attributes[\"gpu.nvidia.com\"].productName == \"NVIDIA H100 80GB HBM3\" && device.capacity[\"gpu.nvidia.com\"].memory.compareTo(quantity(\"40Gi\")) >= 0";

/// A domain that is looked into twice, bound to a name.
const BIND_SELECTOR: &str = "cel.bind(gpu, device.attributes[\"gpu.nvidia.com\"], gpu.type == \"gpu\" && gpu.productName == \"NVIDIA H100 80GB HBM3\")";

/// A selector that gives another result for each device.
const UUID_SELECTOR: &str = "device.attributes[\"gpu.nvidia.com\"].uuid.endsWith(\"7\")";

fn claim(count: usize) -> Vec<Arc<ResourceClaim>> {
    let documents = scenarios::hgx_world(0, GPUS, count).claims.join("\n");
    let read = Inventory::from_json(documents.as_bytes()).expect("a claim");
    read.claims().cloned().collect()
}

fn read(criterion: &mut Criterion) {
    let documents = scenarios::hgx_world(NODES, GPUS, 1).documents();
    let mut group = criterion.benchmark_group("read");
    group.sample_size(10);
    group.throughput(Throughput::Bytes(documents.len() as u64));
    group.bench_function("5000 nodes x 8 GPUs", |bencher| {
        bencher.iter(|| Inventory::from_json(black_box(documents.as_bytes())).expect("documents"));
    });
    group.finish();
}

fn cel(criterion: &mut Criterion) {
    let documents = scenarios::hgx_world(1, GPUS, 1).documents();
    let inventory = Inventory::from_json(documents.as_bytes()).expect("documents");
    let slice = inventory.slices().next().expect("a slice");
    let device = slice.cel_device(0);
    let mut group = criterion.benchmark_group("cel");
    for (name, expression) in [
        ("driver", DRIVER_SELECTOR),
        ("memory", hgx::MEMORY_SELECTOR),
        ("product", hgx::PRODUCT_SELECTOR),
        ("version", hgx::VERSION_SELECTOR),
        ("joined", JOINED_SELECTOR),
        ("bind", BIND_SELECTOR),
    ] {
        group.bench_function(format!("compile {name}"), |bencher| {
            bencher.iter(|| Selector::compile(black_box(expression)).expect("a selector"));
        });
        let selector = Selector::compile(expression).expect("a selector");
        assert_eq!(selector.matches(device), Ok(true));
        group.bench_function(format!("evaluate {name}"), |bencher| {
            bencher.iter(|| selector.matches(black_box(device)).expect("a verdict"));
        });
    }
    group.finish();
}

/// Every device gives another result, so none can be remembered; the inventory is looked at for the first time.
fn unique(criterion: &mut Criterion) {
    let documents = scenarios::hgx_world(NODES, GPUS, 1).documents();
    let selector = Selector::compile(UUID_SELECTOR).expect("a selector");
    let mut group = criterion.benchmark_group("cel");
    group.sample_size(10);
    group.bench_function("evaluate uuid of 40000 devices, cold", |bencher| {
        bencher.iter_batched_ref(
            || Inventory::from_json(documents.as_bytes()).expect("documents"),
            |inventory| {
                let matching: usize = inventory
                    .slices()
                    .map(|slice| {
                        let devices = 0..slice.document().spec.devices.len();
                        devices
                            .filter(|index| selector.matches(slice.cel_device(*index)) == Ok(true))
                            .count()
                    })
                    .sum();
                assert_eq!(matching, NODES);
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

fn allocate(criterion: &mut Criterion) {
    let documents = scenarios::hgx_world(NODES, GPUS, 1).documents();
    let inventory = Inventory::from_json(documents.as_bytes()).expect("documents");
    let nodes: Vec<String> = inventory
        .nodes()
        .map(|node| node.metadata.name.clone())
        .collect();
    let options = Options::default();
    let mut group = criterion.benchmark_group("allocate");
    for count in [1, 8] {
        let claims = claim(count);
        group.bench_function(format!("{count} GPUs on one node"), |bencher| {
            bencher.iter(|| {
                let answer = allocate_on(&inventory, black_box(&nodes[2_500]), &claims, &options);
                assert!(answer.is_placed());
                answer
            });
        });
    }
    group.sample_size(10);
    let claims = claim(1);
    group.bench_function("1 GPU on each of 5000 nodes", |bencher| {
        bencher.iter_batched(
            || (),
            |()| {
                let answers = allocate_each(&inventory, &nodes, &claims, &options);
                assert!(answers.iter().all(gpualloc::allocation::Answer::is_placed));
                answers
            },
            BatchSize::LargeInput,
        );
    });
    group.bench_function("survey of 5000 nodes, nothing remembered", |bencher| {
        bencher.iter(|| survey(black_box(&inventory), &claims, &options, None));
    });
    let before = survey(&inventory, &claims, &options, None);
    let mut other = ResourceClaim::clone(&claims[0]);
    "somebody-else".clone_into(&mut other.metadata.name);
    let answer = allocate_on(&inventory, &nodes[2_500], &[Arc::new(other)], &options);
    let after = inventory.commit(&answer).expect("its own snapshot");
    group.bench_function("survey of 5000 nodes after one commit", |bencher| {
        bencher.iter(|| survey(black_box(&after), &claims, &options, Some(&before)));
    });
    group.finish();
}

criterion_group!(benches, read, cel, unique, allocate);
criterion_main!(benches);
