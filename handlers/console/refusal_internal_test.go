package console

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce"
	"github.com/tillstream/tillstream/handlers/problem"
)

// What BigCommerce keeps from being answered is not blamed on the log.
func TestAsRefusal(t *testing.T) {
	t.Parallel()
	slow := &bigcommerce.Error{Op: "list products", Verdict: bigcommerce.Ambiguous, Cause: context.DeadlineExceeded}
	for name, tt := range map[string]struct {
		err  error
		want int
		says string
	}{
		"ErrSlow":      {fmt.Errorf("read what BigCommerce has in stock: %w", slow), http.StatusBadGateway, "BigCommerce has in stock"},
		"ErrMissing":   {fmt.Errorf("link: BigCommerce has no product 7: %w", domain.ErrNotFound), http.StatusNotFound, "no product 7"},
		"ErrOther":     {fmt.Errorf("link: BigCommerce product 7 is linked to product b"), http.StatusConflict, "linked to product b"},
		"ErrOfThe log": {fmt.Errorf("append: %w", context.DeadlineExceeded), http.StatusServiceUnavailable, "the log did not answer"},
	} {
		if d := problem.From(asRefusal(tt.err)); d.Status != tt.want || !strings.Contains(d.Detail, tt.says) {
			t.Errorf("%s: %d %q, want %d with %q", name, d.Status, d.Detail, tt.want, tt.says)
		}
	}
}
