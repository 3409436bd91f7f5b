package simulator

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"time"
)

// Config says what kind of account to simulate. The zero value is the account "demo" of the shop that
// handlers/pos/simulator invents, in a store that shows prices with tax, with dependable webhooks and payloads as odd as
// the vendor's. The fields with a name in JSON are its settings, which [Account.Change] alters later.
type Config struct {
	DomainPrefix string `json:"-"` // default "demo"
	// Token is a personal token, and AccessToken and RefreshToken the first pair of the app ClientID, whose ClientSecret
	// signs its webhooks. Default "demo-personal", "demo-access", "demo-refresh", "demo-client", "demo-secret".
	Token                     string `json:"-"`
	AccessToken, RefreshToken string `json:"-"`
	ClientID, ClientSecret    string `json:"-"`
	// Scopes are what tokens may do, such as "products:read" and "webhooks"; nil is everything.
	Scopes []string `json:"-"`

	// Items is how many items the account begins with, about: families are whole. Default those of the shop; more are
	// later seasons of the same goods. Outlets is how many outlets there are, each with one register; default 2.
	Items   int `json:"-"`
	Outlets int `json:"-"`
	// Opened is the time of all that the account begins with; default now.
	Opened time.Time `json:"-"`
	// TaxExclusive makes the entered price the one without tax. Some products then have taxes that differ by outlet, and
	// no price with tax.
	TaxExclusive bool `json:"-"`
	// Seed makes what is left to chance repeatable: the ways of webhooks, the odd payloads, faults with a probability.
	Seed uint64 `json:"-"`

	// RateLimit is how many requests a window allows, of the app and of the personal token each; 0 means the vendor's
	// 300 x registers + 50. RateWindow is the window; default 5 minutes.
	RateLimit  int           `json:"rate_limit"`
	RateWindow time.Duration `json:"rate_window"`
	// PageSize is the default and the most of a page where the vendor names none; default 200.
	PageSize int `json:"page_size"`
	// Quirks is the part of the records, 0 to 1, that is shown in an unusual form: numbers as strings and strings as
	// numbers, an empty relation as null rather than {}, a status that nobody knows yet on the way to a known one, the
	// same option twice. Which records those are does not change while the account lives. Default 0.2; below 0 is none.
	Quirks float64 `json:"quirks"`
	// ReturnForInHooks puts return_for into sale.update. Whether the vendor's has it is not known; default it has not.
	ReturnForInHooks bool `json:"return_for_in_hooks"`
	// DeletionHooks is the part of the deletions that product.update tells of, 0 to 1: the vendor does not say whether it
	// does. Default 0.5; below 0 is none.
	DeletionHooks float64 `json:"deletion_hooks"`

	// HookDelay is from a change to the first try to tell of it; default 1 to 3 seconds. Of the hooks, the part HookLoss is
	// never sent, HookDuplicates twice, HookReordering up to 30 seconds late and overtaken, and HookLate up to ten minutes
	// late.
	HookDelay      time.Duration `json:"hook_delay"`
	HookLoss       float64       `json:"hook_loss"`
	HookDuplicates float64       `json:"hook_duplicates"`
	HookReordering float64       `json:"hook_reordering"`
	HookLate       float64       `json:"hook_late"`
	// HookDisable is how many hooks may be given up, after their last retry, until the webhook is made inactive; 0 means
	// never, since the vendor does not say that it does.
	HookDisable int `json:"hook_disable"`
	// HookSignature is how the signature is written: "hex", the default, "base64", or "none".
	HookSignature string `json:"hook_signature"`
	// HookClient calls the receivers; default one that follows no redirects.
	HookClient *http.Client `json:"-"`

	// Latency is what passes before a request takes effect.
	Latency time.Duration `json:"latency"`
	// Faults are met from the beginning.
	Faults []Fault `json:"-"`
	// LogLimit is how many requests, deliveries, violations and movements are remembered; 0 means all.
	LogLimit int `json:"-"`

	// TimeScale makes windows, lifetimes of tokens, delays and retries so many times shorter, for a client that lives in
	// real time. The five seconds that a receiver has to answer stay, since it is the receiver that is measured.
	TimeScale float64 `json:"-"`
	// Now and After are the clock; default time.Now and time.After.
	Now   func() time.Time                     `json:"-"`
	After func(time.Duration) <-chan time.Time `json:"-"`
}

// What is known of X-Series.
const (
	defaultWindow   = 5 * time.Minute
	perRegister     = 300 // requests in a window
	besides         = 50
	accessLifetime  = 24 * time.Hour
	codeLifetime    = 10 * time.Minute
	defaultPage     = 200 // the most of API 0.x; not documented for later ones
	defaultQuirks   = 0.2
	defaultDeletion = 0.5
)

