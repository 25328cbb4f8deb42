// Package selector asks upstream's CEL package about one expression and one
// device, compiled the way the allocator compiles it: stored-expressions
// environment, no cost estimate, results cached.
//
// It knows nothing of claims and slices. Start reading at Answer.
package selector

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	celgo "github.com/google/cel-go/cel"

	resourceapi "k8s.io/api/resource/v1"
	"k8s.io/dynamic-resource-allocation/cel"

	"gpualloc.dev/oracle/cases"
)

// cacheEntries is far above what one batch of cases compiles; upstream's
// scheduler uses ten, and the size never changes an answer.
const cacheEntries = 8192

var caches sync.Map

// CacheFor gives the compile cache of a feature set, shared by all cases.
func CacheFor(features cases.CELFeatures) *cel.Cache {
	if cache, ok := caches.Load(features); ok {
		return cache.(*cel.Cache)
	}
	cache, _ := caches.LoadOrStore(features, cel.NewCache(cacheEntries, cel.Features{
		EnableConsumableCapacity: features.ConsumableCapacity,
		EnableListTypeAttributes: features.ListTypeAttributes,
	}))
	return cache.(*cel.Cache)
}

// Answer evaluates one case.
func Answer(ctx context.Context, c *cases.CELCase) (answer cases.CELAnswer) {
	defer func() {
		if cause := recover(); cause != nil {
			answer.Class, answer.Error = "panic", fmt.Sprint(cause)
		}
	}()
	answer.Name, answer.Class = c.Name, cases.ClassNone
	compiled := compile(c)
	if compiled.Error != nil {
		answer.Compile, answer.CompileError = "error", compiled.Error.Error()
		return answer
	}
	answer.Compile = "ok"
	evaluate(ctx, c, compiled, &answer)
	for range c.Repeat - 1 {
		again := cases.CELAnswer{Name: c.Name, Compile: "ok", Class: cases.ClassNone}
		evaluate(ctx, c, compiled, &again)
		if !same(&answer, &again) {
			answer.Random = true
			break
		}
	}
	return answer
}

func compile(c *cases.CELCase) cel.CompilationResult {
	cache := CacheFor(c.Features)
	if c.Mode == cases.ModeDerived {
		return cache.GetOrCompileDerivedAttribute(c.Expression)
	}
	return cache.GetOrCompile(c.Expression)
}

func evaluate(ctx context.Context, c *cases.CELCase, compiled cel.CompilationResult, answer *cases.CELAnswer) {
	device := cel.Device{
		Driver:                   c.Driver,
		AllowMultipleAllocations: c.AllowMultipleAllocations,
		Attributes:               c.Attributes,
		Capacity:                 c.Capacity,
	}
	var (
		details *celgo.EvalDetails
		err     error
	)
	if c.Mode == cases.ModeDerived {
		var value *resourceapi.DeviceAttribute
		value, details, err = compiled.EvaluateDerivedAttribute(ctx, device)
		answer.Value = value
	} else {
		var matches bool
		matches, details, err = compiled.DeviceMatches(ctx, device)
		if err == nil {
			answer.Result = &matches
		}
	}
	answer.Cost = details.ActualCost()
	if err != nil {
		answer.Error, answer.Class = err.Error(), classOf(err)
	}
}

func classOf(err error) string {
	if strings.Contains(err.Error(), "actual cost limit exceeded") {
		return cases.ClassCost
	}
	return cases.ClassRuntime
}

func same(a, b *cases.CELAnswer) bool {
	left, errLeft := json.Marshal(a)
	right, errRight := json.Marshal(b)
	return errLeft == nil && errRight == nil && bytes.Equal(left, right)
}
