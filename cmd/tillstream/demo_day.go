package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/console"
	pos "github.com/tillstream/tillstream/handlers/pos/xseries/simulator"
	"github.com/tillstream/tillstream/handlers/publish"
	"github.com/tillstream/tillstream/projections"
)

// demoRun is one play of the demo. Things happen in the simulated account only, and
// tillstream hears of them as it would of a real one; what is told is read off the
// account, the projections and the simulated shop.
type demoRun struct {
	cli     *cli
	app     *app
	shop    *demoShop
	pos     *demoAccount
	flags   demoFlags
	journal *journal
	at      served
	api     *storeClient

	owned   map[int64][]byte    // what is the merchant's own of each linked product, before the first push
	opening domain.Position     // of the log, when the shop opened
	times   map[pos.Trigger]int // steps of the day with that trigger
	unheard int                 // steps of the day that no webhook told of

	mu        sync.Mutex
	news      chan struct{} // closed and replaced with every outcome
	refused   map[domain.ProductID]string
	confirmed map[domain.ProductID]confirmation // the last push
	pushes    int
}

// confirmation is when BigCommerce had taken a state.
type confirmation struct {
	at    time.Time
	state domain.Position
}

func newDemoRun(c *cli, shop *demoShop, account *demoAccount, flags demoFlags) *demoRun {
	return &demoRun{
		cli: c, shop: shop, pos: account, flags: flags, journal: newJournal(account.account), times: map[pos.Trigger]int{},
		news: make(chan struct{}), refused: map[domain.ProductID]string{}, confirmed: map[domain.ProductID]confirmation{},
	}
}

// outcome is told every outcome of a push.
func (d *demoRun) outcome(o publish.Outcome) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch o.Kind {
	case publish.Refused:
		d.refused[o.Product] = o.Reason
	case publish.Confirmed:
		delete(d.refused, o.Product)
		d.confirmed[o.Product] = confirmation{time.Now(), o.Position}
		d.pushes++
	}
	close(d.news)
	d.news = make(chan struct{})
}

func (d *demoRun) say(format string, args ...any) { d.cli.stdout.line(format, args...) }

func (d *demoRun) heading(words string) {
	d.say("")
	d.say("%s", d.cli.stdout.paint(bold, words))
}

func (d *demoRun) faint(words string) string { return d.cli.stdout.paint(faint, words) }

// play tells the whole story.
func (d *demoRun) play(ctx context.Context) error {
	select {
	case <-d.app.readied:
	case <-ctx.Done():
		return ctx.Err()
	}
	d.api = &storeClient{client: newClient("http://"+d.at.http, Secret(d.app.token)), store: demoStore}
	d.heading("Kite & Keel: an invented shop with two outlets")
	d.say("tillstream             http://%s   data %s", d.at.http, d.app.cfg.Data)
	d.say("X-Series, simulated    %s   %s", d.pos.url, count(d.pos.account.Items(), "item"))
	d.say("BigCommerce, simulated %s   %s", d.shop.url, count(len(d.shop.store.Products()), "product"))
	for _, part := range []func(context.Context) error{d.load, d.link, d.trade, d.check} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	if !d.flags.exit {
		d.heading("The shop is closed; tillstream goes on. Ctrl-C ends it.")
		d.say("From another terminal:")
		for _, try := range []string{"status", "products --state unlinked", "show CK-121", "history CK-121", "deadletters list"} {
			d.say("  go run ./cmd/tillstream %s%s", try, d.dataFlag())
		}
	}
	return nil
}

func (d *demoRun) dataFlag() string {
	if d.app.cfg.Data == defaultConfig().Data {
		return ""
	}
	return " --data " + d.app.cfg.Data
}

// load waits until the account is read whole, and tells how far it is.
func (d *demoRun) load(ctx context.Context) error {
	d.heading("The account is connected, and read whole")
	begin, engine := time.Now(), d.app.engine.Load()
	var told time.Time
	var status, before projections.AccountStatus
	err := d.until(ctx, "the account is read", func() bool {
		status = engine.accounts[demoStore].status()
		if status.Products+status.Levels > before.Products+before.Levels && time.Since(told) > time.Second/4 {
			told, before = time.Now(), status
			d.say("%s", d.faint(fmt.Sprintf("  %s and %s so far", count(status.Products, "item"), count(status.Levels, "stock level"))))
		}
		return !status.Loading && !status.LastRead.IsZero()
	})
	if err == nil {
		d.opening, err = d.folded(ctx)
	}
	if err != nil {
		return err
	}
	d.say("%s and %s were read with %s in %s: %s on disk, and %s.", count(status.Products, "item"), count(status.Levels, "stock level"),
		count(int(status.Requests), "request"), took(time.Since(begin)), count(int(d.opening), "event"), count(engine.catalog.Size(demoStore), "product"))
	if err := d.pos.subscribe("http://"+d.at.http, demoStore); err != nil {
		return err
	}
	d.say("From now on the account tells of changes by webhook, signed. Of ten, one is lost, one comes twice and one late, on purpose:")
	d.say("what they do not bring, polling finds, every %s.", took(d.pos.poll))
	return nil
}

