package projections

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/domain/pack"
)

// Hint says where a start finds what it need not read from a bucket again, like the hint
// files of Bitcask: what memory keeps of every value that was written up to some revision.
// Only what was written since is read then. It is never the source of truth: without it, or
// when it does not fit the bucket, a start reads everything, and comes out the same.
type Hint struct {
	File HintFile
	Log  Log // from which the bucket's values are folded
	// Least is how many values must have been written since the hint for another one to be
	// worth it; 0 is [DefaultHintLeast].
	Least int
	// Tell, when set, is told why a hint that is there is not used, and why the start could
	// not leave one. It goes on without.
	Tell func(error)
}

// DefaultHintLeast is so many values that a start reads them in a few tenths of a second.
const DefaultHintLeast = 10_000

// HintFile keeps one hint.
type HintFile interface {
	// Read calls do with what was written last, and returns its error. The error is
	// [fs.ErrNotExist] when there is nothing.
	Read(do func(io.Reader) error) error
	// Write replaces it by what do writes, whole or not at all.
	Write(do func(io.Writer) error) error
	// Remove makes it be nothing.
	Remove() error
}

// hintVersion is that of the form of hints. Another one is passed over.
const hintVersion = 1

// hintHeader begins a hint.
type hintHeader struct {
	Version    int           `json:"version"`
	Format     int           `json:"format"` // of the values
	Bucket     domain.Extent `json:"bucket"` // that the hint covers
	Checkpoint checkpoint    `json:"checkpoint"`
	// RecordedAt is when the message at the checkpoint's position was recorded. A log that
	// was set back and has gone on otherwise has another one there.
	RecordedAt time.Time   `json:"recorded_at,omitzero"`
	Stores     []hintStore `json:"stores"`
}

// hintStore is how much room a store takes: for publications, or for the ids and SKUs of
// products.
type hintStore struct {
	Store  domain.StoreID `json:"store"`
	Values int            `json:"values"`
	Items  int            `json:"items,omitempty"`
}

// mostRoom bounds the room that is made before anything is read.
const mostRoom = 1 << 20

// room is for how many of both to make room at once.
func (s *hintStore) room() (values, items int) {
	return min(max(s.Values, 0), mostRoom), min(max(s.Items, 0), mostRoom)
}

// due reports whether so many new values are worth a hint.
func (h *Hint) due(unhinted int) bool {
	return h != nil && unhinted >= cmp.Or(h.Least, DefaultHintLeast)
}

// begin reads the hint about a bucket, and returns the extent of that and the revision up
// to which it need not be read.
func (h *Hint) begin(ctx context.Context, bucket Bucket, read func(context.Context, *Hint, domain.Extent) uint64) (extent domain.Extent, after uint64, err error) {
	if h == nil {
		return extent, 0, nil
	}
	if extent, err = bucket.Extent(ctx); err != nil {
		return extent, 0, err
	}
	return extent, read(ctx, h, extent), nil
}

// write writes a hint: the header, to which it adds what tells whether it fits, and the
// parts that each writes.
func (h *Hint) write(ctx context.Context, head hintHeader, parts func(*hintWriter) error) error {
	head.Version = hintVersion
	var err error
	if head.RecordedAt, err = h.recordedAt(ctx, head.Checkpoint.Position); err != nil {
		return fmt.Errorf("write a hint: %w", err)
	}
	value, err := json.Marshal(head)
	if err != nil {
		return fmt.Errorf("write a hint: %w", err)
	}
	err = h.File.Write(func(to io.Writer) error {
		w := &hintWriter{to: bufio.NewWriterSize(to, 1<<20)}
		w.frame(value)
		if err := parts(w); err != nil {
			return err
		}
		w.frame(nil) // so that one that was cut is known
		return cmp.Or(w.err, w.to.Flush())
	})
	if err != nil {
		return fmt.Errorf("write a hint: %w", err)
	}
	return nil
}

// recordedAt is when the message at a position of the log was recorded.
func (h *Hint) recordedAt(ctx context.Context, at domain.Position) (recorded time.Time, err error) {
	if at == 0 {
		return recorded, nil
	}
	err = h.Log.Read(ctx, "", "", at, at, func(rec domain.Recorded, _ error) error {
		recorded = rec.RecordedAt
		return nil
	})
	if err == nil && recorded.IsZero() {
		err = fmt.Errorf("the log has no message at position %d", at)
	}
	return recorded, err
}

