package console

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"path"
	"strings"

	"github.com/tillstream/tillstream/handlers/problem"
)

// Authenticate lets through to next what bears the token, and what is open to
// everybody who can connect: the status, health and metrics, the published schemas,
// and the webhooks, which bear signatures instead. It compares in constant time.
func Authenticate(token, hint string, next http.Handler) http.Handler {
	want := sha256.Sum256([]byte(token))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !open(r) {
			given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
			got := sha256.Sum256([]byte(strings.TrimSpace(given)))
			if !ok || subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
				w.Header().Set("WWW-Authenticate", `Bearer realm="tillstream"`)
				problem.Write(w, problem.New(http.StatusUnauthorized, "the request bears no valid token").WithHint(hint))
				return
			}
		}
		next.ServeHTTP(w, r)
	})
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
