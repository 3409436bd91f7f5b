package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/console"
	"github.com/tillstream/tillstream/handlers/problem"
	"github.com/tillstream/tillstream/handlers/project"
	"github.com/tillstream/tillstream/projections"
	"github.com/tillstream/tillstream/streams"
)

// epochBuild is one rebuild: a new epoch of the product states, folded beside the
// current one, compared with it, and switched to.
type epochBuild struct {
	app          *app
	wish         console.RebuildWish
	tell         func(console.RebuildProgress)
	publications *projections.Publications
	opened       func(*project.Handler) // when set, told of each handler that is to build
	hears        bool                   // nobody else follows the log: the build is to hear of its sources

	record  streams.Epochs
	epoch   uint64
	catalog *projections.Catalog
	handler *project.Handler
	heard   *projections.Sources // of a build that hears and began with the first event; else nil
	owed    []owedPush
	dropped uint64 // the epoch that the switch has left without use; 0 for none
	report  console.RebuildReport
	began   time.Time
}

// owedPush is a product of which BigCommerce is to show something else because of a
// switch, although no event says so.
type owedPush struct {
	Store    domain.StoreID   `json:"store"`
	Product  domain.ProductID `json:"product"`
	Position domain.Position  `json:"position"`
	Digest   string           `json:"digest"`
	Was      string           `json:"was"`
}

// looks reports whether nothing is to be switched to.
func (b *epochBuild) looks() bool { return b.wish.DryRun || b.wish.At > 0 }

// basis is what a build is folded by and with.
func (a *app) basis() string {
	stores := make([]string, len(a.cfg.Stores))
	for i, s := range a.cfg.Stores {
		stores[i] = s.ID + "=" + s.Stock
	}
	slices.Sort(stores)
	return fmt.Sprintf("format %d, %s", a.folding.Format, strings.Join(stores, " "))
}

// stockModes is what moves the stock of each configured store.
func (a *app) stockModes() map[domain.StoreID]domain.StockMode {
	modes := map[domain.StoreID]domain.StockMode{}
	for _, s := range a.cfg.Stores {
		modes[domain.StoreID(s.ID)] = domain.StockMode(s.Stock)
	}
	return modes
}

func (a *app) openCatalog(ctx context.Context, folding projections.Folding, epoch uint64, hint *projections.Hint) (*projections.Catalog, error) {
	return a.openCatalogBy(ctx, folding, a.stockModes(), epoch, hint)
}

func (a *app) openCatalogBy(ctx context.Context, folding projections.Folding, modes map[domain.StoreID]domain.StockMode, epoch uint64, hint *projections.Hint) (*projections.Catalog, error) {
	return folding.OpenCatalog(ctx, a.conn.Products(epoch).Snapshots(), func(s domain.StoreID) domain.StockMode { return modes[s] }, 0, hint)
}

func (a *app) newHandler(c *projections.Catalog) *project.Handler {
	modes := a.stockModes()
	return project.New(c, a.conn, func(s domain.StoreID) bool { _, ok := modes[s]; return ok })
}

// begin opens the epoch that is to be folded: a new one, one that was interrupted, or
// the one before.
func (b *epochBuild) begin(ctx context.Context) (err error) {
	b.began = time.Now()
	conn := b.app.conn
	if b.record, err = conn.Epochs(ctx); err != nil {
		return err
	}
	if !b.looks() { // the next switch has lists of its own
		if b.record, err = b.app.settleSwitch(ctx, b.record, b.publications); err != nil {
			return err
		}
	}
	b.report.Was = b.record.Current
	there, err := conn.ProductsEpochs(ctx)
	if err != nil {
		return err
	}
	next := slices.Max(append(there, b.record.Current, b.record.Previous, b.record.Building)) + 1
	switch {
	case b.wish.Rollback && b.record.Previous == 0:
		return problem.New(http.StatusConflict, "there is no epoch to go back to").WithHint("tillstream rebuild, which folds a new one")
	case b.wish.Rollback:
		b.epoch = b.record.Previous
	case b.looks():
		b.epoch = next
	case b.record.Building != 0 && b.record.Basis == b.app.basis() && slices.Contains(there, b.record.Building):
		b.epoch, b.report.Resumed = b.record.Building, true
	default:
		b.record.Building, b.record.Basis = next, b.app.basis()
		if b.record, err = conn.SetEpochs(ctx, b.record); err != nil {
			return err
		}
		b.epoch = next
	}
	b.report.Epoch = b.epoch
	for _, left := range there {
		if !slices.Contains([]uint64{b.record.Current, b.record.Previous, b.record.Building, b.epoch}, left) {
			if err := conn.DropProducts(ctx, left); err != nil {
				return err
			}
		}
	}
	return b.open(ctx)
}

