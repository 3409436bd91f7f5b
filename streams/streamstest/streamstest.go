// Package streamstest starts a real broker for tests: an embedded JetStream server
// in a temporary folder, with all streams made. Only tests may import it.
//
// It imports domain and streams.
package streamstest

import (
	"context"
	"testing"
	"time"

	"github.com/tillstream/tillstream/streams"
)

// Option changes the configuration of a test broker.
type Option func(*streams.Config)

// WithSync makes the broker acknowledge after fsync, as it does in production. It
// is off by default, since it makes tests of other things slow.
func WithSync() Option { return func(c *streams.Config) { c.WithoutSync = false } }

// WithDataDir uses a folder that the test knows instead of one of its own.
func WithDataDir(dir string) Option { return func(c *streams.Config) { c.DataDir = dir } }

// WithConfig changes anything.
func WithConfig(change func(*streams.Config)) Option { return change }

// Config is the configuration that [Start] uses.
func Config(t testing.TB, options ...Option) streams.Config {
	t.Helper()
	cfg := streams.Config{WithoutSync: true}
	for _, o := range options {
		o(&cfg)
	}
	if cfg.DataDir == "" && cfg.URL == "" {
		cfg.DataDir = t.TempDir()
	}
	return cfg
}

// Start starts a broker with all streams but the products buckets. It is closed
// when the test ends.
func Start(t testing.TB, options ...Option) *streams.Conn {
	t.Helper()
	return Connect(t, Config(t, options...))
}

// Connect starts or reaches a broker as configured, with all streams made, and
// closes it when the test ends. Calling it again with the same configuration after
// Close is a restart on the same files.
func Connect(t testing.TB, cfg streams.Config) *streams.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c, err := streams.Connect(ctx, cfg)
	if err != nil {
		t.Fatalf("start a broker: %v", err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("stop the broker: %v", err)
		}
	})
	if err := c.Ensure(ctx); err != nil {
		t.Fatalf("start a broker: %v", err)
	}
	return c
}

// Restart closes a broker and starts it again on the same files. The old
// connection cannot be used any more.
func Restart(t testing.TB, c *streams.Conn) *streams.Conn {
	t.Helper()
	if err := c.Close(); err != nil {
		t.Fatalf("stop the broker: %v", err)
	}
	return Connect(t, c.Config())
}
