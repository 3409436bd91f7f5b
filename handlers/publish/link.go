package publish

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce"
	"github.com/tillstream/tillstream/projections"
)

// Report is what a search for twins has found.
type Report struct {
	Linked    []LinkFound        `json:"linked"`
	Ambiguous []LinkAmbiguous    `json:"ambiguous"`
	Without   []domain.ProductID `json:"without"` // no SKU of theirs is in BigCommerce
	// Already is how many products had a link before.
	Already int `json:"already"`
}

// LinkFound is a product and its twin.
type LinkFound struct {
	Product       domain.ProductID `json:"product"`
	Name          string           `json:"name"`
	BigCommerceID int64            `json:"bigcommerce_id"`
	Variants      int              `json:"variants"` // that have a counterpart
	Missing       int              `json:"missing"`  // that the push will create
}

// LinkAmbiguous is a product for which no twin could be chosen.
type LinkAmbiguous struct {
	Product domain.ProductID `json:"product"`
	Name    string           `json:"name"`
	Twins   []int64          `json:"twins"` // BigCommerce products that have a SKU of it
	Reason  string           `json:"reason"`
}

// mostAsks bounds how often a question that somebody waits for is repeated.
const mostAsks = 5

// mostKept is how long somebody who asked is kept until the next try, and after which
// a try that has failed was the last.
const mostKept = 10 * time.Second

// ask makes requests that change nothing, again for a while if BigCommerce does
// not answer. A refused token is answered at once.
func (p *Publisher) ask(ctx context.Context, do func(context.Context) error) error {
	return p.askFor(ctx, math.MaxInt64, do)
}

// answer is ask for a person: when the next try is further away than [mostKept], or the
// tries have taken longer, what is wrong is the answer.
func (p *Publisher) answer(ctx context.Context, do func(context.Context) error) error {
	return p.askFor(ctx, mostKept, do)
}

func (p *Publisher) askFor(ctx context.Context, kept time.Duration, do func(context.Context) error) error {
	begun := p.cfg.Now()
	for n := 1; ; n++ {
		pass, err := p.enterWithin(ctx, kept)
		if err != nil {
			return err
		}
		err = do(ctx)
		switch {
		case over(ctx):
			pass.unused()
			return context.Cause(ctx)
		case blame(err) != store:
			pass.succeeded()
			return err
		}
		pass.failed(err, notBefore(err))
		if e, ok := errors.AsType[*bigcommerce.Error](err); ok && e.Unauthorized || n == mostAsks || p.cfg.Now().Sub(begun) > kept {
			return &awayError{said: complaint(err), cause: err}
		}
	}
}

// enterWithin enters the gate, or says what is wrong when that takes longer than kept.
func (p *Publisher) enterWithin(ctx context.Context, kept time.Duration) (pass, error) {
	away := func(within time.Duration) error {
		t, now := p.patience.trouble(), p.cfg.Now()
		if t.cause == nil || t.until.Sub(now) <= within {
			return nil
		}
		return &awayError{said: fmt.Sprintf("%s since %s, %s", complaint(t.cause), clock(t.since), t.nextTry(now, time.Time{})), cause: t.cause}
	}
	for within := kept; ; within = math.MinInt64 { // after waiting, whatever is wrong is the answer
		if err := away(within); err != nil {
			return pass{}, err
		}
		waiting, cancel := context.WithTimeout(ctx, kept)
		entered, err := p.patience.enter(waiting)
		cancel()
		if err == nil || ctx.Err() != nil {
			return entered, err
		}
	}
}

// awayError says in a sentence why BigCommerce is not asked, or has no answer.
type awayError struct {
	said  string
	cause error
}

func (e *awayError) Error() string { return e.said }

func (e *awayError) Unwrap() error { return e.cause }

