package domain

import "time"

// Key names one value of a bucket. The zero Key is the bucket's checkpoint.
type Key struct {
	Store StoreID
	ID    string // a product or item id, as the POS writes it
	// Stretch is the number of the stretch that a trail of the id has let go of; 0 for the
	// state itself.
	Stretch uint64
}

// Entry is one value of a bucket.
type Entry struct {
	Key      Key
	Value    []byte
	Revision uint64 // of this write, ever growing over the bucket; 0 when it is yet to be written
	Page     uint64 // the revision of the write that it shares with others; 0 for one of its own
}

// Extent is how far a bucket has come.
type Extent struct {
	Created  time.Time `json:"created"`  // tells it apart from one of the same name before
	Revision uint64    `json:"revision"` // of the last write, 0 for none
	Messages uint64    `json:"messages"` // that hold the values; no key ever loses its own
}
