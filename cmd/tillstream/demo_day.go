package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/console"
	"github.com/tillstream/tillstream/handlers/ingest"
	pos "github.com/tillstream/tillstream/handlers/pos/simulator"
	"github.com/tillstream/tillstream/handlers/publish"
	"github.com/tillstream/tillstream/projections"
)

// demoRun is one play of the demo. What goes in goes through the front door, the
// HTTP API; what is told is read off the projections and the simulated shop.
type demoRun struct {
	cli   *cli
	app   *app
	shop  *demoShop
	day   *pos.Day
	flags demoFlags
	at    served
	api   *storeClient
	owned map[int64][]byte // what is the merchant's own of each linked product, before the first push

	mu      sync.Mutex
	news    chan struct{} // closed and replaced with every outcome
	refused map[domain.ProductID]string
	pushes  int
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
	d.heading("Kite & Keel: an invented shop with two outlets, and a simulated BigCommerce")
	d.say("tillstream %s   BigCommerce (simulated) %s   data %s", "http://"+d.at.http, d.shop.url, d.app.cfg.Data)
	for _, part := range []func(context.Context) error{d.bringIn, d.link, d.trade, d.check} {
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

// bringIn imports the POS's export.
func (d *demoRun) bringIn(ctx context.Context) error {
	d.heading("The POS's product export is imported")
	var file bytes.Buffer
	if err := pos.Export(&file); err != nil {
		return err
	}
	begin := time.Now()
	var summary *importSummary
	err := d.api.lines(ctx, call{method: http.MethodPost, path: d.api.path("imports"), query: map[string][]string{"file": {"kite-and-keel.csv"}}, kind: "text/csv", body: &file},
		func(line json.RawMessage) error {
			var a importAnswer
			if err := json.Unmarshal(line, &a); err != nil {
				return err
			}
			if a.Error != nil || a.Outcome == ingest.RowRefused {
				return fmt.Errorf("demo: the import: %s", line)
			}
			if a.Summary != nil {
				summary = a.Summary
			}
			return nil
		})
	if err != nil {
		return err
	}
	if summary == nil {
		return errors.New("demo: the import did not end")
	}
	engine := d.app.engine.Load()
	if err := d.until(ctx, func() bool { return uint64(engine.catalog.Position()) >= uint64(summary.Events) }); err != nil {
		return err
	}
	d.say("%s became %s on disk in %s, and %s.", count(summary.Rows, "row"), count(summary.Events, "event"), took(begin),
		count(engine.catalog.Size(demoStore), "product"))
	return nil
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
	if err := d.until(ctx, func() bool { return d.pending() == 0 }); err != nil {
		return err
	}
	status := engine.publishers[demoStore].Status()
	d.say("Their full state was pushed in %s: %s so far, reading the twins included.", took(begin), count(int(status.Requests), "request"))
	for _, l := range report.Linked {
		d.shop.take(l.BigCommerceID)
	}
	return nil
}

// trade plays the day.
func (d *demoRun) trade(ctx context.Context) error {
	d.heading(fmt.Sprintf("The shop opens: a day from 09:00 to 17:30 in %s", d.flags.day))
	begin := time.Now()
	for _, step := range d.day.Steps() {
		due := begin.Add(time.Duration(float64(d.flags.day) * float64(step.At) / float64(pos.Closes-pos.Opens)))
		select {
		case <-time.After(time.Until(due)):
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := d.step(ctx, &step); err != nil {
			return err
		}
	}
	return nil
}

// step sends one step's events and tells what came of it.
func (d *demoRun) step(ctx context.Context, step *pos.Step) error {
	events, err := step.Envelopes(time.Now())
	if err != nil {
		return err
	}
	d.say("%s  %s", d.faint(step.Clock()), oneLine(step.Caption))
	begin := time.Now()
	last, err := d.send(ctx, events)
	if err != nil {
		return err
	}
	engine := d.app.engine.Load()
	if err := d.until(ctx, func() bool { return engine.catalog.Position() >= last }); err != nil {
		return err
	}
	var products []domain.ProductID
	seen := map[domain.ProductID]bool{}
	for _, e := range events {
		if id, ok := engine.catalog.Holder(demoStore, domain.ItemID(e.Subject)); ok && !seen[id] {
			seen[id] = true
			products = append(products, id)
		}
	}
	const mostTold = 4
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
	return nil
}

// send posts events and returns the position of the last.
func (d *demoRun) send(ctx context.Context, events []domain.Envelope) (domain.Position, error) {
	var body bytes.Buffer
	for _, e := range events {
		line, err := json.Marshal(e)
		if err != nil {
			return 0, err
		}
		body.Write(append(line, '\n'))
	}
	var last domain.Position
	err := d.api.lines(ctx, call{method: http.MethodPost, path: d.api.path("events"), kind: "application/x-ndjson", body: io.Reader(&body)}, func(line json.RawMessage) error {
		var a struct {
			Position domain.Position
			Error    *struct{ Detail string }
		}
		if err := json.Unmarshal(line, &a); err != nil {
			return err
		}
		if a.Error != nil {
			return fmt.Errorf("demo: an event was refused: %s", a.Error.Detail)
		}
		last = max(last, a.Position)
		return nil
	})
	return last, err
}

// follow waits for a product's push and returns what the shop shows now.
func (d *demoRun) follow(ctx context.Context, id domain.ProductID, begin time.Time) (string, error) {
	engine := d.app.engine.Load()
	state := func() projections.State {
		s, _ := engine.catalog.Summary(demoStore, id)
		return projections.StateOf(s.Due, engine.publications.Publication(demoStore, id), engine.publications.Quarantined(demoStore, s.Items...))
	}
	if err := d.until(ctx, func() bool { return state() != projections.Pending }); err != nil {
		return "", err
	}
	p, err := engine.catalog.Product(ctx, demoStore, id)
	if err != nil {
		return "", err
	}
	name, words := oneLine(p.Family.Name), ""
	switch now := state(); now {
	case projections.Unlinked:
		words = d.faint("not linked: recorded, not pushed")
	case projections.Synced:
		link := engine.publications.Publication(demoStore, id).Link
		changed := d.shop.tell(link.BigCommerceID)
		if changed == "" {
			changed = "nothing differs"
		}
		words = d.cli.stdout.paint(green, changed) + d.faint(fmt.Sprintf("  pushed in %s", took(begin)))
	default:
		d.mu.Lock()
		words = d.cli.stdout.paint(red, fmt.Sprintf("%s: %s", now, d.refused[id]))
		d.mu.Unlock()
	}
	return fmt.Sprintf("%s %s  %s", d.faint("→"), name, words), nil
}

func (d *demoRun) pending() int {
	engine := d.app.engine.Load()
	return projections.Count(engine.catalog, engine.publications, demoStore).Pending
}

// until waits for a condition, which it looks at with every outcome and now and
// then besides.
func (d *demoRun) until(ctx context.Context, ok func() bool) error {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
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
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// took is a duration for people.
func took(since time.Time) string {
	d := time.Since(since)
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	default:
		return strings.TrimSuffix(d.Round(100*time.Millisecond).String(), "0s")
	}
}
