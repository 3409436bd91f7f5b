package poll

import (
	"context"
	"errors"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/pos/xseries"
)

// counted lists what the census goes through, one after the other.
var countedFeeds = []Feed{Products, Levels, Tombstones}

// census reads one page of all there is and records what is newer than what is
// folded although its feed has passed it. It reads no page more often than once an
// interval, so that it takes a small part of the limit. It is always false: what
// comes after the page has time.
func (p *Poller) census(ctx context.Context) (bool, error) {
	at := p.Now()
	if p.WithoutCensus || !p.loaded() || at.Before(p.nextCensus) {
		return false, nil
	}
	p.nextCensus = at.Add(p.Interval)
	f := countedFeeds[p.turn%len(countedFeeds)]
	r := p.progress.rotation(f)
	page, err := p.page(ctx, f.resource(), r.After, 0)
	if p.bars(f, err) {
		p.turn++
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if len(page.Records) == 0 || page.Max <= r.After {
		r.After, r.Last = 0, at.UTC()
		r.Rounds++
		p.turn++
		return false, p.save(ctx)
	}
	var missed []item
	for _, raw := range page.Records {
		known, err := p.known(ctx, f, item{feed: f, raw: raw})
		if err != nil {
			return false, err
		}
		if !known {
			missed = append(missed, item{feed: f, raw: raw})
		}
	}
	found, err := p.record(ctx, missed)
	if err != nil {
		return false, err
	}
	if found > 0 {
		r.Found += found
		p.Logger.Warn("the census found changes that nothing else had brought", "store", p.Store, "list", f, "changes", found)
	}
	r.After = page.Max
	return false, p.save(ctx)
}

// known reports whether a record is folded, is still to be read, or cannot be used.
func (p *Poller) known(ctx context.Context, f Feed, it item) (bool, error) {
	head := xseries.HeadOf(it.raw)
	if head.Version == 0 || head.Version > p.progress.feed(f).After || f == Tombstones && !head.Deleted {
		return true, nil
	}
	if refused, ok := p.progress.Refused[string(f)+" "+nameOf(head)]; ok && refused.Version >= head.Version {
		return true, nil
	}
	if f != Levels {
		held, ok, err := p.item(ctx, domain.ItemID(head.ID))
		return ok && held.Snapshot.Version >= head.Version, err
	}
	change, err := p.read(ctx, it)
	var useless *xseries.RecordError
	switch {
	case errors.As(err, &useless), err == nil && len(change.Envelopes) == 0:
		return false, nil // record says what is wrong with it
	case err != nil:
		return false, err
	}
	event, err := change.Envelopes[0].Event()
	if err != nil {
		return false, err
	}
	level, ok := event.(*domain.StockLevelReported)
	if !ok {
		return true, nil
	}
	held, ok, err := p.item(ctx, level.Item)
	if err != nil || !ok {
		return false, err
	}
	for _, l := range held.Stock {
		if l.Outlet == level.Outlet {
			return l.Reading.Version >= head.Version, nil
		}
	}
	return false, nil
}
