// Package pack writes values into bytes that are small and quickly read again, and go over
// every field once for both directions, so that the two cannot disagree. What is packed
// says nothing of its fields: only the same code reads it.
//
// A number takes as many bytes as it needs, seven bits in each; a text stands behind its
// length, and so does a list, where one that is nil is kept apart from one that is empty.
package pack

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/govalues/decimal"
)

// Packer goes over the fields of one value, either way: each function of this package
// appends what its pointer points at, or sets it. The zero Packer writes. It is for one
// goroutine.
type Packer struct {
	out     []byte
	in      string
	reading bool
	broken  bool
}

// Writer returns a Packer that appends to what room has.
func Writer(room []byte) Packer { return Packer{out: room} }

// Reader returns a Packer that reads. The texts that it sets are parts of s.
func Reader(s string) Packer { return Packer{in: s, reading: true} }

// Reading reports whether fields are set, not appended.
func (p *Packer) Reading() bool { return p.reading }

// Bytes is what was written.
func (p *Packer) Bytes() []byte { return p.out }

// Rest is what has not been read yet.
func (p *Packer) Rest() string { return p.in }

// Broken reports whether what was read is not what was written: it has ended too early,
// or holds what no writer writes. From there on everything that is read is zero.
func (p *Packer) Broken() bool { return p.broken }

func (p *Packer) fail() {
	p.in, p.broken = "", true
}

// number is one number, without a type.
func (p *Packer) number(n uint64) uint64 {
	if !p.reading {
		if n < 0x80 { // as most are
			p.out = append(p.out, byte(n))
		} else {
			p.out = binary.AppendUvarint(p.out, n)
		}
		return n
	}
	if len(p.in) > 0 && p.in[0] < 0x80 { // as most are
		n, p.in = uint64(p.in[0]), p.in[1:]
		return n
	}
	n = 0
	for shift, i := 0, 0; i < len(p.in) && shift < 64; shift, i = shift+7, i+1 {
		b := p.in[i]
		n |= uint64(b&0x7f) << shift
		if b < 0x80 {
			p.in = p.in[i+1:]
			return n
		}
	}
	p.fail()
	return 0
}

// Number is a number that is mostly small.
func Number[T ~uint64](p *Packer, v *T) { *v = T(p.number(uint64(*v))) }

// Integer is a number that may be negative.
func Integer[T ~int | ~int64](p *Packer, v *T) {
	n := p.number(uint64(*v)<<1 ^ uint64(int64(*v)>>63))
	*v = T(int64(n>>1) ^ -int64(n&1))
}

// Text is a text of any length.
func Text[T ~string](p *Packer, v *T) {
	n := p.number(uint64(len(*v)))
	if !p.reading {
		p.out = append(p.out, *v...)
		return
	}
	if n > uint64(len(p.in)) {
		p.fail()
		n = 0
	}
	*v, p.in = T(p.in[:n]), p.in[n:]
}

// Raw is as many bytes as v has.
func Raw(p *Packer, v []byte) {
	switch {
	case !p.reading:
		p.out = append(p.out, v...)
	case len(p.in) < len(v):
		clear(v)
		p.fail()
	default:
		copy(v, p.in)
		p.in = p.in[len(v):]
	}
}

// Texts is a list of texts.
func Texts[T ~string](p *Packer, v *[]T) { List(p, v, Text[T]) }

// List is a list of what each packs. What is read takes the room that v has: so each must
// set every field.
func List[T any](p *Packer, v *[]T, each func(*Packer, *T)) {
	n := 0
	if *v != nil {
		n = len(*v) + 1
	}
	n = p.count(n)
	switch {
	case !p.reading:
	case n == 0:
		*v = nil
	case *v != nil && cap(*v) >= n-1:
		*v = (*v)[:n-1]
	default:
		*v = make([]T, n-1)
	}
	for i := range *v {
		each(p, &(*v)[i])
	}
}

// count is the length of a list and one, or zero. What is read takes a byte for each at
// least, so that no length makes room for more than there can be.
func (p *Packer) count(n int) int {
	read := p.number(uint64(n))
	if p.reading && read > uint64(len(p.in))+1 {
		p.fail()
		return 0
	}
	return int(read)
}

// Optional is what each packs, or nil.
func Optional[T any](p *Packer, v **T, each func(*Packer, *T)) {
	there := *v != nil
	Flags(p, &there)
	if p.reading {
		*v = nil
	}
	if !there {
		return
	}
	if p.reading {
		*v = new(T)
	}
	each(p, *v)
}

// Flags are at most seven flags in one byte.
func Flags(p *Packer, flags ...*bool) {
	bits := uint64(0)
	for i, f := range flags {
		if *f {
			bits |= 1 << i
		}
	}
	bits = p.number(bits)
	for i, f := range flags {
		*f = bits&(1<<i) != 0
	}
}

// firstSecond is that of the year 1.
var firstSecond = time.Time{}.Unix()

// Time is a time of the year 1 or later, to the nanosecond. What is read is in UTC.
func Time(p *Packer, v *time.Time) {
	const second = 1_000_000_000
	var since, part uint64
	if !v.IsZero() {
		since, part = uint64(v.Unix()-firstSecond)+1, uint64(v.Nanosecond())
	}
	if since = p.number(since); since == 0 {
		if p.reading {
			*v = time.Time{}
		}
		return
	}
	part = p.number(part)
	if p.reading {
		*v = time.Unix(int64(since-1)+firstSecond, int64(part%second)).UTC()
	}
}

// Decimal is a decimal, whose digits behind the point stay as they are, zeros included.
func Decimal(p *Packer, v *decimal.Decimal) {
	sign := uint64(0)
	if v.IsNeg() {
		sign = 1
	}
	form := p.number(uint64(v.Scale())<<1 | sign)
	coef := p.number(v.Coef())
	if !p.reading {
		return
	}
	if coef > math.MaxInt64 || form>>1 > decimal.MaxScale {
		p.fail()
		coef, form = 0, 0
	}
	value := int64(coef)
	if form&1 == 1 {
		value = -value
	}
	d, err := decimal.New(value, int(form>>1))
	if err != nil {
		p.fail()
	}
	*v = d
}
