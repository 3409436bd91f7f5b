package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"unicode/utf8"
)

const maxValues = 250 // of one option

// optionTypes are the ways in which the shop shows an option.
var optionTypes = [...]string{"radio_buttons", "rectangles", "dropdown", "product_list", "product_list_with_images", "swatch"}

func listOptions(s *Store, x *exchange) (response, *problem) {
	l, refusal := parseListing(x.request.URL.Query(), maxPage)
	if refusal != nil {
		return response{}, refusal
	}
	p, refusal := s.find(x)
	if refusal != nil {
		return response{}, refusal
	}
	return l.reply(len(p.Options), func(i int) json.RawMessage { return mustJSON(p.Options[i]) }), nil
}

// createOption adds an option. A product without any loses its base variant by it, and whoever wants variants adds them.
func createOption(s *Store, x *exchange) (response, *problem) {
	if _, refusal := s.find(x); refusal != nil {
		return response{}, refusal
	}
	var body struct {
		DisplayName string `json:"display_name"`
		Type        string `json:"type"`
		Values      []struct {
			Label     string `json:"label"`
			SortOrder int64  `json:"sort_order"`
			IsDefault bool   `json:"is_default"`
		} `json:"option_values"`
	}
	if refusal := x.decode(&body); refusal != nil {
		return response{}, refusal
	}
	p := x.tx.edit(x.id("product"))
	if p.OptionSetID != nil {
		return response{}, &problem{status: http.StatusUnprocessableEntity, title: "The product is currently associated with an option set"}
	}
	if n := utf8.RuneCountInString(body.DisplayName); n < 1 || n > 255 {
		return response{}, invalid(map[string]string{"display_name": "want 1 to 255 characters"})
	}
	if !slices.Contains(optionTypes[:], body.Type) {
		return response{}, invalid(map[string]string{"type": "is not a type of option"})
	}
	if slices.ContainsFunc(p.Options, func(o Option) bool { return fold(o.DisplayName) == fold(body.DisplayName) }) {
		title := fmt.Sprintf("The display name %q has already been used on this product", body.DisplayName)
		return response{}, &problem{status: http.StatusUnprocessableEntity, title: title, fields: map[string]string{"display_name": title}}
	}
	o := Option{ID: next(&s.last.option), ProductID: p.ID, DisplayName: body.DisplayName, Name: body.DisplayName, Type: body.Type, SortOrder: int64(len(p.Options)), Values: []OptionValue{}}
	for _, v := range body.Values {
		if refusal := s.addValue(&o, v.Label, v.SortOrder); refusal != nil {
			return response{}, refusal
		}
	}
	if p.BaseVariantID != nil {
		p.BaseVariantID = nil
		s.dropVariants(x.tx, p, func(Variant) bool { return true })
	}
	p.Options = append(p.Options, o)
	if refusal := x.tx.put(p, nil); refusal != nil {
		return response{}, refusal
	}
	x.tx.effects = append(x.tx.effects, Effect{Verb: Created, Kind: "option", Product: p.ID})
	return ok(mustJSON(o)), nil
}

// deleteOption removes an option and the variants, which without it are no longer told apart. A product without any
// option left is a simple one again, with a new base variant.
func deleteOption(s *Store, x *exchange) (response, *problem) {
	p, at, refusal := s.findOption(x)
	if refusal != nil {
		return response{}, refusal
	}
	p.Options = slices.Delete(p.Options, at, at+1)
	s.dropVariants(x.tx, p, func(Variant) bool { return true })
	x.tx.effects = append(x.tx.effects, Effect{Verb: Deleted, Kind: "option", Product: p.ID})
	return noContent(), x.tx.put(p, nil)
}

// findOption returns a copy of the product that the path names and the index of the option in it, whose values are a
// copy too.
func (s *Store) findOption(x *exchange) (*Product, int, *problem) {
	if _, refusal := s.find(x); refusal != nil {
		return nil, 0, refusal
	}
	p := x.tx.edit(x.id("product"))
	at := p.option(x.id("option"))
	if at < 0 {
		return nil, 0, notFound("No option with id %s found for product id %d", x.request.PathValue("option"), p.ID)
	}
	p.Options[at].Values = slices.Clone(p.Options[at].Values)
	return p, at, nil
}

func listValues(s *Store, x *exchange) (response, *problem) {
	l, refusal := parseListing(x.request.URL.Query(), maxPage)
	if refusal != nil {
		return response{}, refusal
	}
	p, at, refusal := s.findOption(x)
	if refusal != nil {
		return response{}, refusal
	}
	values := p.Options[at].Values
	return l.reply(len(values), func(i int) json.RawMessage { return mustJSON(values[i]) }), nil
}

