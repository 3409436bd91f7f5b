package xseries

import (
	"encoding/json"
	"net/url"
	"strconv"

	"github.com/tillstream/tillstream/domain"
)

// HookType is what a webhook is about. It stands in the URL that the subscription
// was made for, since nothing in the body names it.
type HookType string

// The types that there are.
const (
	HookProduct            HookType = "product.update"
	HookInventory          HookType = "inventory.update"
	HookSale               HookType = "sale.update"
	HookConsignmentSend    HookType = "consignment.send"
	HookConsignmentReceive HookType = "consignment.receive"
	HookCustomer           HookType = "customer.update"
	HookRegisterClosure    HookType = "register_closure.create"
)

// HookTypes lists the types that there are.
func HookTypes() []HookType {
	return []HookType{HookProduct, HookInventory, HookSale, HookConsignmentSend, HookConsignmentReceive, HookCustomer, HookRegisterClosure}
}

// Hint is which records of the account a webhook is a reason to read again.
type Hint string

// What there is to read again.
const (
	HintNone      Hint = ""
	HintProducts  Hint = "products"
	HintMovements Hint = "movements" // sales, consignments and adjustments, and the levels that they move
)

// Hint is what a webhook of the type says has changed. An unknown type may be about
// anything, and is told by nobody but the census of the poller.
func (t HookType) Hint() Hint {
	switch t {
	case HookProduct:
		return HintProducts
	case HookInventory, HookSale, HookConsignmentSend, HookConsignmentReceive:
		return HintMovements
	}
	return HintNone
}

// ReadHook takes the entity out of a webhook's body. The error is a
// [*domain.InvalidError].
func ReadHook(body []byte) (json.RawMessage, error) {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, &domain.InvalidError{Path: "body", Reason: "must be a form: " + err.Error()}
	}
	payloads := form["payload"]
	if len(payloads) != 1 {
		return nil, &domain.InvalidError{Path: "payload", Value: strconv.Itoa(len(payloads)) + " fields", Reason: "must be one field of the form"}
	}
	payload := json.RawMessage(payloads[0])
	if recordOf(payload) == nil {
		return nil, &domain.InvalidError{Path: "payload", Value: payloads[0], Reason: "must be a JSON object"}
	}
	return payload, nil
}
