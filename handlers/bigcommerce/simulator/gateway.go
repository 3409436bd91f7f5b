package simulator

import (
	"crypto/subtle"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"
)

// perform decides the reply, and makes it true.
func (s *Store) perform(header http.Header, x *exchange, h handler) response {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settleStock()
	s.interfere(x)
	header.Set("X-Request-Id", x.log.ID)
	answer := s.gateway(header, x)
	if answer == nil {
		a := s.act(x, h)
		answer = &a
	}
	x.log.Status = answer.status
	if x.fault.Kind == CloseAfterCommit {
		x.log.Status = 0
	}
	return *answer
}

// gateway answers what never reaches the API, or returns nil. BigCommerce says that each reply has the rate headers, and
// also that they may be absent under load: an outage, and a 429 without a cause in the quota, come without.
func (s *Store) gateway(header http.Header, x *exchange) *response {
	now, fault := s.cfg.Now(), x.fault
	x.account = s.account(x.request) // its token may have been revoked since it arrived
	switch {
	case s.down:
		return gatewayPage(http.StatusServiceUnavailable)
	case fault.Kind == HTML:
		return gatewayPage(fault.Status)
	case fault.Kind == Status && fault.Status == http.StatusTooManyRequests && !fault.Spent:
		return refuse(&problem{status: http.StatusTooManyRequests, title: "Too many requests"})
	}
	defer func() { s.window.headers(header, now) }()
	hash := x.request.PathValue("hash")
	switch {
	case x.account == nil || fault.Kind == Revoked:
		return &response{status: http.StatusUnauthorized, ctype: "text/plain", body: []byte("Unauthorized")}
	case hash != s.cfg.StoreHash && hash != "":
		return refuse(notFound("No store with hash %s", hash))
	case s.crowded(x):
		return refuse(&problem{status: http.StatusTooManyRequests, title: "Too many concurrent requests"})
	}
	if fault.Spent && s.window.quota > 0 {
		s.window.turn(now)
		s.window.used = s.window.quota
	}
	within := s.window.spend(1, now)
	switch {
	case !within:
		return refuse(&problem{status: http.StatusTooManyRequests, title: "You have exceeded the request limit"})
	case fault.Kind == Status:
		return refuse(&problem{status: fault.Status, title: http.StatusText(fault.Status)})
	case !x.account.may(x.log.Method, x.log.Path):
		return refuse(&problem{status: http.StatusForbidden, title: "You don't have a required scope to access the endpoint"})
	case len(x.body) > 0:
		if kind, _, err := mime.ParseMediaType(x.request.Header.Get("Content-Type")); err != nil || kind != "application/json" {
			return gatewayPage(http.StatusUnsupportedMediaType)
		}
	}
	return nil
}

// crowded says that more requests are in progress than one of the limits allows.
func (s *Store) crowded(x *exchange) bool {
	if limit := s.cfg.ConcurrencyLimit; limit > 0 && s.active > limit {
		return true
	}
	return slices.ContainsFunc(x.limited, func(match string) bool {
		limit := s.cfg.EndpointLimits[match]
		return limit > 0 && s.activeAt[match] > limit
	})
}

// act runs the handler and keeps or takes back what it did.
func (s *Store) act(x *exchange, h handler) response {
	x.tx = &tx{store: s}
	answer, refusal := h(s, x)
	if refusal != nil {
		x.tx.rollback()
		answer = refusal.response()
		if strings.HasPrefix(x.log.Path, "/inventory/") {
			answer.ctype = "application/problem+json"
		}
	}
	if x.tx.partial != nil {
		answer = partly(answer, x.tx.partial)
	}
	s.record(x.log, x.tx.effects)
	return x.fault.spoil(answer)
}

func refuse(p *problem) *response {
	answer := p.response()
	return &answer
}

// account returns the account whose token a request has, or nil.
func (s *Store) account(r *http.Request) *Account {
	for i := range s.cfg.Accounts {
		if i == 0 && s.revoked {
			continue
		}
		if a := &s.cfg.Accounts[i]; hasToken(r, a.Token) {
			return a
		}
	}
	return nil
}

func hasToken(r *http.Request, token string) bool {
	return subtle.ConstantTimeCompare([]byte(r.Header.Get("X-Auth-Token")), []byte(token)) == 1
}

// may says whether the account's scopes allow a request. A scope to read ends in "_read_only".
func (a *Account) may(method, below string) bool {
	if a.Scopes == nil {
		return true
	}
	scope := scopeOf(below)
	return scope == "" || slices.Contains(a.Scopes, scope) || method == http.MethodGet && slices.Contains(a.Scopes, scope+"_read_only")
}

// scopeOf names the scope that a path needs; webhooks need none.
func scopeOf(below string) string {
	switch {
	case strings.HasPrefix(below, "/catalog/"):
		return "store_v2_products"
	case below == "/inventory/locations":
		return "store_locations"
	case strings.HasPrefix(below, "/inventory/"):
		return "store_inventory"
	case below == "/v2/store":
		return "store_v2_information"
	}
	return ""
}

func gatewayPage(status int) *response {
	title := fmt.Sprintf("%d %s", status, http.StatusText(status))
	return &response{status: status, ctype: "text/html", body: []byte("<html><head><title>" + title + "</title></head><body><h1>" + title + "</h1></body></html>\n")}
}