// addValue adds a value whose label the option does not have yet.
func (s *Store) addValue(o *Option, label string, sortOrder int64) *problem {
	if refusal := checkLabel(o, label, 0); refusal != nil {
		return refusal
	}
	if len(o.Values) >= maxValues {
		return &problem{status: http.StatusForbidden, title: fmt.Sprintf("An option has at most %d values", maxValues)}
	}
	o.Values = append(o.Values, OptionValue{ID: next(&s.last.value), Label: label, SortOrder: sortOrder})
	return nil
}

// checkLabel refuses a label that is empty, too long, or another value's.
func checkLabel(o *Option, label string, own int64) *problem {
	if n := utf8.RuneCountInString(label); n < 1 || n > 255 {
		return invalid(map[string]string{"label": "want 1 to 255 characters"})
	}
	if slices.ContainsFunc(o.Values, func(v OptionValue) bool { return v.ID != own && fold(v.Label) == fold(label) }) {
		title := fmt.Sprintf("The option value %q is a duplicate", label)
		return &problem{status: http.StatusConflict, title: title, fields: map[string]string{"label": title}}
	}
	return nil
}

type valueBody struct {
	Label     *string `json:"label"`
	SortOrder *int64  `json:"sort_order"`
}

func createValue(s *Store, x *exchange) (response, *problem) {
	p, at, refusal := s.findOption(x)
	if refusal != nil {
		return response{}, refusal
	}
	var body valueBody
	if refusal := x.decode(&body); refusal != nil {
		return response{}, refusal
	}
	if body.Label == nil || body.SortOrder == nil {
		return response{}, invalid(map[string]string{"label": "is required, as is sort_order"})
	}
	o := &p.Options[at]
	if refusal := s.addValue(o, *body.Label, *body.SortOrder); refusal != nil {
		return response{}, refusal
	}
	x.tx.effects = append(x.tx.effects, Effect{Verb: Created, Kind: "value", Product: p.ID})
	return ok(mustJSON(o.Values[len(o.Values)-1])), x.tx.put(p, nil)
}

func (x *exchange) findValue(o *Option) (int, *problem) {
	at := slices.IndexFunc(o.Values, func(v OptionValue) bool { return v.ID == x.id("id") })
	if at < 0 {
		return 0, notFound("No value with id %s found for option id %d", x.request.PathValue("id"), o.ID)
	}
	return at, nil
}

// updateValue changes a value; the variants that have it keep it under its new label.
func updateValue(s *Store, x *exchange) (response, *problem) {
	p, at, refusal := s.findOption(x)
	if refusal != nil {
		return response{}, refusal
	}
	o := &p.Options[at]
	which, refusal := x.findValue(o)
	if refusal != nil {
		return response{}, refusal
	}
	var body valueBody
	if refusal := x.decode(&body); refusal != nil {
		return response{}, refusal
	}
	v := &o.Values[which]
	if body.SortOrder != nil {
		v.SortOrder = *body.SortOrder
	}
	if body.Label != nil {
		if refusal := checkLabel(o, *body.Label, v.ID); refusal != nil {
			return response{}, refusal
		}
		v.Label = *body.Label
		for i := range p.Variants {
			picks := slices.Clone(p.Variants[i].OptionValues)
			for j := range picks {
				if picks[j].ID == v.ID {
					picks[j].Label = v.Label
				}
			}
			p.Variants[i].OptionValues = picks
		}
	}
	x.tx.effects = append(x.tx.effects, Effect{Verb: Updated, Kind: "value", Product: p.ID})
	return ok(mustJSON(*v)), x.tx.put(p, nil)
}

// deleteValue removes a value and the variants that have it.
func deleteValue(s *Store, x *exchange) (response, *problem) {
	p, at, refusal := s.findOption(x)
	if refusal != nil {
		return response{}, refusal
	}
	o := &p.Options[at]
	which, refusal := x.findValue(o)
	if refusal != nil {
		return response{}, refusal
	}
	id := o.Values[which].ID
	o.Values = slices.Delete(o.Values, which, which+1)
	s.dropVariants(x.tx, p, func(v Variant) bool {
		return slices.ContainsFunc(v.OptionValues, func(pick VariantPick) bool { return pick.ID == id })
	})
	x.tx.effects = append(x.tx.effects, Effect{Verb: Deleted, Kind: "value", Product: p.ID})
	return noContent(), x.tx.put(p, nil)
}
