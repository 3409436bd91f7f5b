package simulator

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
)

// channelKey is a product offered in a sales channel.
type channelKey struct{ product, channel int64 }

type assignment struct {
	Product int64 `json:"product_id"`
	Channel int64 `json:"channel_id"`
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
	return l.reply(len(found), func(i int) json.RawMessage { return mustJSON(assignment{found[i].product, found[i].channel}) }), nil
}

// assigned returns the assignments that pass the filters, in order.
func (s *Store) assigned(l listing) ([]channelKey, *problem) {
	found := slices.SortedFunc(maps.Keys(s.channels), func(a, b channelKey) int {
		return cmp.Or(cmp.Compare(a.product, b.product), cmp.Compare(a.channel, b.channel))
	})
	for name, values := range l.filters {
		wanted, refusal := ids(name, values[0])
		if refusal != nil {
			return nil, refusal
		}
		found = slices.DeleteFunc(found, func(k channelKey) bool {
			if name == "product_id:in" {
				return !slices.Contains(wanted, k.product)
			}
			return !slices.Contains(wanted, k.channel)
		})
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
		key := channelKey{row.Product, row.Channel}
		if !s.channels[key] {
			s.channels[key] = true
			x.tx.effects = append(x.tx.effects, Effect{Verb: Created, Kind: "channel", Product: row.Product})
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
	for _, key := range found {
		delete(s.channels, key)
		x.tx.effects = append(x.tx.effects, Effect{Verb: Deleted, Kind: "channel", Product: key.product})
	}
	return noContent(), refusal
}
