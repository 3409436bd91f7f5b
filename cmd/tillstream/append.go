package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/tillstream/tillstream/handlers/problem"
)

func (c *cli) appendCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "append [FILE|-]",
		Short: "Record events, one JSON document per line",
		Long: `append records events in the POS log: CloudEvents in their JSON format, one per
line, from a file or from standard input (or one JSON array of them).

It answers with one JSON line per event, in order: where the event is in the log,
or why it was refused. One refused event does not stop the others; the exit code
is 1 when there was one. Sending an event again is safe: it is answered as a
duplicate, with its first position. The lines of one sale that follow each other
are recorded together or not at all.`,
		Example: `  tillstream append events.ndjson
  till-adapter | tillstream append
  tillstream append events.ndjson --dry-run    check them only`,
		Args: args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			name := "-"
			if len(args) == 1 {
				name = args[0]
			}
			return c.sessionOfStore(cmd, needWrites, func(ctx context.Context, to *storeClient) error {
				return c.append(ctx, to, name)
			})
		},
	}
	return c.talksOfStore(c.writes(cmd))
}

// appended is one line of the answer to events.
type appended struct {
	ID        string           `json:"id"`
	Line      int              `json:"line"`
	Duplicate bool             `json:"duplicate"`
	Error     *problem.Details `json:"error"`
}

// hint says what to try about a refused event.
func (a *appended) hint() string {
	switch {
	case a.Error.Hint != "":
		return a.Error.Hint
	case a.Error.Status == http.StatusConflict:
		return "an id of its own for each event, for ever"
	case len(a.Error.Errors) > 0 && a.Error.Errors[0].Location == "event":
		return "tillstream append --help, for how events are written"
	}
	return "tillstream schema TYPE, for what an event may hold"
}

func (c *cli) append(ctx context.Context, to *storeClient, name string) error {
	file, size, err := c.source(name)
	if err != nil {
		return err
	}
	defer file.Close()
	bar := c.newProgress("append", size)
	defer bar.end()
	var input io.Reader = bar.reader(file)
	if name == "-" {
		reading, stop := context.WithCancel(ctx)
		defer stop()
		input = newWakeful(reading, file, c.awake)
	}
	body := bufio.NewReader(input)
	kind, place := "application/x-ndjson", "line"
	if first, err := body.Peek(1); err == nil && first[0] == '[' {
		kind, place = "application/cloudevents-batch+json", "event"
	}
	events, duplicates, refused := 0, 0, 0
	var first, hint string
	err = to.lines(ctx, call{http.MethodPost, to.path("events"), c.dry(), kind, body}, func(raw json.RawMessage) error {
		var a appended
		if err := json.Unmarshal(raw, &a); err != nil {
			return fmt.Errorf("the answer %s: %w", raw, err)
		}
		if a.Error != nil && a.Line == 0 {
			return inFull(a.Error) // about the whole of what was sent
		}
		events++
		switch {
		case a.Error != nil:
			if refused++; refused == 1 {
				first, hint = fmt.Sprintf("%s %d: %s", place, a.Line, inFull(a.Error).Detail), a.hint()
			}
		case a.Duplicate:
			duplicates++
		}
		return pass(c.stdout)(raw)
	})
	if err != nil {
		return err
	}
	bar.end()
	if refused > 0 {
		return withHint(fmt.Errorf("%s refused of %s; the first: %s", count(refused, "event"), thousands(events), first), hint)
	}
	verb := "appended"
	if c.dryRun {
		verb = "valid, nothing recorded"
	}
	c.stderr.line("%s", sentence(count(events-duplicates, "event")+" "+verb, some(duplicates, "in the log already")))
	return nil
}

// pass writes the lines of an answer as they are.
func pass(w io.Writer) func(json.RawMessage) error {
	return func(raw json.RawMessage) error {
		_, err := w.Write(append(raw[:len(raw):len(raw)], '\n'))
		return err
	}
}
