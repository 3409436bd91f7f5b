package bigcommerce_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tillstream/tillstream/handlers/bigcommerce"
	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
)

// mostRead is what a client may take of one reply: its bound, and what lies in buffers on the way.
const mostRead = 48 << 20

// TestClient_BadReply: whatever comes in the place of a reply ends in time as an error that says what it was, and what
// to do. A read can be tried again; a write may have had its effect.
func TestClient_BadReply(t *testing.T) {
	t.Parallel()
	tests := []struct {
		fault simulator.Fault
		says  string
		read  bigcommerce.Verdict
	}{
		{simulator.Fault{Kind: simulator.Hang}, "deadline exceeded", bigcommerce.Retry},
		{simulator.Fault{Kind: simulator.Late, Delay: time.Hour}, "deadline exceeded", bigcommerce.Retry},
		{simulator.Fault{Kind: simulator.Dribble, Delay: time.Second}, "reading the reply", bigcommerce.Retry},
		{simulator.Fault{Kind: simulator.Truncate}, "reading the reply", bigcommerce.Retry},
		{simulator.Fault{Kind: simulator.Huge}, "longer than 33554432 bytes", bigcommerce.Retry},
		{simulator.Fault{Kind: simulator.InvalidUTF8}, "not UTF-8", bigcommerce.Retry},
		{simulator.Fault{Kind: simulator.StringIDs}, "cannot unmarshal string", bigcommerce.Permanent},
	}
	for _, tt := range tests {
		t.Run("Err/"+string(tt.fault.Kind), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store, c := pair(t, simulator.Config{}, 4)
				id, err := store.MerchantCreate(simulator.NewProduct("Cedar Bowl", "CB-1", 24.5))
				if err != nil {
					t.Fatal(err)
				}
				if err := store.Fail(tt.fault); err != nil {
					t.Fatal(err)
				}
				start := time.Now()
				_, err = c.Product(t.Context(), bigcommerce.ProductID(id))
				check := func(what string, err error, want bigcommerce.Verdict) {
					if err == nil || bigcommerce.VerdictOf(err) != want || !strings.Contains(err.Error(), tt.says) {
						t.Errorf("%s: got %v (%v), want %v with %q", what, err, bigcommerce.VerdictOf(err), want, tt.says)
					}
				}
				check("a read", err, tt.read)
				_, err = c.UpdateProducts(t.Context(), []bigcommerce.ProductUpdate{{ID: bigcommerce.ProductID(id), Name: "Cedar Bowl", InventoryTracking: bigcommerce.TrackProduct}})
				check("a write", err, bigcommerce.Ambiguous)
				if took := time.Since(start); took > 2*bigcommerce.DefaultTimeout {
					t.Errorf("two calls took %v, want at most %v", took, 2*bigcommerce.DefaultTimeout)
				}
				store.Heal()
			})
		})
	}
}

// raw answers every connection in its own way, and counts what it could write.
type raw struct {
	net.Listener
	wrote atomic.Int64
	said  chan []byte // the head of each request
}

func (l *raw) serve(answer func(io.Writer)) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			var head []byte
			for in := bufio.NewReader(conn); !strings.HasSuffix(string(head), "\r\n\r\n"); {
				b, err := in.ReadByte()
				if err != nil {
					return
				}
				head = append(head, b)
			}
			l.said <- head
			answer(counter{conn, &l.wrote})
		}()
	}
}

type counter struct {
	to io.Writer
	n  *atomic.Int64
}

func (c counter) Write(p []byte) (int, error) {
	n, err := c.to.Write(p)
	c.n.Add(int64(n))
	return n, err
}

