package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// Config says which account to read.
type Config struct {
	BaseURL   string // https://{prefix}.retail.lightspeed.app, see [BaseURL]
	Version   Version
	Token     TokenSource
	UserAgent string // the vendor refuses requests without one

	HTTP  *http.Client                         // http.DefaultClient when nil; its redirects are not followed
	Now   func() time.Time                     // time.Now when nil
	After func(time.Duration) <-chan time.Time // time.After when nil
}

// BaseURL is where the account with a domain prefix is.
func BaseURL(prefix string) string { return "https://" + prefix + ".retail.lightspeed.app" }

// TokenSource gives the token that a request bears.
type TokenSource interface {
	Token(context.Context) (string, error)
	// Refused says that the account does not take a token. The next one should be
	// another one, if there can be.
	Refused(token string)
}

// Personal is a token that stays as it is.
type Personal string

// Token returns it.
func (p Personal) Token(context.Context) (string, error) { return string(p), nil }

// Refused does nothing: there is no other.
func (Personal) Refused(string) {}

// Limits of one request.
const (
	Timeout = time.Minute
	MaxBody = 64 << 20
	// MostWaits is how often one request is put off by a 429.
	MostWaits = 5
)

// Client reads one account. It is safe for concurrent use.
type Client struct {
	cfg   Config
	limit *limit

	requests, throttled atomic.Uint64
}

// New returns a client that has not asked anything yet.
func New(cfg Config) (*Client, error) {
	u, err := url.Parse(cfg.BaseURL)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("X-Series: %q is no URL of an account", cfg.BaseURL)
	}
	if cfg.Token == nil {
		return nil, errors.New("X-Series: no token")
	}
	cfg.BaseURL = strings.TrimSuffix(cfg.BaseURL, "/")
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.After == nil {
		cfg.After = time.After
	}
	client := http.Client{}
	if cfg.HTTP != nil {
		client = *cfg.HTTP
	}
	// A redirect could lead the token elsewhere, and none is documented.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	cfg.HTTP = &client
	return &Client{cfg: cfg, limit: newLimit(cfg.Now, cfg.After)}, nil
}

// Version is the version of the API that is asked.
func (c *Client) Version() Version { return c.cfg.Version }

// Requests is how many requests were sent, and how many of them met the limit.
func (c *Client) Requests() (sent, throttled uint64) { return c.requests.Load(), c.throttled.Load() }

// Page reads the records of a list after a version, at most size of them; 0 is as
// many as is usual.
func (c *Client) Page(ctx context.Context, r Resource, after uint64, size int) ([]byte, error) {
	if size <= 0 {
		size = c.cfg.Version.PageSize(r)
	}
	return c.do(ctx, c.cfg.Version.page(r, after, size))
}

// Lines reads the lines of a consignment after a version.
func (c *Client) Lines(ctx context.Context, consignment string, after uint64) ([]byte, error) {
	return c.do(ctx, c.cfg.Version.lines(consignment, after))
}

// Retailer reads what the account as a whole is set to.
func (c *Client) Retailer(ctx context.Context) ([]byte, error) {
	return c.do(ctx, request{method: http.MethodGet, path: c.cfg.Version.path("retailer")})
}

// request is one request, which can be sent again.
type request struct {
	method, path string
	query        url.Values
	body         string
}

func (r request) String() string { return r.method + " " + r.path }

// do sends a request when the limit allows it, and returns the body of a 200.
func (c *Client) do(ctx context.Context, r request) ([]byte, error) {
	fresh := false
	for waits := 0; ; {
		token, err := c.cfg.Token.Token(ctx)
		if err != nil {
			return nil, err
		}
		if err := c.limit.wait(ctx); err != nil {
			return nil, err
		}
		body, err := c.send(ctx, r, token)
		var failed *Error
		switch {
		case err == nil:
			return body, nil
		case errors.As(err, &failed) && failed.Status == http.StatusTooManyRequests && waits < MostWaits:
			waits++
		case errors.As(err, &failed) && failed.Status == http.StatusUnauthorized && !fresh:
			fresh = true
			c.cfg.Token.Refused(token)
		default:
			return nil, err
		}
	}
}

func (c *Client) send(ctx context.Context, r request, token string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	address := c.cfg.BaseURL + r.path
	if len(r.query) > 0 {
		address += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, address, strings.NewReader(r.body))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r, err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("User-Agent", c.cfg.UserAgent)
	req.Header.Set("Accept", "application/json")
	if r.body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	c.requests.Add(1)
	answer, err := c.cfg.HTTP.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r, err)
	}
	defer answer.Body.Close()
	c.limit.observe(answer)
	body, err := io.ReadAll(io.LimitReader(answer.Body, MaxBody+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: the answer broke off: %w", r, err)
	case len(body) > MaxBody:
		return nil, fmt.Errorf("%s: the answer has more than %d bytes", r, MaxBody)
	case answer.StatusCode == http.StatusOK:
		return body, nil
	case answer.StatusCode == http.StatusTooManyRequests:
		c.throttled.Add(1)
	}
	return nil, &Error{Request: r.String(), Status: answer.StatusCode, Message: messageOf(body)}
}

// Error is an answer other than 200.
type Error struct {
	Request string
	Status  int
	Message string // the account's own words, shortened
}

func (e *Error) Error() string {
	s := fmt.Sprintf("%s was answered with %d %s", e.Request, e.Status, http.StatusText(e.Status))
	if e.Message != "" {
		s += ": " + e.Message
	}
	switch e.Status {
	case http.StatusUnauthorized:
		s += "; the token is not taken: make a new one, or authorise the app again"
	case http.StatusForbidden:
		s += "; the token lacks the scope for this list"
	}
	return s
}

// messageOf takes what an answer says: its body has "message", "error", or "errors".
func messageOf(body []byte) string {
	const most = 300
	var said struct {
		Message string `json:"message"`
		Error   any    `json:"error"`
	}
	s := ""
	if json.Unmarshal(body, &said) == nil {
		s = said.Message
		if text, ok := said.Error.(string); ok && s == "" {
			s = text
		}
	}
	if s == "" && json.Valid(body) {
		s = string(body)
	}
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
