package streams

import (
	"errors"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
)

// A log of a single server may be compressed; a replicated one would be damaged by it.
func TestConn_drift_compression(t *testing.T) {
	t.Parallel()
	for replicas, refused := range map[int]bool{1: false, 3: true} {
		c := &Conn{cfg: Config{Replicas: replicas}}
		want := c.logConfig(streamPOS, posPrefix, "")
		got := want
		got.Compression = jetstream.S2Compression
		err := c.drift(want, got)
		var drift *DriftError
		if errors.As(err, &drift) != refused {
			t.Fatalf("with %d replicas: %v", replicas, err)
		}
		if refused && (drift.Field != "compression" || drift.Want != "none" || drift.Got != "s2") {
			t.Errorf("got %+v", drift)
		}
	}
}
