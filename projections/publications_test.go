package projections_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/projections"
)

// syncLog is a SYNC log of events in their order, of the store demo.
func syncLog(t testing.TB, events ...domain.Event) log {
	t.Helper()
	var l log
	for i, e := range events {
		l.record(t, "demo", fmt.Sprintf("s-%d", i+1), 0, start.Add(time.Duration(i)*time.Second), e)
	}
	return l
}

func linked(product domain.ProductID, id int64) *domain.ProductLinked {
	return &domain.ProductLinked{Product: product, Link: domain.Link{BigCommerceID: id, Variants: []domain.VariantLink{}}, By: domain.LinkedBySKU}
}

func confirmed(product domain.ProductID, at domain.Position, id int64) *domain.PushConfirmed {
	return &domain.PushConfirmed{Product: product, Position: at, BigCommerceID: id, Digest: "d", RequestID: "r"}
}

func refused(product domain.ProductID, at domain.Position) *domain.PushRefused {
	return &domain.PushRefused{Product: product, Position: at, Status: 422, Reason: "no", Field: "name"}
}

func broken(product domain.ProductID, at domain.Position) *domain.PushRefused {
	return &domain.PushRefused{Product: product, Position: at, Status: 404, Reason: "gone", Field: projections.BrokenField}
}

// offered says what became of offering a twin in the store's channels: it is, or why not.
func offered(product domain.ProductID, twin int64, wrong string) *domain.ProductOffered {
	return &domain.ProductOffered{Product: product, BigCommerceID: twin, Error: wrong}
}

func quarantined(product domain.ProductID, item domain.ItemID, at domain.Position) *domain.ItemQuarantined {
	return &domain.ItemQuarantined{Product: product, Item: item, Position: at, Reason: "bad"}
}

func released(product domain.ProductID, item domain.ItemID, at domain.Position) *domain.ItemReleased {
	return &domain.ItemReleased{Product: product, Item: item, Position: at, Reason: "good"}
}

func held(product domain.ProductID, at domain.Position) *domain.PushHeld {
	return &domain.PushHeld{Product: product, Position: at, Guard: domain.GuardBreaker, Reason: "too many"}
}

func decided(product domain.ProductID, at domain.Position, release domain.Release) *domain.PushReleased {
	return &domain.PushReleased{Product: product, Position: at, Release: release}
}

