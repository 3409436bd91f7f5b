package domain

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// TestDecodeEvent_Refusals holds the words of every refusal, because people read
// them: path, value, reason.
func TestDecodeEvent_Refusals(t *testing.T) {
	t.Parallel()
	const (
		snapshot = `{"item":"i-1","sku":"KK-1","name":"Anorak","product":"p-1","options":[{"name":"Size","value":"M"}],"retail_price":"1","active":true,"images":["https://h/a.jpg"],"tags":["rain"]}`
		sale     = `{"item":"i-1","outlet":"Quayside","quantity":"1","sale":"s-1","line":"1"}`
		linked   = `{"product":"p-1","bigcommerce_id":1,"variants":[{"item":"i-1","bigcommerce_id":2}],"by":"sku"}`
		refused  = `{"product":"p-1","position":1,"status":422,"reason":"no"}`
	)
	for _, tt := range []struct {
		name     string
		typ      Type
		doc      string
		old, new string // what is wrong in doc
		want     string
	}{
		{"missing", TypeProductSaved, snapshot, `"sku":"KK-1",`, ``, `data.sku: is required`},
		{"required and null", TypeProductSaved, snapshot, `"KK-1"`, `null`, `data.sku: is required and must not be null`},
		{"optional and null", TypeProductSaved, snapshot, `"p-1"`, `null`, `data.product: must not be null; leave the field out`},
		{"empty", TypeProductSaved, snapshot, `"KK-1"`, `""`, `data.sku: must not be empty`},
		{"number for text", TypeProductSaved, snapshot, `"KK-1"`, `4006381`, `data.sku: "4006381": must be a string, not a number`},
		{"list for text", TypeProductSaved, snapshot, `"KK-1"`, `["a"]`, `data.sku: "[\"a\"]": must be a string, not a list`},
		{"too long", TypeProductSaved, snapshot, `KK-1`, strings.Repeat("é", 256), `data.sku: "` + strings.Repeat("é", 40) + `"… (512 bytes): must have at most 255 characters, not 256`},
		{"NUL", TypeProductSaved, snapshot, `Anorak`, `A\u0000`, `data.name: "A\x00": must not hold a NUL character`},
		{"begins with a quote", TypeProductSaved, snapshot, `"1"`, `"\"1\n"`, `data.retail_price: "\"1\n": must be a plain decimal such as 12.50`},
		{"negative price", TypeProductSaved, snapshot, `"1"`, `"-0.01"`, `data.retail_price: "-0.01": must not be negative`},
		{"price with currency", TypeProductSaved, snapshot, `"1"`, `"$12"`, `data.retail_price: "$12": must be a plain decimal such as 12.50`},
		{"price with exponent", TypeProductSaved, snapshot, `"1"`, `"1e3"`, `data.retail_price: "1e3": must be a plain decimal such as 12.50`},
		{"empty price", TypeProductSaved, snapshot, `"1"`, `""`, `data.retail_price: must be a plain decimal such as 12.50`},
		{"price as a number", TypeProductSaved, snapshot, `"1"`, `12.5`, `data.retail_price: "12.5": must be a decimal in a string, such as "12.50", not a number`},
		{"price too precise", TypeProductSaved, snapshot, `"1"`, `"1.0000001"`, `data.retail_price: "1.0000001": must have at most 6 decimals`},
		{"price too large", TypeProductSaved, snapshot, `"1"`, `"1234567890123"`, `data.retail_price: "1234567890123": must have at most 12 digits before the point`},
		{"text for flag", TypeProductSaved, snapshot, `true`, `"yes"`, `data.active: "yes": must be true or false, not a string`},
		{"number for flag", TypeProductSaved, snapshot, `true`, `1`, `data.active: "1": must be true or false, not a number`},
		{"text for list", TypeProductSaved, snapshot, `["rain"]`, `"rain"`, `data.tags: "rain": must be a list, not a string`},
		{"number in list", TypeProductSaved, snapshot, `"rain"`, `7`, `data.tags[0]: "7": must be a string, not a number`},
		{"null in list", TypeProductSaved, snapshot, `"rain"`, `"a",null`, `data.tags[1]: must be a string, not null`},
		{"list too long", TypeProductSaved, snapshot, `"rain"`, strings.Repeat(`"a",`, 250) + `"a"`, `data.tags: must have at most 250 entries, not 251`},
		{"no URL", TypeProductSaved, snapshot, `https://h/a.jpg`, `ftp://h/a.jpg`, `data.images[0]: "ftp://h/a.jpg": must be an http or https URL`},
		{"object for list of objects", TypeProductSaved, snapshot, `[{"name":"Size","value":"M"}]`, `{"Size":"M"}`, `data.options: "{\"Size\":\"M\"}": must be a list, not an object`},
		{"text for object", TypeProductSaved, snapshot, `{"name":"Size","value":"M"}`, `"Size"`, `data.options[0]: "Size": must be a JSON object, not a string`},
		{"missing deeper", TypeProductSaved, snapshot, `,"value":"M"`, ``, `data.options[0].value: is required`},
		{"wrong deeper", TypeProductSaved, snapshot, `"M"`, `5`, `data.options[0].value: "5": must be a string, not a number`},
		{"import row", TypeProductImported, snapshot, `"sku"`, `"import":{"row":0},"sku"`, `data.import.row: "0": must be a whole number of at least 1`},

		{"nothing sold", TypeItemSold, sale, `"quantity":"1"`, `"quantity":"0.0"`, `data.quantity: "0.0": must be above 0`},
		{"less than nothing sold", TypeItemSold, sale, `"quantity":"1"`, `"quantity":"-1"`, `data.quantity: "-1": must be above 0`},
		{"quantity too precise", TypeItemSold, sale, `"quantity":"1"`, `"quantity":"0.000001"`, `data.quantity: "0.000001": must have at most 5 decimals`},
		{"first wrong field", TypeItemSold, sale, `"outlet":"Quayside","quantity":"1"`, `"quantity":"x"`, `data.outlet: is required`},

		{"text for whole number", TypeProductLinked, linked, `"bigcommerce_id":1`, `"bigcommerce_id":"1"`, `data.bigcommerce_id: "1": must be a whole number, not a string`},
		{"fraction for whole number", TypeProductLinked, linked, `"bigcommerce_id":1`, `"bigcommerce_id":1.5`, `data.bigcommerce_id: "1.5": must be a whole number of at least 1`},
		{"not one of", TypeProductLinked, linked, `"by":"sku"`, `"by":"luck"`, `data.by: "luck": must be one of sku, operator, creation, push`},
		{"negative status", TypePushRefused, refused, `422`, `-1`, `data.status: "-1": must be a whole number of at least 0`},

		{"list", TypeItemSold, sale, sale, `[]`, `data: "[]": must be a JSON object, not a list`},
		{"null", TypeItemSold, sale, sale, `null`, `data: must be a JSON object, not null`},
		{"nothing", TypeItemSold, sale, sale, ``, `data: must be a JSON object: unexpected end of JSON input (byte 0)`},
		{"cut short", TypeItemSold, sale, sale, `{"item":`, `data: "{\"item\":": must be a JSON object: unexpected end of JSON input (byte 8)`},
		{"not UTF-8", TypeItemSold, sale, `Quayside`, "Quay\xff", `data: must be valid UTF-8`},
		{"unknown type", "pos.item.sold.v9", sale, ``, ``, `type: "pos.item.sold.v9": not an event type of this version of tillstream`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(tt.doc, tt.old) {
				t.Fatalf("%s does not hold %s", tt.doc, tt.old)
			}
			event, err := DecodeEvent(tt.typ, []byte(strings.Replace(tt.doc, tt.old, tt.new, 1)))
			if err == nil {
				t.Fatalf("got %+v, want %s", event, tt.want)
			}
			if err.Error() != tt.want {
				t.Errorf("got  %s\nwant %s", err, tt.want)
			}
			var invalid *InvalidError
			var unknown *UnknownTypeError
			if !errors.As(err, &invalid) && !errors.As(err, &unknown) {
				t.Errorf("got a %T", err)
			}
		})
	}
}

