package bigcommerce

import (
	"net/http"
	"strconv"
	"time"
)

// unauthorizedPause is how long a refused token is left alone: it needs a person, and each try costs quota.
const unauthorizedPause = 30 * time.Second

// outcome is all that is known of a call that failed.
type outcome struct {
	write     bool
	refused   bool // by this client, before anything was sent
	sent      bool // at least a part of the request left this machine
	status    int  // 0 when no reply came
	header    http.Header
	body      []byte
	now       time.Time
	notBefore time.Time // from the quota, after a 429
	cause     error
}

// judge fills the error in. It is the only place that decides a verdict.
func (o outcome) judge(e *Error) {
	e.Status, e.Cause = o.status, o.cause
	if o.header != nil {
		e.RequestID = bounded(o.header.Get("X-Request-Id"))
		e.NotBefore = retryAfter(o.header, o.now)
	}
	if len(o.body) > 0 {
		said := decodeError(o.body)
		e.Title, e.Code, e.Fields, e.Batch = said.title, said.code, said.fields, said.batch
	}

	lost := Retry
	if o.write && o.sent {
		lost = Ambiguous
	}
	switch s := o.status; {
	case o.refused:
		e.Verdict = Permanent
	case s == 0: // no reply
		e.Verdict = lost
	case s == http.StatusMultiStatus && o.cause == nil: // saved, but for a secondary part
		e.Verdict = Retry
	case s < 300: // a reply that could not be read
		e.Verdict = lost
		if !o.write && !unreadable(o.cause) {
			e.Verdict = Permanent
		}
	case s == http.StatusTooManyRequests:
		e.Verdict = NotBefore
		if o.notBefore.After(e.NotBefore) {
			e.NotBefore = o.notBefore
		}
	case s == http.StatusUnauthorized, s == http.StatusForbidden && e.Method != http.MethodPost:
		// A POST is also answered 403 past a platform limit, which is the product's own matter.
		e.Verdict, e.Unauthorized = NotBefore, true
		e.NotBefore = o.now.Add(unauthorizedPause)
	case s == http.StatusRequestTimeout, s == 499:
		e.Verdict = lost
	case s == http.StatusLocked:
		e.Verdict = Retry
	case s == http.StatusInsufficientStorage: // the plan's limit, such as its number of products
		e.Verdict = Permanent
	case s >= 500:
		e.Verdict = lost
	default:
		e.Verdict = Permanent
	}
}

// retryAfter reads the two headers that may name a pause in seconds; zero when neither does.
func retryAfter(h http.Header, now time.Time) time.Time {
	for _, name := range []string{"Retry-After", "X-Retry-After"} {
		if s, err := strconv.Atoi(h.Get(name)); err == nil && s > 0 && s <= 24*60*60 {
			return now.Add(time.Duration(s) * time.Second)
		}
	}
	return time.Time{}
}
