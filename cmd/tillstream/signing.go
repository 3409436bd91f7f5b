package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tillstream/tillstream/handlers/audit"
	"github.com/tillstream/tillstream/handlers/audit/tree"
	"github.com/tillstream/tillstream/handlers/console"
)

func signingKeyFile(data string) string { return filepath.Join(data, "signing-key") }

// readSigningKey reads the key that is set, or the one in the data folder. The error is
// [fs.ErrNotExist] when there is none.
func readSigningKey(cfg *Config) (*tree.SigningKey, error) {
	if cfg.SigningKey != "" {
		return tree.ParseSigningKey(cfg.SigningKey.Reveal())
	}
	file := signingKeyFile(cfg.Data)
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	key, err := tree.ParseSigningKey(string(b))
	if err != nil {
		return nil, withHint(fmt.Errorf("%s: %w", file, err), "the file from a backup; without it, remove it, and tillstream up makes another key")
	}
	return key, nil
}

// makeSigningKey makes a key in the data folder. It is there whole or not at all.
func makeSigningKey(data string) (*tree.SigningKey, error) {
	key, err := tree.NewSigningKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	file := signingKeyFile(data)
	if err := os.WriteFile(file+".next", []byte(key.Encode()+"\n"), 0o600); err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	if err := os.Rename(file+".next", file); err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	return key, nil
}

// newKeeper makes what signs the logs.
func (a *app) newKeeper(ctx context.Context) (*audit.Keeper, error) {
	key, err := readSigningKey(&a.cfg)
	if errors.Is(err, fs.ErrNotExist) {
		key, err = a.firstKey(ctx)
	}
	if err != nil {
		return nil, err
	}
	if !a.embedded() && a.cfg.SigningKey == "" {
		a.log.Warn("this process signs with a key of its own; set "+envPrefix+"SIGNING_KEY_FILE, so that every process of the cluster signs with the same", "public", key.Public())
	}
	k := audit.NewKeeper(a.conn, key)
	k.Every = a.cfg.Heads.Every
	if file := a.cfg.Heads.File; file != "" {
		k.Receivers = append(k.Receivers, audit.FileReceiver(file))
	}
	if url := a.cfg.Heads.URL; url != "" {
		k.Receivers = append(k.Receivers, audit.HTTPReceiver(url))
	}
	return k, nil
}

// firstKey makes a signing key where there is none.
func (a *app) firstKey(ctx context.Context) (*tree.SigningKey, error) {
	signed, err := audit.Signed(ctx, a.conn)
	if err != nil {
		return nil, err
	}
	key, err := makeSigningKey(a.cfg.Data)
	switch file := signingKeyFile(a.cfg.Data); {
	case err != nil:
		return nil, err
	case signed:
		a.log.Warn("the logs are signed with a key that is not here, and another one was made; if the old one is not lost, end this process and put it back", "file", file, "public", key.Public())
	default:
		a.log.Info("a key to sign the logs with was made; keep a copy of it elsewhere", "file", file, "public", key.Public())
	}
	return key, nil
}

// evidence is where the trees over the logs stand, and nil in a process that does not
// keep them.
func (e *engine) evidence() *console.Evidence {
	if e.keeper == nil {
		return nil
	}
	return &console.Evidence{Key: e.keeper.Key().String(), Logs: e.keeper.Status()}
}

func (c *cli) keyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "key",
		Short: "Print the public key that the logs are signed for",
		Long: `key prints the installation's public key, with which anybody can check what it has
signed: tillstream verify --bundle FILE --key KEY. Give it to an auditor in another way
than what it proves. With --logs it prints the same key under the names that it signs
each log's heads with, as other tools for C2SP checkpoints want it.

The secret half is in the data folder (signing-key), or where TILLSTREAM_SIGNING_KEY_FILE
says. It is in no archive of tillstream export: keep a copy of it elsewhere.`,
		Example: `  tillstream key
  tillstream key --logs`,
		Args: args(cobra.NoArgs),
	}
	logs := cmd.Flags().Bool("logs", false, "print the key under the name of each log")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := c.config(cmd)
		if err != nil {
			return err
		}
		key, err := c.publicKey(cmd.Context(), cfg)
		if err != nil {
			return err
		}
		return c.printKey(key, *logs)
	}
	configFlags(cmd, "server", "token_file")
	return c.reads(cmd)
}

// publicKey is that of the program that is named, or of the data folder.
func (c *cli) publicKey(ctx context.Context, cfg Config) (tree.Key, error) {
	if cfg.Server == "" {
		key, err := readSigningKey(&cfg)
		if errors.Is(err, fs.ErrNotExist) {
			return tree.Key{}, withHint(fmt.Errorf("there is no signing key in %s", cfg.Data), "tillstream up, which makes one, or name the folder with --data, or a running program with --server")
		}
		if err != nil {
			return tree.Key{}, err
		}
		return key.Public(), nil
	}
	to, end, err := c.connect(ctx, cfg, needReads)
	if err != nil {
		return tree.Key{}, err
	}
	var page console.StatusPage
	if err := errors.Join(to.get(ctx, "/status.json", nil, &page), end()); err != nil {
		return tree.Key{}, err
	}
	if page.Evidence == nil {
		return tree.Key{}, errors.New("the program that was asked does not sign the logs; ask the one that does")
	}
	return tree.ParseKey(page.Evidence.Key)
}

func (c *cli) printKey(key tree.Key, logs bool) error {
	byLog := map[string]string{}
	for _, log := range auditedLogs() {
		byLog[log] = key.ForLog(log)
	}
	switch {
	case c.json:
		return c.stdout.document(map[string]any{"key": key.String(), "logs": byLog})
	case logs:
		for _, log := range auditedLogs() {
			c.stdout.line("%s", byLog[log])
		}
	default:
		c.stdout.line("%s", key)
	}
	return nil
}

// auditedLogs are the logs that are signed.
func auditedLogs() []string { return []string{"POS", "SYNC"} }

// evidenceLine says where the trees stand.
func evidenceLine(e *console.Evidence) string {
	parts := make([]string, len(e.Logs))
	for i, l := range e.Logs {
		parts[i] = fmt.Sprintf("%s up to %s", l.Log, thousands(int(l.Signed)))
		if n := int(l.Covered) - int(l.Signed); n > 0 {
			parts[i] += fmt.Sprintf(" (%s to come)", thousands(n))
		}
		for _, s := range l.Sent {
			if s.Head > 0 {
				parts[i] += fmt.Sprintf(", of which %s has %s", oneLine(s.To), thousands(int(s.Head)))
			}
		}
	}
	return "signed: " + strings.Join(parts, "; ")
}

// evidenceProblems says what is wrong with the evidence.
func evidenceProblems(e *console.Evidence) []string {
	var out []string
	for _, l := range e.Logs {
		if l.Problem != "" {
			out = append(out, oneLine(l.Problem))
		}
		for _, s := range l.Sent {
			if s.Problem != "" {
				out = append(out, fmt.Sprintf("the signed heads of %s do not reach %s: %s", l.Log, oneLine(s.To), brief(s.Problem)))
			}
		}
	}
	return out
}