// LinkAuto looks for the twins of all products that have none, or whose twin is gone,
// by SKU, and unless dryRun links them, which makes them due. It reads BigCommerce in
// the fewest requests: the products that have their SKUs, 50 of these to two
// requests, or all products, 250 to a request.
func (p *Publisher) LinkAuto(ctx context.Context, dryRun bool) (Report, error) {
	r := Report{Linked: []LinkFound{}, Ambiguous: []LinkAmbiguous{}, Without: []domain.ProductID{}}
	candidates, already, err := p.unlinked(ctx)
	if err != nil {
		return r, err
	}
	r.Already = already
	skus := skusOf(candidates)
	shop := NewShop(nil)
	for found, err := range sweep(ctx, p, len(skus), 2, p.cfg.Client.Products, func(ctx context.Context, from, to int) ([]bigcommerce.Product, error) {
		return p.ofVariants(ctx, skus[from:to])
	}) {
		if err != nil {
			return r, fmt.Errorf("look for twins in BigCommerce: %w", err)
		}
		for i := range found {
			found[i].Description = "" // of tens of thousands it would fill the memory
		}
		shop.add(found)
	}
	end, err := p.turn(ctx)
	if err != nil {
		return r, err
	}
	defer end()
	unheardOf := p.unheardOf()
	var notes []note
	for i, m := range shop.Matches(candidates, p.twin, p.yields) {
		l := &candidates[i].Listing
		pub := p.cfg.Publications.Publication(p.cfg.Store, m.Product)
		if m.Link != nil && p.unfinished(&pub, 0) {
			m.Reason = p.notHeardOf(&pub, &m)
		}
		if m.Link != nil && m.Reason == "" {
			if owner, is := createdFor(m.Product, m.Link.BigCommerceID, m.variants, unheardOf); is {
				m.Reason = takenFrom(owner, m.Link.BigCommerceID)
			}
		}
		switch {
		case m.Link != nil && m.Reason == "":
			r.Linked = append(r.Linked, LinkFound{m.Product, l.Name, m.Link.BigCommerceID, len(m.Link.Variants), len(l.Variants) - len(m.Link.Variants)})
			if pub.Link == nil || pub.Broken() {
				notes = append(notes, p.linkNotes(m.Product, l.Name, m.Link, m.variants, domain.LinkedBySKU, Linked)...)
			}
		case m.Reason != "":
			r.Ambiguous = append(r.Ambiguous, LinkAmbiguous{m.Product, l.Name, m.Twins, m.Reason})
		default:
			r.Without = append(r.Without, m.Product)
		}
	}
	if dryRun {
		return r, nil
	}
	return r, p.recordLinks(ctx, notes)
}

func (p *Publisher) twin(bigCommerceID int64) (domain.ProductID, bool) {
	return p.cfg.Publications.Twin(p.cfg.Store, bigCommerceID)
}

// holder returns the product that keeps a BigCommerce product as its twin.
func (p *Publisher) holder(bigCommerceID int64) (domain.ProductID, bool) {
	id, linked := p.twin(bigCommerceID)
	return id, linked && !p.yields(id)
}

// yields reports whether a product gives its twin to another one that has its SKU: it
// is deleted in the POS. The POS may have made it anew, or under another family, and
// that one takes over the twin with all that the merchant has set on it.
func (p *Publisher) yields(id domain.ProductID) bool {
	s, known := p.cfg.Catalog.Summary(p.cfg.Store, id)
	return known && s.Deleted
}

