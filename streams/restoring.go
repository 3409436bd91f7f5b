package streams

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/tillstream/tillstream/domain"
)

// RestoringError says that a restore was begun and has not come to its end: the logs may
// hold any part of it.
type RestoringError struct{ Since time.Time }

func (e *RestoringError) Error() string {
	return fmt.Sprintf("a restore was begun here at %s and has not come to its end, so the logs are not whole", e.Since.UTC().Format(time.RFC3339))
}

// restoring is the record of a restore.
type restoring struct {
	Since time.Time `json:"since,omitzero"` // zero: it has come to its end
}

func restoringKey() Key { return SystemKey("restoring") }

// BeginRestoring records that the logs are going to be filled. It makes the control
// bucket when there is none.
func (c *Conn) BeginRestoring(ctx context.Context) error {
	for _, want := range c.topology() {
		if want.Name == streamControl {
			if err := c.ensure(ctx, want); err != nil {
				return err
			}
		}
	}
	return c.putRestoring(ctx, restoring{c.cfg.Now().UTC()})
}

// EndRestoring records that the logs are whole.
func (c *Conn) EndRestoring(ctx context.Context) error { return c.putRestoring(ctx, restoring{}) }

func (c *Conn) putRestoring(ctx context.Context, r restoring) error {
	value, err := json.Marshal(r)
	if err == nil {
		_, err = c.control.Put(ctx, restoringKey(), value, nil)
	}
	return err
}

// Restoring returns a [*RestoringError] when a restore has not come to its end.
func (c *Conn) Restoring(ctx context.Context) error {
	e, err := c.control.Get(ctx, restoringKey())
	if errors.Is(err, domain.ErrNotFound) || Missing(err) {
		return nil
	}
	var r restoring
	if err == nil {
		err = json.Unmarshal(e.Value, &r)
	}
	if err == nil && !r.Since.IsZero() {
		err = &RestoringError{r.Since}
	}
	return err
}
