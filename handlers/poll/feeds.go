package poll

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"time"

	"github.com/tillstream/tillstream/handlers/pos/xseries"
	"github.com/tillstream/tillstream/handlers/pos/xseries/api"
)

// next reads the page after a feed's cursor. It is false when the feed is not
// offered by the account.
func (p *Poller) next(ctx context.Context, f Feed) (xseries.Page, bool, error) {
	after := p.progress.feed(f).After
	page, err := p.page(ctx, f.resource(), after, 0)
	if p.bars(f, err) {
		return page, false, nil
	}
	if err != nil {
		return page, false, err
	}
	p.largest[f] = max(p.largest[f], len(page.Records))
	if page.Max > after || len(page.Records) == 0 {
		return page, true, nil
	}
	// Whether the version that was asked for is itself in the answer is said in
	// two ways; more than that one record is an answer to another question.
	if page.Max < after || len(page.Records) > 1 {
		return page, false, fmt.Errorf("%s: asked for what comes after version %d, the account answers with versions up to %d", f.resource(), after, page.Max)
	}
	return xseries.Page{}, true, nil
}

// bars takes a feed that the token may not read, or that the account does not have,
// out of the reading until the next look at the settings.
func (p *Poller) bars(f Feed, err error) bool {
	var refused *api.Error
	if !errors.As(err, &refused) || refused.Status != http.StatusForbidden && refused.Status != http.StatusNotFound {
		return false
	}
	if p.barred == nil {
		p.barred = map[Feed]string{}
	}
	p.barred[f] = refused.Error()
	p.tell()
	return true
}

// goesOn reports whether there is likely more behind a page. Only an empty page is
// the end; a short one is taken for it where being wrong costs one interval.
func (p *Poller) goesOn(f Feed, page xseries.Page) bool {
	n := len(page.Records)
	if !p.progress.feed(f).Loaded {
		return n > 0
	}
	const few = 20
	return n >= few && n >= p.largest[f]/2
}

// schedule says when a feed is to be read again.
func (p *Poller) schedule(f Feed, at time.Time, goesOn bool) {
	if !goesOn {
		p.readAt[f] = at
	}
	switch echo := p.echoes[f]; {
	case goesOn:
		p.due[f] = at
	case echo.After(at) && echo.Before(at.Add(p.Interval)):
		p.due[f] = echo
	default:
		p.due[f] = at.Add(p.Interval)
	}
}

// step reads one page of a feed and records it. It is false when the feed is not
// due.
func (p *Poller) step(ctx context.Context, f Feed) (bool, error) {
	if !slices.Contains(p.feeds(), f) || !p.isDue(f) {
		return false, nil
	}
	at := p.Now()
	page, ok, err := p.next(ctx, f)
	if err != nil || !ok {
		return ok, err
	}
	c := p.progress.feed(f)
	goesOn := p.goesOn(f, page)
	items := make([]item, 0, len(page.Records))
	for _, raw := range page.Records {
		if f == Tombstones && !xseries.HeadOf(raw).Deleted {
			continue // whether the living are in this list is not said; they are in the other
		}
		items = append(items, item{feed: f, raw: raw})
	}
	if _, err := p.record(ctx, items); err != nil {
		return true, err
	}
	changed := len(page.Records) > 0
	if c.After = max(c.After, page.Max); !c.Loaded {
		c.Read += len(page.Records)
		if len(page.Records) == 0 {
			c.Loaded, changed = true, true
			p.Logger.Info("X-Series is loaded", "store", p.Store, "list", f, "records", c.Read)
		}
	}
	p.schedule(f, at, goesOn)
	if !changed {
		return true, nil
	}
	return true, p.save(ctx)
}

func (p *Poller) products(ctx context.Context) (bool, error) {
	did, err := p.step(ctx, Products)
	if err != nil {
		return did, err
	}
	also, err := p.step(ctx, Tombstones)
	return did || also, err
}

// levels waits with the first load for that of the products: an item whose level came
// first would be a product of its own until it is described.
func (p *Poller) levels(ctx context.Context) (bool, error) {
	if p.barred[Products] == "" && !p.progress.feed(Products).Loaded && !p.progress.feed(Levels).Loaded {
		return false, nil
	}
	return p.step(ctx, Levels)
}

// movements reads a page of sales, one of consignments and one of adjustments, and
// records them in the order of their versions, as far as all three reach: the fold
// takes the movements of an item in that order.
func (p *Poller) movements(ctx context.Context) (bool, error) {
	feeds := slices.DeleteFunc(slices.Clone(movements), func(f Feed) bool { return !slices.Contains(p.feeds(), f) })
	if !slices.ContainsFunc(feeds, p.isDue) {
		return false, nil
	}
	at := p.Now()
	pages, horizon, err := p.pages(ctx, feeds)
	if err != nil {
		return true, err
	}
	items, reached := merge(feeds, pages, horizon)
	if err := p.complete(ctx, items); err != nil {
		return true, err
	}
	if _, err := p.record(ctx, items); err != nil {
		return true, err
	}
	for _, f := range feeds {
		if page, ok := pages[f]; ok {
			p.progress.feed(f).After = max(p.progress.feed(f).After, reached[f])
			p.schedule(f, at, reached[f] < page.Max || p.goesOn(f, page))
		}
	}
	if len(items) == 0 {
		return true, nil
	}
	return true, p.save(ctx)
}

