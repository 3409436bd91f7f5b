package audit_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tillstream/tillstream/handlers/audit"
	"github.com/tillstream/tillstream/handlers/audit/tree"
)

// until waits for what other goroutines will bring about.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(2 * time.Minute); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within two minutes", what)
		}
	}
}

// While it runs, what is new is signed after a while, and sent to everybody; a receiver
// that is away has it later. A second keeper goes on where the first has stopped.
func TestKeeper(t *testing.T) {
	t.Parallel()
	key := testKey(t, 1)
	c := start(t, t.TempDir())
	var refused atomic.Bool
	var got atomic.Value
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !refused.Swap(true) {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got.Store(b)
	}))
	t.Cleanup(receiver.Close)
	file := filepath.Join(t.TempDir(), "heads.txt")
	keep := func() (k *audit.Keeper, stop func()) {
		k = audit.NewKeeper(c, key)
		k.Every, k.Rest = 20*time.Millisecond, 5*time.Millisecond
		k.Receivers = []audit.Receiver{audit.FileReceiver(file), audit.HTTPReceiver(receiver.URL)}
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- k.Run(ctx) }()
		return k, func() {
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	}
	k, stop := keep()
	record(t, c, 1, 300)
	until(t, "it is signed", func() bool { return k.Status()[0].Signed == 300 })
	until(t, "it is sent", func() bool { s := k.Status()[0].Sent; return s[0].Head == 300 && s[1].Head == 300 })
	if sent, ok := got.Load().([]byte); !ok || !bytes.Equal(sent, lastHead(t, c, "POS")) {
		t.Errorf("the receiver has %q", sent)
	}
	record(t, c, 301, 310)
	if err := k.Sign(t.Context()); err != nil || k.Status()[0].Signed != 310 {
		t.Errorf("signed when asked: %+v, %v", k.Status()[0], err)
	}
	record(t, c, 311, 320)
	stop()
	if s := k.Status()[0]; s.Signed != 320 || s.Covered != 320 {
		t.Errorf("at its end: %+v", s)
	}

	idle := audit.NewKeeper(c, key)
	if err := idle.Look(t.Context()); err != nil || idle.Status()[0].Signed != 320 || idle.Status()[0].SignedAt.IsZero() {
		t.Errorf("one that does not run: %+v, %v", idle.Status()[0], err)
	}
	if other := audit.NewKeeper(c, testKey(t, 2)); other.Look(t.Context()) != nil || other.Status()[0].Signed != 0 {
		t.Errorf("one with another key: %+v", other.Status()[0])
	}

	before := len(messages(t, c, "HEADS"))
	again, stop := keep()
	until(t, "it is taken up", func() bool { return again.Status()[0].Signed == 320 })
	stop()
	if after := len(messages(t, c, "HEADS")); after != before {
		t.Errorf("%d heads became %d, and nothing was new", before, after)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	heads := tree.SplitHeads(b)
	if last := heads[len(heads)-1]; !bytes.Equal(last, lastHead(t, c, "POS")) || bytes.Count(b, last) != 1 {
		t.Errorf("the file ends with %q", last)
	}
	if bad := verify(t, c, key, heads, audit.Tree, audit.Since); len(bad) > 0 {
		t.Errorf("%+v", bad)
	}

	// What contradicts it is told, and nothing is signed.
	list := messages(t, c, "POS")
	list[318].Data = []byte("{}")
	replace(t, c, "POS", list)
	broken, stop := keep()
	record(t, c, 321, 330)
	until(t, "it is told", func() bool { return strings.Contains(broken.Status()[0].Problem, "is not what was signed") })
	if err := broken.Sign(t.Context()); err == nil {
		t.Error("it signs what contradicts it")
	}
	stop()
	if after := len(messages(t, c, "HEADS")); after != before {
		t.Errorf("%d heads became %d", before, after)
	}

	// A head of what is no more there says nothing.
	replace(t, c, "POS", list[:310])
	cut := audit.NewKeeper(c, key)
	if err := cut.Look(t.Context()); err != nil || cut.Status()[0].Signed != 0 {
		t.Errorf("of a log that was cut: %+v, %v", cut.Status()[0], err)
	}
}
