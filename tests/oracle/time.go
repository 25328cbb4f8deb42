package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"

	corev1 "k8s.io/api/core/v1"
	resourceapi "k8s.io/api/resource/v1"
	"k8s.io/dynamic-resource-allocation/cel"
	"k8s.io/dynamic-resource-allocation/structured"
	"k8s.io/dynamic-resource-allocation/structured/schedulerapi"

	"gpualloc.dev/oracle/cases"
	"gpualloc.dev/oracle/selector"
)

// scenario is a case with what to time in it: "oracle time FILE" reads one, and
// takes a sample for every line on standard input.
type scenario struct {
	cases.Case
	// Work names what a sample is; see works.
	Work string `json:"work"`
	// Ask names the nodes to ask, in this order.
	Ask []string `json:"ask"`
	// Stride is how many pods lie between two that are timed, where every pod
	// asks all nodes; those between are placed without the clock.
	Stride int `json:"stride"`
	// Expression is the selector to evaluate or to compile.
	Expression string `json:"expression"`
}

// sample is one line of output. Nanos are for all units together.
type sample struct {
	Nanos   int64  `json:"nanos"`
	Units   int    `json:"units"`
	Fits    int    `json:"fits"`
	Devices int    `json:"devices"`
	Steps   int64  `json:"steps"`
	Error   string `json:"error,omitempty"`
}

// timing is a scenario in upstream's terms, ready for any number of samples.
type timing struct {
	scenario
	features structured.Features
	classes  structured.DeviceClassLister
	cache    *cel.Cache
	ask      []*corev1.Node
}

// works are the samples by name. Each takes its own time, so that what is
// prepared stays out of it.
var works = map[string]func(*timing) (sample, error){
	"each":     (*timing).each,
	"first":    (*timing).first,
	"all":      (*timing).all,
	"evaluate": (*timing).evaluate,
	"compile":  (*timing).compile,
}

// timeScenario answers every line of input with one sample.
func timeScenario(path string, in io.Reader, out io.Writer) error {
	t, err := readTiming(path)
	if err != nil {
		return err
	}
	work, ok := works[t.Work]
	if !ok {
		return fmt.Errorf("unknown work %q", t.Work)
	}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		// What reading has left behind is no part of any sample.
		runtime.GC()
		taken, err := work(t)
		if err != nil {
			taken.Error = err.Error()
		}
		if _, err := out.Write(encode(taken)); err != nil {
			return fmt.Errorf("write sample: %w", err)
		}
	}
	return lines.Err()
}

func readTiming(path string) (*timing, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read scenario: %w", err)
	}
	t := &timing{}
	if err := cases.Decode(text, &t.scenario); err != nil {
		return nil, err
	}
	t.features = structured.Features(t.Features)
	t.classes = newClassLister(t.Classes)
	t.cache = selector.CacheFor(cases.CELFeatures{
		ConsumableCapacity: t.features.ConsumableCapacity,
		ListTypeAttributes: t.features.ListTypeAttributes,
	})
	nodes := make(map[string]*corev1.Node, len(t.Nodes))
	for _, node := range t.Nodes {
		nodes[node.Name] = node
	}
	for _, name := range t.Ask {
		node, ok := nodes[name]
		if !ok {
			return nil, errors.New("no node " + name)
		}
		t.ask = append(t.ask, node)
	}
	return t, nil
}

func (t *timing) allocator(state schedulerapi.AllocatedState) (structured.Allocator, error) {
	return structured.NewAllocator(quiet(), t.features, state, t.classes, t.Slices, t.cache)
}

// each asks the nodes one after the other. The allocator, and with it the state
// of allocation, stands before the clock starts; selectors were compiled by the
// sample before, of which the first is thrown away.
func (t *timing) each() (sample, error) {
	taken := sample{Units: len(t.ask)}
	allocator, err := t.allocator(t.State())
	if err != nil {
		return taken, err
	}
	ctx := quiet()
	start := time.Now()
	for _, node := range t.ask {
		results, err := allocator.Allocate(ctx, node, t.Claims)
		if err != nil && !errors.Is(err, structured.ErrFailedAllocationOnNode) {
			return taken, err
		}
		taken.add(results)
	}
	taken.Nanos = time.Since(start).Nanoseconds()
	taken.Steps = stepsOf(allocator)
	return taken, nil
}

// add counts what one node has answered.
func (s *sample) add(results []resourceapi.AllocationResult) {
	if results == nil {
		return
	}
	s.Fits++
	for i := range results {
		s.Devices += len(results[i].Devices.Results)
	}
}
