package ingest_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/ingest"
	"github.com/tillstream/tillstream/streams"
	"github.com/tillstream/tillstream/streams/streamstest"
)

// front serves the way in to a log.
func front(t testing.TB, log ingest.Log) string {
	t.Helper()
	in := ingest.NewHTTP(ingest.New(log, time.Now), func(string) (domain.StoreID, error) { return store, nil }, slog.New(slog.DiscardHandler))
	mux := http.NewServeMux()
	in.Mount(mux)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL + "/v1/stores/" + string(store)
}

// offer returns the status, the Retry-After and the body of an answer.
func offer(t testing.TB, url, encoding string, body io.Reader) (status int, after, text string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Encoding", encoding)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Error(err)
		return 0, "", ""
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Error(err)
	}
	return answer.StatusCode, answer.Header.Get("Retry-After"), string(b)
}

// heldLog answers when it is let go.
type heldLog struct {
	ingest.Log
	asked chan struct{}
	free  chan struct{}
}

func (l *heldLog) Submit(ctx context.Context, store domain.StoreID, group []domain.Envelope) func(context.Context) ([]streams.Appended, error) {
	wait := l.Log.Submit(ctx, store, group)
	return func(ctx context.Context) ([]streams.Appended, error) {
		l.asked <- struct{}{}
		select {
		case <-l.free:
			return wait(ctx)
		case <-ctx.Done():
			return nil, &streams.UnknownOutcomeError{Err: ctx.Err()}
		}
	}
}

// TestHTTP_places: more requests with events than there are places are told when to
// come back; product files have places of their own; and all are free again afterwards.
func TestHTTP_places(t *testing.T) {
	t.Parallel()
	log := &heldLog{Log: streamstest.Start(t).POS(), asked: make(chan struct{}), free: make(chan struct{})}
	url := front(t, log)
	event := func(id string) io.Reader { return strings.NewReader(counted(id, "i-1", "5")) }
	var taken sync.WaitGroup
	for n := range ingest.MostRequests {
		taken.Go(func() {
			if status, _, text := offer(t, url+"/events", "", event(fmt.Sprint("e-", n))); status != http.StatusOK {
				t.Errorf("one that had a place: %d %s", status, text)
			}
		})
	}
	for range ingest.MostRequests {
		<-log.asked
	}
	status, after, text := offer(t, url+"/events", "", event("late"))
	if status != http.StatusServiceUnavailable || after != "1" || !strings.Contains(text, "256 requests with events are being taken in") {
		t.Errorf("one too many: %d, Retry-After %q, %s", status, after, text)
	}
	if status, _, text := offer(t, url+"/imports", "", strings.NewReader("id,handle,sku,name\ni-2,h,S,N\n")); status != http.StatusOK {
		t.Errorf("a product file: %d %s", status, text)
	}
	close(log.free)
	taken.Wait()
	go func() { <-log.asked }()
	if status, _, text := offer(t, url+"/events", "", event("late")); status != http.StatusOK || !strings.Contains(text, `"duplicate":false`) {
		t.Errorf("afterwards: %d %s", status, text)
	}
}

// TestHTTP_encoded: a body that is packed is refused unread, whatever it would become,
// and nothing of it is recorded.
func TestHTTP_encoded(t *testing.T) {
	t.Parallel()
	log := streamstest.Start(t).POS()
	url := front(t, log)
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	for n := range 1000 {
		if _, err := io.WriteString(z, counted(fmt.Sprint("e-", n), "i-1", "5")+"\n"+strings.Repeat(" ", 100_000)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for _, to := range []string{"/events", "/imports"} {
		status, _, text := offer(t, url+to, "gzip", bytes.NewReader(bomb.Bytes()))
		if status != http.StatusUnsupportedMediaType || !strings.Contains(text, `a body in \"gzip\" is not taken`) {
			t.Errorf("%s: %d %s", to, status, text)
		}
	}
	if last, err := log.Last(t.Context()); err != nil || last != 0 {
		t.Errorf("the log is at %d, %v", last, err)
	}
}
