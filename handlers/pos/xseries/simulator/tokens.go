package simulator

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// tokens are what the account takes: one personal token, and the pair of the one app that somebody authorised.
type tokens struct {
	personal        string
	access, refresh string
	expires         time.Time // of access
	old             []string  // refresh tokens that were used
	serial          int
	codes           map[string]time.Time // that the app may trade for a pair, until then
	windows         [2]window            // of the app and of the personal token
	revoked         bool
}

// client is who a token makes of a request.
type client int

const (
	nobody client = iota - 1
	app
	personal
)

func (c client) String() string {
	switch c {
	case app:
		return "app"
	case personal:
		return "personal"
	}
	return ""
}

func newTokens(cfg Config) tokens {
	lifetime := time.Duration(float64(accessLifetime) / cfg.TimeScale)
	return tokens{personal: cfg.Token, access: cfg.AccessToken, refresh: cfg.RefreshToken, expires: cfg.Now().Add(lifetime), codes: map[string]time.Time{}}
}

// client tells by its bearer token whose a request is.
func (a *Account) client(r *http.Request) client {
	given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	switch t := &a.tokens; {
	case !ok || t.revoked:
	case same(given, t.personal):
		return personal
	case same(given, t.access) && a.cfg.Now().Before(t.expires):
		return app
	}
	return nobody
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// Revoke makes the account refuse all its tokens but in the control API, or take them again.
func (a *Account) Revoke(revoked bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tokens.revoked = revoked
}

// Expire ends the lifetime of the app's access token.
func (a *Account) Expire() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tokens.expires = a.cfg.Now()
}

// Authorize is somebody who lets the app in once more: it returns a code that the app may trade for tokens, once, within
// ten minutes.
func (a *Account) Authorize() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	code := a.secret("code")
	a.tokens.codes[code] = a.cfg.Now().Add(a.real(codeLifetime))
	return code
}

// secret makes a token that is the same for the same seed.
func (a *Account) secret(of string) string {
	a.tokens.serial++
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d %d %s", of, a.cfg.Seed, a.tokens.serial, a.cfg.ClientSecret))
	return hex.EncodeToString(sum[:16])
}

// trade answers a token request: a code or a refresh token against a new pair. Each is good for one use, and a new pair
// ends the one before.
func (a *Account) trade(x *exchange) reply {
	form, err := url.ParseQuery(string(x.body))
	if err != nil {
		return fail(http.StatusBadRequest, "invalid_request", "the body is not a form")
	}
	if !same(form.Get("client_id"), a.cfg.ClientID) || !same(form.Get("client_secret"), a.cfg.ClientSecret) {
		return fail(http.StatusUnauthorized, "invalid_client", "the client is unknown, or its secret is wrong")
	}
	t := &a.tokens
	now := a.cfg.Now()
	switch grant := form.Get("grant_type"); grant {
	case "refresh_token":
		given := form.Get("refresh_token")
		if t.revoked || !same(given, t.refresh) {
			for _, old := range t.old {
				if same(given, old) {
					a.violated(x, "a refresh token was used a second time")
				}
			}
			return fail(http.StatusBadRequest, "invalid_grant", "the refresh token is not valid")
		}
		t.old = append(t.old, t.refresh)
	case "authorization_code":
		code := form.Get("code")
		until, ok := t.codes[code]
		delete(t.codes, code)
		if !ok || now.After(until) {
			return fail(http.StatusBadRequest, "invalid_grant", "the code is not valid")
		}
		t.revoked = false
	default:
		return fail(http.StatusBadRequest, "unsupported_grant_type", fmt.Sprintf("grant_type %q: want refresh_token or authorization_code", grant))
	}
	t.access, t.refresh = a.secret("access"), a.secret("refresh")
	t.expires = now.Add(a.real(accessLifetime))
	return replyJSON(http.StatusOK, object{
		"access_token": t.access, "token_type": "Bearer", "expires": t.expires.Unix(), "expires_in": int64(a.real(accessLifetime) / time.Second),
		"refresh_token": t.refresh, "domain_prefix": a.cfg.DomainPrefix,
	})
}

// window counts requests in a fixed window of time.
type window struct {
	start   time.Time
	used    int
	refused time.Time // until when a 429 asked to wait
}

// spend takes one request of the window, and says when the next begins if there is none left.
func (w *window) spend(limit int, length time.Duration, now time.Time) (left int, until time.Time, ok bool) {
	if now.Sub(w.start) >= length {
		w.start, w.used = now, 0
	}
	if w.used >= limit {
		return 0, w.start.Add(length), false
	}
	w.used++
	return limit - w.used, time.Time{}, true
}

// limit is how many requests a window has.
func (a *Account) limit() int {
	if a.cfg.RateLimit > 0 {
		return a.cfg.RateLimit
	}
	return perRegister*len(a.registers) + besides
}
