package simulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/tillstream/tillstream/handlers/standin"
)

// maxBody bounds a request's body: that of a thousand adjustments, and of a product file.
const maxBody = 16 << 20

// version is a version of the API.
type version int

const (
	v20   version = iota // 2.0
	v2607                // 2026-07, and whatever expired before it
)

// exchange is one request in progress.
type exchange struct {
	request *http.Request
	body    []byte
	log     *Request
	fault   Fault
	client  client
	api     version
}

// errRefused is a request that is refused with a status.
type errRefused struct {
	status int
	title  string
	detail string
}

func (e *errRefused) Error() string { return e.detail }

func refused(status int, format string, args ...any) error {
	return &errRefused{status, http.StatusText(status), fmt.Sprintf(format, args...)}
}

// fail is the vendor's envelope of an error.
func fail(status int, title, message string) reply {
	return replyJSON(status, object{"error": title, "message": message})
}

// handler does what a request asks, with the account's lock held.
type handler func(*Account, *exchange) (reply, error)

// route is a path below /api/{version} with the scope that it needs of a token. Since says that only the date versions
// have it, and until that only 2.0 has.
type route struct {
	pattern string
	scope   string
	since   bool
	until   bool
	do      handler
}

// resources lays out the API. The scopes are those of the vendor's specification.
func resources() []route {
	return []route{
		{"GET /products", "products:read", false, false, listProducts},
		{"GET /products/{id}", "products:read", false, false, readProduct},
		{"DELETE /products/{id}", "products:write", false, false, deleteProduct},
		{"DELETE /products/{id}/all", "products:write", false, false, deleteFamily},
		{"GET /inventory", "inventory:read", false, true, listInventory},
		{"POST /inventory", "inventory:read", true, false, findInventory},
		{"GET /inventory/{id}", "inventory:read", true, false, productInventory},
		{"POST /inventory_levels", "inventory:read", true, false, listLevels},
		{"GET /sales", "sales:read", false, false, listSales},
		{"GET /sales/{id}", "sales:read", false, false, readSale},
		{"POST /sales/{id}/actions/return", "sales:write", true, false, returnSale},
		{"PUT /sales/{id}/actions/return", "sales:write", false, true, returnSale},
		{"GET /consignments", "consignments:read", false, false, listConsignments},
		{"GET /consignments/{id}", "consignments:read", false, false, readConsignment},
		{"GET /consignments/{id}/products", "consignments:read", false, false, listConsigned},
		{"GET /stock_adjustments", "inventory:write", true, false, listAdjustments},
		{"POST /stock_adjustments", "inventory:write", true, false, createAdjustments},
		{"GET /retailer", "retailer:read", false, false, readRetailer},
		{"GET /outlets", "outlets:read", false, false, listOutlets},
		{"GET /outlets/{id}", "outlets:read", false, false, readOutlet},
		{"GET /registers", "registers:read", false, false, listRegisters},
		{"GET /registers/{id}", "registers:read", false, false, readRegister},
		{"GET /taxes", "taxes:read", false, false, listTaxes},
		{"GET /brands", "products:read", false, false, listBrands},
		{"GET /webhooks", "webhooks", true, false, listHooks},
		{"POST /webhooks", "webhooks", true, false, createHook},
		{"GET /webhooks/{id}", "webhooks", true, false, readHook},
		{"PUT /webhooks/{id}", "webhooks", true, false, updateHook},
		{"DELETE /webhooks/{id}", "webhooks", true, false, deleteHook},
	}
}

