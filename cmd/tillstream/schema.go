package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/streams"
)

func (c *cli) schemaCommand() *cobra.Command {
	var async bool
	cmd := &cobra.Command{
		Use:   "schema [TYPE]",
		Short: "Show what an event may hold, as JSON Schema",
		Long: `schema prints the JSON Schema (2020-12) of the data of an event type, or, without
one, the types there are. An event that the schema allows is an event that append
accepts. --asyncapi prints an AsyncAPI 3 document of the logs, for who publishes to the
broker itself or reads it; a running tillstream serves it at /asyncapi.json.`,
		Example: `  tillstream schema
  tillstream schema --asyncapi
  tillstream schema pos.item.sold.v1`,
		Args: args(cobra.MaximumNArgs(1)),
		ValidArgsFunction: func(_ *cobra.Command, given []string, prefix string) ([]string, cobra.ShellCompDirective) {
			if len(given) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return startingWith(eventTypes(), prefix), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if async {
				if len(args) == 1 {
					return misuse("--asyncapi is about all types; leave out %s", args[0])
				}
				document, err := streams.AsyncAPI(version())
				if err == nil {
					_, err = c.stdout.Write(append(document, '\n'))
				}
				return err
			}
			if len(args) == 1 {
				return c.schema(args[0])
			}
			if c.json {
				return c.stdout.document(map[string][]string{"schemas": eventTypes()})
			}
			c.stdout.line("%s", strings.Join(eventTypes(), "\n"))
			return nil
		},
	}
	cmd.Flags().BoolVar(&async, "asyncapi", false, "print an AsyncAPI document of the logs instead")
	return c.reads(cmd)
}

func (c *cli) schema(name string) error {
	schema, ok := domain.Schema(domain.Type(name))
	if !ok {
		err := fmt.Errorf("%q is no event type%s", name, didYouMean(name, eventTypes()))
		return withHint(&misuseError{err}, "tillstream schema, for the list")
	}
	_, err := c.stdout.Write(append(schema[:len(schema):len(schema)], '\n'))
	return err
}

func eventTypes() []string {
	var out []string
	for _, t := range slices.Concat(domain.POSTypes(), domain.SyncTypes()) {
		out = append(out, string(t))
	}
	return out
}
