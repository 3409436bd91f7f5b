package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/tillstream/tillstream/handlers/console"
)

// defaultGap is how far apart outcomes of one line of the feed may be.
const defaultGap = 5 * time.Second

func (c *cli) pushesCommand() *cobra.Command {
	p := pushes{cli: c}
	cmd := &cobra.Command{
		Use:   "pushes",
		Short: "Show what became of pushes: a running feed, or every outcome as CSV",
		Long: `pushes reads the record of what became of products. The feed has a line for each
burst of pushes, or every half minute of one that does not end, and below it what BigCommerce refused and why. A product counts
once in a burst: as created, updated, or an error.

--csv prints every single outcome instead, with the ids of both sides: created,
updated, refused with BigCommerce's reason, held by a guard, approved, discarded,
linked, unlinked, quarantined, released, image_refused when BigCommerce did not take an
image of a product that was created, or unoffered when no channel of the store offers
it, and offered when they do at last.
--json prints them as JSON lines. --from takes a position in the SYNC log, a time, a
day (2026-11-01), or how long ago (2h, 3d).`,
		Example: `  tillstream pushes --follow
  tillstream pushes --csv --from 2026-11-01T00:00:00Z > pushes.csv`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := p.check(); err != nil {
				return withHint(err, cmd.CommandPath()+" --help")
			}
			return c.sessionOfStoreToFollow(cmd, p.follow, p.run)
		},
	}
	cmd.Flags().BoolVarP(&p.follow, "follow", "f", false, "go on with what is to come; without --from, with nothing else")
	cmd.Flags().BoolVar(&p.csv, "csv", false, "print every outcome as CSV")
	cmd.Flags().StringVar(&p.from, "from", "", "begin at a `POSITION` of the SYNC log or a time")
	cmd.Flags().DurationVar(&p.gap, "gap", defaultGap, "how far apart the outcomes of one line may be; a line covers six times as much at most")
	return c.talksOfStore(c.reads(cmd))
}

// pushes is one run of the command.
type pushes struct {
	*cli
	follow, csv bool
	from        string
	gap         time.Duration
}

func (p *pushes) check() error {
	switch {
	case p.csv && p.json:
		return misuse("either --csv or --json, not both")
	case p.gap <= 0:
		return misuse("--gap %s: must be above 0", p.gap)
	case p.from == "":
		return nil
	}
	return p.checkMoment("--from", p.from)
}

func (p *pushes) run(ctx context.Context, to *storeClient) error {
	query := url.Values{}
	if p.from != "" {
		query.Set("from", p.from)
	}
	if p.follow {
		query.Set("follow", "true")
		if p.from == "" {
			query.Set("from", "end")
		}
	}
	read := func(ctx context.Context, each func(json.RawMessage, *console.OutcomeLine) error) error {
		err := to.told(ctx, call{method: http.MethodGet, path: to.path("outcomes"), query: query}, func(raw json.RawMessage) error {
			var line console.OutcomeLine
			if err := json.Unmarshal(raw, &line); err != nil {
				return fmt.Errorf("the answer %s: %w", raw, err)
			}
			return each(raw, &line)
		})
		if p.follow && errors.Is(err, context.Canceled) {
			return nil // which is how following ends
		}
		return err
	}
	switch {
	case p.json:
		return read(ctx, func(raw json.RawMessage, _ *console.OutcomeLine) error { return pass(p.stdout)(raw) })
	case p.csv:
		return p.table(func(each func(*console.OutcomeLine) error) error {
			return read(ctx, func(_ json.RawMessage, o *console.OutcomeLine) error { return each(o) })
		})
	}
	return p.feed(ctx, read)
}

// table prints outcomes in the form that BigCommerce asks of a POS's log.
func (p *pushes) table(read func(func(*console.OutcomeLine) error) error) error {
	w := csv.NewWriter(p.stdout)
	line := func(cells ...string) error {
		if err := w.Write(cells); err != nil {
			return err
		}
		w.Flush()
		return w.Error()
	}
	if err := line("POS ID", "BC ID", "EVENT"); err != nil {
		return err
	}
	return read(func(o *console.OutcomeLine) error {
		twin := ""
		if o.BigCommerceID != 0 {
			twin = strconv.FormatInt(o.BigCommerceID, 10)
		}
		what := o.Event
		if why := reason(o); why != "" {
			what += ": " + why
		}
		return line(oneLine(string(o.Product)), twin, what)
	})
}

// reason is why, in BigCommerce's words where they are its own.
func reason(o *console.OutcomeLine) string {
	why := oneLine(o.Reason)
	if o.Status != 0 {
		why = fmt.Sprintf("%d %s", o.Status, why)
	}
	if o.Field != "" {
		why += " (" + oneLine(o.Field) + ")"
	}
	return why
}

// feed prints a line for each burst once it is over: when an outcome comes too late
// for it, when none has come for as long, and at the end.
func (p *pushes) feed(ctx context.Context, read func(context.Context, func(json.RawMessage, *console.OutcomeLine) error) error) error {
	outcomes, ended := make(chan console.OutcomeLine), make(chan error, 1)
	go func() {
		defer close(outcomes)
		ended <- read(ctx, func(_ json.RawMessage, o *console.OutcomeLine) error {
			outcomes <- *o // is taken until there are no more
			return nil
		})
	}()
	var now *burst
	for {
		var silence <-chan time.Time
		if p.follow && now != nil {
			silence = time.After(p.gap)
		}
		select {
		case o, more := <-outcomes:
			if !more {
				p.tell(now)
				return <-ended
			}
			if !now.continues(&o, p.gap) {
				p.tell(now)
				now = nil
			}
			now = now.with(&o)
		case <-silence:
			p.tell(now)
			now = nil
		}
	}
}

func (p *pushes) tell(b *burst) {
	if b == nil {
		return
	}
	n := b.counts()
	errs := "0 errors"
	if n["refused"] > 0 {
		errs = p.stdout.paint(red, count(n["refused"], "error"))
	}
	p.stdout.line("%s  %s", moment(b.began), sentence(count(len(b.became), "product")+" identified",
		thousands(n["created"])+" created", thousands(n["updated"])+" updated", errs,
		some(n["held"], "held"), some(n["approved"], "approved"), some(n["discarded"], "discarded"),
		some(n["linked"], "linked"), some(n["unlinked"], "unlinked"), some(n["quarantined"], "quarantined"), some(n["released"], "released"), some(n["drift"], "drifted")))
	for _, o := range b.errors {
		if o.Event == "refused" && b.became[o.Product] != o.Event {
			continue // another try of the same burst went well
		}
		twin := ""
		if o.BigCommerceID != 0 {
			twin = fmt.Sprintf("  BigCommerce %d", o.BigCommerceID)
		}
		p.stdout.line("    %s  %s  %s%s: %s", p.stdout.state(o.Event), oneLine(string(o.Product)), oneLine(o.Name), twin, reason(&o))
	}
}
