// Package problem turns the errors of the program into what an HTTP caller reads:
// problem details by RFC 9457, with a sentence that says what was wrong and, where
// there is one, a hint that names what to do.
//
// It promises that one error always becomes the same status, and that nothing
// secret is told: an error that it does not know is "internal", and its text
// stays in the log.
//
// It may import domain and streams.
package problem

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/streams"
)

// ContentType is the media type of problem details.
const ContentType = "application/problem+json"

// Details is one problem. It is an error, so a handler may return it.
type Details struct {
	Type   string  `json:"type"`
	Title  string  `json:"title"`
	Status int     `json:"status"`
	Detail string  `json:"detail"`
	Hint   string  `json:"hint,omitempty"`
	Errors []Field `json:"errors,omitempty"`

	retryAfter time.Duration
}

// Field says where in the request something is wrong.
type Field struct {
	Location string `json:"location"`
	Message  string `json:"message"`
	Value    string `json:"value,omitempty"` // as [Shown]
}

// Shown is what an answer shows of a wrong value: enough to find it, without
// sending a whole description back.
func Shown(value string) string {
	const most = 200
	if len(value) <= most {
		return value
	}
	return strings.ToValidUTF8(value[:most], "") + "…"
}

// New returns a problem with a sentence of its own.
func New(status int, detail string) *Details {
	return &Details{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail}
}

// Newf is [New] with a format.
func Newf(status int, format string, args ...any) *Details {
	return New(status, fmt.Sprintf(format, args...))
}

// WithHint adds what to do about it.
func (d *Details) WithHint(hint string) *Details {
	d.Hint = hint
	return d
}

// After says when the same request may succeed.
func (d *Details) After(wait time.Duration) *Details {
	d.retryAfter = wait
	return d
}

// Error is the detail.
func (d *Details) Error() string { return d.Detail }

// GetStatus is the HTTP status.
func (d *Details) GetStatus() int { return d.Status }

// ContentType is [ContentType] whatever was negotiated.
func (d *Details) ContentType(string) string { return ContentType }

// From classifies an error. A nil error is a mistake of the caller and becomes an
// internal problem.
func From(err error) *Details {
	var details *Details
	var invalid *domain.InvalidError
	var unknown *domain.UnknownTypeError
	var reused *domain.ReusedIDError
	var unavailable *streams.UnavailableError
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &details):
		return details
	case errors.As(err, &invalid):
		d := New(http.StatusUnprocessableEntity, err.Error())
		d.Errors = []Field{{Location: invalid.Path, Message: invalid.Reason, Value: Shown(invalid.Value)}}
		return d
	case errors.As(err, &unknown):
		d := New(http.StatusUnprocessableEntity, err.Error()).WithHint("tillstream schema lists the types")
		d.Errors = []Field{{Location: "type", Message: "not an event type of this version of tillstream", Value: Shown(string(unknown.Type))}}
		return d
	case errors.As(err, &reused), errors.Is(err, domain.ErrConflict):
		return New(http.StatusConflict, err.Error())
	case errors.Is(err, domain.ErrNotFound):
		return New(http.StatusNotFound, err.Error())
	case errors.As(err, &tooLarge):
		return Newf(http.StatusRequestEntityTooLarge, "the request body is larger than %d bytes", tooLarge.Limit)
	case errors.As(err, &unavailable):
		status := http.StatusServiceUnavailable
		if unavailable.Full {
			status = http.StatusInsufficientStorage
		}
		d := New(status, err.Error()).WithHint(unavailable.Hint)
		d.retryAfter = max(unavailable.RetryAfter, time.Second)
		return d
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		d := New(http.StatusServiceUnavailable, "the log did not answer in time, so the outcome is not known").WithHint("send the same again: what is recorded already is answered as a duplicate")
		d.retryAfter = time.Second
		return d
	}
	return New(http.StatusInternalServerError, "something went wrong inside tillstream; its log says what").WithHint("look at the output of tillstream up")
}

// Write answers a request with the problem.
func Write(w http.ResponseWriter, d *Details) {
	w.Header().Set("Content-Type", ContentType)
	if d.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(d.retryAfter.Seconds()))))
	}
	w.WriteHeader(d.Status)
	// The client may be gone; there is nobody left to tell.
	_ = json.NewEncoder(w).Encode(d)
}
