package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/projections"
	"github.com/tillstream/tillstream/streams"
)

// comparison is a bucket in use against one into which its log was folded anew. The
// bucket is complete up to stored, the fold ended at last, and the log at end.
type comparison struct {
	noun         string // of what is stored
	remedy       string // what folds it anew
	log          *streams.Log
	bucket, anew projections.Bucket

	stored, last, end domain.Position
	newest            map[domain.Key]uint64 // a page still holds what was written again since

	same, newer, behind int
	differ, lost        few
	first               domain.Position
}

// tell compares them, and tells what comes out.
func (c *comparison) tell(ctx context.Context, v *verification, r Result) error {
	c.newest = map[domain.Key]uint64{}
	err := c.compareAll(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return v.tell(r.is(Skip, "what is stored cannot be read: %v", err))
	}
	if err := c.compareOthers(ctx); err != nil {
		return err
	}
	return v.tell(c.result(r))
}

// compareAll looks at everything that is stored.
func (c *comparison) compareAll(ctx context.Context) (err error) {
	if c.stored, err = projections.StoredPosition(ctx, c.bucket); err != nil {
		return err
	}
	err = c.bucket.Scan(ctx, "", 0, func(e domain.Entry) error {
		c.newest[e.Key] = e.Revision
		return nil
	})
	if err != nil {
		return err
	}
	return c.bucket.Scan(ctx, "", 0, func(e domain.Entry) error {
		if e.Key == (domain.Key{}) || e.Revision < c.newest[e.Key] {
			return nil
		}
		c.newest[e.Key] = e.Revision
		if e.Key.Stretch > 0 {
			return c.compareStretch(ctx, e)
		}
		return c.compareState(ctx, e)
	})
}

// compareState looks at one stored state.
func (c *comparison) compareState(ctx context.Context, e domain.Entry) error {
	what := fmt.Sprintf("%s %s of store %s", c.noun, e.Key.ID, e.Key.Store)
	at, err := outlineOf(e.Value)
	if err != nil {
		c.differ.add("%s cannot be read: %v", what, err)
		return nil
	}
	if at.folded() > c.end { // it may have grown
		if c.end, err = c.log.Last(ctx); err != nil {
			return err
		}
	}
	want, err := c.anew.Get(ctx, e.Key)
	if errors.Is(err, domain.ErrNotFound) {
		c.compare(what+", which no event has made", e.Value, at.folded(), nil, 0)
		return nil
	}
	if err != nil {
		return err
	}
	wantAt, err := outlineOf(want.Value)
	if err != nil {
		return err
	}
	if c.compare(what, e.Value, at.folded(), want.Value, wantAt.folded()) {
		return c.seekStretches(ctx, e.Key, at)
	}
	return nil
}

// compare looks at one value, and reports whether it is the same. at is the position in
// the log that each is folded to.
func (c *comparison) compare(what string, value []byte, at domain.Position, want []byte, wantAt domain.Position) bool {
	switch {
	case at > c.end:
		if c.first == 0 {
			c.first = c.end + 1
		}
		c.differ.add("%s is of position %d, and the log ends at %d", what, at, c.end)
	case at > c.last:
		c.newer++ // changed while we looked
	case at == wantAt && bytes.Equal(value, want):
		c.same++
		return true
	case at < wantAt && wantAt > c.stored:
		c.behind++ // the log brings it back
	default:
		if c.first == 0 {
			c.first = max(min(at, wantAt), 1)
		}
		c.differ.add("%s", what)
	}
	return false
}

// compareStretch looks at one stored stretch. One that was not made anew is of events that
// are recorded since.
func (c *comparison) compareStretch(ctx context.Context, e domain.Entry) error {
	want, err := c.anew.Get(ctx, e.Key)
	if errors.Is(err, domain.ErrNotFound) {
		return nil
	}
	if err == nil && !bytes.Equal(e.Value, want.Value) {
		if at, _, _ := domain.Trail(want.Value).Positions(); c.first == 0 && len(at) > 0 {
			c.first = at[0]
		}
		c.differ.add("%s", stretchName(e.Key))
	}
	return err
}

// seekStretches looks for the stretches that the trails of a stored state have let go of,
// each of which was stored before it. The state is the right one: what an altered one
// claims is not looked for.
func (c *comparison) seekStretches(ctx context.Context, of domain.Key, state outline) error {
	for id, trail := range state.trails(of) {
		_, gone, _ := trail.Positions()
		for n := range gone {
			key := domain.Key{Store: of.Store, ID: id, Stretch: n + 1}
			if _, seen := c.newest[key]; seen {
				continue
			}
			if _, err := c.bucket.Get(ctx, key); errors.Is(err, domain.ErrNotFound) { // not stored meanwhile
				c.lost.add("%s", stretchName(key))
			} else if err != nil {
				return err
			}
		}
	}
	return nil
}

func stretchName(k domain.Key) string {
	return fmt.Sprintf("stretch %d of the positions of %s of store %s", k.Stretch, k.ID, k.Store)
}

// compareOthers looks at what was made anew and is not stored.
func (c *comparison) compareOthers(ctx context.Context) error {
	return c.anew.Scan(ctx, "", 0, func(e domain.Entry) error {
		if _, stored := c.newest[e.Key]; stored || e.Key == (domain.Key{}) || e.Key.Stretch > 0 {
			return nil // a state tells of its stretches
		}
		want, err := outlineOf(e.Value)
		if err == nil {
			c.compare(fmt.Sprintf("%s %s of store %s, which is not stored", c.noun, e.Key.ID, e.Key.Store), nil, 0, e.Value, want.folded())
		}
		return err
	})
}

func (c *comparison) result(r Result) Result {
	switch {
	case c.differ.n > 0:
		return r.is(Fail, "%s not what the log amounts to: %s; %s folds it anew", number(c.differ.n, c.noun), &c.differ, c.remedy).at(c.first, 0)
	case c.lost.n > 0:
		return r.is(Warn, "%s equal, to the byte, but what says where the events lie is incomplete, so that asking for them reads the log: not stored: %s; %s makes that anew", number(c.same, c.noun), &c.lost, c.remedy)
	case c.behind > 0:
		return r.is(Warn, "%s equal, %d could not be compared: what is stored is at position %d of %d; run tillstream up", number(c.same, c.noun), c.behind, c.stored, c.last)
	case c.newer > 0:
		return r.is(Pass, "%s equal, to the byte; %d changed meanwhile", number(c.same, c.noun), c.newer)
	}
	return r.is(Pass, "%s equal, to the byte", number(c.same, c.noun))
}

// outline is what this comparison has to know of a stored state, whether it is that of a
// product or a publication.
type outline struct {
	Position domain.Position `json:"position"`
	Sync     domain.Position `json:"sync"`
	Trail    domain.Trail    `json:"trail"`
	Items    []struct {
		ID    domain.ItemID `json:"item"`
		Trail domain.Trail  `json:"trail"`
	} `json:"items"`
}

func outlineOf(value []byte) (o outline, err error) {
	err = json.Unmarshal(value, &o)
	return o, err
}

// folded is the position that the state is folded to, under whichever of its names.
func (o *outline) folded() domain.Position { return max(o.Position, o.Sync) }

// trails are where the state says that the events of its items, or of the product itself,
// lie.
func (o *outline) trails(of domain.Key) iter.Seq2[string, domain.Trail] {
	return func(yield func(string, domain.Trail) bool) {
		if !yield(of.ID, o.Trail) {
			return
		}
		for _, it := range o.Items {
			if !yield(string(it.ID), it.Trail) {
				return
			}
		}
	}
}
