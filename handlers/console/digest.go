package console

import (
	"context"
	"net/http"
	"weak"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/projections"
)

// DigestPage is the digest of all snapshots, see [projections.Tree].
type DigestPage struct {
	Position domain.Position  `json:"position"` // up to which the log is in the snapshots
	Format   int              `json:"format" doc:"of the snapshots: those of another format are not comparable"`
	Products int              `json:"products"`
	Digest   projections.Hash `json:"digest"`
	// Node is the node of the tree that was asked for, the root by default.
	Node projections.TreeNode `json:"node"`
}

func (c *Console) mountDigest(api huma.API) {
	register(c, api, http.MethodGet, "/v1/digest", "The digest of all product states, or a node of its tree", c.digest)
}

type digestInput struct {
	Node string `query:"node" doc:"path of a node: up to three hexadecimal digits"`
}

func (c *Console) digest(ctx context.Context, in *digestInput) (*body[DigestPage], error) {
	tree, err := c.tree()
	if err != nil {
		return nil, err
	}
	root, err := tree.Node(ctx, "")
	if err != nil {
		return nil, err
	}
	node, err := tree.Node(ctx, in.Node)
	if err != nil {
		return nil, err
	}
	return &body[DigestPage]{DigestPage{Position: tree.Position, Format: projections.SnapshotFormat, Products: root.Products, Digest: tree.Digest(), Node: node}}, nil
}

// tree is the tree of the present position. Whoever walks one asks many times for
// the same, so it is kept for as long as the memory is not wanted.
func (c *Console) tree() (*projections.Tree, error) {
	if tree := c.trees.Load(); tree != nil {
		if t := tree.Value(); t != nil && c.Catalog.Current(t) {
			return t, nil
		}
	}
	t, err := c.Catalog.Tree()
	if err != nil {
		return nil, err
	}
	kept := weak.Make(t)
	c.trees.Store(&kept)
	return t, nil
}
