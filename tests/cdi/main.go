// Command cdi holds CDI specifications to the rules of the CDI library that
// container runtimes use. It reads a JSON array of them and prints one line
// for each that the library refuses: its place in the array and why.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"tags.cncf.io/container-device-interface/pkg/cdi"
	specs "tags.cncf.io/container-device-interface/specs-go"
)

func main() {
	var documents []json.RawMessage
	if err := json.NewDecoder(os.Stdin).Decode(&documents); err != nil {
		log.Fatal(err)
	}
	folder, err := os.MkdirTemp("", "cdi")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	for place, document := range documents {
		if err := check(filepath.Join(folder, "spec.yaml"), document); err != nil {
			fmt.Println(place, err)
		}
	}
}

// check reads a specification from a file, as a runtime does, which includes
// the library's validation, and sees that it claims a version high enough.
func check(path string, document []byte) error {
	if err := os.WriteFile(path, document, 0o600); err != nil {
		return err
	}
	spec, err := cdi.ReadSpec(path, 0)
	if err != nil {
		return err
	}
	return specs.ValidateVersion(spec.Spec)
}
