package simulator

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
)

// assignment is a product offered in a sales channel.
type assignment struct {
	Product int64 `json:"product_id"`
	Channel int64 `json:"channel_id"`
}

// Assigned says whether a product is offered in a channel.
func (s *Store) Assigned(product, channel int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.channels[product], channel)
}

func listChannels(s *Store, x *exchange) (response, *problem) {
	l, refusal := parseListing(x.request.URL.Query(), maxPage, "product_id:in", "channel_id:in")
	if refusal != nil {
		return response{}, refusal
	}
	found, refusal := s.assigned(l)
	if refusal != nil {
		return response{}, refusal
	}
	return l.reply(len(found), func(i int) json.RawMessage { return mustJSON(found[i]) }), nil
}

// assigned returns the assignments that pass the filters, in order.
func (s *Store) assigned(l listing) ([]assignment, *problem) {
	filter := func(name string) ([]int64, *problem) {
		if values, ok := l.filters[name]; ok {
			return ids(name, values[0])
		}
		return nil, nil
	}
	products, refusal := filter("product_id:in")
	if refusal != nil {
		return nil, refusal
	}
	channels, refusal := filter("channel_id:in")
	if refusal != nil {
		return nil, refusal
	}
	if products == nil {
		products = slices.Collect(maps.Keys(s.channels))
	}
	slices.Sort(products)
	var found []assignment
	for _, product := range slices.Compact(products) {
		for _, channel := range s.channels[product] {
			if channels == nil || slices.Contains(channels, channel) {
				found = append(found, assignment{product, channel})
			}
		}
	}
	return found, nil
}

func assignChannels(s *Store, x *exchange) (response, *problem) {
	var rows []assignment
	if refusal := x.decode(&rows); refusal != nil {
		return response{}, refusal
	}
	for i, row := range rows {
		if s.products[row.Product] == nil || row.Channel < 1 {
			return response{}, invalid(prefixed(i, map[string]string{"product_id": "not found, or not a channel"}))
		}
	}
	for _, row := range rows {
		if !slices.Contains(s.channels[row.Product], row.Channel) {
			s.channels[row.Product] = slices.Sorted(slices.Values(append(s.channels[row.Product], row.Channel)))
			x.tx.effects = append(x.tx.effects, Effect{Verb: Created, Kind: "channel", Product: row.Product, ID: row.Channel})
		}
	}
	return noContent(), nil
}

func unassignChannels(s *Store, x *exchange) (response, *problem) {
	l, refusal := parseListing(x.request.URL.Query(), maxPage, "product_id:in", "channel_id:in")
	if refusal != nil {
		return response{}, refusal
	}
	if len(l.filters) == 0 {
		return response{}, &problem{status: http.StatusUnprocessableEntity, title: "A filter is required to delete assignments"}
	}
	found, refusal := s.assigned(l)
	for _, a := range found {
		s.channels[a.Product] = slices.DeleteFunc(s.channels[a.Product], func(channel int64) bool { return channel == a.Channel })
		x.tx.effects = append(x.tx.effects, Effect{Verb: Deleted, Kind: "channel", Product: a.Product, ID: a.Channel})
	}
	return noContent(), refusal
}
