package bigcommerce_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tillstream/tillstream/handlers/bigcommerce"
)

// answering returns a client of a server that gives every request the same answer.
func answering(t *testing.T, h http.HandlerFunc) *bigcommerce.Client {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	c, err := bigcommerce.New(bigcommerce.Config{BaseURL: server.URL, StoreHash: "abc123", Token: "secret", HTTPClient: server.Client(), Now: func() time.Time { return noon }})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var noon = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// seen is what a caller decides by.
type seen struct {
	Status       int
	Code         int
	Title        string
	Fields       map[string]string
	Batch        []bigcommerce.BatchError
	RequestID    string
	Verdict      bigcommerce.Verdict
	Wait         time.Duration
	Unauthorized bool
}

// TestError_Shapes answers a read, an update and a creation with each shape of reply on record.
func TestError_Shapes(t *testing.T) {
	t.Parallel()
	const (
		read = iota
		update
		create
	)
	tests := []struct {
		name   string
		call   int
		status int
		header map[string]string
		body   string
		want   seen
	}{
		{"ErrMalformed", update, 400, nil, `{"status":400,"title":"Input is invalid","type":"x"}`,
			seen{Title: "Input is invalid", Verdict: bigcommerce.Permanent}},
		{"ErrEmptyObject", update, 400, nil, `{}`, seen{Verdict: bigcommerce.Permanent}},
		{"ErrTokenInPlainText", read, 401, nil, "Unauthorized\nmore", seen{Title: "Unauthorized", Verdict: bigcommerce.NotBefore, Wait: 30 * time.Second, Unauthorized: true}},
		{"ErrScope", update, 403, nil, `{"status":403,"title":"You don't have a required scope to access the endpoint","errors":{}}`,
			seen{Title: "You don't have a required scope to access the endpoint", Verdict: bigcommerce.NotBefore, Wait: 30 * time.Second, Unauthorized: true}},
		{"ErrPlatformLimit", create, 403, nil, `{"status":403,"title":"limit","errors":{}}`, seen{Title: "limit", Verdict: bigcommerce.Permanent}},
		{"ErrVariantAbsent", read, 404, map[string]string{"X-Request-ID": "r-7"}, `{"status":404,"code":22001,"title":"No variants with id 1522 found for product id 736","type":"x"}`,
			seen{Code: 22001, Title: "No variants with id 1522 found for product id 736", RequestID: "r-7", Verdict: bigcommerce.Permanent}},
		{"ErrDuplicate", create, 409, nil, `{"status":409,"title":"The product sku is a duplicate","errors":{"sku":"The product sku is a duplicate"}}`,
			seen{Title: "The product sku is a duplicate", Fields: map[string]string{"sku": "The product sku is a duplicate"}, Verdict: bigcommerce.Permanent}},
		{"ErrTooLong", update, 413, nil, `{"status":413,"title":"The request payload is too large.","errors":{}}`, seen{Title: "The request payload is too large.", Verdict: bigcommerce.Permanent}},
		{"ErrMediaTypeInHTML", update, 415, nil, "<html><head><title>415 Unsupported</title></head></html>", seen{Title: "415 Unsupported", Verdict: bigcommerce.Permanent}},
		{"ErrFieldsByIndex", update, 422, nil, `{"status":422,"title":"JSON data is missing or invalid","errors":{"0.meta_keywords":"error.expected.jsarray"}}`,
			seen{Title: "JSON data is missing or invalid", Fields: map[string]string{"0.meta_keywords": "error.expected.jsarray"}, Verdict: bigcommerce.Permanent}},
		{"ErrFieldsInList", update, 422, nil, `{"detail":"several","errors":["first",{"message":"second"}]}`,
			seen{Title: "several", Fields: map[string]string{"0": "first", "1": `{"message":"second"}`}, Verdict: bigcommerce.Permanent}},
		{"ErrFieldIsList", update, 422, nil, `{"title":["odd"],"code":"22004","errors":{"sku":["a","b"]}}`,
			seen{Title: `["odd"]`, Code: 22004, Fields: map[string]string{"sku": `["a","b"]`}, Verdict: bigcommerce.Permanent}},
		{"ErrBatch", update, 422, nil, `{"batch_errors":[{"status":409,"title":"Sku X is not unique","errors":{"sku":"taken"}},"odd"]}`,
			seen{Batch: []bigcommerce.BatchError{{Status: 409, Title: "Sku X is not unique", Fields: map[string]string{"sku": "taken"}}, {Title: "odd"}}, Verdict: bigcommerce.Permanent}},
		{"ErrLocked", update, 423, nil, "", seen{Verdict: bigcommerce.Retry}},
		{"ErrQuota", update, 429, map[string]string{"X-Rate-Limit-Requests-Quota": "150", "X-Rate-Limit-Requests-Left": "0", "X-Rate-Limit-Time-Window-Ms": "30000", "X-Rate-Limit-Time-Reset-Ms": "15000"},
			`{"status":429,"title":"slow down"}`, seen{Title: "slow down", Verdict: bigcommerce.NotBefore, Wait: 15*time.Second + 20*time.Millisecond}},
		{"ErrRetryAfter", update, 429, map[string]string{"X-Retry-After": "90"}, "", seen{Verdict: bigcommerce.NotBefore, Wait: 90 * time.Second}},
		{"ErrClientClosed", update, 499, nil, "", seen{Verdict: bigcommerce.Ambiguous}},
		{"ErrServerOnWrite", update, 500, nil, "", seen{Verdict: bigcommerce.Ambiguous}},
		{"ErrServerOnRead", read, 502, nil, "<HTML>no title", seen{Title: "an HTML page", Verdict: bigcommerce.Retry}},
		{"ErrStoreDown", create, 503, map[string]string{"Retry-After": "60"}, "Service Unavailable", seen{Title: "Service Unavailable", Verdict: bigcommerce.Ambiguous, Wait: time.Minute}},
		{"ErrPlanLimit", create, 507, nil, "", seen{Verdict: bigcommerce.Permanent}},
		{"ErrRedirect", read, 302, map[string]string{"Location": "http://127.0.0.1:1/"}, "", seen{Verdict: bigcommerce.Permanent}},
		{"ErrPartial", update, 207, nil, `{"data":[{"id":512}],"errors":{"status":207,"title":"saved","errors":{"inventory_level":"not saved"}},"meta":{}}`,
			seen{Title: "saved", Fields: map[string]string{"inventory_level": "not saved"}, Verdict: bigcommerce.Retry}},
		{"ErrTruncatedWrite", create, 200, nil, `{"data":{"id":5`, seen{Verdict: bigcommerce.Ambiguous}},
		{"ErrTruncatedRead", read, 200, nil, `{"data":{"id":5`, seen{Verdict: bigcommerce.Retry}},
		{"ErrIDIsString", read, 200, nil, `{"data":{"id":"512"}}`, seen{Verdict: bigcommerce.Permanent}},
		{"ErrHTMLOnSuccess", update, 200, nil, `<html>maintenance</html>`, seen{Verdict: bigcommerce.Ambiguous}},
		{"ErrInvalidUTF8", update, 422, nil, "{\"title\":\"caf\xe9\"}", seen{Title: "caf\uFFFD", Verdict: bigcommerce.Permanent}},
		{"ErrHuge", update, 422, nil, `{"title":"` + strings.Repeat("x", 1<<20) + `"}`, seen{Title: `{"title":"` + strings.Repeat("x", 490) + "…", Verdict: bigcommerce.Permanent}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := answering(t, func(w http.ResponseWriter, r *http.Request) {
				for name, value := range tt.header {
					w.Header().Set(name, value)
				}
				w.WriteHeader(tt.status)
				io.WriteString(w, tt.body)
			})
			var err error
			ctx := context.Background()
			switch tt.call {
			case read:
				_, err = c.Product(ctx, 512)
			case update:
				_, err = c.UpdateProducts(ctx, []bigcommerce.ProductUpdate{{ID: 512}})
			case create:
				_, err = c.CreateProduct(ctx, bigcommerce.ProductCreate{Name: "Cedar Bowl"})
			}
			e, ok := errors.AsType[*bigcommerce.Error](err)
			if !ok {
				t.Fatalf("got %v, want an *Error", err)
			}
			got := seen{e.Status, e.Code, e.Title, e.Fields, e.Batch, e.RequestID, e.Verdict, 0, e.Unauthorized}
			if !e.NotBefore.IsZero() {
				got.Wait = e.NotBefore.Sub(noon)
			}
			tt.want.Status = tt.status
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("the error differs (-want +got):\n%s", diff)
			}
			if strings.Contains(err.Error(), "secret") || len(err.Error()) > 2000 {
				t.Errorf("the message is too long or shows the token: %s", err)
			}
		})
	}
}

