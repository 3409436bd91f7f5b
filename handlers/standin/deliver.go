package standin

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Clock is what time a stand-in goes by.
type Clock struct {
	Now   func() time.Time
	After func(time.Duration) <-chan time.Time
}

// mostCalls bounds how many receivers are called at a time.
const mostCalls = 32

// Deliver makes calls as they become due, some at a time, until ctx ends, and returns when none is in progress any more.
// next returns a call to make now, or nil and when to look again, at the latest when changed yields; the zero time is
// never. A call has to end by itself.
func Deliver(ctx context.Context, clock Clock, changed <-chan struct{}, next func() (call func(context.Context), later time.Time)) {
	var calling sync.WaitGroup
	defer calling.Wait()
	slots := make(chan struct{}, mostCalls)
	for ctx.Err() == nil {
		call, later := next()
		if call != nil {
			slots <- struct{}{}
			calling.Go(func() {
				defer func() { <-slots }()
				call(ctx)
			})
			continue
		}
		var timer <-chan time.Time
		if !later.IsZero() {
			timer = clock.After(later.Sub(clock.Now()))
		}
		select {
		case <-ctx.Done():
		case <-timer:
		case <-changed:
		}
	}
}

// ErrTimeout is the end of a call that took too long.
var ErrTimeout = errors.New("no answer in time")

// Within makes a call that ends after a time of the clock, with [ErrTimeout] if it fails then. Its status is what the
// receiver answered.
func (c Clock) Within(ctx context.Context, most time.Duration, call func(context.Context) (status int, err error)) (int, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type outcome struct {
		status int
		err    error
	}
	done := make(chan outcome, 1)
	go func() {
		status, err := call(ctx)
		done <- outcome{status, err}
	}()
	select {
	case end := <-done:
		return end.status, end.err
	case <-c.After(most):
	}
	cancel()
	end := <-done
	if end.err != nil {
		end.err = ErrTimeout
	}
	return end.status, end.err
}
