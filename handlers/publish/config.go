package publish

import (
	"context"
	"errors"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce"
	"github.com/tillstream/tillstream/projections"
	"github.com/tillstream/tillstream/streams"
)

// Defaults of a [Config].
const (
	DefaultConcurrency = bigcommerce.DefaultConcurrency
	// DefaultQuiet is longer than any gateway keeps a request whose client has gone.
	DefaultQuiet = time.Minute
	// DefaultChannel is a store's first storefront.
	DefaultChannel bigcommerce.ChannelID = 1
)

// Source is the CloudEvents source of every event that a Publisher records.
const Source domain.SourceID = "/tillstream/publish"

// OnMissing says what becomes of a link whose BigCommerce product is gone.
type OnMissing string

// What becomes of a broken link.
const (
	// MissingReports marks it, and leaves it to somebody.
	MissingReports OnMissing = "report"
	// MissingRelinks links the product that has its SKU, if there is exactly one and
	// it is free, and else reports.
	MissingRelinks OnMissing = "relink"
	// MissingRecreates does so too, and creates the product anew if none has its SKU.
	MissingRecreates OnMissing = "recreate"
)

// Log is where outcomes are recorded: the SYNC log.
type Log interface {
	// Append stores a group of events of one store, all or none, and returns where
	// each lies, in order. Appending one again is no second event.
	Append(ctx context.Context, store domain.StoreID, events []domain.Envelope) ([]streams.Appended, error)
}

var _ Log = (*streams.Log)(nil)

// Config is what a Publisher works with. Everything above the tunables is
// required.
type Config struct {
	Store  domain.StoreID
	Rules  domain.Rules
	Client *bigcommerce.Client
	// Catalog has the newest states; whoever folds into it calls [Publisher.Wake].
	Catalog      *projections.Catalog
	Publications *projections.Publications
	Log          Log

	// CreateAll creates the twin of every product that is described and has none. By
	// default only linked products are pushed.
	CreateAll bool
	// Manual pushes what is asked for by [Publisher.Push], [Publisher.Create] and
	// [Publisher.Approve] only;
	// what else is due stays pending.
	Manual bool
	// NoImages gives a created product no images.
	NoImages bool
	// OnMissing says what becomes of a link when BigCommerce has no longer the product
	// that it names; default [MissingReports].
	OnMissing OnMissing
	// Weight and Categories are given to a product that is created, because
	// BigCommerce asks for them; they belong to the merchant from then on.
	Weight     bigcommerce.Number
	Categories []int64
	// Channels are where a created product is offered; default [DefaultChannel].
	Channels []bigcommerce.ChannelID

	// Guards may hold pushes; by default none does.
	Guards Guards

	// Concurrency is how many requests are in flight at most; default
	// [DefaultConcurrency]. Stock is always written by one request at a time.
	Concurrency int
	// Quiet is how long a request whose fate is unknown may still take effect;
	// default [DefaultQuiet].
	Quiet time.Duration
	// Now and After are the clock; default time.Now and time.After.
	Now   func() time.Time
	After func(time.Duration) <-chan time.Time
	// OnOutcome, when set, is told every outcome once it is recorded, one at a time.
	// It must not block.
	OnOutcome func(Outcome)
}

func (c Config) complete() (Config, error) {
	if _, err := domain.ParseStoreID(string(c.Store)); err != nil {
		return c, err
	}
	if c.Client == nil || c.Catalog == nil || c.Publications == nil || c.Log == nil {
		return c, errors.New("publish: Client, Catalog, Publications and Log are required")
	}
	var err error
	if c.Guards.Breaker, err = c.Guards.Breaker.complete(); err != nil {
		return c, err
	}
	if c.OnMissing == "" {
		c.OnMissing = MissingReports
	}
	if len(c.Channels) == 0 {
		c.Channels = []bigcommerce.ChannelID{DefaultChannel}
	}
	if c.Concurrency <= 0 {
		c.Concurrency = DefaultConcurrency
	}
	if c.Quiet <= 0 {
		c.Quiet = DefaultQuiet
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.After == nil {
		c.After = time.After
	}
	if c.OnOutcome == nil {
		c.OnOutcome = func(Outcome) {}
	}
	return c, nil
}
