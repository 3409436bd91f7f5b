package simulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/tillstream/tillstream/handlers/standin"
)

// command is one thing that the control API can do.
type command func(*Account, *http.Request, []byte) (any, error)

// commands are all of them; the package doc says what each takes.
func commands() map[string]command {
	return map[string]command{
		"GET /control/books":       func(a *Account, _ *http.Request, _ []byte) (any, error) { return a.Books(), nil },
		"GET /control/movements":   func(a *Account, _ *http.Request, _ []byte) (any, error) { return every(a.Movements()), nil },
		"GET /control/occurrences": func(a *Account, _ *http.Request, _ []byte) (any, error) { return every(a.Occurrences()), nil },
		"GET /control/outlets":     func(a *Account, _ *http.Request, _ []byte) (any, error) { return a.Outlets(), nil },
		"GET /control/requests":    controlRequests,
		"GET /control/violations":  func(a *Account, _ *http.Request, _ []byte) (any, error) { return every(a.Violations()), nil },
		"GET /control/deliveries":  func(a *Account, _ *http.Request, _ []byte) (any, error) { return every(a.Deliveries()), nil },
		"GET /control/settings":    func(a *Account, _ *http.Request, _ []byte) (any, error) { return a.settings(), nil },
		"POST /control/settings":   controlChange,
		"GET /control/faults":      controlFaults,
		"POST /control/faults":     with(func(a *Account, f Fault) (any, error) { return done{true}, a.Fail(f) }),
		"DELETE /control/faults":   func(a *Account, _ *http.Request, _ []byte) (any, error) { a.Heal(); return done{true}, nil },
		"POST /control/down":       with(controlDown),
		"POST /control/token":      with(controlToken),
		"POST /control/authorize":  func(a *Account, _ *http.Request, _ []byte) (any, error) { return object{"code": a.Authorize()}, nil },
		"POST /control/hook":       with(controlHook),
		"POST /control/sell":       with(controlSell),
		"POST /control/sale":       with(controlSale),
		"POST /control/return":     with(controlReturn),
		"POST /control/adjust":     with(controlAdjust),
		"POST /control/consign":    with(controlConsign),
		"POST /control/advance":    with(controlAdvance),
		"POST /control/add":        with(controlAdd),
		"POST /control/save":       with(controlSave),
		"POST /control/delete":     with(controlDelete),
		"POST /control/import":     controlImport,
	}
}

// control lays out the control API.
func (a *Account) control() {
	all := commands()
	var known []string
	for pattern, do := range all {
		known = append(known, pattern)
		a.mux.HandleFunc(pattern, a.controlled(http.StatusBadRequest, do))
	}
	slices.Sort(known)
	a.mux.HandleFunc("GET /control", a.controlled(http.StatusBadRequest, func(*Account, *http.Request, []byte) (any, error) { return known, nil }))
	a.mux.HandleFunc("/control/", a.controlled(http.StatusNotFound, func(_ *Account, r *http.Request, _ []byte) (any, error) {
		return nil, fmt.Errorf("the control API has no %s %s; it has %s", r.Method, r.URL.Path, strings.Join(known, ", "))
	}))
}

// controlled answers a request that has the personal token; the status is that of an error.
func (a *Account) controlled(status int, do command) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); !ok || !same(given, a.cfg.Token) {
			http.Error(w, "the control API wants the account's personal token as its bearer token", http.StatusUnauthorized)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		var answer any
		if err == nil {
			answer, err = do(a, r, body)
		}
		if err != nil {
			replyJSON(status, object{"error": err.Error()}).send(w)
			return
		}
		replyJSON(http.StatusOK, answer).send(w)
	}
}

// with reads the body of a command as a T, of which it must know every field.
func with[T any](do func(*Account, T) (any, error)) command {
	return func(a *Account, _ *http.Request, body []byte) (any, error) {
		var t T
		decoder := json.NewDecoder(bytes.NewReader(body))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&t); err != nil {
			return nil, fmt.Errorf("body: %w", err)
		}
		return do(a, t)
	}
}

// done is what a command answers, and made what one does that makes something.
type done struct {
	OK bool `json:"ok"`
}

type made struct {
	ID string `json:"id"`
}