// linkNotes are what is recorded of a new link to a twin that has some variants. When
// another product had the twin before, its link ends. Variants that only that one had, or
// that the product was created with earlier and has no more, are ours and not listed:
// they stay recorded as created, so that the next push looks for them and removes them.
// Those are recorded under the SKUs that they have, too: the merchant may have given them
// others, or a push that never came to its end.
func (p *Publisher) linkNotes(id domain.ProductID, name string, link *domain.Link, variants []bigcommerce.Variant, by domain.LinkedBy, kind Kind) []note {
	now := p.cfg.Now()
	own := p.cfg.Publications.Publication(p.cfg.Store, id)
	left := making(&own)
	var notes []note
	unoffered := false
	if former, taken := p.twin(link.BigCommerceID); taken && former != id {
		pub := p.cfg.Publications.Publication(p.cfg.Store, former)
		left = append(left, making(&pub)...)
		for _, v := range pub.Link.Variants {
			left = append(left, string(v.SKU))
			for i := range variants {
				if int64(variants[i].ID) == v.BigCommerceID {
					left = append(left, variants[i].SKU)
				}
			}
		}
		unoffered = pub.Unoffered != nil
		p.inheritLingering(id, former)
		reason := fmt.Sprintf("deleted in the POS, and its BigCommerce product is product %s now", id)
		notes = append(notes, note{&domain.ProductUnlinked{Product: former, Reason: reason},
			&Outcome{Product: former, Kind: Unlinked, BigCommerceID: link.BigCommerceID, Reason: reason, At: now}})
	}
	notes = append(notes, note{&domain.ProductLinked{Product: id, Link: *link, By: by}, &Outcome{Product: id, Kind: kind, BigCommerceID: link.BigCommerceID, At: now}})
	if unoffered { // whoever has it
		notes = append(notes, note{event: &domain.ProductOffered{Product: id, BigCommerceID: link.BigCommerceID,
			Error: fmt.Sprintf("BigCommerce product %d was not offered in %s when it was another product's: run `tillstream push %s`", link.BigCommerceID, p.channels(), id)}})
	}
	left = slices.DeleteFunc(left, func(sku string) bool {
		return sku == "" || slices.ContainsFunc(link.Variants, func(v domain.VariantLink) bool { return string(v.SKU) == sku })
	})
	if len(left) > 0 {
		notes = append(notes, note{event: &domain.ProductCreating{Product: id, Name: name, SKUs: most(left)}})
	}
	return notes
}

// most is what an event can hold of some SKUs, each once: the newest.
func most(skus []string) []string {
	const mostSKUs = 1000
	slices.Reverse(skus)
	seen := map[string]bool{}
	skus = slices.DeleteFunc(skus, func(sku string) bool {
		is := seen[sku]
		seen[sku] = true
		return is
	})
	skus = skus[:min(len(skus), mostSKUs)]
	slices.Reverse(skus)
	return skus
}

// unlinked returns the described products that have no link, and how many have.
func (p *Publisher) unlinked(ctx context.Context) (candidates []Candidate, linked int, err error) {
	const page = 1000
	for after := domain.ProductID(""); ; {
		summaries := p.cfg.Catalog.Products(p.cfg.Store, after, page)
		for _, s := range summaries {
			after = s.ID
			pub := p.cfg.Publications.Publication(p.cfg.Store, s.ID)
			switch {
			case pub.Link != nil && !pub.Broken():
				linked++
				continue
			case s.Due == 0 || s.Deleted:
				continue
			}
			state, err := p.cfg.Catalog.Product(ctx, p.cfg.Store, s.ID)
			if err != nil {
				return nil, 0, fmt.Errorf("read the state of product %s: %w", s.ID, err)
			}
			if state.Described() {
				c := Candidate{Product: s.ID, Listing: state.Listing(p.cfg.Rules)}
				if p.unfinished(&pub, 0) {
					c = p.candidate(s.ID, c.Listing)
				}
				candidates = append(candidates, c)
			}
		}
		if len(summaries) < page {
			return candidates, linked, nil
		}
	}
}

// making are the SKUs of what BigCommerce was asked to create for a product, and is
// not known to have.
func making(pub *projections.Publication) []string {
	if pub.Creating == nil {
		return nil
	}
	return slices.Clone(pub.Creating.SKUs)
}

// recordLinks records links and has their products pushed.
func (p *Publisher) recordLinks(ctx context.Context, notes []note) error {
	if err := p.record(ctx, notes); err != nil {
		return err
	}
	for _, n := range notes {
		p.Wake(domain.ProductID(n.event.Subject()))
	}
	return nil
}

