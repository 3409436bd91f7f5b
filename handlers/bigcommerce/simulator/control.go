package simulator

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// control lays out the control API, which the package doc describes.
func (s *Store) control() {
	for pattern, h := range map[string]func(*http.Request) (any, error){
		"POST /control/faults":        s.controlFail,
		"DELETE /control/faults":      s.controlHeal,
		"GET /control/requests":       s.controlRequests,
		"GET /control/products":       func(*http.Request) (any, error) { return s.Products(), nil },
		"GET /control/products/{id}":  s.controlProduct,
		"POST /control/merchant-edit": s.controlEdit,
		"POST /control/down":          s.controlDown,
		"POST /control/token":         s.controlToken,
		"POST /control/spend":         s.controlSpend,
	} {
		s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if !s.authorized(r) {
				http.Error(w, "the control API wants the store's token in X-Auth-Token", http.StatusUnauthorized)
				return
			}
			r.Body = http.MaxBytesReader(w, r.Body, maxBody)
			answer, err := h(r)
			w.Header().Set("Content-Type", "application/json")
			if err != nil {
				w.WriteHeader(http.StatusBadRequest)
				answer = map[string]string{"error": err.Error()}
			}
			json.NewEncoder(w).Encode(answer) // a client that is gone has no use for an error
		})
	}
}

// done is what a command answers.
type done struct {
	OK bool `json:"ok"`
}

func read(r *http.Request, into any) error {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("body: %w", err)
	}
	return nil
}

func (s *Store) controlFail(r *http.Request) (any, error) {
	var f Fault
	if err := read(r, &f); err != nil {
		return nil, err
	}
	return done{true}, s.Fail(f)
}

func (s *Store) controlHeal(*http.Request) (any, error) {
	s.Heal()
	return done{true}, nil
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
	list := s.Requests()
	for len(list) > 0 && list[0].Seq <= after {
		list = list[1:]
	}
	return list, nil
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
		ID     int64  `json:"id"`
		Fields fields `json:"fields"`
	}
	if err := read(r, &edit); err != nil {
		return nil, err
	}
	return done{true}, s.merchantFields(edit.ID, edit.Fields)
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
