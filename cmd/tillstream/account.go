package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/ingest"
	"github.com/tillstream/tillstream/handlers/poll"
	"github.com/tillstream/tillstream/handlers/pos/xseries"
	"github.com/tillstream/tillstream/handlers/pos/xseries/api"
	"github.com/tillstream/tillstream/projections"
)

// account is a store's POS account: what polls it, if this process does, and what
// takes its webhooks.
type account struct {
	poller *poll.Poller // nil: another process polls
	hooks  *ingest.XSeriesHooks
}

// addAccount connects a store to its POS account, if it has one.
func (e *engine) addAccount(s Store) error {
	x, id := s.POS.XSeries, domain.StoreID(s.ID)
	if !x.Connected() {
		return nil
	}
	a := &account{}
	if e.roles.has(rolePoll) {
		client, err := e.xseriesClient(id, x)
		if err != nil {
			return fmt.Errorf("store %s: %w", s.ID, err)
		}
		a.poller = poll.New(id, client, e.app.conn.POS(), e.app.conn.Control(), e.catalog, e.app.log)
		a.poller.Interval = x.Poll
		if x.Prices != "retailer" {
			a.poller.Prices = xseries.Prices(x.Prices)
		}
	}
	known := &knownAccount{read: func(ctx context.Context) (*xseries.Account, error) {
		return poll.KnownAccount(ctx, e.app.conn.Control(), id)
	}}
	a.hooks = &ingest.XSeriesHooks{
		Secret: x.HookSecret(), Encoding: xseries.Encoding(x.WebhookEncoding), AcceptUnsigned: x.WebhookUnsigned == "hint",
		Account: known.get, Now: time.Now,
		Hint: func(ctx context.Context, h xseries.Hint) error {
			if a.poller != nil {
				a.poller.Hint(h)
				return nil
			}
			return poll.SendHint(ctx, e.app.conn.Control(), id, h)
		},
	}
	e.accounts[id] = a
	return nil
}

func (e *engine) xseriesClient(id domain.StoreID, x XSeries) (*api.Client, error) {
	var token api.TokenSource = api.Personal(x.Token.Reveal())
	if x.ClientID != "" {
		token = &api.Tokens{
			ClientID: x.ClientID, ClientSecret: x.ClientSecret.Reveal(), First: x.RefreshToken.Reveal(),
			BaseURL: x.BaseURL(), Keep: poll.KeepTokens(e.app.conn.Control(), id),
		}
	}
	return api.New(api.Config{
		BaseURL: x.BaseURL(), Version: api.Version(x.APIVersion), Token: token, UserAgent: "tillstream/" + version(),
	})
}

// poll reads the accounts until ctx ends.
func (e *engine) poll(ctx context.Context, g *errgroup.Group) {
	for _, a := range e.accounts {
		if a.poller == nil {
			continue
		}
		g.Go(func() error { return a.poller.Run(ctx) })
		if !e.app.embedded() {
			g.Go(func() error { return a.poller.Listen(ctx) })
		}
	}
}

// status is where the account stands, as far as this process knows.
func (a *account) status() projections.AccountStatus {
	var s projections.AccountStatus
	if a.poller != nil {
		s = a.poller.Status()
	}
	s.Webhooks = a.hooks.Counts()
	return s
}

// knownAccount keeps what webhooks are read with for a while, so that not each of
// them reads the broker.
type knownAccount struct {
	read func(context.Context) (*xseries.Account, error)

	mu      sync.Mutex
	account *xseries.Account
	since   time.Time
}

// accountFresh is how long a webhook may go by an older account: what it lacks is a
// reason to read again, and nothing in it changes.
const accountFresh = 10 * time.Second

func (k *knownAccount) get(ctx context.Context) (*xseries.Account, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.account != nil && time.Since(k.since) < accountFresh {
		return k.account, nil
	}
	a, err := k.read(ctx)
	if err != nil {
		return nil, err
	}
	k.account, k.since = a, time.Now()
	return a, nil
}
