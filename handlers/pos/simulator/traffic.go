package simulator

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/tillstream/tillstream/domain"
)

// Skew says how unevenly traffic meets products.
type Skew string

const (
	Uniform      Skew = "uniform" // each product as often as any other
	EightyTwenty Skew = "80:20"   // a fifth of the products have four fifths of the traffic
	Zipf         Skew = "zipf"    // the n-th product is met in proportion to 1/n^1.1
)

// TrafficOptions describe traffic.
type TrafficOptions struct {
	Store    domain.StoreID // required
	Seed     uint64
	Products int       // required, above 0
	Variants int       // items per product; 0 means 1, which makes simple products
	Skew     Skew      // empty means [Uniform]
	Start    time.Time // of the first event, required; each later one is a millisecond after
}

// Traffic is an endless sequence of events over synthetic products. It is not safe
// for use by several goroutines. It holds 16 bytes per item.
type Traffic struct {
	opts    TrafficOptions
	source  domain.SourceID
	rand    *rand.Rand
	zipf    *rand.Zipf // nil unless the skew asks for it
	stock   [][outlets]int64
	version uint64 // of the last event
}

// NewTraffic checks the options. The error is a [*domain.InvalidError].
func NewTraffic(opts TrafficOptions) (*Traffic, error) {
	if _, err := domain.ParseStoreID(string(opts.Store)); err != nil {
		return nil, err
	}
	if opts.Variants == 0 {
		opts.Variants = 1
	}
	if opts.Skew == "" {
		opts.Skew = Uniform
	}
	if opts.Products < 1 {
		return nil, &domain.InvalidError{Path: "products", Value: strconv.Itoa(opts.Products), Reason: "must be above 0"}
	}
	if opts.Variants < 1 {
		return nil, &domain.InvalidError{Path: "variants", Value: strconv.Itoa(opts.Variants), Reason: "must be above 0, or 0 for simple products"}
	}
	if opts.Start.IsZero() {
		return nil, &domain.InvalidError{Path: "start", Reason: "is required"}
	}
	t := &Traffic{
		opts: opts, source: domain.SourceID("/pos/" + string(opts.Store) + "/traffic"),
		rand: rand.New(rand.NewPCG(opts.Seed, 1)), stock: make([][outlets]int64, opts.Products*opts.Variants),
	}
	switch opts.Skew {
	case Uniform, EightyTwenty:
	case Zipf:
		t.zipf = rand.NewZipf(t.rand, 1.1, 1, uint64(opts.Products-1))
	default:
		return nil, &domain.InvalidError{Path: "skew", Value: string(opts.Skew),
			Reason: fmt.Sprintf("must be one of %s, %s, %s", Uniform, EightyTwenty, Zipf)}
	}
	return t, nil
}

// Items is the number of items. The first 2 x Items events are their snapshots
// and, behind them, a first reading of the stock at Quayside of each; what follows
// is trade.
func (t *Traffic) Items() int { return len(t.stock) }

// Next returns the next event. Trade is, of a hundred, about 70 sales, 6 refunds,
// 4 lines each of exchanges, orders, transfers, counts and adjustments, and 4
// saves. Stock carries its readings. The error is a [*domain.InvalidError] when so
// much time has passed that no event can have it.
func (t *Traffic) Next() (domain.Envelope, error) {
	t.version++
	var event domain.Event
	switch n := uint64(t.Items()); {
	case t.version <= n:
		event = t.snapshot(int(t.version-1), 0)
	case t.version <= 2*n:
		i := int(t.version - n - 1)
		event = &domain.StockLevelReported{Item: itemName(i), Outlet: Quayside, OnHand: *t.move(i, quayside, int64(20+t.rand.IntN(80)))}
	default:
		event = t.trade(t.draw())
	}
	number := strconv.FormatUint(t.version, 10)
	at := t.opts.Start.Add(time.Duration(t.version-1) * time.Millisecond)
	id := domain.DeriveEventID(t.source, "traffic", strconv.FormatUint(t.opts.Seed, 10), number)
	e, err := domain.NewEnvelope(id, t.source, at, event)
	e.SourceVersion, e.CorrelationID, e.Actor = t.version, "traffic-"+number, "Traffic"
	return e, err
}