func openPublications(t testing.TB, b *bucket, l log) *projections.Publications {
	t.Helper()
	p, err := projections.OpenPublications(t.Context(), b, l, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestFoldPublication_State(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		events []domain.Event
		due    domain.Position
		want   projections.State
	}{
		"nothing is known":                 {nil, 5, projections.Unlinked},
		"linked":                           {[]domain.Event{linked("p", 1)}, 5, projections.Pending},
		"linked, and nothing asks":         {[]domain.Event{linked("p", 1)}, 0, projections.Synced},
		"confirmed":                        {[]domain.Event{linked("p", 1), confirmed("p", 5, 1)}, 5, projections.Synced},
		"confirmed, an older state":        {[]domain.Event{linked("p", 1), confirmed("p", 4, 1)}, 5, projections.Pending},
		"refused":                          {[]domain.Event{linked("p", 1), refused("p", 5)}, 5, projections.Refusing},
		"refused, an older state":          {[]domain.Event{linked("p", 1), refused("p", 4)}, 5, projections.Pending},
		"refused, then confirmed":          {[]domain.Event{linked("p", 1), refused("p", 5), confirmed("p", 5, 1)}, 5, projections.Synced},
		"confirmed, then refused again":    {[]domain.Event{linked("p", 1), confirmed("p", 5, 1), refused("p", 5)}, 5, projections.Refusing},
		"creating":                         {[]domain.Event{&domain.ProductCreating{Product: "p", Name: "n", SKUs: []string{"s"}}}, 5, projections.Unlinked},
		"broken":                           {[]domain.Event{linked("p", 1), confirmed("p", 4, 1), broken("p", 5)}, 5, projections.Broken},
		"broken, then changed":             {[]domain.Event{linked("p", 1), broken("p", 5)}, 9, projections.Broken},
		"broken, then linked anew":         {[]domain.Event{linked("p", 1), broken("p", 5), linked("p", 2)}, 5, projections.Pending},
		"not found, but not the twin":      {[]domain.Event{linked("p", 1), &domain.PushRefused{Product: "p", Position: 5, Status: 404, Reason: "no variant", Field: "id"}}, 5, projections.Refusing},
		"refused to be created":            {[]domain.Event{&domain.ProductCreating{Product: "p", Name: "n", SKUs: []string{"s"}}, refused("p", 5)}, 5, projections.Refusing},
		"linked to another twin":           {[]domain.Event{linked("p", 1), confirmed("p", 5, 1), linked("p", 2)}, 5, projections.Pending},
		"linked anew to the same twin":     {[]domain.Event{linked("p", 1), confirmed("p", 5, 1), linked("p", 1)}, 5, projections.Synced},
		"confirmed by an earlier twin":     {[]domain.Event{linked("p", 2), confirmed("p", 5, 1)}, 5, projections.Pending},
		"unlinked":                         {[]domain.Event{linked("p", 1), refused("p", 5), &domain.ProductUnlinked{Product: "p"}}, 5, projections.Unlinked},
		"held":                             {[]domain.Event{linked("p", 1), confirmed("p", 4, 1), held("p", 5)}, 5, projections.Held},
		"held, and changed since":          {[]domain.Event{linked("p", 1), held("p", 4)}, 5, projections.Held},
		"held, though nothing was due":     {[]domain.Event{linked("p", 1), confirmed("p", 5, 1), held("p", 5)}, 5, projections.Held},
		"held, and quarantined":            {[]domain.Event{linked("p", 1), held("p", 5), quarantined("p", "i", 6)}, 5, projections.Quarantined},
		"held after it was refused":        {[]domain.Event{linked("p", 1), refused("p", 5), held("p", 5)}, 5, projections.Held},
		"held, then let through":           {[]domain.Event{linked("p", 1), held("p", 4), confirmed("p", 5, 1)}, 5, projections.Synced},
		"held, then let through, refused":  {[]domain.Event{linked("p", 1), held("p", 4), refused("p", 5)}, 5, projections.Refusing},
		"held, an older push confirmed":    {[]domain.Event{linked("p", 1), held("p", 5), confirmed("p", 4, 1)}, 5, projections.Held},
		"held, linked to another twin":     {[]domain.Event{linked("p", 1), held("p", 5), linked("p", 2)}, 5, projections.Pending},
		"held, linked anew to the same":    {[]domain.Event{linked("p", 1), held("p", 5), linked("p", 1)}, 5, projections.Held},
		"held, unlinked, linked":           {[]domain.Event{linked("p", 1), held("p", 5), &domain.ProductUnlinked{Product: "p"}, linked("p", 1)}, 5, projections.Pending},
		"approved":                         {[]domain.Event{linked("p", 1), held("p", 5), decided("p", 5, domain.Approved)}, 5, projections.Pending},
		"approved, though nothing was due": {[]domain.Event{linked("p", 1), confirmed("p", 5, 1), held("p", 5), decided("p", 5, domain.Approved)}, 5, projections.Pending},
		"approved and confirmed":           {[]domain.Event{linked("p", 1), held("p", 5), decided("p", 5, domain.Approved), confirmed("p", 5, 1)}, 5, projections.Synced},
		"approved, confirmed, held":        {[]domain.Event{linked("p", 1), held("p", 4), decided("p", 4, domain.Approved), confirmed("p", 4, 1), held("p", 5)}, 5, projections.Held},
		"discarded":                        {[]domain.Event{linked("p", 1), confirmed("p", 4, 1), held("p", 5), decided("p", 5, domain.Discarded)}, 5, projections.Discarded},
		"discarded, and nothing was due":   {[]domain.Event{linked("p", 1), confirmed("p", 5, 1), held("p", 5), decided("p", 5, domain.Discarded)}, 5, projections.Synced},
		"discarded, and changed since":     {[]domain.Event{linked("p", 1), held("p", 4), decided("p", 4, domain.Discarded)}, 5, projections.Pending},
		"discarded, pushed all the same":   {[]domain.Event{linked("p", 1), held("p", 5), decided("p", 5, domain.Discarded), confirmed("p", 5, 1)}, 5, projections.Synced},
		"discarded, linked to another":     {[]domain.Event{linked("p", 1), held("p", 5), decided("p", 5, domain.Discarded), linked("p", 2)}, 5, projections.Pending},
		"released, and it was not held":    {[]domain.Event{linked("p", 1), decided("p", 5, domain.Discarded)}, 5, projections.Pending},
		"released twice":                   {[]domain.Event{linked("p", 1), held("p", 5), decided("p", 5, domain.Discarded), decided("p", 5, domain.Approved)}, 5, projections.Discarded},
		"not offered":                      {[]domain.Event{linked("p", 1), offered("p", 1, "no such channel"), confirmed("p", 5, 1)}, 5, projections.Refusing},
		"not offered, and changed since":   {[]domain.Event{linked("p", 1), offered("p", 1, "no such channel"), confirmed("p", 4, 1)}, 5, projections.Pending},
		"not offered, refused, confirmed":  {[]domain.Event{linked("p", 1), offered("p", 1, "no such channel"), refused("p", 4), confirmed("p", 5, 1)}, 5, projections.Refusing},
		"not offered, held, approved":      {[]domain.Event{linked("p", 1), offered("p", 1, "no such channel"), held("p", 5), decided("p", 5, domain.Approved), confirmed("p", 5, 1)}, 5, projections.Refusing},
		"not offered, linked to the same":  {[]domain.Event{linked("p", 1), confirmed("p", 5, 1), offered("p", 1, "no such channel"), linked("p", 1)}, 5, projections.Refusing},
		"not offered, another twin":        {[]domain.Event{linked("p", 1), offered("p", 1, "no such channel"), linked("p", 2), confirmed("p", 5, 2)}, 5, projections.Synced},
		"not offered, unlinked, linked":    {[]domain.Event{linked("p", 1), offered("p", 1, "no such channel"), &domain.ProductUnlinked{Product: "p"}, linked("p", 1), confirmed("p", 5, 1)}, 5, projections.Synced},
		"not offered, then offered":        {[]domain.Event{linked("p", 1), offered("p", 1, "no such channel"), confirmed("p", 5, 1), offered("p", 1, "")}, 5, projections.Synced},
		"an earlier twin is not offered":   {[]domain.Event{linked("p", 2), confirmed("p", 5, 2), offered("p", 1, "no such channel")}, 5, projections.Synced},
		"quarantined":                      {[]domain.Event{linked("p", 1), confirmed("p", 5, 1), quarantined("p", "i", 6)}, 5, projections.Quarantined},
		"quarantined twice, released once": {[]domain.Event{linked("p", 1), quarantined("p", "i", 6), quarantined("p", "i", 7), released("p", "i", 6)}, 5, projections.Quarantined},
		"released":                         {[]domain.Event{linked("p", 1), quarantined("p", "i", 6), quarantined("p", "i", 6), released("p", "i", 6)}, 5, projections.Pending},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := syncLog(t, tt.events...)
			var p projections.Publication
			for _, rec := range append(slices.Clone(l), l...) { // twice, as after a crash
				e, err := rec.Event()
				if err != nil {
					t.Fatal(err)
				}
				p, _ = projections.FoldPublication(p, rec, e)
			}
			if got := projections.StateOf(tt.due, p, len(p.Quarantined) > 0); got != tt.want {
				t.Errorf("state is %s, want %s: %+v", got, tt.want, p)
			}
			if got, want := int(p.Sync), len(tt.events); got != want {
				t.Errorf("folded up to %d, want %d", got, want)
			}
		})
	}
}

