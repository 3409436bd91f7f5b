package simulator

import (
	"fmt"
	"hash/fnv"
	"strings"

	"github.com/tillstream/tillstream/domain"
)

// The outlets of the shop.
const (
	Quayside domain.OutletID = "Quayside"
	MillLane domain.OutletID = "Mill Lane"
)

// Outlets lists the outlets of the shop, in the order of the export's columns.
func Outlets() []domain.OutletID { return []domain.OutletID{Quayside, MillLane} }

// outlet is an index into what is kept by outlet.
type outlet int

const (
	quayside outlet = iota
	millLane
	outlets
)

func (o outlet) id() domain.OutletID { return Outlets()[o] }

// family is a product of the shop as the POS holds it at the moment.
type family struct {
	handle   string // also its id, as handlers/pos/csv takes it from the export
	name     string
	html     string
	brand    string
	category string
	supplier string
	code     string
	tags     []string
	active   bool
	tracked  bool
	metre    bool
	items    []*item
}

// item is one sellable thing of a family.
type item struct {
	family  *family
	id      domain.ItemID
	sku     string
	ean     string
	options []domain.Option
	supply  hundredths
	retail  hundredths
	stock   [outlets]hundredths
}

// shop is the state of the POS. Each is its owner's own and may be changed.
type shop struct {
	families []*family
	items    []*item // in the order of the export, new ones behind
}

// newShop returns the shop as it is when a day opens.
func newShop() *shop {
	s := &shop{}
	for _, d := range catalogue() {
		for _, g := range d.goods {
			f := &family{
				handle: slug(g.name), name: g.name, html: g.html, brand: g.brand, category: d.category,
				supplier: supplier(g.brand), code: g.code, active: !g.trait.has(inactive),
				tracked: !g.trait.has(untracked), metre: g.trait.has(byMetre),
			}
			if g.tags != "" {
				f.tags = strings.Split(g.tags, ";")
			}
			s.families = append(s.families, f)
			for _, options := range combinations(g.axes) {
				it := s.add(f, options, g.supply, g.retail)
				it.stock = opening(it, g.trait)
			}
		}
	}
	return s
}

// add gives the shop a new item of a family, without stock.
func (s *shop) add(f *family, options []domain.Option, supply, retail hundredths) *item {
	n := len(s.items) + 1
	sku := f.code
	for _, o := range options {
		sku += "-" + abbreviation(o.Value)
	}
	it := &item{
		family: f, id: domain.ItemID(fmt.Sprintf("a1d0c0de-0000-11ee-8001-%012d", n)), sku: sku, ean: ean(n),
		options: options, supply: supply, retail: retail,
	}
	f.items = append(f.items, it)
	s.items = append(s.items, it)
	return it
}

// family finds a product by its handle; the handles that are asked for are
// written in this package, and a test asks for each.
func (s *shop) family(handle string) *family {
	for _, f := range s.families {
		if f.handle == handle {
			return f
		}
	}
	panic("simulator: the shop has no product " + handle)
}

// opening is the stock of an item when a day opens: made of its SKU, so that
// another good in the catalogue changes nobody else's.
func opening(it *item, t trait) (stock [outlets]hundredths) {
	h := hash(it.sku)
	switch {
	case t.has(untracked):
	case t.has(byMetre):
		stock[quayside] = hundredths(60_00 + h%900*25)
		stock[millLane] = hundredths(20_00 + h/900%300*25)
	case t.has(oversold):
		stock[quayside] = -2_00
	case len(it.options) > 0:
		stock[quayside] = hundredths(h % 9 * 100)
		stock[millLane] = hundredths(h / 9 % 6 * 100)
	default:
		stock[quayside] = hundredths((3 + h%24) * 100)
		stock[millLane] = hundredths((1 + h/24%13) * 100)
	}
	return stock
}

// combinations lists every choice of one value per axis; of no axes, one choice.
func combinations(axes []axis) [][]domain.Option {
	out := [][]domain.Option{nil}
	for _, a := range axes {
		var longer [][]domain.Option
		for _, options := range out {
			for _, value := range a.values {
				longer = append(longer, append(options[:len(options):len(options)], domain.Option{Name: a.name, Value: value}))
			}
		}
		out = longer
	}
	return out
}

// slug is a handle: lower-case letters and digits, with "-" for all between.
func slug(name string) string {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return !alphanumeric(r) })
	return strings.Join(words, "-")
}

// abbreviation is the first four letters and digits of an option value.
func abbreviation(value string) string {
	var b strings.Builder
	for _, r := range strings.ToUpper(value) {
		if alphanumeric(r) && b.Len() < 4 {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func alphanumeric(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}

// ean is an EAN-13 from the range that is left to shops for their own use, so it
// is nobody's.
func ean(n int) string {
	digits := fmt.Sprintf("20%010d", n)
	sum := 0
	for i, r := range digits {
		weight := 1 + i%2*2
		sum += int(r-'0') * weight
	}
	return fmt.Sprintf("%s%d", digits, (10-sum%10)%10)
}

func hash(text string) uint32 {
	h := fnv.New32a()
	h.Write([]byte(text))
	return h.Sum32()
}
