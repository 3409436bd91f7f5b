package simulator

import (
	"slices"
	"time"
)

// Trigger is why X-Series pushes a product to an online shop: one of nine things that happen in the account. What an
// adapter has to hear of besides is a trigger by name only; [Trigger.Pushes] tells them apart.
type Trigger string

// The nine triggers, and what is none of them.
const (
	TriggerSave       Trigger = "product save"
	TriggerImport     Trigger = "product import"
	TriggerSale       Trigger = "sale"
	TriggerRefund     Trigger = "refund"
	TriggerExchange   Trigger = "exchange"
	TriggerCount      Trigger = "inventory count"
	TriggerOrder      Trigger = "stock order"
	TriggerTransfer   Trigger = "stock transfer"
	TriggerAdjustment Trigger = "stock adjustment"

	LevelMoved Trigger = "level" // whatever moved it
	Deletion   Trigger = "deletion"
	Voiding    Trigger = "voiding" // of a sale whose goods had changed hands
)

// Triggers lists the nine.
func Triggers() []Trigger {
	return []Trigger{
		TriggerSave, TriggerImport, TriggerSale, TriggerRefund, TriggerExchange, TriggerCount, TriggerOrder, TriggerTransfer, TriggerAdjustment,
	}
}

// Pushes reports whether it is one of the nine.
func (t Trigger) Pushes() bool { return slices.Contains(Triggers(), t) }

// Occurrence is one trigger for one product: a sale of two lines is two of them. It is in the account's diary from the
// moment on at which the goods have changed hands, the consignment has come to its end, or the product is saved.
type Occurrence struct {
	Seq     int64     `json:"seq"` // counts from 1
	At      time.Time `json:"at"`
	Trigger Trigger   `json:"trigger"`
	Product string    `json:"product"`
	Outlet  string    `json:"outlet,omitempty"`
	Ref     string    `json:"ref,omitempty"` // the sale, consignment or adjustment
	Version int64     `json:"version"`       // that its record got by it
}

// occur writes into the account's diary.
func (a *Account) occur(t Trigger, p *product, at *outlet, ref string, version int64) {
	a.occurred++
	o := Occurrence{Seq: a.occurred, At: a.now(), Trigger: t, Product: p.id, Ref: ref, Version: version}
	if at != nil {
		o.Outlet = at.id
	}
	a.diary.Add(o)
	a.times[t]++
}

// Occurrences returns what happened since the account was opened, oldest first, as far as it is remembered.
func (a *Account) Occurrences() []Occurrence {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.diary.Newest())
}

// since are the occurrences after one.
func (a *Account) since(seq int64) []Occurrence {
	all := a.diary.Newest()
	return slices.Clone(all[max(0, len(all)-int(a.occurred-seq)):])
}
