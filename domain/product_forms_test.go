package domain

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// drawn is a product with anything in any of its fields, also in those that are added
// later.
func drawn(t *rapid.T) *Product {
	var p Product
	fill(t, reflect.ValueOf(&p).Elem())
	return &p
}

var drawnText = rapid.OneOf(rapid.StringN(0, 8, -1), rapid.SampledFrom([]string{
	"", "<p class=\"a\">Tom & Jerry's</p>", "a\\b\x00\x01\x1f\x7f\b\f\n\r\t", "\u2028\u2029\u2027", "\xff\xc3(", "Größe 🧥", strings.Repeat("long ", 60),
}))

func fill(t *rapid.T, v reflect.Value) {
	switch v.Interface().(type) {
	case time.Time:
		at := time.Time{}
		if rapid.Bool().Draw(t, "has a time") {
			at = time.Unix(rapid.Int64Range(time.Time{}.Unix(), 253402300799).Draw(t, "second"), rapid.Int64Range(0, 999_999_999).Draw(t, "part")).UTC()
		}
		v.Set(reflect.ValueOf(at))
		return
	case Money:
		v.Set(reflect.ValueOf(MustMoney(rapid.StringMatching(`[0-9]{1,12}(\.[0-9]{1,6})?`).Draw(t, "money"))))
		return
	case Quantity:
		v.Set(reflect.ValueOf(MustQuantity(rapid.StringMatching(`-?[0-9]{1,12}(\.[0-9]{1,5})?`).Draw(t, "quantity"))))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i))
		}
	case reflect.Slice:
		if n := rapid.IntRange(-1, 3).Draw(t, "length"); n >= 0 {
			v.Set(reflect.MakeSlice(v.Type(), n, n))
			for i := range n {
				fill(t, v.Index(i))
			}
		}
	case reflect.String:
		v.SetString(drawnText.Draw(t, "text"))
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, "flag"))
	case reflect.Uint64:
		v.SetUint(rapid.OneOf(rapid.Just(uint64(0)), rapid.Uint64()).Draw(t, "number"))
	default:
		t.Fatalf("%s: no values of this kind are drawn", v.Type())
	}
}

// TestProduct_AppendJSON: the bytes are those of encoding/json, which are what digests
// are made of.
func TestProduct_AppendJSON(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := drawn(t)
		want, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		got, err := p.AppendJSON([]byte("before"))
		if err != nil {
			t.Fatal(err)
		}
		if got = bytes.TrimPrefix(got, []byte("before")); !bytes.Equal(got, want) {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
	late := Product{Items: []Item{{Forgotten: time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)}}}
	if got, err := late.AppendJSON(nil); err == nil {
		t.Errorf("a year that JSON cannot write was written: %s", got)
	}
}

// TestProduct_Pack: nothing is lost, also what JSON does not tell apart.
func TestProduct_Pack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := drawn(t)
		if len(p.Items) > 0 && rapid.Bool().Draw(t, "simple") {
			p.Items[0].ID = ItemID(p.ID)
		}
		if got := p.Pack().Unpack(p.Store, p.ID); !reflect.DeepEqual(got, p) {
			t.Errorf("got  %+v\nwant %+v", got, p)
		}
		used := drawn(t)
		if p.Pack().UnpackInto(used, p.Store, p.ID); !reflect.DeepEqual(used, p) {
			t.Errorf("into one that was used: got  %+v\nwant %+v", used, p)
		}
	})
}

// TestReadGist: the gist is what decoding everything says, of whatever JSON is stored.
func TestReadGist(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		doc, err := drawn(t).AppendJSON(nil)
		if err != nil {
			t.Fatal(err)
		}
		var p Product
		if err := json.Unmarshal(doc, &p); err != nil {
			t.Fatal(err)
		}
		want := Gist{Store: p.Store, ID: p.ID, Position: p.Position, Due: p.Due, StockDue: p.StockDue, Described: p.Described(), Tally: p.Tally}
		if p.Items != nil {
			want.Items = []ItemGist{}
		}
		for _, it := range p.Items {
			want.Items = append(want.Items, ItemGist{it.ID, it.SKU, it.Described, it.Deleted})
		}
		if got, err := ReadGist(doc); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%v\ngot  %+v\nwant %+v", err, got, want)
		}
	})
	for _, doc := range []string{"", "7", "null", `{"store":7}`, `{"position":"7"}`, `{"position":-1}`, `{"family":[]}`, `{"items":{}}`, `{"items":[7]}`, `{"items":[{"deleted":1}]}`, `{"tally":{"folded":null}}`, `{"store":"x"`} {
		if got, err := ReadGist([]byte(doc)); err == nil {
			t.Errorf("%s is taken as %+v", doc, got)
		}
	}
}

// FuzzReadGist: what is refused does no harm, and what is taken says the same to
// encoding/json.
func FuzzReadGist(f *testing.F) {
	f.Add([]byte(`{"store":"demo","product":"p","position":7,"family":{"name":"Shirt"},"items":[{"item":"i","sku":"s","described":true}],"tally":{"folded":1}}`))
	f.Add([]byte(` {"items" : null , "store":"\u0064emo"}`))
	f.Add([]byte(`{"items":[{"item":"a","item":"b"}]}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		g, err := ReadGist(doc)
		if err != nil {
			return
		}
		var same struct {
			Store    StoreID   `json:"store"`
			ID       ProductID `json:"product"`
			Position Position  `json:"position"`
		}
		if err := json.Unmarshal(doc, &same); err != nil {
			t.Fatalf("taken, and is no product: %v", err)
		}
		folded := bytes.ToLower(doc)
		if !bytes.Equal(folded, doc) || bytes.IndexByte(doc, '\\') >= 0 || !utf8.Valid(doc) {
			return // encoding/json takes names in any case, and mends what is no UTF-8
		}
		if g.Store != same.Store || g.ID != same.ID || g.Position != same.Position {
			t.Errorf("got %+v, want %+v", g, same)
		}
	})
}
