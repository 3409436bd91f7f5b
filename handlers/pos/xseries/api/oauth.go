package api

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"golang.org/x/oauth2"
)

// Tokens are the tokens of an app that a retailer has authorised. Each refresh
// token is good for one use and brings the next one.
type Tokens struct {
	ClientID, ClientSecret string
	// First is the refresh token that the authorisation ended with. Another one is
	// another authorisation, and takes the place of what is kept.
	First   string
	BaseURL string // of the account
	Keep    Keep
	HTTP    *http.Client     // nil is http.DefaultClient
	Now     func() time.Time // nil is time.Now

	mu      sync.Mutex
	current kept
	unsaved bool // current was received and is not kept yet
}

// Keep is where the newest tokens lie, sealed.
type Keep interface {
	// Load returns what was stored last; nothing when nothing was.
	Load(context.Context) ([]byte, error)
	// Store returns when the value is durable.
	Store(context.Context, []byte) error
}

// kept is what lies there.
type kept struct {
	Seed    string    `json:"seed"` // of which authorisation the tokens are
	Access  string    `json:"access"`
	Expires time.Time `json:"expires"`
	Refresh string    `json:"refresh"`
}

// early is how long before its end an access token is renewed.
const early = 5 * time.Minute

// Token returns an access token that is good for some minutes.
func (t *Tokens) Token(ctx context.Context) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.load(ctx); err != nil {
		return "", err
	}
	if t.current.Access == "" || !t.current.Expires.After(t.now().Add(early)) {
		if err := t.refresh(ctx); err != nil {
			return "", err
		}
	}
	return t.current.Access, nil
}

// Refused makes the next token a new one.
func (t *Tokens) Refused(token string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.current.Access == token {
		t.current.Expires = time.Time{}
	}
}

func (t *Tokens) now() time.Time {
	if t.Now != nil {
		return t.Now()
	}
	return time.Now()
}

func (t *Tokens) seed() string {
	sum := sha256.Sum256([]byte(t.ClientID + "\x00" + t.First))
	return hex.EncodeToString(sum[:8])
}

// load takes what is kept, if it is of this authorisation, and first keeps what
// could not be kept before.
func (t *Tokens) load(ctx context.Context) error {
	if t.unsaved {
		return t.save(ctx)
	}
	if t.current.Seed != "" {
		return nil
	}
	sealed, err := t.Keep.Load(ctx)
	if err != nil {
		return fmt.Errorf("X-Series tokens: %w", err)
	}
	if len(sealed) > 0 {
		// What cannot be opened was sealed under another secret of the client.
		if plain, err := t.open(sealed); err == nil && json.Unmarshal(plain, &t.current) == nil && t.current.Seed == t.seed() {
			return nil
		}
	}
	t.current = kept{Seed: t.seed(), Refresh: t.First}
	return nil
}

func (t *Tokens) save(ctx context.Context) error {
	plain, err := json.Marshal(t.current)
	if err != nil {
		return err
	}
	sealed, err := t.seal(plain)
	if err == nil {
		err = t.Keep.Store(ctx, sealed)
	}
	if err != nil {
		return fmt.Errorf("X-Series tokens: the new ones could not be kept, and are not used before they are: %w", err)
	}
	t.unsaved = false
	return nil
}

// refresh exchanges the refresh token, and keeps what it brings.
func (t *Tokens) refresh(ctx context.Context) error {
	conf := oauth2.Config{ClientID: t.ClientID, ClientSecret: t.ClientSecret,
		Endpoint: oauth2.Endpoint{TokenURL: t.BaseURL + "/api/1.0/token", AuthStyle: oauth2.AuthStyleInParams}}
	if t.HTTP != nil {
		ctx = context.WithValue(ctx, oauth2.HTTPClient, t.HTTP)
	}
	bounded, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	token, err := conf.TokenSource(bounded, &oauth2.Token{RefreshToken: t.current.Refresh}).Token()
	if err != nil {
		// Another process may have used the token before us and kept the next one.
		t.current = kept{}
		return refreshError(err)
	}
	t.current = kept{Seed: t.seed(), Access: token.AccessToken, Refresh: token.RefreshToken, Expires: t.now().Add(24 * time.Hour)}
	if !token.Expiry.IsZero() {
		t.current.Expires = t.now().Add(time.Until(token.Expiry))
	}
	t.unsaved = true
	return t.save(ctx)
}

// refreshError says what the account answered, which has no secret in it, and what
// to do.
func refreshError(err error) error {
	var refused *oauth2.RetrieveError
	if !errors.As(err, &refused) {
		return fmt.Errorf("X-Series tokens: %w", err)
	}
	status := 0
	if refused.Response != nil {
		status = refused.Response.StatusCode
	}
	e := &Error{Request: "POST /api/1.0/token", Status: status, Message: refused.ErrorCode}
	if status == http.StatusBadRequest || status == http.StatusUnauthorized {
		return fmt.Errorf("X-Series tokens: %w; the refresh token is void: authorise the app again and set the new refresh token", e)
	}
	return fmt.Errorf("X-Series tokens: %w", e)
}

// The tokens are sealed under the client's secret, which lies elsewhere, so that
// whoever can read the broker's files cannot act for the app.
func (t *Tokens) cipher() (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, []byte(t.ClientSecret), nil, "tillstream X-Series tokens, version 1", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

func (t *Tokens) seal(plain []byte) ([]byte, error) {
	aead, err := t.cipher()
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, aead.NonceSize())
	rand.Read(nonce) // never fails, by its documentation
	return aead.Seal(nonce, nonce, plain, nil), nil
}

func (t *Tokens) open(sealed []byte) ([]byte, error) {
	aead, err := t.cipher()
	if err != nil {
		return nil, err
	}
	if len(sealed) < aead.NonceSize() {
		return nil, errors.New("too short")
	}
	return aead.Open(nil, sealed[:aead.NonceSize()], sealed[aead.NonceSize():], nil)
}
