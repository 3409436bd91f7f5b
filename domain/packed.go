package domain

import (
	"sync"

	"github.com/tillstream/tillstream/domain/pack"
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
	c.Packer, c.id = pack.Writer(c.Bytes()[:0]), string(p.ID)
	c.product(p)
	return Packed(c.Bytes())
}

var packings = sync.Pool{New: func() any { return new(packing) }}

// Unpack undoes [Product.Pack], given what the packed form leaves out. The product's
// texts are parts of s.
func (s Packed) Unpack(store StoreID, id ProductID) *Product {
	p := new(Product)
	s.UnpackInto(p, store, id)
	return p
}

// UnpackInto is Unpack into a product that nobody uses any more: what it refers to is
// overwritten.
func (s Packed) UnpackInto(p *Product, store StoreID, id ProductID) {
	p.Store, p.ID = store, id
	c := packing{pack.Reader(string(s)), string(id)}
	c.product(p)
}

// packing goes over every field of a product.
type packing struct {
	pack.Packer
	id string // of the product: that of a simple product's item
}

func (c *packing) product(p *Product) {
	pack.Number(&c.Packer, &p.Position)
	pack.Number(&c.Packer, &p.Due)
	pack.Number(&c.Packer, &p.StockDue)
	packFamily(&c.Packer, &p.Family)
	pack.List(&c.Packer, &p.Items, c.item)
	pack.Texts(&c.Packer, &p.Former)
	pack.Number(&c.Packer, &p.Tally.Folded)
	pack.Number(&c.Packer, &p.Tally.Superseded)
	pack.Number(&c.Packer, &p.Tally.Duplicate)
}

func packFamily(c *pack.Packer, f *Family) {
	pack.Text(c, &f.Name)
	pack.Text(c, &f.Description)
	pack.Text(c, &f.Brand)
	pack.Flags(c, &f.Active, &f.TrackInventory)
	pack.Texts(c, &f.Images)
	pack.Text(c, &f.Handle)
	pack.Text(c, &f.Category)
	pack.Texts(c, &f.Tags)
	pack.Text(c, &f.Supplier)
	packStamp(c, &f.Stamp)
}

func (c *packing) item(p *pack.Packer, it *Item) {
	own := string(it.ID) == c.id
	pack.Flags(p, &own, &it.Described, &it.Deleted)
	switch {
	case !own:
		pack.Text(p, &it.ID)
	case p.Reading():
		it.ID = ItemID(c.id)
	}
	pack.Text(p, &it.SKU)
	pack.List(p, &it.Options, packOption)
	pack.Decimal(p, &it.RetailPrice.d)
	pack.Decimal(p, &it.SupplyPrice.d)
	pack.List(p, &it.Codes, packCode)
	pack.Number(p, &it.Since)
	pack.Texts(p, &it.Earlier)
	pack.Text(p, &it.Trail)
	pack.List(p, &it.Stock, packLevel)
	packStamp(p, &it.Snapshot)
	packStamp(p, &it.Moved)
	pack.List(p, &it.Movements, packMovement)
	pack.Time(p, &it.Forgotten)
}

func packOption(p *pack.Packer, o *Option) {
	pack.Text(p, &o.Name)
	pack.Text(p, &o.Value)
}

func packCode(p *pack.Packer, code *Code) {
	pack.Text(p, &code.Type)
	pack.Text(p, &code.Code)
}

func packLevel(p *pack.Packer, l *Level) {
	pack.Text(p, &l.Outlet)
	pack.Decimal(p, &l.OnHand.d)
	packStamp(p, &l.Reading)
}

func packMovement(p *pack.Packer, m *Movement) {
	pack.Text(p, &m.Mark)
	pack.Number(p, &m.Version)
	pack.Time(p, &m.Time)
	pack.Text(p, &m.Outlet)
	pack.Decimal(p, &m.Delta.d)
}

func packStamp(p *pack.Packer, s *Stamp) {
	pack.Number(p, &s.Version)
	pack.Texts(p, &s.Versioned)
	pack.Time(p, &s.Time)
	pack.Texts(p, &s.Timed)
}

// PackLink packs a link.
func PackLink(p *pack.Packer, l *Link) {
	pack.Integer(p, &l.BigCommerceID)
	pack.List(p, &l.Variants, packVariantLink)
	pack.Flags(p, &l.Simple)
}

func packVariantLink(p *pack.Packer, v *VariantLink) {
	pack.Text(p, &v.Item)
	pack.Integer(p, &v.BigCommerceID)
	pack.Text(p, &v.SKU)
}

// PackOffer packs an offer.
func PackOffer(p *pack.Packer, o *Offer) {
	pack.Flags(p, &o.Visible, &o.InStock, &o.Described, &o.Branded)
	pack.Decimal(p, &o.LowPrice.d)
	pack.Decimal(p, &o.HighPrice.d)
}
