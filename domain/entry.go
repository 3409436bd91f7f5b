package domain

// Key names one value of a bucket. The zero id is the bucket's checkpoint.
type Key struct {
	Store StoreID
	ID    string // a product or item id, as the POS writes it
}

// Entry is one value of a bucket.
type Entry struct {
	Key      Key
	Value    []byte
	Revision uint64 // of this write, ever growing over the bucket; 0 when it is yet to be written
	Page     uint64 // the revision of the write that it shares with others; 0 for one of its own
}
