package bigcommerce

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

const (
	// DefaultBaseURL is BigCommerce's own API.
	DefaultBaseURL = "https://api.bigcommerce.com"
	// DefaultTimeout bounds one request, from sending it to its last byte. Waiting for quota is not part of it.
	DefaultTimeout = 20 * time.Second
)

// Token is an API account's access token. It prints as a placeholder wherever it is formatted, logged or encoded.
type Token string

const redacted = "[redacted]"

// String hides the token.
func (Token) String() string { return redacted }

// GoString hides the token.
func (Token) GoString() string { return redacted }

// LogValue hides the token.
func (Token) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText hides the token.
func (Token) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Config says which store to talk to and how.
type Config struct {
	BaseURL   string // default DefaultBaseURL; another one for a simulator or a proxy
	StoreHash string // required: the store's permanent id, as in its API path
	Token     Token  // required
	UserAgent string // default "tillstream"

	// HTTPClient is copied; redirects are never followed, since they would carry the token elsewhere. Default: one with
	// the standard transport's settings and an idle connection for each request in flight.
	HTTPClient *http.Client
	Timeout    time.Duration // of one request; default DefaultTimeout
	// Concurrency is how many requests may be in flight; default DefaultConcurrency. Stock is always written one
	// request at a time.
	Concurrency int

	// Now and After are the clock; default time.Now and time.After.
	Now   func() time.Time
	After func(time.Duration) <-chan time.Time
	// Observe, when set, is called after every request that was tried, from the goroutine that made it.
	Observe func(Request)
}

// Request tells of one request that was tried.
type Request struct {
	Op      string
	Method  string
	Path    string // below the store, without the query
	IDs     []int64
	Status  int // 0 when no reply was read
	Start   time.Time
	Elapsed time.Duration // without waiting for quota
	Err     error         // an *Error, or nil
}

// Client calls one BigCommerce store. It is safe for concurrent use.
type Client struct {
	http      *http.Client
	base      *url.URL // up to and with /v3
	authorize func(http.Header)
	timeout   time.Duration
	now       func() time.Time
	observe   func(Request)
	quota     *Quota
}

var storeHash = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// New returns a client, or says which setting is unusable. It sends nothing.
func New(cfg Config) (*Client, error) {
	if !storeHash.MatchString(cfg.StoreHash) {
		return nil, fmt.Errorf("store hash %q is not one: set the id that follows /stores/ in the API path of your BigCommerce API account", cfg.StoreHash)
	}
	if cfg.Token == "" {
		return nil, errors.New("no token: set the access token of your BigCommerce API account")
	}
	if strings.ContainsFunc(string(cfg.Token), func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, errors.New("the token holds a space or a character that a header cannot carry: copy it again")
	}
	if cfg.BaseURL == "" {
		cfg.BaseURL = DefaultBaseURL
	}
	base, err := url.Parse(cfg.BaseURL)
	if err != nil || base.Host == "" || (base.Scheme != "https" && base.Scheme != "http") || base.User != nil || base.RawQuery != "" {
		return nil, fmt.Errorf("base URL is unusable: want one like %s, with neither user nor query", DefaultBaseURL)
	}
	if cfg.UserAgent == "" {
		cfg.UserAgent = "tillstream"
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = DefaultTimeout
	}
	if cfg.Concurrency <= 0 {
		cfg.Concurrency = DefaultConcurrency
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.After == nil {
		cfg.After = time.After
	}
	if cfg.Observe == nil {
		cfg.Observe = func(Request) {}
	}
	client := &http.Client{}
	if cfg.HTTPClient != nil {
		*client = *cfg.HTTPClient
	} else if standard, ok := http.DefaultTransport.(*http.Transport); ok {
		own := standard.Clone()
		own.MaxIdleConnsPerHost = cfg.Concurrency
		client.Transport = own
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	token, agent := string(cfg.Token), cfg.UserAgent
	return &Client{
		http: client,
		base: base.JoinPath("stores", cfg.StoreHash, "v3"),
		// A closure, because a formatted struct shows its unexported fields, and this one must not.
		authorize: func(h http.Header) {
			h.Set("X-Auth-Token", token)
			h.Set("User-Agent", agent)
		},
		timeout: cfg.Timeout,
		now:     cfg.Now,
		observe: cfg.Observe,
		quota:   newQuota(cfg.Concurrency, cfg.Now, cfg.After),
	}, nil
}

// Close closes the connections that no request uses. The client stays usable.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Quota returns the gate that every request of this client passes.
func (c *Client) Quota() *Quota { return c.quota }
