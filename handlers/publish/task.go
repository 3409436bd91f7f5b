package publish

import (
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce"
)

// task is one errand in a round. Only who has its product in flight touches it.
type task struct {
	*errand
	need    need
	desired Desired         // as last read
	state   domain.Position // of desired

	// What a confirmation will name: the state that the product's own update, or its
	// creation, carried. The position is 0 until then.
	position domain.Position
	digest   string
	offer    domain.Offer // with the stock that was sent last

	// A twin that was found, with these variants, or made in this round, and is not
	// recorded yet. born says that we have created it, now or earlier.
	twin       *domain.Link
	found      []bigcommerce.Variant
	born, made bool
	images     []string

	// What was said against offering the twin in the store's channels, and whether a
	// refusal of that which is on record is over.
	unoffered *Refusal
	offered   bool

	grown []domain.VariantLink // variants that were created since the twin was read last

	judged *judgement         // by the guards, in this round
	freed  []domain.ProductID // waited for what the twin has given up

	left    bool // the round: refused, put off, or no longer to be pushed
	again   bool // is to be looked at once more after the round
	stocked bool // its stock was taken in the round, and not only ahead of it
	withSKU bool // BigCommerce has another SKU than the link says
	odd     bool // the twin's variants are not what the link says
	notes   []note
	outcome Outcome // the last of the notes' outcomes
}

// toPush are the tasks that are to be pushed from the start, pushed those whose
// product BigCommerce has taken.
func (t *task) toPush() bool { return t.need == needsPush && t.position == 0 }
func (t *task) pushed() bool { return t.position > 0 }

// updated are those of which an update was taken: one that was just created has
// its variants already.
func (t *task) updated() bool { return t.pushed() && !t.made }

// slow reports whether the task needs requests of its own.
func (t *task) slow() bool {
	return t.need == needsTwin || t.reshapes()
}

// reshapes reports whether the twin has to be read before it is pushed, because its
// variants are not what the link is to say.
func (t *task) reshapes() bool {
	return t.verify || !fits(&t.desired.Listing, &t.desired.Link) || len(t.release) > 0 || len(t.desired.Made) > 0
}

// carry notes that the state that was read last is in a request which, once it is
// taken, makes the product as it is to be.
func (t *task) carry() {
	t.position, t.digest, t.offer = t.state, t.desired.Listing.Digest(), t.desired.Listing.Offer()
}

// leave takes the task out of the round. What it did so far is not confirmed.
func (t *task) leave(again bool) {
	t.left, t.again = true, again
	t.position, t.digest = 0, ""
}

// putOff takes the task out of the round and lets its product rest.
func (t *task) putOff(now time.Time) {
	t.errand.putOff(now)
	t.leave(true)
}

// replaces is the BigCommerce product that is gone, of a task that seeks or creates
// another in its place; 0 for one that never had a twin.
func (t *task) replaces() int64 {
	if t.need != needsTwin {
		return 0
	}
	return t.desired.Link.BigCommerceID
}

// wasDoubted reports whether the twin's variants were compared for this state.
func (t *task) wasDoubted() bool { return t.doubted == t.desired.Listing.Digest() }

// doubt has the twin's variants compared with ours in the next round.
func (t *task) doubt() {
	t.verify, t.doubted = true, t.desired.Listing.Digest()
	t.leave(true)
}

// note adds an event to what the round records, and what it means for the product.
func (t *task) note(e domain.Event, o Outcome, at time.Time) {
	o.Product, o.At = t.product, at
	t.outcome = o
	t.notes = append(t.notes, note{e, &o})
}

// refuse ends the push of this state.
func (t *task) refuse(r Refusal, at time.Time) {
	position := max(t.state, 1)
	t.leave(false)
	if id := t.replaces(); id != 0 {
		r = broken(t.product, id, r.Reason)
	}
	r.Reason, r.Field = shorten(r.Reason, mostReason), shorten(r.Field, mostField)
	t.note(&domain.PushRefused{Product: t.product, Position: position, Status: r.Status, Reason: r.Reason, Field: r.Field},
		Outcome{Kind: Refused, Position: position, BigCommerceID: t.desired.Link.BigCommerceID, Status: r.Status, Reason: r.Reason, Field: r.Field}, at)
}

// relink records that the twin's variants are others than the link said. What may
// have been made, or is yet to go, stays recorded.
func (t *task) relink(link domain.Link) {
	t.desired.Link = link
	t.notes = append(t.notes, note{event: &domain.ProductLinked{Product: t.product, Link: link, By: domain.LinkedByPush}})
	if len(t.desired.Made) > 0 {
		t.notes = append(t.notes, note{event: &domain.ProductCreating{Product: t.product, Name: t.desired.Listing.Name, SKUs: t.desired.Made}})
	}
}

// confirm ends the push.
func (t *task) confirm(at time.Time) {
	t.note(&domain.PushConfirmed{Product: t.product, Position: t.position, BigCommerceID: t.desired.Link.BigCommerceID, Digest: t.digest, Offer: &t.offer},
		Outcome{Kind: Confirmed, Position: t.position, BigCommerceID: t.desired.Link.BigCommerceID, Digest: t.digest}, at)
}
