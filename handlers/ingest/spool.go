package ingest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
)

// DefaultMostSpooled is how large a file may be that has to be read twice.
const DefaultMostSpooled = 1 << 30

// spool copies a body into a file of its own, which is gone when it is closed or
// the program ends. It returns the file at its beginning, and its SHA-256 in
// hexadecimal. A body that is too large is a [*http.MaxBytesError].
func (s *Service) spool(body io.Reader) (*spooled, string, error) {
	if s.Spool != "" {
		if err := os.MkdirAll(s.Spool, 0o700); err != nil {
			return nil, "", fmt.Errorf("keep the file until it is checked: %w", err)
		}
	}
	f, err := os.CreateTemp(s.Spool, "import-*.csv")
	if err != nil {
		return nil, "", fmt.Errorf("keep the file until it is checked: %w", err)
	}
	file := &spooled{File: f}
	// Where a file that is open can be removed, nothing stays behind after a kill.
	file.removed = os.Remove(f.Name()) == nil
	digest := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, digest), io.LimitReader(body, s.MostSpooled+1))
	if err == nil && n > s.MostSpooled {
		err = &http.MaxBytesError{Limit: s.MostSpooled}
	}
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		file.Close()
		return nil, "", fmt.Errorf("keep the file until it is checked: %w", err)
	}
	return file, hex.EncodeToString(digest.Sum(nil)), nil
}

// spooled is a file that is removed when it is closed.
type spooled struct {
	*os.File
	removed bool
}

func (f *spooled) Close() error {
	err := f.File.Close()
	if !f.removed {
		err = os.Remove(f.Name())
	}
	return err
}
