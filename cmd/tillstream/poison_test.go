package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
	"github.com/tillstream/tillstream/handlers/console"
	"github.com/tillstream/tillstream/handlers/problem"
	"github.com/tillstream/tillstream/handlers/project"
	"github.com/tillstream/tillstream/projections"
	"github.com/tillstream/tillstream/streams"
)

// poison is a message of a foreign program that is no event of a store.
type poison struct {
	name    string
	subject string
	headers map[string]string // over those of a sale
	bare    bool              // no headers at all
	data    string
	kind    streams.Kind
	reason  string
	item    domain.ItemID // that is quarantined, if any
}

func poisons() []poison {
	sale := func(item, quantity string) string {
		return fmt.Sprintf(`{"item":%q,"outlet":"Quayside","quantity":%q,"sale":"s","line":"1"}`, item, quantity)
	}
	return []poison{
		{name: "undecodable", subject: "pos.harbour.p-00", bare: true, data: "\x00\xff no event", kind: streams.Undecodable, reason: "specversion", item: "p-00"},
		{name: "broken JSON", subject: "pos.harbour.p-01", data: `{"item":"p-01",`, kind: streams.Invalid, reason: "data", item: "p-01"},
		{name: "invalid", subject: "pos.harbour.p-02", data: sale("p-02", "-1"), kind: streams.Invalid, reason: `quantity: "-1"`, item: "p-02"},
		{name: "oversized", subject: "pos.harbour.p-03", data: `{"item":"p-03","x":"` + strings.Repeat("x", domain.MaxDataSize) + `"}`, kind: streams.Undecodable, reason: "must be at most 524288 bytes", item: "p-03"},
		{name: "unknown type", subject: "pos.harbour.p-04", headers: map[string]string{"ce-type": "pos.item.eaten.v1"}, data: sale("p-04", "1"), kind: streams.UnknownType, reason: "pos.item.eaten.v1", item: "p-04"},
		{name: "other subject", subject: "pos.harbour.p-05", headers: map[string]string{"ce-subject": "p-09"}, data: sale("p-09", "1"), kind: streams.Undecodable, reason: `must be the id in the stream's subject, "p-05"`, item: "p-05"},
		{name: "other item", subject: "pos.harbour.p-06", data: sale("p-09", "1"), kind: streams.Invalid, reason: "p-09", item: "p-06"},
		{name: "sync event", subject: "pos.harbour.p-07", headers: map[string]string{"ce-type": "sync.product.unlinked.v1"}, data: `{"product":"p-07","reason":"mischief"}`, kind: streams.Invalid, reason: "does not belong into the POS log", item: "p-07"},
		{name: "far future", subject: "pos.harbour.p-08", headers: map[string]string{"ce-time": "2999-11-02T09:00:00Z"}, data: sale("p-08", "1"), kind: streams.Invalid, reason: "ahead", item: "p-08"},
		{name: "no item", subject: "pos.harbour.=!", data: sale("!", "1"), kind: streams.Undecodable, reason: "subject token"},
		{name: "unknown store", subject: "pos.mill.p-09", data: `{"item":"p-09","sku":"SKU-mill","name":"Oat flakes"}`, headers: map[string]string{"ce-type": "pos.product.saved.v1"}, kind: project.UnknownStore, reason: "is not configured"},
	}
}

