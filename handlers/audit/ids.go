package audit

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"os"
	"slices"

	"github.com/tillstream/tillstream/domain"
)

// ids finds events that stand twice among any number of them. It keeps a hash of each
// in files, parted by the hash, and looks at one part at a time.
type ids struct {
	seed  maphash.Seed
	files [idParts]*os.File
	parts [idParts]*bufio.Writer
}

const (
	idParts  = 64
	idRecord = 16 // hash and position, of which the highest bit says that it was folded
	idFolded = 1 << 63
)

func newIDs(dir string) (*ids, error) {
	d := &ids{seed: maphash.MakeSeed()}
	for i := range d.parts {
		f, err := temporary(dir)
		if err != nil {
			return nil, errors.Join(err, d.close())
		}
		d.files[i], d.parts[i] = f, bufio.NewWriterSize(f, 16<<10)
	}
	return d, nil
}

func (d *ids) close() error {
	var errs []error
	for _, f := range d.files {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}

// add notes an event and whether it was folded into a state.
func (d *ids) add(rec *domain.Recorded, folded bool) error {
	var h maphash.Hash
	h.SetSeed(d.seed)
	for _, s := range []string{string(rec.Store), string(rec.Source), string(rec.ID)} {
		h.WriteString(s)
		h.WriteByte(0)
	}
	sum := h.Sum64()
	at := uint64(rec.Position)
	if folded {
		at |= idFolded
	}
	var b [idRecord]byte
	binary.BigEndian.PutUint64(b[:8], sum)
	binary.BigEndian.PutUint64(b[8:], at)
	_, err := d.parts[sum%idParts].Write(b[:])
	return err
}

// repetition is two positions that may bear the same event, and whether both were
// folded.
type repetition struct {
	first, again domain.Position
	both         bool
}

// repeated calls each with every event that stands again, as its hash says: whoever
// wants to be sure reads both.
func (d *ids) repeated(each func(repetition) error) error {
	for i, w := range d.parts {
		if err := w.Flush(); err != nil {
			return fmt.Errorf("compare event ids: %w", err)
		}
		if _, err := d.files[i].Seek(0, io.SeekStart); err != nil {
			return fmt.Errorf("compare event ids: %w", err)
		}
		b, err := io.ReadAll(d.files[i])
		if err != nil {
			return fmt.Errorf("compare event ids: %w", err)
		}
		if err := repeatedIn(b, each); err != nil {
			return err
		}
	}
	return nil
}

func repeatedIn(b []byte, each func(repetition) error) error {
	type record struct{ sum, at uint64 }
	records := make([]record, len(b)/idRecord)
	for i := range records {
		r := b[i*idRecord:]
		records[i] = record{binary.BigEndian.Uint64(r[:8]), binary.BigEndian.Uint64(r[8:16])}
	}
	slices.SortFunc(records, func(a, b record) int {
		switch {
		case a.sum != b.sum && a.sum < b.sum, a.sum == b.sum && a.at&^idFolded < b.at&^idFolded:
			return -1
		case a == b:
			return 0
		}
		return 1
	})
	for i := 1; i < len(records); i++ {
		// Each is compared with the one before it that was folded, or else with the one
		// before it.
		a, b := records[i-1], records[i]
		if a.sum != b.sum {
			continue
		}
		both := a.at&idFolded != 0 && b.at&idFolded != 0
		err := each(repetition{domain.Position(a.at &^ idFolded), domain.Position(b.at &^ idFolded), both})
		if err != nil {
			return err
		}
		if a.at&idFolded != 0 && b.at&idFolded == 0 {
			records[i] = a
		}
	}
	return nil
}
