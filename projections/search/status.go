package search

import (
	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/projections"
)

// Status is where an index stands.
type Status struct {
	File         string          `json:"file"`
	Bytes        int64           `json:"bytes"`
	Position     domain.Position `json:"position"` // in the POS log, up to which it holds everything
	SyncPosition domain.Position `json:"sync_position"`
	Lag          uint64          `json:"lag"` // messages of both logs that are folded and not in it
	// Opening says that the file is not open yet, so that nothing is known of it but that it
	// cannot be asked.
	Opening bool `json:"opening,omitempty"`
	// Building says that it cannot be asked for products: it is being opened, or their rows
	// are still being read.
	Building bool   `json:"building,omitempty"`
	Problem  string `json:"problem,omitempty"` // what keeps it from going on
}

// Totals are how many rows of each sort an index has.
type Totals struct {
	Products int `json:"products"`
	Kinds    int `json:"kinds"` // of messages
	Letters  int `json:"dead_letters"`
}

// Renewal is what an index that was made anew has come to, or, when it only would be,
// what it is.
type Renewal struct {
	File string `json:"file"`
	Totals
	Events   domain.Position  `json:"events"`   // of both logs
	Position domain.Position  `json:"position"` // of the POS log, up to which it holds everything
	Digest   projections.Hash `json:"digest"`   // over all that it holds
	Seconds  float64          `json:"seconds"`
	Problem  string           `json:"problem,omitempty"` // why it was not made
}

// Found is an answer to a filter.
type Found struct {
	Places []Place
	More   bool // there are more behind the last of them
	// Position is the one in the POS log up to which the answer holds everything.
	Position domain.Position
}
