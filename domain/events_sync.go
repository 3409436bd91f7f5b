package domain

// ProductLinked says which BigCommerce product and variants a product is from
// now on. It replaces an earlier link of the same product.
type ProductLinked struct {
	Product ProductID
	Link    Link
	By      LinkedBy
}

// Link ties a product to its BigCommerce twin.
type Link struct {
	BigCommerceID int64         `json:"bigcommerce_id"`
	Variants      []VariantLink `json:"variants"` // in the order of item ids
	// Simple means that BigCommerce keeps the product without options: its one
	// variant is the base variant, and its stock is kept by product.
	Simple bool `json:"simple"`
}

// VariantLink ties one item to one BigCommerce variant.
type VariantLink struct {
	Item          ItemID `json:"item"`
	BigCommerceID int64  `json:"bigcommerce_id"`
	SKU           SKU    `json:"sku"` // as BigCommerce has it
}

// Variant returns the link of an item, or false.
func (l *Link) Variant(item ItemID) (VariantLink, bool) {
	if l == nil {
		return VariantLink{}, false
	}
	for _, v := range l.Variants {
		if v.Item == item {
			return v, true
		}
	}
	return VariantLink{}, false
}

// LinkedBy says how a link came to be.
type LinkedBy string

// The ways in which a product is linked.
const (
	LinkedBySKU      LinkedBy = "sku"      // an equal SKU was found
	LinkedByOperator LinkedBy = "operator" // somebody named both
	LinkedByCreation LinkedBy = "creation" // we created the twin
	LinkedByPush     LinkedBy = "push"     // a push changed the twin's variants
)

// ProductUnlinked ends a link. The twin stays as it is.
type ProductUnlinked struct {
	Product ProductID
	Reason  string
}

// ProductCreating is recorded before BigCommerce is asked to create a product,
// so that after a crash the twin is looked for under the same SKUs and name, even
// if both have changed since.
type ProductCreating struct {
	Product ProductID
	Name    string
	SKUs    []string
}

// PushConfirmed says that BigCommerce has taken the full state of a product.
type PushConfirmed struct {
	Product       ProductID
	Position      Position // of the state, in the POS log
	BigCommerceID int64
	Digest        string // of the listing, see [Listing.Digest]
	RequestID     string // BigCommerce's own, of the last request
	// Offer is the gist of the listing; nil when version 1 said it, which knew none.
	Offer *Offer
}

// pushConfirmedV1 is [PushConfirmed] before a push had an offer.
type pushConfirmedV1 struct{ PushConfirmed }

func (e *pushConfirmedV1) upcast() Event { return &e.PushConfirmed }

// PushRefused says that BigCommerce will not take this state of a product.
type PushRefused struct {
	Product  ProductID
	Position Position
	Status   int    // HTTP status; 0 when we refuse to send it
	Reason   string // BigCommerce's words
	Field    string // the field it named, if it did
}

// Guard is a check that a store may put before its pushes.
type Guard string

// The guards.
const (
	GuardEmpties Guard = "empties" // against emptying a text that BigCommerce has
	GuardBreaker Guard = "breaker" // against a mass change
)

// PushHeld says that a guard keeps a state of a product from BigCommerce. The
// product is not pushed until [PushReleased], or until it changes in the POS so
// that the guard has nothing against it any more.
type PushHeld struct {
	Product  ProductID
	Position Position // of the state, in the POS log
	Guard    Guard
	Reason   string
}

// PushReleased ends a hold by somebody's decision.
type PushReleased struct {
	Product  ProductID
	Position Position // of the newest state that it is about, in the POS log
	Release  Release
}

// Release says what was decided about a push that was held.
type Release string

// The ways to release a push.
const (
	// Approved: the newest state is pushed, whatever the guards say.
	Approved Release = "approved"
	// Discarded: BigCommerce stays as it is until the product changes again.
	Discarded Release = "discarded"
)

// PushWanted says that a product is to be pushed although nothing has happened in
// the POS: a rebuild has folded the same events to something else, and BigCommerce
// shows what they came to before.
type PushWanted struct {
	Product  ProductID
	Position Position // of the state that is wanted, in the POS log
	Digest   string   // of its listing, see [Listing.Digest]
	Was      string   // the digest of the listing before
	Reason   string
}

