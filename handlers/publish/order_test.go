package publish_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
)

// outOfOrder lists the states that BigCommerce was given after newer ones: the states
// of each of its products, and the levels of each of its variants, are those of ever
// newer events.
func (t *till) outOfOrder(changes []simulator.Change) (wrong []string) {
	type level struct{ product, variant, location int64 }
	states, levels := map[int64]domain.Position{}, map[level]domain.Position{}
	for _, e := range changes {
		complain := func(format string, args ...any) {
			wrong = append(wrong, fmt.Sprintf("request %d at %s, product %d: ", e.Seq, e.At.Format(time.TimeOnly), e.Product)+fmt.Sprintf(format, args...))
		}
		switch {
		case e.Actor != "api":
		case e.Kind == "stock":
			key := level{e.Product, e.Variant, e.Location}
			quantity := int64(0)
			_ = json.Unmarshal(e.Fields[0].After, &quantity)
			at := t.since(levels[key], func(l *domain.Listing) bool { return stocks(l, e.Location, quantity) })
			if at == 0 {
				complain("stock of variant %d at %d is %d, and was that of event %d", e.Variant, e.Location, quantity, levels[key])
				continue
			}
			levels[key] = at
		case e.Kind == "product" && e.Verb != simulator.Deleted:
			written := map[string]json.RawMessage{}
			for _, c := range e.Fields {
				written[c.Name] = c.After
			}
			at := t.since(states[e.Product], func(l *domain.Listing) bool { return shows(written, l) })
			if at == 0 {
				complain("%s %s %s, and was as of event %d", written["name"], written["description"], written["is_visible"], states[e.Product])
				continue
			}
			states[e.Product] = at
		}
	}
	return wrong
}

// since is the first moment, from that of one event on, at which a product was in some
// state; 0 for none.
func (t *till) since(from domain.Position, is func(*domain.Listing) bool) domain.Position {
	then := map[domain.ProductID]*domain.Listing{}
	rest := t.shown
	for ; len(rest) > 0 && rest[0].at <= from; rest = rest[1:] {
		then[rest[0].product] = &rest[0].listing
	}
	for _, l := range then {
		if is(l) {
			return max(from, 1)
		}
	}
	for i := range rest {
		if is(&rest[i].listing) {
			return rest[i].at
		}
	}
	return 0
}

// stocks reports whether a product has so much in stock of something.
func stocks(l *domain.Listing, location, quantity int64) bool {
	return l.Deleted && quantity == 0 || slices.ContainsFunc(l.Variants, func(v domain.ListedVariant) bool {
		return slices.Contains(v.Stock, domain.LocationStock{Location: location, Quantity: quantity})
	})
}

func shows(written map[string]json.RawMessage, l *domain.Listing) bool {
	is := func(field string, value any) bool {
		want, _ := json.Marshal(value)
		return written[field] == nil || string(written[field]) == string(want)
	}
	return is("name", l.Name) && is("is_visible", offered(l)) && is("description", l.Description)
}
