package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
	"github.com/tillstream/tillstream/projections"
)

// A data folder that cannot be used is named, with what to do, by every command
// that needs it.
func TestDisk_unusable(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name             string
		folder, inTheWay string
	}{
		{"a file", "data", "data"},
		{"below a file", "file/data", "file"},
		{"its lock is no file", "data", "data/lock/x"},
		{"its store is no folder", "data", "data/nats"},
		{"its users are no folder", "data", "data/users"},
		{"its token is no file", "data", "data/api-token/x"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			way := filepath.Join(dir, filepath.FromSlash(tt.inTheWay))
			if err := os.MkdirAll(filepath.Dir(way), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(way, []byte("in the way"), 0o600); err != nil {
				t.Fatal(err)
			}
			data := filepath.Join(dir, filepath.FromSlash(tt.folder))
			for _, command := range []string{"up", "status"} {
				var errs bytes.Buffer
				code := run(t.Context(), []string{command}, diskEnviron(data), strings.NewReader(""), io.Discard, &errs)
				if code != exitFailed {
					t.Errorf("%s: exit code %d, want 1", command, code)
				}
				for _, want := range []string{data, "on a writable disk and belongs to the user that runs tillstream"} {
					if strings.Count(errs.String(), want) == 0 {
						t.Errorf("%s said %q, want it to say %q", command, &errs, want)
					}
				}
			}
		})
	}
}

func diskEnviron(data string) []string {
	return []string{
		"TILLSTREAM_DATA=" + data, "TILLSTREAM_HTTP=127.0.0.1:0", "TILLSTREAM_STORE=harbour",
		"TILLSTREAM_BIGCOMMERCE_STORE_HASH=h4sh", "TILLSTREAM_BIGCOMMERCE_TOKEN=s3cret",
	}
}

// When the disk is full, an event is refused with the name of the folder and what
// to do. What was accepted is there, once, when there is room again, and the rest
// can be sent once more.
func TestDisk_full(t *testing.T) {
	t.Parallel()
	shop := simulator.New(simulator.Config{StoreHash: "full", Token: "full"})
	bigcommerce := httptest.NewServer(shop)
	t.Cleanup(bigcommerce.Close)
	p := newProgram(t, "full", bigcommerce.URL, "full")
	p.mostBlocks = 2048 // 1 or 2 MiB
	p.start()

	var sent []domain.Envelope
	accepted := map[domain.EventID]domain.Position{}
	why := ""
	for i := 0; why == ""; i++ {
		if i == 100 {
			t.Fatal("100 large events were accepted: the disk was not full")
		}
		e := largeEvent(t, i)
		sent = append(sent, e)
		position, refusal := p.append(e)
		if refusal == "" {
			accepted[e.ID] = position
		}
		why = refusal
	}
	if len(accepted) < 2 {
		t.Errorf("%d events were accepted before the disk was full, want some", len(accepted))
	}
	for _, want := range []string{filepath.Join(p.data, "nats"), "room", "start"} {
		if !strings.Contains(why, want) {
			t.Errorf("refused with %q, want it to say %q", why, want)
		}
	}
	if said := p.problems(); len(said) != 1 || !strings.Contains(said[0], "nothing more can be recorded") || !strings.Contains(said[0], filepath.Join(p.data, "nats")) {
		t.Errorf("the status says %q, want that nothing can be recorded, and where", said)
	}

	p.kill()
	p.mostBlocks = 0
	p.start()
	for _, e := range sent {
		position, refusal := p.append(e)
		if first, ok := accepted[e.ID]; refusal != "" || ok && first != position {
			t.Errorf("%s: %d, %q; it was accepted at %d", e.ID, position, refusal, first)
		}
	}
	p.waitFor("everything in BigCommerce", func() bool { return len(shop.Products()) == len(sent) })
	p.stop()
	log := readLog(t, p.data)
	if len(log) != len(sent) {
		t.Errorf("%d events are in the log, want each of %d once", len(log), len(sent))
	}
	for i, rec := range log {
		if rec.ID != sent[i].ID {
			t.Errorf("position %d holds %s, want %s", rec.Position, rec.ID, sent[i].ID)
		}
	}
}

// largeEvent saves a product with a long description.
func largeEvent(t *testing.T, n int) domain.Envelope {
	t.Helper()
	event := describedAs(fmt.Sprintf("p-%02d", n), fmt.Sprintf("p-%02d", n), "", n+1)
	text := strings.Repeat("All about it. ", 4000)
	event.Description.Description = &text
	in := installation{t: t, told: n}
	return in.envelope(event)
}