// draw draws an item: its product by the skew, then one of its variants.
func (t *Traffic) draw() int {
	n := t.opts.Products
	var product int
	switch t.opts.Skew {
	case Zipf:
		product = int(t.zipf.Uint64())
	case EightyTwenty:
		head := max(1, n/5)
		if head == n || t.rand.IntN(100) < 80 {
			product = t.rand.IntN(head)
		} else {
			product = head + t.rand.IntN(n-head)
		}
	default:
		product = t.rand.IntN(n)
	}
	return product*t.opts.Variants + t.rand.IntN(t.opts.Variants)
}

func (t *Traffic) trade(i int) domain.Event {
	item, number := itemName(i), strconv.FormatUint(t.version, 10)
	o := outlet(t.rand.IntN(int(outlets)))
	few := int64(1 + t.rand.IntN(3))
	switch n := t.rand.IntN(100); {
	case n < 70:
		return &domain.ItemSold{Item: item, Outlet: o.id(), Quantity: pieces(few), Sale: "sale-" + number, Line: "1", OnHand: t.move(i, o, -few)}
	case n < 76:
		return &domain.ItemRefunded{Item: item, Outlet: o.id(), Quantity: pieces(few), Sale: "refund-" + number, Line: "1", OnHand: t.move(i, o, few)}
	case n < 80:
		return &domain.ItemExchanged{Item: item, Outlet: o.id(), Quantity: pieces(-1), Sale: "exchange-" + number, Line: "1", OnHand: t.move(i, o, -1)}
	case n < 84:
		return &domain.StockOrderReceived{Item: item, Outlet: o.id(), Quantity: pieces(20 * few), Order: "order-" + number, OnHand: t.move(i, o, 20*few)}
	case n < 88:
		from := outlets - 1 - o
		return &domain.StockTransferred{Item: item, From: from.id(), To: o.id(), Quantity: pieces(few), Transfer: "transfer-" + number,
			OnHandFrom: t.move(i, from, -few), OnHandTo: t.move(i, o, few)}
	case n < 92:
		return &domain.StockCounted{Item: item, Outlet: o.id(), OnHand: *t.move(i, o, few-2), Count: "count-" + number}
	case n < 96:
		return &domain.StockAdjusted{Item: item, Outlet: o.id(), Quantity: pieces(-1), Adjustment: "adjustment-" + number, Reason: "damage", OnHand: t.move(i, o, -1)}
	default:
		return t.snapshot(i, 1+t.rand.IntN(500))
	}
}

// move books a quantity and returns what is there afterwards, which may be below
// zero: traffic sells what it likes.
func (t *Traffic) move(i int, o outlet, by int64) *domain.Quantity {
	t.stock[i][o] += by
	q := pieces(t.stock[i][o])
	return &q
}

func pieces(n int64) domain.Quantity { return domain.MustQuantity(strconv.FormatInt(n, 10)) }

func itemName(i int) domain.ItemID { return domain.ItemID("item-" + strconv.Itoa(i+1)) }

// snapshot is a save of an item at its first price plus some hundredths.
func (t *Traffic) snapshot(i, dearer int) domain.Event {
	product := i / t.opts.Variants
	id := domain.ProductID("product-" + strconv.Itoa(product+1))
	number := strconv.Itoa(product + 1)
	html, brand := "<p>Synthetic product "+number+".</p>", own
	retail := hundredths(10_00 + product%90*100 + dearer).money()
	supply := hundredths(4_00 + product%90*40).money()
	d := domain.Description{
		SKU: domain.SKU("T-" + strconv.Itoa(i+1)), Name: "Traffic " + number, Product: &id, Description: &html, Brand: &brand,
		RetailPrice: &retail, SupplyPrice: &supply,
	}
	if t.opts.Variants > 1 {
		d.Options = &[]domain.Option{{Name: "Size", Value: strconv.Itoa(i%t.opts.Variants + 1)}}
	}
	return &domain.ProductSaved{Item: itemName(i), Description: d}
}
