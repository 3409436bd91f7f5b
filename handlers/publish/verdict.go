package publish

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tillstream/tillstream/handlers/bigcommerce"
)

// errNothing says that there was nothing left to send, errAnswered the same of what
// BigCommerce has answered to.
var (
	errNothing  = errors.New("nothing to send")
	errAnswered = fmt.Errorf("BigCommerce has answered: %w", errNothing)
)

// culprit is what a failed request speaks against.
type culprit int

const (
	nobody  culprit = iota
	product         // one of the products in it
	setting         // the configuration: products would fail one after the other
	store           // BigCommerce, the token or the network
)

// blame decides whom a failed request speaks against. It is the only place that
// does.
func blame(err error) culprit {
	e, ok := errors.AsType[*bigcommerce.Error](err)
	switch {
	case err == nil || errors.Is(err, errNothing):
		return nobody
	case !ok || e.Unauthorized:
		return store
	case bigcommerce.IsPartial(err):
		return product
	case e.Status == http.StatusNotFound && e.Method == http.MethodGet && len(e.IDs) == 0:
		return store // a list is there even if it is empty: what is wrong is the address
	case e.Verdict != bigcommerce.Permanent:
		return store
	case e.Status == http.StatusUnprocessableEntity && strings.HasPrefix(e.Title, "Location not found"):
		// Recorded by several integrators. If it is ever worded otherwise, the products
		// are refused one by one, which is costly and still true.
		return setting
	}
	switch e.Status {
	case 0, http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusConflict,
		http.StatusUnprocessableEntity, http.StatusInsufficientStorage:
		return product
	}
	return store // 405, 413, 415 and the like: no product can be at fault
}

// notBefore is the earliest time that the error names for another try.
func notBefore(err error) time.Time {
	if e, ok := errors.AsType[*bigcommerce.Error](err); ok {
		return e.NotBefore
	}
	return time.Time{}
}

// told reports whether the failure says by itself when to try again, so that
// trying again wears nobody out.
func told(err error) bool {
	e, ok := errors.AsType[*bigcommerce.Error](err)
	return ok && (e.Unauthorized || e.Verdict == bigcommerce.NotBefore)
}

// spent reports whether the quota, or the platform, had no room for a good request.
func spent(err error) bool {
	e, ok := errors.AsType[*bigcommerce.Error](err)
	return ok && e.Verdict == bigcommerce.NotBefore && !e.Unauthorized
}

// lingers reports whether a write may still take effect later: there was no
// answer, or only that of a gateway that gave up waiting for one.
func lingers(err error) bool {
	e, ok := errors.AsType[*bigcommerce.Error](err)
	if !ok || e.Verdict != bigcommerce.Ambiguous {
		return false
	}
	switch e.Status {
	case 0, http.StatusRequestTimeout, 499, http.StatusBadGateway, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// refusal words what BigCommerce says against a product.
func refusal(err error) Refusal {
	e, ok := errors.AsType[*bigcommerce.Error](err)
	if !ok {
		return Refusal{Reason: err.Error()}
	}
	r, fields := Refusal{Status: e.Status, Reason: e.Title}, e.Fields
	if len(e.Batch) > 0 {
		r.Status, r.Reason, fields = e.Batch[0].Status, e.Batch[0].Title, e.Batch[0].Fields
	}
	if len(fields) > 0 {
		name := slices.Min(slices.Collect(maps.Keys(fields)))
		if said := fields[name]; said != "" && !strings.Contains(r.Reason, said) {
			r.Reason = strings.TrimPrefix(r.Reason+": "+said, ": ")
		}
		r.Field = name
		if _, rest, indexed := strings.Cut(name, "."); indexed {
			r.Field = rest
		}
	}
	r.Reason = cmp.Or(r.Reason, e.Error())
	return r
}

// over reports whether the reason for an error is that ctx has ended.
func over(ctx context.Context) bool { return ctx.Err() != nil }
