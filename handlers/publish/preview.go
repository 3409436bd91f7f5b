package publish

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce"
)

// Preview is what a push of one product would do if it were made now.
type Preview struct {
	Product       domain.ProductID
	Name          string
	BigCommerceID int64           // 0: no twin
	Position      domain.Position // of the state that would be pushed, in the POS log
	Prospect      Prospect
	Reason        string       // why it would not be pushed, or would be refused
	Differences   []Difference // when it differs, or is held
}

// Prospect says what would become of a push.
type Prospect string

// The prospects of a push.
const (
	ProspectAgrees      Prospect = "agrees"      // BigCommerce shows the state already
	ProspectDiffers     Prospect = "differs"     // something would be changed
	ProspectHeld        Prospect = "held"        // a guard holds the push, or would; what it would change is said
	ProspectRefused     Prospect = "refused"     // it would be refused
	ProspectBroken      Prospect = "broken"      // the twin is gone from BigCommerce
	ProspectUnlinked    Prospect = "unlinked"    // there is no twin
	ProspectQuarantined Prospect = "quarantined" // nothing is pushed, because an event of it could not be folded
	ProspectUndescribed Prospect = "undescribed" // nothing is pushed, because no snapshot has said what it is
)

// Preview yields what a push of each product would do, forced as by
// [Publisher.Push]. It only reads, in the fewest requests that BigCommerce's lists
// allow, and waits like [Publisher.LinkAuto] where BigCommerce does not answer.
// Those with a twin come first, in the order of BigCommerce's ids; then those whose
// twin is gone; then the others, in the order in which they are given. After an
// error nothing comes.
//
// What only BigCommerce knows to refuse, such as a name that another product has,
// it does not foresee; nor that the breaker will trip.
func (p *Publisher) Preview(ctx context.Context, ids []domain.ProductID) iter.Seq2[Preview, error] {
	return func(yield func(Preview, error) bool) {
		l := lookout{p: p, survey: newSurvey(p), links: map[bigcommerce.ProductID]previewed{}, tell: func(one Preview) error {
			if !yield(one, nil) {
				return errEnough
			}
			return nil
		}}
		if err := l.run(ctx, ids); err != nil && err != errEnough {
			yield(Preview{}, err)
		}
	}
}

// errEnough says that the caller wants no more.
var errEnough = errors.New("enough")

// lookout is one run of [Publisher.Preview].
type lookout struct {
	p      *Publisher
	survey *survey
	tell   func(Preview) error

	links          map[bigcommerce.ProductID]previewed // of twins that are still to be seen
	twins, tracked []bigcommerce.ProductID
	others         []Preview // that have no twin to look at
}

// previewed is a product whose twin is looked at.
type previewed struct {
	product domain.ProductID
	link    *domain.Link
}

func (l *lookout) run(ctx context.Context, ids []domain.ProductID) error {
	for _, id := range ids {
		if err := l.enter(ctx, id); err != nil {
			return err
		}
	}
	slices.Sort(l.twins)
	slices.Sort(l.tracked)
	if err := l.survey.readStock(ctx, l.tracked); err != nil {
		return fmt.Errorf("read what BigCommerce has in stock: %w", err)
	}
	for found, err := range l.survey.twins(ctx, l.twins) {
		if err == nil {
			err = l.look(ctx, found)
		}
		if err != nil {
			return err
		}
	}
	for _, twin := range l.twins {
		if t, missing := l.links[twin]; missing {
			if err := l.broken(ctx, t); err != nil {
				return err
			}
		}
	}
	for _, other := range l.others {
		if err := l.tell(other); err != nil {
			return err
		}
	}
	return nil
}

// read takes the newest state of a product.
func (l *lookout) read(ctx context.Context, t previewed) (domain.Product, Desired, Preview, error) {
	d, state, err := l.p.desired(ctx, t.product)
	if err != nil && !errors.Is(err, domain.ErrNotFound) {
		return state, d, Preview{}, err
	}
	one := Preview{Product: t.product, Name: d.Listing.Name, Position: state.Position}
	if t.link != nil { // which stays the same while it is looked at
		d.Link, one.BigCommerceID = *t.link, t.link.BigCommerceID
	}
	return state, d, one, nil
}