// Link ties a product to a BigCommerce product on somebody's word, unless dryRun, and
// has it pushed. Variants are tied by SKU, then by equal options; a simple product to the
// twin's only variant. It returns an error, and changes nothing, when BigCommerce
// has no such product, another product is linked to it, it has variants and the
// product has none, or what became of a creation of the product is not known.
func (p *Publisher) Link(ctx context.Context, id domain.ProductID, bigCommerceID int64, dryRun bool) (domain.Link, error) {
	state, err := p.cfg.Catalog.Product(ctx, p.cfg.Store, id)
	if err != nil {
		return domain.Link{}, fmt.Errorf("link: %w", err)
	}
	if !state.Described() || state.Deleted() {
		return domain.Link{}, fmt.Errorf("link: product %s is deleted, or no snapshot has described it yet: save it in the POS", id)
	}
	listing := state.Listing(p.cfg.Rules)
	before := p.cfg.Publications.Publication(p.cfg.Store, id)
	var twin bigcommerce.Product
	var made Match
	var gone int64
	err = p.answer(ctx, func(ctx context.Context) (err error) {
		if twin, err = p.cfg.Client.Product(ctx, bigcommerce.ProductID(bigCommerceID)); err != nil {
			return err
		}
		if gone, err = p.silentlyGone(ctx, &before, bigCommerceID); err != nil || !p.unfinished(&before, gone) {
			return err
		}
		c := []Candidate{p.candidate(id, listing)}
		shop, err := p.shop(ctx, c)
		if err == nil {
			made = shop.Matches(c, p.twin, p.yields)[0]
		}
		return err
	})
	if bigcommerce.IsNotFound(err) {
		return domain.Link{}, fmt.Errorf("link: BigCommerce has no product %d: %w", bigCommerceID, domain.ErrNotFound)
	}
	if err != nil {
		return domain.Link{}, fmt.Errorf("link: %w", err)
	}
	end, err := p.turn(ctx)
	if err != nil {
		return domain.Link{}, err
	}
	defer end()
	pub := p.cfg.Publications.Publication(p.cfg.Store, id)
	if p.unfinished(&pub, gone) {
		made.Product = id
		if says := p.notHeardOf(&pub, &made); says != "" {
			return domain.Link{}, fmt.Errorf("link: %s", says)
		}
	}
	if other, taken := p.holder(bigCommerceID); taken && other != id {
		return domain.Link{}, fmt.Errorf("link: BigCommerce product %d is linked to product %s: unlink that first", bigCommerceID, other)
	}
	if owner, is := createdFor(id, bigCommerceID, twin.Variants, p.unheardOf()); is {
		return domain.Link{}, fmt.Errorf("link: %s", takenFrom(owner, bigCommerceID))
	}
	if listing.Simple() && !twin.Simple() {
		return domain.Link{}, fmt.Errorf("link: BigCommerce product %d has variants, product %s has none: choose another", bigCommerceID, id)
	}
	link := linkTo(&listing, &twin)
	if dryRun {
		return link, nil
	}
	notes := p.linkNotes(id, listing.Name, &link, twin.Variants, domain.LinkedByOperator, Linked)
	return link, p.recordLinks(ctx, notes)
}

// Unlink ends a link; the twin stays as it is. Unlinking a product that has no
// link is [domain.ErrNotFound]. Where all products are published, the next change
// of the product finds its twin again.
func (p *Publisher) Unlink(ctx context.Context, id domain.ProductID, reason string) error {
	end, err := p.turn(ctx)
	if err != nil {
		return err
	}
	defer end()
	pub := p.cfg.Publications.Publication(p.cfg.Store, id)
	if pub.Link == nil {
		return fmt.Errorf("unlink: product %s has no link: %w", id, domain.ErrNotFound)
	}
	o := Outcome{Product: id, Kind: Unlinked, BigCommerceID: pub.Link.BigCommerceID, Reason: reason, At: p.cfg.Now()}
	return p.record(ctx, []note{{&domain.ProductUnlinked{Product: id, Reason: shorten(reason, mostReason)}, &o}})
}
