package streams_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tillstream/tillstream/streams"
	"github.com/tillstream/tillstream/streams/streamstest"
)

const testTTL = 300 * time.Millisecond

func acquire(t *testing.T, c *streams.Conn, cfg streams.LeaseConfig) *streams.Lease {
	t.Helper()
	if cfg.TTL == 0 {
		cfg.TTL = testTTL
	}
	l, err := c.Acquire(t.Context(), "publish", cfg)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// renewals waits until a lease was written n times more.
func renewals(t *testing.T, c *streams.Conn, n int) error {
	last := uint64(0)
	for {
		e, err := c.Control().Get(t.Context(), streams.SystemKey("lease-publish"))
		if err != nil || n < 0 {
			return err
		}
		if e.Revision != last {
			last = e.Revision
			n--
		}
	}
}

func TestLease(t *testing.T) {
	t.Parallel()
	t.Run("OK one at a time", func(t *testing.T) {
		t.Parallel()
		c := streamstest.Start(t)
		var owners atomic.Int32
		done := make(chan error)
		for range 4 {
			go func() {
				l, err := c.Acquire(t.Context(), "publish", streams.LeaseConfig{TTL: testTTL})
				if err != nil {
					done <- err
					return
				}
				n := owners.Add(1)
				err = renewals(t, c, 3)
				if n != 1 {
					err = errors.New("two owners at once")
				}
				if l.Context().Err() != nil {
					err = errors.New("lost while renewing")
				}
				owners.Add(-1)
				done <- errors.Join(err, l.Release(t.Context()), l.Release(t.Context()))
			}()
		}
		for range 4 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	})
	t.Run("OK after a silent owner", func(t *testing.T) {
		t.Parallel()
		c := streamstest.Start(t)
		mute := streamstest.Connect(t, streams.Config{URL: c.ClientURL(), User: "app", Password: password(t, c, "app")})
		const ttl = time.Second // a tenth of it is the margin that is tested
		first := acquire(t, mute, streams.LeaseConfig{Holder: "first", TTL: ttl})
		mute.NATS().Close() // as if its network were gone
		second := acquire(t, c, streams.LeaseConfig{Holder: "second", TTL: ttl})
		if first.Context().Err() == nil || !errors.Is(context.Cause(first.Context()), streams.ErrLeaseLost) {
			t.Errorf("the first owner's context says %v when the second begins, want a lost lease", context.Cause(first.Context()))
		}
		if err := first.Release(t.Context()); err != nil {
			t.Error(err)
		}
		if second.Context().Err() != nil {
			t.Error("the second owner lost its lease to the first one's release")
		}
		if err := second.Release(t.Context()); err != nil {
			t.Error(err)
		}
	})
	t.Run("OK all of a silent owner", func(t *testing.T) {
		t.Parallel()
		c := streamstest.Start(t)
		mute := streamstest.Connect(t, streams.Config{URL: c.ClientURL(), User: "app", Password: password(t, c, "app")})
		cfg := streams.LeaseConfig{TTL: time.Second}
		if _, err := mute.AcquireAll(t.Context(), cfg, "project", "publish"); err != nil {
			t.Fatal(err)
		}
		mute.NATS().Close() // as if its network were gone
		start := time.Now()
		leases, err := c.AcquireAll(t.Context(), cfg, "project", "publish")
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took >= 2*cfg.TTL {
			t.Errorf("following an owner of two leases took %s, want less than one TTL for each", took)
		}
		for _, l := range slices.Backward(leases) { // each ends with those before it
			if err := errors.Join(l.Context().Err(), l.Release(t.Context())); err != nil {
				t.Error(err)
			}
		}
	})
	t.Run("OK takeover", func(t *testing.T) {
		t.Parallel()
		c := streamstest.Start(t)
		first := acquire(t, c, streams.LeaseConfig{TTL: time.Minute})
		second := acquire(t, c, streams.LeaseConfig{TTL: time.Minute, Takeover: true})
		if err := errors.Join(first.Release(t.Context()), second.Release(t.Context())); err != nil {
			t.Error(err)
		}
	})
	t.Run("OK lost to another", func(t *testing.T) {
		t.Parallel()
		c := streamstest.Start(t)
		first := acquire(t, c, streams.LeaseConfig{})
		second := acquire(t, c, streams.LeaseConfig{Takeover: true})
		<-first.Context().Done()
		if !errors.Is(context.Cause(first.Context()), streams.ErrLeaseLost) {
			t.Errorf("got cause %v, want a lost lease", context.Cause(first.Context()))
		}
		if err := second.Release(t.Context()); err != nil {
			t.Error(err)
		}
	})
	t.Run("OK names its holder", func(t *testing.T) {
		t.Parallel()
		c := streamstest.Start(t)
		named := func(want string) {
			t.Helper()
			if got, err := c.LeaseHolder(t.Context(), "publish"); err != nil || got != want {
				t.Errorf("the holder is %q, %v; want %q", got, err, want)
			}
		}
		named("")
		l := acquire(t, c, streams.LeaseConfig{Holder: "till-host, process 7"})
		named("till-host, process 7")
		if err := l.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
		named("")
	})
	t.Run("OK released", func(t *testing.T) {
		t.Parallel()
		c := streamstest.Start(t)
		l := acquire(t, c, streams.LeaseConfig{TTL: time.Hour})
		if err := l.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
		if cause := context.Cause(l.Context()); !errors.Is(cause, context.Canceled) || errors.Is(cause, streams.ErrLeaseLost) {
			t.Errorf("got cause %v, want a plain end", cause)
		}
		next := acquire(t, c, streams.LeaseConfig{TTL: time.Hour}) // an hour would not pass
		if err := next.Release(t.Context()); err != nil {
			t.Error(err)
		}
	})
	t.Run("ErrContextEnd", func(t *testing.T) {
		t.Parallel()
		c := streamstest.Start(t)
		l := acquire(t, c, streams.LeaseConfig{})
		ctx, cancel := context.WithTimeout(t.Context(), testTTL/10)
		defer cancel()
		if _, err := c.Acquire(ctx, "publish", streams.LeaseConfig{TTL: time.Hour}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got error %v, want the context's", err)
		}
		if err := l.Release(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
