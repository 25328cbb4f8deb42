// Package cases holds the case format that the oracle and the plug into
// upstream's suite share: its types, and what both need to turn a case into
// upstream's values and back.
//
// It never calls an allocator and imports nothing that is internal to the
// upstream module, so that the very same files also compile inside a copy of it.
// Start reading at Case and Answer.
package cases

import (
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	resourceapi "k8s.io/api/resource/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/types"
	kjson "sigs.k8s.io/json"
)

// Outcomes of one node.
const (
	Placed  = "placed"
	Unfit   = "unfit"
	Failed  = "error"
	Panic   = "panic"
	Timeout = "timeout"
)

// Scopes of a failed allocation.
const (
	ScopeNode  = "node"
	ScopeFatal = "fatal"
)

// anyShare stands for every share ID in an answer: upstream draws them at random.
const anyShare = types.UID("SHARE")

// Case is one line of input: documents, and the claims to allocate.
type Case struct {
	Name              string                         `json:"name,omitempty"`
	Features          Features                       `json:"features"`
	TaintRulesEnabled *bool                          `json:"taintRulesEnabled,omitempty"`
	Nodes             []*corev1.Node                 `json:"nodes"`
	Classes           []*resourceapi.DeviceClass     `json:"classes"`
	Slices            []*resourceapi.ResourceSlice   `json:"slices"`
	TaintRules        []*resourceapi.DeviceTaintRule `json:"taintRules,omitempty"`
	Held              []*resourceapi.ResourceClaim   `json:"held,omitempty"`
	Allocated         *Allocated                     `json:"allocated,omitempty"`
	Claims            []*resourceapi.ResourceClaim   `json:"claims"`
	Expect            *Answer                        `json:"expect,omitempty"`
	Origin            string                         `json:"origin,omitempty"`
}

// Features has the fields of upstream's Features with their names kept in JSON.
type Features struct {
	AdminAccess             bool `json:"AdminAccess,omitempty"`
	CompatibilityGroups     bool `json:"CompatibilityGroups,omitempty"`
	ConsumableCapacity      bool `json:"ConsumableCapacity,omitempty"`
	DerivedAttributes       bool `json:"DerivedAttributes,omitempty"`
	DeviceBindingAndStatus  bool `json:"DeviceBindingAndStatus,omitempty"`
	DeviceTaints            bool `json:"DeviceTaints,omitempty"`
	FractionalCapacityRange bool `json:"FractionalCapacityRange,omitempty"`
	ListTypeAttributes      bool `json:"ListTypeAttributes,omitempty"`
	OptionalNodeOperations  bool `json:"OptionalNodeOperations,omitempty"`
	PartitionableDevices    bool `json:"PartitionableDevices,omitempty"`
	PrioritizedList         bool `json:"PrioritizedList,omitempty"`
}

// Allocated is the state of allocation given directly, not through held claims.
type Allocated struct {
	Devices  []DeviceRef   `json:"devices,omitempty"`
	Shared   []DeviceRef   `json:"shared,omitempty"`
	Capacity []CapacityRef `json:"capacity,omitempty"`
}

// DeviceRef names a device, or with a share ID one share of it.
type DeviceRef struct {
	Driver  string    `json:"driver"`
	Pool    string    `json:"pool"`
	Device  string    `json:"device"`
	ShareID types.UID `json:"shareID,omitempty"`
}

// CapacityRef says what shares of a device consume together.
type CapacityRef struct {
	Driver   string                                          `json:"driver"`
	Pool     string                                          `json:"pool"`
	Device   string                                          `json:"device"`
	Capacity map[resourceapi.QualifiedName]resource.Quantity `json:"capacity"`
}

// Answer is one line of output. Error is set only for a line that is no case.
type Answer struct {
	Name    string       `json:"name,omitempty"`
	Channel string       `json:"channel,omitempty"`
	Nodes   []NodeAnswer `json:"nodes,omitempty"`
	Error   string       `json:"error,omitempty"`
}

// NodeAnswer is what the allocator said for one node.
type NodeAnswer struct {
	Node    string                         `json:"node"`
	Outcome string                         `json:"outcome"`
	Results []resourceapi.AllocationResult `json:"results,omitzero"`
	Scope   string                         `json:"scope,omitempty"`
	Error   string                         `json:"error,omitempty"`
	Steps   *int64                         `json:"steps,omitempty"`
}

// Decode reads one case strictly: an unknown field is an error, because a
// misspelt field would otherwise test nothing.
func Decode(line []byte, into any) error {
	strict, err := kjson.UnmarshalStrict(line, into)
	if err != nil {
		return fmt.Errorf("read case: %w", err)
	}
	if len(strict) > 0 {
		return fmt.Errorf("read case: %w", errors.Join(strict...))
	}
	return nil
}

// HideShareIDs copies results with every share ID replaced by one constant.
func HideShareIDs(results []resourceapi.AllocationResult) []resourceapi.AllocationResult {
	hidden := make([]resourceapi.AllocationResult, len(results))
	for i := range results {
		results[i].DeepCopyInto(&hidden[i])
		for j := range hidden[i].Devices.Results {
			if device := &hidden[i].Devices.Results[j]; device.ShareID != nil {
				share := anyShare
				device.ShareID = &share
			}
		}
	}
	return hidden
}
