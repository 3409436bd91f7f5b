package domain

import (
	"fmt"
	"strings"

	"github.com/google/uuid"
)

// StoreID names one store: 1 to 32 characters of a-z, 0-9 and '-'. It is part of
// every subject and key.
type StoreID string

// ItemID is the POS's own id of one sellable item: 1 to [MaxIDLength] characters,
// otherwise opaque.
type ItemID string

// ProductID is the POS's id of a family. An item without a family is the only
// item of the product that bears its id.
type ProductID string

// OutletID is the POS's id or name of an outlet.
type OutletID string

// SKU is the merchant's code of an item. It identifies nothing here: it may
// change and repeat. BigCommerce compares SKUs ignoring case.
type SKU string

// EventID is the CloudEvents id: unique within its source and never reused for
// another event.
type EventID string

// SourceID is the CloudEvents source: a URI reference that names who says so.
type SourceID string

// Position is the sequence number of an event in its stream; the first is 1.
// Zero means "before the first event".
type Position uint64

// MaxIDLength bounds ids of items, products, outlets, events and sources, in
// characters.
const MaxIDLength = 255

// ParseStoreID checks s against the form of a store id. The error is an
// [*InvalidError].
func ParseStoreID(s string) (StoreID, error) {
	if len(s) < 1 || len(s) > 32 {
		return "", &InvalidError{Path: "store", Value: s, Reason: "must be 1 to 32 characters of a-z, 0-9 and '-'"}
	}
	for _, r := range s {
		if !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-') {
			return "", &InvalidError{Path: "store", Value: s, Reason: "must be 1 to 32 characters of a-z, 0-9 and '-'"}
		}
	}
	return StoreID(s), nil
}

// Fold returns the form in which BigCommerce compares SKUs: two SKUs are the same
// there exactly when their folded forms are equal.
func (s SKU) Fold() string { return strings.ToLower(strings.TrimSpace(string(s))) }

// eventNamespace makes derived event ids ours. It must never change: adapters
// rely on a retry being given the id of the first try.
var eventNamespace = uuid.MustParse("5f0c2f0e-7a55-5e0e-9d3b-6d7a1f2a9c11")

// DeriveEventID makes the id of a change from the source's own identity of that
// change, so that whoever sees the same change again makes the same id. Equal
// parts in equal order give equal ids; no two different lists of parts share an
// encoding.
func DeriveEventID(source SourceID, parts ...string) EventID {
	var b strings.Builder
	fmt.Fprintf(&b, "%d:%s", len(source), source)
	for _, p := range parts {
		fmt.Fprintf(&b, "%d:%s", len(p), p)
	}
	return EventID(uuid.NewSHA1(eventNamespace, []byte(b.String())).String())
}
