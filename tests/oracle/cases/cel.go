package cases

import (
	resourceapi "k8s.io/api/resource/v1"
)

// Classes of a CEL answer: how evaluation ended.
const (
	ClassNone    = "none"
	ClassCost    = "cost"
	ClassRuntime = "runtime"
)

// ModeDerived evaluates the expression as a derived attribute; any other mode
// is a selector.
const ModeDerived = "derived"

// CELCase is one line of input of the CEL oracle: an expression and a device.
type CELCase struct {
	Name                     string                                                    `json:"name,omitempty"`
	Expression               string                                                    `json:"expression"`
	Driver                   string                                                    `json:"driver"`
	Attributes               map[resourceapi.QualifiedName]resourceapi.DeviceAttribute `json:"attributes,omitempty"`
	Capacity                 map[resourceapi.QualifiedName]resourceapi.DeviceCapacity  `json:"capacity,omitempty"`
	AllowMultipleAllocations *bool                                                     `json:"allowMultipleAllocations,omitempty"`
	Features                 CELFeatures                                               `json:"features"`
	Mode                     string                                                    `json:"mode,omitempty"`
	// Repeat evaluates this many times, to find what depends on map order.
	Repeat int        `json:"repeat,omitempty"`
	Expect *CELAnswer `json:"expect,omitempty"`
	Origin string     `json:"origin,omitempty"`
}

// CELFeatures are the features that change the CEL environment.
type CELFeatures struct {
	ConsumableCapacity bool `json:"ConsumableCapacity,omitempty"`
	ListTypeAttributes bool `json:"ListTypeAttributes,omitempty"`
}

// CELAnswer is one line of output of the CEL oracle.
type CELAnswer struct {
	Name         string                       `json:"name,omitempty"`
	Compile      string                       `json:"compile"`
	CompileError string                       `json:"compileError,omitempty"`
	Result       *bool                        `json:"result,omitempty"`
	Value        *resourceapi.DeviceAttribute `json:"value,omitempty"`
	Error        string                       `json:"error,omitempty"`
	Class        string                       `json:"class"`
	Cost         *uint64                      `json:"cost,omitempty"`
	// Random is set when repeated evaluation did not always answer the same.
	Random bool `json:"random,omitempty"`
}
