package poll

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/pos/xseries"
	"github.com/tillstream/tillstream/handlers/pos/xseries/api"
	"github.com/tillstream/tillstream/streams"
)

// Feed is a list that is read from a cursor on.
type Feed string

// The feeds.
const (
	Products     Feed = "products"
	Tombstones   Feed = "tombstones"
	Levels       Feed = "levels"
	Sales        Feed = "sales"
	Consignments Feed = "consignments"
	Adjustments  Feed = "adjustments"
)

// movements are the feeds whose records move stock, in the order in which equal
// versions are told. Their history before the account was connected is not read.
var movements = []Feed{Sales, Consignments, Adjustments}

func (f Feed) resource() api.Resource {
	return map[Feed]api.Resource{Products: api.Products, Tombstones: api.Tombstones, Levels: api.Inventory,
		Sales: api.Sales, Consignments: api.Consignments, Adjustments: api.Adjustments}[f]
}

// progress is how far an account is read, and what has to be known to read on. It
// is one value under one key.
type progress struct {
	Format    int                `json:"format"`
	Retailer  xseries.Retailer   `json:"retailer"`
	Prices    xseries.Prices     `json:"prices"` // which of the products were read
	Outlets   xseries.Outlets    `json:"outlets"`
	Registers map[string]string  `json:"registers,omitempty"`
	Feeds     map[Feed]*cursor   `json:"feeds"`
	Census    map[Feed]*rotation `json:"census"`
	Refused   map[string]Refusal `json:"refused,omitempty"` // by feed and id
	// Webhook is when the last sign of a webhook was seen.
	Webhook time.Time `json:"webhook,omitzero"`
}

const progressFormat = 1

// cursor is where a feed is.
type cursor struct {
	After  uint64 `json:"after"`            // everything up to this version is recorded
	Loaded bool   `json:"loaded,omitempty"` // the end of the list was reached once
	Read   int    `json:"read,omitempty"`   // records, until then
}

// rotation is where the census is in a list.
type rotation struct {
	After  uint64    `json:"after"`
	Rounds int       `json:"rounds,omitempty"` // times that it came to the end
	Last   time.Time `json:"last,omitzero"`    // when it did
	Found  int       `json:"found,omitempty"`  // records that nothing else had brought
}

// Refusal is a record that cannot be used.
type Refusal struct {
	Feed    Feed      `json:"feed"`
	ID      string    `json:"id"`
	Version uint64    `json:"version"`
	Reason  string    `json:"reason"`
	At      time.Time `json:"at"`
}

// MostRefusals is how many refused records are kept by name. Beyond them only the
// newest are; the account has them all.
const MostRefusals = 200

func newProgress() *progress {
	return &progress{Format: progressFormat, Outlets: xseries.Outlets{}, Feeds: map[Feed]*cursor{}, Census: map[Feed]*rotation{}, Refused: map[string]Refusal{}}
}

func (p *progress) feed(f Feed) *cursor {
	if p.Feeds[f] == nil {
		p.Feeds[f] = &cursor{}
	}
	return p.Feeds[f]
}

func (p *progress) rotation(f Feed) *rotation {
	if p.Census[f] == nil {
		p.Census[f] = &rotation{}
	}
	return p.Census[f]
}

// refuse notes a record that cannot be used.
func (p *progress) refuse(r Refusal) {
	p.Refused[string(r.Feed)+" "+r.ID] = r
	for len(p.Refused) > MostRefusals {
		oldest := ""
		for name, other := range p.Refused {
			if oldest == "" || other.At.Before(p.Refused[oldest].At) || other.At.Equal(p.Refused[oldest].At) && name < oldest {
				oldest = name
			}
		}
		delete(p.Refused, oldest)
	}
}

func (p *progress) pardon(f Feed, id string) { delete(p.Refused, string(f)+" "+id) }

// progressKey is where the progress of a store lies.
func progressKey(store domain.StoreID) streams.Key { return streams.MakeKey(store, "xseries") }

// IsProgress reports whether a key of the control bucket is that of a progress: what no
// log could bring back.
func IsProgress(k streams.Key) bool {
	store, _, err := k.Parts()
	return err == nil && store != "" && k == progressKey(store)
}

// load reads the progress, and begins one where there is none.
func load(ctx context.Context, control *streams.Bucket, store domain.StoreID) (*progress, uint64, error) {
	entry, err := control.Get(ctx, progressKey(store))
	if errors.Is(err, domain.ErrNotFound) {
		return newProgress(), 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	p := newProgress()
	if err := json.Unmarshal(entry.Value, p); err != nil {
		return nil, 0, fmt.Errorf("progress of X-Series in %s: cannot be read: %w", control.Name(), err)
	}
	if p.Format != progressFormat {
		return nil, 0, fmt.Errorf("progress of X-Series in %s has format %d, this version of tillstream reads %d", control.Name(), p.Format, progressFormat)
	}
	return p, entry.Revision, nil
}

// KnownAccount is what the webhooks of a store can be read with, as far as its
// account was polled.
func KnownAccount(ctx context.Context, control *streams.Bucket, store domain.StoreID) (*xseries.Account, error) {
	p, _, err := load(ctx, control, store)
	if err != nil {
		return nil, err
	}
	return &xseries.Account{Store: store, Prices: p.Prices, Outlets: p.Outlets, Registers: p.Registers}, nil
}

// tokens keep what OAuth brings where the progress lies.
type tokens struct {
	control *streams.Bucket
	key     streams.Key
}

// KeepTokens is where the tokens of a store are kept.
func KeepTokens(control *streams.Bucket, store domain.StoreID) api.Keep {
	return tokens{control, streams.MakeKey(store, "xseries-tokens")}
}

// Load returns what was stored last.
func (t tokens) Load(ctx context.Context) ([]byte, error) {
	entry, err := t.control.Get(ctx, t.key)
	if errors.Is(err, domain.ErrNotFound) {
		return nil, nil
	}
	return entry.Value, err
}

// Store returns when the value is on disk.
func (t tokens) Store(ctx context.Context, value []byte) error {
	_, err := t.control.Put(ctx, t.key, value, nil)
	return err
}
