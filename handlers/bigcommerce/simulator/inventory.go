package simulator

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

const maxStockPage = 1000

// stockSettings are what a location knows of an item beside its stock. Safety stock is kept back: it is in stock, and
// not for sale.
type stockSettings struct {
	SafetyStock int64  `json:"safety_stock"`
	InStock     bool   `json:"is_in_stock"`
	Warning     int64  `json:"warning_level"`
	Bin         string `json:"bin_picking_number"`
}

// shownIdentity is an item as the inventory API names it.
type shownIdentity struct {
	SKU     string `json:"sku"`
	Variant int64  `json:"variant_id"`
	Product int64  `json:"product_id"`
	SKUID   *int64 `json:"sku_id,omitempty"`
}

// shownLevel is the stock of an item at one location.
type shownLevel struct {
	Available int64         `json:"available_to_sell"`
	OnHand    int64         `json:"total_inventory_onhand"`
	Settings  stockSettings `json:"settings"`
}

// shownLocation is that with the location's name.
type shownLocation struct {
	Location int64  `json:"location_id"`
	Code     string `json:"location_code"`
	Name     string `json:"location_name"`
	Enabled  bool   `json:"location_enabled"`
	shownLevel
}

// item is a variant, and by it a product that is tracked as a whole.
type item struct {
	product *Product
	at      int
}

func (i item) variant() *Variant { return &i.product.Variants[i.at] }

func (i item) identity() shownIdentity {
	return shownIdentity{i.variant().SKU, i.variant().ID, i.product.ID, i.variant().SKUID}
}

func (s *Store) level(location int64, i item) shownLevel {
	key := stockKey{location, i.product.ID, i.variant().ID}
	if i.product.InventoryTracking != "variant" {
		key.variant = 0
	}
	settings, set := s.settings[key]
	if !set {
		settings.InStock = s.stock[key] > 0
	}
	return shownLevel{Available: max(0, s.stock[key]-settings.SafetyStock), OnHand: s.stock[key], Settings: settings}
}

func locationCode(id int64) string { return fmt.Sprintf("LOC-%d", id) }
func locationName(id int64) string { return fmt.Sprintf("Location %d", id) }

// items returns the items that pass the filters, in order. An index finds the few that are named.
func (s *Store) items(l listing) ([]item, *problem) {
	products := s.order
	pass := func(item) bool { return true }
	also := func(next func(item) bool) {
		before := pass
		pass = func(i item) bool { return before(i) && next(i) }
	}
	for name, values := range l.filters {
		switch name {
		case "location_id:in", "location_code:in":
			continue
		case "sku:in":
			skus := splitFolded(values[0])
			var owners []int64
			for _, sku := range skus {
				owners = append(owners, s.skus[sku])
			}
			products = s.existing(products, owners)
			also(func(i item) bool { return slices.Contains(skus, fold(i.variant().SKU)) })
			continue
		}
		wanted, refusal := ids(name, values[0])
		if refusal != nil {
			return nil, refusal
		}
		if name == "product_id:in" {
			products = s.existing(products, wanted)
			continue
		}
		owners := make([]int64, len(wanted))
		for i, id := range wanted {
			owners[i] = s.variants[id]
		}
		products = s.existing(products, owners)
		also(func(i item) bool { return slices.Contains(wanted, i.variant().ID) })
	}
	var found []item
	for _, id := range products {
		p := s.products[id]
		for at := range p.Variants {
			if i := (item{p, at}); pass(i) {
				found = append(found, i)
			}
		}
	}
	return found, nil
}

// locationsOf returns the locations that the filters leave.
func (s *Store) locationsOf(l listing) ([]int64, *problem) {
	left := slices.Clone(s.cfg.Locations)
	if values, ok := l.filters["location_id:in"]; ok {
		wanted, refusal := ids("location_id:in", values[0])
		if refusal != nil {
			return nil, refusal
		}
		left = slices.DeleteFunc(left, func(id int64) bool { return !slices.Contains(wanted, id) })
	}
	if values, ok := l.filters["location_code:in"]; ok {
		codes := strings.Split(values[0], ",")
		left = slices.DeleteFunc(left, func(id int64) bool { return !slices.Contains(codes, locationCode(id)) })
	}
	return left, nil
}

