package main

import (
	"crypto/rand"
	"time"

	"github.com/tillstream/tillstream/domain"
	goods "github.com/tillstream/tillstream/handlers/pos/simulator"
	pos "github.com/tillstream/tillstream/handlers/pos/xseries/simulator"
)

// demoAccount is the simulated X-Series account of the demo, served on this machine.
type demoAccount struct {
	*demoServer
	account *pos.Account
	token   string
	secret  string // that its webhooks are signed with
	poll    time.Duration
}

// Of the webhooks of the demo, these parts come to grief.
const (
	demoLoss       = 0.1
	demoDuplicates = 0.1
	demoReordering = 0.1
)

// demoSales are the sales of the demo's day: with all that happens besides, a line to
// read every second or two.
const demoSales = 30

// openDemoAccount opens an account whose clock is as much faster as the day is
// shorter: webhooks are as late as they are in a real day, and the limit of requests
// is that of a real day as well.
func openDemoAccount(flags demoFlags) (*demoAccount, error) {
	const (
		perWindow = 650 // X-Series' own, for two registers
		quickest  = 100 * time.Millisecond
		share     = 120
	)
	faster := max(1, float64(goods.Closes-goods.Opens)/float64(flags.day))
	a := &demoAccount{token: rand.Text(), secret: rand.Text(), poll: max(quickest, flags.day/share)}
	a.account = pos.New(pos.Config{
		Token: a.token, ClientSecret: a.secret, Seed: flags.seed, TimeScale: faster, RateLimit: int(perWindow * faster),
		HookLoss: demoLoss, HookDuplicates: demoDuplicates, HookReordering: demoReordering, LogLimit: mostRemembered,
	})
	var err error
	a.demoServer, err = serveDemo("POS account", a.account)
	return a, err
}

// connect puts the account into a store's settings, as a retailer would.
func (a *demoAccount) connect(s *Store) {
	x := &s.POS.XSeries
	x.API, x.Token, x.WebhookSecret, x.Poll = a.url, Secret(a.token), Secret(a.secret), a.poll
	for _, o := range a.account.Outlets() {
		s.Outlets[o.Name] = 1
	}
}

// subscribe lets the account send all its webhooks to a program.
func (a *demoAccount) subscribe(base string, store domain.StoreID) error {
	for _, kind := range pos.HookTypes() {
		if err := a.account.Subscribe(kind, base+"/v1/stores/"+string(store)+"/hooks/xseries/"+string(kind)); err != nil {
			return err
		}
	}
	return nil
}

// demoHooks is what became of the webhooks of a day.
type demoHooks struct{ sent, came, twice, lost int }

func (a *demoAccount) hooks() demoHooks {
	came := map[string]int{}
	var h demoHooks
	for _, d := range a.account.Deliveries() {
		switch {
		case d.Try == 0:
			h.lost++
		case d.Failure == "":
			came[d.ID]++
		}
	}
	for _, n := range came {
		if n > 1 {
			h.twice++
		}
	}
	h.came, h.sent = len(came), len(came)+h.lost
	return h
}
