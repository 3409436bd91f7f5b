package publish_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
	"github.com/tillstream/tillstream/handlers/publish"
	"github.com/tillstream/tillstream/projections"
)

// What can happen to a guarded shop.
const (
	savesWith = iota // a description
	savesWithout
	sellsSome
	approves
	discards
	fillsIn
	stumbles
	resumes
	waits
	guardedDeeds
)

// Whatever happens in a shop with guards, no text of the merchant's goes that
// nobody has approved, and in the end nothing is lost: when all is approved,
// BigCommerce is as the POS says, and the log says so too.
func TestPublisher_guardedRuns(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		run := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) deed {
			return deed{rapid.IntRange(0, guardedDeeds-1).Draw(t, "what"), rapid.IntRange(0, 3).Draw(t, "product"), 0, rapid.IntRange(0, 9).Draw(t, "value")}
		}), 1, 60).Draw(rt, "run")
		var wrong []string
		synctest.Test(t, func(t *testing.T) { wrong = guardedRun(t, run) })
		if len(wrong) > 0 {
			rt.Fatalf("%v", wrong)
		}
	})
}

func guardedRun(t *testing.T, run []deed) (wrong []string) {
	s := newShop(t, simulator.Config{Quota: 150, Latency: 50 * time.Millisecond}, func(c *publish.Config) {
		c.Guards = publish.Guards{Empties: true, Breaker: publish.Breaker{Share: 0.3, Window: time.Minute, Least: 2}}
	})
	ids := []domain.ProductID{"p0", "p1", "p2", "p3"}
	items := make([]item, len(ids))
	for i, id := range ids {
		items[i] = item{id: string(id), sku: "SKU-" + string(id), brand: "B", description: "<p>0</p>", stock: "5"}
	}
	s.save(items...)
	s.link(ids...)
	s.run()
	allowed := map[int64]bool{} // twins whose text may go: approved, or empty by the last push
	for _, d := range run {
		id, it := ids[d.Product], &items[d.Product]
		twin := s.publication(id).Link.BigCommerceID
		switch d.What {
		case savesWith:
			it.description, it.price = fmt.Sprintf("<p>%d</p>", d.Value), fmt.Sprint(d.Value+1)
			s.save(*it)
		case savesWithout:
			it.description = ""
			s.save(*it)
		case sellsSome:
			it.stock = fmt.Sprint(d.Value % 3)
			s.count(it.id, it.stock)
		case approves, discards:
			do := s.Approve
			if d.What == discards {
				do = s.Discard
			}
			got, err := do(t.Context(), []domain.ProductID{id})
			if err != nil {
				return append(wrong, err.Error())
			}
			allowed[twin] = allowed[twin] || got[0].Kind == publish.Approved
		case fillsIn:
			before := s.publication(id).Confirmed.Offer
			if before != nil && before.Described { // else a push may empty it again
				s.fill(id, fmt.Sprintf("<b>%d</b>", d.Value))
			}
		case stumbles:
			if err := s.sim.Fail([]simulator.Fault{
				{Kind: simulator.Status, Status: 503, Count: 2}, {Kind: simulator.CloseAfterCommit, Count: 1}, {Kind: simulator.Hang, Count: 1},
			}[d.Value%3]); err != nil {
				wrong = append(wrong, err.Error())
			}
		case resumes:
			_ = s.stop()
			s.open()
			s.run()
		case waits:
			pass(time.Duration(d.Value) * 10 * time.Second)
		}
	}
	s.sim.Heal()
	pass(10 * time.Minute)
	s.idle()
	for _, r := range s.sim.Requests() {
		for _, e := range r.Effects {
			for _, f := range e.Fields {
				if r.Actor == "api" && f.Name == "description" && string(f.After) == `""` && len(f.Before) > 2 && !allowed[e.Product] {
					wrong = append(wrong, fmt.Sprintf("request %d emptied the description of %d, which nobody has approved", r.Seq, e.Product))
				}
			}
		}
	}
	for _, id := range ids {
		if state := s.state(id); state != projections.Synced && state != projections.Held && state != projections.Discarded {
			wrong = append(wrong, fmt.Sprintf("%s is %s", id, state))
		}
		pub := s.publication(id)
		if pub.Held == nil || pub.Held.Guard != domain.GuardEmpties || pub.Confirmed.Position == 0 {
			continue
		}
		if got, want := s.sim.Stock(1, pub.Link.BigCommerceID, 0), s.listing(id).Variants[0].Stock[0].Quantity; got != want {
			wrong = append(wrong, fmt.Sprintf("stock %d of %s, whose push is held for a text, want %d", got, id, want))
		}
	}
	_ = s.stop()
	s.open() // what is held is told by the log alone
	s.run()
	for range ids { // what was discarded is saved again, and may be held again
		s.save(items...)
		pass(2 * time.Minute)
		s.idle()
		if _, err := s.Approve(t.Context(), ids); err != nil {
			return append(wrong, err.Error())
		}
		s.idle()
	}
	for _, id := range ids {
		wrong = append(wrong, s.differences(id)...)
		if state := s.state(id); state != projections.Synced {
			wrong = append(wrong, fmt.Sprintf("%s is %s in the end: %+v", id, state, s.publication(id)))
		}
	}
	_ = s.stop()
	return wrong
}