// pages reads a page of each feed, and says up to which version nothing is missing
// between them. What a later feed shows may be newer than something that an earlier
// one did not have when it was read, so that one is read once more.
func (p *Poller) pages(ctx context.Context, feeds []Feed) (map[Feed]xseries.Page, uint64, error) {
	pages := map[Feed]xseries.Page{}
	horizon, newest := uint64(math.MaxUint64), uint64(0)
	last := -1 // of the feeds, which had anything
	for i, f := range feeds {
		page, ok, err := p.next(ctx, f)
		if err != nil {
			return nil, 0, err
		}
		if !ok {
			continue
		}
		pages[f] = page
		if len(page.Records) > 0 {
			last, newest = i, max(newest, page.Max)
		}
		if p.goesOn(f, page) {
			horizon = min(horizon, page.Max)
		}
	}
	if last <= 0 {
		return pages, horizon, nil
	}
	horizon = min(horizon, newest)
	for _, f := range feeds[:last] {
		page, ok := pages[f]
		if !ok || p.goesOn(f, page) {
			continue
		}
		more, err := p.page(ctx, f.resource(), max(page.Max, p.progress.feed(f).After), 0)
		if err != nil {
			return nil, 0, err
		}
		if p.goesOn(f, more) {
			horizon = min(horizon, more.Max)
		}
		if more.Max > page.Max {
			pages[f] = xseries.Page{Records: append(page.Records, more.Records...), Max: more.Max}
		}
	}
	return pages, horizon, nil
}

// merge puts the records of the pages up to a version in its order, and says how far
// each feed is read with them.
func merge(feeds []Feed, pages map[Feed]xseries.Page, horizon uint64) ([]item, map[Feed]uint64) {
	type versioned struct {
		item
		version uint64
	}
	var all []versioned
	reached := map[Feed]uint64{}
	for _, f := range feeds {
		page := pages[f]
		left := false
		for _, raw := range page.Records {
			v := xseries.HeadOf(raw).Version
			if v > horizon {
				left = true
				continue
			}
			reached[f] = max(reached[f], v)
			all = append(all, versioned{item{feed: f, raw: raw}, v})
		}
		if !left {
			reached[f] = page.Max
		}
	}
	slices.SortStableFunc(all, func(a, b versioned) int { return cmp.Compare(a.version, b.version) })
	items := make([]item, len(all))
	for i, v := range all {
		items[i] = v.item
	}
	return items, reached
}

// complete reads the lines of the consignments that have come to their end, and
// before them the levels that they have led to.
func (p *Poller) complete(ctx context.Context, items []item) error {
	first := true
	for i := range items {
		if items[i].feed != Consignments || !xseries.Completed(items[i].raw) {
			continue
		}
		if first {
			first = false
			if err := p.allLevels(ctx); err != nil {
				return err
			}
		}
		var err error
		if items[i].lines, err = p.lines(ctx, xseries.HeadOf(items[i].raw).ID); err != nil {
			return err
		}
	}
	return nil
}

// allLevels reads the levels up to now.
func (p *Poller) allLevels(ctx context.Context) error {
	p.due[Levels] = p.Now()
	for {
		if did, err := p.levels(ctx); err != nil || !did {
			return err
		}
	}
}

// lines reads the lines of a consignment. One that is gone meanwhile has none.
func (p *Poller) lines(ctx context.Context, consignment string) ([]json.RawMessage, error) {
	var out []json.RawMessage
	for after := uint64(0); ; {
		body, err := p.Client.Lines(ctx, consignment, after)
		var refused *api.Error
		if errors.As(err, &refused) && refused.Status == http.StatusNotFound {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		page, err := xseries.ReadPage(body)
		if err != nil {
			return nil, fmt.Errorf("lines of consignment %s: %w", consignment, err)
		}
		if len(page.Records) == 0 || after > 0 && page.Max <= after {
			return out, nil
		}
		out = append(out, page.Records...)
		if page.Max <= after {
			return out, nil
		}
		after = page.Max
	}
}

// heads finds the newest version of the feeds that are read from now on only.
func (p *Poller) heads(ctx context.Context) error {
	for _, f := range movements {
		c := p.progress.feed(f)
		if c.Loaded || !slices.Contains(p.feeds(), f) {
			continue
		}
		head, err := p.head(ctx, f)
		if p.bars(f, err) {
			continue
		}
		if err != nil {
			return err
		}
		c.After, c.Loaded = head, true
		if err := p.save(ctx); err != nil {
			return err
		}
	}
	return nil
}

// head searches the newest version of a list: years of sales lie before it, which
// are asked for nowhere. A page after a version is empty exactly when the newest is
// not above it. It takes some forty requests. What is made while it searches may be
// on either side of what it finds, and what is made afterwards is behind it.
func (p *Poller) head(ctx context.Context, f Feed) (uint64, error) {
	const probe = 10
	// The newest is at low or above, and was not above high when that was asked; a
	// high of 0 is none.
	low, high := uint64(0), uint64(0)
	for {
		at := low
		switch {
		case low == 0 && high == 0:
		case high == 0:
			at = low + max(low, 1)
		case high > low+1:
			at = low + (high-low)/2
		case high <= low:
			return low, nil
		}
		if at > math.MaxInt64 {
			return 0, fmt.Errorf("%s: the versions have no end", f.resource())
		}
		page, err := p.page(ctx, f.resource(), at, probe)
		if err != nil {
			return 0, err
		}
		found := uint64(0)
		for _, raw := range page.Records {
			// What is above high is newer than the search.
			if v := xseries.HeadOf(raw).Version; high == 0 || v <= high {
				found = max(found, v)
			}
		}
		switch {
		case found > at:
			low = found
		case at == low: // nothing comes after what was seen
			return low, nil
		default:
			high = at
		}
	}
}
