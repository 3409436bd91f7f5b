package publish

import (
	"fmt"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/tillstream/tillstream/domain"
)

// Waker is the router's handler for writes to the PRODUCTS bucket: it wakes the
// publisher of the product that was written, and nothing else, so a message is
// done at once and may come twice or not at all. key reads the bucket's key from a
// message; publisher returns nil for a store that is not published here.
func Waker(key func(*message.Message) (domain.Key, error), publisher func(domain.StoreID) *Publisher) message.NoPublishHandlerFunc {
	return func(m *message.Message) error {
		k, err := key(m)
		if err != nil {
			return fmt.Errorf("wake the publisher: %w", err)
		}
		if p := publisher(k.Store); p != nil && k.ID != "" { // the checkpoint has no id
			p.Wake(domain.ProductID(k.ID))
		}
		return nil
	}
}
