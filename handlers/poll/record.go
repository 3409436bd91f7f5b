package poll

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/pos/xseries"
	"github.com/tillstream/tillstream/handlers/pos/xseries/api"
	"github.com/tillstream/tillstream/streams"
)

const (
	// mostInFlight is how many groups wait for the log at a time.
	mostInFlight = 2048
	// patience is how long the log may take to answer.
	patience = 30 * time.Second
	// remembered is for how long the log surely knows the ids of what it holds: well
	// within its duplicate window.
	remembered = 12 * time.Hour
	// mostRecent bounds the levels that are kept at hand.
	mostRecent = 50_000
)

// item is one record of a feed.
type item struct {
	feed  Feed
	raw   json.RawMessage
	lines []json.RawMessage // of a consignment that has come to its end
}

// inFlight is a group on its way into the log.
type inFlight struct {
	feed  Feed
	head  xseries.Head
	group []domain.Envelope
	wait  func(context.Context) ([]streams.Appended, error)
}

// record appends what the records say, in their order, and returns when it is in
// the log. It counts the events that were not there before. What cannot be used is
// noted.
func (p *Poller) record(ctx context.Context, items []item) (fresh int, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // whoever returns early waits for nothing more
	var queue []inFlight
	flush := func() error {
		for _, f := range queue {
			n, err := p.settleGroup(ctx, f)
			if err != nil {
				return err
			}
			fresh += n
		}
		queue = queue[:0]
		return nil
	}
	for _, it := range items {
		change, err := p.read(ctx, it)
		var record *xseries.RecordError
		head := xseries.HeadOf(it.raw)
		switch {
		case errors.As(err, &record):
			p.refuse(it.feed, head, record.Err)
			continue
		case err != nil:
			return fresh, err
		case change.Note != "":
			p.note(change.Note)
		}
		p.progress.pardon(it.feed, nameOf(head))
		envelopes, err := p.unknown(ctx, it.feed, change.Envelopes)
		if err != nil {
			return fresh, err
		}
		p.remember(envelopes)
		for group := range slices.Chunk(envelopes, streams.MaxGroup) {
			queue = append(queue, inFlight{it.feed, head, group, p.Log.Submit(ctx, p.Store, group)})
		}
		if len(queue) >= mostInFlight {
			if err := flush(); err != nil {
				return fresh, err
			}
		}
	}
	return fresh, flush()
}

// settleGroup waits for a group to be in the log.
func (p *Poller) settleGroup(ctx context.Context, f inFlight) (fresh int, err error) {
	bounded, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	appended, err := f.wait(bounded)
	var reused *domain.ReusedIDError
	var invalid *domain.InvalidError
	switch {
	case errors.As(err, &reused) && len(f.group) == 1:
		// The change is in the log, in other words: an outlet had another name then,
		// or a level was read later. What was told first stands.
		return 0, nil
	case errors.As(err, &reused):
		for _, e := range f.group {
			one := []domain.Envelope{e}
			n, err := p.settleGroup(ctx, inFlight{f.feed, f.head, one, p.Log.Submit(ctx, p.Store, one)})
			if err != nil {
				return fresh, err
			}
			fresh += n
		}
		return fresh, nil
	case errors.As(err, &invalid):
		p.refuse(f.feed, f.head, invalid)
		return 0, nil
	case err != nil:
		return 0, err
	}
	for _, a := range appended {
		if !a.Duplicate {
			fresh++
		}
	}
	p.counted(f.feed, fresh, len(appended)-fresh)
	return fresh, nil
}

// read makes events of a record, and learns the outlets that it needs. Their names
// are stored before an event has them: learned anew after a crash, an outlet that was
// renamed meanwhile would be two.
func (p *Poller) read(ctx context.Context, it item) (xseries.Change, error) {
	change, err := p.readAs(it)
	var unknown *xseries.UnknownOutletError
	for errors.As(err, &unknown) {
		outlets, e := p.all(ctx, api.Outlets)
		if e != nil {
			return change, e
		}
		// One that is not listed any more goes by its id.
		p.progress.Outlets = p.progress.Outlets.With(outlets).Named(unknown.ID)
		if e := p.save(ctx); e != nil {
			return change, e
		}
		before := unknown.ID
		if change, err = p.readAs(it); errors.As(err, &unknown) && unknown.ID == before {
			return change, err
		}
	}
	return change, err
}

