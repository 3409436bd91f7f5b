package audit

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/projections"
)

// scratch is a bucket in a file that is gone when it is closed: where a log is folded
// to compare it with what is stored. Memory holds the keys only.
type scratch struct {
	file *os.File

	mu     sync.RWMutex
	places map[domain.Key]place
	end    int64
}

// place is where a value lies in the file.
type place struct {
	at   int64
	size int
}

var _ projections.Bucket = (*scratch)(nil)

// newScratch makes one in a folder, the system's for temporary files when it is empty.
func newScratch(dir string) (*scratch, error) {
	f, err := temporary(dir)
	if err != nil {
		return nil, err
	}
	return &scratch{file: f, places: map[domain.Key]place{}}, nil
}

// temporary makes a file that nobody else sees, and that is gone when it is closed.
func temporary(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, "tillstream-verify-*")
	if err != nil {
		return nil, fmt.Errorf("a file to compare with: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func (s *scratch) close() error { return s.file.Close() }

func (s *scratch) Get(_ context.Context, key domain.Key) (domain.Entry, error) {
	s.mu.RLock()
	p, ok := s.places[key]
	s.mu.RUnlock()
	if !ok {
		return domain.Entry{}, domain.ErrNotFound
	}
	value := make([]byte, p.size)
	if _, err := s.file.ReadAt(value, p.at); err != nil {
		return domain.Entry{}, err
	}
	return domain.Entry{Key: key, Value: value, Revision: 1}, nil
}

// FromPage is never asked: nothing here lies in a page.
func (s *scratch) FromPage(context.Context, uint64, ...domain.Key) ([]domain.Entry, error) {
	return nil, domain.ErrNotFound
}

// PutPages lays every value by itself.
func (s *scratch) PutPages(ctx context.Context, entries []domain.Entry) error {
	return s.PutAll(ctx, entries)
}

func (s *scratch) PutAll(_ context.Context, entries []domain.Entry) error {
	var all []byte
	places := make(map[domain.Key]place, len(entries))
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range entries {
		places[e.Key] = place{s.end + int64(len(all)), len(e.Value)}
		all = append(all, e.Value...)
	}
	if _, err := s.file.WriteAt(all, s.end); err != nil {
		return err
	}
	s.end += int64(len(all))
	maps.Copy(s.places, places)
	return nil
}

// Extent is of nothing that anybody writes down.
func (s *scratch) Extent(context.Context) (domain.Extent, error) { return domain.Extent{}, nil }

// Scan gives everything: nobody asks for what was written after a revision.
func (s *scratch) Scan(ctx context.Context, store domain.StoreID, _ uint64, each func(domain.Entry) error) error {
	s.mu.RLock()
	keys := slices.Collect(maps.Keys(s.places))
	s.mu.RUnlock()
	for _, k := range keys {
		if store != "" && k.Store != store {
			continue
		}
		e, err := s.Get(ctx, k)
		if err == nil {
			err = each(e)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
