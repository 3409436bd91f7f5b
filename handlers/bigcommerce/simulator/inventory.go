package simulator

import (
	"encoding/json"
	"fmt"
	"slices"
)

const maxStockPage = 1000

// shownStock is one item as the inventory API shows it.
type shownStock struct {
	Identity  stockIdentity   `json:"identity"`
	Locations []locationStock `json:"locations"`
}

type stockIdentity struct {
	SKU     string `json:"sku"`
	Variant int64  `json:"variant_id"`
	Product int64  `json:"product_id"`
	SKUID   *int64 `json:"sku_id"`
}

type locationStock struct {
	Location  int64          `json:"location_id"`
	Code      string         `json:"location_code"`
	Name      string         `json:"location_name"`
	Enabled   bool           `json:"location_enabled"`
	Available int64          `json:"available_to_sell"`
	OnHand    int64          `json:"total_inventory_onhand"`
	Settings  map[string]any `json:"settings"`
}

func listStock(s *Store, x *exchange) (response, *problem) {
	l, refusal := parseListing(x.request.URL.Query(), maxStockPage, "sku:in", "variant_id:in", "product_id:in")
	if refusal != nil {
		return response{}, refusal
	}
	chosen := map[string][]int64{}
	var skus []string
	for name, values := range l.filters {
		if name == "sku:in" {
			skus = splitFolded(values[0])
			continue
		}
		wanted, refusal := ids(name, values[0])
		if refusal != nil {
			return response{}, refusal
		}
		chosen[name] = wanted
	}
	var found []shownStock
	for _, id := range s.order {
		p := s.products[id]
		for i := range p.Variants {
			v := &p.Variants[i]
			if in, ok := chosen["product_id:in"]; ok && !slices.Contains(in, id) {
				continue
			}
			if in, ok := chosen["variant_id:in"]; ok && !slices.Contains(in, v.ID) {
				continue
			}
			if skus != nil && !slices.Contains(skus, fold(v.SKU)) {
				continue
			}
			found = append(found, s.showStock(p, v))
		}
	}
	return l.reply(len(found), func(i int) json.RawMessage { return mustJSON(found[i]) }), nil
}

func (s *Store) showStock(p *Product, v *Variant) shownStock {
	shown := shownStock{Identity: stockIdentity{v.SKU, v.ID, p.ID, v.SKUID}}
	variant := v.ID
	if p.InventoryTracking != "variant" {
		variant = 0
	}
	for _, location := range s.cfg.Locations {
		n := s.stock[stockKey{location, p.ID, variant}]
		shown.Locations = append(shown.Locations, locationStock{Location: location, Code: fmt.Sprintf("LOC-%d", location), Name: fmt.Sprintf("Location %d", location),
			Enabled: true, Available: n, OnHand: n, Settings: map[string]any{"safety_stock": 0, "is_in_stock": n > 0, "warning_level": 0, "bin_picking_number": ""}})
	}
	return shown
}

func listLocations(s *Store, x *exchange) (response, *problem) {
	l, refusal := parseListing(x.request.URL.Query(), maxStockPage)
	if refusal != nil {
		return response{}, refusal
	}
	return l.reply(len(s.cfg.Locations), func(i int) json.RawMessage {
		id := s.cfg.Locations[i]
		return mustJSON(map[string]any{"id": id, "code": fmt.Sprintf("LOC-%d", id), "label": fmt.Sprintf("Location %d", id), "enabled": true, "type_id": "PHYSICAL", "managed_by_external_source": false})
	}), nil
}
