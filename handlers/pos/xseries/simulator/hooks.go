package simulator

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
)

// HookType is what a webhook tells of.
type HookType string

// The types of webhooks: all that there are.
const (
	SaleUpdate         HookType = "sale.update"
	ProductUpdate      HookType = "product.update"
	CustomerUpdate     HookType = "customer.update"
	InventoryUpdate    HookType = "inventory.update"
	RegisterClosure    HookType = "register_closure.create"
	ConsignmentSend    HookType = "consignment.send"
	ConsignmentReceive HookType = "consignment.receive"
)

// HookTypes lists them.
func HookTypes() []HookType {
	return []HookType{SaleUpdate, ProductUpdate, CustomerUpdate, InventoryUpdate, RegisterClosure, ConsignmentSend, ConsignmentReceive}
}

// hook is one subscription.
type hook struct {
	ID       string   `json:"id"`
	Retailer string   `json:"retailer_id"`
	Type     HookType `json:"type"`
	URL      string   `json:"url"`
	Active   bool     `json:"active"`

	byHand  bool // in the settings of the account: it is nobody's app, and not signed
	givenUp int
}

// hookBody is what is written of a webhook.
type hookBody struct {
	Active *bool    `json:"active"`
	Type   HookType `json:"type"`
	URL    string   `json:"url"`
}

func (b hookBody) check() error {
	u, err := url.Parse(b.URL)
	switch {
	case b.Active == nil:
		return fmt.Errorf("active is missing")
	case !slices.Contains(HookTypes(), b.Type):
		return fmt.Errorf("type %q: want one of %q", b.Type, HookTypes())
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("url %q: want an absolute URL", b.URL)
	}
	return nil
}

// AddHook makes a webhook as somebody does in the settings of the account: unlike those that an app makes through the
// API, its calls carry no signature.
func (a *Account) AddHook(t HookType, to string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	active := true
	_, err := a.addHook(hookBody{&active, t, to}, true)
	return err
}

// Subscribe makes a webhook as the app does through the API: its calls are signed.
func (a *Account) Subscribe(t HookType, to string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	active := true
	_, err := a.addHook(hookBody{&active, t, to}, false)
	return err
}

var errHookExists = fmt.Errorf("a webhook with this type and URL already exists")

func (a *Account) addHook(b hookBody, byHand bool) (*hook, error) {
	if err := b.check(); err != nil {
		return nil, err
	}
	if slices.ContainsFunc(a.hooks, func(h *hook) bool { return h.Type == b.Type && h.URL == b.URL }) {
		return nil, errHookExists
	}
	h := &hook{ID: a.id(kindHook), Retailer: retailerID, Type: b.Type, URL: b.URL, Active: *b.Active, byHand: byHand}
	a.hooks = append(a.hooks, h)
	return h, nil
}

// announce queues what the webhooks of a type tell of a change: the entity as it is now. The version is for who reads
// the log of deliveries; not every payload has one.
func (a *Account) announce(t HookType, version int64, entity func() any) {
	var payload []byte
	for _, h := range a.hooks {
		if h.Type != t || !h.Active {
			continue
		}
		if payload == nil {
			payload = mustJSON(entity())
		}
		a.schedule(Delivery{Hook: h.ID, Type: t, Version: version, Payload: payload})
	}
}

func mustJSON(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("simulator: %v", err)) // what is encoded here are the package's own types
	}
	return raw
}

// form is the body of a call. Besides the payload there may be other fields, which are not to be relied on.
func (a *Account) form(d Delivery) []byte {
	body := "payload=" + url.QueryEscape(string(d.Payload))
	switch hash(d.ID, 9) % 3 {
	case 0:
		return []byte(body + "&domain_prefix=" + a.cfg.DomainPrefix)
	case 1:
		return []byte("domain_prefix=" + a.cfg.DomainPrefix + "&environment=prod&" + body)
	}
	return []byte(body)
}
