package simulator

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// gateway answers what never reaches the API; a reply without status is none.
func (a *Account) gateway(header http.Header, x *exchange, to route) (reply, error) {
	switch {
	case a.down:
		return page(http.StatusServiceUnavailable), nil
	case x.fault.Kind == HTML:
		return page(x.fault.Status), nil
	case x.fault.Kind == Status:
		return fail(x.fault.Status, http.StatusText(x.fault.Status), "a fault of the simulator's"), nil
	case x.request.Header.Get("User-Agent") == "":
		return reply{}, refused(http.StatusForbidden, "a User-Agent header is required")
	case to.scope == "":
		return reply{}, nil // the token request has no token yet, and a path that does not exist needs none
	}
	x.client = a.client(x.request)
	x.log.Client = x.client.String()
	if x.client == nobody {
		return reply{}, refused(http.StatusUnauthorized, "the token is missing, unknown or expired")
	}
	if err := a.throttle(header, x); err != nil {
		return reply{}, err
	}
	if scopes := a.cfg.Scopes; scopes != nil && !slices.Contains(scopes, to.scope) {
		return reply{}, refused(http.StatusForbidden, "the token lacks the scope %s", to.scope)
	}
	if method := x.log.Method; method != http.MethodGet && to.scope != "webhooks" && !strings.HasSuffix(to.scope, ":read") {
		a.violated(x, method+" "+x.log.Path)
	}
	if api := x.request.PathValue("api"); api != "" {
		if err := x.choose(api, to); err != nil {
			return reply{}, err
		}
	}
	return reply{}, nil
}

// throttle counts a request in the window of its client.
func (a *Account) throttle(header http.Header, x *exchange) error {
	w, now, limit := &a.tokens.windows[x.client], a.cfg.Now(), a.limit()
	if now.Before(w.refused) {
		a.violated(x, "a request before the time that Retry-After named")
	}
	left, until, ok := w.spend(limit, a.real(a.cfg.RateWindow), now)
	header.Set("X-RateLimit-Limit", strconv.Itoa(limit))
	header.Set("X-RateLimit-Remaining", strconv.Itoa(left))
	if ok {
		return nil
	}
	// A date has whole seconds: the one after the end of the window.
	w.refused = until.Add(time.Second - 1).Truncate(time.Second)
	header.Set("Retry-After", w.refused.UTC().Format(http.TimeFormat))
	return &errRefused{http.StatusTooManyRequests, "Too Many Requests", "Rate limiting enforced"}
}

// choose finds the version of the API that answers. A date version that expired is answered by the oldest that lives,
// without a word; one that is yet to come is not there.
func (x *exchange) choose(api string, to route) error {
	switch {
	case api == "2.0":
		x.api = v20
	case isMonth(api) && api <= "2026-07":
		x.api = v2607
	default:
		return refused(http.StatusNotFound, "there is no version %s of the API here: 2.0 and 2026-07", api)
	}
	if to.since && x.api == v20 || to.until && x.api != v20 {
		return refused(http.StatusNotFound, "version %s of the API has no %s", api, to.pattern)
	}
	return nil
}

func isMonth(text string) bool {
	_, err := time.Parse("2006-01", text)
	return err == nil
}

func page(status int) reply {
	title := fmt.Sprintf("%d %s", status, http.StatusText(status))
	return reply{status, "text/html", []byte("<html><head><title>" + title + "</title></head><body><h1>" + title + "</h1></body></html>\n")}
}
