package simulator

import (
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// event is what a webhook tells, in the order in which BigCommerce writes it: which thing, and no value of it.
type event struct {
	Producer  string          `json:"producer"`
	Hash      string          `json:"hash"`
	CreatedAt int64           `json:"created_at"`
	StoreID   string          `json:"store_id"`
	Scope     string          `json:"scope"`
	Data      json.RawMessage `json:"data"`
}

// storeID is not the store's hash.
const storeID = "1003502318"

type productData struct {
	Type string `json:"type"`
	ID   int64  `json:"id"`
}

type skuData struct {
	Type string `json:"type"`
	ID   int64  `json:"id"` // of the SKU, which is not the variant's
	SKU  struct {
		Product int64 `json:"product_id"`
		Variant int64 `json:"variant_id"`
	} `json:"sku"`
}

type inventoryData struct {
	Type      string `json:"type"`
	ID        int64  `json:"id"`
	Inventory struct {
		Product int64  `json:"product_id"`
		Method  string `json:"method"` // by the API or in the control panel, as all is here
		Value   int64  `json:"value"`  // the difference
		Variant int64  `json:"variant_id,omitzero"`
	} `json:"inventory"`
}

// announced are the fields of a product whose change is an event; others, such as custom fields, change in silence.
var announced = [...]string{
	"type", "name", "description", "sku", "price", "cost_price", "sale_price", "retail_price", "tax_class_id", "brand_id", "categories",
	"weight", "width", "height", "depth", "is_visible", "is_featured", "sort_order", "condition", "is_condition_shown", "upc",
	"inventory_level", "inventory_warning_level", "inventory_tracking", "bin_picking_number", "warranty", "related_products",
	"search_keywords", "page_title", "meta_description", "custom_url", "open_graph_type", "fixed_cost_shipping_price", "is_free_shipping",
	"gift_wrapping_options_type", "gift_wrapping_options_list", "availability", "availability_description",
	"preorder_release_date", "is_preorder_only", "preorder_message",
}

// announce makes events of effects, for the webhooks that hear of them. An update that changed nothing, an image and an
// option are none.
func (s *Store) announce(effects []Effect) {
	if len(s.hooks) == 0 {
		return
	}
	for _, e := range effects {
		switch e.Kind {
		case "product":
			s.announceProduct(e)
		case "variant":
			s.announceVariant(e)
		case "stock":
			// Stock at other places than the default location is no event of the product's.
			if c, changed := e.change("quantity"); changed && e.Location == s.cfg.Locations[0] {
				if e.Variant == 0 {
					s.publish("store/product/updated", productData{"product", e.Product})
				}
				s.announceStock(e, c)
			}
		}
	}
}

func (s *Store) announceProduct(e Effect) {
	data := productData{"product", e.Product}
	switch e.Verb {
	case Created:
		s.publish("store/product/created", data)
		if p := s.products[e.Product]; p != nil {
			for i := range p.Variants {
				s.announceVariant(variantEffect(Created, &p.Variants[i], nil))
			}
		}
	case Deleted:
		s.publish("store/product/deleted", data)
	case Updated:
		if slices.ContainsFunc(e.Fields, func(c FieldChange) bool { return c.Changed() && slices.Contains(announced[:], c.Name) }) {
			s.publish("store/product/updated", data)
		}
		if c, changed := e.change("inventory_level"); changed {
			if p := s.products[e.Product]; p != nil && p.InventoryTracking != "variant" {
				s.announceStock(e, c)
			}
		}
	}
}

// announceVariant tells of a variant by its SKU. A base variant has none, and its change is the product's.
func (s *Store) announceVariant(e Effect) {
	if e.Verb == Updated && !slices.ContainsFunc(e.Fields, FieldChange.Changed) {
		return
	}
	if e.ID == 0 {
		if e.Verb == Updated {
			s.publish("store/product/updated", productData{"product", e.Product})
		}
		return
	}
	data := skuData{Type: "sku", ID: e.ID}
	data.SKU.Product, data.SKU.Variant = e.Product, e.Variant
	s.publish("store/sku/"+string(e.Verb), data)
	if c, changed := e.change("inventory_level"); changed && e.Verb == Updated {
		s.announceStock(e, c)
	}
}

func (s *Store) announceStock(e Effect, c FieldChange) {
	var before, after int64
	if json.Unmarshal(c.Before, &before) != nil || json.Unmarshal(c.After, &after) != nil {
		return // the catalog's null is no level
	}
	data := inventoryData{Type: "product", ID: e.Product}
	if e.Variant != 0 {
		data.Type, data.ID, data.Inventory.Variant = "sku", e.ID, e.Variant
	}
	data.Inventory.Product, data.Inventory.Method, data.Inventory.Value = e.Product, "absolute", after-before
	s.publish(fmt.Sprintf("store/%s/inventory/updated", data.Type), data)
}

// publish queues an event for each webhook that covers its scope.
func (s *Store) publish(scope string, data any) {
	s.retireHooks()
	now := s.cfg.Now()
	s.last.event++
	hash := sha1.Sum(fmt.Appendf(nil, "%s %d %d", s.cfg.StoreHash, s.cfg.Seed, s.last.event))
	e := event{"stores/" + s.cfg.StoreHash, hex.EncodeToString(hash[:]), now.Unix(), storeID, scope, mustJSON(data)}
	body := mustJSON(e)
	for _, id := range slices.Sorted(maps.Keys(s.hooks)) {
		if h := s.hooks[id]; h.IsActive && h.covers(scope) {
			h.usedAt = now
			s.schedule(Delivery{Hook: id, Scope: scope, Hash: e.Hash, Body: body}, now)
		}
	}
}
