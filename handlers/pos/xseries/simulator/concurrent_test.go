package simulator_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tillstream/tillstream/handlers/pos/xseries/simulator"
)

// TestAccount_Concurrent: while a week is played and its hooks are delivered, others read and change the account; nobody
// sees half of anything, and the books are those of the inventory afterwards.
func TestAccount_Concurrent(t *testing.T) {
	t.Parallel()
	received := make(chan struct{}, 100_000)
	receiver := &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
		received <- struct{}{}
		return &http.Response{StatusCode: 204, Body: http.NoBody}, nil
	})}
	a := simulator.New(simulator.Config{Items: 60, RateLimit: 1 << 40, TimeScale: 10_000, HookClient: receiver, HookReordering: 0.3})
	for _, kind := range simulator.HookTypes() {
		if err := a.Subscribe(kind, "https://receiver.example/"+string(kind)); err != nil {
			t.Fatal(err)
		}
	}
	must(a.Add("Concurrent", "C-1", simulator.Of(1), ""))
	w := &world{t: t, account: a, token: "demo-personal"}
	ctx, stop := context.WithCancel(t.Context())
	delivered, read := make(chan error, 1), make(chan struct{})
	go func() { delivered <- a.Run(ctx) }()
	go func() {
		defer close(read)
		for ctx.Err() == nil {
			w.every("/api/2.0/sales")
			w.levels26()
			// Somebody in the shop may delete it.
			_, _ = a.Adjust(simulator.Adjustment{Product: "C-1", Outlet: "Quayside", Quantity: simulator.Of(1), Reason: "STOCK_FOUND"})
			a.Books()
			a.Deliveries()
			if err := a.Change(func(c *simulator.Config) { c.HookDuplicates = 0.1 }); err != nil {
				t.Error(err)
			}
		}
	}()
	if err := simulator.NewTrader(a, 1).Play(t.Context(), simulator.Week{Takes: 200 * time.Millisecond, Sales: 60}); err != nil {
		t.Fatal(err)
	}
	stop()
	<-read
	if err := <-delivered; err != nil {
		t.Error(err)
	}
	if len(received) == 0 {
		t.Error("no hook was delivered")
	}
	if diff := cmp.Diff(a.Books(), w.levels26()); diff != "" {
		t.Error(diff)
	}
}
