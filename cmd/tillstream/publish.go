package main

import (
	"context"

	"github.com/spf13/cobra"
)

func (c *cli) publishCommand() *cobra.Command {
	var p pushing
	cmd := &cobra.Command{
		Use:   "publish ITEM…",
		Short: "Create products in BigCommerce and link them",
		Long: `publish creates in BigCommerce what has no twin there, links it and pushes its
state; from then on every change of it is pushed. A product whose SKU BigCommerce
has already is linked to it instead of created. It waits for each product's outcome
and prints it; the exit code is 1 when one was not confirmed.`,
		Example: `  tillstream publish CK-121
  tillstream publish CK-121 CK-130 --dry-run`,
		Args:              args(cobra.MinimumNArgs(1)),
		ValidArgsFunction: c.completeItem,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := p.check(); err != nil {
				return err
			}
			return c.sessionOfStore(cmd, needPushes, func(ctx context.Context, to *storeClient) error {
				return p.run(ctx, c, to, "publish", map[string]any{"items": args})
			})
		},
	}
	p.flags(c, cmd)
	return c.talksOfStore(c.writes(cmd))
}
