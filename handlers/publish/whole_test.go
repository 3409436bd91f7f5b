package publish_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
	"github.com/tillstream/tillstream/handlers/publish"
	"github.com/tillstream/tillstream/projections"
)

// step is one thing that happens in a run: after which time, what, to which product
// or item, and how.
type step struct {
	Wait                       time.Duration
	What, Product, Item, Value int
}

// What can happen.
const (
	nothing = iota
	saves
	imports
	moves
	reoptions
	revalues
	resells
	deletes
	sells
	merchantOwn
	merchantDrift
	fails
	restarts
	recordFails
	resets
	outages
	relinks
)

// often is how often what happens.
var often = []int{
	nothing, fails, moves, saves, fails, reoptions, resells, deletes, sells, merchantDrift, fails, moves, revalues, merchantOwn, imports,
	saves, restarts, fails, recordFails, resets, outages, relinks,
}

// circumstances are what does not change in a run.
type circumstances struct {
	All         bool
	OnMissing   publish.OnMissing
	OnDelete    domain.OnDelete
	Concurrency int
	Latency     time.Duration
	Lag         time.Duration
	GoodRows    bool
	Steps       []step
}

// Whatever happens in the POS, in BigCommerce and in between: BigCommerce never gets
// a state that is older than one it had, and in the end every POS-owned field is as
// in the POS, every other byte as the merchant left it, and no product is there twice.
func TestPublisher_wholeRuns(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		run := circumstances{
			All:         rapid.Bool().Draw(rt, "create all"),
			OnMissing:   rapid.SampledFrom([]publish.OnMissing{publish.MissingReports, publish.MissingRelinks, publish.MissingRecreates}).Draw(rt, "on missing"),
			OnDelete:    rapid.SampledFrom([]domain.OnDelete{domain.DeleteHides, domain.DeleteKeeps, domain.DeleteDeletes}).Draw(rt, "on delete"),
			Concurrency: rapid.IntRange(1, 3).Draw(rt, "concurrency"),
			Latency:     rapid.SampledFrom([]time.Duration{50 * time.Millisecond, 2 * time.Second}).Draw(rt, "latency"),
			Lag:         rapid.SampledFrom([]time.Duration{0, time.Second, 10 * time.Second}).Draw(rt, "lag"),
			GoodRows:    rapid.Bool().Draw(rt, "good rows are saved"),
			Steps:       rapid.SliceOfN(rapid.Custom(drawStep), 10, 60).Draw(rt, "steps"),
		}
		var wrong []string
		synctest.Test(t, func(t *testing.T) { wrong = wholeRun(t, run) })
		if len(wrong) > 0 {
			rt.Fatalf("%s", strings.Join(wrong, "\n"))
		}
	})
}

func drawStep(t *rapid.T) step {
	return step{
		rapid.SampledFrom([]time.Duration{0, 30 * time.Millisecond, 400 * time.Millisecond, 5 * time.Second, 2 * time.Minute}).Draw(t, "wait"),
		rapid.SampledFrom(often).Draw(t, "what"), rapid.IntRange(0, len(tillProducts)-1).Draw(t, "product"),
		rapid.IntRange(0, len(tillItems)-1).Draw(t, "item"), rapid.IntRange(0, 99).Draw(t, "value"),
	}
}

func wholeRun(t *testing.T, run circumstances) []string {
	var changes []simulator.Change // one at a time
	s := newShop(t, simulator.Config{
		Quota: 150, Latency: run.Latency, InventoryLag: run.Lag, SaveGoodRows: run.GoodRows, Locations: []int64{1, 2},
		OnChange: func(c simulator.Change) { changes = append(changes, c) },
	}, func(c *publish.Config) {
		c.CreateAll, c.OnMissing, c.Concurrency = run.All, run.OnMissing, run.Concurrency
		c.Rules = domain.Rules{Locations: tillOutlets, OnDelete: run.OnDelete}
	})
	pos, m := newTill(s), newMerchant(s)
	if !run.All {
		s.link("p0", "p1")
	}
	s.run()
	pos.hush()
	down, full, spent := false, false, false
	for _, d := range run.Steps {
		pass(d.Wait)
		product := tillProducts[d.Product]
		switch d.What {
		case merchantOwn:
			m.own(product, d)
		case merchantDrift:
			m.drift(product, d)
		case fails:
			if err := s.sim.Fail(fault(d)); err != nil {
				t.Fatal(err)
			}
		case restarts:
			_ = s.stop()
			s.settle() // a new process does not know of it, as the package doc says
			s.open()
			s.run()
		case recordFails:
			full = d.Value%4 != 0
			s.log.fails(full)
		case resets:
			spent = true // for a while at least, or for good
			err := s.sim.Change(func(c *simulator.Config) {
				c.Quota = []int{0, 10, 150, 450}[d.Value%4]
				c.Window = []time.Duration{10 * time.Second, simulator.DefaultWindow}[d.Value/4%2]
				c.ConcurrencyLimit = []int{0, 1, 3}[d.Value%3]
				c.OtherAppRate = []float64{0, 0, 2}[d.Value/3%3]
			})
			if err != nil {
				t.Fatal(err)
			}
		case outages:
			down = d.Value%3 != 0
			s.sim.Down(d.Value%3 == 1)
			s.sim.RestoreToken()
			if d.Value%3 == 2 {
				s.sim.RevokeToken()
			}
		case relinks:
			if twin := m.twin(product); twin != 0 && len(s.sim.Faults()) == 0 && !down && !full && !spent && s.state(product) == projections.Synced && !s.listing(product).Deleted {
				if err := s.Unlink(t.Context(), product, "to try again"); err != nil {
					t.Fatal(err)
				}
				_, err := s.Link(t.Context(), product, twin, false)
				// It may be waiting after a fault; and another product that has a SKU of the twin
				// may have taken it, now that it is free.
				taken := func() bool {
					owner, is := s.pubs.Twin(store, twin)
					return is && owner != product
				}
				for tries := 0; err != nil && !taken() && tries < 10; tries++ {
					pass(time.Minute)
					_, err = s.Link(t.Context(), product, twin, false)
				}
				if err != nil && !taken() {
					t.Fatal(err)
				}
			}
		default:
			pos.act(d.What, string(product), tillItems[d.Item], d.Value)
		}
	}
	pass(5 * time.Second)
	s.sim.Heal()
	s.sim.Down(false)
	s.sim.RestoreToken()
	s.log.fails(false)
	if err := s.sim.Change(func(c *simulator.Config) { c.Quota, c.ConcurrencyLimit, c.OtherAppRate = 150, 0, 0 }); err != nil {
		t.Fatal(err)
	}
	pass(30 * time.Minute)
	settle := func() {
		if _, err := s.Create(t.Context(), tillProducts); err != nil {
			t.Fatal(err)
		}
		s.idle()
		pass(10 * time.Minute)
	}
	settle()
	if m.makesRoom() {
		settle()
	}
	wrong := append(outcome(s, m), pos.outOfOrder(changes)...)
	_ = s.stop()
	return wrong
}

