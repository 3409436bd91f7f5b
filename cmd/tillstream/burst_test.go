package main

import (
	"maps"
	"testing"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/console"
)

func TestBurst(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)
	at := func(seconds int, product, event string) console.OutcomeLine {
		return console.OutcomeLine{At: start.Add(time.Duration(seconds) * time.Second), Product: domain.ProductID(product), Event: event}
	}
	for name, tt := range map[string]struct {
		outcomes []console.OutcomeLine
		want     []map[string]int
	}{
		"OK a product counts once": {[]console.OutcomeLine{
			at(0, "a", "linked"), at(1, "a", "updated"), at(2, "a", "updated"), at(2, "b", "created"), at(3, "b", "updated"), at(4, "c", "updated"), at(4, "c", "unlinked"),
		}, []map[string]int{{"updated": 1, "created": 1, "unlinked": 1}}},
		"OK a refusal is an error until it goes well": {[]console.OutcomeLine{
			at(0, "a", "refused"), at(0, "b", "refused"), at(1, "b", "updated"), at(2, "c", "created"), at(2, "c", "refused"), at(2, "b", "image_refused"),
		}, []map[string]int{{"refused": 2, "updated": 1}}},
		"OK what no channel offers is pushed all the same": {[]console.OutcomeLine{
			at(0, "a", "created"), at(0, "a", "unoffered"), at(1, "a", "updated"), at(2, "b", "updated"), at(2, "b", "offered"),
		}, []map[string]int{{"created": 1, "updated": 1}}},
		"OK silence ends it":  {[]console.OutcomeLine{at(0, "a", "updated"), at(5, "b", "updated"), at(11, "c", "updated")}, []map[string]int{{"updated": 2}, {"updated": 1}}},
		"OK and so does time": {[]console.OutcomeLine{at(0, "a", "updated"), at(5, "a", "updated"), at(10, "a", "updated"), at(15, "a", "updated"), at(20, "a", "updated"), at(25, "a", "updated"), at(30, "a", "updated"), at(31, "a", "updated")}, []map[string]int{{"updated": 1}, {"updated": 1}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []map[string]int
			var now *burst
			for i := range tt.outcomes {
				if !now.continues(&tt.outcomes[i], 5*time.Second) {
					got, now = append(got, now.counts()), nil
				}
				now = now.with(&tt.outcomes[i])
			}
			got = append(got, now.counts())
			if len(got) != len(tt.want) {
				t.Fatalf("bursts %v, want %v", got, tt.want)
			}
			for i := range got {
				if !maps.Equal(got[i], tt.want[i]) {
					t.Errorf("burst %d counts %v, want %v", i, got[i], tt.want[i])
				}
			}
		})
	}
}
