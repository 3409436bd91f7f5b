package bigcommerce_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tillstream/tillstream/handlers/bigcommerce"
	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
)

// pair returns a simulated store and a client of it, in one bubble of fake time.
func pair(t *testing.T, cfg simulator.Config, concurrency int) (*simulator.Store, *bigcommerce.Client) {
	t.Helper()
	store := simulator.New(cfg)
	c, err := bigcommerce.New(bigcommerce.Config{StoreHash: "demo", Token: "demo", HTTPClient: store.Client(), Concurrency: concurrency})
	if err != nil {
		t.Fatal(err)
	}
	return store, c
}

// readAll makes n reads from so many goroutines and returns their errors.
func readAll(c *bigcommerce.Client, n, goroutines int) (failed []error) {
	var (
		mu   sync.Mutex
		wg   sync.WaitGroup
		next = make(chan struct{}, n)
	)
	for range n {
		next <- struct{}{}
	}
	close(next)
	for range goroutines {
		wg.Go(func() {
			for range next {
				if _, _, err := c.Variants(context.Background(), 1); err != nil {
					mu.Lock()
					failed = append(failed, err)
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	return failed
}

// TestQuota_Windows: 1,005 requests of 150 per window take six resets and not one of them is refused.
func TestQuota_Windows(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, c := pair(t, simulator.Config{Quota: 150, Latency: 80 * time.Millisecond}, 4)
		start := time.Now()
		if failed := readAll(c, 1005, 8); len(failed) > 0 {
			t.Fatalf("%d requests failed, the first with %v", len(failed), failed[0])
		}
		bound := 6 * simulator.DefaultWindow
		if took := time.Since(start); took < bound || took > bound*105/100 {
			t.Errorf("took %v, want %v to %v", took, bound, bound*105/100)
		}
		if got := c.Quota().Snapshot(); got.Requests != 1005 || got.Throttled != 0 || got.Quota != 150 || len(store.Requests()) != 1005 {
			t.Errorf("snapshot %+v after %d requests seen, want 1005 of quota 150, none throttled", got, len(store.Requests()))
		}
	})
}

// TestQuota_Shared: another app empties the window unseen. The client runs into one refusal per request in flight at
// most, and waits for the reset.
func TestQuota_Shared(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, c := pair(t, simulator.Config{Quota: 150}, 4)
		readAll(c, 1, 1)
		store.Spend(150)
		_, _, err := c.Variants(context.Background(), 1)
		e, ok := errors.AsType[*bigcommerce.Error](err)
		if !ok || e.Verdict != bigcommerce.NotBefore || time.Until(e.NotBefore) < 29*time.Second {
			t.Fatalf("got %v, want a refusal until the reset", err)
		}
		start := time.Now()
		if failed := readAll(c, 20, 8); len(failed) > 0 {
			t.Errorf("after the refusal %d requests failed, the first with %v", len(failed), failed[0])
		}
		if waited := time.Since(start); waited < 29*time.Second || waited > 31*time.Second {
			t.Errorf("waited %v for the reset, want about 30s", waited)
		}
		if got := c.Quota().Snapshot().Throttled; got != 1 {
			t.Errorf("%d requests were refused, want 1", got)
		}
	})
}

// TestQuota_Unknown: until the first reply nothing else is sent, and an unlimited store is not waited for.
func TestQuota_Unknown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, c := pair(t, simulator.Config{Latency: time.Second}, 4)
		done := make(chan []error)
		go func() { done <- readAll(c, 5, 5) }()
		synctest.Wait()
		if got := len(store.Requests()); got != 1 {
			t.Errorf("%d requests before the first reply, want 1", got)
		}
		start := time.Now()
		if failed := <-done; len(failed) > 0 {
			t.Fatal(failed)
		}
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("took %v, want 2s: one alone, then four together", took)
		}
	})
}

// TestQuota_Backoff: refusals without headers pause the whole client for ever longer, and a success ends that.
func TestQuota_Backoff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, c := pair(t, simulator.Config{}, 4)
		if err := store.Fail(simulator.Fault{Kind: simulator.Status, Status: http.StatusTooManyRequests, Count: 6}); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		for range 6 {
			before := time.Now()
			_, _, err := c.Variants(context.Background(), 1)
			e, ok := errors.AsType[*bigcommerce.Error](err)
			if !ok || e.Verdict != bigcommerce.NotBefore || !e.NotBefore.After(before) {
				t.Fatalf("got %v, want not before some time after now", err)
			}
		}
		if failed := readAll(c, 1, 1); len(failed) > 0 {
			t.Fatal(failed)
		}
		// Six pauses of 1, 1.5, … 7.6 s, each half as long to half as long again.
		if waited := time.Since(start); waited < 10*time.Second || waited > 32*time.Second {
			t.Errorf("waited %v over six refusals, want 10s to 32s", waited)
		}
		if got := c.Quota().Snapshot().Throttled; got != 6 {
			t.Errorf("%d refusals counted, want 6", got)
		}
	})
}

// TestQuota_Concurrency: a store that takes two requests at a time is found out, and then left at that.
func TestQuota_Concurrency(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, c := pair(t, simulator.Config{Latency: 100 * time.Millisecond, ConcurrencyLimit: 2, Quota: 450}, 4)
		readAll(c, 40, 8)
		if got := c.Quota().Snapshot().Throttled; got == 0 || got > 4 {
			t.Errorf("%d refusals, want at least one and no more than were in flight together", got)
		}
	})
}

