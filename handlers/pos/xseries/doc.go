// Package xseries reads what an account of Lightspeed Retail X-Series says, in the
// records of its API (2.0 and 2026-07) and in its webhooks (1.0), and makes events
// of it. It is pure: bytes in, envelopes out.
//
// # What becomes an event
//
//	product, with a version     pos.product.saved.v1, the whole snapshot, or
//	                            pos.product.deleted.v1 for a tombstone
//	inventory record            pos.stock.level_reported.v1
//	sale, closed or on account  pos.item.sold.v1, refunded.v1 when all its lines
//	                            came back, exchanged.v1 when some did
//	stock order, RECEIVED       pos.stock.order_received.v1
//	transfer, RECEIVED          pos.stock.transferred.v1
//	return, SENT                pos.stock.adjusted.v1
//	stocktake, COMPLETE         pos.stock.counted.v1
//	stock adjustment            pos.stock.adjusted.v1
//
// An import of products in the POS is, for the account, a save of each of them.
//
// # Promises
//
//   - The same change is the same event: its id is a UUIDv5 of the account's own
//     identity of the change, so that a webhook, the poll after it and the census
//     make one event of it.
//   - sourceversion is the version that the vendor gave the record. The levels of
//     an outlet and the snapshots of an item are therefore in the vendor's order,
//     whatever order they arrive in.
//   - Only levels move stock. Sales, consignments and adjustments say what
//     happened, and push.
//   - Whatever form a value is documented or seen in is taken. What cannot be used
//     is a [RecordError] that names the field; it never becomes an empty value.
//
// # What the vendor does not say, and how it is met
//
//   - Whether one number space holds the versions of all resources: nothing here
//     compares versions of different resources, but for the order in which
//     movements of one item are told.
//   - What VOIDED and LAYBY do to stock, and whether a transfer under way counts
//     anywhere: the levels tell; no event is made.
//   - Whether a count sets the level to its figure: see [Account.Consignment].
//   - Whether a stocktake that is CLOSED was complete before: it is taken as
//     counted only where a level is known, which it repeats.
//   - Which outlet a return to the supplier names: the source when there is one.
//   - How the stock of a composite is derived: what inventory records say of it is
//     taken, and where there are none it is 0, which sells too little and never too
//     much.
//   - Whether a return at the till bears the sale that it is of: without it the
//     event has no of_sale. An exchange is told by its lines alone.
//   - Whether the quantity of an adjustment bears its sign: a reason that takes
//     away makes it negative.
//   - What becomes of variant_parent_id when the parent is deleted: family_id goes
//     first, then the parent, then the item itself.
//   - How a signature is encoded, and of what: the raw body, in hex, or in base64
//     where the store is set so ([Verify]).
//   - Whether webhooks change with 2026-10: only inventory.update is believed as
//     it is; everything else is read again ([HookType.Hint]).
//
// # Prices
//
// Both prices come with about five decimals. Which of them is taken is the store's
// setting, or what the retailer enters. They are kept as they are, up to six
// decimals; they are rounded once, where BigCommerce is told of them.
//
// # Names of outlets
//
// An outlet goes by the name that it had when it was first seen ([Outlets]).
//
// It imports domain and the standard library.
package xseries
