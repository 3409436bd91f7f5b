package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"
)

// bornVariants gives a new product the variants and options that its POST spells out by their labels.
func (s *Store) bornVariants(p *Product, raw json.RawMessage) *problem {
	var rows []fields
	if json.Unmarshal(raw, &rows) != nil {
		return invalid(map[string]string{"variants": "error.expected.jsarray"})
	}
	if len(rows) > maxSKUs {
		return &problem{status: http.StatusForbidden, title: fmt.Sprintf("A product has at most %d SKUs", maxSKUs)}
	}
	for i, row := range rows {
		v, refusal := s.newVariant(row)
		if refusal != nil {
			refusal.fields = prefixed(i, refusal.fields)
			return refusal
		}
		var picks []VariantPick
		if json.Unmarshal(row["option_values"], &picks) != nil || len(picks) == 0 {
			return invalid(map[string]string{fmt.Sprintf("variants.%d.option_values", i): "error.path.missing"})
		}
		for _, pick := range picks {
			resolved, refusal := s.bornPick(p, pick)
			if refusal != nil {
				return refusal
			}
			v.OptionValues = append(v.OptionValues, resolved)
		}
		if refusal := addVariant(p, v); refusal != nil {
			return refusal
		}
	}
	return nil
}

// bornPick finds or makes the option and the value that a pick names.
func (s *Store) bornPick(p *Product, pick VariantPick) (VariantPick, *problem) {
	if n := utf8.RuneCountInString(pick.Option); n == 0 || n > 255 || pick.Label == "" {
		return pick, invalid(map[string]string{"option_values": "want an option_display_name of 1 to 255 characters and a label"})
	}
	at := slices.IndexFunc(p.Options, func(o Option) bool { return fold(o.DisplayName) == fold(pick.Option) })
	if at < 0 {
		p.Options = append(p.Options, Option{ID: next(&s.last.option), DisplayName: pick.Option, Name: pick.Option, Type: "rectangles", SortOrder: int64(len(p.Options))})
		at = len(p.Options) - 1
	}
	o := &p.Options[at]
	value := slices.IndexFunc(o.Values, func(v OptionValue) bool { return fold(v.Label) == fold(pick.Label) })
	if value < 0 {
		if len(o.Values) >= maxValues {
			return pick, &problem{status: http.StatusForbidden, title: fmt.Sprintf("An option has at most %d values", maxValues)}
		}
		o.Values = append(slices.Clone(o.Values), OptionValue{ID: next(&s.last.value), Label: pick.Label, SortOrder: int64(len(o.Values))})
		value = len(o.Values) - 1
	}
	return VariantPick{ID: o.Values[value].ID, Label: o.Values[value].Label, OptionID: o.ID, Option: o.DisplayName}, nil
}

// newVariant makes a variant of what can be written to any, and its SKU.
func (s *Store) newVariant(row fields) (Variant, *problem) {
	v := Variant{OptionValues: []VariantPick{}}
	if _, wrong := s.variant.apply(&v, row); wrong != nil {
		return v, invalid(wrong)
	}
	var refusal *problem
	v.SKU, refusal = nonEmptySKU(row["sku"])
	return v, refusal
}

func nonEmptySKU(raw json.RawMessage) (string, *problem) {
	var sku string
	if raw != nil && json.Unmarshal(raw, &sku) != nil || utf8.RuneCountInString(sku) > 255 {
		return "", invalid(map[string]string{"sku": "error.expected.jsstring"})
	}
	if strings.TrimSpace(sku) == "" {
		title := "Variant sku cannot be empty"
		return "", &problem{status: http.StatusUnprocessableEntity, code: codeEmptySKU, title: title, fields: map[string]string{"sku": title}}
	}
	return sku, nil
}

// addVariant adds v unless it is not one value of each option, or another variant has the same values.
func addVariant(p *Product, v Variant) *problem {
	same := func(a, b []VariantPick) bool {
		return len(a) == len(b) && !slices.ContainsFunc(a, func(pick VariantPick) bool {
			return !slices.ContainsFunc(b, func(other VariantPick) bool { return other.ID == pick.ID })
		})
	}
	for i := range p.Variants {
		if same(p.Variants[i].OptionValues, v.OptionValues) {
			title := "Variant with the same option values set exists"
			return &problem{status: http.StatusConflict, code: codeSameOptions, title: title, fields: map[string]string{"option_values": title}}
		}
	}
	if len(p.Variants) >= maxSKUs {
		return &problem{status: http.StatusForbidden, title: fmt.Sprintf("A product has at most %d SKUs", maxSKUs)}
	}
	p.Variants = append(p.Variants, v)
	return nil
}

// extend adds a variant whose values are named by their ids to a product that exists.
func (s *Store) extend(t *tx, p *Product, row fields) (Variant, *problem) {
	v, refusal := s.newVariant(row)
	if refusal != nil {
		return v, refusal
	}
	var picks []VariantPick
	if json.Unmarshal(row["option_values"], &picks) != nil || len(picks) != len(p.Options) || len(picks) == 0 {
		return v, invalid(map[string]string{"option_values": fmt.Sprintf("want one value of each of the product's %d options", len(p.Options))})
	}
	for _, pick := range picks {
		at := p.option(pick.OptionID)
		if at < 0 {
			return v, invalid(map[string]string{"option_values": fmt.Sprintf("option %d is not the product's", pick.OptionID)})
		}
		o := p.Options[at]
		value := slices.IndexFunc(o.Values, func(v OptionValue) bool { return v.ID == pick.ID })
		if value < 0 || slices.ContainsFunc(v.OptionValues, func(other VariantPick) bool { return other.OptionID == o.ID }) {
			return v, invalid(map[string]string{"option_values": fmt.Sprintf("value %d is not one of option %d, or not the only one", pick.ID, o.ID)})
		}
		v.OptionValues = append(v.OptionValues, VariantPick{ID: pick.ID, Label: o.Values[value].Label, OptionID: o.ID, Option: o.DisplayName})
	}
	if refusal := addVariant(p, v); refusal != nil {
		return v, refusal
	}
	s.number(p)
	if refusal := t.put(p, nil); refusal != nil {
		return v, refusal
	}
	made := p.Variants[len(p.Variants)-1]
	t.effects = append(t.effects, variantEffect(Created, &made, changes(s.variant, (*Variant)(nil), &made, append(s.variant.keys(), "sku"))))
	return made, nil
}
