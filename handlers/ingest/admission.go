package ingest

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/tillstream/tillstream/handlers/problem"
	"github.com/tillstream/tillstream/streams"
)

// How much is taken in at a time, whoever sends it. What is too much is told to come
// back, so that memory does not grow with what is offered.
const (
	MostRequests = 256       // of events
	MostImports  = 8         // each has a row's place in memory for every row of its file
	MostWaiting  = 128 << 20 // bytes of events on their way into the log, of all requests together
	// MostQueued is how many events are on their way at a time, but for those of files,
	// which let them pass: less than a second's worth. What is more waits where it is, and
	// not for an answer.
	MostQueued = 8 * streams.MaxGroup
)

// comeBack is when a request that found no place may find one. The answer to an event
// takes milliseconds.
const comeBack = time.Second

// places are for requests of one kind.
type places struct {
	free *semaphore.Weighted
	most int64
	kind string // for people
}

func newPlaces(most int64, kind string) places {
	return places{semaphore.NewWeighted(most), most, kind}
}

// take serves a request that finds a place, and tells any other to come back.
func (p places) take(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !p.free.TryAcquire(1) {
			problem.Write(w, problem.Newf(http.StatusServiceUnavailable, "%d requests with %s are being taken in, which is as many as may be at a time", p.most, p.kind).
				WithHint("send it again later, and several events in one request").After(comeBack))
			return
		}
		defer p.free.Release(1)
		next(w, r)
	}
}

// share is what one request has of something that all requests have together; of
// nothing, where there is no bound.
type share struct {
	of   *semaphore.Weighted
	held atomic.Int64
}

func (s *share) acquire(ctx context.Context, n int64) error {
	if s.of == nil {
		return nil
	}
	if err := s.of.Acquire(ctx, n); err != nil {
		return err
	}
	s.held.Add(n)
	return nil
}

func (s *share) release(n int64) {
	if s.of == nil {
		return
	}
	s.of.Release(n)
	s.held.Add(-n)
}

// giveBack releases what is left of the share when its request ends, wherever it was.
func (s *share) giveBack() { s.release(s.held.Load()) }

// plain refuses a body that is encoded, such as by gzip: a small one could become a
// huge one.
func plain(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if refusal := encoded(r); refusal != nil {
			problem.Write(w, refusal)
			return
		}
		next(w, r)
	}
}

// encoded is why a body is not taken, or nil.
func encoded(r *http.Request) *problem.Details {
	encoding := r.Header.Get("Content-Encoding")
	if encoding == "" || encoding == "identity" {
		return nil
	}
	return problem.Newf(http.StatusUnsupportedMediaType, "a body in %q is not taken", problem.Shown(encoding)).WithHint("send it as it is")
}
