package main

import (
	"net/url"
	"slices"

	"github.com/spf13/cobra"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/projections"
)

// momentHelp says in the help of a command how a moment is written.
const momentHelp = `A moment is ` + projections.MomentForms + `.`

// selection is the flags that choose events of a log.
type selection struct {
	from, to, clock string
	types           []string
	source, actor   string
	bounds          [2]string // what the flags of from and to are called
}

// flags adds them to a command that is about a log.
func (s *selection) flags(cmd *cobra.Command) { s.boundFlags(cmd, "from", "to") }

// boundFlags adds them with other names for the bounds.
func (s *selection) boundFlags(cmd *cobra.Command, from, to string) {
	s.bounds = [2]string{"--" + from, "--" + to}
	cmd.Flags().StringVar(&s.from, from, "", "begin at a `MOMENT`")
	cmd.Flags().StringVar(&s.to, to, "", "end at a `MOMENT`, which counts")
	clockFlag(cmd, &s.clock)
	cmd.Flags().StringSliceVar(&s.types, "type", nil, "only events of these `TYPE`s, with or without their version: pos.item.sold, pos.stock")
	cmd.Flags().StringVar(&s.source, "source", "", "only what this `SOURCE` has published, or one below it")
	cmd.Flags().StringVar(&s.actor, "actor", "", "only what this `ACTOR` has done")
	// Completing a flag cannot fail but for a flag that is not there.
	_ = cmd.RegisterFlagCompletionFunc("type", func(_ *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
		var types []string
		for _, t := range slices.Concat(domain.POSTypes(), domain.SyncTypes()) {
			types = append(types, string(t))
		}
		return startingWith(types, prefix), cobra.ShellCompDirectiveNoFileComp
	})
}

// clockFlag lets a command choose which time it means.
func clockFlag(cmd *cobra.Command, clock *string) {
	cmd.Flags().StringVar(clock, "time", "recorded", "whether a time is of the recording, `recorded`, or of the happening in the POS, business")
	_ = cmd.RegisterFlagCompletionFunc("time", cobra.FixedCompletions([]string{"recorded", "business"}, cobra.ShellCompDirectiveNoFileComp))
}

// check refuses what cannot be meant.
func (c *cli) checkSelection(s *selection) error {
	for _, f := range []struct{ name, text string }{{s.bounds[0], s.from}, {s.bounds[1], s.to}} {
		if err := c.checkMoment(f.name, f.text); err != nil {
			return err
		}
	}
	return checkClock(s.clock)
}

func checkClock(clock string) error {
	if !slices.Contains([]string{"recorded", "business"}, clock) {
		return misuse("--time %q: must be recorded or business", clock)
	}
	return nil
}

func (c *cli) checkMoment(flag, text string) error {
	if text == "" {
		return nil
	}
	if _, err := projections.ParseMoment(text, c.now()); err != nil {
		return misuse("%s %q: must be %s", flag, text, projections.MomentForms)
	}
	return nil
}

// query is the selection as the API takes it.
func (s *selection) query() url.Values {
	q := url.Values{"time": {s.clock}}
	for _, f := range []struct{ name, value string }{{"from", s.from}, {"to", s.to}, {"source", s.source}, {"actor", s.actor}} {
		if f.value != "" {
			q.Set(f.name, f.value)
		}
	}
	if len(s.types) > 0 {
		q["type"] = s.types
	}
	return q
}
