package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/console"
	"github.com/tillstream/tillstream/handlers/problem"
	"github.com/tillstream/tillstream/projections/search"
	"github.com/tillstream/tillstream/streams"
)

// leaseWait is how long a rebuild waits for the leases unless told otherwise: long
// enough to follow an owner that died.
const leaseWait = streams.DefaultLeaseTTL + 5*time.Second

// rebuildFlags are the wishes of the command line.
type rebuildFlags struct {
	wish    console.RebuildWish
	at      uint64
	explain bool
	wait    time.Duration
}

func (c *cli) rebuildCommand() *cobra.Command {
	var f rebuildFlags
	cmd := &cobra.Command{
		Use:   "rebuild",
		Short: "Fold the log anew into what every product is",
		Long: `rebuild folds the log into a new epoch of the product states, beside those in use,
compares the two, and then switches to the new one. A running tillstream does so
while it goes on working; otherwise the command opens the data folder, and folds the
publications anew as well.

Nothing is pushed for what comes out as it was. Of what comes out otherwise, because
this version of tillstream folds it otherwise, linked products are pushed whose content
in BigCommerce changes. --dry-run compares and switches to nothing; --explain shows
examples.

Interrupted, it goes on from what it had stored when it is run again, or begins anew.
The epoch before is kept until the next rebuild, and --rollback goes back to it.

The search index, which products and report ask, is made anew with it; --index makes
only that.

--item folds one item or product only, from its own events and those of whatever it had
to do with, and replaces the snapshots in use that are something else.

The exit code of a dry run that finds differences is 3.`,
		Example: `  tillstream rebuild --dry-run --explain
  tillstream rebuild
  tillstream rebuild --rollback
  tillstream rebuild --item CK-121 --dry-run
  tillstream rebuild --at 120000 --json`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.complete(cmd, c.dryRun); err != nil {
				return err
			}
			if f.wish.Item != "" {
				return c.sessionOfStore(cmd, needWrites, func(ctx context.Context, to *storeClient) error {
					f.wish.Store = domain.StoreID(to.store)
					return aboutItem(c.rebuildAt(ctx, to.client, f))
				})
			}
			if f.wish.Index {
				return c.session(cmd, needReads, func(ctx context.Context, to *client) error { return c.rebuildAt(ctx, to, f) })
			}
			cfg, err := c.config(cmd, roleProject)
			if cfg.Server != "" || runningAt(cfg.Data) != "" {
				cfg, err = c.config(cmd) // whose stores are those of the program that runs
			}
			if err != nil {
				return err
			}
			return c.rebuild(cmd.Context(), cfg, f)
		},
	}
	configFlags(cmd, "server", "token_file", "nats", "log.level", "log.format")
	cmd.Flags().BoolVar(&f.explain, "explain", false, "show products that differ")
	cmd.Flags().Uint64Var(&f.at, "at", 0, "only say what the log up to this `position` comes to")
	cmd.Flags().StringVar(&f.wish.Item, "item", "", "only this `ITEM`: a SKU, a POS item id or a product id")
	cmd.Flags().StringVar(&c.store, "store", "", "`id` of the item's store; may be left out when there is one ("+envPrefix+"STORE)")
	cmd.Flags().BoolVar(&f.wish.Rollback, "rollback", false, "go back to the epoch before")
	cmd.Flags().BoolVar(&f.wish.Forget, "forget", false, "remove the epoch before, and with it the way back")
	cmd.Flags().BoolVar(&f.wish.Cancel, "cancel", false, "end the rebuild that a running tillstream is at")
	cmd.Flags().BoolVar(&f.wish.Index, "index", false, "only make the search index anew, which the product states are left out of")
	cmd.Flags().DurationVar(&f.wait, "wait", leaseWait, "on a cluster, how long to wait for the owner to end")
	cmd.Flags().BoolVar(&c.json, "json", false, "print JSON, with keys that stay as they are")
	// Completing a flag cannot fail but for a flag that is not there.
	_ = cmd.RegisterFlagCompletionFunc("item", c.completeItem)
	_ = cmd.RegisterFlagCompletionFunc("store", c.completeStores)
	return c.writes(cmd)
}

