package xseries

import (
	"bytes"
	"encoding/json"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tillstream/tillstream/domain"
)

// The account's two API generations and its webhooks write one thing in several
// ways: a number as a number or a string, no relation as null, as {} or not at all,
// a flag as true, 1 or "1", a time in three formats. Everything here takes all of
// them and says only whether there is a value.

// record is one JSON object, its values unread.
type record map[string]json.RawMessage

// recordOf reads an object. What is none, or is empty, is nil.
func recordOf(raw json.RawMessage) record {
	if !begins(raw, '{') {
		return nil
	}
	var r record
	if json.Unmarshal(raw, &r) != nil || len(r) == 0 {
		return nil
	}
	return r
}

// first is the value of the first of the names that has one: null is none.
func (r record) first(names ...string) json.RawMessage {
	for _, name := range names {
		if raw := bytes.TrimSpace(r[name]); len(raw) > 0 && string(raw) != "null" {
			return raw
		}
	}
	return nil
}

// below is the object under a name, nil when there is none.
func (r record) below(name string) record { return recordOf(r[name]) }

// list is the values under the first of the names that has a list.
func (r record) list(names ...string) []json.RawMessage {
	for _, name := range names {
		if list := listOf(r[name]); len(list) > 0 {
			return list
		}
	}
	return nil
}

func listOf(raw json.RawMessage) []json.RawMessage {
	if !begins(raw, '[') {
		return nil
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		return nil
	}
	return list
}

func begins(raw json.RawMessage, with byte) bool {
	raw = bytes.TrimSpace(raw)
	return len(raw) > 0 && raw[0] == with
}

// text is a string as it is, or the digits of a number; anything else is empty.
func (r record) text(names ...string) string {
	raw := r.first(names...)
	switch {
	case begins(raw, '"'):
		var s string
		if json.Unmarshal(raw, &s) == nil {
			return s
		}
	case len(raw) > 0 && (raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9'):
		return string(raw)
	}
	return ""
}

// id is a text without the blanks around it.
func (r record) id(names ...string) string { return strings.TrimSpace(r.text(names...)) }

// label is a text of a field that is kept and never pushed: cut to what an event
// takes, because its length is no reason to lose the product.
func (r record) label(names ...string) string { return cut(r.id(names...)) }

func cut(s string) string {
	if utf8.RuneCountInString(s) <= domain.MaxIDLength {
		return s
	}
	return string([]rune(s)[:domain.MaxIDLength])
}

// flag is a truth value in any of its forms, nil when there is none.
func (r record) flag(names ...string) *bool {
	var b bool
	switch strings.ToLower(strings.Trim(string(r.first(names...)), `" `)) {
	case "true", "1", "yes":
		b = true
	case "false", "0", "no":
	default:
		return nil
	}
	return &b
}

// number is a decimal with at most scale decimals, halves away from zero, in plain
// digits; "" when there is none, and false when what stands there is no number.
func (r record) number(scale int, names ...string) (string, bool) {
	s := strings.TrimSpace(r.text(names...))
	if s == "" {
		raw := r.first(names...)
		empty := len(raw) == 0 || begins(raw, '"') || recordOf(raw) == nil && begins(raw, '{')
		return "", empty
	}
	if !numeric.MatchString(s) {
		return "", false
	}
	rat, ok := new(big.Rat).SetString(s)
	if !ok {
		return "", false
	}
	plain := rat.FloatString(scale)
	if strings.Contains(plain, ".") {
		plain = strings.TrimSuffix(strings.TrimRight(plain, "0"), ".")
	}
	if plain == "-0" {
		plain = "0"
	}
	return plain, true
}

// numeric bounds what is given to exact arithmetic: an exponent of a million digits
// is no price.
var numeric = regexp.MustCompile(`^[-+]?([0-9]{1,30}(\.[0-9]{0,30})?|\.[0-9]{1,30})([eE][-+]?[0-9]{1,2})?$`)

// money is an amount, nil when there is none.
func (r record) money(names ...string) (*domain.Money, error) {
	s, ok := r.number(domain.MoneyScale, names...)
	if !ok {
		return nil, &domain.InvalidError{Path: names[0], Value: string(r.first(names...)), Reason: "must be a number"}
	}
	if s == "" {
		return nil, nil
	}
	m, err := domain.ParseMoney(s)
	if err != nil {
		return nil, &domain.InvalidError{Path: names[0], Value: s, Reason: err.Error()}
	}
	return &m, nil
}

// quantity is a number of units, nil when there is none.
func (r record) quantity(names ...string) (*domain.Quantity, error) {
	s, ok := r.number(domain.QuantityScale, names...)
	if !ok {
		return nil, &domain.InvalidError{Path: names[0], Value: string(r.first(names...)), Reason: "must be a number"}
	}
	if s == "" {
		return nil, nil
	}
	q, err := domain.ParseQuantity(s)
	if err != nil {
		return nil, &domain.InvalidError{Path: names[0], Value: s, Reason: err.Error()}
	}
	return &q, nil
}

// version is the record's own version, 0 when it has none. Sales of 2026-07 keep it
// below "_metadata".
func (r record) version() uint64 {
	for _, in := range []record{r, r.below("_metadata")} {
		if s, ok := in.number(0, "version"); ok && s != "" {
			if n, err := strconv.ParseUint(s, 10, 63); err == nil && n > 0 {
				return n
			}
		}
	}
	return 0
}

// timeForms are how times are written. Those without a zone are UTC, as the fields'
// descriptions say.
var timeForms = []string{time.RFC3339Nano, "2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999", "2006-01-02T15:04:05.999999999Z0700", "2006-01-02"}

// when is the first of the times that can be read and is no more than
// [domain.MaxAhead] after seen, and otherwise seen.
func (r record) when(seen time.Time, names ...string) time.Time {
	for _, name := range names {
		s := strings.TrimSpace(r.text(name))
		for _, form := range timeForms {
			t, err := time.Parse(form, s)
			if t = t.UTC(); err == nil && t.Year() >= 1970 && !t.After(seen.Add(domain.MaxAhead)) {
				return t
			}
		}
	}
	return seen
}

// deleted reports whether the record bears the time of its deletion.
func (r record) deleted() bool { return strings.TrimSpace(r.text("deleted_at")) != "" }
