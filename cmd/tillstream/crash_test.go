package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
	"github.com/tillstream/tillstream/handlers/console"
	"github.com/tillstream/tillstream/projections/search"
	"github.com/tillstream/tillstream/streams"
)

// The measure of [TestCrash].
const (
	crashKills     = 20
	crashEvents    = 20_000
	crashProducers = 4
	crashProducts  = 120 // a third of them with three variants
	crashBatch     = 50  // events in one request
)

// TestCrash kills the real program at random moments, twenty times in a run of
// twenty thousand events, starts it a last time, and then holds it to the
// promises: accepted is durable, once, in order, same log same state.
func TestCrash(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	if s, err := strconv.ParseUint(os.Getenv("TILLSTREAM_TEST_SEED"), 10, 64); err == nil {
		seed = s
	}
	t.Logf("seed %d; the same again: TILLSTREAM_TEST_SEED=%d go test -run TestCrash ./cmd/tillstream", seed, seed)
	rng := rand.New(rand.NewPCG(seed, 0))

	shop := simulator.New(simulator.Config{StoreHash: "crash", Token: "crash-token"})
	bigcommerce := httptest.NewServer(shop)
	defer bigcommerce.Close()
	p := newProgram(t, "crash", bigcommerce.URL, "crash-token")
	p.start()

	var accepted atomic.Int64
	producers := make([]*producer, crashProducers)
	var wg sync.WaitGroup
	for i := range producers {
		producers[i] = newProducer(seed, i)
		wg.Go(func() { producers[i].run(t, p, &accepted) })
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()

	for kill := range crashKills {
		// The next kill comes after a random number of further events, and a random
		// while later, so that it falls anywhere: into a commit, a push, a start.
		goal := int64(kill+1)*crashEvents/(crashKills+1) + rng.Int64N(crashEvents/(crashKills+1)/2)
		p.waitFor("events accepted", func() bool { return accepted.Load() >= goal || isClosed(done) })
		p.spin(time.Duration(rng.Int64N(int64(40 * time.Millisecond))))
		p.kill()
		if kill%5 == 4 {
			// Now and then a start is killed, too.
			p.launch()
			p.spin(time.Duration(rng.Int64N(int64(150 * time.Millisecond))))
			p.kill()
		}
		p.start()
	}
	<-done
	p.waitFor("nothing left to push", func() bool { return p.settled() })
	checkIndex(t, p)
	p.stop()

	log := readLog(t, p.data)
	checkAccepted(t, producers, log)
	products := foldFromZero(t, domain.StockLevels, log)
	checkProjection(t, p.data, products)
	checkShop(t, shop, products)
	checkOrder(t, shop, crashProducts)
}

// settled reports whether everything accepted is folded and pushed.
func (p *program) settled() bool {
	r, err := p.request(http.MethodGet, "/status.json", nil)
	if err != nil {
		return false
	}
	defer r.Body.Close()
	var status struct {
		Stores []struct {
			Projection struct{ Lag int }
			Publishing struct{ Pending, Confirmed, Unlinked int }
		}
	}
	if json.NewDecoder(r.Body).Decode(&status) != nil || len(status.Stores) != 1 {
		return false
	}
	s := status.Stores[0]
	return s.Projection.Lag == 0 && s.Publishing.Pending == 0 && s.Publishing.Confirmed == crashProducts
}

// checkIndex wants the search index, which was killed as often as everything else, to
// hold what one holds that is made anew.
func checkIndex(t *testing.T, p *program) {
	t.Helper()
	ask := func(wish string) (r console.RebuildReport) {
		answer, err := p.request(http.MethodPost, "/v1/rebuild", strings.NewReader(wish))
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		for d := json.NewDecoder(answer.Body); d.More(); {
			var line console.RebuildLine
			if err := d.Decode(&line); err != nil || line.Problem != nil {
				t.Fatalf("%s: %v, %+v", wish, err, line.Problem)
			}
			if line.Report != nil {
				r = *line.Report
			}
		}
		if r.Index == nil {
			t.Fatalf("%s: no report", wish)
		}
		return r
	}
	p.waitFor("what is in the index to hold everything", func() bool {
		r, err := p.request(http.MethodGet, "/status.json", nil)
		if err != nil {
			return false
		}
		defer r.Body.Close()
		var status struct{ Index *search.Status }
		return json.NewDecoder(r.Body).Decode(&status) == nil && status.Index != nil && status.Index.Lag == 0 && !status.Index.Building
	})
	live, anew := ask(`{"index":true,"dry_run":true}`).Index, ask(`{"index":true}`).Index
	if live.Digest != anew.Digest || live.Products != anew.Products || live.Events != anew.Events {
		t.Errorf("after %d kills the search index holds %+v, made anew %+v", crashKills, live, anew)
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// producer is one till: it owns its items, and sends every event until it hears
// that it was accepted.
type producer struct {
	events   []domain.Envelope
	accepted map[domain.EventID]domain.Position
}

// newProducer writes the whole history of a producer's items. Every number that
// BigCommerce will show of an item only ever grows, so that an older state after a
// newer one is seen in the simulator's log.
func newProducer(seed uint64, n int) *producer {
	rng := rand.New(rand.NewPCG(seed, uint64(n)+1))
	p := &producer{accepted: map[domain.EventID]domain.Position{}}
	source := domain.SourceID(fmt.Sprintf("/pos/crash/till-%d", n))
	type item struct{ id, family, option string }
	var items []item
	for f := n; f < crashProducts; f += crashProducers {
		family := fmt.Sprintf("f-%03d", f)
		if f%3 != 0 {
			items = append(items, item{family, family, ""})
			continue
		}
		for _, size := range []string{"S", "M", "L"} {
			items = append(items, item{family + "-" + size, family, size})
		}
	}
	start := time.Date(2025, 11, 1, 9, 0, 0, 0, time.UTC)
	for i := range crashEvents / crashProducers {
		it := items[rng.IntN(len(items))]
		if i < len(items) {
			it = items[i] // first of all, every item is described
		}
		version := uint64(i + 1)
		grown := domain.MustQuantity(strconv.Itoa(i + 1))
		var event domain.Event
		switch kind := rng.IntN(4); {
		case i < len(items) || kind == 0:
			event = describedAs(it.id, it.family, it.option, i+1)
		case kind == 1:
			event = &domain.ItemSold{Item: domain.ItemID(it.id), Outlet: "Quayside", Quantity: domain.MustQuantity("1"), Sale: strconv.Itoa(i), Line: "1", OnHand: &grown}
		case kind == 2:
			event = &domain.StockCounted{Item: domain.ItemID(it.id), Outlet: "Quayside", OnHand: grown, Count: strconv.Itoa(i)}
		default:
			event = &domain.StockLevelReported{Item: domain.ItemID(it.id), Outlet: "Quayside", OnHand: grown}
		}
		id := domain.DeriveEventID(source, strconv.Itoa(i))
		e, err := domain.NewEnvelope(id, source, start.Add(time.Duration(i)*time.Second), event)
		if err != nil {
			panic(err)
		}
		e.SourceVersion = version
		p.events = append(p.events, e)
	}
	return p
}

func describedAs(item, family, size string, revision int) *domain.ProductSaved {
	product := domain.ProductID(family)
	description := fmt.Sprintf("<p>revision %d</p>", revision)
	price := domain.MustMoney(strconv.Itoa(revision))
	e := &domain.ProductSaved{Item: domain.ItemID(item)}
	e.SKU, e.Name, e.Product = domain.SKU("SKU-"+item), "Product "+family, &product
	e.Description.Description, e.RetailPrice = &description, &price
	if size != "" {
		e.Options = &[]domain.Option{{Name: "Size", Value: size}}
	}
	return e
}

// run sends the events in order, in batches, again and again until each is
// accepted.
func (p *producer) run(t *testing.T, to *program, accepted *atomic.Int64) {
	for sent := 0; sent < len(p.events); {
		batch := p.events[sent:min(sent+crashBatch, len(p.events))]
		n := p.send(t, to, batch)
		sent += n
		accepted.Add(int64(n))
		if n == 0 {
			<-time.After(time.Millisecond) // it is down; nothing signals its return
		}
	}
}

// send returns how many of the batch, from its beginning, were accepted.
func (p *producer) send(t *testing.T, to *program, batch []domain.Envelope) int {
	var body bytes.Buffer
	for _, e := range batch {
		line, err := json.Marshal(e)
		if err != nil {
			panic(err)
		}
		body.Write(append(line, '\n'))
	}
	r, err := to.request(http.MethodPost, "/v1/stores/crash/events", &body)
	if err != nil {
		return 0
	}
	defer r.Body.Close()
	n := 0
	for lines := bufio.NewScanner(r.Body); lines.Scan(); n++ {
		var answer struct {
			ID       domain.EventID
			Position domain.Position
			Error    *struct {
				Status int
				Detail string
			}
		}
		if json.Unmarshal(lines.Bytes(), &answer) != nil {
			return n // the answer was cut off
		}
		if answer.Error != nil {
			if answer.Error.Status < 500 {
				t.Errorf("%s was refused: %s", answer.ID, answer.Error.Detail)
			}
			return n
		}
		if first, ok := p.accepted[answer.ID]; ok && first != answer.Position {
			t.Errorf("%s: accepted at %d and again at %d", answer.ID, first, answer.Position)
		}
		if n >= len(batch) || batch[n].ID != answer.ID {
			t.Errorf("answer %d is for %s", n, answer.ID)
			return n
		}
		p.accepted[answer.ID] = answer.Position
	}
	return n
}

// checkAccepted: every accepted event is in the log exactly once, where the
// answer said.
func checkAccepted(t *testing.T, producers []*producer, log []domain.Recorded) {
	t.Helper()
	at := map[domain.EventID]domain.Position{}
	for _, rec := range log {
		if first, ok := at[rec.ID]; ok {
			t.Errorf("%s is in the log at %d and at %d", rec.ID, first, rec.Position)
		}
		at[rec.ID] = rec.Position
	}
	total := 0
	for _, p := range producers {
		total += len(p.events)
		if len(p.accepted) != len(p.events) {
			t.Errorf("%d of %d events were accepted", len(p.accepted), len(p.events))
		}
		for id, position := range p.accepted {
			if at[id] != position {
				t.Errorf("%s was accepted at %d; the log has it at %d", id, position, at[id])
			}
		}
	}
	if total != crashEvents || len(log) != crashEvents {
		t.Errorf("%d events were sent and %d are in the log, want %d", total, len(log), crashEvents)
	}
}

// epochOf is the epoch in use.
func epochOf(t testing.TB, conn *streams.Conn) uint64 {
	t.Helper()
	epochs, err := conn.Epochs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return epochs.Current
}

// checkTrail: the trail of an item and the stretches that it has let go of have all its
// positions, each once.
func checkTrail(t *testing.T, conn *streams.Conn, it *domain.Item, stretches map[domain.Key]string) {
	t.Helper()
	newest, gone, valid := it.Trail.Positions()
	var at []domain.Position
	for n := range gone {
		some, _, is := domain.Trail(stretches[domain.Key{Store: "crash", ID: string(it.ID), Stretch: n + 1}]).Positions()
		at, valid = append(at, some...), valid && is
	}
	at = append(at, newest...)
	n, err := conn.POS().Events().Count(t.Context(), "crash", string(it.ID))
	if err != nil {
		t.Fatal(err)
	}
	if !valid || !slices.IsSorted(at) || len(slices.Compact(slices.Clone(at))) != len(at) || uint64(len(at)) != n {
		t.Errorf("%s has %d events, and %d positions in %d stretches and a trail (valid: %v)", it.ID, n, len(at), gone, valid)
	}
}

// checkProjection: what the program stored is what a fold from zero gives, byte
// for byte.
func checkProjection(t *testing.T, data string, want map[domain.ProductID]domain.Product) {
	t.Helper()
	conn := openData(t, data)
	stored := map[string]string{}
	stretches := map[domain.Key]string{}
	if err := conn.Products(epochOf(t, conn)).Snapshots().Scan(t.Context(), "crash", 0, func(e domain.Entry) error {
		if e.Key.Stretch > 0 {
			stretches[e.Key] = string(e.Value)
			return nil
		}
		stored[e.Key.ID] = string(e.Value)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for _, p := range want {
		for _, it := range p.Items {
			checkTrail(t, conn, &it, stretches)
		}
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	folded := map[string]string{}
	for id, p := range want {
		b, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		folded[string(id)] = string(b)
	}
	if diff := cmp.Diff(folded, stored); diff != "" {
		t.Errorf("the stored projection differs from a fold from zero (-fold +stored):\n%s", diff)
	}
}
