// Package simulator is a BigCommerce store to develop and test against: the part of the v3 API that a sync from a point of
// sale uses, with its rules, its quota, its webhooks, its faults, and a merchant who edits products meanwhile.
//
// It promises what is on record of BigCommerce: the limits, ranges and lengths of fields; uniqueness of names and SKUs
// whatever their case, over products and variants; partial updates; base variants that are replaced when options appear;
// stock that is accepted first and set later, in an order left to chance where requests overlap; identities that must
// match the tracking mode; scopes; error bodies in their several shapes; the quota's window, shared with other apps, and
// its headers.
//
// Where BigCommerce documents nothing, the simulator does the stricter thing, and says so where it does it: a batch with
// a bad row keeps no row, unless [Config.SaveGoodRows] is set; an untracked item takes no stock; a number sent as a string
// is refused; deleting an option value deletes the variants that have it.
//
// It does not fetch images, take orders, or know categories, tax classes or modifiers as resources, and of v2 it has
// nothing but the time and the store's name. Of the filters it knows those that a sync needs, and refuses the others as
// BigCommerce refuses unknown ones.
//
// # Webhooks
//
// Changes of products, variants and stock are events, whoever made them: a sync hears of its own writes. A write that
// changes nothing is none, nor are images, options, custom fields and stock away from the default location. Who owns the
// store delivers events, with [Store.Run] while time passes or with [Store.Deliver] in a test: 3 to 4 seconds later,
// signed with the client's secret by the Standard Webhooks scheme, with the headers that the webhook was made with, to a
// receiver that has 10 seconds to answer with 2xx. Otherwise there are 11 retries over 48 hours, and then the webhook is
// deactivated; a domain that fails more than one call in ten is left alone for three minutes. Some events may be sent
// twice with the same hash, or out of order ([Config.WebhookDuplicates], [Config.WebhookReordering]). A product that is
// created with variants has an event for each; one that is deleted has one alone.
//
// # Faults
//
// A [Fault] is given with [Config.Faults], [Store.Fail], or POST /control/faults. In JSON:
//
//	{"kind":"status","status":429,"count":3}                          429 without rate headers, "spent":true with
//	{"kind":"html","status":503,"after":"1m","for":"1h"}              a gateway that is down for long
//	{"kind":"revoked","after":"1m"}                                   401 in plain text
//	{"kind":"connect"}, {"kind":"hang"}                               no connection, or one without an answer
//	{"kind":"closeBeforeCommit"}, {"kind":"closeAfterCommit"}         a connection that is lost
//	{"kind":"commitLater","delay":"30s"}                              a lost one whose request is done all the same
//	{"kind":"slow","delay":"20s"}, {"kind":"late","delay":"20s"}      late in taking effect, or only in saying so
//	{"kind":"dribble","delay":"1s","size":10}                         a reply of ten bytes a second
//	{"kind":"truncate"}, {"kind":"huge","size":104857600}             a reply that breaks off, or that is too big
//	{"kind":"invalidUTF8"}, {"kind":"stringIDs"}, {"kind":"partial"}  a reply that is not as it should be
//	{"match":"PUT /catalog/products","kind":"productDeleted"}         the merchant, a moment before the request:
//	{"match":"PUT /catalog/products","kind":"productRecreated"}       deletes the product, makes it again,
//	{"match":"* /catalog/products","kind":"nameTaken"}                or takes its name
//	{"kind":"quota","quota":450,"window":"10s","skip":100}            a quota that changes after 100 requests
//
// # Control API
//
// Beside the methods of [Store] there is a control API for other processes, below /control, with the store's token in
// X-Auth-Token. A duration is text such as "30s". GET /control lists:
//
//	POST   /control/faults             a [Fault]; GET for those that stand, DELETE to heal
//	POST   /control/settings           {"quota":150,"other_app_share":0.3,"latency":"80ms"}, as [Store.Change] does; GET for all
//	GET    /control/requests           every remembered [Request] with its effects; ?after=SEQ for those after one
//	GET    /control/violations         every [Violation]: what an app altered though it is the merchant's
//	GET    /control/deliveries         every [Delivery] of an event
//	GET    /control/products           every product; /control/products/{id} for one
//	POST   /control/merchant-edit      {"id":1000001,"fields":{"weight":2.5}}, or {"variant":20000001,"fields":{…}}
//	POST   /control/merchant-create    {"name":"Bowl","sku":"B-1","price":10}
//	POST   /control/merchant-delete    {"id":1000001}
//	POST   /control/merchant-recreate  {"id":1000001}
//	POST   /control/down               {"down":true}: 503 for everything else
//	POST   /control/token              {"revoked":true}
//	POST   /control/spend              {"requests":100} at once, as another app does
//
// Its requests count for no quota and meet no fault.
//
// # Time
//
// All of it goes by the clock of [Config.Now] and [Config.After], so that with a clock of a test's own, or in a bubble of
// testing/synctest with [Store.Client], a window of 30 seconds passes in no time. [Config.TimeScale] shortens every
// duration instead, also those that clients are told, for a client that lives in real time.
//
// The package imports nothing of this module, nor testing. It starts no goroutine but in Run and Deliver, which wait for
// theirs.
package simulator
