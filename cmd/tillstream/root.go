package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// cli is one run of the program.
type cli struct {
	stdin   io.Reader
	stdout  *screen
	stderr  *screen
	environ []string
	now     func() time.Time
	awake   func() <-chan time.Time // when a silent request has to give a sign of life

	// What flags that several commands have were set to.
	store  string
	json   bool
	dryRun bool
}

// run is the program. It returns the exit code.
func run(ctx context.Context, args, environ []string, stdin io.Reader, stdout, stderr io.Writer) int {
	c := &cli{stdin: stdin, environ: environ, now: time.Now, awake: func() <-chan time.Time { return time.After(awakeEvery) }}
	c.stdout, c.stderr = newScreen(stdout, c.getenv), newScreen(stderr, c.getenv)
	root := c.root()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err != nil && exitCode(err) != exitDiffers {
		explain(stderr, err)
	}
	return exitCode(err)
}

// getenv is os.Getenv of the run's own environment.
func (c *cli) getenv(name string) string {
	for i := len(c.environ) - 1; i >= 0; i-- {
		if value, ok := strings.CutPrefix(c.environ[i], name+"="); ok {
			return value
		}
	}
	return ""
}

func (c *cli) root() *cobra.Command {
	root := group(&cobra.Command{
		Use:   "tillstream",
		Short: "Carry every change of a retail POS to BigCommerce",
		Long: `tillstream records every change of a retail POS as an event, folds the events
into the current state of each product, and pushes each changed product's full
state to BigCommerce.

Commands talk to the tillstream that runs on the data folder, or open the folder
themselves when none does. ITEM is a SKU, a POS item id or a product id; where it may
be several, sku:SKU, item:ID or product:ID. Commands marked [ro] change nothing; those
marked [rw] take --dry-run.

Exit codes: 0 done, 1 failed, 2 wrong usage or settings, 3 found differences.`,
		Example: `  tillstream up --demo                a shop and a simulated BigCommerce, to look around
  tillstream import export.csv        bring in the catalogue
  tillstream link --auto              link what BigCommerce has already, by SKU
  tillstream show CK-121              everything about one product
  tillstream history CK-121           which events made it so`,
		SilenceUsage: true, SilenceErrors: true,
	})
	// A command that only groups others cannot be used alone.
	root.SetUsageTemplate(strings.Replace(root.UsageTemplate(), "{{if .Runnable}}", "{{if not .HasAvailableSubCommands}}", 1))
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return withHint(&misuseError{err}, cmd.CommandPath()+" --help")
	})
	for _, g := range []struct {
		id, title string
		commands  []*cobra.Command
	}{
		{"run", "Run:", []*cobra.Command{c.upCommand(), c.simulateCommand()}},
		{"in", "Bring in what happened:", []*cobra.Command{c.importCommand(), c.appendCommand()}},
		{"look", "Look:", []*cobra.Command{c.statusCommand(), c.productsCommand(), c.showCommand(), c.historyCommand(), c.diffCommand(), c.reportCommand(), c.explainCommand(), c.linksCommand(), c.digestCommand()}},
		{"evidence", "Evidence:", []*cobra.Command{c.replayCommand(), c.verifyCommand(), c.proveCommand(), c.keyCommand(), c.exportCommand(), c.restoreCommand()}},
		{"out", "BigCommerce:", []*cobra.Command{c.linkCommand(), c.unlinkCommand(), c.publishCommand(), c.previewCommand(), c.pushCommand(), c.pushesCommand(), c.approveCommand(), c.discardCommand()}},
		{"mend", "Mend:", []*cobra.Command{c.deadLettersCommand(), c.rebuildCommand(), c.tokensCommand()}},
		{"about", "About:", []*cobra.Command{c.schemaCommand(), c.versionCommand()}},
	} {
		root.AddGroup(&cobra.Group{ID: g.id, Title: g.title})
		for _, cmd := range g.commands {
			cmd.GroupID = g.id
			root.AddCommand(cmd)
		}
	}
	root.SetHelpCommandGroupID("about")
	root.SetCompletionCommandGroupID("about")
	return root
}

// group makes a command that only has others below it: alone it shows its help,
// and what it does not know it refuses with the nearest that it does.
func group(cmd *cobra.Command) *cobra.Command {
	cmd.Args = cobra.ArbitraryArgs
	cmd.SuggestionsMinimumDistance = 2
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		err := misuse("unknown command %q for %s", args[0], cmd.CommandPath())
		if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
			return withHint(err, cmd.CommandPath()+" "+strings.Join(near, ", or "+cmd.CommandPath()+" "))
		}
		return withHint(err, cmd.CommandPath()+" --help")
	}
	return cmd
}

// reads marks a command that changes nothing.
func (c *cli) reads(cmd *cobra.Command) *cobra.Command {
	mark(cmd, "[ro]")
	cmd.Flags().BoolVar(&c.json, "json", false, "print JSON, with keys that stay as they are")
	return cmd
}

// writes marks a command that changes something.
func (c *cli) writes(cmd *cobra.Command) *cobra.Command {
	mark(cmd, "[rw]")
	cmd.Flags().BoolVar(&c.dryRun, "dry-run", false, "say what would be done, and do nothing")
	return cmd
}

// mark says in the list of commands what kind of command it is; its own help says what
// it does.
func mark(cmd *cobra.Command, kind string) {
	cmd.Long = cmp.Or(cmd.Long, cmd.Short+".")
	cmd.Short = kind + " " + cmd.Short
}

// args has cobra check the arguments, and says of those that do not fit which would.
func args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, given []string) error {
		empty := slices.Contains(given, "")
		if check(cmd, given) == nil && !empty {
			return nil
		}
		said := "no argument is given"
		switch {
		case empty:
			said = "an argument is empty"
		case len(given) > 0:
			said = fmt.Sprintf("%s given, from %q on", are(len(given), "argument"), given[0])
		}
		return withHint(misuse("%s; the usage is %s %s", said, cmd.Parent().CommandPath(), cmd.Use), cmd.CommandPath()+" --help")
	}
}

// configFlags gives a command the flags of these settings, and those that find
// the settings themselves.
func configFlags(cmd *cobra.Command, keys ...string) {
	cmd.Flags().String("config", "", fmt.Sprintf("YAML `file` with settings (%sCONFIG)", envPrefix))
	addSettingFlags(cmd.Flags(), append([]string{"data"}, keys...)...)
}

// config reads the settings and checks them for these roles.
func (c *cli) config(cmd *cobra.Command, roles ...string) (Config, error) {
	cfg, err := LoadConfig(cmd.Flags(), c.environ)
	if err != nil {
		return cfg, &misuseError{err}
	}
	return cfg, cfg.Validate(roles)
}
