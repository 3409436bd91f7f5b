package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
	"github.com/tillstream/tillstream/streams"
)

// TestScript runs the real program by the scripts in testdata/script. Beside
// testscript's own commands they have:
//
//	exits CODE command…      run a command that ends with the code
//	bigcommerce SKU…         begin a simulated store with these products, and set it up for tillstream
//	ready                    wait until the tillstream in the background is ready
//	server-of VARIABLE       set the variable to the address of that tillstream
//	settled                  wait until everything is folded and confirmed
//	held N                  wait until everything is folded, and N products are held and none pending
//	shows SKU field=value…   BigCommerce shows that: name, description, price, cost, visible, stock
//	pushed SKU [!]           BigCommerce was sent the product since this was asked last, or was not
//	edit SKU field=value     the merchant changes a field in BigCommerce: weight, name or description
//	damage products|product|publications spoil a bucket of the folder, which nobody may hold
//	vanish SKU               the merchant deletes the product in BigCommerce
//	post CODE PATH FILE TYPE send a file to the program, and expect the status
func TestScript(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("TILLSTREAM_DATA", filepath.Join(e.WorkDir, "data"))
			e.Setenv("TILLSTREAM_HTTP", "127.0.0.1:0")
			e.Values["shop"] = &shop{}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "bigcommerce": beginShop, "ready": ready, "settled": waitSettled, "held": waitHeld,
			"server-of": serverOf, "shows": shows, "pushed": wasPushed, "edit": edit, "damage": damage, "vanish": vanish, "post": post,
			"id-of": idOf,
		},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

// exits runs a command and compares its exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE command…")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if got := strconv.Itoa(code); got != args[0] {
		ts.Fatalf("exit code %s, want %s", got, args[0])
	}
}

// shop is a script's BigCommerce.
type shop struct {
	store *simulator.Store
	seen  map[string]int64 // the last request that pushed was told of
}

func shopOf(ts *testscript.TestScript) *shop {
	s := ts.Value("shop").(*shop)
	if s.store == nil {
		ts.Fatalf("there is no simulated store; begin one with: bigcommerce")
	}
	return s
}

func beginShop(ts *testscript.TestScript, _ bool, skus []string) {
	s := ts.Value("shop").(*shop)
	s.store, s.seen = simulator.New(simulator.Config{}), map[string]int64{}
	for _, sku := range skus {
		p := simulator.NewProduct("old name of "+sku, sku, 1)
		p.Description, p.Weight = "<b>formatted</b>", 2.5
		ts.Check(s.store.Seed(p))
	}
	server := httptest.NewServer(s.store)
	ts.Defer(server.Close)
	ts.Setenv("TILLSTREAM_BIGCOMMERCE_API", server.URL)
	ts.Setenv("TILLSTREAM_BIGCOMMERCE_STORE_HASH", "demo")
	ts.Setenv("TILLSTREAM_BIGCOMMERCE_TOKEN", "demo")
}

// await polls the program, for which there is no signal to wait on.
func await(ts *testscript.TestScript, what string, ok func(address string) bool) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(time.Minute); ; <-tick.C {
		if address := runningAt(ts.Getenv("TILLSTREAM_DATA")); address != "" && ok("http://"+address) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("not %s within a minute", what)
		}
	}
}

func ready(ts *testscript.TestScript, _ bool, _ []string) {
	await(ts, "ready", func(base string) bool {
		r, err := http.Get(base + "/readyz")
		if err != nil {
			return false
		}
		r.Body.Close()
		return r.StatusCode == http.StatusOK
	})
}

func serverOf(ts *testscript.TestScript, _ bool, args []string) {
	ts.Setenv(args[0], "http://"+runningAt(ts.Getenv("TILLSTREAM_DATA")))
}

// idOf reads the id of the token in a file into a variable.
func idOf(ts *testscript.TestScript, _ bool, args []string) {
	id, _, _ := strings.Cut(strings.TrimPrefix(ts.ReadFile(args[0]), "till_"), ".")
	ts.Setenv(args[1], id)
}

func waitSettled(ts *testscript.TestScript, _ bool, _ []string) { settledWith(ts, -1) }

func waitHeld(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	settledWith(ts, n)
}

// settledWith waits until so many products are held, or any number where it is below 0.
func settledWith(ts *testscript.TestScript, held int) {
	await(ts, "settled", func(base string) bool {
		r, err := http.Get(base + "/status.json")
		if err != nil {
			return false
		}
		defer r.Body.Close()
		var status struct {
			Stores []struct {
				Projection struct{ Lag int }
				Publishing struct{ Pending, Held int }
			}
		}
		if json.NewDecoder(r.Body).Decode(&status) != nil || len(status.Stores) == 0 {
			return false
		}
		now := status.Stores[0]
		return now.Projection.Lag == 0 && now.Publishing.Pending == 0 && (held < 0 || now.Publishing.Held == held)
	})
}

