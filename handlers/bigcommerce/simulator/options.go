package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"unicode/utf8"
)

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
	if refusal := p.lockedOptions(); refusal != nil {
		return response{}, refusal
	}
	if n := utf8.RuneCountInString(body.DisplayName); n < 1 || n > 255 {
		return response{}, invalid(map[string]string{"display_name": "want 1 to 255 characters"})
	}
	if !slices.Contains(optionTypes[:], body.Type) {
		return response{}, invalid(map[string]string{"type": "is not a type of option"})
	}
	if slices.ContainsFunc(p.Options, func(o Option) bool { return fold(o.DisplayName) == fold(body.DisplayName) }) {
		return response{}, sameName(body.DisplayName)
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
	x.tx.effects = append(x.tx.effects, Effect{Verb: Created, Kind: "option", Product: p.ID, ID: o.ID, Fields: []FieldChange{{Name: "display_name", After: mustJSON(o.DisplayName)}}})
	return ok(mustJSON(o)), nil
}

// lockedOptions refuses to change the options of a product that still has an option set of the old API.
func (p *Product) lockedOptions() *problem {
	if p.OptionSetID == nil {
		return nil
	}
	return &problem{status: http.StatusUnprocessableEntity, title: "The product is currently associated with an option set"}
}

func sameName(name string) *problem {
	title := fmt.Sprintf("The display name %q has already been used on this product", name)
	return &problem{status: http.StatusUnprocessableEntity, title: title, fields: map[string]string{"display_name": title}}
}

func readOption(s *Store, x *exchange) (response, *problem) {
	p, at, refusal := s.findOption(x)
	if refusal != nil {
		return response{}, refusal
	}
	return ok(mustJSON(p.Options[at])), nil
}

// updateOption renames an option or moves it; the variants keep their values. With option values it was seen to fail at
// BigCommerce, so that it does here: they have calls of their own.
func updateOption(s *Store, x *exchange) (response, *problem) {
	p, at, refusal := s.editOption(x)
	if refusal != nil {
		return response{}, refusal
	}
	var body struct {
		DisplayName *string         `json:"display_name"`
		Type        *string         `json:"type"`
		SortOrder   *int64          `json:"sort_order"`
		Values      json.RawMessage `json:"option_values"`
	}
	if refusal := x.decode(&body); refusal != nil {
		return response{}, refusal
	}
	o, before := &p.Options[at], p.Options[at].DisplayName
	switch {
	case body.Values != nil:
		return response{}, invalid(map[string]string{"option_values": "Missed Required field shared_option_id"})
	case body.Type != nil && !slices.Contains(optionTypes[:], *body.Type):
		return response{}, invalid(map[string]string{"type": "is not a type of option"})
	case body.DisplayName != nil && (*body.DisplayName == "" || utf8.RuneCountInString(*body.DisplayName) > 255):
		return response{}, invalid(map[string]string{"display_name": "want 1 to 255 characters"})
	case body.DisplayName != nil && slices.ContainsFunc(p.Options, func(other Option) bool { return other.ID != o.ID && fold(other.DisplayName) == fold(*body.DisplayName) }):
		return response{}, sameName(*body.DisplayName)
	}
	if body.DisplayName != nil {
		o.DisplayName, o.Name = *body.DisplayName, *body.DisplayName
		p.relabel(func(pick *VariantPick) {
			if pick.OptionID == o.ID {
				pick.Option = o.DisplayName
			}
		})
	}
	if body.Type != nil {
		o.Type = *body.Type
	}
	if body.SortOrder != nil {
		o.SortOrder = *body.SortOrder
	}
	x.tx.effects = append(x.tx.effects, Effect{Verb: Updated, Kind: "option", Product: p.ID, ID: o.ID, Fields: []FieldChange{{Name: "display_name", Before: mustJSON(before), After: mustJSON(o.DisplayName)}}})
	return ok(mustJSON(*o)), x.tx.put(p, nil)
}

// relabel changes what the variants of a copy say of their option values.
func (p *Product) relabel(change func(*VariantPick)) {
	for i := range p.Variants {
		picks := slices.Clone(p.Variants[i].OptionValues)
		for j := range picks {
			change(&picks[j])
		}
		p.Variants[i].OptionValues = picks
	}
}

// deleteOption removes an option and the variants, which without it are no longer told apart. A product without any
// option left is a simple one again, with a new base variant.
func deleteOption(s *Store, x *exchange) (response, *problem) {
	p, at, refusal := s.editOption(x)
	if refusal != nil {
		return response{}, refusal
	}
	id := p.Options[at].ID
	p.Options = slices.Delete(p.Options, at, at+1)
	s.dropVariants(x.tx, p, func(Variant) bool { return true })
	x.tx.effects = append(x.tx.effects, Effect{Verb: Deleted, Kind: "option", Product: p.ID, ID: id})
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

// editOption is findOption for a change, which an option set forbids.
func (s *Store) editOption(x *exchange) (*Product, int, *problem) {
	p, at, refusal := s.findOption(x)
	if refusal == nil {
		refusal = p.lockedOptions()
	}
	return p, at, refusal
}
