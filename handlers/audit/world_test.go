package audit_test

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/audit"
	"github.com/tillstream/tillstream/handlers/audit/tree"
	"github.com/tillstream/tillstream/streams"
	"github.com/tillstream/tillstream/streams/streamstest"
)

// zeros is a source of no randomness: the same key each time.
type zeros byte

func (z zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(z)
	}
	return len(p), nil
}

func testKey(t testing.TB, seed byte) *tree.SigningKey {
	t.Helper()
	key, err := tree.NewSigningKey(zeros(seed))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// counted is the n-th event of a stock that is counted again and again.
func counted(n int) domain.Envelope {
	item := fmt.Sprintf("i-%d", n%7)
	return domain.Envelope{
		ID: domain.EventID(fmt.Sprintf("count-%d", n)), Source: "/pos/demo/stock", Type: domain.TypeStockCounted, Subject: item,
		Time: time.Date(2026, 11, 1, 10, 0, n, 0, time.UTC), SourceVersion: uint64(n),
		Data: json.RawMessage(fmt.Sprintf(`{"item":%q,"outlet":"Quayside","on_hand":"%d","count":"c-%d"}`, item, n%100, n)),
	}
}

// record appends the events from one to another number.
func record(t testing.TB, c *streams.Conn, from, to int) {
	t.Helper()
	for ; from <= to; from += 200 {
		var group []domain.Envelope
		for n := from; n <= min(to, from+199); n++ {
			group = append(group, counted(n))
		}
		if _, err := c.POS().Append(t.Context(), "demo", group); err != nil {
			t.Fatal(err)
		}
	}
}

// sign covers and signs what there is, as a program does that ends.
func sign(t testing.TB, c *streams.Conn, key *tree.SigningKey) []audit.Status {
	t.Helper()
	k := audit.NewKeeper(c, key)
	k.Drain = time.Minute
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := k.Run(ctx); err != nil {
		t.Fatal(err)
	}
	return k.Status()
}

// lastHead is the newest signed head of a log, as somebody may have kept it.
func lastHead(t testing.TB, c *streams.Conn, log string) []byte {
	t.Helper()
	h, err := c.Heads().Last(t.Context(), log)
	if err != nil {
		t.Fatal(err)
	}
	return h.Text
}

// verify makes checks and returns what is not passed.
func verify(t testing.TB, c *streams.Conn, key *tree.SigningKey, heads [][]byte, only ...audit.Code) []audit.Result {
	t.Helper()
	v := audit.Verifier{
		Conn: c, Stores: []audit.Store{{ID: "demo", Mode: domain.StockLevels}}, Products: c.Products(1).Snapshots(), Heads: heads, Only: only,
	}
	if key != nil {
		v.Keys = append(v.Keys, key.Public())
	}
	var out []audit.Result
	err := v.Run(t.Context(), func(r audit.Result) error {
		if r.State != audit.Pass {
			out = append(out, r)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// found returns the results of one check.
func found(results []audit.Result, code audit.Code) []audit.Result {
	return slices.DeleteFunc(slices.Clone(results), func(r audit.Result) bool { return r.Code != code })
}

// messages reads a log whole.
func messages(t testing.TB, c *streams.Conn, stream string) []streams.Message {
	t.Helper()
	var out []streams.Message
	if err := c.Whole(t.Context(), stream, 1<<40, func(m streams.Message) error { out = append(out, m); return nil }); err != nil {
		t.Fatal(err)
	}
	return out
}

func sequence(list []streams.Message) iter.Seq2[streams.Message, error] {
	return func(yield func(streams.Message, error) bool) {
		for _, m := range list {
			if !yield(m, nil) {
				return
			}
		}
	}
}

// admin is somebody who may do everything with the broker.
func admin(t testing.TB, c *streams.Conn) jetstream.JetStream {
	t.Helper()
	password, err := os.ReadFile(c.PasswordFile("operator"))
	if err != nil {
		t.Fatal(err)
	}
	nc, err := nats.Connect(c.ClientURL(), nats.UserInfo("operator", strings.TrimSpace(string(password))))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc, jetstream.WithDefaultTimeout(10*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// replace puts other messages in the place of a log, as an administrator can who knows
// how a backup is restored: at any position and with any recorded time.
func replace(t testing.TB, c *streams.Conn, stream string, list []streams.Message) {
	t.Helper()
	if err := admin(t, c).DeleteStream(t.Context(), stream); err != nil {
		t.Fatal(err)
	}
	var last domain.Position
	if len(list) > 0 {
		last = list[len(list)-1].Position
	}
	if err := c.Restore(t.Context(), streams.Restored{Stream: stream, Last: last, Bytes: 1 << 20, Messages: sequence(list)}); err != nil {
		t.Fatal(err)
	}
}

func start(t testing.TB, dir string) *streams.Conn {
	t.Helper()
	return streamstest.Start(t, streamstest.WithDataDir(dir))
}
