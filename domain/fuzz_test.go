package domain

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func FuzzDecodeEnvelope(f *testing.F) {
	for _, typ := range allTypes() {
		for _, line := range goldenEvents(f, typ) {
			f.Add(line)
		}
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		e, event, err := DecodeEnvelope(doc)
		if err != nil {
			return
		}
		line, err := e.MarshalJSON()
		if err != nil {
			t.Fatalf("accepted, and cannot be written: %v", err)
		}
		again, event2, err := DecodeEnvelope(line)
		if err != nil {
			t.Fatalf("accepted, written as %s, and refused: %v", line, err)
		}
		line2, err := again.MarshalJSON()
		if err != nil || !bytes.Equal(line, line2) {
			t.Fatalf("written as %s, then as %s, %v", line, line2, err)
		}
		if event.Subject() != event2.Subject() || event.Type() != event2.Type() {
			t.Fatalf("read as %s of %s, then as %s of %s", event.Type(), event.Subject(), event2.Type(), event2.Subject())
		}
		var attributes Envelope
		for _, a := range e.Attributes() {
			if err := attributes.SetAttribute(a.Name, a.Value); err != nil {
				t.Fatalf("attribute %s: %v", a.Name, err)
			}
		}
	})
}

func FuzzDecodeEvent(f *testing.F) {
	for i, typ := range allTypes() {
		for _, line := range goldenEvents(f, typ) {
			var doc struct{ Data json.RawMessage }
			if err := json.Unmarshal(line, &doc); err != nil {
				f.Fatal(err)
			}
			f.Add(byte(i), []byte(doc.Data))
		}
	}
	schemas := compileSchemas(f)
	f.Fuzz(func(t *testing.T, which byte, data []byte) {
		typ := allTypes()[int(which)%len(allTypes())]
		event, err := DecodeEvent(typ, data)
		if err != nil {
			return
		}
		agree(t, schemas[typ], typ, data)
		first, err := EncodeEvent(event)
		if err != nil {
			t.Fatal(err)
		}
		again, err := DecodeEvent(typ, first)
		if err != nil {
			t.Fatalf("accepted, written as %s, and refused: %v", first, err)
		}
		second, err := EncodeEvent(again)
		if err != nil || !bytes.Equal(first, second) {
			t.Fatalf("written as %s, then as %s, %v", first, second, err)
		}
	})
}

// FuzzSplit holds our way of taking documents apart to that of encoding/json.
func FuzzSplit(f *testing.F) {
	for _, doc := range []string{`{}`, `[]`, ` {"a" : [1 , {"b":"}\\\"]"} ] ,"a":-1.5e3, "\u0061\n":null,"":true}`, `[[],{},"",false,[[1]]]`, `{"a":{"b":[{}]},"c":"\ud800"}`, `7`, ``,
		strings.Repeat("[", mostNested) + strings.Repeat("]", mostNested), strings.Repeat(`{"":`, mostNested+1) + "0" + strings.Repeat("}", mostNested+1)} {
		f.Add([]byte(doc))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		if !utf8.Valid(doc) {
			return
		}
		if ValidJSON(doc) != json.Valid(doc) {
			t.Fatalf("JSON: %v, got %v", json.Valid(doc), ValidJSON(doc))
		}
		var object map[string]json.RawMessage
		members, err := parseObject(nil, "doc", doc)
		if wanted := json.Unmarshal(doc, &object) == nil && object != nil; wanted != (err == nil) {
			t.Fatalf("an object: %v, got %v", wanted, err)
		}
		for _, m := range members {
			last, _ := find(members, string(m.name))
			if want, ok := object[string(m.name)]; !ok || !bytes.Equal(last, want) {
				t.Fatalf("%s: got %s, want %s, there %v", m.name, last, want, ok)
			}
		}
		if names := map[string]bool{}; err == nil {
			for _, m := range members {
				names[string(m.name)] = true
			}
			if len(names) != len(object) {
				t.Fatalf("got %d names, want %d", len(names), len(object))
			}
		}
		var list []json.RawMessage
		if raw := bytes.Trim(doc, " \t\r\n"); json.Unmarshal(raw, &list) == nil && list != nil {
			if diff := cmp.Diff(list, append([]json.RawMessage{}, splitList(raw)...)); diff != "" {
				t.Fatalf("(-want +got):\n%s", diff)
			}
		}
	})
}

