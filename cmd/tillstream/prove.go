package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"

	"github.com/spf13/cobra"

	"github.com/tillstream/tillstream/handlers/audit"
	"github.com/tillstream/tillstream/handlers/audit/tree"
	"github.com/tillstream/tillstream/handlers/console"
)

func (c *cli) proveCommand() *cobra.Command {
	var file, log, since string
	cmd := &cobra.Command{
		Use:   "prove ITEM|POSITION",
		Short: "Prove events to somebody who has nothing but the public key",
		Long: `prove makes a bundle of the events of an item, of all items that are or were in a
product, or of the one at a position (position:N where an item bears the number): the
messages whole, their proofs in the tree over the log, and the signed head of that tree.
tillstream verify --bundle FILE --key KEY checks it without the installation. With
--since, an earlier signed head, the bundle also proves that the log was only added to
since that head was signed.`,
		Example: `  tillstream prove CK-121 -o ck-121.json
  tillstream prove 4711 --since head-of-may.txt -o 4711.json
  tillstream verify --bundle ck-121.json --key "$(tillstream key)"`,
		Args:              args(cobra.ExactArgs(1)),
		ValidArgsFunction: c.completeItem,
	}
	cmd.Flags().StringVarP(&file, "output", "o", "", "`file` to write the bundle to")
	cmd.Flags().StringVar(&log, "log", auditedLogs()[0], "the `log`: POS for what came in, SYNC for what went out")
	cmd.Flags().StringVar(&since, "since", "", "`file` with an earlier signed tree head of the log; its last one counts")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		order := console.ProofOrder{Item: args[0], Log: log}
		if log != auditedLogs()[0] && log != auditedLogs()[1] {
			return misuse("--log %s: must be POS or SYNC", log)
		}
		if since != "" {
			heads, err := readHeads(since)
			if err != nil {
				return err
			}
			for _, text := range heads {
				if h, _, _ := tree.PeekHead([]byte(text), tree.Key{}); h.Log() == log {
					order.Since = text
				}
			}
			if order.Since == "" {
				return misuse("--since %s: holds no tree head of %s", since, log)
			}
		}
		return c.sessionOfStore(cmd, needReads, func(ctx context.Context, to *storeClient) error {
			return c.prove(ctx, to, order, file)
		})
	}
	return c.talksOfStore(c.reads(cmd))
}

func (c *cli) prove(ctx context.Context, to *storeClient, order console.ProofOrder, file string) error {
	var b tree.Bundle
	if err := to.exchange(ctx, http.MethodPost, to.path("proof"), nil, order, &b); err != nil {
		return aboutItem(err)
	}
	key, err := tree.ParseKey(b.Key)
	if err != nil {
		return err
	}
	head, earlier, err := b.Verify(key)
	if err != nil {
		return withHint(fmt.Errorf("what is there does not prove itself: %w", err), "tillstream verify")
	}
	if file != "" {
		doc, err := json.MarshalIndent(&b, "", "  ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(file, append(doc, '\n'), 0o644); err != nil {
			return err
		}
	}
	if c.json {
		return c.stdout.document(&b)
	}
	c.provenLines(&b)
	if earlier.Size > 0 {
		c.stdout.line("%s  the log of %s continues the one of %s", c.stdout.verdict(audit.Pass), count(int(head.Size), "message"), thousands(int(earlier.Size)))
	}
	said := fmt.Sprintf("proven by the head that %s has signed of %s of %s", key.Name(), count(int(head.Size), "message"), b.Log)
	if file != "" {
		said += ", in " + file
	}
	c.stderr.line("%s", said)
	return nil
}

// provenLines names the messages of a bundle.
func (c *cli) provenLines(b *tree.Bundle) {
	for i := range b.Events {
		e := &b.Events[i]
		c.stdout.line("%s  position %d  %s  %s", c.stdout.verdict(audit.Pass), e.Position, moment(e.RecordedAt), oneLine(describeProven(e)))
	}
}
