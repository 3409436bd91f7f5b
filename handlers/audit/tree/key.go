package tree

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// Key is the public key of an installation: its name and an Ed25519 key. It prints in
// the form of a note's verifier key, NAME+HASH+BASE64.
type Key struct {
	name   string
	public ed25519.PublicKey
}

// Name is the name of the installation, which begins the origin of each of its heads.
func (k Key) Name() string { return k.name }

// String is the form that [ParseKey] reads.
func (k Key) String() string { return k.verifierKey(k.name) }

// Equal reports whether two keys are the same, under the same name.
func (k Key) Equal(other Key) bool { return k.name == other.name && k.public.Equal(other.public) }

// ForLog is the key under the name that it signs the heads of one log with: the form in
// which other people's tools for C2SP checkpoints take it.
func (k Key) ForLog(log string) string { return k.verifierKey(k.origin(log)) }

func (k Key) origin(log string) string { return k.name + "/" + log }

func (k Key) verifierKey(name string) string {
	s, err := note.NewEd25519VerifierKey(name, k.public)
	if err != nil {
		panic(fmt.Sprintf("a key has %d bytes: %v", len(k.public), err))
	}
	return s
}

// ParseKey reads a public key. The error says what is wrong with it.
func ParseKey(s string) (Key, error) {
	s = strings.TrimSpace(s)
	if strings.HasPrefix(s, "PRIVATE+KEY+") {
		return Key{}, errors.New("this is a signing key, which nobody else should see; give the public key, which tillstream key prints")
	}
	if _, err := note.NewVerifier(s); err != nil {
		return Key{}, fmt.Errorf("public key %q: %w; it has the form NAME+HASH+BASE64, which tillstream key prints", s, err)
	}
	// The verifier has checked the form.
	name, rest, _ := strings.Cut(s, "+")
	_, encoded, _ := strings.Cut(rest, "+")
	b, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return Key{}, fmt.Errorf("public key %q: %w", s, err)
	}
	return Key{name, b[1:]}, nil // behind the algorithm
}

// SigningKey is an installation's whole key. Nothing prints it but
// [SigningKey.Encode].
type SigningKey struct {
	public Key
	seed   []byte
}

// NewSigningKey makes a key from a source of randomness, under a name that is made of
// the public half, so that no two installations share one.
func NewSigningKey(random io.Reader) (*SigningKey, error) {
	seed := make([]byte, ed25519.SeedSize)
	if _, err := io.ReadFull(random, seed); err != nil {
		return nil, fmt.Errorf("make a signing key: %w", err)
	}
	return named(seed), nil
}

func named(seed []byte) *SigningKey {
	public := publicOf(seed)
	sum := sha256.Sum256(public)
	return &SigningKey{Key{"tillstream-" + hex.EncodeToString(sum[:4]), public}, seed}
}

func publicOf(seed []byte) ed25519.PublicKey {
	return ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)
}

// ParseSigningKey reads a key in the form of a note's signer key, or 32 random bytes in
// base64, as they are made where there is no tillstream at hand. The error does not
// repeat what it was given.
func ParseSigningKey(s string) (*SigningKey, error) {
	s = strings.TrimSpace(s)
	const forms = "it must be a signing key as tillstream makes one (PRIVATE+KEY+NAME+HASH+BASE64), or 32 random bytes in base64 (head -c 32 /dev/urandom | base64)"
	rest, ok := strings.CutPrefix(s, "PRIVATE+KEY+")
	if !ok {
		seed, err := base64.StdEncoding.DecodeString(s)
		if err != nil || len(seed) != ed25519.SeedSize {
			return nil, errors.New("signing key: " + forms)
		}
		return named(seed), nil
	}
	if _, err := note.NewSigner(s); err != nil {
		return nil, errors.New("signing key: it is damaged; " + forms)
	}
	name, rest, _ := strings.Cut(rest, "+")
	_, encoded, _ := strings.Cut(rest, "+")
	b, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, errors.New("signing key: it is damaged; " + forms)
	}
	seed := b[1:] // behind the algorithm
	return &SigningKey{Key{name, publicOf(seed)}, seed}, nil
}

// Public is the half that everybody may know.
func (k *SigningKey) Public() Key { return k.public }

// Encode is the secret itself, in the form that [ParseSigningKey] reads.
func (k *SigningKey) Encode() string { return k.signerKey(k.public.name) }

// String hides the secret.
func (k *SigningKey) String() string { return "[signing key of " + k.public.name + "]" }

// GoString hides the secret.
func (k *SigningKey) GoString() string { return k.String() }

func (k *SigningKey) signerKey(name string) string {
	// The hash of a signer key is that of its verifier key.
	_, rest, _ := strings.Cut(k.public.verifierKey(name), "+")
	hash, _, _ := strings.Cut(rest, "+")
	const ed25519Algorithm = 1
	return "PRIVATE+KEY+" + name + "+" + hash + "+" + base64.StdEncoding.EncodeToString(append([]byte{ed25519Algorithm}, k.seed...))
}

func (k *SigningKey) signer(log string) note.Signer {
	s, err := note.NewSigner(k.signerKey(k.public.origin(log)))
	if err != nil {
		panic(fmt.Sprintf("a signing key that was read can sign: %v", err))
	}
	return s
}
