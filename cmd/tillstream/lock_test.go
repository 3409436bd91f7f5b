package main

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
	"github.com/tillstream/tillstream/streams"
)

// TestLockData: a folder that a command is at work on is waited for; one that is served from
// is not.
func TestLockData(t *testing.T) {
	t.Parallel()
	in := install(t, simulator.Config{}, nil)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	var locked *streams.LockedError // and not that there was no time to wait
	if _, err := lockData(over, in.cfg.Data); !errors.As(err, &locked) || locked.Holder.Address == "" {
		t.Errorf("of one that is served from: %v", err)
	}
	in.stop()
	a, err := openApp(t.Context(), in.cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lockData(over, in.cfg.Data); !errors.Is(err, context.Canceled) {
		t.Errorf("of a command that does not end: %v", err)
	}
	closed := make(chan error, 1)
	go func() { closed <- a.close() }()
	lock, err := lockData(t.Context(), in.cfg.Data)
	if err == nil {
		err = lock.Unlock()
	}
	if err := errors.Join(err, <-closed); err != nil {
		t.Errorf("of one that ends: %v", err)
	}
}
