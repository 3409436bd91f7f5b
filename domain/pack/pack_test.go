package pack_test

import (
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/govalues/decimal"
	"pgregory.net/rapid"

	"github.com/tillstream/tillstream/domain/pack"
)

// all has a field of every kind.
type all struct {
	Number   uint64
	Integer  int64
	Text     string
	Raw      [5]byte
	Texts    []string
	List     []uint64
	Optional *string
	A, B, C  bool
	Time     time.Time
	Decimal  decimal.Decimal
}

func (a *all) pack(p *pack.Packer) {
	pack.Number(p, &a.Number)
	pack.Integer(p, &a.Integer)
	pack.Text(p, &a.Text)
	pack.Raw(p, a.Raw[:])
	pack.Texts(p, &a.Texts)
	pack.List(p, &a.List, pack.Number[uint64])
	pack.Optional(p, &a.Optional, pack.Text[string])
	pack.Flags(p, &a.A, &a.B, &a.C)
	pack.Time(p, &a.Time)
	pack.Decimal(p, &a.Decimal)
}

func drawAll(t *rapid.T) all {
	return rapid.MakeCustom[all](rapid.MakeConfig{Types: map[reflect.Type]*rapid.Generator[any]{
		reflect.TypeFor[time.Time](): rapid.Custom(func(t *rapid.T) any {
			at := time.Unix(rapid.Int64Range(time.Time{}.Unix(), 253402300799).Draw(t, "second"), rapid.Int64Range(0, 999_999_999).Draw(t, "part"))
			return at.UTC()
		}),
		reflect.TypeFor[decimal.Decimal](): rapid.Custom(func(t *rapid.T) any {
			return decimal.MustNew(rapid.Int64Min(-math.MaxInt64).Draw(t, "value"), rapid.IntRange(0, decimal.MaxScale).Draw(t, "scale"))
		}),
	}}).Draw(t, "all")
}

// TestPacker: what is read is what was written, and nothing is left of it; where it is cut,
// that is told.
func TestPacker(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := drawAll(t)
		w := pack.Writer([]byte("before"))
		want.pack(&w)
		written := string(w.Bytes())[len("before"):]
		var got all
		r := pack.Reader(written)
		got.pack(&r)
		if !reflect.DeepEqual(got, want) || r.Broken() || r.Rest() != "" {
			t.Errorf("got  %+v\nwant %+v\nbroken %v, left %q", got, want, r.Broken(), r.Rest())
		}
		cut := pack.Reader(written[:rapid.IntRange(0, len(written)-1).Draw(t, "cut")])
		var part all
		if part.pack(&cut); !cut.Broken() {
			t.Error("it was cut, and is not broken")
		}
	})
}

// FuzzReader reads anything: it is broken, or is the same when it is written again.
func FuzzReader(f *testing.F) {
	w := pack.Packer{}
	(&all{Number: 300, Integer: -1, Text: "text", List: []uint64{1}, A: true, Time: time.Unix(0, 1)}).pack(&w)
	f.Add(string(w.Bytes()))
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		var first, second all
		r := pack.Reader(s)
		if first.pack(&r); r.Broken() {
			return
		}
		w := pack.Packer{}
		first.pack(&w)
		again := pack.Reader(string(w.Bytes()))
		second.pack(&again)
		if !reflect.DeepEqual(first, second) || again.Broken() {
			t.Errorf("first %+v\nsecond %+v", first, second)
		}
	})
}