// folded waits until all that is in the log is folded.
func (d *demoRun) folded(ctx context.Context) (domain.Position, error) {
	last, err := d.app.conn.POS().Last(ctx)
	if err != nil {
		return 0, err
	}
	return last, d.until(ctx, "the log is folded", func() bool { return d.app.engine.Load().catalog.Position() >= last })
}

// link finds the twins and waits for their first push.
func (d *demoRun) link(ctx context.Context) error {
	d.heading("Twins are found by SKU and linked")
	var report console.LinkReport
	if err := d.api.exchange(ctx, http.MethodPost, d.api.path("links"), map[string][]string{"dry_run": {"true"}}, map[string]any{"auto": true}, &report); err != nil {
		return err
	}
	d.owned = map[int64][]byte{}
	for _, l := range report.Linked {
		d.owned[l.BigCommerceID] = d.shop.store.OwnedFields(l.BigCommerceID)
	}
	begin := time.Now()
	if err := d.api.exchange(ctx, http.MethodPost, d.api.path("links"), nil, map[string]any{"auto": true}, &report); err != nil {
		return err
	}
	d.say("%s linked. BigCommerce has had them for years, with weights, SEO and sale prices made by hand.", count(len(report.Linked), "product"))
	for _, a := range report.Ambiguous {
		d.say("  %s is for a person to decide: %s", oneLine(a.Name), oneLine(a.Reason))
	}
	d.say("%s without a twin: not pushed until somebody says tillstream publish.", count(len(report.WithoutTwin), "product"))
	engine := d.app.engine.Load()
	if err := d.until(ctx, "the first pushes", func() bool { return d.pending() == 0 }); err != nil {
		return err
	}
	status := engine.publishers[demoStore].Status()
	d.say("Their full state was pushed in %s: %s so far, reading the twins included.", took(time.Since(begin)), count(int(status.Requests), "request"))
	for _, l := range report.Linked {
		d.shop.take(l.BigCommerceID)
	}
	return nil
}

// trade plays the day.
func (d *demoRun) trade(ctx context.Context) error {
	d.heading(fmt.Sprintf("The shop opens: a day from 09:00 to 17:30 in %s", d.flags.day))
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	day := pos.Week{Days: 1, Sales: demoSales, Takes: d.flags.day, Told: func(s pos.Step) {
		if ctx.Err() != nil {
			return
		}
		if err := d.step(ctx, &s); err != nil {
			fail(err)
		}
	}}
	if err := pos.NewTrader(d.pos.account, d.flags.seed).Play(ctx, day); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return fmt.Errorf("demo: %w", err)
	}
	return nil
}

// step tells what has just happened in the account, and what comes of it.
func (d *demoRun) step(ctx context.Context, s *pos.Step) error {
	begin := time.Now()
	d.say("%s  %s", d.faint(clockFace(s.Hour)), oneLine(s.Caption))
	d.counted(s)
	if len(s.Occurred) == 0 {
		return nil
	}
	if err := d.heardOf(ctx, s.Occurred); err != nil {
		return err
	}
	const mostTold = 4
	products := d.productsOf(s.Occurred)
	for i, id := range products {
		line, err := d.follow(ctx, id, begin)
		if err != nil {
			return err
		}
		if i < mostTold {
			d.say("       %s", line)
		}
	}
	if untold := len(products) - mostTold; untold > 0 {
		d.say("       %s", d.faint(fmt.Sprintf("… and %s", count(untold, "other product"))))
	}
	if silent(s) {
		d.say("       %s", d.faint("no webhook told of it: polling found it"))
	}
	return nil
}

// silent says that no webhook told of something, because all were lost or there is
// none for it.
func silent(s *pos.Step) bool { return s.Lost == s.Hooks && len(s.Occurred) > 0 }

