package publish

import (
	"fmt"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/tillstream/tillstream/domain"
)

// Waker is the router's handler for writes to the PRODUCTS bucket: it wakes the
// publisher of the product that was written, and nothing else, so a message is
// done at once and may come twice or not at all. entries reads from a message what was
// written; publisher returns nil for a store that is not published here.
func Waker(entries func(*message.Message) ([]domain.Entry, error), publisher func(domain.StoreID) *Publisher) message.NoPublishHandlerFunc {
	return func(m *message.Message) error {
		written, err := entries(m)
		if err != nil {
			return fmt.Errorf("wake the publisher: %w", err)
		}
		for _, e := range written {
			if e.Key.ID == "" || e.Key.Stretch > 0 {
				continue // the checkpoint, and positions, are no states
			}
			if p := publisher(e.Key.Store); p != nil {
				p.Wake(domain.ProductID(e.Key.ID))
			}
		}
		return nil
	}
}
