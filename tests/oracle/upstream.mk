# Upstream's own suite, driving gpualloc instead of the Go allocator.
.PHONY: upstream vectors

upstream:
	cargo build --example answer
	tests/oracle/upstream.sh test

# Records upstream's outcomes anew; only needed for a new upstream release.
vectors:
	tests/oracle/upstream.sh dump
