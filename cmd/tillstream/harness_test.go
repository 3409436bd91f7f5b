package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/streams"
)

// program is one installation of the real binary, started and killed at will.
type program struct {
	t    testing.TB
	data string
	env  []string

	// mostBlocks, when set, bounds the size of every file that it writes, in the units
	// of the shell's ulimit: to a program, a disk that is full.
	mostBlocks int

	mu     sync.Mutex
	cmd    *exec.Cmd
	addr   string
	output *tail
}

func newProgram(t testing.TB, store, api, token string) *program {
	p := &program{t: t, data: filepath.Join(t.TempDir(), "data")}
	// What is set for who tests is not for the program, which refuses what it does not know.
	own := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "TILLSTREAM_") })
	p.env = append(own,
		"TILLSTREAM_DATA="+p.data, "TILLSTREAM_HTTP=127.0.0.1:0", "TILLSTREAM_STORE="+store, "TILLSTREAM_PUBLISH=all",
		"TILLSTREAM_BIGCOMMERCE_API="+api, "TILLSTREAM_BIGCOMMERCE_STORE_HASH="+store, "TILLSTREAM_BIGCOMMERCE_TOKEN="+token,
		// The simulator applies nothing after its connection is gone.
		"TILLSTREAM_BIGCOMMERCE_QUIET=200ms")
	t.Cleanup(p.kill)
	return p
}

// launch starts the binary without waiting for anything.
func (p *program) launch() {
	self, err := os.Executable()
	if err != nil {
		p.t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.output = &tail{}
	p.cmd = &exec.Cmd{Path: self, Args: []string{"tillstream", "up"}, Env: p.env, Stdout: p.output, Stderr: p.output}
	if p.mostBlocks > 0 {
		// TestMain has put a tillstream into the path that is this binary.
		p.cmd = exec.Command("sh", "-c", fmt.Sprintf("ulimit -f %d; exec tillstream up", p.mostBlocks))
		p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = p.env, p.output, p.output
	}
	p.addr = ""
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
}

func (p *program) start() {
	p.launch()
	p.waitFor("ready", p.ready)
}

// ready reports whether the program says that it is ready, and notes where it is.
func (p *program) ready() bool {
	addr := runningAt(p.data)
	if addr == "" {
		return false
	}
	r, err := http.Get("http://" + addr + "/readyz")
	if err != nil {
		return false
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		return false
	}
	p.mu.Lock()
	p.addr = addr
	p.mu.Unlock()
	return true
}

func (p *program) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Kill() // SIGKILL; it may have ended by itself
	_ = p.cmd.Wait()
	p.cmd, p.addr = nil, ""
}

// stop ends the program as an operator does.
func (p *program) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		p.t.Fatal(err)
	}
	if err := p.cmd.Wait(); err != nil {
		p.t.Errorf("ending: %v\n%s", err, p.output)
	}
	p.cmd = nil
}

func (p *program) address() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.addr
}

// waitFor polls a condition of another process, for which there is no signal to
// wait on. Its bound is there to say what was waited for, not to measure.
func (p *program) waitFor(what string, ok func() bool) {
	p.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(3 * time.Minute); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			p.t.Fatalf("%s: not within 3 minutes; the program said:\n%s", what, p.output)
		}
	}
}

// spin lets a while pass, to make the moment of a kill random.
func (p *program) spin(d time.Duration) {
	<-time.After(d)
}

func (p *program) request(method, path string, body io.Reader) (*http.Response, error) {
	token, err := os.ReadFile(filepath.Join(p.data, "api-token"))
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequest(method, "http://"+p.address()+path, body)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	return http.DefaultClient.Do(r)
}

// tail keeps the end of a program's output for a failure's message.
type tail struct {
	mu sync.Mutex
	b  []byte
}

func (o *tail) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.b = append(o.b, p...)
	if len(o.b) > 1<<16 {
		o.b = o.b[len(o.b)-1<<15:]
	}
	return len(p), nil
}

func (o *tail) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.b)
}

// readLog opens the data folder of the ended program and reads the whole POS log.
func readLog(t *testing.T, data string) []domain.Recorded {
	t.Helper()
	conn := openData(t, data)
	var log []domain.Recorded
	if err := conn.POS().Read(t.Context(), streams.Query{}, func(m streams.Message) error {
		rec, err := m.Recorded()
		log = append(log, rec)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	return log
}

func openData(t testing.TB, data string) *streams.Conn {
	t.Helper()
	conn, err := streams.Connect(context.WithoutCancel(t.Context()), streams.Config{DataDir: data})
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// foldFromZero folds the log without any of the program's machinery.
func foldFromZero(t testing.TB, mode domain.StockMode, log []domain.Recorded) map[domain.ProductID]domain.Product {
	t.Helper()
	products := map[domain.ProductID]domain.Product{}
	holders := map[domain.ItemID]domain.ProductID{}
	for _, rec := range log {
		event, err := rec.Event()
		if err != nil {
			t.Fatal(err)
		}
		item := domain.ItemID(event.Subject())
		var holder *domain.Product
		if id, ok := holders[item]; ok {
			p := products[id]
			holder = &p
		}
		target := domain.Target(holders[item], event)
		into, ok := products[target]
		if !ok {
			into = domain.Product{Store: rec.Store, ID: target}
		}
		result, err := domain.Fold(mode, rec, event, holder, into)
		if err != nil {
			t.Fatal(err)
		}
		for p := range result.Products() {
			products[p.ID] = *p
		}
		holders[item] = result.Product.ID
	}
	return products
}
