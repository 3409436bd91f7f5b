package main

import (
	"testing"
	"time"

	"github.com/tillstream/tillstream/domain"
	bigcommerce "github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
	pos "github.com/tillstream/tillstream/handlers/pos/xseries/simulator"
)

// TestAccount_week: a trading week whose webhooks are lost, doubled and overtaken.
// Everything in it that is one of the nine triggers ends as a push of its product that
// carries that event or a later state; the projection is the account's own books, and
// BigCommerce the projection.
func TestAccount_week(t *testing.T) {
	t.Parallel()
	account, x := shopAccount(t, pos.Config{Items: 60, Outlets: 3, Seed: 1, HookLoss: 0.2, HookDuplicates: 0.2, HookReordering: 0.2})
	in := install(t, bigcommerce.Config{}, func(c *Config) {
		c.Stores[0].Publish, c.Stores[0].POS.XSeries = "all", x
	})
	in.loaded()
	in.settle()
	in.subscribe(account)

	played := make(chan error, 1)
	go func() {
		played <- pos.NewTrader(account, 1).Play(t.Context(), pos.Week{Sales: 15, Takes: 2 * time.Second})
	}()
	in.await("the week is over", func() bool {
		select {
		case err := <-played:
			if err != nil {
				t.Fatal(err)
			}
			return true
		default:
			return false
		}
	})
	in.await("all webhooks are delivered", func() bool { return account.Undelivered() == 0 })
	over := time.Now()
	in.await("all is read", func() bool { return in.status().Stores[0].Account.LastRead.After(over) })
	in.await("all is pushed", func() bool {
		s := in.status().Stores[0]
		return s.Projection.Lag == 0 && s.Publishing.Pending == 0 && len(in.toCreate()) == 0
	})
	if s := in.status().Stores[0]; s.Publishing.Refused+s.Publishing.Quarantined+s.DeadLetters+s.Account.Refused > 0 || s.Account.Webhooks.Received == 0 {
		t.Errorf("status: %+v, %+v", s, s.Account)
	}

	engine := in.app.engine.Load()
	wrong, levels, err := offBooks(t.Context(), engine.catalog, testStore, account)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range wrong {
		t.Error(w)
	}
	for id, pub := range engine.publications.All(testStore) {
		if pub.Link == nil {
			continue // deleted before it could be created
		}
		p, err := engine.catalog.Product(t.Context(), testStore, id)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range differences(in.shop, &p, pub.Link, domain.Rules{}) {
			t.Error(d)
		}
	}
	t.Logf("%d levels are right; pushed: %v", levels, in.traced(account))
	for _, v := range account.Violations() {
		t.Errorf("the account was wronged: %+v", v)
	}
}

// toCreate are the products that are to be created in BigCommerce and are not yet.
func (in *installation) toCreate() (ids []domain.ProductID) {
	for _, s := range in.app.engine.Load().catalog.Products(testStore, "", 1<<20) {
		if !in.linked(s.ID) && in.alive(s.ID) {
			ids = append(ids, s.ID)
		}
	}
	return ids
}

func (in *installation) linked(id domain.ProductID) bool {
	return in.app.engine.Load().publications.Publication(testStore, id).Link != nil
}

// alive reports whether a product is one to sell. One that was deleted before it could
// be created is never in BigCommerce; it may even be deleted before it was read.
func (in *installation) alive(id domain.ProductID) bool {
	in.t.Helper()
	p, err := in.app.engine.Load().catalog.Product(in.t.Context(), testStore, id)
	if err != nil {
		in.t.Fatal(err)
	}
	return p.Described() && !p.Deleted()
}

// traced requires that every trigger of the account was pushed, and counts them.
func (in *installation) traced(account *pos.Account) map[pos.Trigger]int {
	in.t.Helper()
	log := newJournal(account)
	for _, rec := range in.log() {
		log.note(&rec)
	}
	engine := in.app.engine.Load()
	pushes, err := confirmedPushes(in.t.Context(), in.app.conn, testStore)
	if err != nil {
		in.t.Fatal(err)
	}
	all := account.Occurrences()
	voided := map[string]bool{}
	for _, o := range all {
		voided[o.Ref] = voided[o.Ref] || o.Trigger == pos.Voiding
	}
	found := map[pos.Trigger]int{}
	for _, o := range all {
		if !o.Trigger.Pushes() {
			continue
		}
		event, ok := log.find(o)
		if !ok && voided[o.Ref] {
			continue // it was no sale any more when it was read
		}
		id, known := engine.catalog.Holder(testStore, domain.ItemID(o.Product))
		if !ok || !known {
			in.t.Errorf("not in the log: %+v", o)
			continue
		}
		if _, ok := pushes.carrying(id, event); ok {
			found[o.Trigger]++
		} else if in.linked(id) || in.alive(id) {
			in.t.Errorf("led to no push of product %s: %+v, at position %d; its pushes are %v", id, o, event, pushes[id])
		}
	}
	for _, trigger := range pos.Triggers() {
		if found[trigger] == 0 {
			in.t.Errorf("no %s was pushed", trigger)
		}
	}
	return found
}
