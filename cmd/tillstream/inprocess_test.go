package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
	"github.com/tillstream/tillstream/handlers/console"
	"github.com/tillstream/tillstream/projections"
	"github.com/tillstream/tillstream/streams"
)

// testStore is the store of an installation.
const testStore = "harbour"

// installation is the program in this process, as up runs it, against a simulated
// BigCommerce. What waits for BigCommerce goes by a clock of the test's own.
type installation struct {
	t     *testing.T
	cfg   Config
	shop  *simulator.Store
	clock *clock
	pace  pace
	said  *tail

	folding  projections.Folding // of the next start; the present one when it is none
	rebuilds bool                // as up --rebuild-on-start
	longLog  domain.Position     // of the next start; the program's own when it is 0

	app  *app
	base string
	stop func() // ends the program as an operator does
	told int    // events so far
}

// install makes an installation and starts it. The clock is also that of the
// simulated store.
func install(t *testing.T, like simulator.Config, change func(*Config)) *installation {
	t.Helper()
	return installAs(t, projections.Folding{}, like, change)
}

// installAs does so with another folding than the present one.
func installAs(t *testing.T, folding projections.Folding, like simulator.Config, change func(*Config)) *installation {
	t.Helper()
	in := &installation{t: t, clock: newClock(), said: &tail{}, folding: folding}
	in.pace = pace{now: in.clock.Now, after: in.clock.After}
	like.StoreHash, like.Token, like.Now, like.After = testStore, "s3cret", in.clock.Now, in.clock.After
	in.shop = simulator.New(like)
	bigcommerce := httptest.NewServer(in.shop)
	t.Cleanup(bigcommerce.Close)

	in.cfg = defaultConfig()
	in.cfg.Data, in.cfg.HTTP = filepath.Join(t.TempDir(), "data"), "127.0.0.1:0"
	s := defaultStore()
	s.ID, s.BigCommerce.API, s.BigCommerce.StoreHash, s.BigCommerce.Token = testStore, bigcommerce.URL, testStore, "s3cret"
	in.cfg.Stores = []Store{s}
	if change != nil {
		change(&in.cfg)
	}
	if err := in.cfg.Validate(allRoles()); err != nil {
		t.Fatal(err)
	}
	in.start()
	t.Cleanup(func() { in.stop() })
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the program said:\n%s", in.said)
		}
	})
	return in
}

func (in *installation) start() {
	in.t.Helper()
	in.starting()()
}

// starting starts the program, and returns what waits until it is ready.
func (in *installation) starting() (await func()) {
	in.t.Helper()
	ctx, interrupt := context.WithCancel(context.WithoutCancel(in.t.Context()))
	a, err := openApp(ctx, in.cfg, slog.New(slog.NewTextHandler(in.said, nil)))
	if err != nil {
		interrupt()
		in.t.Fatal(err)
	}
	a.pace, a.rebuilds = in.pace, in.rebuilds
	if in.folding.Fold != nil {
		a.folding = in.folding
	}
	if in.longLog > 0 {
		a.longLog = in.longLog
	}
	at, ended := make(chan served, 1), make(chan error, 1)
	go func() { ended <- a.serve(ctx, rolesOf(allRoles()), func(s served) { at <- s }) }()
	select {
	case s := <-at:
		in.base = "http://" + s.http
	case err := <-ended:
		interrupt()
		in.t.Fatal(err)
	}
	in.app = a
	in.stop = sync.OnceFunc(func() {
		in.shop.Heal() // nothing hangs
		interrupt()
		if err := <-ended; err != nil {
			in.t.Errorf("ending: %v", err)
		}
	})
	return func() {
		in.t.Helper()
		select {
		case <-a.readied:
		case err := <-ended:
			ended <- nil
			in.t.Fatalf("ended before it was ready: %v", err)
		}
	}
}

// ask makes a request of the API as somebody who has the token.
func (in *installation) ask(method, path, kind string, body io.Reader) (*http.Response, string) {
	in.t.Helper()
	r, err := http.NewRequest(method, in.base+path, body)
	if err != nil {
		in.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+in.app.token)
	r.Header.Set("Content-Type", kind)
	return in.send(r)
}

func (in *installation) send(r *http.Request) (*http.Response, string) {
	in.t.Helper()
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		in.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		in.t.Fatal(err)
	}
	return answer, string(text)
}

// call makes a request with a JSON body, if any, and reads the JSON answer.
func (in *installation) call(method, path string, body, into any) {
	in.t.Helper()
	var sent io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			in.t.Fatal(err)
		}
		sent = bytes.NewReader(b)
	}
	answer, text := in.ask(method, path, "application/json", sent)
	if answer.StatusCode != http.StatusOK {
		in.t.Fatalf("%s %s: %s\n%s", method, path, answer.Status, text)
	}
	if into == nil {
		return
	}
	if err := json.Unmarshal([]byte(text), into); err != nil {
		in.t.Fatalf("%s %s: %v\n%s", method, path, err, text)
	}
}

func (in *installation) status() console.StatusPage {
	in.t.Helper()
	var page console.StatusPage
	in.call(http.MethodGet, "/status.json", nil, &page)
	return page
}

