package projections_test

import (
	"testing"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/projections"
)

// FuzzSnapshots opens buckets with anything in them: it is refused, or what was
// opened can be read.
func FuzzSnapshots(f *testing.F) {
	b := newBucket()
	c := open(f, b)
	fold(f, c, moving(f)...)
	flush(f, c)
	for _, e := range b.writes {
		f.Add(e.Value, []byte(`{"format":1,"position":3,"snapshots":1}`))
	}
	f.Fuzz(func(t *testing.T, snapshot, checkpoint []byte) {
		broken := newBucket(
			domain.Entry{Value: checkpoint},
			domain.Entry{Key: domain.Key{Store: "demo", ID: "p-1"}, Value: snapshot},
		)
		c, err := projections.OpenCatalog(t.Context(), broken, levels, 0)
		if err == nil {
			for _, s := range c.Products("demo", "", 10) {
				if p, err := c.Product(t.Context(), "demo", s.ID); err == nil && p.ID != s.ID {
					t.Errorf("product %q was read as %q", s.ID, p.ID)
				}
			}
		}
		if p, err := projections.OpenPublications(t.Context(), broken, log{}, nil); err == nil {
			p.Quarantines("demo")
		}
	})
}
