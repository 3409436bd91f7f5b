package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tillstream/tillstream/handlers/pos/xseries/simulator"
)

func (c *cli) simulatePOSCommand() *cobra.Command {
	s := posSimulation{cli: c}
	cmd := &cobra.Command{
		Use:   "pos",
		Short: "Serve a simulated Lightspeed Retail X-Series account",
		Long: `simulate pos serves a Lightspeed Retail X-Series account: a shop in which sales,
returns, exchanges, deliveries, transfers, counts, corrections, imports and edits
happen, the API that shows them, and the webhooks that tell of them. It forgets
everything when it ends.

--rate is how many things happen in a minute, for as long as it runs. --week plays
one trading week in the given time instead, with the dates of the week before, and
then keeps serving a shop in which nothing happens.

--hook-url makes a webhook of each type, below that URL: …/sale.update and so on.
What becomes of the hooks is up to --hook-loss and the others.

A fault is JSON: what to match, what goes wrong, and how often. The kinds are
"status" and "html" (with a status), "hang", "slow" (with a delay),
"closeBeforeCommit", "closeAfterCommit", "truncate" and "notJSON". It may "skip"
requests, and meet a "count" of them or some with a "probability".

While it runs, the books, what happened, faults, settings, and everything that can
be done in a shop are at hand below /control, with the personal token as bearer
token; GET /control lists what there is.`,
		Example: `  tillstream simulate pos
  tillstream simulate pos --items 5000 --outlets 4 --rate 200 --tell
  tillstream simulate pos --week 2m --hook-loss 0.2 --hook-duplicates 0.1 --hook-reordering 0.2 --hook-url http://127.0.0.1:8080/v1/stores/harbour/hooks/xseries
  tillstream simulate pos --fault '{"match":"GET /products","kind":"status","status":502,"count":2}'
  tillstream simulate pos --fault '{"match":"POST /token","kind":"closeAfterCommit","count":1}' --time-scale 720`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return s.run(cmd.Context()) },
	}
	s.register(cmd.Flags())
	return cmd
}

// posSimulation is one simulated account being served.
type posSimulation struct {
	cli       *cli
	config    simulator.Config
	addr      string
	faults    []string
	quirks    float64
	deletions float64

	rate float64
	week time.Duration
	tell bool

	hookURL string
	byHand  bool
}

func (s *posSimulation) register(f *pflag.FlagSet) {
	c := &s.config
	f.StringVar(&s.addr, "addr", "127.0.0.1:8082", "`address` to serve at; a port of 0 takes a free one")
	f.StringVar(&c.DomainPrefix, "domain-prefix", "demo", "the account's `prefix`")
	f.StringVar(&c.Token, "token", "demo-personal", "the personal `token`")
	f.StringVar(&c.AccessToken, "access-token", "demo-access", "the app's first access `token`")
	f.StringVar(&c.RefreshToken, "refresh-token", "demo-refresh", "the app's first refresh `token`")
	f.StringVar(&c.ClientID, "client-id", "demo-client", "the app's client `id`")
	f.StringVar(&c.ClientSecret, "client-secret", "demo-secret", "the app's `secret`, which signs its webhooks")
	f.StringSliceVar(&c.Scopes, "scope", nil, "`scopes` of the tokens, such as products:read,webhooks; without it, all")

	f.IntVar(&c.Items, "items", 0, "begin with about so many `items`; 0 is what the invented shop has")
	f.IntVar(&c.Outlets, "outlets", 2, "`number` of outlets, each with one register")
	f.BoolVar(&c.TaxExclusive, "tax-exclusive", false, "enter prices without tax")
	f.Float64Var(&s.rate, "rate", 20, "how many `things` happen in a minute; 0 is none")
	f.DurationVar(&s.week, "week", 0, "play one trading week in this `time`, instead of --rate")
	f.BoolVar(&s.tell, "tell", false, "say what happens in the shop")
	f.Uint64Var(&c.Seed, "seed", 0, "`number` that makes what happens, and what is left to chance, repeatable")
	f.Float64Var(&s.quirks, "quirks", 0.2, "`part` of the records in an unusual form, 0 to 1")
	f.Float64Var(&s.deletions, "deletion-hooks", 0.5, "`part` of the deletions that a hook tells of, 0 to 1")

	f.IntVar(&c.RateLimit, "rate-limit", 0, "`requests` per window; 0 is X-Series' 300 per register, and 50")
	f.DurationVar(&c.RateWindow, "rate-window", 5*time.Minute, "length of the window")
	f.IntVar(&c.PageSize, "page-size", 200, "most `records` of a page where X-Series names no limit")
	f.DurationVar(&c.Latency, "latency", 0, "before a request takes effect")

	f.StringVar(&s.hookURL, "hook-url", "", "`URL` below which to tell of changes")
	f.BoolVar(&s.byHand, "hook-by-hand", false, "make its webhooks as a person does, so that they are not signed")
	f.StringVar(&c.HookSignature, "hook-signature", "hex", "how to write signatures: hex, base64 or none")
	f.DurationVar(&c.HookDelay, "hook-delay", 0, "from a change to its hook; 0 is 1 to 3 seconds")
	f.Float64Var(&c.HookLoss, "hook-loss", 0, "`part` of the hooks that are never sent, 0 to 1")
	f.Float64Var(&c.HookDuplicates, "hook-duplicates", 0, "`part` of the hooks that are sent twice, 0 to 1")
	f.Float64Var(&c.HookReordering, "hook-reordering", 0, "`part` of the hooks that are overtaken, 0 to 1")
	f.Float64Var(&c.HookLate, "hook-late", 0, "`part` of the hooks that are up to ten minutes late, 0 to 1")
	f.IntVar(&c.HookDisable, "hook-disable", 0, "give a webhook up after so many `hooks` that were not acknowledged at all; 0 is never")

	f.StringArrayVar(&s.faults, "fault", nil, "`JSON` of a fault; may be given several times")
	f.Float64Var(&c.TimeScale, "time-scale", 1, "how many `times` faster windows, tokens, delays and retries pass")
}

