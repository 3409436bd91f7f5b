package streams

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tillstream/tillstream/domain"
)

// Epochs is the record of which build of the product projection is in use. It lies
// under one key of the control bucket, so that one write switches. Whoever owns the
// projecting writes it.
type Epochs struct {
	Current uint64 `json:"current"`
	// Previous is what a rollback goes back to; 0 for none.
	Previous uint64 `json:"previous,omitempty"`
	// Building is the build that is not finished; 0 for none. Basis is what it is
	// folded by and with: one on another basis is begun anew, so that no epoch is
	// mixed of two.
	Building uint64 `json:"building,omitempty"`
	Basis    string `json:"basis,omitempty"`
	// Owed is how many lists of the current epoch, see [OwedKey], name products that
	// are to be pushed because of the switch to it.
	Owed int `json:"owed,omitempty"`
	// Settling is how many lists of the current epoch, see [SettlingKey], name dead
	// letters that end with the switch to it.
	Settling   int       `json:"settling,omitempty"`
	SwitchedAt time.Time `json:"switched_at,omitzero"`

	revision uint64
}

// firstEpoch is in use where no record says otherwise.
const firstEpoch = 1

// EpochsKey is the key of the [Epochs].
func EpochsKey() Key { return SystemKey("epochs") }

// OwedKey is the key of one list of what a switch owes BigCommerce.
func OwedKey(epoch uint64, n int) Key { return SystemKey(fmt.Sprintf("owed-%d-%d", epoch, n)) }

// SettlingKey is the key of one list of the dead letters that a switch ends.
func SettlingKey(epoch uint64, n int) Key {
	return SystemKey(fmt.Sprintf("settling-%d-%d", epoch, n))
}

// ParseEpochs reads the value of [EpochsKey].
func ParseEpochs(value []byte) (Epochs, error) {
	var e Epochs
	err := json.Unmarshal(value, &e)
	if err == nil && e.Current == 0 {
		err = errors.New("it names no current epoch")
	}
	if err != nil {
		return e, fmt.Errorf("the record of epochs %.80q cannot be read: %w", value, err)
	}
	return e, nil
}

// Epochs reads the record.
func (c *Conn) Epochs(ctx context.Context) (Epochs, error) {
	entry, err := c.control.Get(ctx, EpochsKey())
	if errors.Is(err, domain.ErrNotFound) {
		return Epochs{Current: firstEpoch}, nil
	}
	if err != nil {
		return Epochs{}, err
	}
	e, err := ParseEpochs(entry.Value)
	e.revision = entry.Revision
	return e, err
}

// SetEpochs writes a record that [Conn.Epochs] has returned, changed, and returns it
// as it is then. The error is [domain.ErrConflict] when somebody else has written it
// since.
func (c *Conn) SetEpochs(ctx context.Context, e Epochs) (Epochs, error) {
	value, err := json.Marshal(e)
	if err != nil {
		return e, err
	}
	revision, err := c.control.Put(ctx, EpochsKey(), value, &e.revision)
	if err != nil {
		return e, fmt.Errorf("record the epochs: %w", err)
	}
	e.revision = revision
	return e, nil
}

// ProductsEpochs lists the epochs whose products buckets there are, in their order.
func (c *Conn) ProductsEpochs(ctx context.Context) ([]uint64, error) {
	var out []uint64
	names := c.js.StreamNames(ctx)
	for name := range names.Name() {
		if n, ok := strings.CutPrefix(name, streamProducts); ok {
			if epoch, err := strconv.ParseUint(n, 10, 64); err == nil {
				out = append(out, epoch)
			}
		}
	}
	if err := names.Err(); err != nil {
		return nil, fmt.Errorf("list the epochs: %w", c.translate(err))
	}
	slices.Sort(out)
	return out, nil
}

// DropProducts removes the products bucket of one epoch. An absent one is no error.
func (c *Conn) DropProducts(ctx context.Context, epoch uint64) error {
	return c.drop(ctx, productsStream(epoch))
}

// DropPublications removes the publications, which are folded from the SYNC log. Absent
// ones are no error.
func (c *Conn) DropPublications(ctx context.Context) error { return c.drop(ctx, streamPublications) }

func (c *Conn) drop(ctx context.Context, stream string) error {
	c.handles.Delete(stream)
	if err := c.js.DeleteStream(ctx, stream); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
		return fmt.Errorf("drop %s: %w", stream, c.translate(err))
	}
	return nil
}