// TestError_Lost loses a reply in the ways in which one gets lost: what was sent may have had an effect, what was not
// sent cannot have.
func TestError_Lost(t *testing.T) {
	t.Parallel()
	lose := func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }
	cut := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100")
		io.WriteString(w, `{"data":[`)
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	for name, handler := range map[string]http.HandlerFunc{"ErrClosed": lose, "ErrCutOff": cut} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := answering(t, handler)
			_, err := c.UpdateProducts(context.Background(), []bigcommerce.ProductUpdate{{ID: 512}})
			if got := bigcommerce.VerdictOf(err); got != bigcommerce.Ambiguous {
				t.Errorf("a write: %v is %v, want ambiguous", err, got)
			}
			_, err = c.Product(context.Background(), 512)
			if got := bigcommerce.VerdictOf(err); got != bigcommerce.Retry {
				t.Errorf("a read: %v is %v, want retry", err, got)
			}
		})
	}
	t.Run("ErrNotConnected", func(t *testing.T) {
		t.Parallel()
		refused := errors.New("refused")
		c, err := bigcommerce.New(bigcommerce.Config{StoreHash: "abc123", Token: "secret", HTTPClient: &http.Client{Transport: &http.Transport{
			DialContext: func(context.Context, string, string) (net.Conn, error) { return nil, refused },
		}}})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.CreateProduct(context.Background(), bigcommerce.ProductCreate{Name: "Cedar Bowl"})
		if got := bigcommerce.VerdictOf(err); got != bigcommerce.Retry || !errors.Is(err, refused) {
			t.Errorf("got %v (%v), want a retry because of the refusal", err, got)
		}
	})
	t.Run("ErrCancelled", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(context.Background())
		c := answering(t, func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body) // the server notices a client that left only after its body
			cancel()
			<-r.Context().Done()
		})
		err := c.SetStock(ctx, "", []bigcommerce.StockLevel{{Location: 1, Product: 512, Quantity: 1}})
		if got := bigcommerce.VerdictOf(err); got != bigcommerce.Ambiguous || !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled under way: %v (%v), want ambiguous", err, got)
		}
		err = c.SetStock(ctx, "", []bigcommerce.StockLevel{{Location: 1, Product: 512, Quantity: 1}})
		if got := bigcommerce.VerdictOf(err); got != bigcommerce.Retry || !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled before: %v (%v), want retry", err, got)
		}
	})
}