// ItemQuarantined says that an event of an item could not be folded, so that its
// state may be wrong: its product is not pushed until [ItemReleased].
type ItemQuarantined struct {
	Product  ProductID
	Item     ItemID
	Position Position // of the event, in the POS log
	Reason   string
}

// ItemReleased ends a quarantine: the event was folded after all, or an operator
// dropped it.
type ItemReleased struct {
	Product  ProductID
	Item     ItemID
	Position Position // of the event that was the cause
	Reason   string
}

// DriftFound says that a POS-owned field differs in BigCommerce from what was
// last pushed.
type DriftFound struct {
	Product ProductID
	Item    ItemID // empty for a field of the product
	Field   string
	Want    string
	Got     string
}

// ImageSent says what became of an image of a product that was created. It is sent
// once, whatever becomes of it.
type ImageSent struct {
	Product       ProductID
	BigCommerceID int64
	URL           string
	Error         string // why BigCommerce has not taken it, or may not have; empty: it has
}

// ProductOffered says whether a product that was created is offered in the store's channels.
// It is recorded when BigCommerce refuses that, and when it no longer does.
type ProductOffered struct {
	Product       ProductID
	BigCommerceID int64
	Status        int    // BigCommerce's HTTP status, of a refusal; 0 for none
	Error         string // why it is not, and what to do; empty: it is
}

// PublishingMeasured says what the pushes of some time cost. It is about no single
// product.
type PublishingMeasured struct {
	Store     StoreID
	Seconds   int64 // that it is about, up to the time of the event
	Busy      int64 // seconds of them in which some product waited for BigCommerce
	Requests  int64 // that were sent, reads and repetitions included
	Bound     int64 // the fewest in which BigCommerce would have taken what it took
	Throttled int64 // of the requests, answered with 429
	Confirmed int64 // pushes
	Waiting   int64 // products that still waited at the end
	Quota     int64 // requests of a window, as BigCommerce said last; 0 for none
	Window    int64 // its milliseconds; 0 for none
}

func (e *ProductLinked) Type() Type   { return TypeProductLinked }
func (e *ProductUnlinked) Type() Type { return TypeProductUnlinked }
func (e *ProductCreating) Type() Type { return TypeProductCreating }
func (e *PushConfirmed) Type() Type   { return TypePushConfirmed }
func (e *PushRefused) Type() Type     { return TypePushRefused }
func (e *pushConfirmedV1) Type() Type { return TypePushConfirmedV1 }
func (e *PushHeld) Type() Type        { return TypePushHeld }
func (e *PushReleased) Type() Type    { return TypePushReleased }
func (e *PushWanted) Type() Type      { return TypePushWanted }
func (e *ItemQuarantined) Type() Type { return TypeItemQuarantined }
func (e *ItemReleased) Type() Type    { return TypeItemReleased }
func (e *DriftFound) Type() Type      { return TypeDriftFound }
func (e *ImageSent) Type() Type       { return TypeImageSent }
func (e *ProductOffered) Type() Type  { return TypeProductOffered }

func (e *PublishingMeasured) Type() Type { return TypePublishingMeasured }

func (e *ProductLinked) Subject() string   { return string(e.Product) }
func (e *ProductUnlinked) Subject() string { return string(e.Product) }
func (e *ProductCreating) Subject() string { return string(e.Product) }
func (e *PushConfirmed) Subject() string   { return string(e.Product) }
func (e *PushRefused) Subject() string     { return string(e.Product) }
func (e *PushHeld) Subject() string        { return string(e.Product) }
func (e *PushReleased) Subject() string    { return string(e.Product) }
func (e *PushWanted) Subject() string      { return string(e.Product) }
func (e *ItemQuarantined) Subject() string { return string(e.Product) }
func (e *ItemReleased) Subject() string    { return string(e.Product) }
func (e *DriftFound) Subject() string      { return string(e.Product) }
func (e *ImageSent) Subject() string       { return string(e.Product) }
func (e *ProductOffered) Subject() string  { return string(e.Product) }

func (e *PublishingMeasured) Subject() string { return string(e.Store) }