// open opens the bucket of the epoch. What an interrupted build has left and cannot be
// gone on with is begun anew.
func (b *epochBuild) open(ctx context.Context) error {
	if err := b.app.conn.EnsureProducts(ctx, b.epoch); err != nil {
		return err
	}
	var err error
	b.catalog, err = b.app.openCatalog(ctx, b.app.folding, b.epoch, nil)
	var other *projections.FormatError
	var modes *projections.ModesError
	switch {
	case errors.As(err, &other) && b.wish.Rollback:
		return problem.Newf(http.StatusConflict, "epoch %d was folded by another version of tillstream: its format is %d, that of this one is %d", b.epoch, other.Stored, other.Ours).
			WithHint("tillstream rebuild --rollback with that version")
	case errors.As(err, &modes) && b.wish.Rollback:
		return problem.Newf(http.StatusConflict, "epoch %d was folded with other settings: %v", b.epoch, modes).WithHint("tillstream rebuild --rollback with those settings")
	case err != nil && b.report.Resumed:
		return b.restart(ctx)
	case err != nil:
		return err
	}
	b.handler = b.app.newHandler(b.catalog)
	b.handler.Applied = b.publications.Apply
	b.heard = nil
	if b.hears && !b.looks() && b.catalog.Position() == 0 {
		b.heard = projections.NewSources()
		b.handler.Seen = b.heard.Apply
	}
	if b.opened != nil {
		b.opened(b.handler)
	}
	if b.report.Resumed {
		owes, err := b.handler.MayOwe(ctx, b.catalog.Position())
		if err != nil {
			return err
		}
		if owes {
			return b.restart(ctx)
		}
	}
	return nil
}

// restart begins a build anew that was interrupted.
func (b *epochBuild) restart(ctx context.Context) error {
	b.report.Resumed = false
	if err := b.app.conn.DropProducts(ctx, b.epoch); err != nil {
		return err
	}
	return b.open(ctx)
}

// fold folds the epoch up to a position.
func (b *epochBuild) fold(ctx context.Context, to domain.Position) error {
	from, began := b.catalog.Position(), time.Now()
	err := b.handler.Build(ctx, to, project.BuildOptions{Draft: !b.wish.Rollback, Quiet: b.looks(), Workers: b.app.workers, Tell: func(at domain.Position) {
		p := console.RebuildProgress{Phase: "folding", Position: at, Of: to}
		if s := time.Since(began).Seconds(); s > 0.5 && at > from {
			p.PerSecond = math.Round(float64(at-from) / s)
			p.SecondsLeft = math.Ceil(float64(to-at) * s / float64(at-from))
		}
		b.tell(p)
	}})
	if err == nil && b.catalog.Position() < to {
		err = fmt.Errorf("the log ends at position %d, and was to be folded up to %d", b.catalog.Position(), to)
	}
	if err != nil {
		return fmt.Errorf("fold epoch %d: %w", b.epoch, err)
	}
	return nil
}

