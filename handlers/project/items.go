package project

import (
	"context"
	"fmt"
	"slices"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/projections"
	"github.com/tillstream/tillstream/streams"
)

// ElsewhereError says that a message does not lie where it was looked for.
type ElsewhereError struct {
	Position domain.Position
	Key      string // of the message that lies there
}

func (e *ElsewhereError) Error() string {
	return fmt.Sprintf("the message at position %d is about %q, which was not asked for", e.Position, e.Key)
}

// BuildItems is [Handler.Build] of the messages about some items of a store only, behind
// the position of the catalog; nothing is stored, and nobody is told of messages that
// cannot be used. What is folded before an error, such as an [*ElsewhereError], is of no
// use.
func (h *Handler) BuildItems(ctx context.Context, store domain.StoreID, places projections.Places) error {
	if err := h.beginBuild(ctx); err != nil {
		return err
	}
	h.build.quiet = true
	at := places.At
	for len(at) > 0 && at[0] <= h.catalog.Position() {
		at = at[1:]
	}
	return h.log.ReadAt(ctx, at, func(m streams.Message) error {
		if _, found := slices.BinarySearch(places.Items, m.Key); !found || m.Store != store {
			return &ElsewhereError{m.Position, m.Key}
		}
		r := decode(m)
		return h.fold(ctx, &r)
	})
}