// What a foreign program publishes straight to the broker harms, at most, the item
// that it names: it is kept whole with the reason, what may be wrong is not pushed,
// and everything else goes on.
func TestPoison(t *testing.T) {
	t.Parallel()
	in := install(t, simulator.Config{Quota: 150}, func(c *Config) { c.Stores[0].Publish = "all" })
	in.happen(revision(1)...)
	in.settle()
	adapter, operator := in.adapter(), in.foreign("operator")
	for i, p := range poisons() {
		item, _ := strings.CutPrefix(p.subject[strings.LastIndex(p.subject, "."):], ".")
		m := natsgo.NewMsg(p.subject)
		if !p.bare {
			for name, value := range map[string]string{
				"ce-specversion": "1.0", "ce-id": fmt.Sprintf("poison-%d", i), "ce-source": "/foreign", "ce-type": "pos.item.sold.v1",
				"ce-subject": item, "ce-time": "2025-11-02T09:00:00Z",
			} {
				m.Header[name] = []string{value}
			}
			for name, value := range p.headers {
				m.Header[name] = []string{value}
			}
		}
		m.Data = []byte(p.data)
		publisher := adapter
		if !strings.HasPrefix(p.subject, "pos."+testStore+".") {
			publisher = operator // which may do everything
		}
		in.publish(publisher, m)
	}
	in.await("read", func() bool { return in.status().Stores[0].Projection.Lag == 0 })

	// Everybody's stock changes; what is poisoned stays as it was.
	before := in.newest()
	in.happen(revision(2)...)
	healthy := []domain.ItemID{"p-09", "p-10", "p-11"}
	in.await("the others confirmed", func() bool {
		return !slices.ContainsFunc(healthy, func(id domain.ItemID) bool {
			return in.product(string(id)).Publication.State != projections.Synced
		})
	})
	for _, p := range poisons() {
		if p.item == "" {
			continue
		}
		page := in.product(string(p.item))
		if page.Publication.State != projections.Quarantined || len(page.Quarantined) != 1 || !strings.Contains(page.Quarantined[0].Reason, p.reason) {
			t.Errorf("%s: publication %+v, quarantined %+v; want it quarantined because of %q", p.name, page.Publication, page.Quarantined, p.reason)
		}
		twin, _ := in.shop.ProductBySKU("SKU-" + string(p.item))
		for _, r := range in.requests(before) {
			if slices.ContainsFunc(r.Effects, func(e simulator.Effect) bool { return e.Product == twin.ID }) {
				t.Errorf("%s: %s was pushed: %s %s", p.name, p.item, r.Method, r.Path)
			}
		}
	}
	if stray := in.status().StrayDeadLetters; stray != 2 {
		t.Errorf("%d dead letters are of no store, want 2", stray)
	}
	if said, want := in.tillstream(exitDone, "status"), "2 events of no store that is set could not be used"; !strings.Contains(said, want) {
		t.Errorf("status said %q, want %q", said, want)
	}
	if said, want := in.tillstream(exitDone, "products", "--state", "quarantined"), `item p-02, position 27: data.quantity: "-1"`; !strings.Contains(said, want) {
		t.Errorf("products said %q, want %q", said, want)
	}
	// What was confirmed may not be what the POS has.
	if said, want := in.tillstream(exitDone, "explain", "p-02", "name"), "an event of item p-02 could not be folded, at position 27: data.quantity"; !strings.Contains(said, want) || !strings.Contains(said, "name  quarantined\n") {
		t.Errorf("explain said %q, want %q", said, want)
	}
	if s := in.status().Stores[0]; s.DeadLetters != len(poisons())-2 || s.Publishing.Quarantined != 9 || s.Publishing.Confirmed != 3 {
		t.Errorf("status %+v, want 9 quarantined and 3 confirmed", s)
	}

	// They keep nothing from being sent elsewhere.
	other := install(t, simulator.Config{}, nil)
	code, said := in.command("replay", "--to", other.base, "--to-token-file", tokenFile(other.cfg.Data))
	if !matches(said, `(?m)^48 events sent to .*, 4 passed over that are no events, 6 refused there that are dead letters here$`) || !matches(said, `(?m)^position 27, event poison-2, is a dead letter here, and refused there: data.quantity: "-1"`) || code != exitDone {
		t.Errorf("exit code %d:\n%s", code, said)
	}

	// The letters hold what was published.
	letters := in.letters()
	if len(letters) != len(poisons()) {
		t.Fatalf("%d dead letters, want %d: %+v", len(letters), len(poisons()), letters)
	}
	for i, p := range poisons() {
		l := letters[i]
		if l.Kind != p.kind || !strings.Contains(l.Reason, p.reason) || l.State != "open" || l.Stream != "POS" {
			t.Errorf("%s: dead letter %+v, want %s because of %q", p.name, l, p.kind, p.reason)
		}
		out := in.tillstream(exitDone, "deadletters", "show", fmt.Sprint(l.ID), "--json")
		var page console.DeadLetterPage
		if err := json.Unmarshal([]byte(out), &page); err != nil {
			t.Fatal(err)
		}
		if page.Data+string(page.DataBase64) != p.data || page.Subject != p.subject {
			t.Errorf("%s: the letter holds %.60q on %s, want %.60q on %s", p.name, page.Data+string(page.DataBase64), page.Subject, p.data, p.subject)
		}
		for name, value := range p.headers {
			if got := page.Headers[name]; len(got) != 1 || got[0] != value {
				t.Errorf("%s: header %s is %q, want %q", p.name, name, got, value)
			}
		}
		// Its cause is not mended.
		for _, dry := range []string{"--dry-run=true", "--dry-run=false"} {
			if said := in.tillstream(exitFailed, "deadletters", "requeue", fmt.Sprint(l.ID), dry); !strings.Contains(said, p.reason) {
				t.Errorf("%s: requeue %s said %q, want the reason %q", p.name, dry, said, p.reason)
			}
		}
	}

	// A decision ends the quarantine.
	for i, l := range letters {
		if poisons()[i].kind != project.UnknownStore {
			in.tillstream(exitDone, "deadletters", "drop", fmt.Sprint(l.ID), "--reason", "not ours")
		}
	}
	in.settle()
	if s := in.status().Stores[0]; s.DeadLetters != 0 || s.Publishing.Quarantined != 0 || s.Publishing.Confirmed != outageProducts {
		t.Errorf("status %+v, want everything confirmed", s)
	}
	in.checkTwins()

	// A store that was not configured then, is.
	in.stop()
	mill := simulator.New(simulator.Config{StoreHash: "mill", Token: "mill"})
	shop := httptest.NewServer(mill)
	t.Cleanup(shop.Close)
	s := defaultStore()
	s.ID, s.Publish, s.BigCommerce.API, s.BigCommerce.StoreHash, s.BigCommerce.Token = "mill", "all", shop.URL, "mill", "mill"
	in.cfg.Stores = append(in.cfg.Stores, s)
	in.start()
	left := in.letters()
	if len(left) != 1 || left[0].Store != "mill" {
		t.Fatalf("open are %+v, want that of the store mill", left)
	}
	in.tillstream(exitDone, "deadletters", "requeue", fmt.Sprint(left[0].ID))
	in.await("in the shop of mill", func() bool {
		twin, ok := mill.ProductBySKU("SKU-mill")
		return ok && twin.Name == "Oat flakes"
	})
	in.await("resolved", func() bool { return len(in.letters()) == 0 })
}