// routes lays out the API, the token endpoint, the old way to make a webhook, and the control API.
func (a *Account) routes() {
	a.mux = http.NewServeMux()
	for _, r := range resources() {
		method, below, _ := strings.Cut(r.pattern, " ")
		a.mux.HandleFunc(method+" /api/{api}"+below, func(w http.ResponseWriter, q *http.Request) { a.serve(w, q, r) })
	}
	a.mux.HandleFunc("POST /api/1.0/token", func(w http.ResponseWriter, q *http.Request) {
		a.serve(w, q, route{pattern: "POST /token", do: func(a *Account, x *exchange) (reply, error) { return a.trade(x), nil }})
	})
	a.mux.HandleFunc("POST /api/webhooks", func(w http.ResponseWriter, q *http.Request) {
		a.serve(w, q, route{pattern: "POST /webhooks", scope: "webhooks", do: createHookByForm})
	})
	a.mux.HandleFunc("/", func(w http.ResponseWriter, q *http.Request) {
		a.serve(w, q, route{do: func(_ *Account, x *exchange) (reply, error) {
			return reply{}, refused(http.StatusNotFound, "there is no %s %s", x.log.Method, x.log.Path)
		}})
	})
	a.control()
}

// ServeHTTP answers as X-Series would below /api, and serves the control API below /control.
func (a *Account) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.mux.ServeHTTP(w, r) }

// Client returns an HTTP client that calls the account without a network; see [standin.Client].
func (a *Account) Client() *http.Client { return standin.Client(a) }

// serve takes a request through what lies before the API: an outage, the token, the window, and only then what was asked.
func (a *Account) serve(w http.ResponseWriter, r *http.Request, to route) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		fail(http.StatusBadRequest, "Bad Request", "the body could not be read").send(w)
		return
	}
	x := a.arrive(r, body, to)
	switch x.fault.Kind {
	case CloseBeforeCommit:
		panic(http.ErrAbortHandler)
	case Hang:
		a.hang(r)
		panic(http.ErrAbortHandler)
	case Slow:
		a.wait(r, x.fault.Delay)
	}
	a.wait(r, a.latency())
	answer := a.perform(w.Header(), x, to)
	if x.fault.Kind == CloseAfterCommit {
		panic(http.ErrAbortHandler)
	}
	x.fault.spoil(w, answer)
}

func (a *Account) latency() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.cfg.Latency
}

// arrive logs a request and finds the fault it meets.
func (a *Account) arrive(r *http.Request, body []byte, to route) *exchange {
	a.mu.Lock()
	defer a.mu.Unlock()
	x := &exchange{request: r, body: body, client: nobody, log: &Request{At: a.cfg.Now(), Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery}}
	below := strings.TrimPrefix(r.URL.Path, "/api/"+r.PathValue("api"))
	if to.scope == "" {
		_, below, _ = strings.Cut(to.pattern, " ")
	} else {
		x.log.Body = string(body)
	}
	a.log.add(x.log)
	x.fault = a.meet(r.Method, below)
	x.log.Fault = x.fault.Kind
	return x
}

// perform decides the reply, and makes it true.
func (a *Account) perform(header http.Header, x *exchange, to route) reply {
	a.mu.Lock()
	defer a.mu.Unlock()
	answer, err := a.gateway(header, x, to)
	if err == nil && answer.status == 0 {
		answer, err = to.do(a, x)
	}
	if refusal, ok := errors.AsType[*errRefused](err); ok {
		answer = fail(refusal.status, refusal.title, refusal.detail)
	} else if err != nil {
		answer = fail(http.StatusUnprocessableEntity, "Unprocessable Entity", err.Error())
	}
	x.log.Status = answer.status
	if x.fault.Kind == CloseAfterCommit {
		x.log.Status = 0
	}
	return answer
}

// decode reads a JSON body, of which an empty one is an empty object.
func (x *exchange) decode(into any) error {
	if len(x.body) == 0 {
		return nil
	}
	if err := json.Unmarshal(x.body, into); err != nil {
		return refused(http.StatusBadRequest, "the body is malformed: %v", err)
	}
	return nil
}

// wait waits on the account's clock, and gives the request up when its client does.
func (a *Account) wait(r *http.Request, d time.Duration) {
	if d <= 0 {
		return
	}
	select {
	case <-a.cfg.After(a.real(d)):
	case <-r.Context().Done():
		panic(http.ErrAbortHandler)
	}
}

// hang waits until the account is healed or the client gives up.
func (a *Account) hang(r *http.Request) {
	a.mu.Lock()
	released := a.released
	a.mu.Unlock()
	select {
	case <-released:
	case <-r.Context().Done():
	}
}
