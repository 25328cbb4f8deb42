package cases

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"

	resourceapi "k8s.io/api/resource/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// Encode writes a document as one line of JSON, without HTML escapes.
func Encode(document any) ([]byte, error) {
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(document); err != nil {
		return nil, err
	}
	return line.Bytes(), nil
}

// WriteFile writes one document per line.
func WriteFile[T any](path string, documents []T, encode func(T) ([]byte, error)) error {
	var text bytes.Buffer
	for _, document := range documents {
		line, err := encode(document)
		if err != nil {
			return fmt.Errorf("write %s: %w", path, err)
		}
		text.Write(line)
	}
	return os.WriteFile(path, text.Bytes(), 0o644)
}

// Encode writes a case so that reading it gives the same values, which plain
// marshalling of upstream's types does not: it drops lists that are empty but
// present, and writes 1000000000000000000000 as "1". The case is changed.
func (c *Case) Encode() ([]byte, error) {
	makeExact(reflect.ValueOf(c))
	slices := c.Slices
	raw := make([]json.RawMessage, len(slices))
	for i, slice := range slices {
		line, err := encodeSlice(slice)
		if err != nil {
			return nil, err
		}
		raw[i] = line
	}
	type plain Case
	return Encode(struct {
		*plain
		Slices []json.RawMessage `json:"slices"`
	}{(*plain)(c), raw})
}

func encodeSlice(slice *resourceapi.ResourceSlice) (json.RawMessage, error) {
	line, err := Encode(slice)
	if err != nil {
		return nil, err
	}
	var tree map[string]any
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.UseNumber()
	if err := decoder.Decode(&tree); err != nil {
		return nil, err
	}
	if !keepEmpty(reflect.ValueOf(slice), tree) {
		return line, nil
	}
	return Encode(tree)
}

// keepEmpty puts lists that are empty but not nil back into a JSON tree, and
// says whether there were any.
func keepEmpty(value reflect.Value, tree any) bool {
	found := false
	switch value.Kind() {
	case reflect.Pointer:
		if !value.IsNil() {
			found = keepEmpty(value.Elem(), tree)
		}
	case reflect.Slice:
		items, _ := tree.([]any)
		for i := range min(value.Len(), len(items)) {
			found = keepEmpty(value.Index(i), items[i]) || found
		}
	case reflect.Map:
		items, _ := tree.(map[string]any)
		for _, key := range value.MapKeys() {
			found = keepEmpty(value.MapIndex(key), items[key.String()]) || found
		}
	case reflect.Struct:
		fields, isObject := tree.(map[string]any)
		for i := 0; isObject && i < value.NumField(); i++ {
			name, _, _ := strings.Cut(value.Type().Field(i).Tag.Get("json"), ",")
			field := value.Field(i)
			if name == "" || name == "-" {
				continue
			}
			if field.Kind() == reflect.Slice && !field.IsNil() && field.Len() == 0 {
				fields[name], found = []any{}, true
				continue
			}
			found = keepEmpty(field, fields[name]) || found
		}
	}
	return found
}

var quantityType = reflect.TypeFor[resource.Quantity]()

// makeExact gives quantities whose text would lose their value the format with
// an exponent, which can say every value.
func makeExact(value reflect.Value) {
	switch value.Kind() {
	case reflect.Pointer:
		if !value.IsNil() {
			makeExact(value.Elem())
		}
	case reflect.Slice:
		for i := range value.Len() {
			makeExact(value.Index(i))
		}
	case reflect.Map:
		for _, key := range value.MapKeys() {
			copied := reflect.New(value.Type().Elem()).Elem()
			copied.Set(value.MapIndex(key))
			makeExact(copied)
			value.SetMapIndex(key, copied)
		}
	case reflect.Struct:
		if value.Type() == quantityType {
			exact := value.Interface().(resource.Quantity)
			// String keeps its text in the value, so it is asked of a copy.
			text := exact.DeepCopy()
			if read, err := resource.ParseQuantity(text.String()); err != nil || read.Cmp(exact) != 0 {
				exact.Format = resource.DecimalExponent
				value.Set(reflect.ValueOf(exact))
			}
			return
		}
		for i := range value.NumField() {
			if value.Type().Field(i).IsExported() {
				makeExact(value.Field(i))
			}
		}
	}
}