// settle waits until what was sent has taken effect.
func (s *shop) settle() {
	for _, r := range s.sim.Requests() {
		if r.Fault == simulator.CommitLater && r.At.Add(time.Minute).After(time.Now()) {
			pass(time.Until(r.At.Add(time.Minute)))
		}
	}
}

// fault is one of all that the simulator has.
func fault(d step) simulator.Fault {
	faults := []simulator.Fault{
		{Kind: simulator.Status, Status: 429}, {Kind: simulator.Status, Status: 429, Spent: true}, {Kind: simulator.Status, Status: 500},
		{Kind: simulator.Status, Status: 503}, {Kind: simulator.Status, Status: 504}, {Kind: simulator.Status, Status: 408}, {Kind: simulator.HTML, Status: 502},
		{Kind: simulator.Revoked}, {Kind: simulator.Connect, Delay: 5 * time.Second}, {Kind: simulator.Hang}, {Kind: simulator.CloseBeforeCommit},
		{Kind: simulator.CloseAfterCommit}, {Kind: simulator.CommitLater, Delay: time.Second}, {Kind: simulator.CommitLater, Delay: 40 * time.Second}, {Kind: simulator.Late, Delay: 25 * time.Second}, {Kind: simulator.Late, Delay: 5 * time.Second},
		{Kind: simulator.Dribble, Delay: time.Second, Size: 10}, {Kind: simulator.Truncate}, {Kind: simulator.InvalidUTF8}, {Kind: simulator.StringIDs},
		{Kind: simulator.Partial}, {Kind: simulator.Slow, Delay: 15 * time.Second}, {Kind: simulator.Slow, Delay: 25 * time.Second},
		{Kind: simulator.ProductDeleted}, {Kind: simulator.ProductRecreated}, {Kind: simulator.NameTaken},
		{Kind: simulator.QuotaChange, Quota: 20, Window: 10 * time.Second},
	}
	matches := []string{"", "PUT /catalog/products", "PUT /catalog/variants", "PUT /inventory/*/*", "POST /catalog/products", "* /catalog/products/*/*", "GET *", "GET /catalog/*", "GET /catalog/products/*"}
	f := faults[d.Value%len(faults)]
	f.Match, f.Count, f.Skip = matches[(d.Item+d.Product*3)%len(matches)], 1+d.Value/len(faults), d.Item%3
	return f
}

// fails has appending fail until it is called again.
func (l *syncLog) fails(is bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fail = nil
	if is {
		l.fail = errors.New("disk full")
	}
}

// outcome lists what is wrong in the end.
func outcome(s *shop, m *merchant) (wrong []string) {
	linked := map[int64]domain.ProductID{}
	for _, id := range tillProducts {
		pub := s.publication(id)
		summary, known := s.catalog.Summary(store, id)
		if !known || summary.Due == 0 {
			continue
		}
		state := s.state(id)
		if pub.Link == nil {
			if !summary.Deleted {
				wrong = append(wrong, fmt.Sprintf("%s has no twin and is %s: %+v", id, state, pub.Refused))
			}
			continue
		}
		linked[pub.Link.BigCommerceID] = id
		if pub.Refused != nil || pub.NeedsPush(summary.Due) {
			wrong = append(wrong, fmt.Sprintf("%s is %s: %+v", id, state, pub.Refused))
			continue
		}
		wrong = append(wrong, s.differences(id)...)
	}
	for _, p := range s.sim.Products() {
		if linked[p.ID] == "" && !m.made(p.ID) {
			wrong = append(wrong, fmt.Sprintf("BigCommerce has a product %d %q that is nobody's", p.ID, p.Name))
		}
	}
	wrong = append(wrong, m.complaints()...)
	if got := s.Status(); got.Problem != "" || got.Waiting != 0 {
		wrong = append(wrong, fmt.Sprintf("%d products wait, problem %q", got.Waiting, got.Problem))
	}
	if got := len(s.requests()); got > 4000 {
		wrong = append(wrong, fmt.Sprintf("%d requests", got))
	}
	return wrong
}