func TestPublications_Apply(t *testing.T) {
	t.Parallel()
	l := syncLog(t,
		linked("p-1", 11), linked("p-2", 22), quarantined("p-1", "i-1", 7), confirmed("p-1", 5, 11),
		linked("p-3", 11), &domain.ProductUnlinked{Product: "p-2", Reason: "r"}, quarantined("p-2", "i-2", 8),
		released("p-9", "i-2", 8), // i-2 has moved to p-9 meanwhile
		held("p-1", 6), held("p-3", 7), decided("p-3", 7, domain.Approved))
	want := openPublications(t, newBucket(), l)

	t.Run("OKInAnyOrder", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(r *rapid.T) {
			p, err := projections.OpenPublications(r.Context(), newBucket(), log{}, nil)
			if err != nil {
				r.Fatal(err)
			}
			order := rapid.Permutation(append(slices.Clone(l), l...)).Draw(r, "order")
			for _, rec := range order {
				e, err := rec.Event()
				if err != nil {
					r.Fatal(err)
				}
				p.Apply(rec, e)
			}
			if got, want := p.Position(), want.Position(); got != want {
				r.Errorf("position is %d, want %d", got, want)
			}
			for id, pub := range want.All("demo") {
				if got, want := jsonOf(t, p.Publication("demo", id)), jsonOf(t, pub); got != want {
					r.Errorf("%s is\n%s, want\n%s", id, got, want)
				}
			}
		})
	})
	t.Run("OKLookups", func(t *testing.T) {
		t.Parallel()
		var ids []domain.ProductID
		for id := range want.All("demo") {
			ids = append(ids, id)
		}
		diff(t, "all", ids, []domain.ProductID{"p-1", "p-2", "p-3", "p-9"})
		if id, ok := want.Twin("demo", 11); id != "p-3" || !ok {
			t.Errorf("11 is the twin of %q, want the product that was linked to it last", id)
		}
		if id, ok := want.Twin("demo", 22); ok {
			t.Errorf("22 is the twin of %q, want none: it was unlinked", id)
		}
		diff(t, "quarantines", want.Quarantines("demo"), []projections.QuarantinedItem{{Quarantine: projections.Quarantine{Item: "i-1", Position: 7, Reason: "bad"}, Product: "p-1"}})
		diff(t, "held pushes", want.HeldPushes("demo"), []projections.HeldPush{{Product: "p-1", Hold: projections.Hold{Position: 6, Guard: "breaker", Reason: "too many", At: start.Add(8 * time.Second)}}})
		if got := want.HeldPushes("other"); len(got) != 0 {
			t.Errorf("held pushes of another store are %v, want none", got)
		}
		if got := want.Linked("demo"); got != 2 {
			t.Errorf("%d products are linked, want 2: one was unlinked", got)
		}
		if !want.Quarantined("demo", "i-9", "i-1") || want.Quarantined("demo", "i-2") || want.Quarantined("other", "i-1") {
			t.Error("i-1 of demo, and no other item, is quarantined")
		}
	})
	t.Run("OKPassesOverWhatIsNoEvent", func(t *testing.T) {
		t.Parallel()
		odd := slices.Clone(l)
		odd[1] = domain.Recorded{Position: 2} // no event at all
		p := openPublications(t, newBucket(), odd)
		if got, want := p.Position(), domain.Position(len(l)); got != want {
			t.Errorf("position is %d, want %d", got, want)
		}
		p.Advance(domain.Position(len(l) + 1))
		if got, want := p.Position(), domain.Position(len(l)+1); got != want {
			t.Errorf("position is %d, want %d", got, want)
		}
	})
}