func (c Config) withDefaults() Config {
	text := func(s *string, otherwise string) {
		if *s == "" {
			*s = otherwise
		}
	}
	text(&c.DomainPrefix, "demo")
	text(&c.Token, "demo-personal")
	text(&c.AccessToken, "demo-access")
	text(&c.RefreshToken, "demo-refresh")
	text(&c.ClientID, "demo-client")
	text(&c.ClientSecret, "demo-secret")
	text(&c.HookSignature, "hex")
	if c.Outlets == 0 {
		c.Outlets = 2
	}
	if c.RateWindow == 0 {
		c.RateWindow = defaultWindow
	}
	if c.PageSize == 0 {
		c.PageSize = defaultPage
	}
	part := func(f *float64, otherwise float64) {
		switch {
		case *f == 0:
			*f = otherwise
		case *f < 0:
			*f = 0
		}
	}
	part(&c.Quirks, defaultQuirks)
	part(&c.DeletionHooks, defaultDeletion)
	if c.TimeScale == 0 {
		c.TimeScale = 1
	}
	if c.HookClient == nil {
		c.HookClient = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.After == nil {
		c.After = time.After
	}
	if c.Opened.IsZero() {
		c.Opened = c.Now()
	}
	return c
}

// mostOutlets is as many as there are names for.
var mostOutlets = len(outletNames)

// Check says what in the settings and the faults cannot be so.
func (c Config) Check() error {
	var wrong []error
	bad := func(is bool, name string, value any, want string) {
		if is {
			wrong = append(wrong, fmt.Errorf("%s %v: want %s", name, value, want))
		}
	}
	bad(c.Items < 0 || c.Items > mostItems, "items", c.Items, fmt.Sprintf("0 to %d", mostItems))
	bad(c.Outlets < 0 || c.Outlets > mostOutlets, "outlets", c.Outlets, fmt.Sprintf("0 to %d", mostOutlets))
	bad(c.RateLimit < 0, "rate_limit", c.RateLimit, "0 or more")
	bad(c.RateWindow < 0, "rate_window", c.RateWindow, "a length above 0")
	bad(c.PageSize < 0, "page_size", c.PageSize, "1 or more")
	bad(c.Quirks > 1, "quirks", c.Quirks, "0 to 1")
	bad(c.DeletionHooks > 1, "deletion_hooks", c.DeletionHooks, "0 to 1")
	bad(c.HookDelay < 0, "hook_delay", c.HookDelay, "0 or more")
	bad(!part(c.HookLoss), "hook_loss", c.HookLoss, "0 to 1")
	bad(!part(c.HookDuplicates), "hook_duplicates", c.HookDuplicates, "0 to 1")
	bad(!part(c.HookReordering), "hook_reordering", c.HookReordering, "0 to 1")
	bad(!part(c.HookLate), "hook_late", c.HookLate, "0 to 1")
	bad(c.HookDisable < 0, "hook_disable", c.HookDisable, "0 or more")
	bad(c.HookSignature != "" && c.HookSignature != "hex" && c.HookSignature != "base64" && c.HookSignature != "none",
		"hook_signature", c.HookSignature, "hex, base64 or none")
	bad(c.Latency < 0, "latency", c.Latency, "0 or more")
	bad(c.TimeScale < 0, "time_scale", c.TimeScale, "above 0")
	for _, f := range c.Faults {
		if err := f.validate(); err != nil {
			wrong = append(wrong, fmt.Errorf("fault: %w", err))
		}
	}
	return errors.Join(wrong...)
}

func part(f float64) bool { return f >= 0 && f <= 1 }

// Change lets edit alter the settings of a running account, from the next request or change on. Of a Config these are
// the fields with a name in JSON. Settings that cannot be so change nothing.
func (a *Account) Change(edit func(*Config)) error {
	return a.adopt(func(c *Config) error {
		edit(c)
		return nil
	})
}

func (a *Account) adopt(edit func(*Config) error) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := a.cfg
	if err := edit(&c); err != nil {
		return err
	}
	if err := c.Check(); err != nil {
		return err
	}
	if c.RateWindow == 0 || c.PageSize == 0 || c.Quirks < 0 || c.DeletionHooks < 0 {
		return errors.New("rate_window and page_size must be above 0, quirks and deletion_hooks 0 or more")
	}
	from, to := reflect.ValueOf(&c).Elem(), reflect.ValueOf(&a.cfg).Elem()
	for i := range from.NumField() {
		if from.Type().Field(i).Tag.Get("json") != "-" {
			to.Field(i).Set(from.Field(i))
		}
	}
	return nil
}

// real is how long a simulated duration takes by the clock.
func (a *Account) real(d time.Duration) time.Duration {
	return time.Duration(float64(d) / a.cfg.TimeScale)
}
