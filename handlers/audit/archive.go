package audit

import (
	"archive/tar"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/audit/tree"
	"github.com/tillstream/tillstream/streams"
)

// ArchiveFormat is the version of an archive: a tar file compressed by zstd, so that
// other people's tools can look into it. Its members, in this order:
//
//	manifest.json       [Manifest]
//	control.json        what cannot be folded from the logs, see [Exporter.Keep]
//	STREAM/N.leaves     the messages of HEADS, DEADLETTERS, SYNC and POS: each the
//	                    length of its leaf in 4 bytes, and the leaf (package tree)
//	checksums.json      the SHA-256 of every member before it
//
// The last member says that the archive is whole. The signing key is in none.
const ArchiveFormat = "tillstream archive v1"

// Manifest says what an archive holds.
type Manifest struct {
	Format  string        `json:"format"`
	Created time.Time     `json:"created"`
	Key     string        `json:"key,omitempty"` // the public key of the installation, as it says
	Logs    []ArchivedLog `json:"logs"`
}

// ArchivedLog is one log in an archive. Its messages are all that it had up to Last.
type ArchivedLog struct {
	Stream string          `json:"stream"`
	Last   domain.Position `json:"last"`
	Bytes  uint64          `json:"bytes"` // about what the messages take
}

// checksums is the end of an archive.
type checksums struct {
	Members []checksum `json:"members"`
}

type checksum struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
}

const (
	manifestName  = "manifest.json"
	controlName   = "control.json"
	checksumsName = "checksums.json"
	memberSize    = 4 << 20 // of leaves, about
	mostMember    = 64 << 20
)

// kept is one value of the control bucket.
type kept struct {
	Key   streams.Key `json:"key"`
	Value []byte      `json:"value"`
}

// Exporter copies an installation.
type Exporter struct {
	Conn *streams.Conn
	Key  tree.Key // the installation's; the zero key when it has none
	// Keep chooses what of the control bucket cannot be made again: how far accounts are
	// read.
	Keep func(streams.Key) bool
	Now  func() time.Time
	// Progress, when set, is told how far the reading is.
	Progress func(Progress)
}

// Export writes an archive of both logs, the dead letters and the signed heads, as they
// are when it begins: while others append, it copies up to where each log was. What
// speaks of other logs is cut before them, so that nothing in the archive speaks of what
// it lacks.
func (e *Exporter) Export(ctx context.Context, w io.Writer) (Manifest, error) {
	m := Manifest{Format: ArchiveFormat, Created: e.Now().UTC()}
	if e.Key.Name() != "" {
		m.Key = e.Key.String()
	}
	control, err := e.control(ctx)
	if err != nil {
		return m, err
	}
	for _, stream := range streams.Kept() {
		extent, err := e.Conn.Extent(ctx, stream)
		if err != nil {
			return m, err
		}
		m.Logs = append(m.Logs, ArchivedLog{stream, domain.Position(extent.Last), extent.Bytes})
	}
	compressed, err := zstd.NewWriter(w)
	if err != nil {
		return m, err
	}
	a := &archiveWriter{tar: tar.NewWriter(compressed), at: m.Created}
	err = errors.Join(a.document(manifestName, m), a.document(controlName, control))
	for _, l := range m.Logs {
		if err != nil {
			break
		}
		err = e.log(ctx, a, l)
	}
	if err == nil {
		err = a.document(checksumsName, a.sums)
	}
	if err == nil {
		err = a.tar.Close()
	}
	return m, errors.Join(err, compressed.Close())
}

func (e *Exporter) control(ctx context.Context) ([]kept, error) {
	out := []kept{}
	err := e.Conn.Control().Scan(ctx, "", 0, func(entry streams.Entry) error {
		if e.Keep != nil && e.Keep(entry.Key) {
			out = append(out, kept{entry.Key, bytes.Clone(entry.Value)})
		}
		return nil
	})
	return out, err
}

// log writes the messages of one log.
func (e *Exporter) log(ctx context.Context, a *archiveWriter, l ArchivedLog) error {
	var member, leaf []byte
	n := 0
	flush := func() error {
		if len(member) == 0 {
			return nil
		}
		n++
		err := a.member(fmt.Sprintf("%s/%08d.leaves", l.Stream, n), member)
		member = member[:0]
		return err
	}
	err := e.Conn.Whole(ctx, l.Stream, l.Last, func(m streams.Message) error {
		leaf = tree.AppendLeaf(leaf[:0], message(&m))
		member = binary.BigEndian.AppendUint32(member, uint32(len(leaf)))
		member = append(member, leaf...)
		if len(member) < memberSize {
			return nil
		}
		if e.Progress != nil {
			e.Progress(Progress{l.Stream, m.Position, l.Last})
		}
		return flush()
	})
	if err != nil {
		return err
	}
	return flush()
}

