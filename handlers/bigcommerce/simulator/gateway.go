package simulator

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"strings"
	"time"
)

// perform decides the reply, and makes it true.
func (s *Store) perform(header http.Header, x *exchange, h handler, fault Fault) response {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settleStock()
	now := s.cfg.Now()
	header.Set("X-Request-Id", x.log.ID)
	answer := s.gateway(header, x, fault, now)
	if answer == nil {
		a := s.act(x, h, fault)
		answer = &a
	}
	x.log.Status = answer.status
	if fault.Kind == CloseAfterCommit {
		x.log.Status = 0
	}
	return *answer
}

// gateway answers what never reaches the API, or returns nil.
func (s *Store) gateway(header http.Header, x *exchange, fault Fault, now time.Time) *response {
	rateless := fault.Kind == Status && fault.Status == http.StatusTooManyRequests && !fault.Spent
	switch {
	case s.down:
		return &response{status: http.StatusServiceUnavailable, ctype: "text/html", body: page(http.StatusServiceUnavailable)}
	case fault.Kind == HTML:
		return &response{status: fault.Status, ctype: "text/html", body: page(fault.Status)}
	case s.revoked || !s.authorized(x.request):
		return &response{status: http.StatusUnauthorized, ctype: "text/plain", body: []byte("Unauthorized")}
	case x.request.PathValue("hash") != s.cfg.StoreHash && x.request.PathValue("hash") != "":
		return refuse(notFound("No store with hash %s", x.request.PathValue("hash")))
	case s.cfg.ConcurrencyLimit > 0 && s.active > s.cfg.ConcurrencyLimit:
		s.window.headers(header, now)
		return refuse(&problem{status: http.StatusTooManyRequests, title: "Too many concurrent requests"})
	case rateless:
		return refuse(&problem{status: http.StatusTooManyRequests, title: "Too many requests"})
	}
	if fault.Spent && s.window.quota > 0 {
		s.window.turn(now)
		s.window.used = s.window.quota
	}
	within := s.window.spend(1, now)
	s.window.headers(header, now)
	switch {
	case !within:
		return refuse(&problem{status: http.StatusTooManyRequests, title: "You have exceeded the request limit"})
	case fault.Kind == Status:
		return refuse(&problem{status: fault.Status, title: http.StatusText(fault.Status)})
	case len(x.body) > 0:
		if kind, _, err := mime.ParseMediaType(x.request.Header.Get("Content-Type")); err != nil || kind != "application/json" {
			return &response{status: http.StatusUnsupportedMediaType, ctype: "text/html", body: page(http.StatusUnsupportedMediaType)}
		}
	}
	return nil
}

// act runs the handler and keeps or takes back what it did.
func (s *Store) act(x *exchange, h handler, fault Fault) response {
	x.tx = &tx{store: s}
	answer, refusal := h(s, x)
	if refusal != nil {
		x.tx.rollback()
		answer = refusal.response()
		if strings.HasPrefix(x.log.Path, "/inventory/") {
			answer.ctype = "application/problem+json"
		}
	}
	s.record(x.log, x.tx.effects)
	if fault.Kind == Partial && answer.status == http.StatusOK {
		var body map[string]json.RawMessage
		if json.Unmarshal(answer.body, &body) == nil {
			part := &problem{status: http.StatusMultiStatus, title: "The entity was saved, but not all of it", fields: map[string]string{"inventory_level": "could not be saved"}}
			body["errors"] = mustJSON(part.body())
			answer = response{status: http.StatusMultiStatus, body: mustJSON(body)}
		}
	}
	return answer
}

func refuse(p *problem) *response {
	answer := p.response()
	return &answer
}

func (s *Store) authorized(r *http.Request) bool {
	return subtle.ConstantTimeCompare([]byte(r.Header.Get("X-Auth-Token")), []byte(s.cfg.Token)) == 1
}

func page(status int) []byte {
	title := fmt.Sprintf("%d %s", status, http.StatusText(status))
	return []byte("<html><head><title>" + title + "</title></head><body><h1>" + title + "</h1></body></html>\n")
}
