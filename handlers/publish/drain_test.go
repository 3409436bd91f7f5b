package publish

import (
	"testing"
	"time"

	"github.com/tillstream/tillstream/handlers/bigcommerce"
)

func TestDrain(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC)
	quota := bigcommerce.QuotaSnapshot{
		Quota: 150, Left: 50, Window: 30 * time.Second, ResetAt: now.Add(12 * time.Second), Concurrency: 4, Latency: 200 * time.Millisecond,
	}
	for _, c := range []struct {
		name     string
		requests int
		change   func(*bigcommerce.QuotaSnapshot)
		want     time.Duration
	}{
		{name: "nothing", requests: 0, want: 0},
		{name: "room in the window", requests: 50, want: 2500 * time.Millisecond},
		{name: "one in the next window", requests: 51, want: 12*time.Second + 50*time.Millisecond},
		{name: "the next window whole", requests: 200, want: 12*time.Second + 150*50*time.Millisecond},
		{name: "into a third", requests: 201, want: 42*time.Second + 50*time.Millisecond},
		{name: "many", requests: 50 + 6*150 + 10, want: 12*time.Second + 6*30*time.Second + 500*time.Millisecond},
		{name: "a window is over", requests: 150, change: func(q *bigcommerce.QuotaSnapshot) { q.Left, q.ResetAt = 0, now.Add(-time.Second) }, want: 7500 * time.Millisecond},
		{name: "beside others", requests: 50 + 105 + 1, change: func(q *bigcommerce.QuotaSnapshot) { q.Others = 45 }, want: 42*time.Second + 50*time.Millisecond},
		{name: "beside others who take all", requests: 50 + 75 + 1, change: func(q *bigcommerce.QuotaSnapshot) { q.Others = 150 }, want: 42*time.Second + 50*time.Millisecond},
		{name: "no faster than it answers", requests: 200, change: func(q *bigcommerce.QuotaSnapshot) { q.Latency = 4 * time.Second }, want: 42 * time.Second},
		{name: "no quota", requests: 1000, change: func(q *bigcommerce.QuotaSnapshot) {
			*q = bigcommerce.QuotaSnapshot{Latency: 20 * time.Millisecond, Concurrency: 4}
		}, want: 5 * time.Second},
		{name: "nothing known", requests: 1000, change: func(q *bigcommerce.QuotaSnapshot) { *q = bigcommerce.QuotaSnapshot{} }, want: 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			q := quota
			if c.change != nil {
				c.change(&q)
			}
			if got := drain(c.requests, q, now); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}
