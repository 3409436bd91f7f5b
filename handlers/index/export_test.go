package index

import (
	"context"

	"github.com/tillstream/tillstream/domain"
)

// Changed is closed with the next change of what the index holds, or of what keeps it
// from that.
func (h *Handler) Changed() <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.changed
}

// CopiedAt returns those of some positions, in order, of which the index has copies.
func (l Log) CopiedAt(ctx context.Context, at []domain.Position) (found []domain.Position) {
	copies := l.copies(ctx, at)
	for _, p := range at {
		if _, is := copies[p]; is {
			found = append(found, p)
		}
	}
	return found
}
