package simulator

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/tillstream/tillstream/handlers/standin"
)

// control lays out the control API, which the package doc describes.
func (s *Store) control() {
	routes := map[string]func(*http.Request) (any, error){
		"GET /control/faults":             func(*http.Request) (any, error) { return s.controlFaults() },
		"POST /control/faults":            s.controlFail,
		"DELETE /control/faults":          func(*http.Request) (any, error) { s.Heal(); return done{true}, nil },
		"GET /control/settings":           func(*http.Request) (any, error) { return s.controlSettings(), nil },
		"POST /control/settings":          s.controlChange,
		"GET /control/requests":           s.controlRequests,
		"GET /control/violations":         func(*http.Request) (any, error) { return every(s.Violations()), nil },
		"GET /control/deliveries":         func(*http.Request) (any, error) { return every(s.Deliveries()), nil },
		"GET /control/products":           func(*http.Request) (any, error) { return s.Products(), nil },
		"GET /control/products/{id}":      s.controlProduct,
		"POST /control/merchant-edit":     s.controlEdit,
		"POST /control/merchant-create":   s.controlCreate,
		"POST /control/merchant-delete":   s.controlDelete,
		"POST /control/merchant-recreate": s.controlRecreate,
		"POST /control/down":              s.controlDown,
		"POST /control/token":             s.controlToken,
		"POST /control/spend":             s.controlSpend,
	}
	for pattern, h := range routes {
		s.mux.HandleFunc(pattern, s.controlled(func(r *http.Request) (int, any, error) {
			answer, err := h(r)
			return http.StatusBadRequest, answer, err
		}))
	}
	known := make([]string, 0, len(routes))
	for pattern := range routes {
		known = append(known, pattern)
	}
	slices.Sort(known)
	s.mux.HandleFunc("GET /control", s.controlled(func(*http.Request) (int, any, error) { return 0, known, nil }))
	s.mux.HandleFunc("/control/", s.controlled(func(r *http.Request) (int, any, error) {
		return http.StatusNotFound, nil, fmt.Errorf("the control API has no %s %s; it has %s", r.Method, r.URL.Path, strings.Join(known, ", "))
	}))
}

// controlled answers a request that has the store's token; the status is that of an error.
func (s *Store) controlled(h func(*http.Request) (status int, answer any, err error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !hasToken(r, s.cfg.Token) {
			http.Error(w, "the control API wants the store's token in X-Auth-Token", http.StatusUnauthorized)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		status, answer, err := h(r)
		w.Header().Set("Content-Type", "application/json")
		if err != nil {
			w.WriteHeader(status)
			answer = map[string]string{"error": err.Error()}
		}
		json.NewEncoder(w).Encode(answer) // a client that is gone has no use for an error
	}
}

// done is what a command answers.
type done struct {
	OK bool `json:"ok"`
}

// made is what a command answers that makes a product.
type made struct {
	ID int64 `json:"id"`
}

// every makes an empty list of none.
func every[T any](all []T) []T { return append([]T{}, all...) }

func read(r *http.Request, into any) error {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	if err := standin.ReadObject(raw, into); err != nil {
		return fmt.Errorf("body: %w", err)
	}
	return nil
}

func (s *Store) controlFaults() (any, error) {
	shown := []map[string]any{}
	for _, f := range s.Faults() {
		shown = append(shown, standin.ShowObject(f))
	}
	return shown, nil
}

func (s *Store) controlFail(r *http.Request) (any, error) {
	var f Fault
	if err := read(r, &f); err != nil {
		return nil, err
	}
	return done{true}, s.Fail(f)
}

func (s *Store) controlSettings() any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return standin.ShowObject(s.cfg)
}

func (s *Store) controlChange(r *http.Request) (any, error) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	if err := s.adopt(func(c *Config) error { return standin.ReadObject(raw, c) }); err != nil {
		return nil, err
	}
	return s.controlSettings(), nil
}

func (s *Store) controlRequests(r *http.Request) (any, error) {
	after := int64(0)
	if given := r.URL.Query().Get("after"); given != "" {
		n, err := strconv.ParseInt(given, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("after=%q is not the number of a request", given)
		}
		after = n
	}
	all := s.Requests()
	for len(all) > 0 && all[0].Seq <= after {
		all = all[1:]
	}
	return every(all), nil
}

func (s *Store) controlProduct(r *http.Request) (any, error) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("id %q is not a number", r.PathValue("id"))
	}
	p, ok := s.Product(id)
	if !ok {
		return nil, fmt.Errorf("product %d is not in the store", id)
	}
	return p, nil
}

func (s *Store) controlEdit(r *http.Request) (any, error) {
	var edit struct {
		ID      int64  `json:"id"`
		Variant int64  `json:"variant"`
		Fields  fields `json:"fields"`
	}
	if err := read(r, &edit); err != nil {
		return nil, err
	}
	if (edit.ID == 0) == (edit.Variant == 0) {
		return nil, fmt.Errorf("want the id of a product or the id of a variant: %d and %d", edit.ID, edit.Variant)
	}
	return done{true}, s.merchantFields(edit.ID, edit.Variant, edit.Fields)
}

func (s *Store) controlCreate(r *http.Request) (any, error) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	p := NewProduct("", "", 0)
	if err := json.Unmarshal(raw, &p); err != nil {
		return nil, fmt.Errorf("body: %w", err)
	}
	if p.Name == "" {
		return nil, fmt.Errorf("want at least a name: {\"name\":\"Bowl\",\"sku\":\"B-1\",\"price\":10}")
	}
	id, err := s.MerchantCreate(p)
	return made{id}, err
}

// which is the body of a command about one product.
type which struct {
	ID int64 `json:"id"`
}

func (s *Store) controlDelete(r *http.Request) (any, error) {
	var body which
	if err := read(r, &body); err != nil {
		return nil, err
	}
	return done{true}, s.MerchantDelete(body.ID)
}

func (s *Store) controlRecreate(r *http.Request) (any, error) {
	var body which
	if err := read(r, &body); err != nil {
		return nil, err
	}
	id, err := s.MerchantRecreate(body.ID)
	return made{id}, err
}

func (s *Store) controlDown(r *http.Request) (any, error) {
	var body struct {
		Down bool `json:"down"`
	}
	err := read(r, &body)
	if err == nil {
		s.Down(body.Down)
	}
	return done{true}, err
}

func (s *Store) controlToken(r *http.Request) (any, error) {
	var body struct {
		Revoked bool `json:"revoked"`
	}
	err := read(r, &body)
	if err == nil {
		s.setRevoked(body.Revoked)
	}
	return done{true}, err
}

func (s *Store) controlSpend(r *http.Request) (any, error) {
	var body struct {
		Requests int `json:"requests"`
	}
	err := read(r, &body)
	if err == nil {
		s.Spend(body.Requests)
	}
	return done{true}, err
}
