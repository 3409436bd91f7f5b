package projections

import "time"

// AccountStatus is where the reading of a store's POS account stands.
type AccountStatus struct {
	// Loading is true until products and levels were read to their ends once.
	Loading  bool `json:"loading,omitempty"`
	Products int  `json:"products_read,omitempty"` // by the first load so far
	Levels   int  `json:"levels_read,omitempty"`

	LastRead   time.Time `json:"last_read,omitzero"`   // since when every list was read to its end
	LastChange time.Time `json:"last_change,omitzero"` // when something new was
	Requests   uint64    `json:"requests"`
	Throttled  uint64    `json:"throttled"`

	// Missed is how many changes only the census found; Census when it last came to
	// the end of everything.
	Missed int       `json:"missed,omitempty"`
	Census time.Time `json:"census,omitzero"`

	Refused     int             `json:"refused,omitempty"` // records that cannot be used as they are
	LastRefused *AccountRefusal `json:"last_refused,omitempty"`
	Note        string          `json:"note,omitempty"` // what was left out last

	Webhooks WebhookCounts `json:"webhooks"`

	// Problem says in a sentence what is wrong; empty when nothing is.
	Problem string `json:"problem,omitempty"`
}

// AccountRefusal is a record of the account that cannot be used, and why.
type AccountRefusal struct {
	List    string    `json:"list"`
	ID      string    `json:"id"`
	Version uint64    `json:"version"`
	Reason  string    `json:"reason"`
	At      time.Time `json:"at"`
}

// WebhookCounts is what became of the webhooks of a store since the start.
type WebhookCounts struct {
	Received  uint64    `json:"received"`  // taken
	Recorded  uint64    `json:"recorded"`  // an event was made of it
	Duplicate uint64    `json:"duplicate"` // the event was there before
	Hints     uint64    `json:"hints"`     // a reason to read again
	Other     uint64    `json:"other"`     // of a type that concerns no product
	Refused   uint64    `json:"refused"`   // not signed, forged, too large or no webhook at all
	Last      time.Time `json:"last,omitzero"`
}
