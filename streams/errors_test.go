package streams_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/tillstream/tillstream/streams"
	"github.com/tillstream/tillstream/streams/streamstest"
)

// A broker that says nothing is away for now, however the client tells so.
func TestUnavailableError_ErrSilence(t *testing.T) {
	t.Parallel()
	c := streamstest.Start(t)
	for _, silence := range []error{nats.ErrTimeout, nats.ErrReconnectBufExceeded, context.DeadlineExceeded} {
		err := c.Translate(fmt.Errorf("request: %w", silence))
		var away *streams.UnavailableError
		if !errors.As(err, &away) || away.RetryAfter <= 0 || !errors.Is(err, silence) {
			t.Errorf("%v: got %#v, want an UnavailableError that wraps it and says when to try again", silence, err)
		}
	}
}
