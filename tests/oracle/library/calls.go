package main

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	apiservercel "k8s.io/apiserver/pkg/cel"
)

func stringArgs(texts ...string) []arg {
	args := []arg{}
	for _, text := range texts {
		args = append(args, arg{map[string]any{"string": text}, cel.StringType, types.String(text)})
	}
	return args
}

func intArgs(numbers ...int64) []arg {
	args := []arg{}
	for _, number := range numbers {
		tag := map[string]any{"int": strconv.FormatInt(number, 10)}
		args = append(args, arg{tag, cel.IntType, types.Int(number)})
	}
	return args
}

// made gives values that a function makes of texts; texts it refuses are left out.
func made(env *cel.Env, name, function string, kind *cel.Type, texts []string) []arg {
	args := []arg{}
	for _, text := range texts {
		source := stringArgs(text)
		extended := must(env.Extend(cel.Variable("x0", cel.StringType)))
		ast, issues := extended.Compile(function + "(x0)")
		must(0, issues.Err())
		value, _, err := must(extended.Program(ast)).Eval(map[string]any{"x0": source[0].value})
		if err == nil {
			args = append(args, arg{map[string]any{name: text}, kind, value})
		}
	}
	return args
}

func listArgs(kind *cel.Type, lists ...[]ref.Val) []arg {
	args := []arg{}
	for _, list := range lists {
		value := types.NewRefValList(types.DefaultTypeAdapter, list)
		args = append(args, arg{tag(value), cel.ListType(kind), value})
	}
	return args
}

func dynamic(args ...[]arg) []arg {
	all := []arg{}
	for _, pool := range args {
		for _, each := range pool {
			all = append(all, arg{each.tag, cel.DynType, each.value})
		}
	}
	return all
}

func ints(numbers ...int64) []ref.Val {
	list := []ref.Val{}
	for _, number := range numbers {
		list = append(list, types.Int(number))
	}
	return list
}

func texts(words ...string) []ref.Val {
	list := []ref.Val{}
	for _, word := range words {
		list = append(list, types.String(word))
	}
	return list
}

// many is a list with equal elements, long enough for Go's sorting to leave insertion sort.
func many(length, modulus, step int64) []ref.Val {
	list := []ref.Val{}
	for i := int64(0); i < length; i++ {
		list = append(list, types.Int(i*step%modulus))
	}
	return list
}

func duration(text string) ref.Val { return types.Duration{Duration: must(time.ParseDuration(text))} }

func moment(text string) ref.Val {
	return types.Timestamp{Time: must(time.Parse(time.RFC3339Nano, text))}
}

