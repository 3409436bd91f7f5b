// Package poll reads X-Series accounts, record by record, and appends what has
// changed to the POS log. With it no webhook is needed; with webhooks, changes are
// heard of sooner.
//
// # How it reads
//
// Every list of an account is in the order of its records' versions, so that the
// version read last is a cursor, and what comes after it has changed. There is a
// cursor for products, for deleted products, for inventory, sales, consignments and
// stock adjustments ([Feed]). They lie in the CONTROL bucket, and move only when the
// events of what was read are in the log. A crash between the two reads the same
// records again, which are the same events.
//
// Products and inventory are read from the beginning: that is the first load. Sales,
// consignments and adjustments are read from the moment on at which the account was
// connected: what was sold before is in the stock already.
//
// A webhook other than inventory.update is a hint to read on at once ([Poller.Hint]);
// so are, every [Poller.Interval], all lists. A hint that is lost costs time only.
//
// What neither brought, a census finds: page by page, when nothing else is to do, it
// reads everything from the beginning again and compares versions with what is
// folded.
//
// # Promises
//
//   - Nothing is passed over: a cursor never moves past a record that is neither in
//     the log nor among the refused ([Status]).
//   - Movements of one reading are appended in the order of their versions, over
//     sales, consignments and adjustments.
//   - A movement is recorded once. A sale that is touched again after the log's
//     duplicate window, by a return of it perhaps, is looked for in the item's
//     history first.
//   - A record that cannot be used keeps nobody waiting. It is told of, and is read
//     again with its next version and by the census.
//   - An account that does not answer is tried again for ever, ever more seldom up to
//     five minutes; other stores do not notice.
//
// One process at a time may poll a store: whoever runs it holds the lease.
//
// # Not promised
//
// That the census tells a deletion that left no tombstone. That a product moves to
// another family when the setting of the API's version changes: it does with its
// next save.
//
// It may import domain, projections, streams and handlers.
package poll
