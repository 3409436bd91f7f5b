package console

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/audit"
	"github.com/tillstream/tillstream/handlers/audit/tree"
	"github.com/tillstream/tillstream/handlers/problem"
	"github.com/tillstream/tillstream/streams"
)

// ProofOrder says what is to be proven.
type ProofOrder struct {
	Item  string `json:"item" doc:"SKU, POS item id or product id, or a position of the log; position:N where an item or SKU is N"`
	Log   string `json:"log,omitempty" enum:"POS,SYNC"`
	Since string `json:"since,omitempty" doc:"an earlier signed tree head that the log has to continue"`
}

func (c *Console) mountEvidence(api huma.API) {
	register(c, api, http.MethodPost, "/v1/stores/{store}/proof", "Prove messages of a log to somebody who has the public key only", c.prove)
	op := operation(http.MethodGet, "/v1/export", "Both logs, the dead letters and the signed heads, in one archive")
	op.Description = "The archive is of the moment at which the answer begins, whatever is recorded meanwhile. It is whole when it ends with its checksums, which tillstream restore looks at."
	op.Responses = map[string]*huma.Response{"200": {Description: "a tar file, compressed by zstd", Content: map[string]*huma.MediaType{zstdTar: {}}}}
	huma.Register(api, op, handle(c, op, c.export))
}

const zstdTar = "application/zstd"

type proofInput struct {
	Store string `path:"store"`
	Body  ProofOrder
}

func (c *Console) prove(ctx context.Context, in *proofInput) (*body[*tree.Bundle], error) {
	store, err := c.Store(in.Store)
	if err != nil {
		return nil, err
	}
	if c.Exporter == nil {
		return nil, problem.New(http.StatusNotFound, "this process keeps no evidence")
	}
	e := c.Exporter()
	if e.Key.Name() == "" {
		return nil, noKey(ctx, &e)
	}
	log := e.Conn.POS()
	if in.Body.Log == e.Conn.Sync().Name() {
		log = e.Conn.Sync()
	}
	c.signed(ctx) // so that the newest messages are proven, too, where that can be had
	wanted, err := c.proven(ctx, store, log, in.Body.Item)
	if err != nil {
		return nil, err
	}
	var since []byte
	if in.Body.Since != "" {
		since = []byte(in.Body.Since)
	}
	b, err := audit.Prove(ctx, e.Conn, e.Key, log, wanted, since)
	if errors.Is(err, audit.ErrUnsigned) {
		return nil, problem.New(http.StatusConflict, err.Error()).WithHint("the same again in a minute")
	}
	return &body[*tree.Bundle]{b}, err
}

// noKey is why nothing can be proven without a signing key.
func noKey(ctx context.Context, e *audit.Exporter) error {
	signed, err := audit.Signed(ctx, e.Conn)
	switch {
	case err != nil:
		return err
	case signed:
		return problem.New(http.StatusConflict, "the logs are signed, and the key is not here").
			WithHint("put the signing key back, as a file in the data folder or by the setting signing_key_file, before tillstream up makes another one")
	}
	return problem.New(http.StatusConflict, "nothing was ever signed here").WithHint("tillstream up")
}

// proven is what a reference selects in a log: a position, which may say that it is one, or
// all messages of an item or product, and of the items that have left the product.
func (c *Console) proven(ctx context.Context, store *Store, log *streams.Log, ref string) ([]audit.Wanted, error) {
	m, err := c.findIn(ctx, log, store.ID, ref)
	if err != nil {
		number, _ := strings.CutPrefix(ref, "position:")
		at, parseErr := strconv.ParseUint(number, 10, 63)
		switch d := problem.From(err); {
		case parseErr != nil || at == 0:
			return nil, err
		case d.Status == http.StatusConflict:
			return nil, d.WithHint("position:" + number + " for the position")
		case d.Status != http.StatusNotFound:
			return nil, err
		}
		return c.provenAt(ctx, store, log, domain.Position(at))
	}
	if log != c.Exporter().Conn.POS() {
		w := audit.Wanted{Query: streams.Query{Store: store.ID, Key: string(m.Product)}}
		w.At, w.Known, err = c.Past.OfProduct(ctx, store.ID, m.Product, 0, 0)
		return []audit.Wanted{w}, err
	}
	items, former, err := c.itemsOf(ctx, store.ID, m)
	if err != nil {
		return nil, err
	}
	var out []audit.Wanted
	for _, id := range slices.Concat(items, former) {
		w := audit.Wanted{Query: streams.Query{Store: store.ID, Key: string(id)}}
		if w.At, w.Known, err = c.Past.OfItems(ctx, store.ID, []domain.ItemID{id}, 0, 0); err != nil {
			return nil, err
		}
		out = append(out, w)
	}
	return out, nil
}

// provenAt is the message at one position. Of another store's, nothing is said: whoever
// asks may have a token for this one only.
func (c *Console) provenAt(ctx context.Context, store *Store, log *streams.Log, at domain.Position) ([]audit.Wanted, error) {
	last, err := log.Last(ctx)
	switch {
	case err != nil:
		return nil, err
	case at > last:
		return nil, problem.Newf(http.StatusNotFound, "the log %s ends at position %d", log.Name(), last)
	}
	m, err := log.At(ctx, at)
	switch {
	case err != nil:
		return nil, err
	case m.Store != store.ID:
		return nil, problem.Newf(http.StatusNotFound, "position %d of the log %s is not of store %q", at, log.Name(), store.ID)
	}
	return []audit.Wanted{{Query: streams.Query{From: at, To: at}}}, nil
}

// signed has what is recorded now signed, as far as this process is the one that does,
// and it does not take long.
func (c *Console) signed(ctx context.Context) bool {
	if c.Sign == nil {
		return false
	}
	const patience = 10 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return c.Sign(ctx) == nil
}

func (c *Console) export(ctx context.Context, _ *struct{}) (*huma.StreamResponse, error) {
	e := c.Exporter()
	c.signed(ctx) // so that it is vouched for up to its end, where that can be had
	return &huma.StreamResponse{Body: func(out huma.Context) {
		out.SetHeader("Content-Type", zstdTar)
		if _, err := e.Export(out.Context(), out.BodyWriter()); err != nil {
			if out.Context().Err() == nil {
				c.Logger.Error("export", "err", err)
			}
			panic(http.ErrAbortHandler) // which is how the caller learns that it is not whole
		}
	}}, nil
}
