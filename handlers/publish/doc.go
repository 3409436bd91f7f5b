// Package publish keeps BigCommerce equal to the POS for every linked product of
// one store.
//
// # How
//
// Publishing is level-triggered. What must be pushed is a fact about two
// projections, not a queue: a product is due while it is linked, not quarantined,
// and the newest event that asks for a push is newer than the state that
// BigCommerce last confirmed (or refused). [Publisher.Run] finds the due products
// at start and looks again at those it is woken for, so no crash can lose or
// invent a push, and fifty changes before a request leaves are one push.
//
// Work goes in rounds. A round takes what is due, at most what one stock request
// can carry, and passes through phases one after the other: creations, changes of
// structure, products (10 to a request), variants (50), stock (2,000 levels). What
// changes meanwhile gathers for the next round. Within a phase several requests
// are in flight, never two with the same product. The state is read when the
// right to send is there.
//
// The stock of what was sold, refunded, counted and the like does not wait for a
// round: it goes first, alone in flight, in a lane that may use the reserve of
// the quota which other requests leave (see lane.go and bigcommerce.Quota). The
// full state follows in a round, without that stock if it is still the same.
//
// # Guards
//
// A store may have pushes held (see [Guards]); by default the POS forces BigCommerce
// to agree. A guard looks at a round before anything is sent of it. It compares each
// listing with what the last confirmed push told BigCommerce, the gist of which is on
// record (see domain.Offer), so that it costs no request, except where a push has no
// text that BigCommerce may have: those twins are read, 50 to a request. What the
// breaker counts is in memory; after a restart it knows what it held, and not what it
// let through. So much, and never more than its share in a window and process, gets
// through before it trips: BigCommerce is not put back, as it never gets an older
// state than one it had.
//
// A hold is an event of the SYNC log, and the product is held until an event of the
// POS makes it a state that the guard has nothing against, or somebody decides. To
// approve pushes the newest state, and no guard has a say in it. The POS is the
// system of record and its log cannot be undone, so to discard is not to forget what
// it said: the push is dropped, BigCommerce shows what it shows until the product's
// next event in the POS, and then its whole state is judged anew. Both are events of
// the SYNC log, too. A guard that is taken away decides nothing: what it held stays
// held as it is.
//
// # What is promised
//
//   - Every push carries every POS-owned field and no other.
//   - BigCommerce does not end up with an older state than one it had, as long as
//     it does not apply a request later than [Config.Quiet] after the connection
//     that carried it broke, and as long as one Publisher at a time runs for a
//     store. After a request whose fate is unknown, that product gets the same
//     state again or nothing until Quiet has passed; then it gets the newest. Every
//     request is made with a context that ends with Run's.
//     A Publisher does not know what one before it had in flight when its process
//     died: that an older state does not arrive after its first requests holds if
//     BigCommerce drops, or has applied, by then what the dead process sent.
//   - A product that BigCommerce refuses is refused by name, and the others of its
//     batch go through: at once when the answer says which it is, and else by
//     halving, at the cost that unit states. It is pushed again when it changes, is
//     linked anew, or somebody asks with [Publisher.Push].
//   - A conflict, over a name or a SKU, is reported with both products. Where the
//     other one is ours and is not to have what this one wants, it is pushed first,
//     and where they wait for each other, as when SKUs are exchanged, it gives the SKU
//     up before it has its new one. A name is not given up, since customers would see
//     it: of names that are exchanged one is refused.
//   - A product that is deleted in the POS holds no SKU: another one that has it takes
//     it, and one that has no twin yet takes over the twin, with all that the merchant
//     has set on it.
//   - A change of structure is recorded before it begins. Whatever fails then, the
//     twin is read before anything else is sent for that product, and what was made is
//     known to be ours, so that it is finished, or undone, as the POS wants it by then.
//     What was made and not read again is known by its SKU: a merchant who gives a new
//     variant another one within that time makes a stranger of it.
//     Variants that are not ours are removed only if they have a SKU that one of ours
//     is to have; where they are in the way otherwise, the product is refused by their
//     name.
//   - A link whose BigCommerce product is gone is marked as broken, which is a
//     refusal with status 404, and [Config.OnMissing] decides what becomes of it.
//     Nothing else is sent for it.
//   - What is wrong with the store, the token or the network refuses no product. One
//     request at a time then probes, ever more slowly, and [Publisher.Status] says
//     what is wrong and when the next try is.
//   - A product is created at most once: before each try its twin is looked for
//     under its SKUs and those that the previous try was recorded with, and a try of
//     which nothing is known is given Quiet to come true. It is not recognised by
//     its name alone, so a merchant who gives the twin another SKU within that time
//     makes a stranger of it. While what became of a try is not known, neither
//     [Publisher.Link] nor [Publisher.LinkAuto] ties the product, nor what may have been
//     created for it to another one; where that is in the place of a twin whose being gone
//     is not on record, the latter holds for as long as Quiet.
//   - A product that was created is offered in the store's channels. Where BigCommerce
//     refuses that, it is linked and pushed all the same, and counts as refused until a
//     push, the next one or one that somebody asks for, has offered it.
//   - A push is confirmed in the SYNC log with the position of the state it carried.
//     If that record is lost in a crash, the same state is pushed once more.
//
// [Publisher.Preview] compares what BigCommerce shows with the payloads of a push,
// and rehearses a change of structure on a copy of the twin by the same blueprint, so
// that it and a push cannot disagree about what is sent. What BigCommerce makes of a
// change of structure is not documented in full; a push looks at it after each step,
// a preview goes by what is known.
//
// Not promised: that BigCommerce shows a stock level at once (it applies levels
// some time after it has taken them), or that a merchant's edit of a POS-owned
// field is undone before the product's next push.
//
// # Imports
//
// domain, projections, streams, handlers/bigcommerce, watermill, errgroup, a backoff library.
package publish
