package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/tillstream/tillstream/handlers/audit"
	"github.com/tillstream/tillstream/handlers/audit/tree"
	"github.com/tillstream/tillstream/streams"
)

func (c *cli) restoreCommand() *cobra.Command {
	var keys []string
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "Make an empty installation of an archive",
		Long: `restore reads an archive of tillstream export whole: its checksums, every message, and
that the logs are what was signed. Only then it writes, and only where nothing was ever
recorded: with the same positions, ids and recorded times. What has arrived is read back
and compared. tillstream up then folds it, a long log as a rebuild does. Nothing is pushed
again that BigCommerce had confirmed, and what was pending is pushed.

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
	c.stderr.line("the archive is whole: of %s, %s, signed by %s", moment(checked.Manifest.Created), archived(&checked), cmp.Or(sentence(checked.Signers...), "nobody"))
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
	a, err := openChecked(ctx, cfg, log, func(conn *streams.Conn, ctx context.Context) error {
		err := audit.Empty(ctx, conn)
		if err != nil {
			if cut := unfinished(ctx, conn); cut != nil {
				return cut
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	if dry {
		return nil
	}
	if err := restore(a.conn); err != nil {
		return withHint(err, removeAll+", and then the same again")
	}
	return nil
}

// removeAll says how a broker is emptied.
const removeAll = "remove what is there of POS, SYNC, DEADLETTERS, HEADS, TILES and CONTROL (nats stream rm), as a user who may"

// unlessRestoring is a check of the streams of a broker whose logs are whole: nothing goes by the
// part of them that a restore has left which did not come to its end.
func unlessRestoring(check func(*streams.Conn, context.Context) error) func(*streams.Conn, context.Context) error {
	return func(conn *streams.Conn, ctx context.Context) error {
		if err := unfinished(ctx, conn); err != nil {
			return err
		}
		return check(conn, ctx)
	}
}

// unfinished says that a restore has not come to its end, and what to do then.
func unfinished(ctx context.Context, conn *streams.Conn) error {
	err := conn.Restoring(ctx)
	if _, cut := errors.AsType[*streams.RestoringError](err); cut {
		return withHint(err, removeAll+", and then tillstream restore again")
	}
	return err
}

// restoringIn is where a restore into a data folder gathers what arrives. While it has a
// broker's files in it, nothing of them is in place.
func restoringIn(data string) string { return filepath.Join(data, "restoring") }

// interruptedRestore refuses a data folder into which a restore was begun that has not
// come to its end, and clears away what one has left that has.
func interruptedRestore(data string) error {
	aside := restoringIn(data)
	switch _, err := os.Stat(filepath.Join(aside, "nats")); {
	case err == nil:
		return withHint(fmt.Errorf("a restore into %s has not come to its end, and nothing of it is in place", data),
			"tillstream restore again, or, for an empty installation, remove "+aside)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	return os.RemoveAll(aside)
}

// restoreFolder restores into a data folder: beside it, with a broker of its own, whose
// files are put in place when all of it has arrived. So the folder holds everything or
// nothing, wherever it stops.
func restoreFolder(ctx context.Context, cfg Config, log *slog.Logger, dry bool, restore func(*streams.Conn) error) (err error) {
	lock, err := lockData(ctx, cfg.Data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	store := filepath.Join(cfg.Data, "nats")
	if err := emptyFolder(ctx, cfg, log, store); err != nil || dry {
		return err
	}
	aside := restoringIn(cfg.Data)
	if err := errors.Join(os.RemoveAll(aside), os.MkdirAll(filepath.Join(aside, "nats"), 0o700)); err != nil {
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
