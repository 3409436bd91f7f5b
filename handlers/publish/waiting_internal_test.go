package publish

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/tillstream/tillstream/domain"
)

// TestPublisher_waiting counts as many as are listed.
func TestPublisher_waiting(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		some := func(label string) []string {
			return rapid.SliceOfNDistinct(rapid.StringMatching(`[a-h]`), 0, 8, rapid.ID[string]).Draw(t, label)
		}
		p := &Publisher{agenda: newAgenda(), woken: map[domain.ProductID]ask{}, working: map[domain.ProductID]*task{}}
		for _, id := range some("waiting") {
			p.agenda.waiting[domain.ProductID(id)] = &errand{}
		}
		for _, id := range some("woken") {
			p.woken[domain.ProductID(id)] = ask{}
		}
		for _, id := range some("working") {
			p.working[domain.ProductID(id)] = &task{}
		}
		if got, want := p.waiting(), len(p.waitingProducts())+len(p.working); got != want {
			t.Fatalf("%d wait, want %d", got, want)
		}
	})
}