// read reads the hint about a bucket: begin is given the header, part each part. It
// returns the header when all of it was read and fits, or nil; what was taken is to be
// forgotten then.
func (h *Hint) read(ctx context.Context, bucket domain.Extent, format int, begin func(*hintHeader), part func(numbers, texts *pack.Packer) error) *hintHeader {
	var head hintHeader
	err := h.File.Read(func(from io.Reader) error {
		r := hintReader{from: bufio.NewReaderSize(from, 1<<20)}
		if err := r.header(&head); err != nil {
			return err
		}
		if err := h.fits(ctx, &head, bucket, format); err != nil {
			return err
		}
		begin(&head)
		return r.parts(part)
	})
	if err == nil {
		return &head
	}
	if errors.Is(err, fs.ErrNotExist) || ctx.Err() != nil {
		return nil
	}
	// A bucket that was set back may get where the hint is once more, otherwise.
	h.tell(errors.Join(fmt.Errorf("what the last one left cannot be used: %w", err), h.File.Remove()))
	return nil
}

// covered returns the extent of a bucket, if its last write is a checkpoint of ours: then
// memory has everything that is in it, and nobody else has written since.
func (h *Hint) covered(ctx context.Context, bucket Bucket, ours checkpoint) (extent domain.Extent, is bool, err error) {
	if extent, err = bucket.Extent(ctx); err != nil {
		return extent, false, err
	}
	last, err := bucket.Get(ctx, domain.Key{})
	if err != nil {
		return extent, false, err
	}
	return extent, last.Revision == extent.Revision && bytes.Equal(last.Value, ours.entry().Value), nil
}

func (h *Hint) tell(err error) {
	if err != nil && h.Tell != nil {
		h.Tell(err)
	}
}

// fits says why a hint is not about a bucket as it is.
func (h *Hint) fits(ctx context.Context, head *hintHeader, bucket domain.Extent, format int) error {
	switch {
	case head.Format != format:
		return fmt.Errorf("it is about snapshots of format %d, these are of format %d", head.Format, format)
	case !head.Bucket.Created.Equal(bucket.Created):
		return fmt.Errorf("it is about a bucket that was made %s, this one was %s", head.Bucket.Created, bucket.Created)
	case head.Bucket.Revision > bucket.Revision:
		return fmt.Errorf("it is about %d writes, the bucket has seen %d", head.Bucket.Revision, bucket.Revision)
	case head.Bucket.Messages > bucket.Messages:
		return fmt.Errorf("it is about %d messages, the bucket holds %d", head.Bucket.Messages, bucket.Messages)
	}
	recorded, err := h.recordedAt(ctx, head.Checkpoint.Position)
	if err == nil && !recorded.Equal(head.RecordedAt) {
		err = fmt.Errorf("the message at position %d of the log was recorded %s, and not %s", head.Checkpoint.Position, recorded, head.RecordedAt)
	}
	return err
}

// hintRows is how many values a part of a hint is about at most.
const hintRows = 1024

// hintWriter writes frames, each behind its length. It keeps the first error.
type hintWriter struct {
	to  *bufio.Writer
	err error
}

func (w *hintWriter) frame(b []byte) {
	var room [binary.MaxVarintLen64]byte
	for _, part := range [][]byte{binary.AppendUvarint(room[:0], uint64(len(b))), b} {
		if w.err == nil {
			_, w.err = w.to.Write(part)
		}
	}
}

// part writes two frames: the texts that stay in memory have one of their own.
func (w *hintWriter) part(numbers, texts *pack.Packer) error {
	w.frame(numbers.Bytes())
	w.frame(texts.Bytes())
	return w.err
}

// mostInFrame bounds what a frame may claim to be long.
const mostInFrame = 1 << 26

type hintReader struct{ from *bufio.Reader }

// frame reads one frame.
func (r *hintReader) frame() (string, error) {
	n, err := binary.ReadUvarint(r.from)
	if err == nil && n > mostInFrame {
		err = fmt.Errorf("a frame of %d bytes, of at most %d", n, mostInFrame)
	}
	var b strings.Builder
	if err == nil {
		b.Grow(min(int(n), 1<<20))
		_, err = io.CopyN(&b, r.from, int64(n))
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return b.String(), err
}

func (r *hintReader) header(head *hintHeader) error {
	value, err := r.frame()
	if err == nil {
		err = json.Unmarshal([]byte(value), head)
	}
	if err == nil && head.Version != hintVersion {
		err = fmt.Errorf("it has version %d, this program reads %d", head.Version, hintVersion)
	}
	return err
}

// errHint is what a hint says that holds what nobody has written.
var errHint = errors.New("it is damaged")

func (r *hintReader) parts(part func(numbers, texts *pack.Packer) error) error {
	for {
		first, err := r.frame()
		if err != nil || first == "" {
			return err
		}
		second, err := r.frame()
		if err != nil {
			return err
		}
		numbers, texts := pack.Reader(first), pack.Reader(second)
		if err := part(&numbers, &texts); err != nil {
			return err
		}
		if numbers.Broken() || texts.Broken() || numbers.Rest() != "" || texts.Rest() != "" {
			return errHint
		}
	}
}
