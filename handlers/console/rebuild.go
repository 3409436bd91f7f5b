package console

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/problem"
	"github.com/tillstream/tillstream/projections"
	"github.com/tillstream/tillstream/projections/search"
)

// Rebuilder folds the log anew.
type Rebuilder interface {
	// Rebuild does what is asked for and tells how far it is. A rebuild that is to
	// switch goes on when ctx ends; the next call with the same wish follows it.
	Rebuild(ctx context.Context, wish RebuildWish, tell func(RebuildProgress)) (RebuildReport, error)
}

// RebuildWish says what is to be rebuilt, and what is to become of it. The zero value
// is a new epoch of everything, which replaces the current one.
type RebuildWish struct {
	DryRun bool `json:"dry_run,omitempty" doc:"compare, and switch to nothing"`
	// At looks at what the log up to a position comes to, and switches to nothing.
	At domain.Position `json:"at,omitempty" doc:"fold up to this position, say what comes out, and switch to nothing"`
	// Item folds only what it means, and replaces the snapshots that come out otherwise
	// where they lie, in the current epoch. It needs its store.
	Item  string         `json:"item,omitempty" doc:"fold only this item or product: a SKU, a POS item id or a product id"`
	Store domain.StoreID `json:"store,omitempty" doc:"of the item"`
	// Rollback goes back to the epoch that was in use before.
	Rollback bool `json:"rollback,omitempty" doc:"go back to the epoch before"`
	// Forget removes the epoch that a rollback would go back to.
	Forget bool `json:"forget,omitempty" doc:"remove the epoch before"`
	// Index makes only the search index anew.
	Index bool `json:"index,omitempty" doc:"make only the search index anew"`
	// Cancel ends a rebuild that is at work; the next one goes on from what it
	// had stored, or begins anew.
	Cancel bool `json:"cancel,omitempty" doc:"end the rebuild that is at work"`
}

// RebuildProgress is how far a rebuild is.
type RebuildProgress struct {
	Phase       string          `json:"phase" enum:"folding,comparing,switching,replacing,indexing"`
	Position    domain.Position `json:"position"`
	Of          domain.Position `json:"of"`
	PerSecond   float64         `json:"per_second,omitempty"`
	SecondsLeft float64         `json:"seconds_left,omitempty"`
	// Products are read before the events, to be indexed.
	Products   int `json:"products,omitempty" doc:"of the phase indexing: that are read"`
	OfProducts int `json:"of_products,omitempty" doc:"of the phase indexing: that there are"`
}

// RebuildReport is what a rebuild came to.
type RebuildReport struct {
	Epoch       uint64           `json:"epoch"`             // that was built, or gone back to
	Was         uint64           `json:"was"`               // the current one before
	Switched    bool             `json:"switched"`          // it is the current one now
	Resumed     bool             `json:"resumed,omitempty"` // a rebuild that was interrupted was gone on with
	Position    domain.Position  `json:"position"`          // up to which it is folded
	Products    int              `json:"products"`
	Digest      projections.Hash `json:"digest,omitzero"` // of all; none of a single item
	Events      domain.Tally     `json:"events"`          // that were folded now, by what became of them
	DeadLetters uint64           `json:"dead_letters"`    // of what was folded now
	Seconds     float64          `json:"seconds"`
	// Replaced is how many snapshots of the current epoch were replaced.
	Replaced int `json:"replaced,omitempty"`
	// Stretches is how many stretches of positions, of a single item or product, were not
	// what its events amount to; they are replaced, too.
	Stretches int `json:"stretches,omitempty"`
	// Compared says what differs from the current epoch; nil when nothing could be
	// compared, and NotCompared says why.
	Compared    *RebuildComparison `json:"compared"`
	NotCompared string             `json:"not_compared,omitempty"`
	// Index is the search index that was made anew; nil when none was.
	Index *search.Renewal `json:"index,omitempty"`
}

// RebuildComparison is what differs between two epochs at one position.
type RebuildComparison struct {
	Position domain.Position          `json:"position"`
	Products int                      `json:"products"` // that differ
	Fields   map[string]int           `json:"fields"`   // how many of them, by what differs
	Pushed   int                      `json:"pushed"`   // linked products of which BigCommerce is to show something else
	Examples []projections.Difference `json:"examples"`
}

// MostExamples is how many products a comparison has as examples.
const MostExamples = 20

// RebuildLine is one line of the answer: progress, or the report at the end.
type RebuildLine struct {
	Progress *RebuildProgress `json:"progress,omitempty"`
	Report   *RebuildReport   `json:"report,omitempty"`
	Problem  *problem.Details `json:"problem,omitempty"`
}

func (c *Console) mountRebuild(api huma.API) {
	op := operation(http.MethodPost, "/v1/rebuild", "Fold the log anew, beside the product states in use, and switch to what comes out")
	op.Description = "The answer has one JSON line for each step, and the report in the last. A rebuild that is to switch goes on when the caller leaves."
	op.Responses = map[string]*huma.Response{"200": {Description: "JSON lines", Content: map[string]*huma.MediaType{ndjson: {Schema: schemaOf[RebuildLine](api)}}}}
	huma.Register(api, op, handle(c, op, c.rebuild))
}

type rebuildInput struct {
	Body RebuildWish
}

func (c *Console) rebuild(ctx context.Context, in *rebuildInput) (*huma.StreamResponse, error) {
	if err := in.Body.check(); err != nil {
		return nil, err
	}
	return c.lines("rebuild", func(write func(any) error) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		report, err := c.Rebuilder.Rebuild(ctx, in.Body, func(p RebuildProgress) {
			if write(RebuildLine{Progress: &p}) != nil {
				cancel() // the caller has gone
			}
		})
		if err != nil {
			return err
		}
		return write(RebuildLine{Report: &report})
	}), nil
}

// check refuses wishes that exclude each other.
func (w *RebuildWish) check() error {
	n := 0
	for _, is := range []bool{w.At > 0, w.Item != "", w.Rollback, w.Forget, w.Cancel, w.Index} {
		if is {
			n++
		}
	}
	if n > 1 {
		return problem.New(http.StatusUnprocessableEntity, `of "at", "item", "rollback", "forget", "cancel" and "index" only one may be asked for`)
	}
	if w.DryRun && (w.Rollback || w.Cancel) {
		return problem.New(http.StatusUnprocessableEntity, `neither "rollback" nor "cancel" can be tried with "dry_run"`)
	}
	return nil
}
