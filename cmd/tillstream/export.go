package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/tillstream/tillstream/handlers/audit"
	"github.com/tillstream/tillstream/handlers/audit/tree"
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
		if _, err := os.Stat(cfg.Data); cfg.NATS.URL == "" && err != nil {
			return withHint(fmt.Errorf("there is no data folder %s", cfg.Data), "name the folder with --data, or a running program with --server")
		}
		a, err := openChecked(ctx, cfg, slog.New(slog.DiscardHandler), (*streams.Conn).EnsureLogs)
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
	began := c.now()
	f, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+"-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close(), os.Remove(f.Name()))
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

func (c *cli) restoreCommand() *cobra.Command {
	var keys []string
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "Make an empty installation of an archive",
		Long: `restore reads an archive of tillstream export whole: its checksums, every message, and
that the logs are what was signed. Only then it writes, and only where nothing was ever
recorded: with the same positions, ids and recorded times. What has arrived is read back
and compared. tillstream up then folds it; nothing is pushed again that BigCommerce had
confirmed, and what was pending is pushed.

Without a signing key in place, tillstream up makes a new one; put the old one back before,
so that it goes on with the same. Who restores after a loss should know that BigCommerce
may have been told more than the archive knows of.`,
		Example: `  tillstream restore backup.tar.zst --dry-run
  tillstream restore backup.tar.zst --data /var/lib/tillstream --key KEY`,
		Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := c.config(cmd)
			if err != nil {
				return err
			}
			if args[0] == "-" {
				return withHint(misuse("an archive is read twice, and standard input can be read once"), "a file")
			}
			parsed := make([]tree.Key, len(keys))
			for i, k := range keys {
				if parsed[i], err = tree.ParseKey(k); err != nil {
					return &misuseError{fmt.Errorf("--key: %w", err)}
				}
			}
			return c.restore(cmd.Context(), cfg, args[0], parsed)
		},
	}
	cmd.Flags().StringSliceVar(&keys, "key", nil, "public `key` that has to have signed what is in the archive")
	configFlags(cmd, "nats", "log.level", "log.format")
	return c.writes(cmd)
}

func (c *cli) restore(ctx context.Context, cfg Config, file string, keys []tree.Key) error {
	open := func() (io.ReadCloser, error) { return os.Open(file) }
	began := c.now()
	f, err := open()
	if err != nil {
		return err
	}
	bar := c.newProgress("check", 0)
	checked, err := audit.CheckArchive(&told{r: f, tell: func(n int64) { bar.step("%s MB", thousands(int(n>>20))) }}, keys...)
	if err := errors.Join(err, f.Close()); err != nil {
		return withHint(fmt.Errorf("%s: %w; nothing was written", file, err), "another archive")
	}
	c.stderr.line("the archive is whole: of %s, %s, signed by %s", moment(checked.Manifest.Created), archived(&checked), sentence(checked.Signers...))
	bar = c.newProgress("restore", 0)
	tell := func(p audit.Progress) { bar.step("%s %s of %s", p.Log, thousands(int(p.At)), thousands(int(p.Of))) }
	to := restoreAnywhere
	if cfg.NATS.URL == "" {
		to = restoreFolder
	}
	err = to(ctx, cfg, c.logger(cfg.Log), c.dryRun, func(conn *streams.Conn) error {
		return audit.Restore(ctx, conn, checked, open, tell)
	})
	bar.end()
	if full, ok := errors.AsType[*streams.NotEmptyError](err); ok {
		return withHint(fmt.Errorf("nothing was written, because this is no empty installation: %w", full), "another folder with --data")
	}
	if err != nil {
		return err
	}
	if c.dryRun {
		c.stdout.line("would restore it; nothing done")
		return nil
	}
	c.stdout.line("restored, and what has arrived is what the archive holds: %s, in %.1f seconds", archived(&checked), c.now().Sub(began).Seconds())
	c.stderr.line("next: put the signing key back, if you have it, then tillstream up")
	return nil
}

// restoreAnywhere restores into the broker that is set.
func restoreAnywhere(ctx context.Context, cfg Config, log *slog.Logger, dry bool, restore func(*streams.Conn) error) (err error) {
	a, err := openChecked(ctx, cfg, log, func(conn *streams.Conn, ctx context.Context) error { return audit.Empty(ctx, conn) })
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	if dry {
		return nil
	}
	if err := restore(a.conn); err != nil {
		return withHint(err, "remove what is there of POS, SYNC, DEADLETTERS, HEADS and TILES (nats stream rm), as a user who may, and then the same again")
	}
	return nil
}

// restoreFolder restores into a data folder: beside it, with a broker of its own, whose
// files are put in place when all of it has arrived. So the folder holds everything or
// nothing, wherever it stops.
func restoreFolder(ctx context.Context, cfg Config, log *slog.Logger, dry bool, restore func(*streams.Conn) error) (err error) {
	lock, err := streams.LockDataDir(cfg.Data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	store := filepath.Join(cfg.Data, "nats")
	if err := emptyFolder(ctx, cfg, log, store); err != nil || dry {
		return err
	}
	aside := filepath.Join(cfg.Data, "restoring")
	if err := os.RemoveAll(aside); err != nil {
		return err
	}
	conn, err := streams.Connect(ctx, streams.Config{DataDir: aside, Logger: log, WithoutSync: true}) // all of it is synced below
	if err != nil {
		return err
	}
	if err := errors.Join(restore(conn), conn.Close()); err != nil {
		return errors.Join(err, os.RemoveAll(aside))
	}
	arrived := filepath.Join(aside, "nats")
	if err := syncAll(arrived); err != nil {
		return errors.Join(err, os.RemoveAll(aside))
	}
	if err := os.RemoveAll(store); err != nil { // nothing was ever recorded in it
		return err
	}
	return errors.Join(os.Rename(arrived, store), syncFile(cfg.Data), os.RemoveAll(aside))
}

// emptyFolder refuses a broker's folder in which anything was ever recorded.
func emptyFolder(ctx context.Context, cfg Config, log *slog.Logger, store string) error {
	if _, err := os.Stat(store); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	conn, err := streams.Connect(ctx, streams.Config{DataDir: cfg.Data, Logger: log})
	if err != nil {
		return err
	}
	return errors.Join(audit.Empty(ctx, conn), conn.Close())
}

// syncAll brings every file and folder below a folder to the disk.
func syncAll(dir string) error {
	return filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return syncFile(path)
	})
}

func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
