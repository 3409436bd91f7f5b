package streams

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// A handler returns a verdict as an error. No error is success. [Permanent] says
// that no repetition can help. [RetryAfter] says when a repetition makes sense.
// Any other error is tried again on a schedule of its own.

type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }

// Permanent marks an error that no repetition can mend: the message becomes a dead
// letter of the kind [Failed]. A nil error stays nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanentError{err}
}

// IsPermanent reports whether err, or what it wraps, was marked by [Permanent].
func IsPermanent(err error) bool {
	var p *permanentError
	return errors.As(err, &p)
}

type retryAfterError struct {
	err   error
	delay time.Duration
}

func (e *retryAfterError) Error() string { return fmt.Sprintf("%v (again in %s)", e.err, e.delay) }
func (e *retryAfterError) Unwrap() error { return e.err }

// RetryAfter marks an error after which the next attempt makes sense in d and no
// sooner. A nil error stays nil.
func RetryAfter(err error, d time.Duration) error {
	if err == nil {
		return nil
	}
	return &retryAfterError{err, max(d, 0)}
}

// The schedule for errors that do not name one: doubling from a quarter of a second
// to half a minute, each with up to a quarter more at random, so that many waiters
// do not come back at once.
const (
	firstRetry = 250 * time.Millisecond
	lastRetry  = 30 * time.Second
)

// retryDelay is the wait after the given attempt, the first being 0, failed.
func retryDelay(err error, attempt int) time.Duration {
	var after *retryAfterError
	if errors.As(err, &after) {
		return after.delay
	}
	var unavailable *UnavailableError
	if errors.As(err, &unavailable) && unavailable.RetryAfter > 0 {
		return unavailable.RetryAfter
	}
	d := min(firstRetry<<min(attempt, 10), lastRetry)
	return d + rand.N(d/4)
}

// wait sleeps, or returns the context's error when that ends first.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
