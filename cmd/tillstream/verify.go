package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/audit"
	"github.com/tillstream/tillstream/handlers/audit/tree"
	"github.com/tillstream/tillstream/handlers/console"
	"github.com/tillstream/tillstream/handlers/index"
	"github.com/tillstream/tillstream/handlers/publish"
	"github.com/tillstream/tillstream/streams"
)

// verifyFlags say what is to be verified.
type verifyFlags struct {
	checks, keys  []string
	since, bundle string
	sample        int
}

func (c *cli) verifyCommand() *cobra.Command {
	f := verifyFlags{}
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Check that the installation is what it says it is",
		Long: `verify reads both logs whole and prints a table of checks, each PASS, WARN, FAIL or
SKIP. A check that was skipped says nothing: it is not passed.

  topology      the streams are as declared
  rights        the program may not do what would change a log
  positions     no position of a log is missing
  tree          the logs are what was signed; the first position that is not is named
  since         and what was signed earlier, by heads that somebody else has kept
  copies        what questions about the past are answered from is what the logs have
  events        what cannot be used as an event has a dead letter
  duplicates    no event counts twice
  fold          the stored states are what the log amounts to, byte for byte
  publications  likewise what is known of pushes
  behind        BigCommerce has confirmed the newest states
  twins         no two products are linked to one in BigCommerce
  sums          every event and every push has ended somewhere
  bigcommerce   a sample of products shows in BigCommerce what it was told

With --since it also checks the logs against signed tree heads that were kept elsewhere:
a file that TILLSTREAM_HEADS_FILE made, or one head. Tree and since go together then: of
what is wrong with a log only the first is named, whichever of them finds it. With --bundle and --key it checks a
bundle of tillstream prove and needs no installation at all. It changes nothing.

The exit code is 3 when a check failed, and 0 when the others are PASS, WARN or SKIP.`,
		Example: `  tillstream verify
  tillstream verify --check tree --since heads.txt
  tillstream verify --bundle sale-2207.json --key tillstream-1a2b3c4d+5e6f7a8b+AbCd…`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.valid(cmd); err != nil {
				return err
			}
			if f.bundle != "" {
				return c.verifyBundle(f.bundle, f.keys[0])
			}
			return c.verify(cmd, &f)
		},
	}
	names := make([]string, len(audit.Codes()))
	for i, code := range audit.Codes() {
		names[i] = string(code)
	}
	cmd.Flags().StringSliceVar(&f.checks, "check", nil, "make only these `checks`, separated by commas")
	cmd.Flags().StringSliceVar(&f.keys, "key", nil, "public `key` whose signatures count too, or that a bundle is checked with")
	cmd.Flags().StringVar(&f.since, "since", "", "`file` of signed tree heads that the logs have to continue")
	cmd.Flags().StringVar(&f.bundle, "bundle", "", "check this `file` of tillstream prove, and nothing else")
	cmd.Flags().IntVar(&f.sample, "sample", audit.DefaultSample, "how many `products` of each store to compare with BigCommerce")
	// Completing a flag cannot fail but for a flag that is not there.
	_ = cmd.RegisterFlagCompletionFunc("check", func(_ *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
		return startingWith(slices.Clone(names), prefix), cobra.ShellCompDirectiveNoFileComp
	})
	configFlags(cmd, "server", "token_file", "nats")
	return c.reads(cmd)
}

func (f *verifyFlags) valid(cmd *cobra.Command) error {
	if _, err := audit.ParseCodes(f.checks); err != nil {
		return &misuseError{fmt.Errorf("--%w", err)}
	}
	for _, k := range f.keys {
		if _, err := tree.ParseKey(k); err != nil {
			return &misuseError{fmt.Errorf("--key: %w", err)}
		}
	}
	switch {
	case f.sample < 1:
		return misuse("--sample %d: must be above 0", f.sample)
	case f.bundle != "" && len(f.keys) != 1:
		return withHint(misuse("--bundle needs the one public key that it is to be checked with"), "--key KEY, as tillstream key prints it where the bundle comes from")
	case f.bundle != "" && (cmd.Flags().Changed("check") || f.since != "" || cmd.Flags().Changed("sample")):
		return misuse("--bundle is checked alone, without --check, --since and --sample")
	}
	return nil
}

// verify verifies the program that runs, or the data folder.
func (c *cli) verify(cmd *cobra.Command, f *verifyFlags) error {
	cfg, err := c.config(cmd)
	if err != nil {
		return err
	}
	order := console.VerifyOrder{Checks: f.checks, Keys: f.keys, Sample: f.sample}
	if f.since != "" {
		if order.Heads, err = readHeads(f.since); err != nil {
			return err
		}
	}
	out := &verifyOutput{cli: c, bar: c.newProgress("verify", 0)}
	ctx := cmd.Context()
	if err := c.verifyWhere(ctx, cfg, order, out.take); err != nil {
		return err
	}
	return out.end()
}

