package streams

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tillstream/tillstream/domain"
)

// topology declares every stream that exists from the start. The products buckets
// come and go with their epochs, see [Conn.EnsureProducts].
func (c *Conn) topology() []jetstream.StreamConfig {
	pos := c.logConfig(streamPOS, posPrefix, "what happened in the POS, by store and item")
	sync := c.logConfig(streamSync, syncPrefix, "what happened on our side, by store and product")
	dead := c.logConfig(streamDeadLetters, deadPrefix, "messages that could not be used, whole, and why")
	pos.AllowAtomicPublish, sync.AllowAtomicPublish = true, true
	return []jetstream.StreamConfig{
		pos, sync, dead, c.headsConfig(), c.tilesConfig(),
		c.bucketConfig(streamPublications, publicationsPrefix, "links and the last push, by store and product"),
		c.bucketConfig(streamControl, controlPrefix, "epoch, pauses, cursors and leases"),
	}
}

// streamConfig is what logs and buckets have in common.
func (c *Conn) streamConfig(name, prefix, description string) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:              name,
		Description:       description,
		Subjects:          []string{subjectsOfLog(prefix)},
		Retention:         jetstream.LimitsPolicy,
		MaxConsumers:      -1,
		MaxMsgs:           -1,
		MaxBytes:          -1,
		MaxMsgsPerSubject: -1,
		MaxMsgSize:        -1,
		Storage:           jetstream.FileStorage,
		Replicas:          c.cfg.Replicas,
		AllowDirect:       c.directReads(),
	}
}

// noLimit is more messages than a subject ever has. A stream that has a limit for its
// subjects gets blocks of 4 MiB from the server, and one that has none 8 MiB; a message
// that is asked for costs the server its block, which it reads.
const noLimit = 1e15

// logConfig is a stream that keeps everything for ever. It is not compressed: what is
// asked of an item is in another block for each of its events, and unpacking one costs
// ten times what reading it does, see BenchmarkItem.
func (c *Conn) logConfig(name, prefix, description string) jetstream.StreamConfig {
	cfg := c.streamConfig(name, prefix, description)
	cfg.Discard = jetstream.DiscardNew // were there a limit, it would not eat the past
	cfg.Duplicates = c.cfg.DuplicateWindow
	cfg.DenyDelete, cfg.DenyPurge = true, true
	cfg.MaxMsgsPerSubject = noLimit
	return cfg
}

// bucketConfig is a stream that keeps the newest message of each subject. It is as
// durable as a log, see the package comment.
func (c *Conn) bucketConfig(name, prefix, description string) jetstream.StreamConfig {
	cfg := c.streamConfig(name, prefix, description)
	cfg.MaxMsgsPerSubject, cfg.Discard = 1, jetstream.DiscardOld
	cfg.Duplicates = bucketDuplicateWindow
	cfg.AllowAtomicPublish = true
	return cfg
}

// directReads lets a single server answer reads without queueing them behind its
// API requests. In a cluster any replica would answer, also one that lags behind,
// so that whoever has just written might not read it; there the leader answers.
func (c *Conn) directReads() bool { return c.cfg.Replicas == 1 }

// bucketDuplicateWindow is the server's own default; nothing written to a bucket
// has a message id.
const bucketDuplicateWindow = 2 * time.Minute

// Ensure makes the streams that are missing and checks those that exist against
// their declaration. Drift is an error that joins one [DriftError] for each field
// that differs; nothing is changed then, because changing a log can remove what it
// holds.
func (c *Conn) Ensure(ctx context.Context) error {
	return c.ensureAll(ctx, func(string) bool { return true })
}

// EnsureLogs is [Conn.Ensure] without the streams that can be folded again from the
// logs, see [Conn.DropProducts] and [Conn.DropPublications].
func (c *Conn) EnsureLogs(ctx context.Context) error {
	return c.ensureAll(ctx, func(stream string) bool { return !rebuildable(stream) })
}

func (c *Conn) ensureAll(ctx context.Context, chosen func(stream string) bool) error {
	var errs []error
	for _, want := range c.topology() {
		if chosen(want.Name) {
			errs = append(errs, c.ensure(ctx, want))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("topology: %w", err)
	}
	return nil
}

// EnsureProducts makes or checks the products bucket of one epoch, as
// [Conn.Ensure] does.
func (c *Conn) EnsureProducts(ctx context.Context, epoch uint64) error {
	want := c.bucketConfig(productsStream(epoch), productsSubjects(epoch), "product states, by store and product")
	if err := c.ensure(ctx, want); err != nil {
		return fmt.Errorf("topology: %w", err)
	}
	return nil
}

func (c *Conn) ensure(ctx context.Context, want jetstream.StreamConfig) error {
	stream, err := c.js.Stream(ctx, want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		stream, err = c.js.CreateStream(ctx, want)
	}
	if err != nil {
		return fmt.Errorf("stream %s: %w", want.Name, c.translate(err))
	}
	return c.drift(want, stream.CachedInfo().Config)
}

// DriftError says that a stream on the server is not what it is declared to be.
type DriftError struct {
	Stream, Field string
	Want, Got     string
	Mend          string // the exact command that mends it, or why none can
}

func (e *DriftError) Error() string {
	return fmt.Sprintf("stream %s: %s is %s, must be %s; %s", e.Stream, e.Field, e.Got, e.Want, e.Mend)
}

// Is makes a DriftError match [domain.ErrConflict]: somebody changed the stream.
func (e *DriftError) Is(target error) bool { return target == domain.ErrConflict }