func TestClient_UpdateProducts_Partial(t *testing.T) {
	t.Parallel()
	c := answering(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusMultiStatus)
		io.WriteString(w, `{"data":[{"id":512,"name":"Bowl"}],"errors":{"title":"saved"}}`)
	})
	got, err := c.UpdateProducts(context.Background(), []bigcommerce.ProductUpdate{{ID: 512}})
	if !bigcommerce.IsPartial(err) || len(got) != 1 || got[0].Name != "Bowl" {
		t.Errorf("got %+v and %v, want the row and a partial error", got, err)
	}
}

// TestPredicates goes by status and field, never by title.
func TestPredicates(t *testing.T) {
	t.Parallel()
	row := func(status int, field string) *bigcommerce.Error {
		return &bigcommerce.Error{Status: 422, Batch: []bigcommerce.BatchError{{Status: status, Fields: map[string]string{field: ""}}}}
	}
	tests := []struct {
		name                 string
		err                  error
		absent, named, coded bool
	}{
		{"OKName", &bigcommerce.Error{Status: 409, Fields: map[string]string{"name": ""}}, false, true, false},
		{"OKIndexedSKU", &bigcommerce.Error{Status: 409, Fields: map[string]string{"3.sku": ""}}, false, false, true},
		{"OKBatchSKU", row(409, "sku"), false, false, true},
		{"OKBatchAbsent", row(404, "id"), true, false, false},
		{"OKAbsent", &bigcommerce.Error{Status: 404}, true, false, false},
		{"ErrInvalidSKU", &bigcommerce.Error{Status: 422, Fields: map[string]string{"sku": ""}}, false, false, false},
		{"ErrOther", io.EOF, false, false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if a, n, s := bigcommerce.IsNotFound(tt.err), bigcommerce.IsDuplicateName(tt.err), bigcommerce.IsDuplicateSKU(tt.err); a != tt.absent || n != tt.named || s != tt.coded {
				t.Errorf("got not found %t, duplicate name %t, duplicate SKU %t; want %t, %t, %t", a, n, s, tt.absent, tt.named, tt.coded)
			}
		})
	}
}
