package projections

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/tillstream/tillstream/domain"
)

// SnapshotFormat is the version of the product projection: of what a snapshot holds
// and of how it is folded. It is raised whenever the same log gives other snapshots,
// which a test with recorded digests finds out, and whenever a type of event becomes known. A
// bucket of another format is refused, and folded anew by `tillstream rebuild`.
//
//	1: domain.Product as JSON
//	2: with stock_due
//	3: with what an item and a product remember of each other, and where an item's
//	   events lie
//	4: where a trail has no room, it lets go of all it has, as a stretch beside it
const SnapshotFormat = 4

// DefaultKept is how many states a [Catalog] keeps in memory that are stored. Of a
// catalog in which everything changes and that is larger, most are read again before
// they are folded into, which is several times slower.
const DefaultKept = 1 << 18

// Catalog is the current state of every product, folded from the POS log into
// snapshots in a bucket. One goroutine may call Fold, Advance and Seal; all other
// methods may be called by anybody at any time.
type Catalog struct {
	bucket  Bucket
	folding Folding
	modes   func(domain.StoreID) domain.StockMode
	kept    int

	mu       sync.RWMutex
	shelves  map[domain.StoreID]*shelf
	position domain.Position
	adopted  int // how often it has gone on as another one
	stored   checkpoint
	marked   bool           // the bucket has a checkpoint
	reached  chan struct{}  // closed, and replaced, when there is a new checkpoint
	clean    *recency       // those that the bucket has
	dirty    []*row         // in the order in which they were first changed
	gone     []domain.Entry // stretches, to be stored before the states that have let go of them
	draft    bool           // see Draft
	whole    bool           // the draft has begun with nothing and has all states in memory
	most     int            // bytes that a draft holds
	inPages  int            // values that a draft has laid in pages
	heavy    int            // bytes of the dirty states
	steps    []step         // to be stored before the dirty ones, one after the other
	unhinted int            // values that were stored since the newest hint
	partial  bool           // not all of the bucket was seen at the start
	places   []place        // room for those of one product, see indexAs

	room foldRoom // Fold's alone
}

// OpenCatalog reads the snapshots of a bucket. modes says what moves the stock of
// a store; kept is how many states to keep in memory, 0 for [DefaultKept].
// An item that a crash left in two products is taken from the one it was leaving.
//
// It refuses a bucket of another format, one that other modes were folded into, and one
// with less in it than its checkpoint speaks of; the error names the command that mends
// it.
func OpenCatalog(ctx context.Context, bucket Bucket, modes func(domain.StoreID) domain.StockMode, kept int) (*Catalog, error) {
	return Present().OpenCatalog(ctx, bucket, modes, kept, nil)
}

// OpenCatalog is the function of that name for another folding than the present one, and
// with a hint, if it is not nil. Where it had to read much of the bucket, it writes the
// hint anew.
func (f Folding) OpenCatalog(ctx context.Context, bucket Bucket, modes func(domain.StoreID) domain.StockMode, kept int, hint *Hint) (*Catalog, error) {
	c := &Catalog{
		bucket:  bucket,
		folding: f,
		modes:   modes,
		kept:    cmp.Or(kept, DefaultKept),
		shelves: map[domain.StoreID]*shelf{},
		clean:   newRecency(),
		reached: make(chan struct{}),
	}
	extent, after, err := hint.begin(ctx, bucket, c.readHint)
	if err != nil {
		return nil, fmt.Errorf("open the catalog: %w", err)
	}
	torn, err := c.scan(ctx, after, extent)
	if err != nil {
		return nil, fmt.Errorf("open the catalog: %w", err)
	}
	if err := c.stored.check(c.marked, c.size()); err != nil {
		return nil, fmt.Errorf("open the catalog: %w", err)
	}
	if err := c.checkModes(); err != nil {
		return nil, fmt.Errorf("open the catalog: %w", err)
	}
	if err := c.mend(ctx, torn); err != nil {
		return nil, fmt.Errorf("open the catalog: %w", err)
	}
	hint.tell(c.writeHint(ctx, hint, extent))
	return c, nil
}

