package domain

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/govalues/decimal"
)

// AppendJSON appends the JSON form of p: to the byte what [encoding/json.Marshal] makes
// of it, in a quarter of the time. A rebuild encodes every product of the log. The error
// is that of a time whose year RFC 3339 cannot write.
func (p *Product) AppendJSON(b []byte) ([]byte, error) {
	w := jsonWriter{b: b}
	w.open('{')
	w.text("store", string(p.Store))
	w.text("product", string(p.ID))
	w.number("position", uint64(p.Position))
	w.position("due", p.Due)
	w.position("stock_due", p.StockDue)
	w.family(&p.Family)
	w.name("items")
	if p.Items == nil {
		w.b = append(w.b, "null"...)
	} else {
		w.open('[')
		for i := range p.Items {
			w.next()
			w.item(&p.Items[i])
		}
		w.close(']')
	}
	appendTexts(&w, "former", p.Former)
	w.name("tally")
	w.open('{')
	w.number("folded", p.Tally.Folded)
	w.position("superseded", Position(p.Tally.Superseded))
	w.position("duplicate", Position(p.Tally.Duplicate))
	w.close('}')
	w.close('}')
	return w.b, w.err
}

// jsonWriter appends the parts of a product. A zero value of a field that may be left
// out is left out.
type jsonWriter struct {
	b   []byte
	err error
}

func (w *jsonWriter) open(bracket byte)  { w.b = append(w.b, bracket) }
func (w *jsonWriter) close(bracket byte) { w.b = append(w.b, bracket) }

// next puts a comma behind the entry or field before.
func (w *jsonWriter) next() {
	if last := w.b[len(w.b)-1]; last != '{' && last != '[' {
		w.b = append(w.b, ',')
	}
}

func (w *jsonWriter) name(name string) {
	w.next()
	w.b = append(append(append(w.b, '"'), name...), '"', ':')
}

func (w *jsonWriter) text(name, value string) {
	w.name(name)
	w.b = appendJSONText(w.b, value)
}

func (w *jsonWriter) someText(name, value string) {
	if value != "" {
		w.text(name, value)
	}
}

func (w *jsonWriter) number(name string, n uint64) {
	w.name(name)
	w.b = strconv.AppendUint(w.b, n, 10)
}

func (w *jsonWriter) position(name string, p Position) {
	if p != 0 {
		w.number(name, uint64(p))
	}
}

func (w *jsonWriter) flag(name string, set bool) {
	if set {
		w.name(name)
		w.b = append(w.b, "true"...)
	}
}

func (w *jsonWriter) amount(name string, d decimal.Decimal) {
	w.name(name)
	w.quoted(d.AppendText(append(w.b, '"')))
}

func (w *jsonWriter) time(name string, t time.Time) {
	w.name(name)
	w.quoted(t.AppendText(append(w.b, '"')))
}

func (w *jsonWriter) someTime(name string, t time.Time) {
	if !t.IsZero() {
		w.time(name, t)
	}
}

// quoted ends a text that needs no escape.
func (w *jsonWriter) quoted(b []byte, err error) {
	if err != nil && w.err == nil {
		w.err = err
	}
	w.b = append(b, '"')
}

func appendTexts[T ~string](w *jsonWriter, name string, texts []T) {
	if len(texts) == 0 {
		return
	}
	w.name(name)
	w.open('[')
	for _, t := range texts {
		w.next()
		w.b = appendJSONText(w.b, string(t))
	}
	w.close(']')
}

func (w *jsonWriter) family(f *Family) {
	w.name("family")
	w.open('{')
	w.someText("name", f.Name)
	w.someText("description", f.Description)
	w.someText("brand", f.Brand)
	w.flag("active", f.Active)
	w.flag("track_inventory", f.TrackInventory)
	appendTexts(w, "images", f.Images)
	w.someText("handle", f.Handle)
	w.someText("category", f.Category)
	appendTexts(w, "tags", f.Tags)
	w.someText("supplier", f.Supplier)
	w.stamp("stamp", &f.Stamp)
	w.close('}')
}

