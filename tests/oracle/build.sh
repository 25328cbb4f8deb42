#!/bin/sh
# Builds the oracle into build/oracle if a source is newer, and prints its path.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
root=$(CDPATH= cd -- "$here/../.." && pwd)
bin="$root/build/oracle"
newer=yes
if [ -x "$bin" ]; then
	newer=$(find "$here" \( -name '*.go' -o -name 'go.*' \) -newer "$bin" | head -n 1)
fi
if [ -n "$newer" ]; then
	mkdir -p "$root/build"
	(cd "$here" && ./go.sh build -buildvcs=false -o "$bin" .) >&2
	touch "$bin"
fi
echo "$bin"