func (s *posSimulation) run(ctx context.Context) error {
	account, err := s.account()
	if err != nil {
		return err
	}
	trade := func(ctx context.Context) error { return s.trade(ctx, account) }
	return serveSimulator(ctx, s.addr, account, func(addr string) { s.introduce(account, addr) }, account.Run, trade)
}

func (s *posSimulation) account() (*simulator.Account, error) {
	c := &s.config
	c.LogLimit = mostRemembered
	switch {
	case c.TimeScale <= 0 || c.RateWindow <= 0 || c.PageSize <= 0 || c.Outlets <= 0:
		return nil, misuse("--time-scale, --rate-window, --page-size and --outlets must be above 0")
	case s.rate < 0 || s.week < 0 || s.quirks < 0 || s.deletions < 0:
		return nil, misuse("--rate, --week, --quirks and --deletion-hooks cannot be negative")
	}
	// To the account 0 is the default, and less is none.
	none := func(part float64) float64 {
		if part == 0 {
			return -1
		}
		return part
	}
	c.Quirks, c.DeletionHooks = none(s.quirks), none(s.deletions)
	for _, text := range s.faults {
		var fault simulator.Fault
		if err := json.Unmarshal([]byte(text), &fault); err != nil {
			return nil, misuse("--fault %s: %w", text, err)
		}
		if err := (simulator.Config{Faults: []simulator.Fault{fault}}).Check(); err != nil {
			return nil, misuse("--fault %s: %w", text, err)
		}
		c.Faults = append(c.Faults, fault)
	}
	if err := c.Check(); err != nil {
		return nil, misuse("--%s", strings.NewReplacer("_", "-", "\n", "; --").Replace(err.Error()))
	}
	if s.week > 0 {
		c.Opened = lastWeek(time.Now())
	}
	account := simulator.New(*c)
	if s.hookURL == "" {
		return account, nil
	}
	for _, kind := range simulator.HookTypes() {
		to, err := url.JoinPath(s.hookURL, string(kind))
		if err == nil && s.byHand {
			err = account.AddHook(kind, to)
		} else if err == nil {
			err = account.Subscribe(kind, to)
		}
		if err != nil {
			return nil, misuse("--hook-url %s: %w", s.hookURL, err)
		}
	}
	return account, nil
}

// trade lets things happen in the shop: one week, or week after week at a rate.
func (s *posSimulation) trade(ctx context.Context, account *simulator.Account) error {
	trader := simulator.NewTrader(account, s.config.Seed)
	week := simulator.Week{Told: func(step simulator.Step) {
		if s.tell {
			s.cli.stderr.line("%s  %s", step.At.Format("Mon 15:04:05"), step.Caption)
		}
	}}
	if s.week > 0 {
		week.Takes, week.Start = s.week, s.config.Opened
		err := trader.Play(ctx, week)
		if err == nil {
			s.cli.stderr.line("the week is over")
		}
		return unlessOver(ctx, err)
	}
	if s.rate == 0 {
		return nil
	}
	week.Takes = time.Duration(float64(week.Steps()) / s.rate * float64(time.Minute))
	for {
		if err := trader.Play(ctx, week); err != nil {
			return unlessOver(ctx, err)
		}
	}
}

// lastWeek is midnight of the Monday of the week before.
func lastWeek(now time.Time) time.Time {
	now = now.UTC()
	sinceMonday := (int(now.Weekday()) + 6) % 7
	return time.Date(now.Year(), now.Month(), now.Day()-sinceMonday-7, 0, 0, 0, 0, time.UTC)
}

// unlessOver is no error when it is the end of ctx.
func unlessOver(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

// introduce says how to use it: on standard output what a shell can read, beside
// it what a person can.
func (s *posSimulation) introduce(account *simulator.Account, addr string) {
	names := []string{}
	for _, o := range account.Outlets() {
		names = append(names, o.Name)
	}
	s.cli.stderr.line("a simulated X-Series account with %s at %s; to follow it, set", count(account.Items(), "item"), strings.Join(names, ", "))
	s.cli.stdout.line("export TILLSTREAM_XSERIES_API=http://%s", addr)
	s.cli.stdout.line("export TILLSTREAM_XSERIES_TOKEN=%s", s.config.Token)
	s.cli.stdout.line("export TILLSTREAM_XSERIES_CLIENT_SECRET=%s", s.config.ClientSecret)
}
