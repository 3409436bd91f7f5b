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

	"github.com/tillstream/tillstream/handlers/standin"
)

// maxBody bounds a request's body. BigCommerce documents no number; its item limits are the real ones.
const maxBody = 16 << 20

// exchange is one request in progress.
type exchange struct {
	request *http.Request
	body    []byte
	log     *Request
	tx      *tx
	began   int64    // the store's count of requests at its arrival
	account *Account // whose token it has; nil for none
	fault   Fault
	latency time.Duration
	limited []string  // the endpoint limits that it falls under
	due     time.Time // when it is done, if that was postponed
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
		"/catalog/products/{product}/options/{option}":             {"GET": readOption, "PUT": updateOption, "DELETE": deleteOption},
		"/catalog/products/{product}/options/{option}/values":      {"GET": listValues, "POST": createValue},
		"/catalog/products/{product}/options/{option}/values/{id}": {"GET": readValue, "PUT": updateValue, "DELETE": deleteValue},
		"/catalog/variants":                                        {"GET": listVariants, "PUT": updateVariants},
		"/catalog/brands":                                          {"GET": listBrands},
		"/inventory/adjustments/absolute":                          {"PUT": setStock},
		"/inventory/adjustments/relative":                          {"POST": moveStock},
		"/inventory/items":                                         {"GET": listStock},
		"/inventory/locations":                                     {"GET": listLocations},
		"/inventory/locations/{location}/items":                    {"GET": listLocationStock, "PUT": updateStockSettings},
		"/hooks":                                                   {"GET": listHooks, "POST": createHook},
		"/hooks/{id}":                                              {"GET": readHook, "PUT": updateHook, "DELETE": deleteHook},
		"/hooks/admin":                                             {"GET": readHooksAdmin, "PUT": updateHooksAdmin},
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
	s.routesV2()
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

// Client returns an HTTP client that calls the store without a network; see [standin.Client].
func (s *Store) Client() *http.Client { return standin.Client(s) }

// below is the path below /stores/{hash}/v3.
func (s *Store) below(path string) string {
	below := strings.TrimPrefix(path, "/stores/"+s.cfg.StoreHash)
	return strings.TrimPrefix(below, "/v3")
}

// serve takes one request through the same stations as BigCommerce's gateway does: the token, the quota, the content
// type, and only then what was asked. Faults come before all of them, since they stand for what lies in between.
func (s *Store) serve(w http.ResponseWriter, r *http.Request, h handler) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, "the body could not be read", http.StatusBadRequest)
		return
	}
	x := s.arrive(r, body)
	defer s.leave(x)
	standin.Reach(w, x.fault.Kind != Connect)
	switch x.fault.Kind {
	case CloseBeforeCommit:
		panic(http.ErrAbortHandler)
	case CommitLater:
		s.postpone(x, h)
		panic(http.ErrAbortHandler)
	case Connect, Hang:
		s.hang(r, x.fault.Delay)
		panic(http.ErrAbortHandler)
	case Slow:
		s.wait(r, x.fault.Delay)
	}
	s.wait(r, x.latency)
	answer := s.perform(w.Header(), x, h)
	s.tell()
	switch x.fault.Kind {
	case CloseAfterCommit:
		panic(http.ErrAbortHandler)
	case Late:
		s.wait(r, x.fault.Delay)
	}
	s.reply(w, r, answer, x.fault)
}

// arrive logs a request and finds the fault it meets.
func (s *Store) arrive(r *http.Request, body []byte) *exchange {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settleStock() // what was accepted before is not in progress together with this
	entry := &Request{At: s.cfg.Now(), Actor: "api", Method: r.Method, Path: s.below(r.URL.Path), Query: r.URL.RawQuery, Body: logged(body)}
	s.log.add(entry)
	entry.ID = fmt.Sprintf("sim-%08d", entry.Seq)
	x := &exchange{request: r, body: body, log: entry, began: entry.Seq}
	if account := s.account(r); account != nil {
		entry.Client = account.ClientID
	}
	x.fault = s.meet(x)
	entry.Fault = x.fault.Kind
	x.latency = s.cfg.Latency
	if s.cfg.LatencyP99 > 0 {
		x.latency = s.longTailed()
	}
	s.active++
	for match := range s.cfg.EndpointLimits {
		if matches(match, entry.Method, entry.Path) {
			x.limited = append(x.limited, match)
			s.activeAt[match]++
		}
	}
	return x
}

func (s *Store) leave(x *exchange) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active--
	for _, match := range x.limited {
		s.activeAt[match]--
	}
}

// logged keeps a body as JSON.
func logged(body []byte) json.RawMessage {
	if len(body) == 0 || json.Valid(body) {
		return body
	}
	return mustJSON(string(body))
}
