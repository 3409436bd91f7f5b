package xseries

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tillstream/tillstream/domain"
)

// Prices says which of a product's two prices a customer is shown.
type Prices string

// The two prices.
const (
	Inclusive Prices = "inclusive" // with tax
	Exclusive Prices = "exclusive" // without
)

// Account is what the records of one retailer are read with. Its methods are pure
// and may be called from several goroutines as long as nobody changes it.
type Account struct {
	Store   domain.StoreID
	Prices  Prices
	Outlets Outlets
	// Registers maps the ids of registers to those of their outlets.
	Registers map[string]string
	// Held is the newest stock reading that is known of an item at an outlet, with
	// its version at the source, or false. See [Account.Consignment].
	Held func(domain.ItemID, domain.OutletID) (domain.Quantity, uint64, bool)
}

// Source is who says so in every event of a store's account.
func Source(store domain.StoreID) domain.SourceID {
	return domain.SourceID("/pos/" + string(store) + "/xseries")
}

// Change is what one record says.
type Change struct {
	// Envelopes are recorded whole or not at all. There are none when the record is
	// no change that anybody is told of, such as a parked sale.
	Envelopes []domain.Envelope
	// Note says what of the record was not understood and left out.
	Note string
}

// RecordError says that a record cannot be used as it is. The next version of the
// record may.
type RecordError struct {
	Resource string // product, level, sale, consignment or adjustment
	ID       string // the record's id; empty when it has none
	Version  uint64 // 0 when it has none
	Err      error
}

func (e *RecordError) Error() string {
	return fmt.Sprintf("%s %s: %v", e.Resource, e.ID, e.Err)
}

// Unwrap is what is wrong, an [*UnknownOutletError] or a [*domain.InvalidError].
func (e *RecordError) Unwrap() error { return e.Err }

// Head is what every record has.
type Head struct {
	ID      string
	Version uint64
	Deleted bool
}

// HeadOf reads a record's head.
func HeadOf(raw json.RawMessage) Head {
	r := recordOf(raw)
	return Head{ID: r.id("id"), Version: r.version(), Deleted: r.deleted()}
}

// envelope wraps an event whose id follows from what makes the change the one it is.
func (a *Account) envelope(event domain.Event, version uint64, at time.Time, identity ...string) (domain.Envelope, error) {
	source := Source(a.Store)
	e, err := domain.NewEnvelope(domain.DeriveEventID(source, identity...), source, at, event)
	e.SourceVersion = version
	return e, err
}

// one is a change of one event.
func one(e domain.Envelope, err error) (Change, error) {
	if err != nil {
		return Change{}, err
	}
	return Change{Envelopes: []domain.Envelope{e}}, nil
}

// read gives a record to do and says of which record an error is.
func read(resource string, raw json.RawMessage, do func(record, Head) (Change, error)) (Change, error) {
	r := recordOf(raw)
	head := HeadOf(raw)
	var err error
	var c Change
	switch {
	case r == nil:
		err = &domain.InvalidError{Path: "record", Value: string(raw), Reason: "must be a JSON object"}
	case head.Version == 0:
		err = &domain.InvalidError{Path: "version", Value: string(r.first("version")), Reason: "must be a whole number above 0"}
	default:
		if c, err = do(r, head); err == nil {
			err = c.validate()
		}
	}
	if err != nil {
		return Change{}, &RecordError{Resource: resource, ID: head.ID, Version: head.Version, Err: err}
	}
	return c, nil
}

// validate finds what no event may have, such as a control character in an id that is
// taken over as it stands.
func (c *Change) validate() error {
	for i := range c.Envelopes {
		if err := c.Envelopes[i].Validate(); err != nil {
			return err
		}
	}
	return nil
}

// Product reads a product: a whole snapshot, or its deletion. Its event is the same
// whenever this version of the product is read under the same [Prices].
func (a *Account) Product(raw json.RawMessage, seen time.Time) (Change, error) {
	return read("product", raw, func(r record, head Head) (Change, error) {
		if head.ID == "" {
			return Change{}, &domain.InvalidError{Path: "id", Reason: "is required"}
		}
		version := strconv.FormatUint(head.Version, 10)
		if head.Deleted {
			at := r.when(seen, "deleted_at", "updated_at")
			return one(a.envelope(&domain.ProductDeleted{Item: domain.ItemID(head.ID)}, head.Version, at, "product", head.ID, version, "deleted"))
		}
		event := &domain.ProductSaved{Item: domain.ItemID(head.ID)}
		if err := a.describe(r, &event.Description); err != nil {
			return Change{}, err
		}
		at := r.when(seen, "updated_at")
		return one(a.envelope(event, head.Version, at, "product", head.ID, version, "saved", string(a.Prices)))
	})
}

