package simulator

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"reflect"
	"slices"
	"time"
)

// DefaultWindow is the length of BigCommerce's quota window.
const DefaultWindow = 30 * time.Second

// Config says what kind of store to simulate. The zero value is a store "demo" with the token "demo", without a quota,
// that answers at once. The fields with a name in JSON are its settings, which [Store.Change] alters later.
type Config struct {
	StoreHash string `json:"-"` // default "demo"
	Token     string `json:"-"` // default "demo"
	// ClientID and ClientSecret are those of the API account that the token belongs to: webhooks are the client's, and
	// signed with its secret. Default "demo-client" and "demo-secret".
	ClientID     string `json:"-"`
	ClientSecret string `json:"-"`
	// Scopes are what the token may do, such as "store_v2_products" and "store_inventory_read_only"; nil is everything.
	Scopes []string `json:"-"`
	// Accounts are further API accounts of the store, those of other apps. The control API takes the Token only.
	Accounts []Account `json:"-"`

	// Quota is how many requests a window allows; 0 means without limit. BigCommerce's plans have 150 or 450.
	Quota  int           `json:"quota"`
	Window time.Duration `json:"window"` // default DefaultWindow
	// OtherAppShare is the part of each window's quota, from 0 to 1, that another app of the store spends, evenly over
	// the window; OtherAppRate is how many requests it sends in a second. What is used up refuses the other app as well.
	OtherAppShare float64 `json:"other_app_share"`
	OtherAppRate  float64 `json:"other_app_rate"`
	// ConcurrencyLimit refuses a request with 429 while so many are in progress; 0 means without limit. EndpointLimits
	// does so for the requests that match a pattern, as of [Fault.Match]. Such a request uses none of the quota.
	ConcurrencyLimit int            `json:"concurrency_limit"`
	EndpointLimits   map[string]int `json:"endpoint_limits"`

	// Latency is what passes before a request takes effect. With a LatencyP99 above it, it is the median, and one
	// request in a hundred takes longer than that.
	Latency    time.Duration `json:"latency"`
	LatencyP99 time.Duration `json:"latency_p99"`
	// InventoryLag is how long after its reply a stock level takes effect; 0 means before its reply.
	InventoryLag time.Duration `json:"inventory_lag"`
	// SaveGoodRows makes a product batch with a bad row keep its other rows. BigCommerce does not document which it
	// does; by default nothing of such a batch is kept.
	SaveGoodRows bool `json:"save_good_rows"`

	// WebhookDelay is from a change to the first try to deliver its events; 0 means BigCommerce's 3 to 4 seconds. Of
	// the events, WebhookDuplicates is the part that is sent twice, and WebhookReordering the part that is late and
	// overtaken by others.
	WebhookDelay      time.Duration `json:"webhook_delay"`
	WebhookDuplicates float64       `json:"webhook_duplicates"`
	WebhookReordering float64       `json:"webhook_reordering"`
	// WebhookLoopback lets a webhook's destination be on this machine, at any port and without TLS.
	WebhookLoopback bool `json:"webhook_loopback"`
	// WebhookClient calls the receivers; default one that follows no redirects.
	WebhookClient *http.Client `json:"-"`

	Locations []int64 `json:"-"` // default [1]; the first is the default location, which catalog reads show
	// Faults are met from the beginning.
	Faults []Fault `json:"-"`
	// Seed makes what is left to chance repeatable: faults with a probability, latencies, the order of stock levels that
	// were in progress together, and the ways of webhooks.
	Seed uint64 `json:"-"`
	// LogLimit is how many requests, deliveries and violations are remembered; 0 means all.
	LogLimit int `json:"-"`

	// TimeScale makes simulated time pass so many times faster: every duration, given here, with a fault, or known of
	// BigCommerce, is divided by it, also where a client is told of it. Times of day stay those of the clock. Default 1.
	TimeScale float64 `json:"-"`
	// Now and After are the clock; default time.Now and time.After. With a Now of the test's own, a window passes as
	// soon as the test says so.
	Now   func() time.Time                     `json:"-"`
	After func(time.Duration) <-chan time.Time `json:"-"`
	// OnChange, when set, is called for each change, in order and one at a time; for a stock level that lags, at the
	// first call after it is due. It may read the store, but not change it.
	OnChange func(Change) `json:"-"`
}

// Account is an API account: one app's token, and what belongs to it.
type Account struct {
	Token, ClientID, ClientSecret string
	Scopes                        []string // nil is everything
}

