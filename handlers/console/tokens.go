package console

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/problem"
)

// TokenLine is one token without what its bearer sends.
type TokenLine struct {
	ID        string         `json:"id"`
	Store     domain.StoreID `json:"store"`
	Role      Role           `json:"role" enum:"publish,read,admin"`
	Name      string         `json:"name,omitempty"`
	CreatedAt time.Time      `json:"created_at,omitzero"`
	RevokedAt time.Time      `json:"revoked_at,omitzero"`
}

// NewToken is a token that was just made.
type NewToken struct {
	TokenLine
	Token string `json:"token,omitempty" doc:"what its bearer sends; it is shown this once"`
}

func (c *Console) mountTokens(api huma.API) {
	register(c, api, http.MethodGet, "/v1/stores/{store}/tokens", "List tokens", c.listTokens)
	register(c, api, http.MethodPost, "/v1/stores/{store}/tokens", "Make a token", c.makeToken)
	register(c, api, http.MethodDelete, "/v1/stores/{store}/tokens/{id}", "Revoke a token", c.revokeToken)
}

func tokenLine(t Token) TokenLine {
	return TokenLine{t.ID, t.Store, t.Role, t.Name, t.CreatedAt, t.RevokedAt}
}

type tokenList struct {
	Tokens []TokenLine `json:"tokens"`
}

func (c *Console) listTokens(ctx context.Context, in *struct {
	Store string `path:"store"`
}) (*body[tokenList], error) {
	store, err := c.Store(in.Store)
	if err != nil {
		return nil, err
	}
	tokens, err := c.Tokens.List(ctx, store.ID)
	if err != nil {
		return nil, err
	}
	out := tokenList{Tokens: make([]TokenLine, len(tokens))}
	for i, t := range tokens {
		out.Tokens[i] = tokenLine(t)
	}
	return &body[tokenList]{out}, nil
}

type makeTokenInput struct {
	Store  string `path:"store"`
	DryRun bool   `query:"dry_run"`
	Body   struct {
		Role Role   `json:"role" enum:"publish,read,admin" doc:"publish: send events and product files; read: look; admin: everything in the store"`
		Name string `json:"name,omitempty" maxLength:"100" doc:"for people: who has it"`
	}
}

func (c *Console) makeToken(ctx context.Context, in *makeTokenInput) (*body[NewToken], error) {
	store, err := c.Store(in.Store)
	if err != nil {
		return nil, err
	}
	if in.DryRun {
		return &body[NewToken]{NewToken{TokenLine: TokenLine{Store: store.ID, Role: in.Body.Role, Name: in.Body.Name}}}, nil
	}
	made, sent, err := c.Tokens.Make(ctx, store.ID, in.Body.Role, in.Body.Name, time.Now())
	if err != nil {
		return nil, err
	}
	return &body[NewToken]{NewToken{tokenLine(made), sent}}, nil
}

func (c *Console) revokeToken(ctx context.Context, in *struct {
	Store  string `path:"store"`
	ID     string `path:"id"`
	DryRun bool   `query:"dry_run"`
}) (*body[TokenLine], error) {
	store, err := c.Store(in.Store)
	if err != nil {
		return nil, err
	}
	var token Token
	if in.DryRun {
		token, _, err = c.Tokens.get(ctx, store.ID, in.ID)
	} else {
		token, err = c.Tokens.Revoke(ctx, store.ID, in.ID, time.Now())
	}
	if errors.Is(err, errNoToken) {
		return nil, problem.Newf(http.StatusNotFound, "store %s has no token %q", store.ID, in.ID).WithHint("tillstream tokens list")
	}
	if err != nil {
		return nil, err
	}
	return &body[TokenLine]{tokenLine(token)}, nil
}