func (d *demoRun) counted(s *pos.Step) {
	if silent(s) {
		d.unheard++
	}
	seen := map[pos.Trigger]bool{}
	for _, o := range s.Occurred {
		if !seen[o.Trigger] {
			seen[o.Trigger] = true
			d.times[o.Trigger]++
		}
	}
}

// clockFace is the hour of a day: "09:42".
func clockFace(sinceMidnight time.Duration) string {
	minutes := int(sinceMidnight / time.Minute)
	return fmt.Sprintf("%02d:%02d", minutes/60, minutes%60)
}

// heardOf waits until all that has occurred is in the log and folded.
func (d *demoRun) heardOf(ctx context.Context, occurred []pos.Occurrence) error {
	engine := d.app.engine.Load()
	for _, o := range occurred {
		if o.Trigger == pos.Voiding {
			continue // its levels tell of it
		}
		err := d.until(ctx, fmt.Sprintf("the %s %s of product %s", o.Trigger, o.Ref, o.Product), func() bool {
			at, ok := d.journal.find(o)
			return ok && engine.catalog.Position() >= at
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// productsOf are the products that something has occurred to, each once.
func (d *demoRun) productsOf(occurred []pos.Occurrence) []domain.ProductID {
	engine := d.app.engine.Load()
	var products []domain.ProductID
	for _, o := range occurred {
		if id, ok := engine.catalog.Holder(demoStore, domain.ItemID(o.Product)); ok && !slices.Contains(products, id) {
			products = append(products, id)
		}
	}
	return products
}

// follow waits for a product's push and returns what the shop shows now.
func (d *demoRun) follow(ctx context.Context, id domain.ProductID, begin time.Time) (string, error) {
	engine := d.app.engine.Load()
	if err := d.until(ctx, "the push of product "+string(id), func() bool { return d.state(id) != projections.Pending }); err != nil {
		return "", err
	}
	p, err := engine.catalog.Product(ctx, demoStore, id)
	if err != nil {
		return "", err
	}
	words := ""
	switch now := d.state(id); now {
	case projections.Unlinked:
		words = d.faint("not linked: recorded, not pushed")
	case projections.Synced:
		pub := engine.publications.Publication(demoStore, id)
		at, err := d.confirmation(ctx, id, pub.Confirmed.Position)
		if err != nil {
			return "", err
		}
		changed := d.shop.tell(pub.Link.BigCommerceID)
		if changed == "" {
			changed = "nothing differs"
		}
		words = d.cli.stdout.paint(green, changed) + d.faint(fmt.Sprintf("  pushed in %s", took(at.Sub(begin))))
	default:
		d.mu.Lock()
		words = d.cli.stdout.paint(red, fmt.Sprintf("%s: %s", now, oneLine(d.refused[id])))
		d.mu.Unlock()
	}
	return fmt.Sprintf("%s %s  %s", d.faint("→"), oneLine(p.Family.Name), words), nil
}

// confirmation is when a state was confirmed, which is told after it is recorded.
func (d *demoRun) confirmation(ctx context.Context, id domain.ProductID, state domain.Position) (at time.Time, err error) {
	err = d.until(ctx, "the outcome of the push of product "+string(id), func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		last := d.confirmed[id]
		at = last.at
		return last.state >= state
	})
	return at, err
}

// state is where a product stands.
func (d *demoRun) state(id domain.ProductID) projections.State {
	engine := d.app.engine.Load()
	s, _ := engine.catalog.Summary(demoStore, id)
	return projections.StateOf(s.Due, engine.publications.Publication(demoStore, id), engine.publications.Quarantined(demoStore, s.Items...))
}

func (d *demoRun) pending() int {
	return d.app.engine.Load().console.Standings.Count(demoStore).Pending
}

// demoPatience is how long anything in the demo may take.
const demoPatience = 2 * time.Minute

// until waits for a condition, which it looks at with every outcome and now and
// then besides.
func (d *demoRun) until(ctx context.Context, what string, ok func() bool) error {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	over := time.After(demoPatience)
	for {
		d.mu.Lock()
		news := d.news
		d.mu.Unlock()
		if ok() {
			return nil
		}
		select {
		case <-news:
		case <-tick.C:
		case <-over:
			return fmt.Errorf("demo: waited %s for this: %s", demoPatience, what)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// took is a duration for people.
func took(d time.Duration) string {
	if d < time.Second {
		return max(d.Round(time.Millisecond), time.Millisecond).String()
	}
	return d.Round(100 * time.Millisecond).String()
}