// append sends one event and returns where it was recorded, or why it was not.
func (p *program) append(e domain.Envelope) (domain.Position, string) {
	p.t.Helper()
	line, err := json.Marshal(e)
	if err != nil {
		p.t.Fatal(err)
	}
	r, err := p.request(http.MethodPost, "/v1/stores/full/events", bytes.NewReader(append(line, '\n')))
	if err != nil {
		p.t.Fatal(err)
	}
	defer r.Body.Close()
	var answer struct {
		Position domain.Position
		Error    *struct{ Detail string }
	}
	if err := json.NewDecoder(r.Body).Decode(&answer); err != nil {
		p.t.Fatal(err)
	}
	if answer.Error != nil {
		return 0, answer.Error.Detail
	}
	return answer.Position, ""
}

// problems are what the status says is wrong with the whole program.
func (p *program) problems() []string {
	p.t.Helper()
	r, err := p.request(http.MethodGet, "/status.json", nil)
	if err != nil {
		p.t.Fatal(err)
	}
	defer r.Body.Close()
	var page projections.Status
	if err := json.NewDecoder(r.Body).Decode(&page); err != nil {
		p.t.Fatal(err)
	}
	return page.Problems
}

// Where nothing can be written at all, nothing starts.
func TestDisk_nothing(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	cmd := exec.Command("sh", "-c", "ulimit -f 0; exec tillstream up 2>&1 | cat") // a pipe has no limit
	cmd.Env = append(os.Environ(), diskEnviron(data)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatal(err) // that of cat
	}
	if !strings.Contains(string(out), "the folder "+data+" cannot be written: ") || !strings.Contains(string(out), "free disk space") {
		t.Errorf("it said %q, want the folder and what to do", out)
	}
}

// The second program on a data folder says who holds it, and harms nothing.
func TestDisk_held(t *testing.T) {
	t.Parallel()
	shop := httptest.NewServer(simulator.New(simulator.Config{}))
	t.Cleanup(shop.Close)
	p := newProgram(t, "demo", shop.URL, "demo")
	p.start()
	second := exec.Command(p.cmd.Path, "up")
	second.Args[0], second.Env = "tillstream", p.env
	out, err := second.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != exitFailed {
		t.Errorf("the second ended with %v, want exit code 1", err)
	}
	for _, want := range []string{p.data, fmt.Sprintf("in use by process %d since ", p.cmd.Process.Pid), "which serves " + p.address(), "name another folder"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("it said %q, want %q", out, want)
		}
	}
	if r, err := p.request(http.MethodGet, "/readyz", nil); err != nil || r.StatusCode != http.StatusOK {
		t.Errorf("the first: %v, %v", r, err)
	}
	p.stop()
}

// Everything that is wrong with the settings is said at once, before anything
// starts.
func TestDisk_settings(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	var errs bytes.Buffer
	code := run(t.Context(), []string{"up", "--http", "nowhere", "--only", "sell"}, []string{
		"TILLSTREAM_DATA=" + data, "TILLSTREAM_STORE=Harbour Shop", "TILLSTREAM_STOCK=guess", "TILLSTREAM_PUBLISH=none", "TILLSTREAM_OUTLETS=Quayside",
		"TILLSTREAM_POS_PLAN=Lite", "TILLSTREAM_BIGCOMMERCE_API=ftp://x", "TILLSTREAM_BIGCOMMERCE_TOKEN_FILE=" + data + "/none", "TILLSTREAM_LISTEN=x",
	}, strings.NewReader(""), io.Discard, &errs)
	if code != exitMisuse {
		t.Errorf("exit code %d, want 2", code)
	}
	lines := bufio.NewScanner(&errs)
	told := map[string]int{}
	for lines.Scan() {
		for _, name := range []string{
			"--http", "--only", "STORE ", "_STOCK", "_PUBLISH", "_OUTLETS", "_POS_PLAN", "_API", "TOKEN_FILE", "_LISTEN",
		} {
			if strings.Contains(lines.Text(), name) && strings.Contains(lines.Text(), ": ") {
				told[name]++
			}
		}
	}
	if len(told) != 10 {
		t.Errorf("it told of %v, want of all ten", told)
	}
	if _, err := os.Stat(data); err == nil {
		t.Error("the data folder was made all the same")
	}
}
