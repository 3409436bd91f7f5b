// Package ingest is the way in: it turns what a POS sends over HTTP or in a file
// into envelopes, appends them to the POS log, and answers for each.
//
// It promises that "accepted" is said only of an event that is durably in the
// log; that events are recorded in the order in which they were sent; that the
// lines of one sale are recorded together or not at all; that one bad event is
// refused precisely and stops no other; and that nothing it reads is unbounded.
//
// It does not fold, and knows nothing of BigCommerce.
//
// It may import domain, projections, streams and handlers.
package ingest