// What was said of an item and could never be used is there to be read, though the item is
// in no product.
func TestPoison_stranger(t *testing.T) {
	t.Parallel()
	in := install(t, simulator.Config{}, nil)
	in.happen(revision(1)...)
	in.settle()
	about := "the item, in letters: é"
	m := natsgo.NewMsg("pos." + testStore + "." + "=" + base64.RawURLEncoding.EncodeToString([]byte(about)))
	m.Data = []byte("no event")
	in.publish(in.adapter(), m)
	at, err := in.app.conn.POS().Last(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	in.await("read", func() bool { return in.app.engine.Load().catalog.Position() >= at && len(in.letters()) == 1 })
	for _, ref := range []string{about, "item:" + about} {
		if said, want := in.tillstream(exitDone, "history", ref, "--pushes"), fmt.Sprintf("(?m)^%d  .* dead_letter$", at); !matches(said, want) || strings.Count(said, "\n") > 3 {
			t.Errorf("history of %q said %q, want one line, %q", ref, said, want)
		}
		if said := in.tillstream(exitDone, "replay", "--item", ref); strings.Count(said, "\n") != 1 {
			t.Errorf("replay of %q said %q, want one event", ref, said)
		}
		if said := in.tillstream(exitDone, "prove", ref); !strings.Contains(said, fmt.Sprintf("PASS  position %d ", at)) || strings.Count(said, "\n") != 1 {
			t.Errorf("prove of %q said %q", ref, said)
		}
		in.tillstream(exitFailed, "replay", "--item", ref, "--log", "SYNC")
		in.tillstream(exitFailed, "prove", ref, "--log", "SYNC")
		in.tillstream(exitFailed, "show", ref)
		in.tillstream(exitFailed, "explain", ref)
	}
	in.tillstream(exitFailed, "history", about+"!")

	// Whoever follows is told of more of it.
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, in.base+"/v1/stores/"+testStore+"/products/"+url.PathEscape(about)+"/history?follow=true", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+in.app.token)
	following, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer following.Body.Close()
	lines := json.NewDecoder(following.Body)
	for range 2 {
		var line console.HistoryLine
		if err := lines.Decode(&line); err != nil || line.Position != at || line.Outcome != "dead_letter" {
			t.Fatalf("who follows is told %+v, %v, want position %d", line, err, at)
		}
		in.publish(in.adapter(), m)
		at++
	}
	in.await("read", func() bool { return len(in.letters()) == 3 })

	// Once more is known of it, both are its history.
	in.happen(describedAs(about, about, "", 1))
	if said := in.tillstream(exitDone, "history", about); !matches(said, fmt.Sprintf("(?ms)^%d  .* dead_letter$.*^%d  .* folded$", at, at+1)) {
		t.Errorf("history said %q", said)
	}
}