func FuzzParseDecimal(f *testing.F) {
	for _, s := range []string{"0", "-0", "24.50", "-3", "0.25", "999999999999.999999", "1e3", "١", ".5", "-.", "--1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if m, err := ParseMoney(s); err == nil {
			if again, err := ParseMoney(m.String()); err != nil || !again.Equal(m) || again.String() != m.String() || m.Decimal().IsNeg() {
				t.Fatalf("%q: got %s, then %s, %v", s, m, again, err)
			}
		}
		if q, err := ParseQuantity(s); err == nil {
			if again, err := ParseQuantity(q.String()); err != nil || !again.Equal(q) || again.String() != q.String() {
				t.Fatalf("%q: got %s, then %s, %v", s, q, again, err)
			}
		}
	})
}

// FuzzFold makes a history of any bytes, four to an event: the type, the item and
// places, the time and version, and the quantity.
func FuzzFold(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1, 3, 1, 9, 5, 9, 2, 250, 200})
	f.Add([]byte{6, 0, 1, 9, 9, 4, 2, 3, 9, 4, 2, 3, 2, 0, 3, 0, 0, 0, 1, 1})
	f.Fuzz(func(t *testing.T, history []byte) {
		if len(history) > 400 {
			history = history[:400]
		}
		for _, mode := range []StockMode{StockLevels, StockMovements} {
			a, b := newCatalog(mode), newCatalog(mode)
			for i := 0; i+4 <= len(history); i += 4 {
				event := eventOf(history[i], history[i+1], history[i+3])
				e, err := NewEnvelope("e", "/pos/demo", epoch.Add(time.Duration(history[i+2]>>3)*100*time.Hour), event)
				if err != nil {
					t.Fatal(err)
				}
				e.ID = EventID(rune('a' + history[i+3]%26))
				e.SourceVersion = uint64(history[i+2] & 7)
				one, err1 := a.append(e, event)
				two, err2 := b.append(e, event)
				if one != two || (err1 == nil) != (err2 == nil) {
					t.Fatalf("event %d: got %q %v, then %q %v", i/4, one, err1, two, err2)
				}
			}
			if got, want := asJSON(t, a.sorted()), asJSON(t, b.sorted()); got != want {
				t.Fatalf("two states of one history:\n%s\n%s", got, want)
			}
			for _, p := range a.sorted() {
				l := p.Listing(Rules{SafetyStock: 1})
				l.Digest()
			}
		}
	})
}

func eventOf(typ, where, how byte) Event {
	item := ItemID([]string{"i-1", "i-2"}[where&1])
	from := OutletID([]string{"Quayside", "Mill Lane"}[where>>1&1])
	to := OutletID([]string{"Quayside", "Mill Lane"}[where>>2&1])
	product := ProductID([]string{"", "p-1", "p-2", "i-1"}[where>>3&3])
	amount := MustQuantity([]string{"1", "0.00001", "999999999999", "2.5"}[how&3])
	signed := amount
	if how&4 > 0 {
		signed = amount.Neg()
	}
	var onHand *Quantity
	if how&8 > 0 {
		onHand = &signed
	}
	d := Description{SKU: "S", Name: "N"}
	if how&16 > 0 {
		d.Product = &product
	}
	switch POSTypes()[int(typ)%len(POSTypes())] {
	case TypeProductSaved:
		return &ProductSaved{Item: item, Description: d}
	case TypeProductImported:
		return &ProductImported{Item: item, Description: d}
	case TypeProductDeleted:
		return &ProductDeleted{Item: item}
	case TypeItemSold:
		return &ItemSold{Item: item, Outlet: from, Quantity: amount, Sale: "s", Line: "1", OnHand: onHand}
	case TypeItemRefunded:
		return &ItemRefunded{Item: item, Outlet: from, Quantity: amount, Sale: "s", Line: "1", OnHand: onHand}
	case TypeItemExchanged:
		return &ItemExchanged{Item: item, Outlet: from, Quantity: signed, Sale: "s", Line: "1", OnHand: onHand}
	case TypeStockCounted:
		return &StockCounted{Item: item, Outlet: from, OnHand: signed, Count: "c"}
	case TypeStockOrderReceived:
		return &StockOrderReceived{Item: item, Outlet: from, Quantity: amount, Order: "o", OnHand: onHand}
	case TypeStockTransferred:
		return &StockTransferred{Item: item, From: from, To: to, Quantity: amount, Transfer: "t", OnHandFrom: onHand}
	case TypeStockAdjusted:
		return &StockAdjusted{Item: item, Outlet: from, Quantity: signed, Adjustment: "a", OnHand: onHand}
	}
	return &StockLevelReported{Item: item, Outlet: from, OnHand: signed}
}
