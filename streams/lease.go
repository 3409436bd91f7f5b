package streams

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/tillstream/tillstream/domain"
)

// DefaultLeaseTTL is how long a silent owner keeps a lease, and so the longest
// time without an owner after one died.
const DefaultLeaseTTL = 15 * time.Second

// LeaseConfig says how leases are taken.
type LeaseConfig struct {
	Holder string        // who takes it, for people; the host and process id, say
	TTL    time.Duration // [DefaultLeaseTTL] when zero; the same for all who compete

	// Takeover takes a lease from whoever has it without waiting. It is for a
	// process that knows that nobody else can be alive, because it holds the lock of
	// the only data folder.
	Takeover bool
}

// Lease is the right to be the only one who does something. It is given to one
// holder at a time: an owner stops, by its own clock, before any other may begin.
//
// The record of a lease is one key of the control bucket. Its owner rewrites it
// three times per TTL, each time expecting its own last revision. Others may write
// it when they have seen the same revision for a whole TTL on their own monotonic
// clocks, so that no clocks are compared.
type Lease struct {
	bucket *Bucket
	key    Key
	record leaseRecord
	ttl    time.Duration

	// What was read last, and when it was read for the first time.
	seen      uint64
	seenSince time.Time

	revision uint64
	ctx      context.Context
	cancel   context.CancelCauseFunc
	released chan struct{}
	once     sync.Once
	done     chan struct{} // the renewing goroutine has ended
}

// leaseRecord is what lies in the bucket. Session tells two runs of one holder
// apart; an empty one is a lease given back.
type leaseRecord struct {
	Holder  string    `json:"holder"`
	Session string    `json:"session"`
	Since   time.Time `json:"since"`
	TTL     string    `json:"ttl"`
}

// ErrLeaseLost is the cause of a lease's context when it could not be renewed in
// time or somebody else has it.
var ErrLeaseLost = errors.New("lease lost")

// Acquire waits until it owns the named lease. The lease lasts until
// [Lease.Release], the end of ctx, or the failure to renew it. The context's end
// while waiting is the only error besides a malformed record.
func (c *Conn) Acquire(ctx context.Context, name string, cfg LeaseConfig) (*Lease, error) {
	leases, err := c.AcquireAll(ctx, cfg, name)
	if err != nil {
		return nil, err
	}
	return leases[0], nil
}

// AcquireAll waits until it owns all the named leases, as [Conn.Acquire] does. It
// takes them in the order given, which has to be the same for all who compete, so
// that no two of them wait for each other; it watches all of them from the
// beginning, so that an owner that died with several is followed after one TTL.
// Each lease lasts no longer than those before it.
func (c *Conn) AcquireAll(ctx context.Context, cfg LeaseConfig, names ...string) ([]*Lease, error) {
	if cfg.TTL <= 0 {
		cfg.TTL = DefaultLeaseTTL
	}
	leases := make([]*Lease, len(names))
	for i, name := range names {
		leases[i] = &Lease{
			bucket: c.control, key: SystemKey("lease-" + name), ttl: cfg.TTL,
			record:   leaseRecord{Holder: cfg.Holder, Session: uuid.NewString(), Since: c.cfg.Now().UTC(), TTL: cfg.TTL.String()},
			released: make(chan struct{}), done: make(chan struct{}),
		}
	}
	within := ctx
	for i, l := range leases {
		renewed, err := l.take(within, cfg.Takeover, leases[i+1:])
		if err != nil {
			err = fmt.Errorf("lease %s: %w", names[i], err)
			for _, taken := range slices.Backward(leases[:i]) {
				err = errors.Join(err, taken.Release(context.WithoutCancel(ctx)))
			}
			return nil, err
		}
		l.ctx, l.cancel = context.WithCancelCause(within)
		go l.keep(renewed)
		within = l.ctx
	}
	return leases, nil
}

// LeaseHolder returns whom the record of a lease names as its owner, for people:
// empty when it was given back or never taken. An owner that died is named until
// another one has followed it.
func (c *Conn) LeaseHolder(ctx context.Context, name string) (string, error) {
	entry, err := c.control.Get(ctx, SystemKey("lease-"+name))
	if errors.Is(err, domain.ErrNotFound) {
		return "", nil
	}
	var owner leaseRecord
	if err == nil {
		err = json.Unmarshal(entry.Value, &owner)
	}
	if err != nil {
		return "", fmt.Errorf("lease %s: %w", name, err)
	}
	if owner.Session == "" {
		return "", nil
	}
	return owner.Holder, nil
}