// withDefaults completes what was left out.
func (c Config) withDefaults() Config {
	text := func(s *string, otherwise string) {
		if *s == "" {
			*s = otherwise
		}
	}
	text(&c.StoreHash, "demo")
	text(&c.Token, "demo")
	text(&c.ClientID, "demo-client")
	text(&c.ClientSecret, "demo-secret")
	if c.Window <= 0 {
		c.Window = DefaultWindow
	}
	if len(c.Locations) == 0 {
		c.Locations = []int64{1}
	}
	if c.TimeScale <= 0 {
		c.TimeScale = 1
	}
	if c.WebhookClient == nil {
		c.WebhookClient = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.After == nil {
		c.After = time.After
	}
	c.EndpointLimits = maps.Clone(c.EndpointLimits)
	c.Accounts = slices.Insert(slices.Clone(c.Accounts), 0, Account{c.Token, c.ClientID, c.ClientSecret, c.Scopes})
	return c
}

// Check says what in the settings and the faults cannot be so.
func (c Config) Check() error {
	var wrong []error
	bad := func(is bool, name string, value any, want string) {
		if is {
			wrong = append(wrong, fmt.Errorf("%s %v: want %s", name, value, want))
		}
	}
	bad(c.Quota < 0, "quota", c.Quota, "0 or more")
	bad(c.Window < 0, "window", c.Window, "a length above 0")
	bad(!part(c.OtherAppShare), "other_app_share", c.OtherAppShare, "0 to 1")
	bad(c.OtherAppRate < 0, "other_app_rate", c.OtherAppRate, "0 or more")
	bad(c.ConcurrencyLimit < 0, "concurrency_limit", c.ConcurrencyLimit, "0 or more")
	for match, limit := range c.EndpointLimits {
		bad(limit < 0, "endpoint_limits of "+match, limit, "0 or more")
		if err := checkMatch(match); err != nil {
			wrong = append(wrong, fmt.Errorf("endpoint_limits: %w", err))
		}
	}
	bad(c.Latency < 0, "latency", c.Latency, "0 or more")
	bad(c.LatencyP99 != 0 && (c.Latency <= 0 || c.LatencyP99 < c.Latency), "latency_p99", c.LatencyP99, "more than a latency above 0")
	bad(c.InventoryLag < 0, "inventory_lag", c.InventoryLag, "0 or more")
	bad(c.WebhookDelay < 0, "webhook_delay", c.WebhookDelay, "0 or more")
	bad(!part(c.WebhookDuplicates), "webhook_duplicates", c.WebhookDuplicates, "0 to 1")
	bad(!part(c.WebhookReordering), "webhook_reordering", c.WebhookReordering, "0 to 1")
	for _, f := range c.Faults {
		if err := f.validate(); err != nil {
			wrong = append(wrong, fmt.Errorf("fault: %w", err))
		}
	}
	return errors.Join(wrong...)
}

func part(f float64) bool { return f >= 0 && f <= 1 }

// Change lets edit alter the settings of a running store, from the next request on: a quota that changes, another app
// that comes or goes, a slower store. Of a Config these are the fields with a name in JSON; it must not keep the Config,
// nor call the store. Settings that cannot be so change nothing.
func (s *Store) Change(edit func(*Config)) error {
	return s.adopt(func(c *Config) error {
		edit(c)
		return nil
	})
}

func (s *Store) adopt(edit func(*Config) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.cfg
	c.EndpointLimits = maps.Clone(c.EndpointLimits)
	if err := edit(&c); err != nil {
		return err
	}
	if c.Window == 0 {
		c.Window = DefaultWindow
	}
	if err := c.Check(); err != nil {
		return err
	}
	from, to := reflect.ValueOf(&c).Elem(), reflect.ValueOf(&s.cfg).Elem()
	for i := range from.NumField() {
		// What stays as it is may be read meanwhile.
		if from.Type().Field(i).Tag.Get("json") != "-" && !reflect.DeepEqual(from.Field(i).Interface(), to.Field(i).Interface()) {
			to.Field(i).Set(from.Field(i))
		}
	}
	s.window.change(s.cfg, s.cfg.Now())
	return nil
}

// real is how long a simulated duration takes by the clock.
func (s *Store) real(d time.Duration) time.Duration { return s.cfg.real(d) }

// A copy of the settings would read those that may change meanwhile.
func (c *Config) real(d time.Duration) time.Duration { return time.Duration(float64(d) / c.TimeScale) }

// longTailed draws a latency of a log-normal distribution: it has the long tail that services have, and BigCommerce
// publishes no figures.
func (s *Store) longTailed() time.Duration {
	const z99 = 2.3263 // 99 in 100 of a normal distribution are below so many deviations
	sigma := math.Log(float64(s.cfg.LatencyP99)/float64(s.cfg.Latency)) / z99
	return time.Duration(float64(s.cfg.Latency) * math.Exp(sigma*s.rand.NormFloat64()))
}
