package streams_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/streams"
	"github.com/tillstream/tillstream/streams/streamstest"
)

func password(t *testing.T, c *streams.Conn, user string) string {
	t.Helper()
	b, err := os.ReadFile(c.PasswordFile(user))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}

// as connects to an embedded broker as one of its users.
func as(t *testing.T, c *streams.Conn, user string, options ...nats.Option) jetstream.JetStream {
	t.Helper()
	options = append(options, nats.UserInfo(user, password(t, c, user)), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	nc, err := nats.Connect(c.ClientURL(), options...)
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

// configOf reads what a stream is on the server.
func configOf(t *testing.T, js jetstream.JetStream, stream string) jetstream.StreamConfig {
	t.Helper()
	s, err := js.Stream(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	return s.CachedInfo().Config
}

func TestConn_Ensure(t *testing.T) {
	t.Parallel()
	t.Run("OK", func(t *testing.T) {
		t.Parallel()
		c := streamstest.Start(t, streamstest.WithSync())
		for range 2 {
			if err := errors.Join(c.Ensure(t.Context()), c.EnsureProducts(t.Context(), 3)); err != nil {
				t.Fatal(err)
			}
		}
		if !c.Server().JetStreamConfig().SyncAlways {
			t.Error("the embedded server must acknowledge after fsync")
		}
		for _, log := range []string{"POS", "SYNC", "DEADLETTERS"} {
			if got := configOf(t, c.JetStream(), log); got.PersistMode != jetstream.DefaultPersistMode || !got.DenyDelete || !got.DenyPurge || got.Duplicates != 24*time.Hour {
				t.Errorf("%s is %+v", log, got)
			}
		}
		for _, bucket := range []string{"PUBLICATIONS", "CONTROL", "PRODUCTS_3"} {
			if got := configOf(t, c.JetStream(), bucket); got.PersistMode == jetstream.AsyncPersistMode || !got.AllowAtomicPublish || got.MaxMsgsPerSubject != 1 {
				t.Errorf("%s is %+v", bucket, got)
			}
		}
		for range 2 {
			if err := errors.Join(c.DropProducts(t.Context(), 3), c.DropPublications(t.Context())); err != nil {
				t.Error(err)
			}
		}
		if err := c.EnsureLogs(t.Context()); err != nil {
			t.Error(err)
		}
		if _, err := c.JetStream().Stream(t.Context(), "PUBLICATIONS"); !errors.Is(err, jetstream.ErrStreamNotFound) {
			t.Errorf("the publications after a drop: %v", err)
		}
		if err := errors.Join(c.Ensure(t.Context()), c.EnsureProducts(t.Context(), 3)); err != nil {
			t.Errorf("make dropped buckets again: %v", err)
		}
	})

	// Logs of before were compressed, and had no limit for a subject at all.
	t.Run("earlier", func(t *testing.T) {
		t.Parallel()
		cfg := configOf(t, streamstest.Start(t).JetStream(), "POS")
		if cfg.MaxMsgsPerSubject < 1e15 {
			t.Errorf("a subject of a log may have %d messages", cfg.MaxMsgsPerSubject)
		}
		if cfg.Compression != jetstream.NoCompression {
			t.Errorf("a log is compressed with %v", cfg.Compression)
		}
		cfg.MaxMsgsPerSubject, cfg.Compression = -1, jetstream.S2Compression
		c := madeBefore(t, cfg)
		if err := c.Ensure(t.Context()); err != nil {
			t.Error(err)
		}
		mustAppend(t, c.POS(), sales("i", 0, 3)...)
	})

	// Each case is a stream made by somebody else, different in one field.
	for name, tt := range map[string]struct {
		stream string
		change func(*jetstream.StreamConfig)
		field  string
		want   string
		got    string
		mend   string
	}{
		"ErrMaxMsgs":    {"POS", func(c *jetstream.StreamConfig) { c.MaxMsgs = 10 }, "max_msgs", "-1", "10", "stream edit POS --max-msgs=-1 --force"},
		"ErrMaxBytes":   {"POS", func(c *jetstream.StreamConfig) { c.MaxBytes = 1 << 20 }, "max_bytes", "-1", "1048576", "stream edit POS --max-bytes=-1 --force"},
		"ErrMaxAge":     {"POS", func(c *jetstream.StreamConfig) { c.MaxAge = 48 * time.Hour }, "max_age", "0s", "48h0m0s", "stream edit POS --max-age=0s --force"},
		"ErrPerSubject": {"SYNC", func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 5 }, "max_msgs_per_subject", "-1", "5", "stream edit SYNC --max-msgs-per-subject=-1 --force"},
		"ErrMsgSize":    {"SYNC", func(c *jetstream.StreamConfig) { c.MaxMsgSize = 100 }, "max_msg_size", "-1", "100", "stream edit SYNC --max-msg-size=-1 --force"},
		"ErrDiscard":    {"POS", func(c *jetstream.StreamConfig) { c.Discard = jetstream.DiscardOld }, "discard", "new", "old", "stream edit POS --discard=new --force"},
		"ErrDenyDelete": {"POS", func(c *jetstream.StreamConfig) { c.DenyDelete = false }, "deny_delete", "true", "false", "stream edit POS --deny-delete --force"},
		"ErrDenyPurge":  {"DEADLETTERS", func(c *jetstream.StreamConfig) { c.DenyPurge = false }, "deny_purge", "true", "false", "stream edit DEADLETTERS --deny-purge --force"},
		"ErrAtomic":     {"SYNC", func(c *jetstream.StreamConfig) { c.AllowAtomicPublish = false }, "allow_atomic", "true", "false", "stream edit SYNC --allow-batch --force"},
		"ErrRollup":     {"CONTROL", func(c *jetstream.StreamConfig) { c.AllowRollup = true }, "allow_rollup_hdrs", "false", "true", "stream edit CONTROL --no-allow-rollup --force"},
		"ErrWindow":     {"POS", func(c *jetstream.StreamConfig) { c.Duplicates = time.Hour }, "duplicate_window", "24h0m0s", "1h0m0s", "stream edit POS --dupe-window=24h0m0s --force"},
		"ErrSubjects":   {"POS", func(c *jetstream.StreamConfig) { c.Subjects = []string{"pos.>"} }, "subjects", "pos.*.*", "pos.>", "stream edit POS --subjects=pos.*.* --force"},
		"ErrStorage":    {"POS", func(c *jetstream.StreamConfig) { c.Storage = jetstream.MemoryStorage }, "storage", "file", "memory", "the server cannot change this in place"},
		"ErrRetention":  {"POS", func(c *jetstream.StreamConfig) { c.Retention = jetstream.InterestPolicy }, "retention", "limits", "interest", "the server cannot change this in place"},
		"ErrPersist": {"PUBLICATIONS", func(c *jetstream.StreamConfig) {
			c.PersistMode, c.AllowAtomicPublish = jetstream.AsyncPersistMode, false
		}, "persist_mode", "default", "async", "run `tillstream rebuild`"},
		"ErrRepublish": {"POS", func(c *jetstream.StreamConfig) { c.RePublish = &jetstream.RePublish{Source: ">", Destination: "x.>"} }, "republish", "false", "true", "stream edit POS --no-republish --force"},
		"ErrDirect":    {"POS", func(c *jetstream.StreamConfig) { c.AllowDirect = false }, "allow_direct", "true", "false", "stream edit POS --allow-direct --force"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			model := streamstest.Start(t)
			cfg := configOf(t, model.JetStream(), tt.stream)
			tt.change(&cfg)
			c := madeBefore(t, cfg)
			err := c.Ensure(t.Context())
			var drift *streams.DriftError
			if !errors.As(err, &drift) || !errors.Is(err, domain.ErrConflict) {
				t.Fatalf("got error %v, want drift", err)
			}
			if drift.Stream != tt.stream || drift.Field != tt.field || drift.Want != tt.want || drift.Got != tt.got || !strings.Contains(drift.Mend, tt.mend) {
				t.Errorf("got %+v", drift)
			}
			if after := configOf(t, c.JetStream(), tt.stream); after.MaxMsgs != cfg.MaxMsgs || after.DenyDelete != cfg.DenyDelete {
				t.Error("drift must not be mended unasked")
			}
		})
	}
}

// The program itself cannot harm a log, whatever it asks for; a person can mend one.
func TestConn_Permissions(t *testing.T) {
	t.Parallel()
	c := streamstest.Start(t, streamstest.WithConfig(func(c *streams.Config) { c.Adapters = []domain.StoreID{"demo"} }))
	mustAppend(t, c.POS(), sales("i", 0, 3)...)
	app := as(t, c, "app")
	// The server answers nothing to what it does not permit, so each refusal takes
	// as long as it is waited for.
	const silence = 50 * time.Millisecond
	refused := func(t *testing.T, do func(ctx context.Context, stream jetstream.Stream, name string) error) {
		t.Helper()
		for _, name := range []string{"POS", "SYNC", "DEADLETTERS"} {
			s, err := app.Stream(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), silence)
			if err := do(ctx, s, name); err == nil {
				t.Errorf("%s: got no error", name)
			}
			cancel()
		}
	}
	t.Run("ErrUpdate", func(t *testing.T) {
		refused(t, func(ctx context.Context, s jetstream.Stream, _ string) error {
			cfg := s.CachedInfo().Config
			cfg.MaxMsgs = 1
			_, err := app.UpdateStream(ctx, cfg)
			return err
		})
	})
	t.Run("ErrDelete", func(t *testing.T) {
		refused(t, func(ctx context.Context, _ jetstream.Stream, name string) error { return app.DeleteStream(ctx, name) })
	})
	t.Run("ErrPurge", func(t *testing.T) {
		refused(t, func(ctx context.Context, s jetstream.Stream, _ string) error { return s.Purge(ctx) })
	})
	t.Run("ErrDeleteMessage", func(t *testing.T) {
		refused(t, func(ctx context.Context, s jetstream.Stream, _ string) error { return s.DeleteMsg(ctx, 1) })
		refused(t, func(ctx context.Context, s jetstream.Stream, _ string) error { return s.SecureDeleteMsg(ctx, 1) })
	})
	t.Run("ErrRecreate", func(t *testing.T) {
		refused(t, func(ctx context.Context, s jetstream.Stream, _ string) error {
			cfg := s.CachedInfo().Config
			cfg.MaxMsgs = 1
			_, err := app.CreateStream(ctx, cfg)
			return err
		})
	})
	t.Run("ErrRollup", func(t *testing.T) {
		_, err := app.PublishMsg(t.Context(), &nats.Msg{Subject: "pos.demo.i", Header: nats.Header{"Nats-Rollup": {"all"}}})
		if err == nil {
			t.Error("got no error")
		}
	})
	t.Run("ErrStranger", func(t *testing.T) {
		for _, user := range []nats.Option{nats.Name("nobody"), nats.UserInfo("app", "guess")} {
			if nc, err := nats.Connect(c.ClientURL(), user); err == nil {
				nc.Close()
				t.Error("connected without a password")
			}
		}
	})
	t.Run("OK nothing lost", func(t *testing.T) {
		if got := readAll(t, c.POS(), streams.Query{}); len(got) != 3 {
			t.Errorf("the log holds %d events, want 3", len(got))
		}
	})
	t.Run("OK adapter publishes", func(t *testing.T) {
		adapter := as(t, c, streams.AdapterUser("demo"), nats.CustomInboxPrefix(streams.AdapterInbox("demo")))
		if ack, err := adapter.Publish(t.Context(), "pos.demo.x", []byte("not an event")); err != nil || ack.Sequence != 4 {
			t.Errorf("got %+v, %v; want position 4", ack, err)
		}
		for _, subject := range []string{"pos.other.x", "sync.demo.x", "dead.demo.x", "control._.lease-a", "publications.demo.x"} {
			ctx, cancel := context.WithTimeout(t.Context(), silence)
			if _, err := adapter.Publish(ctx, subject, nil); err == nil {
				t.Errorf("published to %s", subject)
			}
			cancel()
		}
		ctx, cancel := context.WithTimeout(t.Context(), silence)
		defer cancel()
		if _, err := adapter.Stream(ctx, "POS"); err == nil {
			t.Error("an adapter could ask about streams")
		}
		sub, err := adapter.Conn().SubscribeSync("pos.>")
		if err != nil {
			t.Fatal(err)
		}
		if err := adapter.Conn().Flush(); err != nil {
			t.Fatal(err)
		}
		mustAppend(t, c.POS(), sold("i", 100))
		if m, err := sub.NextMsg(50 * time.Millisecond); err == nil {
			t.Errorf("an adapter overheard %s", m.Subject)
		}
		if _, err := readAll(t, c.POS(), streams.Query{From: 4, To: 4})[0].Recorded(); err == nil {
			t.Error("what an adapter published is no event, and must be refused when read")
		}
	})
	t.Run("OK operator mends", func(t *testing.T) {
		operator := as(t, c, "operator")
		cfg := configOf(t, operator, "POS")
		cfg.Description = "changed"
		if _, err := operator.UpdateStream(t.Context(), cfg); err != nil {
			t.Error(err)
		}
	})
	t.Run("OK files", func(t *testing.T) {
		files, err := filepath.Glob(filepath.Join(c.Config().DataDir, "users", "*"))
		if err != nil || len(files) != 3 {
			t.Fatalf("got files %v, %v; want three", files, err)
		}
		for _, f := range files {
			if info, err := os.Stat(f); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: mode %v, %v; want 0600", f, info.Mode(), err)
			}
		}
	})
}