func TestPublications_Flush(t *testing.T) {
	t.Parallel()
	l := syncLog(t, linked("p-1", 1), linked("p-2", 2), confirmed("p-1", 5, 1), refused("p-2", 6), quarantined("p-2", "i-2", 9), confirmed("p-1", 7, 1),
		held("p-1", 8), held("p-2", 8), decided("p-2", 8, domain.Discarded))
	all := openPublications(t, newBucket(), l)
	b := newBucket()
	for n := range l {
		p := openPublications(t, b, l[:n+1])
		if err := p.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("OKAfterACrashAtAnyWrite", func(t *testing.T) {
		t.Parallel()
		for n := range len(b.writes) + 1 {
			p := openPublications(t, b.cut(n), l)
			for id, pub := range all.All("demo") {
				diff(t, fmt.Sprintf("%s after write %d", id, n), jsonOf(t, p.Publication("demo", id)), jsonOf(t, pub))
			}
			diff(t, "quarantines", p.Quarantines("demo"), all.Quarantines("demo"))
			diff(t, "held pushes", p.HeldPushes("demo"), all.HeldPushes("demo"))
			if got, want := p.Linked("demo"), all.Linked("demo"); got != want {
				t.Errorf("%d linked after write %d, want %d", got, n, want)
			}
		}
	})
	t.Run("OKAfterAnError", func(t *testing.T) {
		t.Parallel()
		for n := range 4 {
			failing := newBucket()
			failing.failOnce(n)
			p := openPublications(t, failing, l)
			if err := p.Flush(t.Context()); err == nil {
				t.Fatalf("write %d did not fail", n)
			}
			flushPublications(t, p)
			again := openPublications(t, failing, log{})
			for id, pub := range all.All("demo") {
				diff(t, fmt.Sprintf("%s after write %d failed", id, n), jsonOf(t, again.Publication("demo", id)), jsonOf(t, pub))
			}
			if got, want := again.Position(), domain.Position(len(l)); got != want {
				t.Errorf("checkpoint is %d, want %d", got, want)
			}
		}
	})
	t.Run("ErrOtherFormat", func(t *testing.T) {
		t.Parallel()
		for _, format := range []int{1, 2, projections.PublicationFormat + 1} {
			other := newBucket(domain.Entry{Value: fmt.Appendf(nil, `{"format":%d}`, format)})
			_, err := projections.OpenPublications(t.Context(), other, log{}, nil)
			if err == nil || !strings.Contains(err.Error(), "tillstream rebuild") {
				t.Errorf("error of format %d is %v, want one that names the command", format, err)
			}
		}
	})
}

// TestPublications_Flush_pages: what is stored first lies in pages, and what replaces it
// by itself, which whoever opens the bucket finds.
func TestPublications_Flush_pages(t *testing.T) {
	t.Parallel()
	b := newBucket()
	l := syncLog(t, linked("p", 1), linked("q", 2))
	p := openPublications(t, b, l)
	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	paged := func() (out []string) {
		for key, i := range b.newest {
			if b.writes[i].Page > 0 {
				out = append(out, key.ID)
			}
		}
		slices.Sort(out)
		return out
	}
	diff(t, "what lies in pages", paged(), []string{"p", "q"})
	l = syncLog(t, linked("p", 1), linked("q", 2), confirmed("q", 5, 2))
	p = openPublications(t, b, l)
	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	diff(t, "what lies in pages then", paged(), []string{"p"})
	again := openPublications(t, b, l)
	for _, id := range []domain.ProductID{"p", "q"} {
		diff(t, string(id), again.Publication("demo", id), p.Publication("demo", id))
	}
	if got := again.Publication("demo", "q").Confirmed.Position; got != 5 {
		t.Errorf("confirmed at position %d, want 5", got)
	}
}

// TestOpenPublications_twin: in whatever order the values of a bucket are decoded, a twin
// belongs to the product that got it last, also when the first one's value with it still
// lies in a page.
func TestOpenPublications_twin(t *testing.T) {
	t.Parallel()
	b := newBucket()
	if err := openPublications(t, b, syncLog(t, linked("p", 7), linked("r", 8))).Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	l := syncLog(t, linked("p", 7), linked("r", 8), &domain.ProductUnlinked{Product: "p"}, linked("q", 7))
	if err := openPublications(t, b, l).Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(r *rapid.T) {
		p, err := projections.OpenPublications(t.Context(), shuffled{b, r}, l, nil)
		if err != nil {
			r.Fatal(err)
		}
		if got, _ := p.Twin("demo", 7); got != "q" {
			r.Errorf("the twin is of product %q, want q", got)
		}
	})
}

