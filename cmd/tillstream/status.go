package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/console"
	"github.com/tillstream/tillstream/projections"
	"github.com/tillstream/tillstream/projections/search"
)

func (c *cli) statusCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Say whether the shop is right, and if not, why",
		Long: `status says in a sentence whether everything that the POS sent is folded and
confirmed by BigCommerce, what is wrong if something is, and how far each store is.`,
		Example: `  tillstream status
  tillstream status --json | jq '.stores[].publishing.pending'`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.session(cmd, needReads, func(ctx context.Context, to *client) error {
				var raw json.RawMessage
				if err := to.get(ctx, "/status.json", nil, &raw); err != nil {
					return err
				}
				if c.json {
					return c.stdout.document(raw)
				}
				var s console.StatusPage
				if err := json.Unmarshal(raw, &s); err != nil {
					return fmt.Errorf("the answer of status: %w", err)
				}
				c.status(&s)
				return nil
			})
		},
	}
	return c.talks(c.reads(cmd))
}

func (c *cli) status(s *console.StatusPage) {
	out := c.stdout
	problems := problemsOf(&s.Status)
	if n := s.StrayDeadLetters; n > 0 {
		problems = append(problems, fmt.Sprintf("%s of no store that is set could not be used (tillstream deadletters list)", count(n, "event")))
	}
	if s.Evidence != nil {
		problems = append(problems, evidenceProblems(s.Evidence)...)
	}
	switch {
	case len(problems) == 0 && s.Ready:
		out.line("%s: %s", out.paint(green, "all is well"), wellness(&s.Status))
	case len(problems) == 0:
		out.line("%s: what is in the log is still being folded", out.paint(yellow, "starting"))
	default:
		out.line("%s: %s", out.paint(red, "not all is well"), problems[0])
		for _, p := range problems[1:] {
			out.line("  %s", p)
		}
	}
	if s.Rebuild != nil {
		out.line("rebuild: %s", rebuildStep(*s.Rebuild))
	}
	if len(s.Stores) == 0 {
		return
	}
	// What should be nothing, and is, takes no room on a terminal.
	should := func(n uint64) string {
		if n == 0 && out.terminal {
			return ""
		}
		return strconv.FormatUint(n, 10)
	}
	header := []string{"STORE", "LOG", "LAG", "PRODUCTS", "CONFIRMED", "PENDING", "REFUSED", "UNLINKED", "QUARANTINED", "DEAD LETTERS"}
	guarded := slices.ContainsFunc(s.Stores, func(t projections.StoreStatus) bool { return t.Publishing.Held+t.Publishing.Discarded > 0 })
	if guarded {
		header = append(header, "HELD", "DISCARDED")
	}
	rows := make([][]string, len(s.Stores))
	for i, t := range s.Stores {
		n := t.Publishing
		rows[i] = []string{
			oneLine(string(t.Store)), strconv.FormatUint(uint64(t.Log.LastPosition), 10), should(t.Projection.Lag),
			strconv.Itoa(t.Projection.Products), strconv.Itoa(n.Confirmed), strconv.Itoa(n.Pending), should(uint64(n.Refused)),
			strconv.Itoa(n.Unlinked), should(uint64(n.Quarantined)), should(uint64(t.DeadLetters)),
		}
		if guarded {
			rows[i] = append(rows[i], strconv.Itoa(n.Held), strconv.Itoa(n.Discarded))
		}
	}
	out.line("")
	out.table(header, rows)
	c.sources(s)
	if s.Evidence != nil {
		out.line("")
		out.line("%s", evidenceLine(s.Evidence))
	}
	if s.Index != nil {
		out.line("")
		out.line("%s", c.indexLine(s.Index))
	}
	var costs []string
	for _, t := range s.Stores {
		if cost := costOf(&t); cost != "" {
			costs = append(costs, cost)
		}
	}
	if len(costs) > 0 {
		out.line("")
	}
	for _, cost := range costs {
		out.line("%s", cost)
	}
}

