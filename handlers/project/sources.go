package project

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/projections"
	"github.com/tillstream/tillstream/streams"
)

// SourceKeeper keeps when each source was heard of, in the control bucket and, for
// the process that projects, in memory. What a kill takes is read from the log again.
type SourceKeeper struct {
	Sources *projections.Sources

	control *streams.Bucket
	log     *streams.Log

	mu     sync.Mutex
	stored domain.Position
}

const (
	// sourcesEvery is how often what was heard is stored.
	sourcesEvery = 10 * time.Second
	// mostReread bounds what is read of a log whose sources nobody has kept: a rhythm
	// is that of the last weeks.
	mostReread = 1_000_000
)

func sourcesKey() streams.Key { return streams.SystemKey("sources") }

// ReadSources reads what another process keeps.
func ReadSources(ctx context.Context, control *streams.Bucket) (*projections.Sources, error) {
	s := projections.NewSources()
	entry, err := control.Get(ctx, sourcesKey())
	if errors.Is(err, domain.ErrNotFound) {
		return s, nil
	}
	if err == nil {
		err = json.Unmarshal(entry.Value, s)
	}
	if err != nil {
		return nil, fmt.Errorf("sources: %w", err)
	}
	return s, nil
}

// OpenSources takes up what was kept, and reads of the log what is missing up to the
// position from which a handler goes on.
func OpenSources(ctx context.Context, conn *streams.Conn, upTo domain.Position) (*SourceKeeper, error) {
	s, err := ReadSources(ctx, conn.Control())
	if err != nil {
		return nil, err
	}
	k := &SourceKeeper{Sources: s, control: conn.Control(), log: conn.POS(), stored: s.Position()}
	return k, k.catchUp(ctx, upTo)
}

// KeepSources stores what a build has heard from the first event of the log to the last. It
// is for where no keeper is at work.
func KeepSources(ctx context.Context, conn *streams.Conn, heard *projections.Sources) error {
	k := &SourceKeeper{Sources: heard, control: conn.Control()}
	return k.store(ctx)
}

// TakeUp goes on with what a build has heard from the first event of the log up to a
// position, or, for nil, with what is missing of the log, and stores it.
func (k *SourceKeeper) TakeUp(ctx context.Context, heard *projections.Sources, upTo domain.Position) error {
	if heard != nil {
		k.Sources.Adopt(heard)
		k.mu.Lock()
		k.stored = 0 // what is kept up to the same position may be less
		k.mu.Unlock()
	} else if err := k.catchUp(ctx, upTo); err != nil {
		return err
	}
	return k.store(ctx)
}

// catchUp reads of the log what is missing up to a position that was folded without the
// keeper.
func (k *SourceKeeper) catchUp(ctx context.Context, upTo domain.Position) error {
	from := k.Sources.Position() + 1
	if upTo > mostReread {
		from = max(from, upTo-mostReread)
	}
	if from > upTo {
		return nil
	}
	return k.log.Read(ctx, streams.Query{From: from, To: upTo, Attributes: true}, func(m streams.Message) error {
		if rec, err := m.Recorded(); err == nil {
			k.Sources.Apply(&rec)
		}
		return nil
	})
}

// Run stores what was heard until ctx ends, and once more then. A broker that does
// not take it is asked again: nothing depends on it.
func (k *SourceKeeper) Run(ctx context.Context) error {
	tick := time.NewTicker(sourcesEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			_ = k.store(ctx) // what fails now is stored with the next
		case <-ctx.Done():
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), DefaultDrain)
			defer cancel()
			if err := k.store(ctx); err != nil && !isHiccup(err) {
				return err
			}
			return nil
		}
	}
}

func (k *SourceKeeper) store(ctx context.Context) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	at := k.Sources.Position()
	if at == k.stored {
		return nil
	}
	value, err := json.Marshal(k.Sources)
	if err == nil {
		_, err = k.control.Put(ctx, sourcesKey(), value, nil)
	}
	if err != nil {
		return fmt.Errorf("store when sources were heard of: %w", err)
	}
	k.stored = at
	return nil
}
