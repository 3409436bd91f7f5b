package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/streams"
)

// MostUnfinished is how long an import that was cut short is gone on with by
// itself: as long as the log answers an event that is sent again with its first
// position. What is imported later is another import.
const MostUnfinished = 24 * time.Hour

// note is an import that has begun and has not come to its end.
type note struct {
	ID      uuid.UUID `json:"id"`
	Content string    `json:"content"` // what the events of the rows are made of
	File    string    `json:"file"`
	Rows    int       `json:"rows"` // of the first rows, how many are recorded
}

func (n *note) begun() time.Time { return time.Unix(n.ID.Time().UnixTime()) }

// content names what the events of an import are made of; empty when nobody knows.
func (im *Import) content() string {
	if im.Digest == "" {
		return ""
	}
	return im.Digest + " " + im.Encoding
}

func notesKey(store domain.StoreID) streams.Key { return streams.MakeKey(store, "imports") }

// readNotes reads which imports of a store are unfinished, oldest first.
func (s *Service) readNotes(ctx context.Context, store domain.StoreID) ([]note, uint64, error) {
	e, err := s.Notes.Get(ctx, notesKey(store))
	if errors.Is(err, domain.ErrNotFound) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("unfinished imports: %w", err)
	}
	var notes []note
	if err := json.Unmarshal(e.Value, &notes); err != nil {
		return nil, 0, fmt.Errorf("unfinished imports: the note of revision %d: %w", e.Revision, err)
	}
	return notes, e.Revision, nil
}

// findNote returns the unfinished import of the same content, nil when there is
// none that is not too old.
func (s *Service) findNote(ctx context.Context, store domain.StoreID, im Import) (*note, error) {
	content := im.content()
	if s.Notes == nil || content == "" {
		return nil, nil
	}
	notes, _, err := s.readNotes(ctx, store)
	if err != nil {
		return nil, err
	}
	for i := range notes {
		if n := &notes[i]; n.Content == content && s.now().Sub(n.begun()) < MostUnfinished {
			return n, nil
		}
	}
	return nil, nil
}

// mark notes how many of the rows are recorded.
func (r *importRun) mark(ctx context.Context, rows int) error {
	content := r.im.content()
	if r.service.Notes == nil || content == "" || r.im.Dry {
		return nil
	}
	return r.service.editNotes(ctx, r.store, func(notes []note) []note {
		i := slices.IndexFunc(notes, func(n note) bool { return n.ID == r.im.ID })
		if i < 0 {
			return append(notes, note{r.im.ID, content, r.im.File, max(rows, r.recorded)})
		}
		notes[i].Rows = max(notes[i].Rows, rows)
		return notes
	})
}

// finish notes that nothing of the import is left to be done.
func (r *importRun) finish(ctx context.Context) error {
	if r.service.Notes == nil || r.im.content() == "" || r.im.Dry {
		return nil
	}
	return r.service.editNotes(ctx, r.store, func(notes []note) []note {
		return slices.DeleteFunc(notes, func(n note) bool { return n.ID == r.im.ID })
	})
}

// editNotes changes the notes of a store, and forgets those that are too old. Edits
// of several processes come one after the other.
func (s *Service) editNotes(ctx context.Context, store domain.StoreID, edit func([]note) []note) error {
	for {
		notes, revision, err := s.readNotes(ctx, store)
		if err != nil {
			return err
		}
		notes = edit(slices.DeleteFunc(notes, func(n note) bool { return s.now().Sub(n.begun()) >= MostUnfinished }))
		value, err := json.Marshal(notes)
		if err != nil {
			return fmt.Errorf("unfinished imports: %w", err)
		}
		_, err = s.Notes.Put(ctx, notesKey(store), value, &revision)
		if errors.Is(err, domain.ErrConflict) && ctx.Err() == nil {
			continue
		}
		if err != nil {
			return fmt.Errorf("unfinished imports: %w", err)
		}
		return nil
	}
}