// enter decides whether the twin of a product is to be looked at.
func (l *lookout) enter(ctx context.Context, id domain.ProductID) error {
	t := previewed{id, l.p.cfg.Publications.Publication(l.p.cfg.Store, id).Link}
	_, d, one, err := l.read(ctx, t)
	if err != nil {
		return err
	}
	n, why := l.p.need(id, ask{force: true, held: true})
	one.Reason = why
	switch {
	case d.Listing.Name == "":
		one.Prospect, one.Reason = ProspectUndescribed, "no snapshot has described it yet"
	case t.link == nil:
		one.Prospect = ProspectUnlinked
		if n == needsTwin {
			one.Reason = "it is not linked: a push links it to the twin that has its SKUs, or creates one"
		}
	case n == needsTwin:
		one.Prospect, one.Reason = ProspectBroken, l.missing(t)
	case n != needsPush:
		one.Prospect = ProspectQuarantined
	default:
		twin := bigcommerce.ProductID(t.link.BigCommerceID)
		if _, twice := l.links[twin]; twice {
			return nil
		}
		l.links[twin], l.twins = t, append(l.twins, twin)
		if d.Listing.Tracked {
			l.tracked = append(l.tracked, twin)
		}
		return nil
	}
	l.others = append(l.others, one)
	return nil
}

// look compares those of some BigCommerce products that are asked for.
func (l *lookout) look(ctx context.Context, found []bigcommerce.Product) error {
	found = slices.DeleteFunc(found, func(twin bigcommerce.Product) bool { return l.links[twin.ID].link == nil })
	if err := l.survey.readBrands(ctx, found, len(l.twins) > bigcommerce.MaxListed); err != nil {
		return fmt.Errorf("read the names of BigCommerce's brands: %w", err)
	}
	var reshaped []bigcommerce.ProductID
	for i := range found {
		_, d, _, err := l.read(ctx, l.links[found[i].ID])
		if err != nil {
			return err
		}
		if d.Reshapes(&found[i]) {
			reshaped = append(reshaped, found[i].ID)
		}
	}
	whole, err := l.survey.withOptions(ctx, reshaped)
	if err != nil {
		return fmt.Errorf("read the options of BigCommerce's products: %w", err)
	}
	for i := range found {
		twin := found[i]
		if again, ok := whole[twin.ID]; ok {
			twin = again
		}
		t := l.links[twin.ID]
		delete(l.links, twin.ID)
		if err := l.compare(ctx, t, &twin); err != nil {
			return err
		}
	}
	return nil
}

func (l *lookout) compare(ctx context.Context, t previewed, twin *bigcommerce.Product) error {
	state, d, one, err := l.read(ctx, t)
	if err != nil {
		return err
	}
	rules := l.p.cfg.Rules
	var refusal *Refusal
	if d.Listing.Deleted && rules.OnDelete == domain.DeleteDeletes {
		one.Differences = []Difference{{Field: FieldProduct, Old: twin.Name, Overwrites: true}}
	} else {
		one.Differences, refusal = d.Compare(&Shown{Twin: *twin, Brand: l.survey.brand(twin.BrandID), Stock: l.survey.stock})
	}
	switch {
	case refusal != nil:
		one.Prospect, one.Reason = ProspectRefused, refusal.Reason
	case len(one.Differences) == 0:
		one.Prospect = ProspectAgrees
	default:
		one.Prospect = ProspectDiffers
		if one.Reason = l.held(&d, twin); one.Reason != "" {
			one.Prospect = ProspectHeld
		}
		for i := range one.Differences {
			one.Differences[i].Sources = d.sources(&one.Differences[i], &state, rules)
		}
	}
	return l.tell(one)
}

// held says why a guard holds a push, or would; "" for none.
func (l *lookout) held(d *Desired, twin *bigcommerce.Product) string {
	g, pub := &l.p.cfg.Guards, l.p.cfg.Publications.Publication(l.p.cfg.Store, d.Product)
	switch {
	case pub.Approved:
		return ""
	case pub.Held != nil:
		return undecided(pub.Held)
	}
	return emptyReason(g.judge(nil, &d.Listing, l.p.cfg.Rules).concerns, twin)
}

func (l *lookout) broken(ctx context.Context, t previewed) error {
	_, _, one, err := l.read(ctx, t)
	if err != nil {
		return err
	}
	one.Prospect, one.Reason = ProspectBroken, l.missing(t)
	return l.tell(one)
}

// missing says what a push does where the twin is gone.
func (l *lookout) missing(t previewed) string {
	twin := t.link.BigCommerceID
	switch l.p.cfg.OnMissing {
	case MissingRelinks:
		return fmt.Sprintf("BigCommerce has no product %d any more: a push links the one that has its SKU, if there is one", twin)
	case MissingRecreates:
		return fmt.Sprintf("BigCommerce has no product %d any more: a push links the one that has its SKU, or creates it anew", twin)
	}
	return broken(t.product, twin, "").Reason
}