// A foreign program may publish what happened in the POS of its store, and nothing
// else.
func TestPoison_adapter(t *testing.T) {
	t.Parallel()
	in := install(t, simulator.Config{}, nil)
	in.happen(revision(1)[0])
	before, err := in.app.conn.Sync().Last(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	adapter := in.adapter()
	refusals := make(chan error, 1)
	adapter.SetErrorHandler(func(_ *natsgo.Conn, _ *natsgo.Subscription, err error) { refusals <- err })
	for _, subject := range []string{
		"pos.mill.p-00", "pos.harbour", "sync.harbour.p-00", "dead.harbour.p-00", "products.1.harbour.p-00", "publications.harbour.p-00", "control._.epoch",
		"$JS.API.STREAM.PURGE.POS", "$JS.API.STREAM.DELETE.POS", "$JS.API.STREAM.UPDATE.POS", "$JS.API.STREAM.MSG.DELETE.POS",
		"$JS.API.STREAM.PURGE.SYNC", "$JS.API.STREAM.DELETE.PRODUCTS_1", "$JS.API.STREAM.CREATE.MINE", "$JS.API.STREAM.MSG.GET.SYNC", "$JS.API.CONSUMER.CREATE.POS",
	} {
		if err := adapter.Publish(subject, []byte(`{"seq":1}`)); err != nil {
			t.Fatal(err)
		}
		if err := adapter.Flush(); err != nil {
			t.Fatal(err)
		}
		if err := <-refusals; !errors.Is(err, natsgo.ErrPermissionViolation) || !strings.Contains(err.Error(), subject) {
			t.Errorf("%s: %v, want a violation of permissions", subject, err)
		}
	}
	after, err := in.app.conn.Sync().Last(t.Context())
	if err != nil || after != before || len(in.log()) != 1 {
		t.Errorf("the logs have changed: SYNC from %d to %d, POS has %d (%v)", before, after, len(in.log()), err)
	}
	big := natsgo.NewMsg("pos.harbour.p-00")
	big.Data = make([]byte, 2<<20)
	if err := adapter.PublishMsg(big); !errors.Is(err, natsgo.ErrMaxPayload) {
		t.Errorf("two megabytes: %v, want %v", err, natsgo.ErrMaxPayload)
	}
	if _, err := natsgo.Connect(in.app.conn.ClientURL()); !errors.Is(err, natsgo.ErrAuthorization) {
		t.Errorf("without a password: %v, want %v", err, natsgo.ErrAuthorization)
	}
}

// adapter connects as a foreign program does, with what the data folder tells.
func (in *installation) adapter() *natsgo.Conn {
	in.t.Helper()
	return in.foreign(streams.AdapterUser(testStore), natsgo.CustomInboxPrefix(streams.AdapterInbox(testStore)))
}

// foreign connects as one of the broker's users.
func (in *installation) foreign(user string, options ...natsgo.Option) *natsgo.Conn {
	in.t.Helper()
	password, err := os.ReadFile(in.app.conn.PasswordFile(user))
	if err != nil {
		in.t.Fatal(err)
	}
	nc, err := natsgo.Connect(in.app.conn.ClientURL(), append(options, natsgo.UserInfo(user, strings.TrimSpace(string(password))))...)
	if err != nil {
		in.t.Fatal(err)
	}
	in.t.Cleanup(nc.Close)
	return nc
}

func (in *installation) publish(nc *natsgo.Conn, m *natsgo.Msg) {
	in.t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		in.t.Fatal(err)
	}
	if _, err := js.PublishMsg(in.t.Context(), m); err != nil {
		in.t.Fatalf("publish to %s: %v", m.Subject, err)
	}
}

