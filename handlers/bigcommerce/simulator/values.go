package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"unicode/utf8"
)

const maxValues = 250 // of one option

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

// valueEffect is what was done to an option's value; no label is none.
func valueEffect(verb Verb, p *Product, id int64, before, after string) Effect {
	change := FieldChange{Name: "label"}
	if before != "" {
		change.Before = mustJSON(before)
	}
	if after != "" {
		change.After = mustJSON(after)
	}
	return Effect{Verb: verb, Kind: "value", Product: p.ID, ID: id, Fields: []FieldChange{change}}
}

func readValue(s *Store, x *exchange) (response, *problem) {
	p, at, refusal := s.findOption(x)
	if refusal != nil {
		return response{}, refusal
	}
	which, refusal := x.findValue(&p.Options[at])
	if refusal != nil {
		return response{}, refusal
	}
	return ok(mustJSON(p.Options[at].Values[which])), nil
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
	p, at, refusal := s.editOption(x)
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
	made := o.Values[len(o.Values)-1]
	x.tx.effects = append(x.tx.effects, valueEffect(Created, p, made.ID, "", made.Label))
	return ok(mustJSON(made)), x.tx.put(p, nil)
}

func (x *exchange) findValue(o *Option) (int, *problem) {
	at := slices.IndexFunc(o.Values, func(v OptionValue) bool { return v.ID == x.id("id") })
	if at < 0 {
		return 0, notFound("No value with id %s found for option id %d", x.request.PathValue("id"), o.ID)
	}
	return at, nil
}

// editValue is the product that a request changes, its option, and which value of it.
func (s *Store) editValue(x *exchange) (p *Product, o *Option, which int, refusal *problem) {
	p, at, refusal := s.editOption(x)
	if refusal != nil {
		return nil, nil, 0, refusal
	}
	o = &p.Options[at]
	which, refusal = x.findValue(o)
	return p, o, which, refusal
}

// updateValue changes a value; the variants that have it keep it under its new label.
func updateValue(s *Store, x *exchange) (response, *problem) {
	p, o, which, refusal := s.editValue(x)
	if refusal != nil {
		return response{}, refusal
	}
	var body valueBody
	if refusal := x.decode(&body); refusal != nil {
		return response{}, refusal
	}
	v, before := &o.Values[which], o.Values[which].Label
	if body.SortOrder != nil {
		v.SortOrder = *body.SortOrder
	}
	if body.Label != nil {
		if refusal := checkLabel(o, *body.Label, v.ID); refusal != nil {
			return response{}, refusal
		}
		v.Label = *body.Label
		p.relabel(func(pick *VariantPick) {
			if pick.ID == v.ID {
				pick.Label = v.Label
			}
		})
	}
	x.tx.effects = append(x.tx.effects, valueEffect(Updated, p, v.ID, before, v.Label))
	return ok(mustJSON(*v)), x.tx.put(p, nil)
}

// deleteValue removes a value and the variants that have it.
func deleteValue(s *Store, x *exchange) (response, *problem) {
	p, o, which, refusal := s.editValue(x)
	if refusal != nil {
		return response{}, refusal
	}
	id, label := o.Values[which].ID, o.Values[which].Label
	o.Values = slices.Delete(o.Values, which, which+1)
	s.dropVariants(x.tx, p, func(v Variant) bool {
		return slices.ContainsFunc(v.OptionValues, func(pick VariantPick) bool { return pick.ID == id })
	})
	x.tx.effects = append(x.tx.effects, valueEffect(Deleted, p, id, label, ""))
	return noContent(), x.tx.put(p, nil)
}
