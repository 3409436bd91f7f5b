package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/pos/xseries"
	"github.com/tillstream/tillstream/handlers/problem"
	"github.com/tillstream/tillstream/projections"
)

// Limits of a webhook. The vendor waits five seconds for an answer; what is not
// answered then is sent again for two days.
const (
	MaxHook    = 1 << 20         // bytes of the body
	HookBody   = 2 * time.Second // for the body to arrive
	HookRecord = 2 * time.Second // for the log to answer
	MostHooks  = 64              // at a time, of one store
)

// XSeriesHooks takes the webhooks of one store's account. The exported fields are
// set before the first request.
//
// An inventory.update is complete in itself, and is recorded before it is answered.
// Every other type lacks something that the API has, and is a hint: whoever polls
// the account is told to look, and makes the event of what it reads. A hint is kept
// nowhere. Nothing is lost with it, because the poller reads on from a version
// behind which everything is recorded, whether or not anybody hints.
type XSeriesHooks struct {
	Secret   string // that the webhooks are signed with
	Encoding xseries.Encoding
	// AcceptUnsigned takes webhooks without a signature. They are hints at most,
	// since anybody could have sent them.
	AcceptUnsigned bool
	// Account is what inventory records are read with, as far as it is known.
	Account func(context.Context) (*xseries.Account, error)
	// Hint tells whoever polls the account that it has changed.
	Hint func(context.Context, xseries.Hint) error
	Now  func() time.Time

	mu    sync.Mutex
	busy  int
	count projections.WebhookCounts
}

// Counts may be called at any time.
func (x *XSeriesHooks) Counts() projections.WebhookCounts {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.count
}

func (x *XSeriesHooks) counting(do func(*projections.WebhookCounts)) {
	x.mu.Lock()
	defer x.mu.Unlock()
	do(&x.count)
}

// enter reports whether there is a place for one more webhook.
func (x *XSeriesHooks) enter() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.busy == MostHooks {
		return false
	}
	x.busy++
	return true
}

func (x *XSeriesHooks) leave() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.busy--
}

// hookAnswer is for whoever looks at the vendor's log of deliveries.
type hookAnswer struct {
	Position  domain.Position `json:"position,omitempty"`
	Duplicate bool            `json:"duplicate,omitempty"`
	Noted     bool            `json:"noted,omitempty"` // what it is about is read from the API
	Ignored   bool            `json:"ignored,omitempty"`
}

func (h *HTTP) xseriesHook(w http.ResponseWriter, r *http.Request) {
	// Whoever asks has shown nothing yet, and is not told which stores there are.
	store := domain.StoreID(r.PathValue("store"))
	x := h.XSeries[store]
	if x == nil {
		problem.Write(w, problem.New(http.StatusNotFound, "no store of this name has an X-Series account"))
		return
	}
	if !x.enter() {
		problem.Write(w, problem.New(http.StatusServiceUnavailable, "too many webhooks at once").After(time.Second))
		return
	}
	defer x.leave()
	payload, believed, err := x.receive(w, r)
	if err != nil {
		x.counting(func(c *projections.WebhookCounts) { c.Refused++ })
		problem.Write(w, h.problem(err))
		return
	}
	x.counting(func(c *projections.WebhookCounts) { c.Received++; c.Last = x.Now().UTC() })
	answer, err := h.takeHook(r.Context(), store, x, xseries.HookType(r.PathValue("type")), payload, believed)
	if err != nil {
		problem.Write(w, h.problem(err))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	// The vendor may have gone, and sends again.
	_ = json.NewEncoder(w).Encode(answer)
}

// receive reads a webhook and decides whether it is believed. What is not even
// taken as a hint is an error.
func (x *XSeriesHooks) receive(w http.ResponseWriter, r *http.Request) (payload json.RawMessage, believed bool, err error) {
	if refusal := encoded(r); refusal != nil {
		return nil, false, refusal
	}
	// The clock of the connection, and not the injected one, which may stand still.
	// A transport without deadlines, such as one in process, is patient by nature.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(HookBody))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxHook))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, false, err
	case err != nil:
		return nil, false, problem.Newf(http.StatusRequestTimeout, "the body did not arrive within %v", HookBody)
	}
	err = xseries.Verify(r.Header.Values(xseries.SignatureHeader), body, x.Secret, x.Encoding)
	switch {
	case errors.Is(err, xseries.ErrUnsigned) && x.AcceptUnsigned:
	case err != nil:
		return nil, false, problem.New(http.StatusUnauthorized, err.Error()).WithHint("see the client secret of the app that the webhook belongs to; webhooks made by hand are not signed")
	default:
		believed = true
	}
	payload, err = xseries.ReadHook(body)
	return payload, believed, err
}

// takeHook records what can be, and hints at the rest.
func (h *HTTP) takeHook(ctx context.Context, store domain.StoreID, x *XSeriesHooks, kind xseries.HookType, payload json.RawMessage, believed bool) (hookAnswer, error) {
	if kind == xseries.HookInventory && believed {
		answer, ok, err := h.recordLevel(ctx, store, x, payload)
		if err != nil || ok {
			return answer, err
		}
	}
	hint := kind.Hint()
	if hint == xseries.HintNone {
		x.counting(func(c *projections.WebhookCounts) { c.Other++ })
		if !slices.Contains(xseries.HookTypes(), kind) {
			h.log.Info("a webhook of an unknown type was acknowledged", "store", store, "type", problem.Shown(string(kind)))
		}
		return hookAnswer{Ignored: true}, nil
	}
	x.counting(func(c *projections.WebhookCounts) { c.Hints++ })
	if err := x.Hint(ctx, hint); err != nil {
		// The poller comes by in any case; only sooner would have been better.
		h.log.Warn("whoever polls the account could not be told of a webhook", "store", store, "err", err)
	}
	return hookAnswer{Noted: true}, nil
}

// recordLevel records an inventory.update. It is false when the record has to be
// read again, such as for an outlet that is new.
func (h *HTTP) recordLevel(ctx context.Context, store domain.StoreID, x *XSeriesHooks, payload json.RawMessage) (hookAnswer, bool, error) {
	account, err := x.Account(ctx)
	if err != nil {
		return hookAnswer{}, false, err
	}
	change, err := account.Level(payload, x.Now().UTC())
	var record *xseries.RecordError
	if errors.As(err, &record) {
		return hookAnswer{}, false, nil // the poller says what is wrong with it, if it still is
	}
	if err != nil {
		return hookAnswer{}, false, err
	}
	ctx, cancel := context.WithTimeout(ctx, HookRecord)
	defer cancel()
	appended, err := h.service.log.Submit(ctx, store, change.Envelopes)(ctx)
	var reused *domain.ReusedIDError
	switch {
	case errors.As(err, &reused):
		// This version of the record is in the log, with another figure. Which one is
		// right only the account can say, under a later version.
		return hookAnswer{}, false, nil
	case err != nil:
		return hookAnswer{}, false, err
	}
	x.counting(func(c *projections.WebhookCounts) {
		if appended[0].Duplicate {
			c.Duplicate++
		} else {
			c.Recorded++
		}
	})
	return hookAnswer{Position: appended[0].Position, Duplicate: appended[0].Duplicate}, true, nil
}