// every makes an empty list of none.
func every[T any](all []T) []T { return append([]T{}, all...) }

func (a *Account) settings() any {
	a.mu.Lock()
	defer a.mu.Unlock()
	return standin.ShowObject(a.cfg)
}

func controlChange(a *Account, _ *http.Request, body []byte) (any, error) {
	if err := a.adopt(func(c *Config) error { return standin.ReadObject(body, c) }); err != nil {
		return nil, err
	}
	return a.settings(), nil
}

func controlFaults(a *Account, _ *http.Request, _ []byte) (any, error) {
	shown := []any{}
	for _, f := range a.Faults() {
		shown = append(shown, standin.ShowObject(f))
	}
	return shown, nil
}

func controlRequests(a *Account, r *http.Request, _ []byte) (any, error) {
	after := int64(0)
	if given := r.URL.Query().Get("after"); given != "" {
		n, err := strconv.ParseInt(given, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("after=%q is not the number of a request", given)
		}
		after = n
	}
	return every(slices.DeleteFunc(a.Requests(), func(q Request) bool { return q.Seq <= after })), nil
}

func controlDown(a *Account, b struct {
	Down bool `json:"down"`
}) (any, error) {
	a.Down(b.Down)
	return done{true}, nil
}

func controlToken(a *Account, b struct {
	Revoked bool `json:"revoked"`
	Expired bool `json:"expired"`
}) (any, error) {
	a.Revoke(b.Revoked)
	if b.Expired {
		a.Expire()
	}
	return done{true}, nil
}

func controlHook(a *Account, b struct {
	Type   HookType `json:"type"`
	URL    string   `json:"url"`
	Signed bool     `json:"signed"`
}) (any, error) {
	if b.Signed {
		return done{true}, a.Subscribe(b.Type, b.URL)
	}
	return done{true}, a.AddHook(b.Type, b.URL)
}

func controlSell(a *Account, b struct {
	Outlet string `json:"outlet"`
	Status string `json:"status"`
	Lines  []Line `json:"lines"`
}) (any, error) {
	if b.Status == "" {
		b.Status = "CLOSED"
	}
	id, err := a.Sell(b.Outlet, b.Status, b.Lines...)
	return made{id}, err
}

func controlSale(a *Account, b struct {
	ID     string `json:"id"`
	Status string `json:"status"`
}) (any, error) {
	return done{true}, a.SetSaleStatus(b.ID, b.Status)
}

func controlReturn(a *Account, b struct {
	ID     string `json:"id"`
	Back   []Line `json:"back"`
	Out    []Line `json:"out"`
	Parked bool   `json:"parked"`
}) (any, error) {
	id, err := a.Exchange(b.ID, !b.Parked, b.Back, b.Out)
	return made{id}, err
}

func controlAdjust(a *Account, all []Adjustment) (any, error) {
	ids, err := a.Adjust(all...)
	return ids, err
}

func controlConsign(a *Account, b Consignment) (any, error) {
	id, err := a.Consign(b)
	return made{id}, err
}

func controlAdvance(a *Account, b struct {
	ID     string `json:"id"`
	Status string `json:"status"`
	Lines  []Line `json:"lines"`
}) (any, error) {
	return done{true}, a.Advance(b.ID, b.Status, b.Lines...)
}

func controlAdd(a *Account, b struct {
	Name    string   `json:"name"`
	SKU     string   `json:"sku"`
	Price   Amount   `json:"price"`
	Like    string   `json:"like"`
	Options []Option `json:"options"`
}) (any, error) {
	id, err := a.Add(b.Name, b.SKU, b.Price, b.Like, b.Options...)
	return made{id}, err
}

func controlSave(a *Account, b struct {
	Product string `json:"product"`
	ProductEdit
}) (any, error) {
	return done{true}, a.Save(b.Product, b.ProductEdit)
}

func controlDelete(a *Account, b struct {
	Product string `json:"product"`
	Family  bool   `json:"family"`
}) (any, error) {
	return done{true}, a.Delete(b.Product, b.Family)
}

func controlImport(a *Account, _ *http.Request, body []byte) (any, error) {
	return a.Import(bytes.NewReader(body))
}