// complete checks what was asked for.
func (f *rebuildFlags) complete(cmd *cobra.Command, dryRun bool) error {
	if f.wait <= 0 {
		return misuse("--wait %s: must be above 0", f.wait)
	}
	if cmd.Flags().Changed("at") && f.at == 0 {
		return misuse("--at 0: must be 1 or more")
	}
	if cmd.Flags().Changed("item") && f.wish.Item == "" {
		return misuse(`--item "": must be a SKU, a POS item id or a product id`)
	}
	if cmd.Flags().Changed("store") && f.wish.Item == "" {
		return misuse("--store goes with --item: an epoch is of all stores")
	}
	f.wish.At, f.wish.DryRun = domain.Position(f.at), dryRun
	var one []string
	for _, name := range []string{"at", "item", "rollback", "forget", "cancel", "index"} {
		if cmd.Flags().Changed(name) {
			one = append(one, "--"+name)
		}
	}
	if len(one) > 1 {
		return misuse("%s exclude each other", strings.Join(one, " and "))
	}
	if dryRun && (f.wish.Cancel || f.wish.Rollback) {
		return misuse("%s cannot be tried with --dry-run", one[0])
	}
	return nil
}

// rebuild has the program that runs do it, or does it when none does.
func (c *cli) rebuild(ctx context.Context, cfg Config, f rebuildFlags) (err error) {
	if cfg.Server != "" {
		to, _, err := c.connect(ctx, cfg, needWrites)
		if err != nil {
			return err
		}
		return c.rebuildAt(ctx, to, f)
	}
	if isDemo(cfg.Data) && runningAt(cfg.Data) == "" {
		return withHint(fmt.Errorf("the data folder %s is that of the demo, which begins it anew each time", cfg.Data), "tillstream up --demo, or another folder with --data")
	}
	if err := noFolder(cfg); err != nil {
		return err
	}
	a, err := openChecked(ctx, cfg, c.logger(cfg.Log), unlessRestoring((*streams.Conn).EnsureLogs))
	if locked, is := errors.AsType[*streams.LockedError](err); is {
		if locked.Holder.Address == "" {
			return withHint(locked, "the same again in a moment: it is starting, or another command is at work")
		}
		token, err := readToken(cfg.Data)
		if err != nil {
			return err
		}
		return c.rebuildAt(ctx, newClient("http://"+locked.Holder.Address, token), f)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	if f.wish.Cancel {
		return withHint(errors.New("no tillstream is running, so no rebuild is at work"), "tillstream rebuild, which goes on where an interrupted one was")
	}
	if err := errors.Join(cfg.Validate([]string{roleProject}), a.knowsAll(ctx)); err != nil {
		return err
	}
	if !a.embedded() {
		own, err := a.ownWithin(ctx, f.wait)
		if err != nil {
			return err
		}
		defer own.release(context.WithoutCancel(ctx), a.log)
		ctx = own.ctx
	}
	bar := c.newProgress("rebuild", 0)
	report, err := a.rebuildAlone(ctx, f.wish, func(p console.RebuildProgress) { bar.step("%s", rebuildStep(p)) })
	if err != nil {
		err = fmt.Errorf("rebuild: %w", err)
		if hintOf(err) == "" && exitCode(err) != exitMisuse {
			err = withHint(err, "tillstream rebuild again, which goes on from what was stored or begins anew")
		}
		return err
	}
	return c.rebuilt(&report, f)
}

// rebuildAt has a program that runs do it.
func (c *cli) rebuildAt(ctx context.Context, to *client, f rebuildFlags) error {
	body, err := json.Marshal(f.wish)
	if err != nil {
		return err
	}
	bar := c.newProgress("rebuild", 0)
	var report *console.RebuildReport
	err = to.lines(ctx, call{method: http.MethodPost, path: "/v1/rebuild", kind: "application/json", body: bytes.NewReader(body)}, func(raw json.RawMessage) error {
		var line console.RebuildLine
		if err := json.Unmarshal(raw, &line); err != nil {
			return fmt.Errorf("the answer %s: %w", raw, err)
		}
		switch {
		case line.Problem != nil:
			return line.Problem
		case line.Progress != nil:
			bar.step("%s", rebuildStep(*line.Progress))
		case line.Report != nil:
			report = line.Report
		}
		return nil
	})
	var refused *problem.Details
	switch {
	case errors.As(err, &refused) && refused.Status == http.StatusUnprocessableEntity:
		return &misuseError{err}
	case ctx.Err() != nil && !f.wish.DryRun && f.wish.At == 0:
		return withHint(errors.New("the rebuild goes on in the tillstream that runs"), "tillstream rebuild, to see how far it is, or tillstream rebuild --cancel")
	case err != nil:
		return err
	case report == nil:
		return errors.New("the answer to the rebuild ended before its report")
	case f.wish.Cancel:
		c.stdout.line("the rebuild was ended; the next one goes on from what it had stored, or begins anew")
		return nil
	}
	return c.rebuilt(report, f)
}

// rebuildStep says how far a rebuild is.
func rebuildStep(p console.RebuildProgress) string {
	switch p.Phase {
	case "folding":
	case "indexing":
		if p.Products < p.OfProducts {
			return fmt.Sprintf("indexing, %s of %s", thousands(p.Products), count(p.OfProducts, "product"))
		}
		return fmt.Sprintf("indexing, %s of %s", thousands(int(p.Position)), count(int(p.Of), "event"))
	default:
		return p.Phase
	}
	text := fmt.Sprintf("%s of %s", thousands(int(p.Position)), count(int(p.Of), "event"))
	if p.PerSecond > 0 {
		text += fmt.Sprintf(", %s a second, %s left", thousands(int(p.PerSecond)), time.Duration(p.SecondsLeft)*time.Second)
	}
	return text
}

// rebuilt tells what a rebuild came to.
func (c *cli) rebuilt(r *console.RebuildReport, f rebuildFlags) error {
	if c.json {
		return errors.Join(c.stdout.document(r), f.verdict(r))
	}
	out := c.stdout
	if f.wish.Forget {
		done := "is removed; there is no way back from epoch"
		if f.wish.DryRun {
			done = "would be removed, and there would be no way back from epoch"
		}
		out.line("epoch %d %s %d", r.Epoch, done, r.Was)
		return nil
	}
	if f.wish.Index {
		c.indexed(r.Index, f.wish.DryRun)
		return nil
	}
	n := r.Events.Add(domain.Tally{Folded: r.DeadLetters})
	out.line("%s in %.1f seconds", sentence(
		count(int(n.Folded+n.Superseded+n.Duplicate), "event")+" read",
		thousands(int(r.Events.Folded))+" folded", some(int(r.Events.Superseded), "superseded"), some(int(r.Events.Duplicate), "duplicate"), some(int(r.DeadLetters), "of no use (tillstream deadletters list)"),
		count(r.Products, "product")), r.Seconds)
	if f.wish.At > 0 {
		out.line("%s  %s at position %d", r.Digest, count(r.Products, "product"), r.Position)
	}
	c.comparison(r, f)
	if r.Switched {
		out.line("epoch %d is in use now; tillstream rebuild --rollback goes back to epoch %d", r.Epoch, r.Was)
	}
	if r.Replaced > 0 {
		out.line("%s replaced", count(r.Replaced, "snapshot"))
	}
	if r.Index != nil {
		c.indexed(r.Index, false)
	}
	return f.verdict(r)
}

// indexed tells what became of the search index.
func (c *cli) indexed(x *search.Renewal, dry bool) {
	switch {
	case x.Problem != "":
		c.stdout.line("the search index was not made anew: %s", oneLine(x.Problem))
	case dry:
		c.stdout.line("the search index would be made anew: %s and %s in %s", count(int(x.Events), "event"), count(x.Products, "product"), x.File)
	default:
		c.stdout.line("the search index is new: %s and %s in %.1f seconds", count(int(x.Events), "event"), count(x.Products, "product"), x.Seconds)
	}
}

// verdict makes the exit code of what a dry run has found.
func (f *rebuildFlags) verdict(r *console.RebuildReport) error {
	if f.wish.DryRun && r.Compared != nil && r.Compared.Products > 0 {
		return errDiffers
	}
	return nil
}

// comparison tells what differs from the epoch before, or of an item from what is stored.
func (c *cli) comparison(r *console.RebuildReport, f rebuildFlags) {
	out := c.stdout
	if r.Compared == nil {
		if f.wish.At == 0 {
			out.line("not compared: %s", oneLine(r.NotCompared))
		}
		return
	}
	if r.Stretches > 0 {
		out.line("%s not what the events amount to", are(r.Stretches, "position list"))
	}
	if r.Compared.Products == 0 {
		with := fmt.Sprintf("epoch %d", r.Was)
		switch {
		case f.wish.Item != "":
			with = "what is stored"
		case r.Compared.Position < r.Position:
			with += fmt.Sprintf(", which is at position %d", r.Compared.Position)
		}
		out.line("nothing differs from %s", with)
		return
	}
	do := func(n int, noun, verb string) string {
		switch {
		case !r.Switched && r.Replaced == 0:
			verb = "would " + verb
		case n == 1:
			verb += "s"
		}
		return count(n, noun) + " " + verb
	}
	out.line("%s: %s", do(r.Compared.Products, "product", "differ"), sentence(byNumber(r.Compared.Fields)...))
	if r.Compared.Pushed > 0 {
		out.line("%s in BigCommerce", do(r.Compared.Pushed, "linked product", "change"))
	}
	if !f.explain && f.wish.Item == "" {
		return
	}
	for _, d := range r.Compared.Examples {
		out.line("%s/%s: %s", oneLine(string(d.Store)), oneLine(string(d.Product)), strings.Join(d.Fields, ", "))
		for _, change := range d.Changes {
			out.line("    %s: %s → %s", oneLine(change.Field), quoted(change.Before), quoted(change.After))
		}
	}
	if more := r.Compared.Products - len(r.Compared.Examples); more > 0 {
		out.line("and %s more", thousands(more))
	}
}

// byNumber lists names with their numbers, the largest first.
func byNumber(of map[string]int) []string {
	names := slices.SortedFunc(maps.Keys(of), func(a, b string) int {
		return cmp.Or(cmp.Compare(of[b], of[a]), cmp.Compare(a, b))
	})
	for i, name := range names {
		names[i] = thousands(of[name]) + " " + name
	}
	return names
}

// knowsAll refuses when what is there to be removed is of a store that is not
// configured: its events could not be folded again.
func (a *app) knowsAll(ctx context.Context) error {
	epochs, err := a.conn.Epochs(ctx)
	if err != nil {
		return err
	}
	stores, err := a.conn.Products(epochs.Current).Stores(ctx)
	if err != nil {
		return err
	}
	for _, id := range stores {
		if !slices.ContainsFunc(a.cfg.Stores, func(s Store) bool { return domain.StoreID(s.ID) == id }) {
			return withHint(misuse("there are products of store %q, which is not configured, and would be lost to a rebuild", id),
				"configure it as it was, under stores in a file (--config); it needs no BigCommerce credentials for this")
		}
	}
	return nil
}

// ownWithin takes the leases of a cluster, or says who has them.
func (a *app) ownWithin(ctx context.Context, wait time.Duration) (ownership, error) {
	roles := rolesOf([]string{roleProject, rolePublish})
	working, end := context.WithCancel(ctx)
	late := time.AfterFunc(wait, end)
	own, err := a.own(working, roles)
	own.end = end
	inTime := late.Stop()
	if inTime && err == nil {
		return own, nil
	}
	own.release(context.WithoutCancel(ctx), a.log)
	if inTime || ctx.Err() != nil {
		return ownership{}, err
	}
	var holders []string
	for _, role := range []string{roleProject, rolePublish} {
		if holder, err := a.conn.LeaseHolder(ctx, role); err == nil && holder != "" {
			holders = append(holders, fmt.Sprintf("%s by %s", role, holder))
		}
	}
	return ownership{}, withHint(fmt.Errorf("the leases are still held after %s: %s", wait, sentence(holders...)),
		"stop every tillstream that projects or publishes, and then tillstream rebuild again")
}

// rebuildOnStart folds anew what another version has folded.
func (a *app) rebuildOnStart(ctx context.Context, why error) error {
	a.log.Warn("folding the product states anew", "because", why)
	if err := a.knowsAll(ctx); err != nil {
		return err
	}
	report, err := a.rebuildAlone(ctx, console.RebuildWish{}, a.tellRebuild("folding the product states anew"))
	if err != nil {
		return fmt.Errorf("rebuild: %w", err)
	}
	a.tellSwitched(&report)
	return nil
}

// tellRebuild logs, every few seconds, how far a rebuild is that nobody has asked for.
func (a *app) tellRebuild(what string) func(console.RebuildProgress) {
	last := time.Now()
	return func(p console.RebuildProgress) {
		if time.Since(last) >= 5*time.Second {
			last = time.Now()
			a.log.Info(what, "at", rebuildStep(p))
		}
	}
}

func (a *app) tellSwitched(r *console.RebuildReport) {
	a.log.Info("product states are those of another epoch now", "epoch", r.Epoch, "was", r.Was, "position", r.Position, "seconds", r.Seconds)
}