// compare finds what differs from the current epoch, which is at the same position,
// and what BigCommerce is to be told of it.
func (b *epochBuild) compare(ctx context.Context, current *projections.Catalog) error {
	b.tell(console.RebuildProgress{Phase: "comparing", Position: b.catalog.Position(), Of: b.catalog.Position()})
	c := newComparing(b.publications, b.catalog.Position())
	tree, err := projections.CompareCatalogs(ctx, current, b.catalog, b.app.rulesOf(), c.take)
	if err != nil {
		return fmt.Errorf("compare epoch %d with epoch %d: %w", b.epoch, b.record.Current, err)
	}
	b.report.Compared, b.owed, b.report.Digest = c.found, c.owed, tree.Digest()
	return nil
}

// rulesOf says how the products of each configured store are shown.
func (a *app) rulesOf() func(domain.StoreID) domain.Rules {
	rules := map[domain.StoreID]domain.Rules{}
	for _, s := range a.cfg.Stores {
		rules[domain.StoreID(s.ID)] = s.rules()
	}
	return func(s domain.StoreID) domain.Rules { return rules[s] }
}

// comparing counts products that come out otherwise, and finds out what BigCommerce is
// to be told of it.
type comparing struct {
	publications *projections.Publications
	found        *console.RebuildComparison
	owed         []owedPush
}

func newComparing(publications *projections.Publications, at domain.Position) *comparing {
	return &comparing{publications: publications, found: &console.RebuildComparison{Position: at, Fields: map[string]int{}, Examples: []projections.Difference{}}}
}

func (c *comparing) take(d projections.Difference) error {
	c.found.Products++
	for _, field := range d.Fields {
		c.found.Fields[field]++
	}
	if len(c.found.Examples) < console.MostExamples {
		c.found.Examples = append(c.found.Examples, d)
	}
	pub := c.publications.Publication(d.Store, d.Product)
	if d.Shown && pub.Link != nil && d.Digest != "" {
		c.found.Pushed++
		was := d.Was
		if was == "" {
			was = "nothing"
		}
		c.owed = append(c.owed, owedPush{d.Store, d.Product, d.Position, d.Digest, was})
	}
	return nil
}

// sum says what has come out, as long as nobody else folds into it.
func (b *epochBuild) sum() error {
	s := b.handler.Stats()
	b.report.Position, b.report.Events, b.report.DeadLetters, b.report.Products = b.catalog.Position(), s.Tally, s.DeadLetters, 0
	for _, store := range b.catalog.Stores() {
		b.report.Products += b.catalog.Size(store)
	}
	b.report.Seconds = time.Since(b.began).Seconds()
	if c := b.report.Compared; c != nil && c.Position == b.report.Position {
		return nil // the digest is known
	}
	tree, err := b.catalog.Tree()
	if err == nil {
		b.report.Digest = tree.Digest()
	}
	return err
}

// discard removes an epoch that was for looking.
func (b *epochBuild) discard(ctx context.Context) error {
	if b.epoch == 0 || !b.looks() || b.wish.Rollback {
		return nil
	}
	return b.app.conn.DropProducts(context.WithoutCancel(ctx), b.epoch)
}

// owedInList is how many products one list of what is owed has at most: with the
// longest ids, escaped, it is still below a megabyte, which a broker takes.
const owedInList = 500

