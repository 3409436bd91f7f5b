package main

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/publish"
	"github.com/tillstream/tillstream/projections"
	"github.com/tillstream/tillstream/streams"
)

// hearing is what an engine is told of by the broker: of every new snapshot of the
// current epoch, and, where another process folds, of the switch to another epoch.
type hearing struct {
	ctx        context.Context // of the engine
	unfit      chan error      // has room for one: why this process cannot go on
	router     *message.Router
	subscriber *streams.Subscriber // of snapshots
	news       *streams.Subscriber // of switches; nil for whoever switches itself

	mu     sync.Mutex
	epoch  uint64
	turn   int
	handle *message.Handler // of the current epoch
}

// current is the epoch whose states the catalog has.
func (h *hearing) current() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.epoch
}

func (h *hearing) close() error {
	err := h.subscriber.Close()
	if h.news != nil {
		err = errors.Join(err, h.news.Close())
	}
	return err
}

// router makes the Watermill router. It is told of every new snapshot: it wakes the
// publisher and, where this process does not fold, takes the snapshot into the
// catalog.
func (e *engine) router(ctx context.Context) (*message.Router, error) {
	h := &e.hearing
	h.ctx, h.unfit = ctx, make(chan error, 1)
	var err error
	if h.router, err = e.app.conn.NewRouter(e.app.log); err != nil {
		return nil, err
	}
	start := streams.StartNew
	if !e.roles.has(roleProject) {
		start = streams.StartLastPerKey // what was written since the catalog was read is among it
		if h.news, err = e.app.conn.NewSubscriber(streams.StartLastPerKey, e.app.log); err != nil {
			return nil, err
		}
		h.router.AddConsumerHandler("epoch", e.app.conn.Control().Topic(), h.news, e.hearOfEpoch)
	}
	if h.subscriber, err = e.app.conn.NewSubscriber(start, e.app.log); err != nil {
		return nil, err
	}
	e.subscribe(h.epoch)
	return h.router, nil
}

// subscribe adds the handler of an epoch's snapshots to the router.
func (e *engine) subscribe(epoch uint64) {
	h := &e.hearing
	products := e.app.conn.Products(epoch).Snapshots()
	wake := publish.Waker(products.EntriesOf, func(store domain.StoreID) *publish.Publisher { return e.publishers[store] })
	name := "publish"
	if h.turn++; h.turn > 1 {
		name = fmt.Sprintf("publish-%d", h.turn)
	}
	h.epoch = epoch
	h.handle = h.router.AddConsumerHandler(name, products.Topic(), h.subscriber, func(m *message.Message) error {
		if !e.roles.has(roleProject) {
			entries, err := products.EntriesOf(m)
			for i := 0; i < len(entries) && err == nil; i++ {
				err = e.catalog.Observe(entries[i])
			}
			if err != nil {
				return streams.Permanent(err)
			}
		}
		return wake(m)
	})
}

// listen changes over to the snapshots of another epoch.
func (e *engine) listen(epoch uint64) error {
	h := &e.hearing
	h.mu.Lock()
	defer h.mu.Unlock()
	old := h.handle
	e.subscribe(epoch)
	if err := h.router.RunHandlers(h.ctx); err != nil {
		return fmt.Errorf("hear of the snapshots of epoch %d: %w", epoch, err)
	}
	old.Stop()
	return nil
}

// hearOfEpoch takes the news that another process has switched.
func (e *engine) hearOfEpoch(m *message.Message) error {
	if key, err := e.app.conn.Control().KeyOf(m); err != nil || key != streams.EpochsKey() {
		return nil
	}
	epochs, err := streams.ParseEpochs(m.Payload)
	if err != nil {
		return streams.Permanent(err)
	}
	e.hearing.mu.Lock()
	known := e.hearing.epoch
	e.hearing.mu.Unlock()
	if epochs.Current == known {
		return nil
	}
	next, err := e.app.openCatalog(m.Context(), e.app.folding, epochs.Current, nil)
	if err != nil {
		err = fmt.Errorf("epoch %d is in use now, and this process cannot read it: %w", epochs.Current, err)
		if projections.IsOtherFolding(err) {
			select {
			case e.hearing.unfit <- err:
			default:
			}
			return nil
		}
		return err
	}
	e.app.log.Info("product states are those of another epoch now", "epoch", epochs.Current, "was", known)
	e.catalog.Adopt(next)
	if err := e.listen(epochs.Current); err != nil {
		return err
	}
	for store, p := range e.publishers {
		for id, pub := range e.publications.Outlines(store) {
			if s, ok := e.catalog.Summary(store, id); ok && pub.NeedsPush(s.Due) {
				p.Wake(id)
			}
		}
	}
	return nil
}