// archiveWriter writes members and remembers their checksums.
type archiveWriter struct {
	tar  *tar.Writer
	at   time.Time
	sums checksums
}

func (a *archiveWriter) member(name string, b []byte) error {
	h := &tar.Header{Name: name, Mode: 0o600, Size: int64(len(b)), ModTime: a.at, Format: tar.FormatPAX}
	if err := a.tar.WriteHeader(h); err != nil {
		return err
	}
	sum := sha256.Sum256(b)
	a.sums.Members = append(a.sums.Members, checksum{name, hex.EncodeToString(sum[:])})
	_, err := a.tar.Write(b)
	return err
}

func (a *archiveWriter) document(name string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return a.member(name, append(b, '\n'))
}

// DamagedError says that an archive is not what was exported.
type DamagedError struct{ Reason string }

func (e *DamagedError) Error() string { return "the archive is damaged or cut: " + e.Reason }

func damaged(format string, args ...any) error { return &DamagedError{fmt.Sprintf(format, args...)} }

// archiveReader reads an archive in its order, and refuses whatever is not as written.
type archiveReader struct {
	zstd     *zstd.Decoder
	tar      *tar.Reader
	Manifest Manifest
	control  []kept
	sums     checksums
	whole    bool // the end was read, and all sums are right
}

// openArchive reads the beginning of an archive.
func openArchive(r io.Reader) (*archiveReader, error) {
	z, err := zstd.NewReader(r, zstd.WithDecoderMaxMemory(512<<20))
	if err != nil {
		return nil, damaged("%v", err)
	}
	a := &archiveReader{zstd: z, tar: tar.NewReader(z)}
	for _, part := range []struct {
		name string
		into any
	}{{manifestName, &a.Manifest}, {controlName, &a.control}} {
		name, b, err := a.next()
		if err == nil && name != part.name {
			err = damaged("it begins with %q instead of %s", name, part.name)
		}
		if err == nil {
			if e := json.Unmarshal(b, part.into); e != nil {
				err = damaged("%s: %v", name, e)
			}
		}
		if err != nil {
			z.Close()
			return nil, err
		}
		if a.Manifest.Format != ArchiveFormat {
			z.Close()
			return nil, fmt.Errorf("the archive has the format %q; this version of tillstream reads %q", a.Manifest.Format, ArchiveFormat)
		}
	}
	return a, nil
}

func (a *archiveReader) close() { a.zstd.Close() }

// next reads one member.
func (a *archiveReader) next() (string, []byte, error) {
	h, err := a.tar.Next()
	if err != nil {
		return "", nil, damaged("it ends before its end: %v", err)
	}
	if h.Size > mostMember {
		return "", nil, damaged("%s has %d bytes", h.Name, h.Size)
	}
	b := make([]byte, h.Size)
	if _, err := io.ReadFull(a.tar, b); err != nil {
		return "", nil, damaged("%s: %v", h.Name, err)
	}
	sum := sha256.Sum256(b)
	if h.Name != checksumsName {
		a.sums.Members = append(a.sums.Members, checksum{h.Name, hex.EncodeToString(sum[:])})
	}
	return h.Name, b, nil
}

// messages calls each with every message of the archive, log by log, and then compares
// the checksums.
func (a *archiveReader) messages(each func(tree.Message) error) error {
	for {
		name, b, err := a.next()
		if err != nil {
			return err
		}
		if name == checksumsName {
			return a.end(b)
		}
		for len(b) > 0 {
			if len(b) < 4 || uint32(len(b)-4) < binary.BigEndian.Uint32(b) {
				return damaged("%s: a message is cut", name)
			}
			n := binary.BigEndian.Uint32(b)
			m, err := tree.ParseLeaf(b[4 : 4+n])
			if err != nil {
				return damaged("%s: %v", name, err)
			}
			if err := each(m); err != nil {
				return err
			}
			b = b[4+n:]
		}
	}
}

func (a *archiveReader) end(b []byte) error {
	var want checksums
	if err := json.Unmarshal(b, &want); err != nil {
		return damaged("%s: %v", checksumsName, err)
	}
	if len(want.Members) != len(a.sums.Members) {
		return damaged("it has %d members, and %d were written", len(a.sums.Members), len(want.Members))
	}
	for i, w := range want.Members {
		if w != a.sums.Members[i] {
			return damaged("%s is not as it was written", w.Name)
		}
	}
	if _, err := a.tar.Next(); !errors.Is(err, io.EOF) {
		return damaged("something is behind its end")
	}
	switch n, err := io.Copy(io.Discard, a.zstd); { // zstd has a checksum of its own at the end
	case err != nil:
		return damaged("%v", err)
	case n > 0:
		return damaged("%d bytes are behind its end", n)
	}
	a.whole = true
	return nil
}