func listStock(s *Store, x *exchange) (response, *problem) {
	l, refusal := parseListing(x.request.URL.Query(), maxStockPage, "sku:in", "variant_id:in", "product_id:in", "location_id:in", "location_code:in")
	if refusal != nil {
		return response{}, refusal
	}
	found, refusal := s.items(l)
	if refusal != nil {
		return response{}, refusal
	}
	locations, refusal := s.locationsOf(l)
	if refusal != nil {
		return response{}, refusal
	}
	return l.reply(len(found), func(i int) json.RawMessage {
		shown := struct {
			Identity  shownIdentity   `json:"identity"`
			Locations []shownLocation `json:"locations"`
		}{found[i].identity(), make([]shownLocation, 0, len(locations))}
		for _, id := range locations {
			shown.Locations = append(shown.Locations, shownLocation{id, locationCode(id), locationName(id), true, s.level(id, found[i])})
		}
		return mustJSON(shown)
	}), nil
}

func listLocationStock(s *Store, x *exchange) (response, *problem) {
	l, refusal := parseListing(x.request.URL.Query(), maxStockPage, "sku:in", "variant_id:in", "product_id:in")
	if refusal != nil {
		return response{}, refusal
	}
	location := x.id("location")
	if !slices.Contains(s.cfg.Locations, location) {
		return response{}, notFound("Location not found, identities: [%s]", x.request.PathValue("location"))
	}
	found, refusal := s.items(l)
	if refusal != nil {
		return response{}, refusal
	}
	return l.reply(len(found), func(i int) json.RawMessage {
		return mustJSON(struct {
			Identity shownIdentity `json:"identity"`
			shownLevel
		}{found[i].identity(), s.level(location, found[i])})
	}), nil
}

// updateStockSettings changes what a location knows of items beside their stock, of all that are named or of none.
func updateStockSettings(s *Store, x *exchange) (response, *problem) {
	var body struct {
		Settings []struct {
			Identity    identity `json:"identity"`
			SafetyStock *int64   `json:"safety_stock"`
			InStock     *bool    `json:"is_in_stock"`
			Warning     *int64   `json:"warning_level"`
			Bin         *string  `json:"bin_picking_number"`
		} `json:"settings"`
	}
	if refusal := x.decode(&body); refusal != nil {
		return response{}, refusal
	}
	location := x.id("location")
	switch n := len(body.Settings); {
	case n == 0:
		return response{}, invalid(missing("settings"))
	case n > maxStockRows:
		return response{}, tooMany(maxStockRows)
	case !slices.Contains(s.cfg.Locations, location):
		return response{}, badItems([]int64{location}, nil)
	}
	keys := make([]stockKey, len(body.Settings))
	var wrong []string
	for i, row := range body.Settings {
		if row.SafetyStock == nil && row.InStock == nil && row.Warning == nil {
			return response{}, invalid(prefixed(i, missing("safety_stock, is_in_stock or warning_level")))
		}
		key, complaint := s.stockItem(location, row.Identity)
		if complaint != "" {
			wrong = append(wrong, complaint)
		}
		keys[i] = key
	}
	if wrong != nil {
		return response{}, badItems(nil, wrong)
	}
	for i, row := range body.Settings {
		before, set := s.settings[keys[i]]
		if !set {
			before.InStock = s.stock[keys[i]] > 0
		}
		after := before
		assign(&after.SafetyStock, row.SafetyStock)
		assign(&after.InStock, row.InStock)
		assign(&after.Warning, row.Warning)
		assign(&after.Bin, row.Bin)
		s.settings[keys[i]] = after
		x.tx.effects = append(x.tx.effects, Effect{Verb: Updated, Kind: "stockSettings", Product: keys[i].product, Variant: keys[i].variant, Location: location,
			Fields: []FieldChange{{Name: "settings", Before: mustJSON(before), After: mustJSON(after)}}})
	}
	return s.transaction(x), nil
}

func assign[T any](to *T, given *T) {
	if given != nil {
		*to = *given
	}
}

func listLocations(s *Store, x *exchange) (response, *problem) {
	l, refusal := parseListing(x.request.URL.Query(), maxStockPage)
	if refusal != nil {
		return response{}, refusal
	}
	return l.reply(len(s.cfg.Locations), func(i int) json.RawMessage {
		id := s.cfg.Locations[i]
		return mustJSON(map[string]any{"id": id, "code": locationCode(id), "label": locationName(id), "enabled": true, "type_id": "PHYSICAL", "managed_by_external_source": false})
	}), nil
}
