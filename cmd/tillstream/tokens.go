package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/tillstream/tillstream/handlers/console"
)

func (c *cli) tokensCommand() *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "tokens",
		Short: "Who may use the HTTP API: create, list, revoke",
		Long: `A token lets its bearer do one kind of thing in one store: publish (send events and
product files, and nothing else), read (look, and change nothing), or admin (everything
in the store). It is shown once, when it is made; what is kept is a hash of it. The
token in the data folder may do everything in every store.`,
		Example: `  tillstream tokens create --role publish --name 'till adapter'
  tillstream tokens list
  tillstream tokens revoke 4Wm1cJv8hQkz`,
	})
	cmd.AddCommand(c.createTokenCommand(), c.listTokensCommand(), c.revokeTokenCommand())
	return cmd
}

func (c *cli) createTokenCommand() *cobra.Command {
	var role, name string
	cmd := &cobra.Command{
		Use:     "create --role ROLE",
		Short:   "Make a token, and print it this once",
		Example: "  tillstream tokens create --role publish --name 'till adapter' > token",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, err := oneOf(roles()...)(role); err != nil {
				return withHint(misuse("--role %q: %w", role, err), cmd.CommandPath()+" --help")
			}
			return c.sessionOfStore(cmd, needWrites, func(ctx context.Context, to *storeClient) error {
				var raw json.RawMessage
				if err := to.exchange(ctx, http.MethodPost, to.path("tokens"), c.dry(), map[string]string{"role": role, "name": name}, &raw); err != nil {
					return err
				}
				if c.json {
					return c.stdout.document(raw)
				}
				var made console.NewToken
				if err := json.Unmarshal(raw, &made); err != nil {
					return fmt.Errorf("the answer of tokens: %w", err)
				}
				if c.dryRun {
					c.stderr.line("a token for %s in store %s would be made", made.Role, made.Store)
					return nil
				}
				c.stdout.line("%s", made.Token)
				c.stderr.line("token %s for %s in store %s; it is not shown again", made.ID, made.Role, made.Store)
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&role, "role", "", "what its bearer may do: publish, read or admin")
	cmd.Flags().StringVar(&name, "name", "", "who has it, for people")
	cmd.Flags().BoolVar(&c.json, "json", false, "print JSON, with keys that stay as they are")
	// Completing a flag cannot fail but for a flag that is not there.
	_ = cmd.RegisterFlagCompletionFunc("role", cobra.FixedCompletions(roles(), cobra.ShellCompDirectiveNoFileComp))
	return c.talksOfStore(c.writes(cmd))
}

type tokenList struct{ Tokens []console.TokenLine }

func roles() []string {
	return []string{string(console.RolePublish), string(console.RoleRead), string(console.RoleAdmin)}
}

func (c *cli) listTokensCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List tokens, without what their bearers send",
		Args:  args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.sessionOfStore(cmd, needReads, func(ctx context.Context, to *storeClient) error {
				var raw json.RawMessage
				if err := to.get(ctx, to.path("tokens"), nil, &raw); err != nil {
					return err
				}
				if c.json {
					return c.stdout.document(raw)
				}
				var list tokenList
				if err := json.Unmarshal(raw, &list); err != nil {
					return fmt.Errorf("the answer of tokens: %w", err)
				}
				rows := make([][]string, len(list.Tokens))
				for i, t := range list.Tokens {
					revoked := ""
					if !t.RevokedAt.IsZero() {
						revoked = moment(t.RevokedAt)
					}
					rows[i] = []string{t.ID, string(t.Role), oneLine(t.Name), moment(t.CreatedAt), revoked}
				}
				if len(rows) == 0 {
					c.stderr.line("no token was made; the one of the data folder may do everything")
					return nil
				}
				c.stdout.table([]string{"ID", "ROLE", "NAME", "MADE", "REVOKED"}, rows)
				return nil
			})
		},
	}
	return c.talksOfStore(c.reads(cmd))
}

func (c *cli) revokeTokenCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "revoke ID…",
		Short: "Have tokens refused from the next request on",
		Args:  args(cobra.MinimumNArgs(1)), ValidArgsFunction: c.completeTokens,
		RunE: func(cmd *cobra.Command, ids []string) error {
			return c.sessionOfStore(cmd, needWrites, func(ctx context.Context, to *storeClient) error {
				for _, id := range ids {
					var t console.TokenLine
					if err := to.exchange(ctx, http.MethodDelete, to.path("tokens", id), c.dry(), nil, &t); err != nil {
						return whenMissing(err, "tillstream tokens list")
					}
					if c.dryRun {
						c.stdout.line("token %s, for %s, would be revoked", t.ID, t.Role)
						continue
					}
					c.stdout.line("token %s, for %s, is revoked", t.ID, t.Role)
				}
				return nil
			})
		},
	}
	return c.talksOfStore(c.writes(cmd))
}
