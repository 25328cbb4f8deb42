package main

import (
	"time"

	"k8s.io/dynamic-resource-allocation/cel"
)

// compilations of one sample.
const compilations = 50

// evaluate asks the selector about every device of the scenario.
func (t *timing) evaluate() (sample, error) {
	taken := sample{}
	compiled := t.cache.GetOrCompile(t.Expression)
	if compiled.Error != nil {
		return taken, compiled.Error
	}
	var devices []cel.Device
	for _, slice := range t.Slices {
		for _, device := range slice.Spec.Devices {
			devices = append(devices, cel.Device{
				Driver:                   slice.Spec.Driver,
				AllowMultipleAllocations: device.AllowMultipleAllocations,
				Attributes:               device.Attributes,
				Capacity:                 device.Capacity,
			})
		}
	}
	taken.Units = len(devices)
	ctx := quiet()
	start := time.Now()
	for i := range devices {
		matches, _, err := compiled.DeviceMatches(ctx, devices[i])
		if err != nil {
			return taken, err
		}
		if matches {
			taken.Fits++
		}
	}
	taken.Nanos = time.Since(start).Nanoseconds()
	return taken, nil
}

// compile compiles the selector as the allocator's cache does, without the
// cache.
func (t *timing) compile() (sample, error) {
	taken := sample{Units: compilations}
	compiler := cel.GetCompiler(cel.Features{EnableConsumableCapacity: t.features.ConsumableCapacity})
	start := time.Now()
	for range compilations {
		compiled := compiler.CompileCELExpression(t.Expression, cel.Options{DisableCostEstimation: true})
		if compiled.Error != nil {
			return taken, compiled.Error
		}
		taken.Fits++
	}
	taken.Nanos = time.Since(start).Nanoseconds()
	return taken, nil
}