// verifyWhere asks the program that runs, and opens the data folder when none does.
func (c *cli) verifyWhere(ctx context.Context, cfg Config, order console.VerifyOrder, take func(json.RawMessage) error) error {
	if cfg.Server == "" {
		err := c.verifyAtRest(ctx, cfg, order, take)
		if locked, ok := errors.AsType[*streams.LockedError](err); !ok || locked.Holder.Address == "" {
			return err
		}
	}
	to, end, err := c.connect(ctx, cfg, needReads)
	if err != nil {
		return err
	}
	return errors.Join(to.verify(ctx, order, take), end())
}

// verifyAtRest opens the data folder, or the broker that is set, and verifies it as it
// lies there: nothing is folded, and no stream is made.
func (c *cli) verifyAtRest(ctx context.Context, cfg Config, order console.VerifyOrder, take func(json.RawMessage) error) (err error) {
	if err := noFolder(cfg); err != nil {
		return err
	}
	if len(cfg.Stores) == 0 && runningAt(cfg.Data) == "" {
		return noStore()
	}
	a, err := openChecked(ctx, cfg, slog.New(slog.DiscardHandler), unlessRestoring(func(*streams.Conn, context.Context) error { return nil }))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	base := a.verifier(nil)
	if file := cfg.indexFile(); file != "" && order.Wants(audit.Copied) {
		switch copies, failed := index.OpenCopies(ctx, file, a.conn); {
		case failed == nil:
			defer func() { err = errors.Join(err, copies.Close()) }()
			base.Copies = copies
		case !errors.Is(failed, domain.ErrNotFound): // or nobody is answered from any
			base.Copies = audit.NoCopies{Err: failed}
		}
	}
	v, err := order.Verifier(base)
	if err != nil {
		return err
	}
	return console.Verify(ctx, v, func(line any) error {
		b, err := json.Marshal(line)
		if err != nil {
			return err
		}
		return take(b)
	})
}

// verify asks a running program.
func (c *client) verify(ctx context.Context, order console.VerifyOrder, take func(json.RawMessage) error) error {
	body, err := json.Marshal(order)
	if err != nil {
		return err
	}
	return c.lines(ctx, call{method: http.MethodPost, path: "/v1/verify", kind: "application/json", body: strings.NewReader(string(body))}, take)
}

// verifyOutput prints what is found as it comes.
type verifyOutput struct {
	cli     *cli
	bar     *progress
	results []audit.Result
	summary *console.VerifySummary
}

func (o *verifyOutput) take(raw json.RawMessage) error {
	var line struct {
		console.VerifyLine
		console.VerifyEnd
		console.LastLine
	}
	if err := json.Unmarshal(raw, &line); err != nil {
		return fmt.Errorf("the answer %s: %w", raw, err)
	}
	switch {
	case line.Problem != nil:
		return line.Problem
	case line.Progress != nil:
		o.bar.step("%s %s of %s", line.Progress.Log, thousands(int(line.Progress.At)), thousands(int(line.Progress.Of)))
	case line.Result != nil:
		o.results = append(o.results, *line.Result)
	case line.Summary != nil:
		o.summary = line.Summary
	}
	return nil
}

// end prints the table, in the order of the checks.
func (o *verifyOutput) end() error {
	o.bar.end()
	if o.summary == nil {
		return errors.New("the answer was cut off before its end")
	}
	codes := audit.Codes()
	slices.SortStableFunc(o.results, func(a, b audit.Result) int { return slices.Index(codes, a.Code) - slices.Index(codes, b.Code) })
	out := o.cli.stdout
	if o.cli.json {
		if err := out.document(map[string]any{"checks": o.results, "summary": o.summary}); err != nil {
			return err
		}
	} else {
		rows := make([][]string, len(o.results))
		for i, r := range o.results {
			rows[i] = []string{out.verdict(r.State), string(r.Code), oneLine(r.Log + string(r.Store)), oneLine(r.Detail)}
		}
		out.table([]string{"STATE", "CHECK", "OF", "FOUND"}, rows)
		s := o.summary
		o.cli.stderr.line("%s", sentence(thousands(s.Passed)+" passed", some(s.Warned, "warned"), some(s.Failed, "failed"), some(s.Skipped, "skipped, which says nothing")))
	}
	if o.summary.Failed > 0 {
		return errDiffers
	}
	return nil
}

// verdict shows the state of a check.
func (s *screen) verdict(state audit.State) string {
	switch state {
	case audit.Pass:
		return s.paint(green, string(state))
	case audit.Fail:
		return s.paint(red, string(state))
	case audit.Warn:
		return s.paint(yellow, string(state))
	}
	return s.paint(faint, string(state))
}

