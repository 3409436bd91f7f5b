package project

import (
	"context"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/projections"
	"github.com/tillstream/tillstream/streams"
)

// SyncFollower folds the SYNC log into publications, whoever wrote to it. Every
// process has one, because what another process or the projecting of this one has
// recorded decides what may be pushed.
type SyncFollower struct {
	// Store keeps the publications in their bucket, too. One process at a time does.
	Store bool
	// Changed, when set, is told of every product that an event was about.
	Changed func(domain.StoreID, domain.ProductID)

	log          *streams.Log
	publications *projections.Publications
}

// NewSyncFollower returns a follower that has not begun.
func NewSyncFollower(log *streams.Log, publications *projections.Publications) *SyncFollower {
	return &SyncFollower{log: log, publications: publications, Changed: func(domain.StoreID, domain.ProductID) {}}
}

// Run follows until ctx ends; then it stores what it has folded. It waits out
// hiccups of the broker.
func (f *SyncFollower) Run(ctx context.Context) error {
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval, pauses.MaxInterval = 100*time.Millisecond, 10*time.Second
	for {
		before := f.publications.Position()
		err := f.follow(ctx)
		if ctx.Err() != nil {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), DefaultDrain)
			defer cancel()
			return f.flush(ctx)
		}
		if !isHiccup(err) {
			return fmt.Errorf("follow the SYNC log from position %d: %w", f.publications.Position()+1, err)
		}
		if f.publications.Position() > before {
			pauses.Reset()
		}
		select {
		case <-time.After(pauses.NextBackOff()):
		case <-ctx.Done():
		}
	}
}

func (f *SyncFollower) follow(ctx context.Context) error {
	reader, err := f.log.Follow(ctx, f.publications.Position()+1)
	if err != nil {
		return err
	}
	defer reader.Close()
	if err := f.flush(ctx); err != nil { // what was read when the publications were opened
		return err
	}
	for {
		m, err := reader.Next(ctx)
		if err != nil {
			return err
		}
		f.apply(m)
		if m.Pending == 0 {
			if err := f.flush(ctx); err != nil {
				return err
			}
		}
	}
}

// apply takes one message. Only this program writes to the SYNC log, so what
// cannot be decoded is of a newer version of it and says nothing to this one.
func (f *SyncFollower) apply(m streams.Message) {
	rec, err := m.Recorded()
	if err != nil {
		f.publications.Advance(m.Position)
		return
	}
	event, err := rec.Event()
	if err != nil {
		f.publications.Advance(m.Position)
		return
	}
	f.publications.Apply(rec, event)
	f.Changed(rec.Store, domain.ProductID(event.Subject()))
}

func (f *SyncFollower) flush(ctx context.Context) error {
	if !f.Store {
		f.publications.Renounce()
		return nil
	}
	return f.publications.Flush(ctx)
}
