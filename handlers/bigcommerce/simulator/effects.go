package simulator

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
)

// variantEffect is what was done to a variant.
func variantEffect(verb Verb, v *Variant, fields []FieldChange) Effect {
	e := Effect{Verb: verb, Kind: "variant", Product: v.ProductID, Variant: v.ID, Fields: fields}
	if v.SKUID != nil {
		e.ID = *v.SKUID
	}
	return e
}

// changes lists the written fields with what they were and are; before may be a nil pointer. Their JSON lies in one piece
// of memory, since the log keeps a lot of it.
func changes(s *schema, before, after any, keys []string) []FieldChange {
	created := reflect.ValueOf(before).IsNil()
	text := make([]byte, 0, 32*len(keys))
	ends := make([][2]int, len(keys)) // of what each was, and of what it is
	for i, key := range keys {
		now := s.field(after, key)
		if !created && !same(s.field(before, key), now) {
			text = appendField(text, s.field(before, key))
		}
		ends[i][0] = len(text)
		text = appendField(text, now)
		ends[i][1] = len(text)
	}
	list, at := make([]FieldChange, len(keys)), 0
	for i, key := range keys {
		c := FieldChange{Name: key, Before: text[at:ends[i][0]:ends[i][0]], After: text[ends[i][0]:ends[i][1]:ends[i][1]]}
		switch {
		case created:
			c.Before = nil
		case len(c.Before) == 0:
			c.Before = c.After
		}
		list[i], at = c, ends[i][1]
	}
	return list
}

// same says of two values of one field that they are equal, if that is plain to see.
func same(a, b reflect.Value) bool {
	return a.Comparable() && a.Kind() != reflect.Pointer && a.Equal(b)
}

// encoded is a field as JSON.
func encoded(v reflect.Value) json.RawMessage { return appendField(nil, v) }

// appendField appends a field as JSON; most are too plain to need an encoder.
func appendField(text []byte, v reflect.Value) []byte {
	switch v.Kind() {
	case reflect.Bool:
		return strconv.AppendBool(text, v.Bool())
	case reflect.Int64:
		return strconv.AppendInt(text, v.Int(), 10)
	case reflect.Float64:
		if n := v.Float(); n == 0 || math.Abs(n) >= 1e-6 && math.Abs(n) < 1e21 {
			return strconv.AppendFloat(text, n, 'f', -1, 64)
		}
	case reflect.String:
		if s := v.String(); !strings.ContainsFunc(s, needsEscape) {
			text = append(text, '"')
			text = append(text, s...)
			return append(text, '"')
		}
	}
	return append(text, mustJSON(v.Interface())...)
}

func needsEscape(r rune) bool {
	return r < ' ' || r > '~' || r == '"' || r == '\\' || r == '<' || r == '>' || r == '&'
}

// mustJSON encodes a value of this package's own types, which cannot fail.
func mustJSON(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("simulator: encoding %T: %v", v, err))
	}
	return raw
}
