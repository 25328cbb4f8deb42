#!/bin/sh
# Runs upstream's own allocator suite with gpualloc plugged in, or with "dump"
# records what upstream answers to its own tables into tests/vectors/upstream.
# The upstream module is copied out of the module cache into build/upstream,
# because its test package is internal to it.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
root=$(CDPATH= cd -- "$here/../.." && pwd)
copy="$root/build/upstream"
go="$here/go.sh"
module=k8s.io/dynamic-resource-allocation

prepare() {
	version=$(cd "$here" && "$go" list -m -f '{{.Version}}' "$module")
	if [ ! -f "$copy/.version" ] || [ "$(cat "$copy/.version")" != "$version" ]; then
		(cd "$here" && "$go" mod download "$module")
		rm -rf "$copy"
		mkdir -p "$root/build"
		cp -r "$(cd "$here" && "$go" list -m -f '{{.Dir}}' "$module")" "$copy"
		chmod -R u+w "$copy"
		hook "$copy/cel/compile_test.go"
		echo "$version" >"$copy/.version"
	fi
	place cases "$copy/gpualloc/cases"
	place selector "$copy/gpualloc/selector"
	place plug/structured "$copy/structured/internal/gpualloc"
	place plug/cel "$copy/cel"
	place plug/tracker "$copy/resourceslice/tracker"
}

# place copies Go files into the copy and points their imports at it.
place() {
	mkdir -p "$2"
	for file in "$here/$1"/*.go "$here/$1"/*.go.txt; do
		if [ -f "$file" ]; then
			name=$(basename "$file" .txt)
			sed "s#gpualloc.dev/oracle/#$module/gpualloc/#" "$file" >"$2/$name"
		fi
	done
}

# hook lets two tests whose tables are local variables hand their cases over.
hook() {
	sed -i.orig \
		-e 's|^\(\t*\)attr, _, err := result.EvaluateDerivedAttribute(.*|\1keepDerived(t, tc.expression, tc.device, tc.expectAttr, tc.expectEvalError)\n&|' \
		-e 's|EnvType: *new(envType),|EnvType: keepCompiled(t, tc.expression, tc.listTypeAttributesEnabled, envType, tc.expectCompileError),|' \
		"$1"
	rm -f "$1.orig"
	if [ "$(grep -c 'keepDerived(\|keepCompiled(' "$1")" != 2 ]; then
		echo "upstream's CEL tests no longer look as expected" >&2
		exit 1
	fi
}

case "${1:-test}" in
dump)
	prepare
	mkdir -p "$root/tests/vectors/upstream"
	cd "$copy"
	GPUALLOC_VECTORS="$root/tests/vectors/upstream" "$go" test -count=1 -run '^TestDump$' \
		./structured/internal/gpualloc ./cel
	;;
test)
	: "${GPUALLOC_ANSWER:=$root/target/debug/examples/answer}"
	export GPUALLOC_ANSWER
	prepare
	cd "$copy"
	# Of the four interrupt cases three end a search through a Go context, which
	# gpualloc has no counterpart of: it counts steps and never reads a clock.
	"$go" test -count=1 -run '^(TestPlug|TestTaints)$' -skip '^TestPlug$/^allocator$/^interrupt$/^(timeout|deadline|cancel)$' \
		./structured/internal/gpualloc
	;;
*)
	echo "usage: upstream.sh [test|dump]" >&2
	exit 2
	;;
esac
