package cases

import (
	resourceapi "k8s.io/api/resource/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/dynamic-resource-allocation/structured/schedulerapi"
	"k8s.io/utils/ptr"
)

// State computes what is allocated: from the held claims the way the
// scheduler's plugin gathers it, plus what the case gives directly.
func (c *Case) State() schedulerapi.AllocatedState {
	state := schedulerapi.AllocatedState{
		AllocatedDevices:         sets.New[schedulerapi.DeviceID](),
		AllocatedSharedDeviceIDs: sets.New[schedulerapi.SharedDeviceID](),
		AggregatedCapacity:       schedulerapi.NewConsumedCapacityCollection(),
	}
	for _, claim := range c.Held {
		if claim.Status.Allocation == nil {
			continue
		}
		for i := range claim.Status.Allocation.Devices.Results {
			c.hold(state, &claim.Status.Allocation.Devices.Results[i])
		}
	}
	if c.Allocated != nil {
		c.Allocated.addTo(state)
	}
	return state
}

// hold adds one held device. With consumable capacity off a share blocks the
// whole device, because nothing would account for the rest of it.
func (c *Case) hold(state schedulerapi.AllocatedState, held *resourceapi.DeviceRequestAllocationResult) {
	if ptr.Deref(held.AdminAccess, false) {
		return
	}
	device := schedulerapi.MakeDeviceID(held.Driver, held.Pool, held.Device)
	if held.ShareID == nil || !c.Features.ConsumableCapacity {
		state.AllocatedDevices.Insert(device)
		return
	}
	state.AllocatedSharedDeviceIDs.Insert(schedulerapi.MakeSharedDeviceID(device, held.ShareID))
	state.AggregatedCapacity.Insert(schedulerapi.NewDeviceConsumedCapacity(device, held.ConsumedCapacity))
}

func (a *Allocated) addTo(state schedulerapi.AllocatedState) {
	for _, ref := range a.Devices {
		state.AllocatedDevices.Insert(schedulerapi.MakeDeviceID(ref.Driver, ref.Pool, ref.Device))
	}
	for _, ref := range a.Shared {
		device := schedulerapi.MakeDeviceID(ref.Driver, ref.Pool, ref.Device)
		state.AllocatedSharedDeviceIDs.Insert(schedulerapi.MakeSharedDeviceID(device, &ref.ShareID))
	}
	for _, ref := range a.Capacity {
		device := schedulerapi.MakeDeviceID(ref.Driver, ref.Pool, ref.Device)
		state.AggregatedCapacity.Insert(schedulerapi.NewDeviceConsumedCapacity(device, ref.Capacity))
	}
}