// calls is the list of all functions with their pools.
func calls(env *cel.Env) []call {
	short := stringArgs("", "a", "b", "abc", "aXbYc", "héllo", "日本語", "😀x", "a,b,,c", "aaaa", "é", ",", "aa", "İıſK", "bc")
	spaced := stringArgs(" \t pad \u00a0\u2003", "\u0085x\u200b", "\ufeffa ", "", "  ", "no", "\v\f\r\n a\u3000")
	odd := stringArgs("a\"b\\c\u0007\b\f\n\r\t\v", "\u0000\u007f\u00ad", "\u200b\U0001F600é", "")
	all := append(append(append([]arg{}, short...), spaced...), odd...)
	small := intArgs(-3, -1, 0, 1, 2, 3, 4, 5, 8, 100, math.MaxInt64, math.MinInt64)
	quantities := made(env, "quantity", "quantity", apiservercel.QuantityType, quantityTexts)
	semvers := made(env, "semver", "semver", apiservercel.SemverType, semverTexts)
	ips := made(env, "ip", "ip", apiservercel.IPType, ipTexts)
	cidrs := made(env, "cidr", "cidr", apiservercel.CIDRType, cidrTexts)
	urls := made(env, "url", "url", apiservercel.URLType, urlTexts)
	formats := []arg{}
	for _, name := range formatNames {
		ast, issues := env.Compile("format." + name + "()")
		must(0, issues.Err())
		value, _, err := must(env.Program(ast)).Eval(map[string]any{})
		formats = append(formats, arg{map[string]any{"format": name}, apiservercel.FormatType, must(value, err)})
	}
	intLists := listArgs(cel.IntType, ints(), ints(1), ints(3, 1, 2), ints(1, 2, 2, 1), ints(math.MaxInt64, 1), many(20, 3, 7), many(64, 5, 3), many(100, 100, 37))
	stringLists := listArgs(cel.StringType, texts(), texts("b", "a", "é"), texts("a", "a"), texts("long text of some words", "x"), texts(""))
	doubleLists := listArgs(cel.DoubleType, []ref.Val{types.Double(1.5), types.Double(math.NaN()), types.Double(-1)}, []ref.Val{}, []ref.Val{types.Double(2), types.Double(1)})
	durationLists := listArgs(cel.DurationType, []ref.Val{duration("1h"), duration("-5m3.5s")}, []ref.Val{}, []ref.Val{duration("2562047h"), duration("2562047h")})
	timeLists := listArgs(cel.TimestampType, []ref.Val{moment("2020-01-02T03:04:05Z"), moment("2019-01-02T03:04:05.5Z")})
	boolLists := listArgs(cel.BoolType, []ref.Val{types.True, types.False}, []ref.Val{types.False})
	mixedLists := dynamic(listArgs(cel.DynType, []ref.Val{types.Int(1), types.Uint(1), types.Double(1), types.String("1"), types.NullValue}, []ref.Val{types.Double(1), types.True, types.Int(1)}))
	nested := listArgs(cel.DynType, []ref.Val{types.NewRefValList(types.DefaultTypeAdapter, ints(1, 2)), types.Int(3), types.NewRefValList(types.DefaultTypeAdapter, []ref.Val{types.NewRefValList(types.DefaultTypeAdapter, ints(4))})}, ints(1))
	mixed := dynamic(intArgs(1, 3), stringArgs("a", "1", ""), []arg{{map[string]any{"null": true}, cel.NullType, types.NullValue}}, quantities[:4])
	regexes, regexInputs := stringArgs(patterns...), stringArgs(subjects...)
	limits := intArgs(-1, 0, 1, 2, 5)
	list := []call{
		{"charAt", "string_char_at_int", true, [][]arg{short, small}},
		{"indexOf", "string_index_of_string", true, [][]arg{short, short}},
		{"indexOf", "string_index_of_string_int", true, [][]arg{short, short, small}},
		{"lastIndexOf", "string_last_index_of_string", true, [][]arg{short, short}},
		{"lastIndexOf", "string_last_index_of_string_int", true, [][]arg{short, short, small}},
		{"lowerAscii", "string_lower_ascii", true, [][]arg{all}},
		{"upperAscii", "string_upper_ascii", true, [][]arg{all}},
		{"trim", "string_trim", true, [][]arg{all}},
		{"strings.quote", "strings_quote", false, [][]arg{all}},
		{"replace", "string_replace_string_string", true, [][]arg{short, short, short}},
		{"replace", "string_replace_string_string_int", true, [][]arg{short, short, short, small}},
		{"split", "string_split_string", true, [][]arg{short, short}},
		{"split", "string_split_string_int", true, [][]arg{short, short, small}},
		{"substring", "string_substring_int", true, [][]arg{short, small}},
		{"substring", "string_substring_int_int", true, [][]arg{short, small, small}},
		{"join", "list_join", true, [][]arg{stringLists}},
		{"join", "list_join_string", true, [][]arg{stringLists, short}},
		{"format", "string_format", true, [][]arg{stringArgs(formatTexts...), formatArgs()}},
		{"find", "string_find_string", true, [][]arg{regexInputs, regexes}},
		{"find", "string_find_string", true, [][]arg{regexInputs, regexes}},
		{"findAll", "string_find_all_string", true, [][]arg{regexInputs, regexes}},
		{"findAll", "string_find_all_string_int", true, [][]arg{regexInputs, regexes, limits}},
		{"quantity", "string_to_quantity", false, [][]arg{stringArgs(quantityTexts...)}},
		{"isQuantity", "is_quantity_string", false, [][]arg{stringArgs(quantityTexts...)}},
		{"sign", "quantity_sign", false, [][]arg{quantities}},
		{"asApproximateFloat", "quantity_get_float", true, [][]arg{quantities}},
		{"asInteger", "quantity_get_int", true, [][]arg{quantities}},
		{"isInteger", "quantity_is_integer", true, [][]arg{quantities}},
		{"isGreaterThan", "quantity_is_greater_than", true, [][]arg{quantities, quantities}},
		{"isLessThan", "quantity_is_less_than", true, [][]arg{quantities, quantities}},
		{"compareTo", "quantity_compare_to", true, [][]arg{quantities, quantities}},
		{"add", "quantity_add", true, [][]arg{quantities, quantities}},
		{"add", "quantity_add_int", true, [][]arg{quantities, intArgs(0, 1, -7, 1000)}},
		{"sub", "quantity_sub", true, [][]arg{quantities, quantities}},
		{"sub", "quantity_sub_int", true, [][]arg{quantities, intArgs(0, 1, -7, 1000)}},
		{"semver", "string_to_semver", false, [][]arg{stringArgs(semverTexts...)}},
		{"semver", "string_bool_to_semver", false, [][]arg{stringArgs(semverTexts...), boolArgs()}},
		{"isSemver", "is_semver_string", false, [][]arg{stringArgs(semverTexts...)}},
		{"isSemver", "is_semver_string_bool", false, [][]arg{stringArgs(semverTexts...), boolArgs()}},
		{"isGreaterThan", "semver_is_greater_than", true, [][]arg{semvers, semvers}},
		{"isLessThan", "semver_is_less_than", true, [][]arg{semvers, semvers}},
		{"compareTo", "semver_compare_to", true, [][]arg{semvers, semvers}},
		{"major", "semver_major", true, [][]arg{semvers}},
		{"minor", "semver_minor", true, [][]arg{semvers}},
		{"patch", "semver_patch", true, [][]arg{semvers}},
		{"ip", "string_to_ip", false, [][]arg{stringArgs(ipTexts...)}},
		{"isIP", "is_ip", false, [][]arg{stringArgs(ipTexts...)}},
		{"ip.isCanonical", "ip_is_canonical", false, [][]arg{stringArgs(ipTexts...)}},
		{"string", "ip_to_string", false, [][]arg{ips}},
		{"family", "ip_family", true, [][]arg{ips}},
		{"isUnspecified", "ip_is_unspecified", true, [][]arg{ips}},
		{"isLoopback", "ip_is_loopback", true, [][]arg{ips}},
		{"isLinkLocalMulticast", "ip_is_link_local_multicast", true, [][]arg{ips}},
		{"isLinkLocalUnicast", "ip_is_link_local_unicast", true, [][]arg{ips}},
		{"isGlobalUnicast", "ip_is_global_unicast", true, [][]arg{ips}},
		{"cidr", "string_to_cidr", false, [][]arg{stringArgs(cidrTexts...)}},
		{"isCIDR", "is_cidr", false, [][]arg{stringArgs(cidrTexts...)}},
		{"string", "cidr_to_string", false, [][]arg{cidrs}},
		{"ip", "cidr_ip", true, [][]arg{cidrs}},
		{"masked", "cidr_masked", true, [][]arg{cidrs}},
		{"prefixLength", "cidr_prefix_length", true, [][]arg{cidrs}},
		{"containsIP", "cidr_contains_ip_string", true, [][]arg{cidrs, stringArgs(ipTexts...)}},
		{"containsIP", "cidr_contains_ip_ip", true, [][]arg{cidrs, ips}},
		{"containsCIDR", "cidr_contains_cidr_string", true, [][]arg{cidrs, stringArgs(cidrTexts...)}},
		{"containsCIDR", "cidr_contains_cidr", true, [][]arg{cidrs, cidrs}},
		{"url", "string_to_url", false, [][]arg{stringArgs(urlTexts...)}},
		{"isURL", "is_url_string", false, [][]arg{stringArgs(urlTexts...)}},
		{"validate", "format-validate", true, [][]arg{formats, stringArgs(formatted...)}},
		{"format.named", "format-named", false, [][]arg{stringArgs("dns1123Label", "uuid", "nope", "")}},
		{"slice", "list_slice", true, [][]arg{intLists, small, small}},
		{"flatten", "list_flatten_int", true, [][]arg{nested, intArgs(-1, 0, 1, 2, 3)}},
		{"lists.range", "lists_range", false, [][]arg{intArgs(-1, 0, 1, 5, 1000001)}},
		{"reverse", "list_reverse", true, [][]arg{intLists}},
		{"distinct", "list_distinct", true, [][]arg{append(append([]arg{}, intLists...), stringLists...)}},
		{"sort", "list_int_sort", true, [][]arg{intLists}},
		{"sort", "list_string_sort", true, [][]arg{stringLists}},
		{"sort", "list_double_sort", true, [][]arg{doubleLists}},
		{"sets.contains", "list_sets_contains_list", false, [][]arg{intLists, intLists}},
		{"sets.equivalent", "list_sets_equivalent_list", false, [][]arg{intLists, intLists}},
		{"sets.intersects", "list_sets_intersects_list", false, [][]arg{stringLists, stringLists}},
		{"isSorted", "list_int_is_sorted_bool", true, [][]arg{intLists}},
		{"isSorted", "list_double_is_sorted_bool", true, [][]arg{doubleLists}},
		{"isSorted", "list_string_is_sorted_bool", true, [][]arg{stringLists}},
		{"sum", "list_int_sum_int", true, [][]arg{intLists}},
		{"sum", "list_double_sum_double", true, [][]arg{doubleLists}},
		{"sum", "list_duration_sum_duration", true, [][]arg{durationLists}},
		{"max", "list_int_max_int", true, [][]arg{intLists}},
		{"min", "list_double_min_double", true, [][]arg{doubleLists}},
		{"max", "list_double_max_double", true, [][]arg{doubleLists}},
		{"min", "list_string_min_string", true, [][]arg{stringLists}},
		{"max", "list_timestamp_max_timestamp", true, [][]arg{timeLists}},
		{"min", "list_bool_min_bool", true, [][]arg{boolLists}},
		{"indexOf", "list_a_index_of_int", true, [][]arg{intLists, intArgs(1, 2, 9)}},
		{"lastIndexOf", "list_a_last_index_of_int", true, [][]arg{intLists, intArgs(1, 2, 9)}},
		{"includes", "list_includes_dyn_dyn", true, [][]arg{append(mixedLists, mixed...), mixed}},
		{"optional.of", "optional_of", false, [][]arg{short}},
		{"optional.ofNonZeroValue", "optional_ofNonZeroValue", false, [][]arg{append(append([]arg{}, short...), small...)}},
		{"first", "list_first", true, [][]arg{intLists}},
		{"last", "list_last", true, [][]arg{intLists}},
	}
	for _, accessor := range []string{"scheme", "host", "hostname", "port", "escaped_path", "query"} {
		name := "get"
		for _, word := range strings.Split(accessor, "_") {
			name += strings.ToUpper(word[:1]) + word[1:]
		}
		list = append(list, call{name, "url_get_" + accessor, true, [][]arg{urls}})
	}
	return list
}