func TestDecodeEvent_OK(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		typ       Type
		doc, want string
	}{
		"unknown fields are ignored": {TypeProductDeleted, `{"item":"i-1","why":["?"]}`, `{"item":"i-1"}`},
		"names are exact":            {TypeProductDeleted, `{"ITEM":"x","item":"i-1"}`, `{"item":"i-1"}`},
		"floats that are whole":      {TypePushConfirmed, `{"product":"p","position":7.0,"bigcommerce_id":1.00}`, `{"product":"p","position":7,"bigcommerce_id":1}`},
		"numbers are shortened":      {TypeStockLevelReported, `{"item":"i","outlet":"o","on_hand":"-007.500"}`, `{"item":"i","outlet":"o","on_hand":"-7.5"}`},
		"minus nothing":              {TypeStockLevelReported, `{"item":"i","outlet":"o","on_hand":"-0.0"}`, `{"item":"i","outlet":"o","on_hand":"0"}`},
		"empty lists stay":           {TypeProductImported, `{"item":"i","sku":"s","name":"n","tags":[],"options":[]}`, `{"item":"i","sku":"s","name":"n","options":[],"tags":[]}`},
		"empty texts stay":           {TypeProductImported, `{"item":"i","sku":"s","name":"n","product":"","brand":""}`, `{"item":"i","sku":"s","name":"n","product":"","brand":""}`},
		"HTML stays readable":        {TypeProductSaved, `{"item":"i","sku":"s","name":"n","description":"\u003cb\u003e"}`, `{"item":"i","sku":"s","name":"n","description":"<b>"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			event, err := DecodeEvent(tt.typ, []byte(tt.doc))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := EncodeEvent(event); err != nil || string(got) != tt.want {
				t.Errorf("got %s %v, want %s", got, err, tt.want)
			}
		})
	}
}

func TestDecodeEnvelope_Refusals(t *testing.T) {
	t.Parallel()
	const doc = `{"specversion":"1.0","id":"e-1","source":"/pos/demo","type":"pos.product.deleted.v1","subject":"i-1","time":"2026-11-01T10:15:12Z","actor":"user-4","data":{"item":"i-1"}}`
	for _, tt := range []struct{ name, old, new, want string }{
		{"no version", `"specversion":"1.0",`, ``, `specversion: must be "1.0"`},
		{"other version", `"1.0"`, `"0.3"`, `specversion: "0.3": must be "1.0"`},
		{"version as a number", `"1.0"`, `1.0`, `specversion: "1.0": must be a string, not a number`},
		{"no id", `"id":"e-1",`, ``, `id: is required`},
		{"null id", `"e-1"`, `null`, `id: is required`},
		{"empty id", `"e-1"`, `""`, `id: must not be empty`},
		{"id as a number", `"e-1"`, `17`, `id: "17": must be a string, not a number`},
		{"id with a line break", `e-1`, `e\n1`, `id: "e\n1": must not hold control characters`},
		{"id that ends with a space", `e-1`, `e-1 `, `id: "e-1 ": must not begin or end with a space`},
		{"id too long", `e-1`, strings.Repeat("x", 256), `id: "` + strings.Repeat("x", 80) + `"… (256 bytes): must have at most 255 characters, not 256`},
		{"no source", `"source":"/pos/demo",`, ``, `source: is required`},
		{"source no URI", `/pos/demo`, `%zz`, `source: "%zz": must be a URI reference`},
		{"no type", `"type":"pos.product.deleted.v1",`, ``, `type: is required`},
		{"subject of another", `"subject":"i-1"`, `"subject":"i-2"`, `subject: "i-2": must be the id in the data, "i-1"`},
		{"no time", `"time":"2026-11-01T10:15:12Z",`, ``, `time: is required`},
		{"time without zone", `10:15:12Z`, `10:15:12`, `time: "2026-11-01T10:15:12": must be an RFC 3339 time such as 2026-11-01T10:15:12Z`},
		{"leap second", `10:15:12Z`, `23:59:60Z`, `time: "2026-11-01T23:59:60Z": must be an RFC 3339 time such as 2026-11-01T10:15:12Z`},
		{"time past the last year", `2026-11-01T10:15:12Z`, `9999-12-31T23:59:59-01:00`, `time: "10000-01-01 00:59:59 +0000 UTC": must be in the years 1 to 9999, in UTC`},
		{"time before the first year", `2026-11-01T10:15:12Z`, `0000-01-01T00:00:00Z`, `time: "0000-01-01 00:00:00 +0000 UTC": must be in the years 1 to 9999, in UTC`},
		{"other content", `"actor"`, `"datacontenttype":"text/xml","actor"`, `datacontenttype: "text/xml": must be application/json`},
		{"source version 0", `"actor"`, `"sourceversion":"0","actor"`, `sourceversion: "0": must be a whole number from 1 to 9223372036854775807`},
		{"object for an attribute", `"user-4"`, `{}`, `actor: "{}": must be a string, not an object`},
		{"attribute's name", `"actor"`, `"Actor"`, `Actor: an attribute's name must be 1 to 20 characters of a-z and 0-9`},
		{"no data", `,"data":{"item":"i-1"}`, ``, `data: is required`},
		{"null data", `{"item":"i-1"}`, `null`, `data: is required`},
		{"binary data", `"data":{"item":"i-1"}`, `"data_base64":"e30="`, `data_base64: is not taken; put the JSON object into data`},
		{"wrong data", `{"item":"i-1"}`, `{}`, `data.item: is required`},
		{"list", doc, `[1]`, `event: "[1]": must be a JSON object, not a list`},
		{"no JSON", doc, `id,sku`, `event: "id,sku": must be a JSON object: invalid character 'i' looking for beginning of value (byte 1)`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(doc, tt.old) {
				t.Fatalf("the event does not hold %s", tt.old)
			}
			_, _, err := DecodeEnvelope([]byte(strings.Replace(doc, tt.old, tt.new, 1)))
			if err == nil || err.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

func TestDecodeEnvelope_OK(t *testing.T) {
	t.Parallel()
	for name, doc := range map[string]string{
		"no subject":            `{"specversion":"1.0","id":"e","source":"s","type":"pos.product.deleted.v1","time":"2026-11-01T11:15:12+01:00","data":{"item":"i-1"}}`,
		"null is not set":       `{"specversion":"1.0","id":"e","source":"s","type":"pos.product.deleted.v1","time":"2026-11-01T10:15:12Z","actor":null,"data_base64":null,"data":{"item":"i-1"}}`,
		"known content type":    `{"specversion":"1.0","id":"e","source":"s","type":"pos.product.deleted.v1","time":"2026-11-01T10:15:12Z","datacontenttype":"Application/JSON; charset=utf-8","data":{"item":"i-1"}}`,
		"spaces and extensions": "{\"specversion\":\"1.0\",\"id\":\"e\",\"source\":\"s\",\"type\":\"pos.product.deleted.v1\",\"time\":\"2026-11-01T10:15:12.000Z\", \"data\": {\n\"item\": \"i-1\"}}",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, _, err := DecodeEnvelope([]byte(doc))
			if err != nil {
				t.Fatal(err)
			}
			got, err := e.MarshalJSON()
			if want := `{"specversion":"1.0","id":"e","source":"s","type":"pos.product.deleted.v1","subject":"i-1","time":"2026-11-01T10:15:12Z","data":{"item":"i-1"}}`; err != nil || string(got) != want {
				t.Errorf("got  %s %v\nwant %s", got, err, want)
			}
		})
	}
	e, _, err := DecodeEnvelope([]byte(`{"specversion":"1.0","id":"e","source":"s","type":"pos.product.deleted.v1","time":"2026-11-01T10:15:12Z","sourceversion":90210079,"sampled":true,"sequence":-4,"data":{"item":"i-1"}}`))
	if err != nil {
		t.Fatal(err)
	}
	if e.SourceVersion != 90210079 || e.Extensions["sampled"] != "true" || e.Extensions["sequence"] != "-4" {
		t.Errorf("attributes that are no strings: got %+v", e)
	}
}

func TestEnvelope_Validate_ErrExtensions(t *testing.T) {
	t.Parallel()
	valid := envelope(t, "e", epoch, &ProductDeleted{Item: "i-1"})
	many := map[string]string{}
	for _, c := range "abcdefghijklmnopq" {
		many[string(c)] = "x"
	}
	for name, tt := range map[string]struct {
		extensions map[string]string
		want       string
	}{
		"too many":       {many, `extensions: must be at most 16, not 17`},
		"written twice":  {map[string]string{"id": "x"}, `id: "x": is not an extension; it has its own field`},
		"takes the data": {map[string]string{"data": "x"}, `data: "x": is not an extension; it has its own field`},
	} {
		e := valid
		e.Extensions = tt.extensions
		if err := e.Validate(); err == nil || err.Error() != tt.want {
			t.Errorf("%s: got %v, want %s", name, err, tt.want)
		}
	}
	e := valid
	e.Data = json.RawMessage(`{"item":"i-1","x":"` + strings.Repeat("x", MaxDataSize) + `"}`)
	if err := e.Validate(); err == nil || err.Error() != `data: "524309 bytes": must be at most 524288 bytes` {
		t.Errorf("too much data: got %v", err)
	}
}