// Checked is what is known of an archive after all of it was read.
type Checked struct {
	Manifest Manifest
	// Heads is how many signed heads the logs in it agree with, and Signers whose they
	// are.
	Heads   int
	Signers []string
	roots   map[string]tlog.Hash
}

// CheckArchive reads an archive whole: its checksums, every message, that each log is
// there up to where it was, and that the logs are what was signed by one of the keys, or
// by whomever when none is given. The error is a [*DamagedError], a
// [*ContradictionError], or that of the reader.
func CheckArchive(r io.Reader, keys ...tree.Key) (Checked, error) {
	c := Checked{roots: map[string]tlog.Hash{}}
	a, err := openArchive(r)
	if err != nil {
		return c, err
	}
	defer a.close()
	c.Manifest = a.Manifest
	trees, hasher := map[string]*tree.Tree{}, tree.Hasher{}
	last := map[string]domain.Position{}
	for _, l := range a.Manifest.Logs {
		trees[l.Stream], last[l.Stream] = &tree.Tree{}, l.Last
	}
	believed := keys
	if own, err := tree.ParseKey(a.Manifest.Key); err == nil && len(keys) == 0 {
		believed = []tree.Key{own}
	}
	ahead := map[string][]tree.Head{}
	covered := map[string]int64{}
	compare := func(log string) error {
		t := trees[log]
		for len(ahead[log]) > 0 && t != nil && ahead[log][0].Size <= t.Size() {
			h := ahead[log][0]
			if h.Size == t.Size() && h.Root != t.Hash() {
				return &ContradictionError{log, domain.Position(covered[log] + 1), domain.Position(h.Size), "the messages in the archive are not what was signed"}
			}
			covered[log], ahead[log] = h.Size, ahead[log][1:]
			c.Heads++
		}
		return nil
	}
	err = a.messages(func(m tree.Message) error {
		t, known := trees[m.Log]
		if !known || int64(m.Position) <= t.Size() || m.Position > last[m.Log] {
			return damaged("position %d of %s is out of place", m.Position, m.Log)
		}
		for at := t.Size() + 1; at < int64(m.Position); at++ {
			t.Add(hasher.Absent(m.Log, domain.Position(at)))
			if err := compare(m.Log); err != nil {
				return err
			}
		}
		t.Add(hasher.Leaf(&m))
		if m.Log == streams.Kept()[0] {
			return c.head(&m, believed, ahead)
		}
		return compare(m.Log)
	})
	if err != nil {
		return c, err
	}
	for _, l := range a.Manifest.Logs {
		if got := trees[l.Stream].Size(); got != int64(l.Last) {
			return c, damaged("the log %s ends at position %d instead of %d", l.Stream, got, l.Last)
		}
		if left := ahead[l.Stream]; len(left) > 0 {
			return c, &ContradictionError{l.Stream, l.Last + 1, domain.Position(left[0].Size), "a head is signed of more messages than the archive has"}
		}
		c.roots[l.Stream] = trees[l.Stream].Hash()
	}
	if len(keys) > 0 && c.Heads == 0 && last["POS"] > 0 {
		return c, errors.New("no head in the archive is signed with the key that was given")
	}
	return c, nil
}

// head takes a signed head of the archive.
func (c *Checked) head(m *tree.Message, keys []tree.Key, ahead map[string][]tree.Head) error {
	log, is := strings.CutPrefix(m.Subject, "heads.")
	if !is {
		return damaged("position %d of HEADS has the subject %q", m.Position, m.Subject)
	}
	h, err := tree.OpenHead(m.Data, log, keys...)
	var unknown *tree.UnknownSignerError
	switch {
	case errors.As(err, &unknown):
		return nil // of a key of earlier times: those that are known cover what it did
	case err != nil:
		return &ContradictionError{log, 1, domain.Position(max(h.Size, 1)), fmt.Sprintf("the head at position %d of HEADS: %v", m.Position, err)}
	}
	// In the order of their sizes, so that the log comes to each: the heads of a process
	// that was slow to lose its lease may stand behind newer ones.
	i, _ := slices.BinarySearchFunc(ahead[log], h.Size, func(a tree.Head, size int64) int { return cmp.Compare(a.Size, size) })
	ahead[log] = slices.Insert(ahead[log], i, h)
	for _, s := range c.Signers {
		if s == h.Origin {
			return nil
		}
	}
	c.Signers = append(c.Signers, h.Origin)
	return nil
}
