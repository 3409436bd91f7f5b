// Package simulator is a Lightspeed Retail X-Series account to develop and test against: a shop with its tills, office
// and stockroom, the API that shows what happens in it, and the webhooks that tell of it.
//
// It promises what is on record of X-Series, and imports nothing of the adapter that reads it: both have the vendor's
// documents for their only contract, so that neither shares the other's mistakes. The goods are those of the shop that
// handlers/pos/simulator invents, by way of its export.
//
// # The account
//
// Families of variants, of which the parent is itself a variant; simple and composite products; outlets with a register
// each; prices with tax or without; sales with returns and exchanges; stock orders, transfers, returns to suppliers and
// counts, each through its statuses; adjustments; imports of product files; deletions, which leave tombstones. Every
// change gives its record the next number of one sequence of versions, which has gaps. [Account.Books] is the account's
// own bookkeeping, kept beside the inventory records that the API shows: the two agree to the last decimal.
//
// # The API
//
// Below /api/2.0 and /api/2026-07, with a bearer token and a User-Agent: products, inventory, sales, consignments and
// their lines, stock adjustments, retailer, outlets, registers, taxes, brands, webhooks. Date versions before 2026-07 are
// answered as 2026-07, later ones are not there. Of writes there are those to webhooks, adjustments, the deletion of
// products, and the beginning of a return. POST /api/1.0/token trades a refresh token for the next pair, once.
//
// Records are shown as the vendor shows them, which is not always one way: [Config.Quirks] of them have numbers as
// strings, null for {}, an option that is repeated, or a status that nobody knows yet.
//
// # Webhooks
//
// Hooks are forms with a field payload, signed over their raw bytes with the app's secret; those of webhooks that were
// made by hand are not ([Account.AddHook]). Who owns the account delivers them, with [Account.Run] while time passes or
// with [Account.Deliver] in a test: 1 to 3 seconds after the change, to a receiver that has 5 seconds to answer with 2xx.
// Otherwise there are 20 retries over 48 hours. Some may be lost, doubled, overtaken or late.
//
// # Where the vendor says nothing
//
// The simulator then does what is hardest on who reads it, as a setting where both are likely, and says so where it does
// it. In short: an empty page of 2.0 has versions 0 and 0. A variant whose parent is deleted still names it. Deletions are
// told of by chance. An edit saves all variants of a family; a save without a change is a change. Laybys and sales on
// account take their stock at once, pickups and deliveries when they are fulfilled, and what is voided comes back. The
// units of a transfer are in no outlet while it is sent, and back where they came from when it is cancelled. A count makes
// its figure the stock, whatever was sold meanwhile. A composite product has no inventory records; selling it sells its
// parts. A return names its sale, an exchange as well, and some returns name none.
//
// # Time
//
// The shop's time is that of the clock, or of the week that a [Trader] plays. Everything else goes by the clock of
// [Config.Now] and [Config.After], which [Config.TimeScale] makes faster for a client that lives in real time.
//
// # Faults
//
// A [Fault] is given with [Config.Faults], [Account.Fail], or POST /control/faults. In JSON:
//
//	{"kind":"status","status":502,"count":3}                  an error
//	{"kind":"html","status":503}                              a gateway that is down
//	{"kind":"hang"}, {"kind":"slow","delay":"20s"}            no answer, or one that is late
//	{"kind":"closeBeforeCommit"}, {"kind":"closeAfterCommit"} a connection that is lost
//	{"kind":"truncate"}, {"kind":"notJSON"}                   a reply that is not as it should be
//	{"match":"POST /token","kind":"closeAfterCommit"}         a refresh token that is used up, its successor lost
//
// # Control API
//
// Beside the methods of [Account] there is a control API for other processes, below /control, with the personal token as
// bearer token. Its requests count in no window and meet no fault. A product is an id or a SKU, an outlet an id or a name.
// GET /control lists:
//
//	GET    /control/books       {"<product>":{"<outlet>":7.5}}; outlets for their names
//	GET    /control/movements   every [Movement]
//	GET    /control/occurrences every [Occurrence] of what pushes a product
//	GET    /control/requests    every remembered [Request]; ?after=SEQ for those after one
//	GET    /control/violations  every [Violation]
//	GET    /control/deliveries  every [Delivery] of a hook, and what was lost on purpose
//	POST   /control/settings    {"hook_loss":0.2}, as [Account.Change] does; GET for all
//	POST   /control/faults      a [Fault]; GET for those that stand, DELETE to heal
//	POST   /control/down        {"down":true}: 503 for everything else
//	POST   /control/token       {"revoked":true}, {"expired":true}
//	POST   /control/authorize   a code that the app may trade for tokens
//	POST   /control/hook        {"type":"sale.update","url":"http://…","signed":true}
//	POST   /control/sell        {"outlet":"Quayside","lines":[{"product":"CK-121","quantity":1}],"status":"CLOSED"}
//	POST   /control/sale        {"id":"…","status":"VOIDED"}
//	POST   /control/return      {"id":"…"}; "back" and "out" with lines for a part of it or an exchange, "parked":true
//	POST   /control/adjust      [{"product_id":"…","outlet_id":"…","quantity":"-1","reason":"DAMAGE"}]
//	POST   /control/consign     a [Consignment]
//	POST   /control/advance     {"id":"…","status":"RECEIVED","lines":[…]}
//	POST   /control/add         {"name":"Bowl","sku":"B-1","price":10}
//	POST   /control/save        {"product":"B-1","price":"12.50","description":""}; any of the fields of [ProductEdit]
//	POST   /control/delete      {"product":"B-1","family":false}
//	POST   /control/import      a product file
//
// The package imports handlers/pos/simulator and the standard library, and not testing. It starts no goroutine but in Run
// and Deliver, which wait for theirs.
package simulator
