package standin

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
)

// durationType is read and shown as text.
var durationType = reflect.TypeFor[time.Duration]()

// ReadObject reads a JSON object over the struct that into points at: what it does not name stays. A duration may be
// text such as "30s" or a number of nanoseconds, and a field that the struct does not have is refused with those that it
// has, since a misspelt setting would otherwise seem to work.
func ReadObject(raw []byte, into any) error {
	var given map[string]json.RawMessage
	if err := json.Unmarshal(raw, &given); err != nil {
		return fmt.Errorf("want a JSON object: %w", err)
	}
	known := objectFields(reflect.TypeOf(into).Elem())
	for name, value := range given {
		at, ok := known[name]
		if !ok {
			return fmt.Errorf("field %q is unknown: want some of %s", name, strings.Join(slices.Sorted(maps.Keys(known)), ", "))
		}
		var text string
		if reflect.TypeOf(into).Elem().Field(at).Type == durationType && json.Unmarshal(value, &text) == nil {
			d, err := time.ParseDuration(text)
			if err != nil {
				return fmt.Errorf("field %q: %w", name, err)
			}
			value, err = json.Marshal(d)
			if err != nil {
				return fmt.Errorf("field %q: %w", name, err)
			}
			given[name] = value
		}
	}
	checked, err := json.Marshal(given)
	if err != nil {
		return err
	}
	return json.Unmarshal(checked, into)
}

// ShowObject is a struct as [ReadObject] takes it.
func ShowObject(from any) map[string]any {
	v := reflect.ValueOf(from)
	shown := map[string]any{}
	for name, at := range objectFields(v.Type()) {
		field := v.Field(at)
		_, option, _ := strings.Cut(v.Type().Field(at).Tag.Get("json"), ",")
		switch {
		case option == "omitzero" && field.IsZero():
		case field.Type() == durationType:
			shown[name] = field.Interface().(time.Duration).String()
		default:
			shown[name] = field.Interface()
		}
	}
	return shown
}

// objectFields are the fields of a struct that have a name in JSON.
func objectFields(t reflect.Type) map[string]int {
	named := map[string]int{}
	for i := range t.NumField() {
		if name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); name != "-" {
			named[name] = i
		}
	}
	return named
}
