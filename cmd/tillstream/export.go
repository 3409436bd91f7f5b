package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/tillstream/tillstream/handlers/audit"
	"github.com/tillstream/tillstream/handlers/poll"
	"github.com/tillstream/tillstream/streams"
)

// exporter copies and proves the logs of this process's broker.
func (a *app) exporter() audit.Exporter {
	e := audit.Exporter{Conn: a.conn, Keep: poll.IsProgress, Now: time.Now}
	if key, err := readSigningKey(&a.cfg); err == nil {
		e.Key = key.Public()
	}
	return e
}

func (c *cli) exportCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "export FILE",
		Short: "Copy both logs into one archive, while everything runs",
		Long: `export writes one compressed and checksummed archive of what cannot be made again:
both logs, the dead letters, the signed tree heads, and how far POS accounts are read. It
is of the moment at which it begins; what is recorded meanwhile is not in it.

Not in it are what is folded from the logs, the tokens and passwords, and the signing key:
keep a copy of DATA/signing-key elsewhere.`,
		Example: `  tillstream export backup.tar.zst
  tillstream restore backup.tar.zst --data /var/lib/tillstream`,
		Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := c.config(cmd)
			if err != nil {
				return err
			}
			return c.export(cmd.Context(), cfg, args[0])
		},
	}
	return c.talks(c.reads(cmd))
}

// archive writes one of the program that runs, or of the folder when none does, for
// which nothing of what is folded need be in order.
func (c *cli) archive(ctx context.Context, cfg Config, w io.Writer) (err error) {
	if cfg.Server == "" {
		if err := noFolder(cfg); err != nil {
			return err
		}
		a, err := openChecked(ctx, cfg, slog.New(slog.DiscardHandler), unlessRestoring((*streams.Conn).EnsureLogs))
		if err == nil {
			e := a.exporter()
			_, err = e.Export(ctx, w)
			return errors.Join(err, a.close())
		}
		if locked, ok := errors.AsType[*streams.LockedError](err); !ok || locked.Holder.Address == "" {
			return err
		}
	}
	to, end, err := c.connect(ctx, cfg, needReads)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	answer, err := to.send(ctx, call{method: http.MethodGet, path: "/v1/export"})
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if _, err = io.Copy(w, answer.Body); errors.Is(err, io.ErrUnexpectedEOF) {
		return withHint(errors.New("the answer was cut off before its end"), "the same again; the log of the program that runs says why")
	}
	return err
}

// export writes an archive beside its place and puts it there when it is whole.
func (c *cli) export(ctx context.Context, cfg Config, file string) (err error) {
	if info, err := os.Stat(file); err == nil && info.IsDir() {
		return misuse("FILE %s: is a folder", file)
	}
	began := c.now()
	f, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+"-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Close() // which it may be already
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	bar := c.newProgress("export", 0)
	size := int64(0)
	err = c.archive(ctx, cfg, writerFunc(func(p []byte) (int, error) {
		n, err := f.Write(p)
		size += int64(n)
		bar.step("%s MB", thousands(int(size>>20)))
		return n, err
	}))
	bar.end()
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	checked, err := audit.CheckArchive(f)
	if err != nil {
		return withHint(fmt.Errorf("export: %w", err), "tillstream verify")
	}
	if err := errors.Join(f.Close(), os.Rename(f.Name(), file)); err != nil {
		return err
	}
	if c.json {
		return c.stdout.document(map[string]any{"file": file, "bytes": size, "manifest": checked.Manifest, "heads": checked.Heads})
	}
	c.stdout.line("%s: %s; %s bytes in %.1f seconds", file, archived(&checked), thousands(int(size)), c.now().Sub(began).Seconds())
	return nil
}

// archived says what an archive holds.
func archived(checked *audit.Checked) string {
	parts := make([]string, 0, len(checked.Manifest.Logs)+1)
	for _, l := range checked.Manifest.Logs {
		parts = append(parts, fmt.Sprintf("%s to position %s", l.Stream, thousands(int(l.Last))))
	}
	return sentence(append(parts, count(checked.Heads, "signed head")+" agree")...)
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// told counts what is read.
type told struct {
	r    io.Reader
	n    int64
	tell func(int64)
}

func (t *told) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	t.n += int64(n)
	t.tell(t.n)
	return n, err
}