// at returns a client of a raw server.
func at(t *testing.T, timeout time.Duration, answer func(io.Writer)) (*raw, *bigcommerce.Client) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &raw{Listener: listener, said: make(chan []byte, 100)}
	t.Cleanup(func() { _ = l.Close() })
	go l.serve(answer)
	c, err := bigcommerce.New(bigcommerce.Config{BaseURL: "http://" + l.Addr().String(), StoreHash: "abc123", Token: "secret", Timeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return l, c
}

// TestClient_RawServer: nothing that a server can write makes a call last longer than its timeout, or take more memory
// than its bound.
func TestClient_RawServer(t *testing.T) {
	t.Parallel()
	const patient, hasty = time.Minute, 100 * time.Millisecond
	endless := func(w io.Writer, piece string) {
		for p := []byte(strings.Repeat(piece, 1<<12)); ; {
			if _, err := w.Write(p); err != nil {
				return
			}
		}
	}
	silent := func(w io.Writer) { // until the client is gone
		_, _ = io.Copy(io.Discard, w.(counter).to.(net.Conn))
	}
	bomb := func(status string) func(io.Writer) {
		return func(w io.Writer) {
			fmt.Fprintf(w, "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n\r\n", status)
			z := gzip.NewWriter(w)
			_, _ = io.WriteString(z, `{"data":{"name":"`)
			endless(z, "x")
		}
	}
	tests := []struct {
		name    string
		timeout time.Duration
		answer  func(io.Writer)
		says    string
		verdict bigcommerce.Verdict // of a write
		most    int64               // bytes that the client takes
	}{
		{"ErrSilent", hasty, silent, "deadline exceeded", bigcommerce.Ambiguous, 0},
		{"ErrSilentAfterHead", hasty, func(w io.Writer) {
			_, _ = io.WriteString(w, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{")
			silent(w)
		}, "reading the reply", bigcommerce.Ambiguous, 100},
		{"ErrNeverAHead", hasty, func(w io.Writer) {
			_, _ = io.WriteString(w, "HTTP/1.1 200 OK\r\nX-")
			silent(w)
		}, "deadline exceeded", bigcommerce.Ambiguous, 100},
		{"ErrHeadWithoutEnd", patient, func(w io.Writer) {
			_, _ = io.WriteString(w, "HTTP/1.1 200 OK\r\n")
			endless(w, "X-A: b\r\n")
		}, "headers", bigcommerce.Ambiguous, mostRead},
		{"ErrBodyWithoutEnd", patient, func(w io.Writer) {
			_, _ = io.WriteString(w, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{\"data\":[")
			endless(w, "{},")
		}, "longer than", bigcommerce.Ambiguous, mostRead},
		{"ErrGzipBomb", patient, bomb("200 OK"), "longer than", bigcommerce.Ambiguous, 8 << 20},
		{"ErrGzipBombInError", patient, bomb("422 Unprocessable Entity"), "422", bigcommerce.Permanent, 8 << 20},
		{"ErrNotGzip", patient, func(w io.Writer) {
			_, _ = io.WriteString(w, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 11\r\n\r\n{\"data\":[]}")
		}, "gzip: invalid header", bigcommerce.Ambiguous, 200},
		{"ErrNotHTTP", patient, func(w io.Writer) { _, _ = io.WriteString(w, "220 smtp.example ESMTP\r\n") }, "malformed HTTP", bigcommerce.Ambiguous, 100},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l, c := at(t, tt.timeout, tt.answer)
			_, err := c.UpdateProducts(t.Context(), []bigcommerce.ProductUpdate{{ID: 512, Name: "Cedar Bowl"}})
			if err == nil || bigcommerce.VerdictOf(err) != tt.verdict || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v (%v), want %v with %q", err, bigcommerce.VerdictOf(err), tt.verdict, tt.says)
			}
			if len(err.Error()) > 2000 || strings.Contains(err.Error(), "secret") {
				t.Errorf("the message is too long or shows the token: %s", err)
			}
			if got := l.wrote.Load(); got > tt.most {
				t.Errorf("the client took %d bytes, want at most %d", got, tt.most)
			}
		})
	}
}

// TestClient_Redirect: the token goes to no other address than the one that was configured.
func TestClient_Redirect(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308} {
		t.Run(fmt.Sprint("Err", status), func(t *testing.T) {
			t.Parallel()
			other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				t.Errorf("the other host was asked %s %s with token %q", r.Method, r.URL, r.Header.Get("X-Auth-Token"))
			}))
			t.Cleanup(other.Close)
			asked := atomic.Int64{}
			c := answering(t, func(w http.ResponseWriter, r *http.Request) {
				asked.Add(1)
				to := other.URL
				if r.Method == http.MethodGet {
					to = "/elsewhere" // not even on the same host
				}
				http.Redirect(w, r, to, status)
			})
			_, read := c.Product(t.Context(), 512)
			_, write := c.UpdateProducts(t.Context(), []bigcommerce.ProductUpdate{{ID: 512}})
			for _, err := range []error{read, write} {
				if bigcommerce.VerdictOf(err) != bigcommerce.Permanent || !strings.Contains(fmt.Sprint(err), "redirects to 127.0.0.1:") {
					t.Errorf("got %v, want a permanent error that says where to", err)
				}
			}
			if got := asked.Load(); got != 2 {
				t.Errorf("%d requests, want one for each call", got)
			}
		})
	}
}

// TestClient_EmptyReply: a success without what was asked for is not taken for an answer: neither for a store that has
// no such product, nor for a product without a name or variants, nor for one that was created.
func TestClient_EmptyReply(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{}`, `{"data":null}`, `null`, `{"data":{}}`, `{"data":{"id":7}}`, `{"status":"ok"}`, ``, `{"data":{"id":512}}{}`} {
		t.Run("Err"+body, func(t *testing.T) {
			t.Parallel()
			c := answering(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
			ctx := context.Background()
			calls := map[string]func() error{
				"read":   func() error { _, err := c.Product(ctx, 512); return err },
				"exist":  func() error { _, err := c.ExistingProducts(ctx, []bigcommerce.ProductID{512}); return err },
				"find":   func() error { _, err := c.VariantsBySKU(ctx, []string{"CB-1"}); return err },
				"update": func() error { _, err := c.UpdateProducts(ctx, []bigcommerce.ProductUpdate{{ID: 512}}); return err },
			}
			if body != `{"data":{"id":7}}` {
				calls["create"] = func() error {
					_, err := c.CreateProduct(ctx, bigcommerce.ProductCreate{Name: "Cedar Bowl"})
					return err
				}
			}
			for name, call := range calls {
				if call() == nil {
					t.Errorf("%s: no error", name)
				}
			}
		})
	}
}

// TestClient_LyingPages: a list that says for ever that more follows is read to its own end, or to a page without
// entries.
func TestClient_LyingPages(t *testing.T) {
	t.Parallel()
	for data, want := range map[string]int64{`[{"id":1}]`: 3, `[]`: 1} {
		asked := atomic.Int64{}
		c := answering(t, func(w http.ResponseWriter, _ *http.Request) {
			asked.Add(1)
			_, _ = io.WriteString(w, `{"data":`+data+`,"meta":{"pagination":{"current_page":1,"total_pages":3}}}`)
		})
		if _, err := c.VariantsBySKU(t.Context(), []string{"CB-1"}); err != nil || asked.Load() != want {
			t.Errorf("%s: %d requests (%v), want %d", data, asked.Load(), err, want)
		}
	}
}
