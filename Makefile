# What a person types: `make demo`, `make test`, `make bench`. Needs Python >= 3.11 and a Rust toolchain; Go only for
# the comparisons with the real upstream allocator (without it they say that they were skipped).

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Cases of the random comparison with the upstream allocator, and of the one with its CEL.
N ?= 300000

.PHONY: help demo test lint test-rust test-python upstream oracle campaign trials bite bench side-by-side wheel clean

help:
	@echo "make demo      set up, find or describe GPUs, then allocate the example cluster"
	@echo "make test      set up, then run everything the gate runs"
	@echo "make bench     time parsing, CEL and allocation, from Rust and from Python, and both engines side by side"
	@echo "make side-by-side  ROW='words' QUICK=--quick  only that, only rows with these words, in smaller worlds"
	@echo "make campaign  N=300000 random cases against the upstream allocator and its CEL"
	@echo "make trials    hard cases, long walks and shuffles at full size, which takes hours"
	@echo "make bite      how many of N random cases each feature decides"
	@echo "make upstream  upstream's own test suite with gpualloc plugged in"

# --- set-up -----------------------------------------------------------------------------------------------------------

$(BIN)/maturin: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet 'maturin>=1.16,<2'
	touch $@

$(VENV)/groups: pyproject.toml $(BIN)/maturin
	$(BIN)/python -m pip install --quiet --group test --group lint --group typing --group bench
	touch $@

# The wheel as users get it, installed; rebuilt only when a source changed.
SOURCES := $(shell find rust python -name '*.rs' -o -name '*.py' -o -name '*.pyi') Cargo.toml Cargo.lock pyproject.toml
$(VENV)/wheel: $(SOURCES) $(BIN)/maturin
	rm -rf build/wheel
	$(BIN)/maturin build --release --quiet --out build/wheel --interpreter $(BIN)/python
	$(BIN)/python -m pip install --quiet --force-reinstall --no-deps build/wheel/*.whl
	$(BIN)/python -m pip install --quiet "$$(ls build/wheel/*.whl)[cli,nvml]"
	touch $@

wheel: $(VENV)/wheel

# --- for people -------------------------------------------------------------------------------------------------------

demo: $(VENV)/wheel
	$(BIN)/python examples/demo.py

# --- the gate, cheapest first -----------------------------------------------------------------------------------------

test: lint test-rust test-python upstream
	@echo "make test: all passed"

lint: $(VENV)/groups
	cargo fmt --check
	cargo clippy --all-targets --quiet -- -D warnings
	cargo clippy --features python --quiet -- -D warnings
	RUSTDOCFLAGS='-D warnings -A rustdoc::private_intra_doc_links' cargo doc --no-deps --document-private-items --quiet
	$(BIN)/ruff check
	$(BIN)/ruff format --check

test-rust: oracle
	GPUALLOC_CASES=$${GPUALLOC_CASES:-20000} cargo test --quiet
	cargo bench --quiet -- --test

test-python: $(VENV)/wheel $(VENV)/groups
	$(BIN)/python -m pytest -q tests benches --benchmark-disable
	$(BIN)/python -m pytest -q --parallel-threads=4 tests/test_threads.py
	$(BIN)/python -m mypy.stubtest gpualloc._native
	$(BIN)/python -m mypy
	$(BIN)/basedpyright
	$(BIN)/python examples/demo.py >/dev/null

# --- comparison with upstream (Go) ------------------------------------------------------------------------------------

oracle:
	@tests/oracle/build.sh || [ $$? -eq 3 ]

upstream: oracle
	cargo build --quiet --example answer
	tests/oracle/upstream.sh || [ $$? -eq 3 ]

campaign: oracle
	GPUALLOC_CASES=$(N) cargo test --release --test differential -- --nocapture
	GPUALLOC_CASES=$(N) cargo test --release --test cel_differential -- --nocapture

# What the gate does in small: cases made as hard as climbing makes them, walks from snapshot to snapshot, documents in
# any order with any hash seed.
trials: $(VENV)/wheel $(VENV)/groups
	GPUALLOC_CLIMBS=1000 cargo test --release --test adversary -- --nocapture
	GPUALLOC_WALKS=100000 cargo test --release --test survey --test many_nodes
	GPUALLOC_SHUFFLES=10000 cargo test --release --test properties order
	GPUALLOC_SHUFFLES=1000 $(BIN)/python -m pytest -q tests/test_determinism.py

# Whether the random cases decide anything: upstream answers that change when a feature's objects are taken out.
bite: oracle
	GPUALLOC_CASES=$(N) cargo test --release --test differential -- --ignored --nocapture bite

# --- benches ----------------------------------------------------------------------------------------------------------

bench: $(VENV)/wheel $(VENV)/groups oracle
	cargo bench --bench engine
	$(BIN)/python -m pytest -q benches --benchmark-only
	cargo bench --quiet --bench side_by_side

# One line for each row of the table: name, upstream's time, ours, ratio. ROW chooses rows by words in their names.
side-by-side: oracle
	cargo bench --quiet --bench side_by_side -- $(QUICK) $(ROW)

clean:
	rm -rf build $(VENV) target
