package console

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/streams"
)

// Role says what the bearer of a token may do in its store.
type Role string

// The roles.
const (
	RolePublish Role = "publish" // send events and product files, and nothing else
	RoleRead    Role = "read"    // look at everything of the store, and change nothing
	RoleAdmin   Role = "admin"   // everything, tokens of the store included
)

// may reports whether a role is enough for what needs another.
func (r Role) may(need Role) bool { return r == need || r == RoleAdmin }

// roleFor is what a request needs, given its path below the store.
func roleFor(method, rest string) Role {
	switch {
	case method == http.MethodPost && (rest == "events" || rest == "imports"):
		return RolePublish
	case (method == http.MethodGet || method == http.MethodHead) && rest != "tokens" && !strings.HasPrefix(rest, "tokens/"):
		return RoleRead
	}
	return RoleAdmin
}

// Token is what is kept of a token: whose it is, and a hash by which its bearer is
// known. The token itself is shown once, when it is made.
type Token struct {
	ID        string         `json:"id"`
	Store     domain.StoreID `json:"store"`
	Role      Role           `json:"role"`
	Name      string         `json:"name,omitempty"` // for people
	Hash      []byte         `json:"hash"`           // SHA-256 of its secret, which is random and long enough for that
	CreatedAt time.Time      `json:"created_at"`
	RevokedAt time.Time      `json:"revoked_at,omitzero"`
}

// errNoToken says that nobody has such a token, or nobody any more.
var errNoToken = errors.New("no such token")

// Tokens are kept in the broker, so that all processes know them, and one that is
// revoked is refused by the next request.
type Tokens struct{ bucket *streams.Bucket }

// NewTokens returns the tokens in a bucket, which has other things, too.
func NewTokens(bucket *streams.Bucket) *Tokens { return &Tokens{bucket} }

const (
	tokenPrefix  = "till_"  // of what a bearer sends, so that a leaked one is found by scanners
	tokenKey     = "token-" // of the keys
	tokenIDBytes = 9
	secretBytes  = 32
)

func random(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails, by its documentation
	return base64.RawURLEncoding.EncodeToString(b)
}

// tokenID is an id that a command line does not take for a flag.
func tokenID() string {
	for {
		if id := random(tokenIDBytes); !strings.HasPrefix(id, "-") {
			return id
		}
	}
}

// Make makes a token and returns, this once, what its bearer sends.
func (t *Tokens) Make(ctx context.Context, store domain.StoreID, role Role, name string, now time.Time) (Token, string, error) {
	secret := random(secretBytes)
	hash := sha256.Sum256([]byte(secret))
	made := Token{ID: tokenID(), Store: store, Role: role, Name: name, Hash: hash[:], CreatedAt: now.UTC()}
	var absent uint64
	return made, tokenPrefix + made.ID + "." + secret, t.put(ctx, made, &absent)
}

func (t *Tokens) put(ctx context.Context, token Token, expect *uint64) error {
	b, err := json.Marshal(token)
	if err == nil {
		_, err = t.bucket.Put(ctx, streams.MakeKey(token.Store, tokenKey+token.ID), b, expect)
	}
	if err != nil {
		return fmt.Errorf("token %s: %w", token.ID, err)
	}
	return nil
}

func (t *Tokens) get(ctx context.Context, store domain.StoreID, id string) (Token, uint64, error) {
	e, err := t.bucket.Get(ctx, streams.MakeKey(store, tokenKey+id))
	if errors.Is(err, domain.ErrNotFound) {
		return Token{}, 0, errNoToken
	}
	var token Token
	if err == nil {
		err = json.Unmarshal(e.Value, &token)
	}
	if err != nil {
		return Token{}, 0, fmt.Errorf("token %s: %w", id, err)
	}
	return token, e.Revision, nil
}

// Check returns the token of a store that a bearer has sent. The error is errNoToken
// when there is none, or the broker's.
func (t *Tokens) Check(ctx context.Context, store domain.StoreID, sent string) (Token, error) {
	id, secret, ok := strings.Cut(strings.TrimPrefix(sent, tokenPrefix), ".")
	if !ok || !strings.HasPrefix(sent, tokenPrefix) || len(id) != base64.RawURLEncoding.EncodedLen(tokenIDBytes) {
		return Token{}, errNoToken
	}
	token, _, err := t.get(ctx, store, id)
	if err != nil {
		return Token{}, err
	}
	hash := sha256.Sum256([]byte(secret))
	if subtle.ConstantTimeCompare(hash[:], token.Hash) != 1 || !token.RevokedAt.IsZero() {
		return Token{}, errNoToken
	}
	return token, nil
}

// Revoke makes a token worthless from the next request on. Revoking one again
// changes nothing. The error is errNoToken when there is none, or the broker's.
func (t *Tokens) Revoke(ctx context.Context, store domain.StoreID, id string, now time.Time) (Token, error) {
	token, revision, err := t.get(ctx, store, id)
	if err != nil || !token.RevokedAt.IsZero() {
		return token, err
	}
	token.RevokedAt = now.UTC()
	return token, t.put(ctx, token, &revision)
}

// List returns the tokens of a store, revoked ones too, in the order in which they
// were made.
func (t *Tokens) List(ctx context.Context, store domain.StoreID) ([]Token, error) {
	tokens := []Token{}
	err := t.bucket.Scan(ctx, store, 0, func(e streams.Entry) error {
		_, id, err := e.Key.Parts()
		if err != nil || !strings.HasPrefix(id, tokenKey) {
			return err
		}
		var token Token
		if err := json.Unmarshal(e.Value, &token); err != nil {
			return fmt.Errorf("%s of store %s: %w", id, store, err)
		}
		tokens = append(tokens, token)
		return nil
	})
	slices.SortStableFunc(tokens, func(a, b Token) int { return a.CreatedAt.Compare(b.CreatedAt) })
	return tokens, err
}
