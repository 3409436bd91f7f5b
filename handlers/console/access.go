package console

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/problem"
)

// Guard lets through to next what bears a token that may do what is asked for, and
// what is open to everybody who can connect: the status, health and metrics, the
// published schemas, and the webhooks, which bear signatures instead.
type Guard struct {
	// Master is the one token that may do everything in every store.
	Master string
	// Tokens are those of single stores.
	Tokens *Tokens
	// MostPerSecond is how many requests the bearer of such a token may send; 0 is any
	// number.
	MostPerSecond int
	// Hint says where somebody who has no token finds one.
	Hint   string
	Logger *slog.Logger
}

// Protect returns next behind the guard.
func (g *Guard) Protect(next http.Handler) http.Handler {
	want := sha256.Sum256([]byte(g.Master))
	rates := &rates{most: g.MostPerSecond}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !open(r) {
			given, bears := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
			given = strings.TrimSpace(given)
			got := sha256.Sum256([]byte(given))
			if !bears || subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
				if refusal := g.judge(r, given, rates); refusal != nil {
					if refusal.Status == http.StatusUnauthorized {
						w.Header().Set("WWW-Authenticate", `Bearer realm="tillstream"`)
					}
					problem.Write(w, refusal)
					return
				}
			}
		}
		next.ServeHTTP(w, r)
	})
}

// judge returns why a request may not pass that bears another token than the master,
// or nil when it may.
func (g *Guard) judge(r *http.Request, given string, rates *rates) *problem.Details {
	unknown := problem.New(http.StatusUnauthorized, "the request bears no valid token").WithHint(g.Hint)
	rest, found := strings.CutPrefix(r.URL.Path, "/v1/stores/")
	name, rest, _ := strings.Cut(rest, "/")
	store, err := domain.ParseStoreID(name)
	if given == "" || !found || err != nil || path.Clean(r.URL.Path) != r.URL.Path {
		return unknown
	}
	token, err := g.Tokens.Check(r.Context(), store, given)
	switch {
	case errors.Is(err, errNoToken):
		return unknown
	case err != nil:
		d := problem.From(err)
		if d.Status == http.StatusInternalServerError {
			g.Logger.Error("checking a token", "err", err)
		}
		return d
	}
	if need := roleFor(r.Method, rest); !token.Role.may(need) {
		return problem.Newf(http.StatusForbidden, "the token is for %s only, and %s %s needs one for %s", token.Role, r.Method, r.URL.Path, need).
			WithHint("tillstream tokens create --role " + string(need))
	}
	return rates.take(token.ID, time.Now())
}

func open(r *http.Request) bool {
	clean := path.Clean(r.URL.Path) // as the routes will see it
	if !strings.HasPrefix(clean+"/", "/v1/") {
		return clean == r.URL.Path || clean+"/" == r.URL.Path
	}
	if clean != r.URL.Path {
		return false
	}
	if r.Method == http.MethodPost {
		hook, err := path.Match("/v1/stores/*/hooks/*/*", clean)
		return hook && err == nil
	}
	return r.Method == http.MethodGet && (clean == "/v1/schemas" || path.Dir(clean) == "/v1/schemas")
}

// LoopbackOnly refuses requests that were led to a loopback address by a foreign
// name, as a web page does that wants to reach what only this machine may.
func LoopbackOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		host = strings.Trim(host, "[]")
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			problem.Write(w, problem.Newf(http.StatusMisdirectedRequest, "this address is served under its own name only, not as %q", host))
			return
		}
		next.ServeHTTP(w, r)
	})
}
