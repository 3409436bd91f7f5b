package poll

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/pos/xseries"
	"github.com/tillstream/tillstream/handlers/pos/xseries/api"
	"github.com/tillstream/tillstream/projections"
	"github.com/tillstream/tillstream/streams"
)

// Defaults of a [Poller].
const (
	DefaultInterval = time.Minute
	// DefaultSettle is how often the retailer, its outlets and registers are read.
	DefaultSettle = time.Hour
	// DefaultEcho is how long after a hint the lists are read a second time, for an
	// API that answers with the change later than its webhook comes.
	DefaultEcho = 5 * time.Second
	// LongestPause is the longest wait after errors.
	LongestPause = 5 * time.Minute
)

// Log is the POS log as a poller needs it.
type Log interface {
	// Submit queues a group of events behind what was submitted before; the group is
	// recorded whole or not at all. The returned function waits for the answer.
	Submit(ctx context.Context, store domain.StoreID, group []domain.Envelope) func(context.Context) ([]streams.Appended, error)
	// Read calls do for the messages that the query selects, in their order.
	Read(ctx context.Context, q streams.Query, do func(streams.Message) error) error
}

// Poller reads one store's account. The exported fields are set before
// [Poller.Run], which runs once.
type Poller struct {
	Store    domain.StoreID
	Client   *api.Client
	Log      Log
	Control  *streams.Bucket
	Catalog  *projections.Catalog // what is folded, which the census compares with
	Prices   xseries.Prices       // empty: as the retailer enters them
	Interval time.Duration        // between two readings of everything; [DefaultInterval]
	Settle   time.Duration        // [DefaultSettle]
	Echo     time.Duration        // [DefaultEcho]
	// WithoutCensus leaves the slow rotating census out.
	WithoutCensus bool
	Logger        *slog.Logger
	Now           func() time.Time
	After         func(time.Duration) <-chan time.Time

	progress *progress
	revision uint64
	settled  time.Time
	due      map[Feed]time.Time
	largest  map[Feed]int       // the largest page so far
	readAt   map[Feed]time.Time // when a feed was last read to its end
	echoes   map[Feed]time.Time // when to look a second time after a hint
	barred   map[Feed]string    // why a feed is not read
	recent   map[place]reading
	unheard  int // changes that no webhook has told of, since the last one that did

	turn       int // of the census
	nextCensus time.Time

	hinted chan struct{}
	mu     sync.Mutex // for what follows
	hints  map[xseries.Hint]bool
	status projections.AccountStatus
	quiet  string // what is wrong without keeping the account from being read
}

// place is an item at an outlet.
type place struct {
	item   domain.ItemID
	outlet domain.OutletID
}

// reading is a level and its version.
type reading struct {
	onHand  domain.Quantity
	version uint64
}

// New returns a poller with its required parts and the usual tunables.
func New(store domain.StoreID, client *api.Client, log Log, control *streams.Bucket, catalog *projections.Catalog, logger *slog.Logger) *Poller {
	return &Poller{Store: store, Client: client, Log: log, Control: control, Catalog: catalog, Logger: logger,
		Interval: DefaultInterval, Settle: DefaultSettle, Echo: DefaultEcho, Now: time.Now, After: time.After,
		hinted: make(chan struct{}, 1), hints: map[xseries.Hint]bool{}, due: map[Feed]time.Time{}, readAt: map[Feed]time.Time{}, echoes: map[Feed]time.Time{}, largest: map[Feed]int{}}
}

// Hint makes the poller read on at once. It may be called at any time, and does not
// wait.
func (p *Poller) Hint(h xseries.Hint) {
	p.mu.Lock()
	p.hints[h] = true
	p.mu.Unlock()
	select {
	case p.hinted <- struct{}{}:
	default: // it is on its way already
	}
}

// Run polls until ctx ends, and returns nil then. What the account or the broker
// answers never ends it; the status says what is wrong.
func (p *Poller) Run(ctx context.Context) error {
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval, pauses.MaxInterval = time.Second, LongestPause
	for {
		err := p.work(ctx, pauses.Reset)
		if ctx.Err() != nil {
			return nil
		}
		pause := pauses.NextBackOff()
		p.failed(err, pause)
		p.progress = nil // what of it was stored is not known
		select {
		case <-p.After(pause):
		case <-ctx.Done():
			return nil
		}
	}
}

// work reads until something fails. Worked is called whenever something did not.
func (p *Poller) work(ctx context.Context, worked func()) error {
	for {
		if err := p.begin(ctx); err != nil {
			return err
		}
		p.takeHints()
		more := false
		for _, step := range []func(context.Context) (bool, error){p.movements, p.products, p.levels, p.census} {
			did, err := step(ctx)
			if err != nil {
				return err
			}
			more = more || did
		}
		worked()
		p.tell()
		p.succeeded()
		if more {
			continue
		}
		if err := p.rest(ctx); err != nil {
			return err
		}
	}
}

