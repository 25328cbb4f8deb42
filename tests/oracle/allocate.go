package main

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/go-logr/logr"

	corev1 "k8s.io/api/core/v1"
	resourceapi "k8s.io/api/resource/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/dynamic-resource-allocation/structured"

	"gpualloc.dev/oracle/cases"
	"gpualloc.dev/oracle/selector"
)

// nodeTimeout bounds upstream's exponential search; a case that meets it says
// nothing about who is right.
const nodeTimeout = 10 * time.Second

// allocate answers one case: each node with an allocator of its own, because
// upstream's caches counters per allocator.
func allocate(line []byte) []byte {
	var c cases.Case
	if err := cases.Decode(line, &c); err != nil {
		return encode(cases.Answer{Name: c.Name, Error: err.Error()})
	}
	answer := cases.Answer{Name: c.Name}
	run := run{
		features: structured.Features(c.Features),
		state:    c.State(),
		slices:   c.TaintedSlices(),
		classes:  newClassLister(c.Classes),
		claims:   c.Claims,
	}
	for _, node := range c.Nodes {
		nodeAnswer, channel := run.askNode(node)
		answer.Nodes = append(answer.Nodes, nodeAnswer)
		if channel != "" {
			answer.Channel = channel
		}
	}
	return encode(answer)
}

// run is a case in upstream's terms.
type run struct {
	features structured.Features
	state    structured.AllocatedState
	slices   []*resourceapi.ResourceSlice
	classes  structured.DeviceClassLister
	claims   []*resourceapi.ResourceClaim
}

func (r *run) askNode(node *corev1.Node) (answer cases.NodeAnswer, channel string) {
	answer.Node = node.Name
	defer func() {
		if cause := recover(); cause != nil {
			answer = cases.NodeAnswer{Node: node.Name, Outcome: cases.Panic, Error: fmt.Sprint(cause)}
		}
	}()
	ctx, cancel := context.WithTimeout(quiet(), nodeTimeout)
	defer cancel()
	cache := selector.CacheFor(cases.CELFeatures{
		ConsumableCapacity: r.features.ConsumableCapacity,
		ListTypeAttributes: r.features.ListTypeAttributes,
	})
	allocator, err := structured.NewAllocator(ctx, r.features, r.state, r.classes, r.slices, cache)
	if err != nil {
		answer.Outcome, answer.Scope, answer.Error = cases.Failed, cases.ScopeFatal, err.Error()
		return answer, ""
	}
	channel = reflect.ValueOf(allocator).MethodByName("Channel").Call(nil)[0].String()
	results, err := allocator.Allocate(ctx, node, r.claims)
	steps := stepsOf(allocator)
	answer.Steps = &steps
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		answer.Outcome, answer.Error, answer.Steps = cases.Timeout, err.Error(), nil
	case err != nil:
		answer.Outcome, answer.Error, answer.Scope = cases.Failed, err.Error(), cases.ScopeFatal
		if errors.Is(err, structured.ErrFailedAllocationOnNode) {
			answer.Scope = cases.ScopeNode
		}
	case results == nil:
		answer.Outcome = cases.Unfit
	default:
		answer.Outcome, answer.Results = cases.Placed, cases.HideShareIDs(results)
	}
	return answer, channel
}

// stepsOf reads the count of allocateOne calls. Its type is internal to
// upstream's module, so reflection is the only way to name it from here.
func stepsOf(allocator structured.Allocator) int64 {
	stats := reflect.ValueOf(allocator).MethodByName("GetStats").Call(nil)[0]
	return stats.FieldByName("NumAllocateOneInvocations").Int()
}

// quiet is a context whose logger says nothing and costs nothing.
func quiet() context.Context {
	return logr.NewContext(context.Background(), logr.Discard())
}

// evaluate answers one CEL case.
func evaluate(line []byte) []byte {
	var c cases.CELCase
	if err := cases.Decode(line, &c); err != nil {
		return encode(cases.Answer{Name: c.Name, Error: err.Error()})
	}
	return encode(selector.Answer(quiet(), &c))
}

func encode(answer any) []byte {
	line, err := cases.Encode(answer)
	if err != nil {
		return encode(cases.Answer{Error: "write answer: " + err.Error()})
	}
	return line
}

// classLister serves the classes of a case with the errors of the real lister.
type classLister struct {
	all    []*resourceapi.DeviceClass
	byName map[string]*resourceapi.DeviceClass
}

func newClassLister(classes []*resourceapi.DeviceClass) classLister {
	byName := make(map[string]*resourceapi.DeviceClass, len(classes))
	for _, class := range classes {
		byName[class.Name] = class
	}
	return classLister{all: classes, byName: byName}
}

func (l classLister) List() ([]*resourceapi.DeviceClass, error) { return l.all, nil }

func (l classLister) Get(name string) (*resourceapi.DeviceClass, error) {
	if class, ok := l.byName[name]; ok {
		return class, nil
	}
	return nil, apierrors.NewNotFound(resourceapi.Resource("deviceclass"), name)
}
