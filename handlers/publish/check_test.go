package publish

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tillstream/tillstream/domain"
)

// The limits that take too many items to be reached through a whole publisher.
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
