package publish

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tillstream/tillstream/domain"
)

// Of two products that wait for SKUs of a third, only the one goes on whose SKU it has given
// up: the other would be refused for a SKU that is about to be free. The name of the third is
// another one when its push is at its end.
func TestPrecedence_gaveUp(t *testing.T) {
	t.Parallel()
	w := precedence{after: map[domain.ProductID]waiting{}}
	for id, skus := range map[domain.ProductID][]string{"a": {"A"}, "b": {"B"}, "ab": {"a", "B"}, "named": nil} {
		if w.wait(id, "old", skus) {
			t.Errorf("%s and the other wait for each other", id)
		}
	}
	for _, tt := range []struct {
		skus []string
		want []domain.ProductID
	}{
		{[]string{"a"}, []domain.ProductID{"a"}},
		{[]string{"C"}, nil},
		{[]string{"A", "b"}, []domain.ProductID{"ab", "b"}},
	} {
		got := w.gaveUp("old", tt.skus)
		slices.Sort(got)
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("having given up %v (-want +got):\n%s", tt.skus, diff)
		}
	}
	if got := w.done("old"); !slices.Equal(got, []domain.ProductID{"named"}) {
		t.Errorf("%v waited for the end of the push, not who waits for its name", got)
	}
}
