package simulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxBody bounds a request's body. BigCommerce documents no number; its item limits are the real ones.
const maxBody = 16 << 20

// exchange is one request in progress.
type exchange struct {
	request *http.Request
	body    []byte
	log     *Request
	tx      *tx
	began   int64 // the store's count of requests at its arrival
}

// id returns a number of the path; 0, which nothing has, when it is not a number.
func (x *exchange) id(name string) int64 {
	n, err := strconv.ParseInt(x.request.PathValue(name), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// decode reads the body, whose shape is refused with 422 and whose syntax with 400.
func (x *exchange) decode(into any) *problem {
	err := json.Unmarshal(x.body, into)
	if _, malformed := errors.AsType[*json.SyntaxError](err); malformed {
		return &problem{status: http.StatusBadRequest, title: "Input is invalid"}
	}
	if err != nil {
		return invalid(map[string]string{"body": err.Error()})
	}
	return nil
}

// handler does what a request asks, with the store's lock held. When it returns a problem its changes are taken back.
type handler func(*Store, *exchange) (response, *problem)

// routes lays out the part of v3 that is simulated, and the control API.
func (s *Store) routes() {
	s.mux = http.NewServeMux()
	for below, methods := range map[string]map[string]handler{
		"/catalog/products":                                        {"GET": listProducts, "POST": createProduct, "PUT": updateProducts, "DELETE": deleteProducts},
		"/catalog/products/{product}":                              {"GET": readProduct, "PUT": updateProduct, "DELETE": deleteProduct},
		"/catalog/products/channel-assignments":                    {"GET": listChannels, "PUT": assignChannels, "DELETE": unassignChannels},
		"/catalog/products/{product}/images":                       {"GET": listImages, "POST": createImage},
		"/catalog/products/{product}/variants":                     {"GET": listProductVariants, "POST": createVariant},
		"/catalog/products/{product}/variants/{variant}":           {"GET": readVariant, "PUT": updateVariant, "DELETE": deleteVariant},
		"/catalog/products/{product}/options":                      {"GET": listOptions, "POST": createOption},
		"/catalog/products/{product}/options/{option}":             {"DELETE": deleteOption},
		"/catalog/products/{product}/options/{option}/values":      {"GET": listValues, "POST": createValue},
		"/catalog/products/{product}/options/{option}/values/{id}": {"PUT": updateValue, "DELETE": deleteValue},
		"/catalog/variants":                                        {"GET": listVariants, "PUT": updateVariants},
		"/catalog/brands":                                          {"GET": listBrands},
		"/inventory/adjustments/absolute":                          {"PUT": setStock},
		"/inventory/adjustments/relative":                          {"POST": moveStock},
		"/inventory/items":                                         {"GET": listStock},
		"/inventory/locations":                                     {"GET": listLocations},
	} {
		s.mux.HandleFunc("/stores/{hash}/v3"+below, func(w http.ResponseWriter, r *http.Request) {
			h := methods[r.Method]
			if h == nil {
				h = refuseMethod
			}
			s.serve(w, r, h)
		})
	}
	s.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, refuseRoute) })
	s.control()
}

func refuseMethod(*Store, *exchange) (response, *problem) {
	return response{}, &problem{status: http.StatusMethodNotAllowed, title: "Method not allowed"}
}

func refuseRoute(_ *Store, x *exchange) (response, *problem) {
	return response{}, notFound("The simulator has no route %s", x.request.URL.Path)
}

// ServeHTTP answers as BigCommerce would, below /stores/{hash}/v3, and serves the control API below /control.
func (s *Store) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// below is the path below /stores/{hash}/v3.
func (s *Store) below(path string) string {
	return strings.TrimPrefix(path, "/stores/"+s.cfg.StoreHash+"/v3")
}

// serve takes one request through the same stations as BigCommerce's gateway does: the token, the quota, the content
// type, and only then what was asked. Faults come before all of them, since they stand for what lies in between.
func (s *Store) serve(w http.ResponseWriter, r *http.Request, h handler) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, "the body could not be read", http.StatusBadRequest)
		return
	}
	x, fault := s.arrive(r, body)
	defer s.leave()

	switch fault.Kind {
	case CloseBeforeCommit:
		panic(http.ErrAbortHandler)
	case Hang:
		s.hang(r)
		panic(http.ErrAbortHandler)
	case Slow:
		if !s.wait(r, fault.Delay) {
			panic(http.ErrAbortHandler)
		}
	}
	if s.cfg.Latency > 0 && !s.wait(r, s.cfg.Latency) {
		panic(http.ErrAbortHandler)
	}
	answer := s.perform(w.Header(), x, h, fault)
	s.tell()

	if fault.Kind == CloseAfterCommit {
		panic(http.ErrAbortHandler)
	}
	if answer.ctype == "" {
		answer.ctype = "application/json"
	}
	if answer.status != http.StatusNoContent {
		w.Header().Set("Content-Type", answer.ctype)
		w.Header().Set("Content-Length", strconv.Itoa(len(answer.body)))
	}
	w.WriteHeader(answer.status)
	if fault.Kind == Truncate && len(answer.body) > 0 {
		w.Write(answer.body[:len(answer.body)/2])
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	w.Write(answer.body) // a client that is gone has no use for an error
}

// arrive logs a request and finds the fault it meets.
func (s *Store) arrive(r *http.Request, body []byte) (*exchange, Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active++
	below := s.below(r.URL.Path)
	entry := &Request{At: s.cfg.Now(), Actor: "api", Method: r.Method, Path: below, Query: r.URL.RawQuery, Body: logged(body)}
	s.log.add(entry)
	entry.ID = fmt.Sprintf("sim-%08d", entry.Seq)
	fault, met := s.meet(r, below)
	if met {
		entry.Fault = fault.Kind
	}
	return &exchange{request: r, body: body, log: entry, began: entry.Seq}, fault
}

func (s *Store) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active--
}

// logged keeps a body as JSON.
func logged(body []byte) json.RawMessage {
	if len(body) == 0 || json.Valid(body) {
		return body
	}
	return mustJSON(string(body))
}

// wait waits on the store's clock and says whether the client is still there.
func (s *Store) wait(r *http.Request, d time.Duration) bool {
	select {
	case <-s.cfg.After(d):
		return true
	case <-r.Context().Done():
		return false
	}
}

func (s *Store) hang(r *http.Request) {
	s.mu.Lock()
	released := s.released
	s.mu.Unlock()
	select {
	case <-released:
	case <-r.Context().Done():
	}
}