// mostHeads is how many heads of a file are checked: the newest.
const mostHeads = 2000

// readHeads reads signed heads from a file.
func readHeads(file string) ([]string, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, withHint(fmt.Errorf("--since: %w", err), "a file of signed tree heads, such as TILLSTREAM_HEADS_FILE makes")
	}
	defer f.Close()
	const most = 64 << 20
	b, err := io.ReadAll(io.LimitReader(f, most))
	if err != nil {
		return nil, fmt.Errorf("--since: %w", err)
	}
	heads := tree.SplitHeads(b)
	heads = heads[max(0, len(heads)-mostHeads):]
	out := make([]string, len(heads))
	for i, h := range heads {
		if _, _, ok := tree.PeekHead(h, tree.Key{}); !ok {
			return nil, misuse("--since %s: holds something that is no signed tree head: %.60q", file, h)
		}
		out[i] = string(h)
	}
	if len(out) == 0 {
		return nil, misuse("--since %s: holds no signed tree head", file)
	}
	return out, nil
}

// verifier is one of this process, without an order. Without an engine one is made when
// BigCommerce is to be read.
func (a *app) verifier(e *engine) audit.Verifier {
	v := audit.Verifier{Conn: a.conn, Products: productsInUse{a.conn}, Dir: a.cfg.Data}
	if e != nil && e.index != nil {
		v.Copies = e.index.Copies()
	}
	if key, err := readSigningKey(&a.cfg); err == nil {
		v.Keys = append(v.Keys, key.Public())
	}
	for _, s := range a.cfg.Stores {
		store := audit.Store{ID: domain.StoreID(s.ID), Mode: domain.StockMode(s.Stock), Manual: s.Syncing == "manual"}
		if s.BigCommerce.Token != "" && s.BigCommerce.StoreHash != "" {
			store.Compare = func(ctx context.Context, ids []domain.ProductID) (agree int, differ []string, err error) {
				if e == nil {
					if e, err = newEngine(ctx, a, roleSet{}); err != nil {
						return 0, nil, err
					}
				}
				return compare(ctx, e.publishers[store.ID], ids)
			}
		}
		v.Stores = append(v.Stores, store)
	}
	return v
}

func (e *engine) verifier() audit.Verifier { return e.app.verifier(e) }

// compare compares products with BigCommerce as a preview does.
func compare(ctx context.Context, p *publish.Publisher, ids []domain.ProductID) (agree int, differ []string, err error) {
	for one, err := range p.Preview(ctx, ids) {
		switch {
		case err != nil:
			return agree, differ, err
		case one.Prospect == publish.ProspectAgrees:
			agree++
		case len(one.Differences) > 0:
			differ = append(differ, fmt.Sprintf("%s: %s", one.Product, one.Differences[0].Field))
		default:
			differ = append(differ, fmt.Sprintf("%s is %s", one.Product, one.Prospect))
		}
	}
	return agree, differ, nil
}

// verifyBundle checks a bundle with nothing but a public key.
func (c *cli) verifyBundle(file, publicKey string) error {
	key, err := tree.ParseKey(publicKey)
	if err != nil {
		return &misuseError{err}
	}
	source, _, err := c.source(file)
	if err != nil {
		return fmt.Errorf("--bundle: %w", err)
	}
	defer source.Close()
	doc, err := io.ReadAll(source)
	if err != nil {
		return fmt.Errorf("--bundle: %w", err)
	}
	b, err := tree.ParseBundle(doc)
	if err != nil {
		return fmt.Errorf("--bundle %s: %w", file, err)
	}
	head, since, err := b.Verify(key)
	if err != nil {
		c.stderr.line("%s  %s", c.stderr.verdict(audit.Fail), oneLine(err.Error()))
		return errDiffers
	}
	if c.json {
		return c.stdout.document(map[string]any{"key": key.String(), "log": b.Log, "size": head.Size, "root": head.Root, "events": b.Events, "since": since.Size})
	}
	c.provenLines(b)
	if since.Size > 0 {
		c.stdout.line("%s  the log of %s continues the one of %s", c.stdout.verdict(audit.Pass), count(int(head.Size), "message"), thousands(int(since.Size)))
	}
	c.stderr.line("signed by %s for the first %s of %s", key.Name(), count(int(head.Size), "message"), b.Log)
	return nil
}

// describeProven says of a message what its headers do.
func describeProven(e *tree.Proven) string {
	parts := []string{e.Subject}
	for _, name := range []string{"ce-type", "ce-id", "ce-source", "ce-actor"} {
		for _, h := range e.Header {
			if strings.EqualFold(h.Name, name) {
				parts = append(parts, h.Value)
			}
		}
	}
	return strings.Join(parts, "  ")
}
