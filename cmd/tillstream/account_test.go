package main

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	bigcommerce "github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
	pos "github.com/tillstream/tillstream/handlers/pos/xseries/simulator"
	"github.com/tillstream/tillstream/streams/streamstest"
)

// shopAccount serves a simulated account, and the settings to follow it with.
func shopAccount(t *testing.T, like pos.Config) (*pos.Account, XSeries) {
	t.Helper()
	like.RateLimit, like.TimeScale = 100_000, 300
	account := pos.New(like)
	server := httptest.NewServer(account)
	ctx, end := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- account.Run(ctx) }()
	t.Cleanup(func() {
		end()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		server.Close()
	})
	x := defaultXSeries()
	x.API, x.Token, x.WebhookSecret, x.Poll = server.URL, "demo-personal", "demo-secret", 50*time.Millisecond
	return account, x
}

// followed waits until BigCommerce shows a stock.
func (in *installation) followed(sku string, want int64) {
	in.t.Helper()
	in.await(fmt.Sprintf("BigCommerce shows %d of %s", want, sku), func() bool {
		p, ok := in.shop.ProductBySKU(sku)
		return ok && p.InventoryLevel == want && in.settled()
	})
}

// subscribe lets an account send all its webhooks to the program.
func (in *installation) subscribe(account *pos.Account) {
	in.t.Helper()
	for _, kind := range pos.HookTypes() {
		if err := account.Subscribe(kind, in.base+"/v1/stores/"+testStore+"/hooks/xseries/"+string(kind)); err != nil {
			in.t.Fatal(err)
		}
	}
}

// loaded waits until the account is read whole.
func (in *installation) loaded() {
	in.t.Helper()
	in.await("loaded", func() bool { a := in.status().Stores[0].Account; return a != nil && !a.Loading && !a.LastRead.IsZero() })
}

// TestAccount: a connected account is read, created in BigCommerce, and followed: by
// polling, and by webhooks that are signed; and the status says how.
func TestAccount(t *testing.T) {
	t.Parallel()
	account, x := shopAccount(t, pos.Config{Items: 12})
	in := install(t, bigcommerce.Config{}, func(c *Config) {
		c.Stores[0].Publish, c.Stores[0].POS.XSeries = "all", x
	})
	in.loaded()
	in.settle()
	if n := in.status().Stores[0].Publishing.Confirmed; n == 0 {
		t.Fatal("nothing was created")
	}
	outlet := account.Outlets()[0].Name
	if _, err := account.Add("Test Bowl", "BOWL-9", pos.Of(20), ""); err != nil {
		t.Fatal(err)
	}
	in.followed("BOWL-9", 0)
	if _, err := account.Adjust(pos.Adjustment{Product: "BOWL-9", Outlet: outlet, Quantity: pos.Of(7), Reason: "STOCK_FOUND"}); err != nil {
		t.Fatal(err)
	}
	in.followed("BOWL-9", 7)

	in.subscribe(account)
	// One that was made by hand is not signed, and is refused.
	if err := account.AddHook(pos.SaleUpdate, in.base+"/v1/stores/"+testStore+"/hooks/xseries/sale.update?by=hand"); err != nil {
		t.Fatal(err)
	}
	if _, err := account.Sell(outlet, "CLOSED", pos.Line{Product: "BOWL-9", Quantity: pos.Of(2)}); err != nil {
		t.Fatal(err)
	}
	in.followed("BOWL-9", 5)
	in.await("webhooks came", func() bool {
		w := in.status().Stores[0].Account.Webhooks
		return w.Recorded+w.Duplicate > 0 && w.Hints > 0 && w.Refused > 0
	})
	page := in.status()
	if s := page.Stores[0]; s.Account.Problem != "" || len(s.Sources) != 1 || s.Sources[0].Source != "/pos/harbour/xseries" || s.Sources[0].Events == 0 {
		t.Errorf("status: %+v, %+v", s.Account, s.Sources)
	}
	shown := onScreen(screen{}, func(c *cli) { c.status(&page) })
	for _, want := range []string{"all is well", "/pos/harbour/xseries", "the POS account of harbour was read last at ", "webhooks came, and "} {
		if !strings.Contains(shown, want) {
			t.Errorf("status does not say %q:\n%s", want, shown)
		}
	}
	for _, v := range account.Violations() {
		t.Errorf("the account was wronged: %+v", v)
	}

	account.Down(true)
	in.await("told", func() bool { return strings.Contains(in.status().Stores[0].Account.Problem, "503") })
	page = in.status()
	if shown := onScreen(screen{}, func(c *cli) { c.status(&page) }); !strings.HasPrefix(shown, "not all is well: harbour: X-Series is not read: ") {
		t.Errorf("status says:\n%s", shown)
	}
	account.Down(false)
	in.await("well again", func() bool { return in.status().Stores[0].Account.Problem == "" })

	// A restart goes on where it was.
	in.stop()
	before := len(account.Requests())
	in.start()
	if _, err := account.Sell(outlet, "CLOSED", pos.Line{Product: "BOWL-9", Quantity: pos.Of(1)}); err != nil {
		t.Fatal(err)
	}
	in.followed("BOWL-9", 4)
	for _, r := range account.Requests()[before:] {
		if strings.HasSuffix(r.Path, "/sales") && strings.Contains(r.Query, "after=0") {
			t.Errorf("sales were read from the beginning: %+v", r)
		}
	}
}

