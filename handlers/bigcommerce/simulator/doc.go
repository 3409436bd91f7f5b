// Package simulator is a BigCommerce store to develop and test against: the part of the v3 API that a sync from a point of
// sale uses, with its rules, its quota, its faults and a merchant who edits products meanwhile.
//
// It promises what is on record of BigCommerce: the limits, ranges and lengths of fields; uniqueness of names and SKUs
// whatever their case, over products and variants; partial updates; base variants that are replaced when options appear;
// stock that is accepted first and set later; identities that must match the tracking mode; error bodies in their several
// shapes; the rate headers. Where BigCommerce documents nothing, the simulator does the stricter thing, and says so where
// it does it: a batch with a bad row keeps no row; an untracked item takes no stock; a number sent as a string is refused;
// deleting an option value deletes the variants that have it.
//
// It does not send webhooks, fetch images, price orders, or know categories, tax classes or modifiers as resources. Of
// the filters it knows those that a sync needs, and refuses the others as BigCommerce refuses unknown ones.
//
// # Control API
//
// Beside the methods of [Store] there is a control API for other processes, below /control, with the store's token in
// X-Auth-Token:
//
//	POST   /control/faults         a [Fault] as JSON: {"match":"PUT /catalog/products","kind":"status","status":503,"count":2}
//	DELETE /control/faults         heal
//	GET    /control/requests       every remembered [Request]; ?after=SEQ for those after one
//	GET    /control/products       every product; /control/products/{id} for one
//	POST   /control/merchant-edit  {"id":1000001,"fields":{"weight":2.5}}
//	POST   /control/down           {"down":true}
//	POST   /control/token          {"revoked":true}
//	POST   /control/spend          {"requests":100}, as another app does
//
// Its requests count for no quota and meet no fault.
//
// The package imports nothing of this module, nor testing. It starts no goroutine.
package simulator