// begin makes sure that what reading needs is known.
func (p *Poller) begin(ctx context.Context) error {
	if p.progress == nil {
		var err error
		if p.progress, p.revision, err = load(ctx, p.Control, p.Store); err != nil {
			return err
		}
		p.tell()
	}
	if now := p.Now(); p.settled.IsZero() || !now.Before(p.settled.Add(p.Settle)) {
		p.barred = nil
		if err := p.settle(ctx); err != nil {
			return err
		}
		p.settled = now
	}
	return p.heads(ctx)
}

// settle reads the retailer, the outlets and the registers.
func (p *Poller) settle(ctx context.Context) error {
	raw, err := p.Client.Retailer(ctx)
	if err != nil {
		return err
	}
	if p.progress.Retailer, err = xseries.ReadRetailer(raw); err != nil {
		return fmt.Errorf("retailer: %w", err)
	}
	prices := p.Prices
	if prices == "" {
		prices = p.progress.Retailer.Prices()
	}
	if before := p.progress.Prices; before != prices {
		if before != "" {
			p.Logger.Info("prices are read anew", "store", p.Store, "tax", prices, "before", before)
			*p.progress.feed(Products) = cursor{}
		}
		p.progress.Prices = prices
	}
	outlets, err := p.all(ctx, api.Outlets)
	if err != nil {
		return err
	}
	p.progress.Outlets = p.progress.Outlets.With(outlets)
	registers, err := p.all(ctx, api.Registers)
	var refused *api.Error
	switch {
	case errors.As(err, &refused) && (refused.Status == 403 || refused.Status == 404):
		// Without them the outlet of a sale is less well known, and nothing else.
	case err != nil:
		return err
	default:
		p.progress.Registers = xseries.Registers(registers)
	}
	return p.save(ctx)
}

// all reads a short list whole.
func (p *Poller) all(ctx context.Context, r api.Resource) ([]json.RawMessage, error) {
	var out []json.RawMessage
	for after := uint64(0); ; {
		page, err := p.page(ctx, r, after, 0)
		if err != nil {
			return nil, err
		}
		out = append(out, page.Records...)
		if len(page.Records) == 0 || page.Max <= after {
			return out, nil
		}
		after = page.Max
	}
}

func (p *Poller) page(ctx context.Context, r api.Resource, after uint64, size int) (xseries.Page, error) {
	body, err := p.Client.Page(ctx, r, after, size)
	if err != nil {
		return xseries.Page{}, err
	}
	page, err := xseries.ReadPage(body)
	if err != nil {
		return xseries.Page{}, fmt.Errorf("%s after version %d: %w", r, after, err)
	}
	return page, nil
}

// account is what records are read with now.
func (p *Poller) account() *xseries.Account {
	return &xseries.Account{Store: p.Store, Prices: p.progress.Prices, Outlets: p.progress.Outlets, Registers: p.progress.Registers, Held: p.held}
}

// save stores the progress. Whoever polls holds a lease; a conflict means that it was
// lost.
func (p *Poller) save(ctx context.Context) error {
	value, err := json.Marshal(p.progress)
	if err != nil {
		return err
	}
	p.revision, err = p.Control.Put(ctx, progressKey(p.Store), value, &p.revision)
	if err != nil {
		return fmt.Errorf("keep how far X-Series is read: %w", err)
	}
	p.tell()
	return nil
}

// rest waits for the next reading to be due, or for a hint.
func (p *Poller) rest(ctx context.Context) error {
	next := p.Now().Add(p.Interval)
	for _, f := range p.feeds() {
		if at := p.due[f]; at.Before(next) {
			next = at
		}
	}
	wait := next.Sub(p.Now())
	if wait <= 0 {
		return ctx.Err()
	}
	select {
	case <-p.After(wait):
	case <-p.hinted:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// takeHints makes due what was hinted at.
func (p *Poller) takeHints() {
	p.mu.Lock()
	hints := p.hints
	p.hints = map[xseries.Hint]bool{}
	p.mu.Unlock()
	now := p.Now()
	for h := range hints {
		feeds := []Feed{Products, Tombstones}
		if h == xseries.HintMovements {
			feeds = append([]Feed{Levels}, movements...)
		}
		for _, f := range feeds {
			p.due[f], p.echoes[f] = now, now.Add(p.Echo)
		}
	}
	if len(hints) > 0 {
		p.heard()
	}
}

// feeds are those that the API's version has.
func (p *Poller) feeds() []Feed {
	out := []Feed{Products, Tombstones, Levels}
	for _, f := range movements {
		if p.Client.Version().Has(f.resource()) {
			out = append(out, f)
		}
	}
	return slices.DeleteFunc(out, func(f Feed) bool { return p.barred[f] != "" })
}

func (p *Poller) isDue(f Feed) bool { return !p.Now().Before(p.due[f]) }

// loaded reports whether what can be read was read to its end once.
func (p *Poller) loaded() bool {
	return !slices.ContainsFunc(countedFeeds, func(f Feed) bool { return p.barred[f] == "" && !p.progress.feed(f).Loaded })
}
