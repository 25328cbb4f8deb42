// Judges ResourceSlices as a Kubernetes API server does when they are created: strict decoding, defaults, conversion,
// then the rules written by hand and those declared at the types. Reads one document a line and answers one JSON list
// of objections a line. Where a cluster's gates would drop fields, nothing is dropped: all fields are judged.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	resourcev1 "k8s.io/api/resource/v1"
	"k8s.io/apimachinery/pkg/api/validate"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/kubernetes/pkg/apis/resource"
	"k8s.io/kubernetes/pkg/apis/resource/v1"
	"k8s.io/kubernetes/pkg/apis/resource/validation"
	"k8s.io/kubernetes/pkg/features"
	kjson "sigs.k8s.io/json"
)

func main() {
	scheme := runtime.NewScheme()
	must(resource.AddToScheme(scheme))
	must(v1.AddToScheme(scheme))
	lines := bufio.NewReader(os.Stdin)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			answer, wrong := json.Marshal(objections(scheme, line))
			must(wrong)
			fmt.Printf("%s\n", answer)
		}
		if err == io.EOF {
			return
		}
		must(err)
	}
}

// objections is empty for a slice that the API server stores.
func objections(scheme *runtime.Scheme, document []byte) []string {
	found := []string{}
	slice := &resourcev1.ResourceSlice{}
	strict, err := kjson.UnmarshalStrict(document, slice)
	if err != nil {
		return append(found, err.Error())
	}
	for _, one := range strict {
		found = append(found, one.Error())
	}
	if slice.APIVersion != resourcev1.SchemeGroupVersion.String() || slice.Kind != "ResourceSlice" {
		return append(found, fmt.Sprintf("not a ResourceSlice of v1: %s %s", slice.APIVersion, slice.Kind))
	}
	scheme.Default(slice)
	for _, one := range refusals(scheme, slice) {
		found = append(found, one.Error())
	}
	return found
}

// refusals joins both kinds of rules as the server's registry does with its default gates.
func refusals(scheme *runtime.Scheme, slice *resourcev1.ResourceSlice) field.ErrorList {
	internal := &resource.ResourceSlice{}
	must(scheme.Convert(slice, internal, nil))
	ctx := context.Background()
	byHand := validation.ValidateResourceSlice(internal).MarkFromImperative()
	options := map[string]bool{string(features.DRAPartitionableDevicesType): true}
	declared := validate.FilterEnforcedDeclarativeErrors(ctx, scheme.Validate(ctx, options, slice), true)
	byHand = validate.FilterCoveredHandwrittenErrors(ctx, byHand, declared, true, validation.ResourceNormalizationRules...)
	return append(byHand, declared...)
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
