package streams

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tillstream/tillstream/domain"
)

// UnavailableError says that the broker cannot take or give anything now, though
// the request is good: the disk is full or read-only, the cluster has no quorum,
// the server is away. The same request may succeed after RetryAfter.
type UnavailableError struct {
	Reason     string        // what is wrong, and where
	Hint       string        // what to do about it
	RetryAfter time.Duration // a sensible wait before the next attempt
	Full       bool          // it is for lack of storage: 507 rather than 503 in HTTP
	Err        error         // the cause, if it has a form of its own
}

func (e *UnavailableError) Error() string { return e.Reason + "; " + e.Hint }

func (e *UnavailableError) Unwrap() error { return e.Err }

// UnknownOutcomeError says that the caller stopped waiting for an acknowledgement:
// the events may be in the log or not. Appending the same events again finds out
// and is safe.
type UnknownOutcomeError struct{ Err error }

func (e *UnknownOutcomeError) Error() string {
	return fmt.Sprintf("append: %v before the log answered; whether the events are stored is not known, append them again to find out", e.Err)
}

func (e *UnknownOutcomeError) Unwrap() error { return e.Err }

// Error codes of the server that the client library has no name for.
const (
	codeClusterNotAvailable jetstream.ErrorCode = 10008
	codeClusterNotLeader    jetstream.ErrorCode = 10009
	codeAccountExceeded     jetstream.ErrorCode = 10002
	codeInsufficient        jetstream.ErrorCode = 10023
	codeMemoryExceeded      jetstream.ErrorCode = 10028
	codeStorageExceeded     jetstream.ErrorCode = 10047
	codeStoreFailed         jetstream.ErrorCode = 10077
	codeHeaderTooLarge      jetstream.ErrorCode = 10097
	codeRollupFailed        jetstream.ErrorCode = 10111
	codeOtherStream         jetstream.ErrorCode = 10060
	codeStreamOffline       jetstream.ErrorCode = 10118
	codeDuplicateInProcess  jetstream.ErrorCode = 10158
	codeTooManyRequests     jetstream.ErrorCode = 10167
	codeBatchNotEnabled     jetstream.ErrorCode = 10174
	codeIncompleteBatch     jetstream.ErrorCode = 10176
	codeDuplicateInBatch    jetstream.ErrorCode = 10201
	codeTooManyBatches      jetstream.ErrorCode = 10210
)

// apiCode is the server's code of an error, 0 when it has none. The client has two
// types for it, one for each of its interfaces.
func apiCode(err error) jetstream.ErrorCode {
	var api *jetstream.APIError
	if errors.As(err, &api) {
		return api.ErrorCode
	}
	var older *nats.APIError
	if errors.As(err, &older) {
		return jetstream.ErrorCode(older.ErrorCode)
	}
	return 0
}

// lostRace reports whether a write was refused because of another write. A
// replicated stream words it differently from a single one.
func lostRace(err error) bool {
	code := apiCode(err)
	return code == jetstream.JSErrCodeStreamWrongLastSequence || code == jetstream.JSErrCodeStreamWrongLastSequenceConstant
}

// translate turns an answer of the server into an error of this program, once, at
// the border. What it does not know stays as it is.
func (c *Conn) translate(err error) error {
	switch code := apiCode(err); code {
	case codeInsufficient, codeStorageExceeded, codeMemoryExceeded, codeAccountExceeded:
		return c.full(err)
	case codeStoreFailed:
		return &UnavailableError{
			Reason: fmt.Sprintf("the server could not write to %s: %v", c.storePlace(), err),
			Hint:   "see that the disk has room and can be written, then start the server again: it takes no more after a failed write",
			Full:   true, RetryAfter: time.Minute, Err: err,
		}
	case codeClusterNotAvailable, codeClusterNotLeader, codeStreamOffline:
		return &UnavailableError{Reason: fmt.Sprintf("the cluster has no leader or quorum for the stream: %v", err),
			Hint: "see that a majority of its servers is up; `nats server report jetstream` shows them", RetryAfter: 5 * time.Second, Err: err}
	case codeTooManyRequests, codeTooManyBatches, codeDuplicateInProcess:
		return &UnavailableError{Reason: fmt.Sprintf("the server is overloaded: %v", err), Hint: "try again", RetryAfter: time.Second, Err: err}
	case jetstream.JSErrCodeStreamMessageExceedsMaximum, codeHeaderTooLarge:
		return &domain.InvalidError{Path: "event", Reason: fmt.Sprintf("is too large for the log: %v", err)}
	case jetstream.JSErrCodeStreamNotFound:
		return fmt.Errorf("%w: %w; start tillstream once so that it makes its streams", domain.ErrNotFound, err)
	}
	switch {
	case errors.Is(err, nats.ErrMaxPayload):
		return &domain.InvalidError{Path: "event", Reason: fmt.Sprintf("is too large for the log: with its headers it may have %d bytes", c.nc.MaxPayload())}
	case errors.Is(err, nats.ErrNoResponders), errors.Is(err, jetstream.ErrNoStreamResponse):
		return &UnavailableError{Reason: "no server answers for the stream: too few servers are up, or the stream does not exist",
			Hint: "see that they are up and that tillstream was started once against them", RetryAfter: 5 * time.Second, Err: err}
	case errors.Is(err, nats.ErrTimeout), errors.Is(err, jetstream.ErrAsyncPublishTimeout), errors.Is(err, nats.ErrDisconnected), errors.Is(err, nats.ErrConnectionReconnecting),
		errors.Is(err, nats.ErrReconnectBufExceeded), errors.Is(err, context.DeadlineExceeded):
		return &UnavailableError{Reason: fmt.Sprintf("the server did not answer: %v", err),
			Hint: "see that it is up and not overloaded", RetryAfter: 5 * time.Second, Err: err}
	case errors.Is(err, nats.ErrConnectionClosed):
		return &UnavailableError{Reason: "the connection to the server is closed", Hint: "start tillstream again", RetryAfter: time.Minute, Err: err}
	}
	return err
}

