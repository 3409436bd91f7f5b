package publish

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tillstream/tillstream/domain"
)

// Each limit, on both of its sides.
func TestCheck(t *testing.T) {
	t.Parallel()
	family := func(variants, sizes int) *domain.Listing {
		l := &domain.Listing{Name: "Tee"}
		for i := range variants {
			l.Variants = append(l.Variants, domain.ListedVariant{
				Item: domain.ItemID(fmt.Sprint(i)), SKU: domain.SKU(fmt.Sprintf("T-%d", i)),
				Options: []domain.Option{{Name: "Size", Value: fmt.Sprint(i % sizes)}, {Name: "Colour", Value: fmt.Sprint(i / sizes)}},
			})
		}
		return l
	}
	with := func(change func(*domain.Listing)) *domain.Listing {
		l := family(2, 2)
		change(l)
		return l
	}
	name := func(l *domain.Listing, option string) {
		for i := range l.Variants {
			l.Variants[i].Options[0].Name = option
		}
	}
	tests := []struct {
		name    string
		listing *domain.Listing
		want    string
	}{
		{"OK 600 variants", family(600, 200), ""},
		{"Err 601 variants", family(601, 200), "601 variants"},
		{"OK 250 values", family(500, 250), ""},
		{"Err 251 values", family(502, 251), "more than the 250 values"},
		{"OK a name of 250 characters", &domain.Listing{Name: strings.Repeat("ö", 250)}, ""},
		{"Err a blank name", &domain.Listing{Name: " "}, "the name is blank"},
		{"OK a brand of 255 characters", with(func(l *domain.Listing) { l.Brand = strings.Repeat("ö", 255) }), ""},
		{"Err a brand of 256 characters", with(func(l *domain.Listing) { l.Brand = strings.Repeat("ö", 256) }), "the brand has 256 characters"},
		{"Err a blank brand", with(func(l *domain.Listing) { l.Brand = " " }), "the brand is blank"},
		{"OK a SKU of 255 characters", with(func(l *domain.Listing) { l.Variants[0].SKU = domain.SKU(strings.Repeat("ö", 255)) }), ""},
		{"Err a SKU of 256 characters", with(func(l *domain.Listing) { l.Variants[0].SKU = domain.SKU(strings.Repeat("ö", 256)) }), "SKU of item 0 has 256 characters"},
		{"Err a blank SKU of a variant", with(func(l *domain.Listing) { l.Variants[1].SKU = "\t" }), "SKU of item 1 is blank"},
		{"Err a blank SKU of a simple product", &domain.Listing{Name: "Tee", Variants: []domain.ListedVariant{{Item: "i", SKU: " "}}}, "SKU of item i is blank"},
		{"OK a SKU is a prefix of another", with(func(l *domain.Listing) { l.Variants[0].SKU, l.Variants[1].SKU = "T", "T-1" }), ""},
		{"Err the same SKU twice", with(func(l *domain.Listing) { l.Variants[0].SKU, l.Variants[1].SKU = "t", "T" }), "items 0 and 1 have the same SKU"},
		{"OK an option name of 255 characters", with(func(l *domain.Listing) { name(l, strings.Repeat("ö", 255)) }), ""},
		{"Err an option name of 256 characters", with(func(l *domain.Listing) { name(l, strings.Repeat("ö", 256)) }), `option of variant "T-0" has 256 characters`},
		{"Err a blank option name", with(func(l *domain.Listing) { name(l, " ") }), `option of variant "T-0" is blank`},
		{"OK a value of 255 characters", with(func(l *domain.Listing) { l.Variants[1].Options[0].Value = strings.Repeat("ö", 255) }), ""},
		{"Err a value of 256 characters", with(func(l *domain.Listing) { l.Variants[1].Options[0].Value = strings.Repeat("ö", 256) }), `option "Size" of variant "T-1" has 256 characters`},
		{"Err a blank value", with(func(l *domain.Listing) { l.Variants[1].Options[0].Value = " " }), `option "Size" of variant "T-1" is blank`},
		{"Err no options on a family", &domain.Listing{Name: "Tee", Variants: []domain.ListedVariant{{Item: "0", SKU: "A"}, {Item: "1", SKU: "B"}}}, `variant "A" has no options`},
		{"Err a name of 251 characters", &domain.Listing{Name: strings.Repeat("ö", 251)}, "251 characters"},
		{"OK what is deleted in the POS is not held to anything", &domain.Listing{Name: strings.Repeat("ö", 251), Deleted: true}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := ""
			if r := check(tt.listing); r != nil {
				got = r.Reason
			}
			if tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
				t.Errorf("reason %q, want it to contain %q", got, tt.want)
			}
		})
	}
}