// shuffled is a bucket whose values several goroutines have decoded.
type shuffled struct {
	*bucket
	r *rapid.T
}

func (b shuffled) Scan(ctx context.Context, store domain.StoreID, after uint64, each func(domain.Entry) error) error {
	var all []domain.Entry
	if err := b.bucket.Scan(ctx, store, after, func(e domain.Entry) error { all = append(all, e); return nil }); err != nil {
		return err
	}
	for _, e := range rapid.Permutation(all).Draw(b.r, "order") {
		if err := each(e); err != nil {
			return err
		}
	}
	return nil
}

func TestPublications_Await(t *testing.T) {
	t.Parallel()
	l := syncLog(t, linked("p-1", 1), linked("p-2", 2))
	p := openPublications(t, newBucket(), log{})
	ended := make(chan error)
	go func() { ended <- p.Await(t.Context(), 2) }()
	for _, rec := range []domain.Recorded{l[1], l[0]} {
		e, err := rec.Event()
		if err != nil {
			t.Fatal(err)
		}
		p.Apply(rec, e)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Await(ctx, 3); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting with a context that has ended: %v", err)
	}
}

func TestCount(t *testing.T) {
	t.Parallel()
	var pos log
	for _, id := range []string{"unlinked", "pending", "confirmed", "refused", "quarantined", "quarantined-due", "held", "discarded", "quarantined-held", "broken"} {
		pos.add(t, domain.TypeProductSaved, `{"item":%q,"sku":%q,"name":"n"}`, id, id)
	}
	c := open(t, newBucket())
	fold(t, c, pos...)
	p := openPublications(t, newBucket(), syncLog(t,
		linked("pending", 1), linked("confirmed", 2), confirmed("confirmed", 3, 2), linked("refused", 3), refused("refused", 4),
		linked("quarantined", 4), confirmed("quarantined", 5, 4), quarantined("quarantined", "quarantined", 9),
		linked("quarantined-due", 5), quarantined("quarantined-due", "quarantined-due", 9), quarantined("nobody", "nobody", 9),
		linked("held", 6), held("held", 7), linked("discarded", 7), held("discarded", 8), decided("discarded", 8, domain.Discarded),
		linked("quarantined-held", 8), held("quarantined-held", 9), quarantined("quarantined-held", "quarantined-held", 9),
		linked("broken", 9), broken("broken", 10)))
	got := projections.NewStoreStatus("demo", 11, projections.NewStandings(c, p), 3)
	want := `{"store":"demo","log":{"last_position":11},"projection":{"position":10,"lag":1,"products":10,"events":{"folded":10}},` +
		`"publishing":{"pending":2,"confirmed":1,"refused":2,"broken":1,"unlinked":1,"quarantined":3,"held":1,"discarded":1,` +
		`"last_refusal":{"product":"broken","reason":"gone","at":"2026-11-01T10:00:20Z"},"requests":0,"throttled":0},"dead_letters":3,` +
		`"alarm":"the breaker holds 2 products back since 2026-11-01T10:00:12Z, quarantined-held for one: too many: run ` + "`tillstream approve --all --guard breaker` if that is right, else `tillstream discard --all --guard breaker`" + `"}`
	diff(t, "status", jsonOf(t, got), want)
}