// indexLine says where the search index stands.
func (c *cli) indexLine(x *search.Status) string {
	switch {
	case x.Problem != "":
		return c.stdout.paint(yellow, oneLine(x.Problem))
	case x.Opening:
		return "the search index is being opened; until then, questions take longer"
	case x.Building:
		return "the search index is being made; until then, questions take longer"
	case x.Lag > 0:
		return fmt.Sprintf("the search index is %s behind", count(int(x.Lag), "message"))
	}
	return fmt.Sprintf("the search index holds everything up to position %d", x.Position)
}

// sources says who has published, and when last.
func (c *cli) sources(s *console.StatusPage) {
	var rows [][]string
	for _, t := range s.Stores {
		for _, src := range t.Sources {
			expected := ""
			if !src.ExpectedBy.IsZero() {
				expected = moment(src.ExpectedBy)
			}
			rows = append(rows, []string{oneLine(string(t.Store)), oneLine(string(src.Source)), strconv.FormatUint(src.Events, 10), moment(src.RecordedAt), expected})
		}
	}
	if len(rows) > 0 {
		c.stdout.line("")
		c.stdout.table([]string{"STORE", "SOURCE", "EVENTS", "LAST EVENT", "NEXT ONE BY"}, rows)
	}
	for _, t := range s.Stores {
		if a := t.Account; a != nil {
			c.stdout.line("")
			c.stdout.line("%s", accountLine(t.Store, a))
		}
	}
}

// accountLine says how a store's POS account is read.
func accountLine(store domain.StoreID, a *projections.AccountStatus) string {
	read := "has not been read by this process yet"
	if !a.LastRead.IsZero() {
		read = "was read last at " + moment(a.LastRead)
	}
	said := fmt.Sprintf("the POS account of %s %s, with %s", store, read, count(int(a.Requests), "request"))
	if a.Throttled > 0 {
		said += fmt.Sprintf(", %d of them put off by its limit", a.Throttled)
	}
	w := a.Webhooks
	switch {
	case w.Received+w.Refused == 0:
		said += "; no webhook has come"
	case w.Refused > 0:
		said += fmt.Sprintf("; %s came, and %d were refused", count(int(w.Received), "webhook"), w.Refused)
	default:
		said += fmt.Sprintf("; %s came", count(int(w.Received), "webhook"))
	}
	if a.Missed > 0 {
		said += fmt.Sprintf("; the census found %s that nothing else had brought", count(a.Missed, "change"))
	}
	return said
}

// accountProblems says what is wrong with the reading of a POS account.
func accountProblems(store domain.StoreID, a *projections.AccountStatus) []string {
	var out []string
	if a.Problem != "" {
		out = append(out, fmt.Sprintf("%s: %s", store, oneLine(a.Problem)))
	}
	if r := a.LastRefused; r != nil {
		out = append(out, fmt.Sprintf("%s: %s of the POS cannot be used; the last is %s %s: %s (correct it in the POS)",
			store, count(a.Refused, "record"), r.List, oneLine(r.ID), brief(r.Reason)))
	}
	return out
}

// costOf says what publishing a store has cost since the start against the least it
// can, and "" when it has cost nothing.
func costOf(t *projections.StoreStatus) string {
	e := t.Publishing.Efficiency
	if e == nil || e.Requests == 0 {
		return ""
	}
	said := fmt.Sprintf("%s: %s to BigCommerce, %s needed at least (score %.2f)", t.Store, count(int(e.Requests), "request"), thousands(int(e.Bound)), e.Score)
	if n := t.Publishing.Throttled; n > 0 {
		said += fmt.Sprintf(", %s answered with 429", thousands(int(n)))
	}
	if e.Quota > 0 {
		said += fmt.Sprintf("; %d of %d left of its quota", e.QuotaLeft, e.Quota)
	}
	if e.QuotaShare > 0 {
		said += fmt.Sprintf(", we used %.0f %% of the last window", e.QuotaShare*100)
		if e.OthersShare > 0 {
			said += fmt.Sprintf(" and other apps %.0f %%", e.OthersShare*100)
		}
	}
	return said
}

