package cases

import (
	resourceapi "k8s.io/api/resource/v1"
)

// TaintedSlices gives the slices as the allocator gets to see them: with the
// taint of each matching rule appended, rules in the order of the case.
func (c *Case) TaintedSlices() []*resourceapi.ResourceSlice {
	enabled := c.Features.DeviceTaints && (c.TaintRulesEnabled == nil || *c.TaintRulesEnabled)
	if !enabled || len(c.TaintRules) == 0 {
		return c.Slices
	}
	tainted := make([]*resourceapi.ResourceSlice, len(c.Slices))
	for i, slice := range c.Slices {
		tainted[i] = slice.DeepCopy()
		for _, rule := range c.TaintRules {
			taint(tainted[i], rule)
		}
	}
	return tainted
}

// taint applies one rule. A rule without a selector matches no device; an
// empty selector matches all of them.
func taint(slice *resourceapi.ResourceSlice, rule *resourceapi.DeviceTaintRule) {
	selector := rule.Spec.DeviceSelector
	if selector == nil || !agrees(selector.Driver, slice.Spec.Driver) || !agrees(selector.Pool, slice.Spec.Pool.Name) {
		return
	}
	for i := range slice.Spec.Devices {
		device := &slice.Spec.Devices[i]
		if agrees(selector.Device, device.Name) {
			device.Taints = append(device.Taints, rule.Spec.Taint)
		}
	}
}

func agrees(wanted *string, name string) bool {
	return wanted == nil || *wanted == name
}