func (p *Poller) readAs(it item) (xseries.Change, error) {
	account, seen := p.account(), p.Now().UTC()
	switch it.feed {
	case Products, Tombstones:
		return account.Product(it.raw, seen)
	case Levels:
		return account.Level(it.raw, seen)
	case Sales:
		return account.Sale(it.raw, seen)
	case Consignments:
		return account.Consignment(it.raw, it.lines, seen)
	}
	return account.Adjustment(it.raw, seen)
}

// unknown leaves out the movements that the log holds already, though it may have
// forgotten their ids. Snapshots and levels need no such care: the fold knows their
// versions.
func (p *Poller) unknown(ctx context.Context, f Feed, envelopes []domain.Envelope) ([]domain.Envelope, error) {
	if !slices.Contains(movements, f) {
		return envelopes, nil
	}
	var out []domain.Envelope
	for _, e := range envelopes {
		if p.Now().Sub(e.Time) > remembered {
			held, err := p.holds(ctx, e)
			if err != nil {
				return nil, err
			}
			if held {
				continue
			}
		}
		out = append(out, e)
	}
	return out, nil
}

// holds looks for an event in the history of its item.
func (p *Poller) holds(ctx context.Context, e domain.Envelope) (bool, error) {
	found := errors.New("found")
	err := p.Log.Read(ctx, streams.Query{Store: p.Store, Key: e.Subject}, func(m streams.Message) error {
		rec, err := m.Recorded()
		if err == nil && rec.ID == e.ID && rec.Source == e.Source {
			return found
		}
		return nil
	})
	if errors.Is(err, found) {
		return true, nil
	}
	return false, err
}

// remember keeps the levels that were read last, which may not be folded yet.
func (p *Poller) remember(envelopes []domain.Envelope) {
	for _, e := range envelopes {
		if e.Type != domain.TypeStockLevelReported {
			return
		}
		event, err := e.Event()
		level, ok := event.(*domain.StockLevelReported)
		if err != nil || !ok {
			continue
		}
		if p.recent == nil || len(p.recent) > mostRecent {
			p.recent = map[place]reading{}
		}
		at := place{level.Item, level.Outlet}
		if e.SourceVersion > p.recent[at].version {
			p.recent[at] = reading{level.OnHand, e.SourceVersion}
		}
	}
}

// held is the newest level that is known of an item at an outlet.
func (p *Poller) held(id domain.ItemID, outlet domain.OutletID) (domain.Quantity, uint64, bool) {
	newest, ok := p.recent[place{id, outlet}]
	// What cannot be read counts as not known: then the figure of the count is taken,
	// under an older version than any level has.
	it, found, err := p.item(context.Background(), id)
	if err != nil || !found {
		return newest.onHand, newest.version, ok
	}
	for _, l := range it.Stock {
		if l.Outlet == outlet && l.Reading.Version > newest.version {
			newest, ok = reading{l.OnHand, l.Reading.Version}, true
		}
	}
	return newest.onHand, newest.version, ok
}

// item is what is folded of an item.
func (p *Poller) item(ctx context.Context, id domain.ItemID) (domain.Item, bool, error) {
	holder, ok := p.Catalog.Holder(p.Store, id)
	if !ok {
		return domain.Item{}, false, nil
	}
	product, err := p.Catalog.Product(ctx, p.Store, holder)
	if errors.Is(err, domain.ErrNotFound) {
		return domain.Item{}, false, nil
	}
	if err != nil {
		return domain.Item{}, false, fmt.Errorf("look up item %s: %w", id, err)
	}
	it, ok := product.Item(id)
	return it, ok, nil
}

// nameOf names a record for people; one without an id goes by its version.
func nameOf(h xseries.Head) string {
	if h.ID == "" {
		return fmt.Sprintf("version %d", h.Version)
	}
	return h.ID
}

func (p *Poller) refuse(f Feed, h xseries.Head, why error) {
	r := Refusal{Feed: f, ID: nameOf(h), Version: h.Version, Reason: why.Error(), At: p.Now().UTC()}
	if before, ok := p.progress.Refused[string(f)+" "+r.ID]; !ok || before.Version != r.Version {
		p.Logger.Warn("a record of X-Series cannot be used", "store", p.Store, "list", f, "record", r.ID, "version", r.Version, "reason", r.Reason)
	}
	p.progress.refuse(r)
}