// TestAccount_standBy: of two processes one polls; a webhook that the other takes
// makes it read at once; and when it ends, the other goes on.
func TestAccount_standBy(t *testing.T) {
	t.Parallel()
	broker := streamstest.Start(t)
	password, err := os.ReadFile(broker.PasswordFile("app"))
	if err != nil {
		t.Fatal(err)
	}
	account, x := shopAccount(t, pos.Config{Items: 12})
	shop := httptest.NewServer(bigcommerce.New(bigcommerce.Config{}))
	t.Cleanup(shop.Close)
	x.Poll = time.Hour
	cfg := defaultConfig()
	cfg.NATS.URL, cfg.NATS.User, cfg.NATS.Password = Secret(broker.ClientURL()), "app", Secret(strings.TrimSpace(string(password)))
	store := defaultStore()
	store.ID, store.POS.XSeries = "harbour", x
	store.BigCommerce.API, store.BigCommerce.StoreHash, store.BigCommerce.Token = shop.URL, "demo", "demo"
	cfg.Stores = []Store{store}
	polls := func(n *node) bool {
		e := n.app.engine.Load()
		return e != nil && e.accounts["harbour"].poller != nil && !e.accounts["harbour"].status().LastRead.IsZero()
	}
	first := startNode(t, cfg)
	until(t, "the first polls", func() bool { return polls(first) })
	second := startNode(t, cfg)
	until(t, "the second stands by", func() bool { e := second.app.engine.Load(); return e != nil && e.ready.Load() })

	through := httptest.NewServer(second.app.handler())
	t.Cleanup(through.Close)
	if err := account.Subscribe(pos.ProductUpdate, through.URL+"/v1/stores/harbour/hooks/xseries/product.update"); err != nil {
		t.Fatal(err)
	}
	known := func(n *node, sku string) bool {
		code, _ := n.request("GET", "/v1/stores/harbour/products/"+sku, "")
		return code == 200
	}
	if _, err := account.Add("Test Bowl", "BOWL-9", pos.Of(20), ""); err != nil {
		t.Fatal(err)
	}
	until(t, "the webhook was passed on", func() bool { return known(first, "BOWL-9") && known(second, "BOWL-9") })
	if polls(second) {
		t.Error("both poll")
	}
	first.end()
	until(t, "the second polls", func() bool { return polls(second) })
	for _, v := range account.Violations() {
		t.Errorf("the account was wronged: %+v", v)
	}
}