// switchOver makes the epoch the current one: with one write, before which what the
// switch owes BigCommerce is on record. Of the epochs before it keeps one.
func (b *epochBuild) switchOver(ctx context.Context) error {
	b.tell(console.RebuildProgress{Phase: "switching", Position: b.catalog.Position(), Of: b.catalog.Position()})
	pushes, err := putLists(ctx, b.app.conn, b.owed, func(n int) streams.Key { return streams.OwedKey(b.epoch, n) })
	if err != nil {
		return err
	}
	letters, err := putLists(ctx, b.app.conn, b.handler.Owed(), func(n int) streams.Key { return streams.SettlingKey(b.epoch, n) })
	if err != nil {
		return err
	}
	next := b.record
	next.Previous, next.Current = next.Current, b.epoch
	next.Building, next.Basis, next.SwitchedAt = 0, "", time.Now().UTC()
	next.Owed, next.Settling = pushes, letters
	if b.wish.Rollback { // what was being built is still of use
		next.Building, next.Basis = b.record.Building, b.record.Basis
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	record, err := b.app.setEpochs(context.WithoutCancel(ctx), next)
	if err != nil {
		return err
	}
	if b.record.Previous != b.epoch {
		b.dropped = b.record.Previous
	}
	b.record, b.report.Switched = record, true
	return nil
}

// putLists keeps what is owed in lists, and returns how many there are.
func putLists[T any](ctx context.Context, conn *streams.Conn, owed []T, key func(n int) streams.Key) (lists int, err error) {
	for some := range slices.Chunk(owed, owedInList) {
		value, err := json.Marshal(some)
		if err != nil {
			return 0, err
		}
		if _, err := conn.Control().Put(ctx, key(lists), value, nil); err != nil {
			return 0, err
		}
		lists++
	}
	return lists, nil
}

// lists yields what [putLists] has kept.
func lists[T any](ctx context.Context, conn *streams.Conn, n int, key func(n int) streams.Key) iter.Seq2[[]T, error] {
	return func(yield func([]T, error) bool) {
		for i := range n {
			var some []T
			entry, err := conn.Control().Get(ctx, key(i))
			if err == nil {
				err = json.Unmarshal(entry.Value, &some)
			}
			if !yield(some, err) || err != nil {
				return
			}
		}
	}
}

// setEpochs records a switch. One that was not answered may be on record nevertheless,
// and whoever goes on without it folds into an epoch that nobody reads any more.
func (a *app) setEpochs(ctx context.Context, next streams.Epochs) (streams.Epochs, error) {
	record, err := a.conn.SetEpochs(ctx, next)
	if err == nil {
		return record, nil
	}
	there, readErr := a.conn.Epochs(ctx)
	if readErr == nil && there.Current == next.Current && there.SwitchedAt.Equal(next.SwitchedAt) {
		return there, nil
	}
	return record, errors.Join(err, readErr)
}

// settle does what is left to do after a switch: doing it again changes nothing.
func (b *epochBuild) settle(ctx context.Context) (err error) {
	if b.record, err = b.app.settleSwitch(ctx, b.record, b.publications); err != nil || b.dropped == 0 {
		return err
	}
	return b.app.conn.DropProducts(ctx, b.dropped)
}

// rebuildSource says in the SYNC log that a rebuild wants a push.
const rebuildSource domain.SourceID = "/tillstream/rebuild"

// settleSwitch records in the SYNC log what the last switch owes BigCommerce, and ends
// the dead letters that it has folded, unless that is done.
func (a *app) settleSwitch(ctx context.Context, record streams.Epochs, publications *projections.Publications) (streams.Epochs, error) {
	if record.Owed == 0 && record.Settling == 0 {
		return record, nil
	}
	for owed, err := range lists[owedPush](ctx, a.conn, record.Owed, func(n int) streams.Key { return streams.OwedKey(record.Current, n) }) {
		if err != nil {
			return record, fmt.Errorf("what the switch to epoch %d owes: %w", record.Current, err)
		}
		if err := a.wantAll(ctx, record, owed, publications); err != nil {
			return record, err
		}
	}
	h := a.newHandler(nil)
	h.Applied = publications.Apply
	for letters, err := range lists[project.Settlement](ctx, a.conn, record.Settling, func(n int) streams.Key { return streams.SettlingKey(record.Current, n) }) {
		if err != nil {
			return record, fmt.Errorf("the dead letters that end with the switch to epoch %d: %w", record.Current, err)
		}
		if err := h.Settle(ctx, letters); err != nil {
			return record, err
		}
	}
	record.Owed, record.Settling = 0, 0
	return a.conn.SetEpochs(ctx, record)
}

func (a *app) wantAll(ctx context.Context, record streams.Epochs, owed []owedPush, publications *projections.Publications) error {
	byStore := map[domain.StoreID][]owedPush{}
	for _, o := range owed {
		byStore[o.Store] = append(byStore[o.Store], o)
	}
	for _, store := range slices.Sorted(maps.Keys(byStore)) {
		for some := range slices.Chunk(byStore[store], streams.MaxGroup) {
			if err := a.want(ctx, switched(record), store, some, publications); err != nil {
				return err
			}
		}
	}
	return nil
}

// urge is why products are to be pushed although nothing has happened in the POS.
type urge struct {
	reason string
	of     string // with at, what sets the wish apart from others for the same product
	at     time.Time
}

func switched(record streams.Epochs) urge {
	return urge{fmt.Sprintf("epoch %d folds the same events to something else than epoch %d", record.Current, record.Previous), fmt.Sprint(record.Current), record.SwitchedAt}
}

// want records that products of a store are to be pushed.
func (a *app) want(ctx context.Context, why urge, store domain.StoreID, owed []owedPush, publications *projections.Publications) error {
	envelopes, events := make([]domain.Envelope, len(owed)), make([]domain.Event, len(owed))
	for i, o := range owed {
		events[i] = &domain.PushWanted{Product: o.Product, Position: o.Position, Digest: o.Digest, Was: o.Was, Reason: why.reason}
		id := domain.DeriveEventID(rebuildSource, string(store), string(o.Product), why.of, why.at.Format(time.RFC3339Nano))
		var err error
		if envelopes[i], err = domain.NewEnvelope(id, rebuildSource, why.at, events[i]); err != nil {
			return err
		}
	}
	appended, err := a.conn.Sync().Append(ctx, store, envelopes)
	if err != nil {
		return err
	}
	for i, at := range appended {
		publications.Apply(domain.Recorded{Envelope: envelopes[i], Store: store, Position: at.Position}, events[i])
	}
	return nil
}

// forget removes the epoch that a rollback would go back to.
func (a *app) forget(ctx context.Context, dry bool) (console.RebuildReport, error) {
	record, err := a.conn.Epochs(ctx)
	report := console.RebuildReport{Epoch: record.Previous, Was: record.Current}
	switch {
	case err != nil:
		return report, err
	case record.Previous == 0:
		return report, problem.New(http.StatusConflict, "there is no epoch before the current one")
	case dry:
		return report, nil
	}
	dropped := record.Previous
	record.Previous = 0
	if _, err := a.conn.SetEpochs(ctx, record); err != nil {
		return report, err
	}
	return report, a.conn.DropProducts(ctx, dropped)
}

// productsInUse is the bucket of product states of whichever epoch is the current one
// when it is asked.
type productsInUse struct{ conn *streams.Conn }

func (p productsInUse) bucket(ctx context.Context) (projections.Bucket, error) {
	epochs, err := p.conn.Epochs(ctx)
	return p.conn.Products(epochs.Current).Snapshots(), err
}

func (p productsInUse) Get(ctx context.Context, key domain.Key) (domain.Entry, error) {
	b, err := p.bucket(ctx)
	if err != nil {
		return domain.Entry{}, err
	}
	return b.Get(ctx, key)
}

func (p productsInUse) PutAll(ctx context.Context, entries []domain.Entry) error {
	b, err := p.bucket(ctx)
	if err != nil {
		return err
	}
	return b.PutAll(ctx, entries)
}

func (p productsInUse) FromPage(ctx context.Context, page uint64, keys ...domain.Key) ([]domain.Entry, error) {
	b, err := p.bucket(ctx)
	if err != nil {
		return nil, err
	}
	return b.FromPage(ctx, page, keys...)
}

func (p productsInUse) PutPages(ctx context.Context, entries []domain.Entry) error {
	b, err := p.bucket(ctx)
	if err != nil {
		return err
	}
	return b.PutPages(ctx, entries)
}

func (p productsInUse) Scan(ctx context.Context, store domain.StoreID, after uint64, each func(domain.Entry) error) error {
	b, err := p.bucket(ctx)
	if err != nil {
		return err
	}
	return b.Scan(ctx, store, after, each)
}

func (p productsInUse) Extent(ctx context.Context) (domain.Extent, error) {
	b, err := p.bucket(ctx)
	if err != nil {
		return domain.Extent{}, err
	}
	return b.Extent(ctx)
}