// A product is none when the item it stood for was told later to be of another; one
// with a twin stays in sight whatever becomes of its items.
func TestCount_withoutItems(t *testing.T) {
	t.Parallel()
	var pos log
	pos.add(t, domain.TypeStockLevelReported, `{"item":"i-1","outlet":"Quayside","on_hand":"1"}`)
	pos.add(t, domain.TypeStockLevelReported, `{"item":"i-2","outlet":"Quayside","on_hand":"1"}`)
	pos.add(t, domain.TypeProductSaved, `{"item":"i-1","sku":"S-1","name":"n","product":"p-1"}`)
	pos.add(t, domain.TypeProductSaved, `{"item":"i-3","sku":"S-3","name":"n","product":"p-3"}`)
	pos.add(t, domain.TypeProductSaved, `{"item":"i-3","sku":"S-3","name":"n","product":"p-1"}`)
	c := open(t, newBucket())
	fold(t, c, pos...)
	p := openPublications(t, newBucket(), syncLog(t, linked("p-3", 1), confirmed("p-3", 5, 1)))
	got := projections.NewStoreStatus("demo", 5, projections.NewStandings(c, p), 0)
	if s := got.Publishing; got.Projection.Products != 3 || s.Unlinked != 2 || s.Confirmed != 1 {
		t.Errorf("%d products, %+v, want p-1 and i-2 unlinked, p-3 confirmed, and nothing of i-1", got.Projection.Products, s.Counts)
	}
}

func TestAlarm(t *testing.T) {
	t.Parallel()
	at := func(product domain.ProductID, guard domain.Guard, second int) projections.HeldPush {
		return projections.HeldPush{Product: product, Hold: projections.Hold{Position: 1, Guard: guard, Reason: "it is " + string(product), At: start.Add(time.Duration(second) * time.Second)}}
	}
	for name, tt := range map[string]struct {
		held []projections.HeldPush
		want string
	}{
		"nothing":          {nil, ""},
		"another guard":    {[]projections.HeldPush{at("a", domain.GuardEmpties, 1)}, ""},
		"one":              {[]projections.HeldPush{at("a", domain.GuardBreaker, 1), at("b", domain.GuardEmpties, 2)}, "the breaker holds product a back since 2026-11-01T10:00:01Z: it is a: run"},
		"the newest leads": {[]projections.HeldPush{at("a", domain.GuardBreaker, 1), at("b", domain.GuardBreaker, 3), at("c", domain.GuardBreaker, 2)}, "the breaker holds 3 products back since 2026-11-01T10:00:01Z, b for one: it is b: run"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := projections.Alarm(tt.held)
			if !strings.HasPrefix(got, tt.want) || (got == "") != (tt.want == "") {
				t.Errorf("alarm is %q, want %q", got, tt.want)
			}
		})
	}
}