// problemsOf says in sentences what somebody should look at, the gravest first,
// each with the command that shows more.
func problemsOf(s *projections.Status) []string {
	var out []string
	for _, p := range s.Problems {
		out = append(out, oneLine(p))
	}
	for _, t := range s.Stores {
		if t.Problem != "" {
			out = append(out, fmt.Sprintf("%s: %s", t.Store, oneLine(t.Problem)))
		}
		if t.Alarm != "" {
			out = append(out, fmt.Sprintf("%s: %s", t.Store, oneLine(t.Alarm)))
		}
		if t.Paused {
			out = append(out, fmt.Sprintf("%s: pushing is paused", t.Store))
		}
		if n := t.Publishing.Broken; n > 0 {
			out = append(out, fmt.Sprintf("%s: BigCommerce no longer has what %s linked to (tillstream links --state broken)", t.Store, are(n, "product")))
		}
		if n := t.Publishing.Refused - t.Publishing.Broken; n > 0 {
			out = append(out, fmt.Sprintf("%s: BigCommerce refuses %s (tillstream products --state refused)", t.Store, count(n, "product")))
		}
		if r := t.Publishing.LastRefusal; r != nil {
			out = append(out, fmt.Sprintf("%s: refused last was product %s: %s", t.Store, oneLine(string(r.Product)), brief(r.Reason)))
		}
		if n := t.Publishing.Held; n > 0 {
			out = append(out, fmt.Sprintf("%s: %s held back by a guard (tillstream products --state held; then approve, or discard)", t.Store, are(n, "product")))
		}
		if a := t.Account; a != nil {
			out = append(out, accountProblems(t.Store, a)...)
		}
		for _, src := range t.Sources {
			if src.Problem != "" {
				out = append(out, fmt.Sprintf("%s: %s", t.Store, oneLine(src.Problem)))
			}
		}
		if n := t.DeadLetters; n > 0 {
			out = append(out, fmt.Sprintf("%s: %s could not be used (tillstream deadletters list)", t.Store, count(n, "event")))
		}
	}
	return out
}

// wellness says what is right, and what is still on its way.
func wellness(s *projections.Status) string {
	if len(s.Stores) == 0 {
		return "no store is set"
	}
	var parts []string
	for _, t := range s.Stores {
		linked := t.Publishing.Confirmed + t.Publishing.Pending + t.Publishing.Refused + t.Publishing.Held
		left := ""
		if n := t.Publishing.Discarded; n > 0 {
			left = fmt.Sprintf(", and %d more stay as they are by decision (tillstream products --state discarded)", n)
		}
		said := fmt.Sprintf("BigCommerce shows the newest state of all %s linked of %s", count(linked, "product"), t.Store)
		switch {
		case t.Account != nil && t.Account.Loading && t.Account.Problem == "":
			said = fmt.Sprintf("the POS account of %s is being read for the first time: %s and %s so far", t.Store, count(t.Account.Products, "product"), count(t.Account.Levels, "stock level"))
		case t.Projection.Lag > 0:
			said = fmt.Sprintf("%s of %s still to be folded", count(int(t.Projection.Lag), "event"), t.Store)
		case t.Publishing.Pending > 0 && t.Publishing.Manual:
			said = fmt.Sprintf("%d of %s linked of %s to be pushed by hand (tillstream push --due)", t.Publishing.Pending, count(linked, "product"), t.Store)
		case t.Publishing.Pending > 0:
			said = fmt.Sprintf("%d of %s linked of %s on their way to BigCommerce", t.Publishing.Pending, count(linked, "product"), t.Store)
			if e := t.Publishing.Efficiency; e != nil && e.DrainSeconds >= 1 {
				left := time.Duration(e.DrainSeconds * float64(time.Second)).Round(time.Second)
				said += fmt.Sprintf(", about %s at its present quota", left)
			}
		case linked == 0 && left == "":
			said = fmt.Sprintf("no product of %s is linked yet (tillstream link --auto)", t.Store)
		}
		parts = append(parts, said+left)
	}
	return strings.Join(parts, "; ")
}