func (w *jsonWriter) item(it *Item) {
	w.open('{')
	w.text("item", string(it.ID))
	w.someText("sku", string(it.SKU))
	if len(it.Options) > 0 {
		w.name("options")
		w.open('[')
		for i := range it.Options {
			w.next()
			w.pair("name", it.Options[i].Name, "value", it.Options[i].Value)
		}
		w.close(']')
	}
	w.amount("retail_price", it.RetailPrice.d)
	w.amount("supply_price", it.SupplyPrice.d)
	if len(it.Codes) > 0 {
		w.name("codes")
		w.open('[')
		for i := range it.Codes {
			w.next()
			w.pair("type", it.Codes[i].Type, "code", it.Codes[i].Code)
		}
		w.close(']')
	}
	w.flag("described", it.Described)
	w.flag("deleted", it.Deleted)
	w.number("since", uint64(it.Since))
	appendTexts(w, "earlier", it.Earlier)
	w.someText("trail", string(it.Trail))
	if len(it.Stock) > 0 {
		w.name("stock")
		w.open('[')
		for i := range it.Stock {
			w.next()
			w.level(&it.Stock[i])
		}
		w.close(']')
	}
	w.stamp("snapshot", &it.Snapshot)
	w.stamp("moved", &it.Moved)
	if len(it.Movements) > 0 {
		w.name("movements")
		w.open('[')
		for i := range it.Movements {
			w.next()
			w.movement(&it.Movements[i])
		}
		w.close(']')
	}
	w.someTime("forgotten", it.Forgotten)
	w.close('}')
}

func (w *jsonWriter) pair(name, value, otherName, otherValue string) {
	w.open('{')
	w.text(name, value)
	w.text(otherName, otherValue)
	w.close('}')
}

func (w *jsonWriter) level(l *Level) {
	w.open('{')
	w.text("outlet", string(l.Outlet))
	w.amount("on_hand", l.OnHand.d)
	w.stamp("reading", &l.Reading)
	w.close('}')
}

func (w *jsonWriter) movement(m *Movement) {
	w.open('{')
	w.text("m", string(m.Mark))
	w.position("v", Position(m.Version))
	w.time("t", m.Time)
	w.text("o", string(m.Outlet))
	w.amount("d", m.Delta.d)
	w.close('}')
}

func (w *jsonWriter) stamp(name string, s *Stamp) {
	if s.Version == 0 && s.Versioned == nil && s.Timed == nil && s.Time == (time.Time{}) {
		return
	}
	w.name(name)
	w.open('{')
	w.position("v", Position(s.Version))
	appendTexts(w, "vm", s.Versioned)
	w.someTime("t", s.Time)
	appendTexts(w, "tm", s.Timed)
	w.close('}')
}

// asItIs are the bytes that JSON, and HTML around it, take for themselves.
var asItIs = func() (is [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		is[c] = !strings.ContainsRune(`"\<>&`, c)
	}
	return is
}()

// appendJSONText appends a string as encoding/json writes it, with what HTML takes for
// its own escaped.
func appendJSONText(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	done := 0
	for i := 0; i < len(s); {
		c := s[i]
		if asItIs[c] {
			i++
			continue
		}
		if c < utf8.RuneSelf {
			b = append(b, s[done:i]...)
			switch c {
			case '"', '\\':
				b = append(b, '\\', c)
			case '\b':
				b = append(b, '\\', 'b')
			case '\f':
				b = append(b, '\\', 'f')
			case '\n':
				b = append(b, '\\', 'n')
			case '\r':
				b = append(b, '\\', 'r')
			case '\t':
				b = append(b, '\\', 't')
			default:
				b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
			}
			i++
			done = i
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			b = append(append(b, s[done:i]...), `\ufffd`...)
			done = i + size
		case r == '\u2028' || r == '\u2029':
			b = append(append(append(b, s[done:i]...), `\u202`...), hex[r&15])
			done = i + size
		}
		i += size
	}
	return append(append(b, s[done:]...), '"')
}
