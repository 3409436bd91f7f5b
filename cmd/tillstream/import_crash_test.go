package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
)

// TestImport_crash kills the program in the middle of an import, several times, and
// imports the file again each time, with the command. Each row is in the log once,
// under one id. The whole file again is another import.
func TestImport_crash(t *testing.T) {
	t.Parallel()
	bigcommerce := httptest.NewServer(simulator.New(simulator.Config{StoreHash: "cut", Token: "t"}))
	defer bigcommerce.Close()
	p := newProgram(t, "cut", bigcommerce.URL, "t")
	p.env = append(p.env, "TILLSTREAM_PUBLISH=linked")
	const rows = 6000
	file := filepath.Join(t.TempDir(), "export.csv")
	var content bytes.Buffer
	content.WriteString("id,sku,name,inventory_Quayside\n")
	for n := range rows {
		fmt.Fprintf(&content, "i-%d,S-%d,Product %d,3\n", n, n, n)
	}
	if err := os.WriteFile(file, content.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	bring := func() (code int, out string) {
		var b bytes.Buffer
		code = run(context.WithoutCancel(t.Context()), []string{"import", file}, p.env, strings.NewReader(""), &b, &b)
		return code, b.String()
	}
	for kill := range 3 {
		p.start()
		ended := make(chan string, 1)
		go func() {
			_, out := bring()
			ended <- out
		}()
		goal := kill*2000 + 200 + rand.IntN(2000) // events
		p.waitFor("a part of the import", func() bool { return p.lastPosition() >= goal })
		p.kill()
		if out := <-ended; !strings.Contains(out, "try: tillstream import "+file+", to go on") {
			t.Errorf("cut short, the command said:\n%s", out)
		}
	}
	if code, out := bring(); code != exitDone || !strings.Contains(out, "going on with import ") {
		t.Errorf("the last time, the command ended with %d and said:\n%s", code, out)
	}
	ids, seen := map[string]int{}, map[domain.EventID]bool{}
	for _, rec := range readLog(t, p.data) {
		if ids[rec.CorrelationID]++; seen[rec.ID] {
			t.Fatalf("%s is in the log twice", rec.ID)
		}
		seen[rec.ID] = true
	}
	if len(ids) != 1 || len(seen) != 2*rows {
		t.Errorf("the log has %d events, of the imports %v; want %d of one", len(seen), ids, 2*rows)
	}
	if code, out := bring(); code != exitDone || strings.Contains(out, "going on") || strings.Contains(out, "in the log already") {
		t.Errorf("another time, the command ended with %d and said:\n%s", code, out)
	}
	if got := len(readLog(t, p.data)); got != 4*rows {
		t.Errorf("the log has %d events after two imports, want %d", got, 4*rows)
	}
}

// lastPosition is that of the POS log, 0 while the program does not answer.
func (p *program) lastPosition() int {
	r, err := p.request(http.MethodGet, "/status.json", nil)
	if err != nil {
		return 0
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return 0
	}
	var at int
	if _, after, ok := bytes.Cut(b, []byte(`"last_position":`)); ok {
		_, _ = fmt.Sscan(strings.Trim(string(after[:min(len(after), 20)]), " "), &at) // what follows is no number's
	}
	return at
}
