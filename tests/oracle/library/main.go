// Command library records what single calls of CEL's extension functions give: value or error, and cost.
//
// It prints one JSON object per line: {"function", "overload", "args", "value" or "error", "cost"}. The seed is the
// first argument, the number of calls per overload the second. Values are tagged: {"string": "a"}, {"int": "1"}, …;
// values of Kubernetes' own types are given by the text they are read from. Start at main.
package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"math/rand"
	"os"
	"sort"
	"strconv"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	"k8s.io/apimachinery/pkg/util/version"
	apiservercel "k8s.io/apiserver/pkg/cel"
	"k8s.io/apiserver/pkg/cel/environment"
)

// call is one function with the pools its arguments are drawn from.
type call struct {
	function, overload string
	member             bool
	pools              [][]arg
}

// arg is an argument: how it is written down, its static type and its value.
type arg struct {
	tag   map[string]any
	kind  *cel.Type
	value ref.Val
}

type record struct {
	Function string           `json:"function"`
	Overload string           `json:"overload"`
	Args     []map[string]any `json:"args"`
	Value    map[string]any   `json:"value,omitempty"`
	Error    *string          `json:"error,omitempty"`
	Cost     uint64           `json:"cost"`
}

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return value
}

func baseEnv() *cel.Env {
	return environment.MustBaseEnvSet(version.MajorMinor(1, 37)).StoredExpressionsEnv()
}

// tag writes a value down.
func tag(value ref.Val) map[string]any {
	one := func(name string, text any) map[string]any { return map[string]any{name: text} }
	switch v := value.(type) {
	case types.Null:
		return one("null", true)
	case types.Bool:
		return one("bool", bool(v))
	case types.Int:
		return one("int", strconv.FormatInt(int64(v), 10))
	case types.Uint:
		return one("uint", strconv.FormatUint(uint64(v), 10))
	case types.Double:
		return one("double", strconv.FormatUint(math.Float64bits(float64(v)), 10))
	case types.String:
		return one("string", string(v))
	case types.Bytes:
		return one("bytes", base64.StdEncoding.EncodeToString(v))
	case types.Duration:
		return one("duration", strconv.FormatInt(v.Nanoseconds(), 10))
	case types.Timestamp:
		return one("timestamp", strconv.FormatInt(v.UnixNano(), 10))
	case apiservercel.Quantity:
		return one("quantity", v.String())
	case *apiservercel.Quantity:
		return one("quantity", v.String())
	case apiservercel.Semver:
		return one("semver", v.Version.String())
	case apiservercel.IP:
		return one("ip", v.Addr.String())
	case apiservercel.CIDR:
		return one("cidr", v.Prefix.String())
	case apiservercel.URL:
		return one("url", v.URL.String())
	case apiservercel.Format:
		return one("format", v.Name)
	case *types.Optional:
		if !v.HasValue() {
			return one("none", true)
		}
		return one("some", tag(v.GetValue()))
	case *types.Type:
		return one("type", v.TypeName())
	case traits.Mapper:
		entries := [][]any{}
		for it := v.Iterator(); it.HasNext() == types.True; {
			key := it.Next()
			entries = append(entries, []any{tag(key), tag(v.Get(key))})
		}
		sort.Slice(entries, func(i, j int) bool { return fmt.Sprint(entries[i][0]) < fmt.Sprint(entries[j][0]) })
		return one("map", entries)
	case traits.Lister:
		elements := []any{}
		for it := v.Iterator(); it.HasNext() == types.True; {
			elements = append(elements, tag(it.Next()))
		}
		return one("list", elements)
	}
	return one("other", fmt.Sprintf("%T", value))
}

func main() {
	seed, count := int64(1), 40
	if len(os.Args) > 2 {
		seed = must(strconv.ParseInt(os.Args[1], 10, 64))
		count = must(strconv.Atoi(os.Args[2]))
	}
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	env := baseEnv()
	random := rand.New(rand.NewSource(seed))
	for _, call := range calls(env) {
		seen := map[string]bool{}
		for i := 0; i < count*(1+len(call.pools)); i++ {
			args := make([]arg, len(call.pools))
			for position, pool := range call.pools {
				args[position] = pool[random.Intn(len(pool))]
			}
			result := run(env, call, args)
			key := string(must(json.Marshal(result.Args)))
			if !seen[key] {
				seen[key] = true
				must(0, encoder.Encode(result))
			}
		}
	}
}

// run evaluates one call; reading the arguments costs 1 each, which is taken off.
func run(env *cel.Env, call call, args []arg) record {
	names, options, input := []string{}, []cel.EnvOption{}, map[string]any{}
	result := record{Function: call.function, Overload: call.overload, Args: []map[string]any{}}
	for position, arg := range args {
		name := fmt.Sprintf("x%d", position)
		names = append(names, name)
		options = append(options, cel.Variable(name, arg.kind))
		input[name] = arg.value
		result.Args = append(result.Args, arg.tag)
	}
	text := call.function + "(" + strings.Join(names, ", ") + ")"
	if call.member {
		text = names[0] + "." + call.function + "(" + strings.Join(names[1:], ", ") + ")"
	}
	extended := must(env.Extend(options...))
	ast, issues := extended.Compile(text)
	must(0, issues.Err())
	value, details, err := must(extended.Program(ast)).Eval(input)
	result.Cost = *details.ActualCost() - uint64(len(args))
	if err != nil {
		message := err.Error()
		result.Error = &message
	} else {
		result.Value = tag(value)
	}
	return result
}
