// Package domain holds the facts of tillstream and the rules that follow from
// them: what happened in the POS and on our side ([Event], [Envelope]), how a
// log of such facts becomes the current state of a product ([Fold], [Product])
// and what BigCommerce is to show for that state ([Listing]).
//
// # Promises
//
//   - Everything here is pure: the same input gives the same result on any
//     machine, and nothing can reach a clock, a file, a network or a random
//     number. Time arrives inside the events.
//   - [Fold] is total: for whatever [Envelope.Event] decodes it returns a state
//     or an error, and never panics.
//   - A published event type and version never changes its meaning. A new
//     meaning, or a new field, is a new version; an earlier one is read as the
//     newest.
//   - [Listing], the only thing a push is made from, has no field for weight,
//     sizing, MSRP, sale price, tax code, customizations, SEO or custom fields,
//     so no push can touch them.
//
// # Words
//
// A store is one connection of one POS retailer to one BigCommerce store. An
// item is one sellable POS product with an id and a SKU. A product is a POS
// family and one BigCommerce product; each of its items is a variant. A position
// is the sequence number of an event in its stream.
//
// It imports the standard library, google/uuid, a decimal library and one that checks JSON.
package domain