func (c *Conn) full(err error) error {
	return &UnavailableError{
		Reason: fmt.Sprintf("no room left for events in %s: %v", c.storePlace(), err),
		Hint:   "free disk space or move the data folder to a larger disk; nothing that was accepted is lost",
		Full:   true, RetryAfter: time.Minute, Err: err,
	}
}

// storePlace names where the server keeps its files, for an operator to go and look.
func (c *Conn) storePlace() string {
	if c.cfg.embedded() {
		return storeDir(c.cfg.DataDir)
	}
	return "the store of " + c.nc.ConnectedUrlRedacted()
}

// diagnose looks for the reason why the server gives no answer. An embedded server
// that cannot write its files goes silent rather than refuse a batch.
func (c *Conn) diagnose() error {
	if !c.cfg.embedded() {
		return nil
	}
	if err := probeFolder(storeDir(c.cfg.DataDir)); err != nil {
		return err
	}
	return c.serverHealth()
}

// Health says what keeps the logs from taking anything, though they may still be
// read. The error is an [*UnavailableError], or that of a server that does not answer.
func (c *Conn) Health(ctx context.Context) error {
	if c.cfg.embedded() {
		return c.serverHealth()
	}
	for _, log := range []*Log{c.pos, c.sync} {
		info, err := c.info(ctx, log.stream)
		if err != nil {
			return err
		}
		if info.Cluster != nil && info.Cluster.Leader == "" {
			return &UnavailableError{Reason: fmt.Sprintf("the cluster has no leader for the stream %s", log.stream),
				Hint: "see that a majority of its servers is up; `nats server report jetstream` shows them, and their logs say more", RetryAfter: 5 * time.Second}
		}
	}
	return nil
}

// serverHealth is that of the embedded server.
func (c *Conn) serverHealth() error {
	if c.srv == nil {
		return nil
	}
	// After a failed write the server takes nothing more for the stream, even when
	// there is room again; it tells its health check only.
	if h := c.srv.Healthz(&server.HealthzOptions{}); h != nil && h.Error != "" {
		return &UnavailableError{
			Reason: fmt.Sprintf("the embedded server is not well: %s; its files are in %s", h.Error, c.storePlace()),
			Hint:   "see that the disk has room and can be written, then start tillstream again", Full: true, RetryAfter: time.Minute,
		}
	}
	return nil
}

// probeFolder makes dir and writes to it what an append would, and says what is in
// the way. The error is an [*UnavailableError].
func probeFolder(dir string) error {
	const probeSize = 64 << 10
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return notWritable(dir, err)
	}
	f, err := os.CreateTemp(dir, ".probe-*")
	if err != nil {
		return notWritable(dir, err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if _, err := f.Write(make([]byte, probeSize)); err != nil {
		return notWritable(dir, err)
	}
	if err := f.Sync(); err != nil {
		return notWritable(dir, err)
	}
	return nil
}

func notWritable(dir string, err error) error {
	if abs, e := filepath.Abs(dir); e == nil {
		dir = abs
	}
	return &UnavailableError{
		Reason: fmt.Sprintf("the folder %s cannot be written: %v", dir, err),
		Hint:   "free disk space, or see that the folder is on a writable disk and belongs to the user that runs tillstream, then start it again",
		Full:   true, RetryAfter: time.Minute, Err: err,
	}
}