// TestQuota_Acquire: a reservation is used by the first request made with it, and given back when none is.
func TestQuota_Acquire(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, c := pair(t, simulator.Config{Quota: 150}, 1)
		reserved, release, err := c.Quota().Acquire(context.Background(), bigcommerce.Bulk)
		if err != nil {
			t.Fatal(err)
		}
		short, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if _, _, err := c.Quota().Acquire(short, bigcommerce.Bulk); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a second reservation of one place: %v, want the context's end", err)
		}
		if err := c.SetStock(reserved, "", []bigcommerce.StockLevel{{Location: 1, Product: 1, Quantity: 1}}); !errors.As(err, new(*bigcommerce.Error)) {
			t.Errorf("a request with the reservation: %v, want the store's refusal", err)
		}
		release()
		_, release, err = c.Quota().Acquire(context.Background(), bigcommerce.Bulk)
		if err != nil {
			t.Fatal(err)
		}
		release()
		if failed := readAll(c, 2, 2); len(failed) > 0 {
			t.Errorf("after the release: %v", failed)
		}
		if got := c.Quota().Snapshot().Requests; got != 3 {
			t.Errorf("%d requests counted, want 3: reservations that sent nothing do not count", got)
		}
	})
}

// TestClient_SetStock_Alone: levels of one client never travel together.
func TestClient_SetStock_Alone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, c := pair(t, simulator.Config{Latency: time.Second}, 4)
		p := simulator.NewProduct("Bowl", "B", 1)
		p.InventoryTracking = "product"
		if err := store.Seed(p); err != nil {
			t.Fatal(err)
		}
		id := bigcommerce.ProductID(store.Products()[0].ID)
		readAll(c, 1, 1)
		start := time.Now()
		var wg sync.WaitGroup
		for i := range 3 {
			wg.Go(func() {
				if err := c.SetStock(context.Background(), "", []bigcommerce.StockLevel{{Location: 1, Product: id, Quantity: int64(i)}}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("three levels took %v, want 3s: one after the other", took)
		}
	})
}

func TestClient_Timeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, c := pair(t, simulator.Config{}, 4)
		if err := store.Fail(simulator.Fault{Kind: simulator.Hang}); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		_, err := c.UpdateVariants(context.Background(), []bigcommerce.VariantUpdate{{ID: 1}})
		if took := time.Since(start); took != bigcommerce.DefaultTimeout || bigcommerce.VerdictOf(err) != bigcommerce.Ambiguous {
			t.Errorf("a write that hangs: %v after %v, want ambiguous after %v", err, took, bigcommerce.DefaultTimeout)
		}
	})
}

// TestClient_Refuses what BigCommerce would, without sending it.
func TestClient_Refuses(t *testing.T) {
	t.Parallel()
	store, c := pair(t, simulator.Config{}, 4)
	ctx := context.Background()
	calls := map[string]func() error{
		"ErrNoProducts":   func() error { _, err := c.UpdateProducts(ctx, nil); return err },
		"ErrManyProducts": func() error { _, err := c.UpdateProducts(ctx, make([]bigcommerce.ProductUpdate, 11)); return err },
		"ErrManyVariants": func() error { _, err := c.UpdateVariants(ctx, make([]bigcommerce.VariantUpdate, 51)); return err },
		"ErrManyDeletes":  func() error { return c.DeleteProducts(ctx, make([]bigcommerce.ProductID, 251)) },
		"ErrNoItem":       func() error { return c.SetStock(ctx, "", []bigcommerce.StockLevel{{Location: 1}}) },
		"ErrTwoItems": func() error {
			return c.SetStock(ctx, "", []bigcommerce.StockLevel{{Location: 1, Product: 1, Variant: 2}})
		},
		"ErrNoLocation": func() error { return c.SetStock(ctx, "", []bigcommerce.StockLevel{{Product: 1}}) },
		"ErrNegative": func() error {
			return c.SetStock(ctx, "", []bigcommerce.StockLevel{{Location: 1, Product: 1, Quantity: -1}})
		},
	}
	for name, call := range calls {
		err := call()
		if e, ok := errors.AsType[*bigcommerce.Error](err); !ok || e.Verdict != bigcommerce.Permanent || e.Status != 0 {
			t.Errorf("%s: got %v, want a permanent error without a status", name, err)
		}
	}
	if got := len(store.Requests()); got != 0 {
		t.Errorf("%d requests were sent, want none", got)
	}
}

// TestNew_Err names the setting that is unusable.
func TestNew_Err(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		cfg  bigcommerce.Config
		want string
	}{
		"ErrStoreHash": {bigcommerce.Config{StoreHash: "a/b", Token: "x"}, `"a/b"`},
		"ErrNoToken":   {bigcommerce.Config{StoreHash: "a"}, "no token"},
		"ErrToken":     {bigcommerce.Config{StoreHash: "a", Token: "se cret"}, "token holds a space"},
		"ErrBaseURL":   {bigcommerce.Config{StoreHash: "a", Token: "secret", BaseURL: "https://user:secret@host"}, "base URL"},
	} {
		_, err := bigcommerce.New(tt.cfg)
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "cret") {
			t.Errorf("%s: got %v, want one with %s and without the token", name, err, tt.want)
		}
	}
}

// TestToken_Hidden formats everything that holds the token in every way that shows fields.
func TestToken_Hidden(t *testing.T) {
	t.Parallel()
	cfg := bigcommerce.Config{StoreHash: "demo", Token: "top-secret"}
	c, err := bigcommerce.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	logger := slog.New(slog.NewTextHandler(&log, nil))
	logger.Info("x", "token", cfg.Token, "config", cfg, "client", c)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "token", cfg.Token)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		fmt.Fprintf(&log, verb+verb+verb, cfg, cfg.Token, c)
	}
	if strings.Contains(log.String(), "top-secret") || strings.Contains(log.String(), fmt.Sprintf("%x", "top-secret")) {
		t.Errorf("the token shows in %s", log.String())
	}
}