// take returns when the record is ours, with the time before the write that made
// it so: from then on the TTL counts, for us, sooner than for anybody else. While
// it waits it looks at the leases that are next.
func (l *Lease) take(ctx context.Context, takeover bool, next []*Lease) (time.Time, error) {
	for {
		owned, err := l.look(ctx)
		for _, n := range next {
			// What is wrong with it is told when it is its turn.
			_, _ = n.look(ctx)
		}
		var unreadable *leaseRecordError
		switch {
		case ctx.Err() != nil:
			return time.Time{}, ctx.Err()
		case errors.As(err, &unreadable):
			return time.Time{}, err
		case err == nil && (!owned || takeover || time.Since(l.seenSince) >= l.ttl):
			before := time.Now()
			if l.write(ctx, l.record, l.seen) == nil {
				return before, nil
			}
		}
		if err := wait(ctx, l.ttl/10); err != nil {
			return time.Time{}, err
		}
	}
}

// look reads the record and reports whether it names an owner.
func (l *Lease) look(ctx context.Context) (owned bool, err error) {
	before := time.Now()
	entry, err := l.bucket.Get(ctx, l.key)
	if err != nil && !errors.Is(err, domain.ErrNotFound) {
		return false, err
	}
	if entry.Revision != l.seen || l.seenSince.IsZero() {
		l.seen, l.seenSince = entry.Revision, before
	}
	if err != nil {
		return false, nil
	}
	var owner leaseRecord
	if err := json.Unmarshal(entry.Value, &owner); err != nil {
		return false, &leaseRecordError{err}
	}
	return owner.Session != "", nil
}

// leaseRecordError says that what lies in the bucket is no record of a lease.
type leaseRecordError struct{ err error }

func (e *leaseRecordError) Error() string { return "its record cannot be read: " + e.err.Error() }
func (e *leaseRecordError) Unwrap() error { return e.err }

func (l *Lease) write(ctx context.Context, r leaseRecord, expect uint64) error {
	value, err := json.Marshal(r)
	if err != nil {
		return err
	}
	revision, err := l.bucket.Put(ctx, l.key, value, &expect)
	if err == nil {
		l.revision = revision
	}
	return err
}

// keep renews the lease until it is released, lost, or its context ends.
func (l *Lease) keep(renewed time.Time) {
	defer close(l.done)
	defer l.cancel(ErrLeaseLost)
	// An owner gives up a tenth before others may begin, for requests that are on
	// their way when its context ends.
	life := l.ttl - l.ttl/10
	expiry := time.AfterFunc(life-time.Since(renewed), func() { l.cancel(ErrLeaseLost) })
	defer expiry.Stop()
	for {
		select {
		case <-l.released:
			l.cancel(context.Canceled)
			return
		case <-l.ctx.Done():
			return
		case <-time.After(l.ttl / 3):
		}
		before := time.Now()
		ctx, cancel := context.WithTimeout(l.ctx, l.ttl/3)
		err := l.write(ctx, l.record, l.revision)
		cancel()
		if errors.Is(err, domain.ErrConflict) && !l.ours() {
			return
		}
		if err == nil && !expiry.Reset(life-time.Since(before)) {
			return // it had expired while the write was on its way
		}
	}
}

// ours looks who wrote the record after a renewal met another revision: it may have
// been the renewal itself, whose acknowledgement was lost.
func (l *Lease) ours() bool {
	ctx, cancel := context.WithTimeout(l.ctx, l.ttl/3)
	defer cancel()
	entry, err := l.bucket.Get(ctx, l.key)
	if err != nil {
		return ctx.Err() != nil || !errors.Is(err, domain.ErrNotFound) // not known: the expiry decides
	}
	var r leaseRecord
	if json.Unmarshal(entry.Value, &r) != nil || r.Session != l.record.Session {
		return false
	}
	l.revision = entry.Revision
	return true
}

// Context ends with the lease, with the cause [ErrLeaseLost] unless it was released
// or its parent ended. Whatever is done by the right of the lease is done under it,
// so that no request outlives its owner.
func (l *Lease) Context() context.Context { return l.ctx }

// Release gives the lease back, for the next owner to take without waiting, and
// waits for the renewing to end. Whoever works under the lease's context has to
// have stopped before. It may be called twice.
func (l *Lease) Release(ctx context.Context) error {
	lost := errors.Is(context.Cause(l.ctx), ErrLeaseLost)
	var err error
	l.once.Do(func() {
		close(l.released)
		<-l.done
		if lost {
			return
		}
		if err = l.write(ctx, leaseRecord{Holder: l.record.Holder, Since: l.record.Since}, l.revision); errors.Is(err, domain.ErrConflict) {
			err = nil // it has another owner already
		}
	})
	if err != nil {
		return fmt.Errorf("release a lease: %w", err)
	}
	return nil
}
