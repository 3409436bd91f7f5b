package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tillstream/tillstream/handlers/console"
	"github.com/tillstream/tillstream/projections"
)

func (c *cli) digestCommand() *cobra.Command {
	var against, tokenFile string
	var most int
	cmd := &cobra.Command{
		Use:   "digest",
		Short: "Identify what every product is, and find where another tillstream differs",
		Long: `digest prints one hash over the state of every product at a position of the log. The
same log gives the same digest: in the tillstream that folded it event by event, after
any crash, in a rebuilt or a restored one, on any machine.

With --against it compares with another tillstream, and lists the first products that
differ without looking at those that do not. Exit code 3 then.`,
		Example: `  tillstream digest
  tillstream digest --against http://127.0.0.1:8081 --against-token-file /tmp/restored/api-token`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if most < 1 {
				return misuse("--most %d: must be 1 or more", most)
			}
			other, err := otherServer(against, tokenFile)
			if err != nil {
				return err
			}
			return c.session(cmd, needReads, func(ctx context.Context, to *client) error {
				if other == nil {
					return c.digest(ctx, to)
				}
				return c.digestAgainst(ctx, to, other, most)
			})
		},
	}
	cmd.Flags().StringVar(&against, "against", "", "`URL` of another tillstream to compare with")
	cmd.Flags().StringVar(&tokenFile, "against-token-file", "", "`file` with the other one's API token")
	cmd.Flags().IntVar(&most, "most", 10, "list so many products that differ")
	return c.talks(c.reads(cmd))
}

// otherServer is the client of a second tillstream, nil for none.
func otherServer(address, tokenFile string) (*client, error) {
	if address == "" {
		if tokenFile != "" {
			return nil, misuse("--against-token-file is of no use without --against")
		}
		return nil, nil
	}
	if u, err := url.Parse(address); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, withHint(misuse("--against %q: must be an address such as http://127.0.0.1:8081", address), "tillstream digest --help")
	}
	var token Secret
	if tokenFile != "" {
		b, err := os.ReadFile(tokenFile)
		if err != nil {
			return nil, fmt.Errorf("--against-token-file: %w", err)
		}
		token = Secret(strings.TrimSpace(string(b)))
	}
	return newClient(strings.TrimSuffix(address, "/"), token), nil
}

func (c *cli) digest(ctx context.Context, to *client) error {
	page, err := to.digest(ctx, "")
	if err != nil {
		return err
	}
	if c.json {
		return c.stdout.document(page)
	}
	c.stdout.line("%s  %s at position %d", page.Digest, count(page.Products, "product"), page.Position)
	return nil
}

func (c *client) digest(ctx context.Context, node string) (page console.DigestPage, err error) {
	query := url.Values{}
	if node != "" {
		query.Set("node", node)
	}
	err = c.get(ctx, "/v1/digest", query, &page)
	return page, err
}

// Node makes a client a [projections.TreeReader].
func (c *client) Node(ctx context.Context, path string) (projections.TreeNode, error) {
	page, err := c.digest(ctx, path)
	return page.Node, err
}

// digestComparison is what digest --against prints as JSON.
type digestComparison struct {
	Ours      console.DigestPage      `json:"ours"`
	Theirs    console.DigestPage      `json:"theirs"`
	Same      bool                    `json:"same"`
	Differing []projections.Differing `json:"differing"` // the first of them
}

func (c *cli) digestAgainst(ctx context.Context, to, other *client, most int) error {
	var d digestComparison
	var err error
	if d.Ours, err = to.digest(ctx, ""); err != nil {
		return err
	}
	if d.Theirs, err = other.digest(ctx, ""); err != nil {
		return fmt.Errorf("--against: %w", err)
	}
	if d.Ours.Format != d.Theirs.Format {
		return withHint(fmt.Errorf("the digests cannot be compared: ours is of snapshots of format %d, theirs of %d", d.Ours.Format, d.Theirs.Format), "the same version of tillstream on both sides")
	}
	d.Same, d.Differing = d.Ours.Digest == d.Theirs.Digest, []projections.Differing{}
	if !d.Same {
		if d.Differing, err = projections.DifferingProducts(ctx, to, other, most); err != nil {
			return err
		}
	}
	if c.json {
		err = c.stdout.document(d)
	} else {
		c.digestComparison(&d)
	}
	if !d.Same {
		err = errors.Join(err, errDiffers)
	}
	return err
}

func (c *cli) digestComparison(d *digestComparison) {
	out := c.stdout
	if d.Same {
		out.line("the same: %s  %s at position %d", d.Ours.Digest, count(d.Ours.Products, "product"), d.Ours.Position)
		return
	}
	out.line("ours    %s  %s at position %d", d.Ours.Digest, count(d.Ours.Products, "product"), d.Ours.Position)
	out.line("theirs  %s  %s at position %d", d.Theirs.Digest, count(d.Theirs.Products, "product"), d.Theirs.Position)
	if d.Ours.Position != d.Theirs.Position {
		out.line("they are at different positions, so what has changed in between differs")
	}
	for _, p := range d.Differing {
		where := "differs"
		switch {
		case p.Theirs == nil:
			where = "is only here"
		case p.Ours == nil:
			where = "is only there"
		}
		out.line("%s/%s %s", oneLine(string(p.Store)), oneLine(string(p.Product)), out.paint(yellow, where))
	}
}