func TestConn_Restart(t *testing.T) {
	t.Parallel()
	c := streamstest.Start(t)
	mustAppend(t, c.POS(), sales("i", 0, 3)...)
	if _, err := c.Control().Put(t.Context(), streams.SystemKey("epoch"), []byte("7"), nil); err != nil {
		t.Fatal(err)
	}
	c = streamstest.Restart(t, c)
	if got := mustAppend(t, c.POS(), sold("i", 2), sold("i", 3)); got[0] != (streams.Appended{Position: 3, Duplicate: true}) || got[1] != (streams.Appended{Position: 4}) {
		t.Errorf("got %+v", got)
	}
	if e, err := c.Control().Get(t.Context(), streams.SystemKey("epoch")); err != nil || string(e.Value) != "7" {
		t.Errorf("got %q, %v; want 7", e.Value, err)
	}
}

func TestConnect_Err(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		cfg  streams.Config
		want string
	}{
		"no folder":       {streams.Config{}, "connect: data folder: is required for an embedded server; set DataDir, or URL to use another server"},
		"listen":          {streams.Config{DataDir: t.TempDir(), Listen: "4222"}, `connect: listen: "4222": must be host:port, such as 127.0.0.1:0`},
		"port":            {streams.Config{DataDir: t.TempDir(), Listen: "h:99999"}, `connect: listen: "h:99999": the port must be 0 to 65535`},
		"replicas":        {streams.Config{DataDir: t.TempDir(), Replicas: 3}, "connect: replicas: 3: an embedded server has 1; set URL to use a cluster"},
		"many replicas":   {streams.Config{URL: "nats://127.0.0.1:1", Replicas: 6}, "connect: replicas: 6: must be 1 to 5"},
		"window":          {streams.Config{DataDir: t.TempDir(), DuplicateWindow: 1}, "connect: duplicate window: 1ns: must be at least 100ms"},
		"half a TLS pair": {streams.Config{URL: "nats://127.0.0.1:1", TLSKey: "x"}, "connect: TLS: a client certificate needs both its certificate and its key file"},
		"no server": {streams.Config{URL: "nats://me:secret@127.0.0.1:1"},
			"connect: cannot reach the broker at nats://me:xxxxx@127.0.0.1:1: nats: no servers available for connection; see that it is up and that user, password or credentials file are right"},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := streams.Connect(t.Context(), tt.cfg)
			if err == nil {
				c.Close()
				t.Fatal("got no error")
			}
			if err.Error() != tt.want {
				t.Errorf("got %s\nwant %s", err, tt.want)
			}
		})
	}
}

// madeBefore is a broker that has one stream, made by somebody else.
func madeBefore(t *testing.T, cfg jetstream.StreamConfig) *streams.Conn {
	t.Helper()
	c, err := streams.Connect(t.Context(), streamstest.Config(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if _, err := c.JetStream().CreateStream(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	return c
}