// tillstream runs a command on the installation's data folder and returns what it
// said, to standard output or, when it is to fail, to standard error.
func (in *installation) tillstream(code int, args ...string) string {
	in.t.Helper()
	var out, errs bytes.Buffer
	if got := run(in.t.Context(), append(args, "--data", in.cfg.Data), nil, strings.NewReader(""), &out, &errs); got != code {
		in.t.Fatalf("%v: exit code %d, want %d:\n%s%s", args, got, code, &out, &errs)
	}
	if code == exitDone {
		return out.String()
	}
	return errs.String()
}

// letters are the open dead letters in the order of their messages.
func (in *installation) letters() []console.DeadLetterLine {
	in.t.Helper()
	var list struct{ DeadLetters []console.DeadLetterLine }
	if err := json.Unmarshal([]byte(in.tillstream(exitDone, "deadletters", "list", "--json")), &list); err != nil {
		in.t.Fatal(err)
	}
	slices.SortFunc(list.DeadLetters, func(a, b console.DeadLetterLine) int { return int(a.Position) - int(b.Position) })
	return list.DeadLetters
}

// checkTwins: BigCommerce shows the newest state of every linked product.
func (in *installation) checkTwins() {
	in.t.Helper()
	e := in.app.engine.Load()
	rules := in.cfg.Stores[0].rules()
	for id, pub := range maps.Collect(e.publications.All(testStore)) {
		if pub.Link == nil {
			continue
		}
		p, err := e.catalog.Product(in.t.Context(), testStore, id)
		if err != nil {
			in.t.Fatal(err)
		}
		for _, d := range differences(in.shop, &p, pub.Link, rules) {
			in.t.Error(d)
		}
	}
}

