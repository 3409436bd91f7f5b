package console

import (
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/tillstream/tillstream/handlers/problem"
)

// rates keep what single tokens ask within so many requests a second. The zero value
// has no bound.
type rates struct {
	most int

	mu  sync.Mutex
	all map[string]*rate.Limiter // by a token's id: there are as many as tokens were made
}

// take is nil when a token may ask once more, and otherwise says when it may.
func (r *rates) take(id string, now time.Time) *problem.Details {
	if r.most <= 0 {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	limiter := r.all[id]
	if limiter == nil {
		if r.all == nil {
			r.all = map[string]*rate.Limiter{}
		}
		limiter = rate.NewLimiter(rate.Limit(r.most), r.most)
		r.all[id] = limiter
	}
	asked := limiter.ReserveN(now, 1)
	wait := asked.DelayFrom(now)
	if wait == 0 {
		return nil
	}
	asked.CancelAt(now)
	return problem.Newf(http.StatusTooManyRequests, "the token has sent more than %d requests a second", r.most).
		WithHint("send several events in one request").After(wait)
}
