package main

import (
	"time"

	resourceapi "k8s.io/api/resource/v1"
	"k8s.io/dynamic-resource-allocation/structured/schedulerapi"
)

// first places pod after pod on the first node that fits, until none does. The
// clock runs all the time; as in the scheduler every pod has an allocator of its
// own. All pods are equal, so nodes that were full stay so: the search starts
// where the pod before was placed.
func (t *timing) first() (sample, error) {
	taken := sample{}
	state := t.State()
	node := 0
	start := time.Now()
	for {
		results, at, err := t.place(state, node)
		if err != nil {
			return taken, err
		}
		taken.Units++
		if results == nil {
			break
		}
		node = at
		taken.add(results)
		hold(state, results)
	}
	taken.Nanos = time.Since(start).Nanoseconds()
	return taken, nil
}

// all lets every pod ask all nodes and places it on the first that fits, until
// none does. Only every so many pods run against the clock; the others are
// placed where the same rule puts them. Fits are the nodes that fitted the pods
// that were timed, devices those of all pods.
func (t *timing) all() (sample, error) {
	taken := sample{}
	state := t.State()
	node := 0
	for pod := 0; ; pod++ {
		if pod%t.Stride == 0 {
			fits, nanos, err := t.askAll(state)
			if err != nil {
				return taken, err
			}
			taken.Units++
			taken.Nanos += nanos
			taken.Fits += fits
		}
		results, at, err := t.place(state, node)
		if err != nil {
			return taken, err
		}
		if results == nil {
			return taken, nil
		}
		node = at
		for i := range results {
			taken.Devices += len(results[i].Devices.Results)
		}
		hold(state, results)
	}
}

func (t *timing) askAll(state schedulerapi.AllocatedState) (fits int, nanos int64, err error) {
	start := time.Now()
	allocator, err := t.allocator(state)
	if err != nil {
		return 0, 0, err
	}
	for _, node := range t.ask {
		results, err := allocator.Allocate(quiet(), node, t.Claims)
		if err != nil {
			return 0, 0, err
		}
		if results != nil {
			fits++
		}
	}
	return fits, time.Since(start).Nanoseconds(), nil
}

// place asks the nodes from one on until one fits.
func (t *timing) place(state schedulerapi.AllocatedState, from int) ([]resourceapi.AllocationResult, int, error) {
	allocator, err := t.allocator(state)
	if err != nil {
		return nil, 0, err
	}
	for at := from; at < len(t.ask); at++ {
		results, err := allocator.Allocate(quiet(), t.ask[at], t.Claims)
		if err != nil || results != nil {
			return results, at, err
		}
	}
	return nil, 0, nil
}

func hold(state schedulerapi.AllocatedState, results []resourceapi.AllocationResult) {
	for i := range results {
		for _, device := range results[i].Devices.Results {
			state.AllocatedDevices.Insert(schedulerapi.MakeDeviceID(device.Driver, device.Pool, device.Device))
		}
	}
}
