package publish

import (
	"fmt"
	"strings"
	"sync"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce"
)

// headway is the stock that BigCommerce has taken of products whose push is not
// confirmed yet. It keeps lane and rounds from sending the same stock twice. It is
// lost with the process, and then that stock is sent once more.
type headway struct {
	mu    sync.Mutex
	taken map[domain.ProductID]taken
}

type taken struct {
	state  domain.Position
	levels string
}

func newHeadway() *headway { return &headway{taken: map[domain.ProductID]taken{}} }

// note says that BigCommerce has taken all stock of a product, as of a state.
func (h *headway) note(d *Desired, state domain.Position) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.taken[d.Product] = taken{state, d.stockKey()}
}

// doubt says that a stock request of a product is under way, so that what was taken
// before is no longer sure to be the last.
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

// has reports whether the stock of a product, as it is to be, was taken last.
func (h *headway) has(d *Desired) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	t, ok := h.taken[d.Product]
	return ok && t.levels == d.stockKey()
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