// Observe takes a value that another process has written to the bucket, for a
// Catalog that is not folded into. Values may come late, twice, or not at all: an
// older one is not taken.
func (c *Catalog) Observe(e domain.Entry) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case isCheckpoint(e.Key):
		return c.observeCheckpoint(e.Value)
	case e.Key.Stretch > 0:
		return nil
	}
	p := new(domain.Product)
	if err := json.Unmarshal(e.Value, p); err != nil {
		return badSnapshot(e.Key, err)
	}
	if err := eachOnce(p.Items, func(it *domain.Item) domain.ItemID { return it.ID }); err != nil {
		return badSnapshot(e.Key, err)
	}
	if r := c.shelf(p.Store).product(p.ID); r != nil && r.past(p.Position, e.Revision) {
		return nil
	}
	r := c.index(p)
	c.clean.remove(r)
	r.state, r.hash = p.Pack(), hashSnapshot(p.Store, p.ID, e.Value)
	r.revision, r.paged = e.Revision, e.Page > 0
	c.keep(r)
	return nil
}

func (c *Catalog) observeCheckpoint(value []byte) error {
	stored, err := readCheckpoint(value, c.folding.Format)
	if err != nil {
		return err
	}
	if !c.marked || stored.Position > c.stored.Position {
		c.mark(stored)
		c.position = max(c.position, stored.Position)
	}
	return nil
}

// mark takes a checkpoint that the bucket has.
func (c *Catalog) mark(stored checkpoint) {
	c.stored, c.marked = stored, true
	close(c.reached)
	c.reached = make(chan struct{})
}

func badSnapshot(key domain.Key, err error) error {
	return fmt.Errorf("snapshot %s/%s cannot be read: run `tillstream rebuild`: %w", key.Store, key.ID, err)
}

func (c *Catalog) shelf(store domain.StoreID) *shelf {
	s, ok := c.shelves[store]
	if !ok {
		s = newShelf(store, c.bucket, 0, 0)
		c.shelves[store] = s
	}
	return s
}

// index makes the index agree with p. The caller holds mu.
func (c *Catalog) index(p *domain.Product) *row {
	r := c.shelf(p.Store).row(p.ID)
	c.indexAs(r, p)
	return r
}

// indexAs is index given the product's row.
func (c *Catalog) indexAs(r *row, p *domain.Product) {
	items := r.items
	if !r.holds(p) {
		c.places = appendPlaces(c.places[:0], p)
		items = c.places
	}
	r.shelf.put(r, p.Position, p.Due, p.StockDue, p.Tally, p.Deleted(), items)
}

// size is the number of products.
func (c *Catalog) size() int {
	n := 0
	for _, s := range c.shelves {
		n += s.arena.count
	}
	return n
}

// state returns the state of a product: from memory, or from the bucket, which
// has it exactly when memory has not.
func (c *Catalog) state(ctx context.Context, r *row) (*domain.Product, error) {
	return c.stateInto(ctx, r, new(domain.Product))
}

// stateInto is state with room for it that nobody uses any more.
func (c *Catalog) stateInto(ctx context.Context, r *row, room *domain.Product) (*domain.Product, error) {
	c.mu.RLock()
	state, at := r.state, r.lies()
	c.mu.RUnlock()
	if state != "" {
		state.UnpackInto(room, r.shelf.store, r.id)
		return room, nil
	}
	read, err := readStates(ctx, at)
	if err != nil {
		return nil, err
	}
	return read[0], nil
}

// keep enters a state that the bucket has into those that may be forgotten, and
// forgets the ones that were not used for longest.
func (c *Catalog) keep(r *row) {
	if r.state == "" || r.dirty || r.sealed > 0 {
		return
	}
	c.clean.use(r)
	c.trim()
}

// trim forgets states that the bucket has, if there are too many: of a draft, if all that
// it holds are too heavy, for it comes back to every product, and to read a state again is
// several times as expensive as to fold into it.
func (c *Catalog) trim() {
	for c.clean.count > c.kept && (!c.draft || c.heavy+c.clean.bytes > c.most) {
		c.forgetState(c.clean.last())
	}
}

// forgetState forgets a state that the bucket has.
func (c *Catalog) forgetState(r *row) {
	c.clean.remove(r)
	if !r.dirty && r.sealed == 0 {
		r.state, c.whole = "", false
	}
}