func boolArgs() []arg {
	return []arg{{map[string]any{"bool": true}, cel.BoolType, types.True}, {map[string]any{"bool": false}, cel.BoolType, types.False}}
}

// formatArgs are lists of values to be formatted.
func formatArgs() []arg {
	lists := [][]ref.Val{}
	for _, value := range []ref.Val{
		types.Int(-255), types.Int(math.MinInt64), types.Uint(math.MaxUint64), types.Double(1234567.125), types.Double(-0.005), types.Double(1e-7),
		types.Double(5e-324), types.Double(math.Inf(-1)), types.Double(math.NaN()), types.Double(1e21), types.Double(math.Copysign(0, -1)), types.String("NaN"), types.String("a\"\u200bé"),
		types.Bytes([]byte("ab\x00")), types.Bytes([]byte{0xff}), types.True, types.NullValue, types.IntType, duration("-1h2m3.000000004s"), moment("2020-02-29T23:59:59.120Z"),
		types.NewRefValList(types.DefaultTypeAdapter, []ref.Val{types.Double(1.5), types.String("x\n"), types.Bytes([]byte("b")), duration("1s"), moment("1969-12-31T23:59:59Z"), types.NullValue, types.StringType}),
		types.NewRefValMap(types.DefaultTypeAdapter, map[ref.Val]ref.Val{types.String("k"): types.Int(1), types.Int(7): types.Double(2), types.True: types.String("v")}),
	} {
		lists = append(lists, []ref.Val{value}, []ref.Val{value, types.Int(1)})
	}
	lists = append(lists, []ref.Val{})
	return listArgs(cel.DynType, lists...)
}
