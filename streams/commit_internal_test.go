package streams

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
)

// runAlone runs a subtest that has a clock of its own.
func runAlone(t *testing.T, name string, test func(t *testing.T)) {
	t.Run(name, func(t *testing.T) { synctest.Test(t, test) })
}

// TestLog_take: bulk lets others pass, shares no commit with them, keeps its order,
// is left out of no two commits in a row, and comes in small commits while others come.
func TestLog_take(t *testing.T) {
	t.Parallel()
	n := 0
	some := func(groups, events int) (out []*group) {
		for range groups {
			g := &group{}
			for range events {
				n++
				g.entries = append(g.entries, &entry{id: fmt.Sprint(n), msg: &nats.Msg{}})
			}
			out = append(out, g)
		}
		return out
	}
	const most, bulks = maxBatch / 10, maxBulk / 10 // groups of a commit
	for name, tt := range map[string]struct {
		urgent, bulk int           // groups of ten
		each         time.Duration // what a commit takes
		want         []string      // urgent and bulk groups of each commit
	}{
		"nothing":                    {0, 0, 0, nil},
		"urgent only":                {3, 0, 0, []string{"3 0"}},
		"bulk only":                  {0, bulks + 1, 0, []string{"0 50", "0 1"}},
		"urgent goes by itself":      {3, 15, 0, []string{"3 0", "0 10", "0 5"}},
		"bulk is never left twice":   {2*most + 5, 15, 0, []string{"100 0", "0 10", "100 0", "0 5", "5 0"}},
		"bulk when no more has come": {3, bulks + 21, between / 2, []string{"3 0", "0 10", "0 10", "0 50", "0 1"}},
		"bulk when commits are slow": {most + 5, bulks + 11, between, []string{"100 0", "0 10", "5 0", "0 10", "0 41"}},
	} {
		runAlone(t, name, func(t *testing.T) {
			urgent, bulk := some(tt.urgent, 10), some(tt.bulk, 10)
			l := &Log{queue: slices.Clone(urgent), bulk: slices.Clone(bulk), running: true}
			var got []string
			var order []*group
			for groups := l.take(); len(groups) > 0; groups = l.take() {
				u := 0
				for _, g := range groups {
					if slices.Contains(urgent, g) {
						u++
					}
				}
				got = append(got, fmt.Sprintf("%d %d", u, len(groups)-u))
				order = append(order, groups...)
				time.Sleep(tt.each)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("commits of %q, want %q", got, tt.want)
			}
			for _, queue := range [][]*group{urgent, bulk} {
				in := slices.DeleteFunc(slices.Clone(order), func(g *group) bool { return !slices.Contains(queue, g) })
				if !slices.Equal(in, queue) {
					t.Error("the order of a queue was not kept")
				}
			}
			if l.running || l.queue != nil || l.bulk != nil {
				t.Errorf("at the end: %+v", l)
			}
		})
	}
}