// Level reads an inventory record, of the API or of a webhook: how much of one
// product is at one outlet. A deleted record is a stock of 0.
func (a *Account) Level(raw json.RawMessage, seen time.Time) (Change, error) {
	return read("level", raw, func(r record, head Head) (Change, error) {
		item := r.id("product_id")
		if item == "" {
			return Change{}, &domain.InvalidError{Path: "product_id", Reason: "is required"}
		}
		outletID := r.id("outlet_id")
		outlet, err := a.Outlets.name(outletID)
		if err != nil {
			return Change{}, err
		}
		onHand, err := r.quantity("current_inventory_level", "inventory_level", "count", "current_amount")
		if err != nil {
			return Change{}, err
		}
		switch {
		case head.Deleted:
			onHand = &domain.Quantity{}
		case onHand == nil:
			return Change{}, &domain.InvalidError{Path: "current_inventory_level", Reason: "is required"}
		}
		event := &domain.StockLevelReported{Item: domain.ItemID(item), Outlet: outlet, OnHand: *onHand}
		return one(a.envelope(event, head.Version, r.when(seen, "updated_at"), "level", item, outletID, strconv.FormatUint(head.Version, 10)))
	})
}

// Adjustment reads a stock adjustment.
func (a *Account) Adjustment(raw json.RawMessage, seen time.Time) (Change, error) {
	return read("adjustment", raw, func(r record, head Head) (Change, error) {
		item := r.id("product_id")
		if head.ID == "" || item == "" {
			return Change{}, &domain.InvalidError{Path: "id, product_id", Reason: "are required"}
		}
		outlet, err := a.Outlets.name(r.id("outlet_id"))
		if err != nil {
			return Change{}, err
		}
		quantity, err := r.quantity("quantity")
		if err != nil {
			return Change{}, err
		}
		if quantity == nil {
			return Change{}, &domain.InvalidError{Path: "quantity", Reason: "is required"}
		}
		reason := r.id("reason")
		if takesAway(reason) && quantity.Sign() > 0 {
			negative := quantity.Neg()
			quantity = &negative
		}
		event := &domain.StockAdjusted{Item: domain.ItemID(item), Outlet: outlet, Quantity: *quantity, Adjustment: head.ID, Reason: reason}
		e, err := a.envelope(event, head.Version, r.when(seen, "created_at", "updated_at"), "adjustment", head.ID, item, quantity.String())
		e.CorrelationID, e.Actor = head.ID, r.id("user_id")
		return one(e, err)
	})
}

// takesAway are the reasons that lower the stock. Whether their quantity comes with
// its sign is not certain.
func takesAway(reason string) bool {
	switch strings.ToUpper(reason) {
	case "DAMAGE", "EXPIRY", "INTERNAL_USE", "THEFT", "DONATION":
		return true
	}
	return false
}

// Retailer is what the account as a whole is set to.
type Retailer struct {
	TaxExclusive bool // the price without tax is the one that is entered
	Currency     string
	TimeZone     string
}

// ReadRetailer reads the retailer record.
func ReadRetailer(raw json.RawMessage) (Retailer, error) {
	r := recordOf(raw)
	if inner := r.below("data"); inner != nil {
		r = inner
	}
	exclusive := r.flag("tax_exclusive")
	if exclusive == nil {
		return Retailer{}, &domain.InvalidError{Path: "tax_exclusive", Value: string(r.first("tax_exclusive")), Reason: "must be true or false"}
	}
	currency := r.below("currency").id("code")
	if currency == "" {
		currency = r.id("currency", "default_currency")
	}
	return Retailer{TaxExclusive: *exclusive, Currency: currency, TimeZone: r.id("timezone", "time_zone")}, nil
}

// Prices is which price the retailer shows.
func (r Retailer) Prices() Prices {
	if r.TaxExclusive {
		return Exclusive
	}
	return Inclusive
}

// IsUnknownOutlet reports whether an error is for want of an outlet's name only.
func IsUnknownOutlet(err error) bool {
	var unknown *UnknownOutletError
	return errors.As(err, &unknown)
}
