package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	natsio "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
	"github.com/tillstream/tillstream/handlers/console"
	"github.com/tillstream/tillstream/streams"
	"github.com/tillstream/tillstream/streams/streamstest"
)

// run runs a command of the real binary about the installation.
func (p *program) run(args ...string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		p.t.Fatal(err)
	}
	out, err := (&exec.Cmd{Path: self, Args: append([]string{"tillstream"}, args...), Env: p.env}).CombinedOutput()
	return string(out), err
}

func (p *program) must(args ...string) string {
	p.t.Helper()
	out, err := p.run(args...)
	if err != nil {
		p.t.Fatalf("tillstream %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// digest is what the program says of everything it has folded.
func (p *program) digest() (page console.DigestPage) {
	p.t.Helper()
	if err := json.Unmarshal([]byte(p.must("digest", "--json")), &page); err != nil {
		p.t.Fatal(err)
	}
	return page
}

// publications are what is stored of every product's pushes.
func (p *program) publications() map[string]string {
	p.t.Helper()
	conn := openData(p.t, p.data)
	stored := map[string]string{}
	err := conn.Publications().Snapshots().Scan(p.t.Context(), "", 0, func(e domain.Entry) error {
		if (e.Key != domain.Key{}) { // how far it is complete is another matter
			stored[fmt.Sprintf("%s/%s/%d", e.Key.Store, e.Key.ID, e.Key.Stretch)] = string(e.Value)
		}
		return nil
	})
	if err != nil {
		p.t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		p.t.Fatal(err)
	}
	return stored
}

// TestSameness: what an installation has folded while it was killed again and again, what
// is rebuilt of its log at rest and at work, what is restored from an archive of it, and
// what its log is folded to where it is sent, have one digest. The pushes that are stored
// are the same to the byte, too, wherever the SYNC log is the same; another installation
// has pushes of its own.
func TestSameness(t *testing.T) {
	t.Parallel()
	shop := simulator.New(simulator.Config{StoreHash: "crash", Token: "crash-token"})
	bigcommerce := httptest.NewServer(shop)
	defer bigcommerce.Close()
	p := newProgram(t, "crash", bigcommerce.URL, "crash-token")
	p.start()
	const seed, kills, events = 11, 5, 3000
	rng := rand.New(rand.NewPCG(seed, 0))
	producer := newProducer(seed, 0)
	producer.events = producer.events[:events]
	var accepted atomic.Int64
	done := make(chan struct{})
	go func() { defer close(done); producer.run(t, p, &accepted) }()
	for kill := range kills {
		goal := int64(kill+1) * events / (kills + 1)
		p.waitFor("events accepted", func() bool { return accepted.Load() >= goal })
		p.spin(time.Duration(rng.Int64N(int64(40 * time.Millisecond))))
		p.kill()
		p.start()
	}
	<-done
	nothingLeft := func(p *program) func() bool {
		return func() bool { s := p.standing(); return s.lag == 0 && s.waiting == 0 }
	}
	p.waitFor("nothing left to push", nothingLeft(p))
	want := p.digest()
	if want.Position < events || want.Products == 0 {
		t.Fatalf("%+v", want)
	}
	same := func(how string, got console.DigestPage) {
		t.Helper()
		if got.Digest != want.Digest || got.Position != want.Position || got.Products != want.Products {
			t.Errorf("%s: %s of %d products at position %d, want %s of %d at %d", how, got.Digest, got.Products, got.Position, want.Digest, want.Products, want.Position)
		}
	}
	p.must("rebuild")
	same("rebuilt at work", p.digest())
	p.stop()
	pushed := p.publications()
	samePushes := func(how string, got map[string]string) {
		t.Helper()
		if diff := cmp.Diff(pushed, got); diff != "" || len(got) == 0 {
			t.Errorf("%s (-want +got):\n%s", how, diff)
		}
	}
	p.must("rebuild")
	same("rebuilt at rest", p.digest())
	samePushes("rebuilt at rest", p.publications())

	archive := filepath.Join(t.TempDir(), "archive.tar.zst")
	p.must("export", archive)
	before := len(shop.Requests())
	restored := newProgram(t, "crash", bigcommerce.URL, "crash-token")
	restored.must("restore", archive)
	restored.start()
	restored.waitFor("nothing left to push", nothingLeft(restored))
	same("restored", restored.digest())
	restored.stop()
	samePushes("restored", restored.publications())
	if requests := shop.Requests()[before:]; len(requests) != 0 {
		t.Errorf("what was confirmed is pushed again: %d requests, the first is %s %s", len(requests), requests[0].Method, requests[0].Path)
	}

	other := simulator.New(simulator.Config{StoreHash: "crash", Token: "crash-token"})
	elsewhere := httptest.NewServer(other)
	defer elsewhere.Close()
	second := newProgram(t, "crash", elsewhere.URL, "crash-token")
	second.start()
	p.must("replay", "--to", "http://"+second.address(), "--to-token-file", tokenFile(second.data))
	second.waitFor("folded", func() bool { return second.digest().Position == want.Position })
	same("sent to another", second.digest())
	second.waitFor("nothing left to push", nothingLeft(second))
	shows := func(s *simulator.Store) map[string]string {
		out := map[string]string{}
		for _, p := range s.Products() {
			out[p.Name] = p.Description
		}
		return out
	}
	if diff := cmp.Diff(shows(shop), shows(other)); diff != "" {
		t.Errorf("the two shops show something else:\n%s", diff)
	}
}

// standing is how much is left to do.
type standing struct{ lag, waiting int }

func (p *program) standing() standing {
	r, err := p.request(http.MethodGet, "/status.json", nil)
	if err != nil {
		return standing{1, 1}
	}
	defer r.Body.Close()
	var page console.StatusPage
	if json.NewDecoder(r.Body).Decode(&page) != nil || len(page.Stores) != 1 {
		return standing{1, 1}
	}
	s := page.Stores[0]
	return standing{int(s.Projection.Lag), s.Publishing.Pending + s.Publishing.Unlinked}
}

// TestRestore_killed kills restores wherever they are. What is left is all or nothing, or
// says itself what is to be done; and then a restore succeeds.
func TestRestore_killed(t *testing.T) {
	t.Parallel()
	from := newProgram(t, "crash", "http://127.0.0.1:1", "crash-token")
	conn := streamstest.Connect(t, streamstest.Config(t, streamstest.WithDataDir(from.data)))
	producer := newProducer(5, 0)
	for some := range slices.Chunk(producer.events, 1000) {
		if _, err := conn.POS().Append(t.Context(), "crash", some); err != nil {
			t.Fatal(err)
		}
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	archive := filepath.Join(t.TempDir(), "archive.tar.zst")
	from.must("export", archive)
	want := from.digest()

	t.Run("into a folder", func(t *testing.T) {
		t.Parallel()
		rng := rand.New(rand.NewPCG(3, 0))
		began := time.Now()
		newProgram(t, "crash", "http://127.0.0.1:1", "crash-token").must("restore", archive)
		whole := time.Since(began)
		ends := map[string]int{}
		for n := range 8 {
			into := newProgram(t, "crash", "http://127.0.0.1:1", "crash-token")
			killed := into.begin("restore", archive)
			if n == 0 {
				into.waitFor("something is written", func() bool { _, err := os.Stat(restoringIn(into.data)); return err == nil })
			} else {
				into.spin(time.Duration(rng.Int64N(int64(whole))))
			}
			killed()
			out, err := into.run("digest")
			switch {
			case err == nil && strings.Contains(out, want.Digest.String()):
				ends["all"]++
				continue
			case strings.Contains(out, "nothing of it is in place"):
				if !strings.Contains(out, "try: tillstream restore again") {
					t.Errorf("it does not say what to do:\n%s", out)
				}
				ends["said"]++
			case strings.Contains(out, "there is no data folder"), err == nil && strings.Contains(out, "0 products"):
				ends["nothing"]++
			default:
				t.Errorf("%v\n%s", err, out)
			}
			into.must("restore", archive)
			if got := into.digest(); got.Digest != want.Digest {
				t.Errorf("what is restored then has digest %s, want %s", got.Digest, want.Digest)
			}
			if _, err := os.Stat(restoringIn(into.data)); err == nil {
				t.Error("something is left of the restore")
			}
		}
		t.Logf("%v", ends)
		if ends["said"] == 0 {
			t.Error("no kill fell into a restore")
		}
	})

	t.Run("into a broker", func(t *testing.T) {
		t.Parallel()
		broker := bareBroker(t)
		into := newProgram(t, "crash", "http://127.0.0.1:1", "crash-token")
		into.env = append(into.env, "TILLSTREAM_NATS="+broker.ClientURL(), "TILLSTREAM_NATS_USER=operator", "TILLSTREAM_NATS_PASSWORD_FILE="+broker.PasswordFile("operator"))
		killed := into.begin("restore", archive)
		into.waitFor("it has begun", func() bool { return broker.Restoring(t.Context()) != nil })
		killed()
		for _, command := range [][]string{{"digest"}, {"up", "--http", "127.0.0.1:0"}, {"rebuild"}, {"export", filepath.Join(t.TempDir(), "x")}} {
			if out, err := into.run(command...); err == nil || !strings.Contains(out, "has not come to its end") || !strings.Contains(out, "nats stream rm") {
				t.Errorf("%v goes on with what is there: %v\n%s", command, err, out)
			}
		}
		if out, err := into.run("restore", archive); err != nil {
			if !strings.Contains(out, "has not come to its end") || !strings.Contains(out, "nats stream rm") {
				t.Fatalf("it does not say what to do: %v\n%s", err, out)
			}
			removeStreams(t, broker)
			into.must("restore", archive)
		}
		if got := into.digest(); got.Digest != want.Digest {
			t.Errorf("what is restored then has digest %s, want %s", got.Digest, want.Digest)
		}
	})
}

// begin starts a command of the real binary, and returns what kills it.
func (p *program) begin(args ...string) (kill func()) {
	p.t.Helper()
	self, err := os.Executable()
	if err != nil {
		p.t.Fatal(err)
	}
	var out bytes.Buffer
	cmd := &exec.Cmd{Path: self, Args: append([]string{"tillstream"}, args...), Env: p.env, Stdout: &out, Stderr: &out}
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	return func() {
		_ = cmd.Process.Kill() // it may have ended by itself
		_ = cmd.Wait()
	}
}

// bareBroker is a broker without any stream.
func bareBroker(t *testing.T) *streams.Conn {
	t.Helper()
	c, err := streams.Connect(t.Context(), streams.Config{DataDir: t.TempDir(), WithoutSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// removeStreams does what the program says is to be done.
func removeStreams(t *testing.T, broker *streams.Conn) {
	t.Helper()
	password, err := os.ReadFile(broker.PasswordFile("operator"))
	if err != nil {
		t.Fatal(err)
	}
	nc, err := natsio.Connect(broker.ClientURL(), natsio.UserInfo("operator", strings.TrimSpace(string(password))))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	for _, stream := range []string{"POS", "SYNC", "DEADLETTERS", "HEADS", "TILES", "CONTROL"} {
		if err := js.DeleteStream(t.Context(), stream); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
			t.Fatal(err)
		}
	}
}
