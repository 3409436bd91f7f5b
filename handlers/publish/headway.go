package publish

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce"
)

// fresh is how long stock that went ahead counts as part of the push that follows.
// Later somebody may have changed it in BigCommerce.
const fresh = time.Minute

// headway is the stock that BigCommerce has taken of products whose push is not
// confirmed yet. It keeps lane and rounds from sending the same stock twice. It is
// lost with the process, and then that stock is sent once more.
type headway struct {
	now func() time.Time

	mu    sync.Mutex
	taken map[domain.ProductID]taken
}

type taken struct {
	state  domain.Position
	levels string
	at     time.Time
}

func newHeadway(now func() time.Time) *headway {
	return &headway{now: now, taken: map[domain.ProductID]taken{}}
}

// note says that BigCommerce has taken all stock of a product, as of a state.
func (h *headway) note(d *Desired, state domain.Position) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.taken[d.Product] = taken{state, d.stockKey(), h.now()}
}

// doubt forgets what was taken of a product: a stock request of it is under way, or
// its push has failed, so that it is no longer sure to be what BigCommerce has.
func (h *headway) doubt(id domain.ProductID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.taken, id)
}

// state is the newest one of which all stock was taken; 0 for none.
func (h *headway) state(id domain.ProductID) domain.Position {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.taken[id].state
}

// has reports whether the stock of a product, as it is to be, was taken last, and
// just now.
func (h *headway) has(d *Desired) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	t, ok := h.taken[d.Product]
	return ok && h.now().Sub(t.at) < fresh && t.levels == d.stockKey()
}

// confirmed forgets what is in a push that is confirmed.
func (h *headway) confirmed(id domain.ProductID, state domain.Position) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.taken[id].state <= state {
		delete(h.taken, id)
	}
}

// stockLevels are all levels of a product.
func (d *Desired) stockLevels() []bigcommerce.StockLevel {
	var out []bigcommerce.StockLevel
	for _, row := range stockRows(d) {
		if level, known := d.stockLevel(row.Item, row.Location); known {
			out = append(out, level)
		}
	}
	return out
}

// stockKey is the same for the same levels of the same twin.
func (d *Desired) stockKey() string {
	var b strings.Builder
	for _, s := range d.stockLevels() {
		fmt.Fprintf(&b, "%d/%d/%d=%d ", s.Location, s.Product, s.Variant, s.Quantity)
	}
	return b.String()
}