// find returns a product by the SKU of one of its variants.
func (s *shop) find(ts *testscript.TestScript, sku string) (simulator.Product, simulator.Variant) {
	p, ok := s.store.ProductBySKU(sku)
	if !ok {
		ts.Fatalf("BigCommerce has no %s", sku)
	}
	for _, v := range p.Variants {
		if v.SKU == sku {
			return p, v
		}
	}
	return p, p.Variants[0]
}

func shows(ts *testscript.TestScript, neg bool, args []string) {
	s := shopOf(ts)
	if neg && len(args) == 1 {
		if _, ok := s.store.ProductBySKU(args[0]); ok {
			ts.Fatalf("BigCommerce has %s", args[0])
		}
		return
	}
	p, v := s.find(ts, args[0])
	variant := v.ID
	if p.BaseVariantID != nil {
		variant = 0
	}
	price, cost := p.Price, p.CostPrice
	if v.Price != nil {
		price = *v.Price
	}
	if v.CostPrice != nil {
		cost = *v.CostPrice
	}
	shown := map[string]string{
		"name": p.Name, "description": p.Description, "price": fmt.Sprint(price), "cost": fmt.Sprint(cost),
		"visible": fmt.Sprint(p.IsVisible), "stock": fmt.Sprint(s.store.Stock(1, p.ID, variant)), "weight": fmt.Sprint(p.Weight),
	}
	for _, want := range args[1:] {
		field, value, _ := strings.Cut(want, "=")
		if got, ok := shown[field]; !ok || (got == value) == neg {
			ts.Fatalf("BigCommerce shows %s of %s as %q", field, args[0], got)
		}
	}
}

func wasPushed(ts *testscript.TestScript, neg bool, args []string) {
	s := shopOf(ts)
	p, _ := s.find(ts, args[0])
	pushed, last := false, s.seen[args[0]]
	for _, r := range s.store.Requests() {
		if r.Seq <= last || r.Actor != "api" {
			continue
		}
		s.seen[args[0]] = r.Seq
		pushed = pushed || slices.ContainsFunc(r.Effects, func(e simulator.Effect) bool { return e.Product == p.ID })
	}
	if pushed == neg {
		ts.Fatalf("%s was pushed: %v", args[0], pushed)
	}
}

func edit(ts *testscript.TestScript, _ bool, args []string) {
	s := shopOf(ts)
	p, _ := s.find(ts, args[0])
	field, value, _ := strings.Cut(args[1], "=")
	ts.Check(s.store.MerchantEdit(p.ID, func(p *simulator.Product) {
		switch field {
		case "name":
			p.Name = value
		case "description":
			p.Description = value
		case "weight":
			var err error
			p.Weight, err = strconv.ParseFloat(value, 64)
			ts.Check(err)
		default:
			ts.Fatalf("edit: no field %s", field)
		}
	}))
}

func damage(ts *testscript.TestScript, _ bool, args []string) {
	conn, err := streams.Connect(context.Background(), streams.Config{DataDir: ts.Getenv("TILLSTREAM_DATA")})
	ts.Check(err)
	epochs, readErr := conn.Epochs(context.Background())
	ts.Check(readErr)
	switch bucket := conn.Products(epochs.Current); args[0] {
	case "products":
		_, err = bucket.Put(context.Background(), streams.CheckpointKey(), []byte(`{"format":999}`), nil)
	case "product":
		key := streams.MakeKey("harbour", "i-1")
		e, readErr := bucket.Get(context.Background(), key)
		ts.Check(readErr)
		_, err = bucket.Put(context.Background(), key, bytes.Replace(e.Value, []byte("Kona"), []byte("Cona"), 1), nil)
	default:
		_, err = conn.Publications().Put(context.Background(), streams.MakeKey("harbour", "i-1"), []byte("scrap"), nil)
	}
	ts.Check(errors.Join(err, conn.Close()))
}

func vanish(ts *testscript.TestScript, _ bool, args []string) {
	s := shopOf(ts)
	p, _ := s.find(ts, args[0])
	ts.Check(s.store.MerchantDelete(p.ID))
}

func post(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 4 {
		ts.Fatalf("usage: post CODE PATH FILE TYPE")
	}
	data := ts.Getenv("TILLSTREAM_DATA")
	r, err := http.NewRequest(http.MethodPost, "http://"+runningAt(data)+args[1], strings.NewReader(ts.ReadFile(args[2])))
	ts.Check(err)
	r.Header.Set("Content-Type", args[3])
	r.Header.Set("Authorization", "Bearer "+strings.TrimSpace(ts.ReadFile(tokenFile(data))))
	answer, err := http.DefaultClient.Do(r)
	ts.Check(err)
	defer answer.Body.Close()
	var body bytes.Buffer
	_, err = body.ReadFrom(answer.Body)
	ts.Check(err)
	ts.Logf("%s\n%s", answer.Status, &body)
	if got := strconv.Itoa(answer.StatusCode); got != args[0] {
		ts.Fatalf("answered %s, want %s", got, args[0])
	}
}