// What the API does not want, it refuses in words, and records nothing of it.
func TestPoison_http(t *testing.T) {
	t.Parallel()
	in := install(t, simulator.Config{}, nil)
	line := func() string {
		b, err := json.Marshal(in.envelope(describedAs("p-00", "p-00", "", 1)))
		if err != nil {
			t.Fatal(err)
		}
		return string(b) + "\n"
	}
	const events = "/v1/stores/" + testStore + "/events"
	lines := "application/x-ndjson"
	for _, tt := range []struct {
		name   string
		change func(*http.Request)
		path   string
		kind   string
		body   string
		status int
		says   []string
	}{
		{"no token", func(r *http.Request) { r.Header.Del("Authorization") }, events, lines, line(), 401, []string{"no valid token", "api-token"}},
		{"wrong token", func(r *http.Request) { r.Header.Set("Authorization", "Bearer guess") }, events, lines, line(), 401, []string{"no valid token"}},
		{"token as password", func(r *http.Request) { r.SetBasicAuth("", in.app.token) }, events, lines, line(), 401, []string{"no valid token"}},
		{"foreign host", func(r *http.Request) { r.Host = "evil.example" }, events, lines, line(), 421, []string{"evil.example"}},
		{"foreign host with port", func(r *http.Request) { r.Host = "evil.example:80" }, "/status.json", lines, "", 421, []string{"evil.example"}},
		{"unknown store", nil, "/v1/stores/mill/events", lines, line(), 404, []string{`there is no store \"mill\"`, testStore}},
		{"broken JSON", nil, events, lines, `{"specversion":` + "\n", 200, []string{`"line":1`, `"status":422`}},
		{"broken JSON alone", nil, events, "application/cloudevents+json", `{"specversion":`, 422, []string{`"status":422`}},
		{"no array", nil, events, "application/cloudevents-batch+json", line(), 422, []string{"must be a JSON array of events"}},
		{"array that does not end", nil, events, "application/cloudevents-batch+json", "[", 422, []string{"does not end"}},
		{"a product file as events", nil, events, "text/csv", "sku,name\nA,B\n", 200, []string{`"line":1`, `"line":2`, `"status":422`}},
		{"events as a product file", nil, "/v1/stores/" + testStore + "/imports?file=x.csv", "text/csv", line(), 422, []string{`"status":422`}},
		{"dry run", nil, events + "?dry_run=true", lines, line(), 200, []string{`"valid":true`}},
		{"dry run of a file", nil, "/v1/stores/" + testStore + "/imports?file=x.csv&dry_run=true", "text/csv", "id,handle,sku,name\n1,a,A,B\n", 200, []string{`"summary"`}},
		{"no such route", nil, "/v1/stores/" + testStore + "/nonsense", lines, line(), 404, nil},
	} {
		r, err := http.NewRequest(http.MethodPost, in.base+tt.path, strings.NewReader(tt.body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+in.app.token)
		r.Header.Set("Content-Type", tt.kind)
		if tt.change != nil {
			tt.change(r)
		}
		answer, text := in.send(r)
		if answer.StatusCode != tt.status {
			t.Errorf("%s: %s, want %d\n%s", tt.name, answer.Status, tt.status, text)
		}
		for _, want := range tt.says {
			if !strings.Contains(text, want) {
				t.Errorf("%s: answered %s, want %q in it", tt.name, text, want)
			}
		}
		if got := answer.Header.Get("Content-Type"); tt.status != 200 && len(tt.says) > 0 && got != problem.ContentType {
			t.Errorf("%s: a refusal of the type %q, want %s", tt.name, got, problem.ContentType)
		}
	}
	if got := in.log(); len(got) != 0 {
		t.Errorf("%d events were recorded, want none", len(got))
	}

	// A line without an end is refused, and the next one is read.
	good := line()
	endless := io.MultiReader(io.LimitReader(filler{}, 100<<20), strings.NewReader("\n"+good))
	answer, text := in.ask(http.MethodPost, events, lines, endless)
	if got := strings.Split(strings.TrimSpace(text), "\n"); answer.StatusCode != 200 || len(got) != 2 || !strings.Contains(got[0], "a line must be at most") || !strings.Contains(got[1], `"position":1`) {
		t.Errorf("a line of 100 MB: %s\n%s", answer.Status, text)
	}
}

// filler is text without an end.
type filler struct{}

func (filler) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

// Who sends slowly is answered line by line, and keeps nobody else waiting; what
// was answered is kept when the rest never comes.
func TestPoison_slowBody(t *testing.T) {
	t.Parallel()
	in := install(t, simulator.Config{}, nil)
	body, sending := io.Pipe()
	r, err := http.NewRequest(http.MethodPost, in.base+"/v1/stores/"+testStore+"/events", body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+in.app.token)
	first, err := json.Marshal(in.envelope(describedAs("slow", "slow", "", 1)))
	if err != nil {
		t.Fatal(err)
	}
	go func() { sending.Write(append(first, '\n')) }() // the request reads it once it is made
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	answers := bufio.NewScanner(answer.Body)
	if !answers.Scan() || !strings.Contains(answers.Text(), `"position":1`) {
		t.Fatalf("the first line was answered %q, %v", answers.Text(), answers.Err())
	}
	in.happen(revision(1)[0]) // somebody else meanwhile
	sending.CloseWithError(errors.New("the line went dead"))
	for answers.Scan() {
		if strings.Contains(answers.Text(), `"position"`) {
			t.Errorf("an event was recorded that was not sent: %s", answers.Text())
		}
	}
	var items []string
	for _, rec := range in.log() {
		items = append(items, rec.Subject)
	}
	if diff := cmp.Diff([]string{"slow", "p-00"}, items); diff != "" {
		t.Errorf("recorded (-want +got):\n%s", diff)
	}
}