func (in *installation) product(ref string) console.ProductPage {
	in.t.Helper()
	var page console.ProductPage
	in.call(http.MethodGet, "/v1/stores/"+testStore+"/products/"+ref, nil, &page)
	return page
}

// envelope dresses an event as the next one of a till that numbers its events.
func (in *installation) envelope(event domain.Event) domain.Envelope {
	in.t.Helper()
	in.told++
	const source = "/pos/harbour/till-1"
	at := time.Date(2025, 11, 1, 9, 0, 0, 0, time.UTC).Add(time.Duration(in.told) * time.Second)
	e, err := domain.NewEnvelope(domain.DeriveEventID(source, fmt.Sprint(in.told)), source, at, event)
	if err != nil {
		in.t.Fatal(err)
	}
	e.SourceVersion = uint64(in.told)
	return e
}

// happen lets events happen in the POS, and requires that each is accepted and
// folded. The clock stands meanwhile: what is on its way to BigCommerce, and slow,
// comes back when all of them are there.
func (in *installation) happen(events ...domain.Event) {
	in.t.Helper()
	in.append(events...)
	last, err := in.app.conn.POS().Last(in.t.Context())
	if err != nil {
		in.t.Fatal(err)
	}
	in.polling("folded", func() bool { return in.app.engine.Load().catalog.Position() >= last })
}

// append lets events happen, and requires that each is accepted.
func (in *installation) append(events ...domain.Event) {
	in.t.Helper()
	var body bytes.Buffer
	for _, event := range events {
		line, err := json.Marshal(in.envelope(event))
		if err != nil {
			in.t.Fatal(err)
		}
		body.Write(append(line, '\n'))
	}
	answer, text := in.ask(http.MethodPost, "/v1/stores/"+testStore+"/events", "application/x-ndjson", &body)
	if got := strings.Count(text, `"position":`); answer.StatusCode != http.StatusOK || got != len(events) {
		in.t.Fatalf("%d of %d events were accepted, %s:\n%s", got, len(events), answer.Status, text)
	}
}

// await waits for a condition, and lets the clock leap while it does not hold. Its
// bound is there to say what was waited for, not to measure.
func (in *installation) await(what string, ok func() bool) {
	in.t.Helper()
	in.polling(what, func() bool {
		if ok() {
			return true
		}
		in.clock.leap()
		return false
	})
}

func (in *installation) polling(what string, done func() bool) {
	in.t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(time.Minute); !done(); <-tick.C {
		if time.Now().After(deadline) {
			in.t.Fatalf("%s: not within a minute; status %+v", what, in.status())
		}
	}
}

// pass lets time pass while something waits for it.
func (in *installation) pass(d time.Duration) {
	in.t.Helper()
	end := in.clock.Now().Add(d)
	in.polling("time passes", func() bool {
		in.clock.leap()
		return !in.clock.Now().Before(end)
	})
}

// settle waits until nothing is left to push.
func (in *installation) settle() {
	in.t.Helper()
	in.await("settled", in.settled)
}

func (in *installation) settled() bool {
	in.t.Helper()
	s := in.status().Stores[0]
	waiting := s.Publishing.Pending
	if in.cfg.Stores[0].Publish == "all" {
		waiting += s.Publishing.Unlinked
	}
	return s.Projection.Lag == 0 && waiting == 0
}

// log reads the whole POS log.
func (in *installation) log() []domain.Recorded {
	in.t.Helper()
	var log []domain.Recorded
	if err := in.app.conn.POS().Read(in.t.Context(), streams.Query{}, func(m streams.Message) error {
		rec, err := m.Recorded()
		log = append(log, rec)
		return err
	}); err != nil {
		in.t.Fatal(err)
	}
	return log
}

// requests are those of the program since one, without the merchant's.
func (in *installation) requests(since int) []simulator.Request {
	return slices.DeleteFunc(in.shop.Requests(), func(r simulator.Request) bool { return r.Seq <= int64(since) || r.Actor != "api" })
}

// newest is the number of the newest request.
func (in *installation) newest() int { return len(in.shop.Requests()) }

// clock goes only when it is told to, from one moment that somebody waits for to
// the next. So it never runs ahead of the work that is to be done in between, and
// what happens by the clock does not depend on the machine.
type clock struct {
	mu     sync.Mutex
	now    time.Time
	alarms []alarm
}

type alarm struct {
	at   time.Time
	ring chan time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)} }

// Now is time.Now.
func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// After is time.After.
func (c *clock) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := alarm{c.now.Add(d), make(chan time.Time, 1)}
	if d <= 0 {
		a.ring <- c.now
		return a.ring
	}
	c.alarms = append(c.alarms, a)
	return a.ring
}

// leap goes to the next moment that somebody waits for, if there is one.
func (c *clock) leap() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.alarms) == 0 {
		return
	}
	next := slices.MinFunc(c.alarms, func(a, b alarm) int { return a.at.Compare(b.at) }).at
	if next.After(c.now) {
		c.now = next
	}
	c.alarms = slices.DeleteFunc(c.alarms, func(a alarm) bool {
		if a.at.After(c.now) {
			return false
		}
		a.ring <- c.now
		return true
	})
}
