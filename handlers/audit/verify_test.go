package audit_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/audit"
	"github.com/tillstream/tillstream/handlers/project"
	"github.com/tillstream/tillstream/projections"
	"github.com/tillstream/tillstream/streams"
)

// projected folds everything into the stored projections, as a program does.
func projected(t *testing.T, c *streams.Conn) {
	t.Helper()
	projectedFor(t, c, "demo")
}

func stored(t *testing.T, c *streams.Conn) *projections.Catalog {
	t.Helper()
	if err := c.EnsureProducts(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	mode := func(domain.StoreID) domain.StockMode { return domain.StockLevels }
	catalog, err := projections.OpenCatalog(t.Context(), c.Products(1).Snapshots(), mode, 0)
	if err != nil {
		t.Fatal(err)
	}
	return catalog
}

// projectedFor does so as a program does in which only one store is configured.
func projectedFor(t *testing.T, c *streams.Conn, store domain.StoreID) {
	t.Helper()
	catalog := stored(t, c)
	last, err := c.POS().Last(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	h := project.New(catalog, c, func(s domain.StoreID) bool { return s == store })
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- h.Run(ctx) }()
	if err := catalog.Await(t.Context(), last); err != nil {
		t.Fatal(err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	pubs, err := projections.OpenPublications(t.Context(), c.Publications().Snapshots(), c.Sync().Events(), nil)
	if err == nil {
		err = pubs.Flush(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// link records that a product has a twin.
func link(t *testing.T, c *streams.Conn, product string, twin int64) {
	t.Helper()
	event := &domain.ProductLinked{Product: domain.ProductID(product), By: domain.LinkedByOperator, Link: domain.Link{BigCommerceID: twin, Variants: []domain.VariantLink{}}}
	data, err := domain.EncodeEvent(event)
	if err != nil {
		t.Fatal(err)
	}
	e := domain.Envelope{ID: domain.EventID(fmt.Sprintf("link-%s-%d", product, twin)), Source: "/test", Type: event.Type(), Subject: event.Subject(), Time: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC), Data: data}
	if _, err := c.Sync().Append(t.Context(), "demo", []domain.Envelope{e}); err != nil {
		t.Fatal(err)
	}
}

// Each check passes on an installation that is as it should be, and fails, warns or is
// skipped for its own reason when it is not.
func TestVerifier(t *testing.T) {
	t.Parallel()
	key := testKey(t, 1)
	for name, tt := range map[string]struct {
		harm func(t *testing.T, c *streams.Conn)
		want []audit.Result // code, state, position; what is not passed besides is an error
		says string
	}{
		"nothing": {harm: func(*testing.T, *streams.Conn) {}},
		"a stored state": {func(t *testing.T, c *streams.Conn) {
			edit(t, c.Products(1), func(v map[string]any) bool { v["due"] = 999; return true })
		}, []audit.Result{{Code: audit.Fold, State: audit.Fail}}, "1 product not what the log amounts to"},
		"a state that nothing made": {func(t *testing.T, c *streams.Conn) {
			put(t, c.Products(1), streams.MakeKey("demo", "ghost"), `{"store":"demo","id":"ghost","position":3}`)
		}, []audit.Result{{Code: audit.Fold, State: audit.Fail, Position: 1}}, "product ghost of store demo, which no event has made"},
		"a stretch of positions": {func(t *testing.T, c *streams.Conn) {
			record(t, c, 101, 900)
			projected(t, c)
			sign(t, c, key)
			put(t, c.Products(1), streams.StretchKey("demo", "i-1", 1), `1.2.4`)
		}, []audit.Result{{Code: audit.Fold, State: audit.Fail}}, "stretch 1 of the positions of i-1 of store demo"},
		"a stretch that is gone": {func(t *testing.T, c *streams.Conn) {
			record(t, c, 101, 900)
			projected(t, c)
			sign(t, c, key)
			erase(t, c, c.Products(1), streams.StretchKey("demo", "i-1", 1))
		}, []audit.Result{{Code: audit.Fold, State: audit.Warn}}, "not stored: stretch 1 of the positions of i-1 of store demo"},
		"a stretch that is gone of a publication": {func(t *testing.T, c *streams.Conn) {
			for twin := range int64(200) {
				link(t, c, "i-3", 500+twin)
			}
			projected(t, c)
			sign(t, c, key)
			erase(t, c, c.Publications(), streams.StretchKey("demo", "i-3", 2))
		}, []audit.Result{{Code: audit.Publications, State: audit.Warn}}, "not stored: stretch 2 of the positions of i-3 of store demo; tillstream rebuild, with no tillstream up beside it,"},
		"a stretch of events to come": {func(t *testing.T, c *streams.Conn) {
			put(t, c.Products(1), streams.StretchKey("demo", "i-1", 9), `1.2.4`)
		}, nil, ""},
		"a state that cannot be read": {func(t *testing.T, c *streams.Conn) {
			put(t, c.Products(1), streams.MakeKey("demo", "i-1"), `spoilt`)
		}, []audit.Result{{Code: audit.Fold, State: audit.Fail}}, "cannot be read"},
		"not folded to the end": {func(t *testing.T, c *streams.Conn) {
			record(t, c, 101, 120)
			sign(t, c, key)
		}, []audit.Result{{Code: audit.Fold, State: audit.Warn}}, "could not be compared: what is stored is at position 100 of 120"},
		"what is not signed yet": {func(t *testing.T, c *streams.Conn) {
			record(t, c, 101, 120)
			projected(t, c)
		}, nil, ""},
		"a publication": {func(t *testing.T, c *streams.Conn) {
			edit(t, c.Publications(), func(v map[string]any) bool { v["discarded"] = 7; return true })
		}, []audit.Result{{Code: audit.Publications, State: audit.Fail, Position: 1}}, "not what the log amounts to"},
		"two products on one twin": {func(t *testing.T, c *streams.Conn) {
			link(t, c, "i-2", 77)
			projected(t, c)
			sign(t, c, key)
		}, []audit.Result{{Code: audit.Twins, State: audit.Fail}}, "are both linked to 77"},
		"no event": {func(t *testing.T, c *streams.Conn) {
			publish(t, c, "pos.demo.i-3", "not JSON", nil)
			projected(t, c)
			sign(t, c, key)
		}, nil, ""},
		"no event, and no letter": {func(t *testing.T, c *streams.Conn) {
			publish(t, c, "pos.demo.i-3", "not JSON", nil)
			put(t, c.Products(1), streams.CheckpointKey(), `{"format":2,"position":101,"snapshots":1}`)
			sign(t, c, key)
		}, []audit.Result{{Code: audit.Events, State: audit.Fail, Position: 101}, {Code: audit.Sums, State: audit.Fail}}, "without a dead letter"},
		"an event again": {func(t *testing.T, c *streams.Conn) {
			m, err := c.POS().At(t.Context(), 5)
			if err != nil {
				t.Fatal(err)
			}
			h := nats.Header{}
			for name, values := range m.Header {
				if !strings.HasPrefix(name, "Nats-") {
					h[name] = values
				}
			}
			publish(t, c, m.Subject, string(m.Data), h)
			projected(t, c)
			sign(t, c, key)
		}, nil, ""},
		"another configuration": {func(t *testing.T, c *streams.Conn) {
			js := admin(t, c)
			s, err := js.Stream(t.Context(), "SYNC")
			if err != nil {
				t.Fatal(err)
			}
			cfg := s.CachedInfo().Config
			cfg.MaxAge = time.Hour * 48
			if _, err := js.UpdateStream(t.Context(), cfg); err != nil {
				t.Fatal(err)
			}
		}, []audit.Result{{Code: audit.Topology, State: audit.Fail}}, "max_age is 48h0m0s, must be 0s"},
		"the heads are gone": {func(t *testing.T, c *streams.Conn) {
			if err := admin(t, c).DeleteStream(t.Context(), "HEADS"); err != nil {
				t.Fatal(err)
			}
		}, []audit.Result{{Code: audit.Topology, State: audit.Fail}, {Code: audit.Tree, State: audit.Fail}, {Code: audit.Tree, State: audit.Fail}}, "what was signed is gone"},
		"a POS log that is shorter than what was pushed": {func(t *testing.T, c *streams.Conn) {
			replace(t, c, "POS", messages(t, c, "POS")[:50])
		}, []audit.Result{{Code: audit.Tree, State: audit.Fail, Position: 51}, {Code: audit.Fold, State: audit.Fail, Position: 51}}, "the positions from 51 on are gone"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t, t.TempDir())
			record(t, c, 1, 100)
			link(t, c, "i-1", 77)
			projected(t, c)
			sign(t, c, key)
			tt.harm(t, c)
			got := slices.DeleteFunc(verify(t, c, key, nil), func(r audit.Result) bool { return r.Code == audit.Behind || r.Code == audit.BigCommerce })
			ok := len(got) == len(tt.want)
			for i := range min(len(got), len(tt.want)) {
				ok = ok && got[i].Code == tt.want[i].Code && got[i].State == tt.want[i].State && (tt.want[i].Position == 0 || got[i].Position == tt.want[i].Position)
			}
			if !ok || tt.says != "" && !slices.ContainsFunc(got, func(r audit.Result) bool { return strings.Contains(r.Detail, tt.says) }) {
				t.Errorf("found %+v, want %+v: %s", got, tt.want, tt.says)
			}
		})
	}
}

// What BigCommerce shows is compared where it can be, and skipped with the reason
// where not.
func TestVerifier_bigcommerce(t *testing.T) {
	t.Parallel()
	c := start(t, t.TempDir())
	away := errors.New("it is away")
	v := audit.Verifier{Conn: c, Products: c.Products(1).Snapshots(), Only: []audit.Code{audit.BigCommerce}, Stores: []audit.Store{
		{ID: "demo", Mode: domain.StockLevels, Compare: func(context.Context, []domain.ProductID) (int, []string, error) { return 0, nil, away }},
		{ID: "mill", Mode: domain.StockLevels},
	}}
	var got []audit.Result
	if err := v.Run(t.Context(), func(r audit.Result) error { got = append(got, r); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0].State != audit.Skip || got[1].State != audit.Skip || !strings.Contains(got[1].Detail, "no BigCommerce credentials") {
		t.Errorf("found %+v", got)
	}
}

func put(t *testing.T, b *streams.Bucket, key streams.Key, value string) {
	t.Helper()
	if _, err := b.Put(t.Context(), key, []byte(value), nil); err != nil {
		t.Fatal(err)
	}
}

// erase takes a value out of a bucket, as an administrator can.
func erase(t *testing.T, c *streams.Conn, b *streams.Bucket, key streams.Key) {
	t.Helper()
	if _, err := b.Get(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	s, err := admin(t, c).Stream(t.Context(), b.Name())
	if err != nil {
		t.Fatal(err)
	}
	prefix, _, _ := strings.Cut(s.CachedInfo().Config.Subjects[0], "*")
	subject := prefix + string(key)
	if err := s.Purge(t.Context(), jetstream.WithPurgeSubject(subject)); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Get(t.Context(), key); !errors.Is(err, domain.ErrNotFound) {
		t.Fatalf("%s: %v", subject, err)
	}
}

// edit changes the first value of a bucket that change wants to.
func edit(t *testing.T, b *streams.Bucket, change func(map[string]any) bool) {
	t.Helper()
	var edited *streams.Entry
	err := b.Scan(t.Context(), "demo", 0, func(e streams.Entry) error {
		var v map[string]any
		if err := json.Unmarshal(e.Value, &v); err != nil {
			return err
		}
		if edited == nil && change(v) {
			value, err := json.Marshal(v)
			if err != nil {
				return err
			}
			edited = &streams.Entry{Key: e.Key, Value: value}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	put(t, b, edited.Key, string(edited.Value))
}

// publish puts a message into the POS log as an adapter could.
func publish(t *testing.T, c *streams.Conn, subject, data string, header nats.Header) {
	t.Helper()
	if _, err := admin(t, c).PublishMsg(t.Context(), &nats.Msg{Subject: subject, Data: []byte(data), Header: header}); err != nil {
		t.Fatal(err)
	}
}

// What somebody has decided about single messages is no fault: a message that was
// requeued counts where it stands again, and one that was dropped nowhere.
func TestVerifier_decided(t *testing.T) {
	t.Parallel()
	c := start(t, t.TempDir())
	record(t, c, 1, 3)
	projectedFor(t, c, "other") // so that they are dead letters
	h := project.New(stored(t, c), c, func(s domain.StoreID) bool { return s == "demo" })
	if _, err := h.Requeue(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if err := h.Drop(t.Context(), 2, "it was a test"); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Requeue(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	projected(t, c)
	if bad := verify(t, c, nil, nil, audit.Events, audit.Duplicates, audit.Fold, audit.Sums); len(bad) > 0 {
		t.Errorf("found %+v", bad)
	}
}
