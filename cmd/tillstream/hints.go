package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/klauspost/compress/s2"

	"github.com/tillstream/tillstream/projections"
	"github.com/tillstream/tillstream/streams"
)

// hintFile is a file with a hint, compressed and with checksums.
type hintFile string

func (f hintFile) Read(do func(io.Reader) error) error {
	file, err := os.Open(string(f))
	if err != nil {
		return err
	}
	return errors.Join(do(s2.NewReader(file)), file.Close())
}

func (f hintFile) Write(do func(io.Writer) error) error {
	if err := os.MkdirAll(filepath.Dir(string(f)), 0o700); err != nil {
		return err
	}
	// What a kill leaves of it, the next one overwrites: nobody else is in the data folder.
	file, err := os.OpenFile(string(f)+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	w := s2.NewWriter(file)
	err = do(w)
	err = errors.Join(err, w.Close())
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), string(f))
	}
	if err != nil {
		err = errors.Join(err, os.Remove(file.Name()))
	}
	return err
}

func (f hintFile) Remove() error { return os.Remove(string(f)) }

// leastForHint is [projections.Hint.Least] of every hint. A test makes it small.
var leastForHint = projections.DefaultHintLeast

// hint is where a start finds what it need not read from a bucket again. Which epoch's a
// hint is about stands in it.
func (a *app) hint(of string, log *streams.Log) *projections.Hint {
	return &projections.Hint{
		File: hintFile(filepath.Join(a.cfg.Data, "hints", of)),
		Log:  log.Events(), Least: leastForHint,
		Tell: func(err error) {
			a.log.Info("this start or the next reads all that is stored", "of", of, "err", err)
		},
	}
}

func (a *app) productsHint() *projections.Hint     { return a.hint("products", a.conn.POS()) }
func (a *app) publicationsHint() *projections.Hint { return a.hint("publications", a.conn.Sync()) }

// hintWithin is how long leaving hints may hold up the end of a process.
const hintWithin = 20 * time.Second

// leaveHints spares the next start what this process knows of buckets that nobody else
// writes to, and that nothing is at work on any more. Either may be nil.
func (a *app) leaveHints(ctx context.Context, catalog *projections.Catalog, publications *projections.Publications) {
	ctx, cancel := context.WithTimeout(ctx, hintWithin)
	defer cancel()
	var err error
	if catalog != nil {
		err = catalog.WriteHint(ctx, a.productsHint())
	}
	if publications != nil {
		err = errors.Join(err, publications.WriteHint(ctx, a.publicationsHint()))
	}
	if err != nil {
		a.log.Warn("the next start reads all that is stored", "err", err)
	}
}
