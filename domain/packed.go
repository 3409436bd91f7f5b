package domain

import (
	"encoding/binary"
	"sync"
	"time"

	"github.com/govalues/decimal"
)

// Packed is a product without its store and id as memory holds it that is to hold very
// many: half of its JSON form, in one piece that the garbage collector need not look
// into, and unpacked many times faster. It is for one process only and never stored. The
// empty Packed is none.
type Packed string

// Pack returns the packed form.
func (p *Product) Pack() Packed {
	c := packings.Get().(*packing)
	defer packings.Put(c)
	c.out, c.id = c.out[:0], string(p.ID)
	c.product(p)
	return Packed(c.out)
}

var packings = sync.Pool{New: func() any { return new(packing) }}

// Unpack undoes [Product.Pack], given what the packed form leaves out. The product's
// texts are parts of s.
func (s Packed) Unpack(store StoreID, id ProductID) *Product {
	p := &Product{Store: store, ID: id}
	c := packing{in: string(s), id: string(id), reading: true}
	c.product(p)
	return p
}

// packing goes over every field of a product once, for both directions, so that the two
// cannot disagree.
type packing struct {
	id      string // of the product: that of a simple product's item
	out     []byte
	in      string
	reading bool
}

func (c *packing) product(p *Product) {
	packNumber(c, &p.Position)
	packNumber(c, &p.Due)
	packNumber(c, &p.StockDue)
	c.family(&p.Family)
	packList(c, &p.Items, (*packing).item)
	packTexts(c, &p.Former)
	packNumber(c, &p.Tally.Folded)
	packNumber(c, &p.Tally.Superseded)
	packNumber(c, &p.Tally.Duplicate)
}

func (c *packing) family(f *Family) {
	packText(c, &f.Name)
	packText(c, &f.Description)
	packText(c, &f.Brand)
	c.flags(&f.Active, &f.TrackInventory)
	packTexts(c, &f.Images)
	packText(c, &f.Handle)
	packText(c, &f.Category)
	packTexts(c, &f.Tags)
	packText(c, &f.Supplier)
	c.stamp(&f.Stamp)
}

func (c *packing) item(it *Item) {
	own := string(it.ID) == c.id
	c.flags(&own, &it.Described, &it.Deleted)
	switch {
	case !own:
		packText(c, &it.ID)
	case c.reading:
		it.ID = ItemID(c.id)
	}
	packText(c, &it.SKU)
	packList(c, &it.Options, func(c *packing, o *Option) {
		packText(c, &o.Name)
		packText(c, &o.Value)
	})
	c.decimal(&it.RetailPrice.d)
	c.decimal(&it.SupplyPrice.d)
	packList(c, &it.Codes, func(c *packing, code *Code) {
		packText(c, &code.Type)
		packText(c, &code.Code)
	})
	packNumber(c, &it.Since)
	packTexts(c, &it.Earlier)
	packText(c, &it.Trail)
	packList(c, &it.Stock, func(c *packing, l *Level) {
		packText(c, &l.Outlet)
		c.decimal(&l.OnHand.d)
		c.stamp(&l.Reading)
	})
	c.stamp(&it.Snapshot)
	c.stamp(&it.Moved)
	packList(c, &it.Movements, func(c *packing, m *Movement) {
		packText(c, &m.Mark)
		packNumber(c, &m.Version)
		c.time(&m.Time)
		packText(c, &m.Outlet)
		c.decimal(&m.Delta.d)
	})
	c.time(&it.Forgotten)
}

func (c *packing) stamp(s *Stamp) {
	packNumber(c, &s.Version)
	packTexts(c, &s.Versioned)
	c.time(&s.Time)
	packTexts(c, &s.Timed)
}

// number is one number, without a type.
func (c *packing) number(n uint64) uint64 {
	if !c.reading {
		c.out = binary.AppendUvarint(c.out, n)
		return n
	}
	n = 0
	for shift, i := 0, 0; ; shift, i = shift+7, i+1 {
		b := c.in[i]
		n |= uint64(b&0x7f) << shift
		if b < 0x80 {
			c.in = c.in[i+1:]
			return n
		}
	}
}

func packNumber[T ~uint64](c *packing, p *T) { *p = T(c.number(uint64(*p))) }

func packText[T ~string](c *packing, p *T) {
	n := c.number(uint64(len(*p)))
	if !c.reading {
		c.out = append(c.out, *p...)
		return
	}
	*p, c.in = T(c.in[:n]), c.in[n:]
}

func packTexts[T ~string](c *packing, p *[]T) {
	n := c.length(len(*p), *p != nil)
	if c.reading && n >= 0 {
		*p = make([]T, n)
	}
	for i := range *p {
		packText(c, &(*p)[i])
	}
}

// length keeps apart a list that is nil, for which it returns -1, and one that is empty.
func (c *packing) length(n int, there bool) int {
	if !there {
		n = -1
	}
	return int(c.number(uint64(n+1))) - 1
}

func packList[T any](c *packing, p *[]T, each func(*packing, *T)) {
	n := c.length(len(*p), *p != nil)
	if c.reading && n >= 0 {
		*p = make([]T, n)
	}
	for i := range *p {
		each(c, &(*p)[i])
	}
}

func (c *packing) flags(flags ...*bool) {
	bits := uint64(0)
	for i, f := range flags {
		if *f {
			bits |= 1 << i
		}
	}
	bits = c.number(bits)
	for i, f := range flags {
		*f = bits&(1<<i) != 0
	}
}

// time keeps times in UTC, as all of a product are.
func (c *packing) time(t *time.Time) {
	const second = 1_000_000_000
	var since, part uint64
	if !t.IsZero() {
		since, part = uint64(t.Unix()-firstSecond)+1, uint64(t.Nanosecond())
	}
	if since = c.number(since); since == 0 {
		if c.reading {
			*t = time.Time{}
		}
		return
	}
	part = c.number(part)
	if c.reading {
		*t = time.Unix(int64(since-1)+firstSecond, int64(part%second)).UTC()
	}
}

// firstSecond is that of the year 1.
var firstSecond = time.Time{}.Unix()

// decimal keeps the digits behind the point as they are, zeros included.
func (c *packing) decimal(d *decimal.Decimal) {
	sign := uint64(0)
	if d.IsNeg() {
		sign = 1
	}
	form := c.number(uint64(d.Scale())<<1 | sign)
	coef := c.number(d.Coef())
	if !c.reading {
		return
	}
	value := int64(coef) // of 18 digits at most
	if form&1 == 1 {
		value = -value
	}
	*d = must(decimal.New(value, int(form>>1)))
}
