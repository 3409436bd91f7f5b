package streams

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"github.com/tillstream/tillstream/domain"
)

// All subjects are built and taken apart here: a prefix and two tokens, the store
// and what the message is about, so that one store, or one item of it, can be
// read alone. A store id is a token as it is. Everything else may be anything its
// vendor likes and goes through [token].
const (
	posPrefix          = "pos"
	syncPrefix         = "sync"
	deadPrefix         = "dead"
	productsPrefix     = "products" // followed by the epoch
	publicationsPrefix = "publications"
	controlPrefix      = "control"
	headsPrefix        = "heads" // followed by a log
	tilesPrefix        = "tiles" // followed by a log, a level and a number
)

const (
	streamPOS          = "POS"
	streamSync         = "SYNC"
	streamDeadLetters  = "DEADLETTERS"
	streamPublications = "PUBLICATIONS"
	streamControl      = "CONTROL"
	streamHeads        = "HEADS"
	streamTiles        = "TILES"
	streamProducts     = "PRODUCTS_" // followed by the epoch
)

// systemStore stands where a store would, for what belongs to none. It is no
// valid store id.
const systemStore = "_"

// token encodes an id as one subject token: as it is when it consists of letters,
// digits, '-' and '_' only, otherwise "=" and its base64url form. No two ids share
// a token, since a plain one never begins with "=".
func token(id string) string {
	if plain(id) {
		return id
	}
	return "=" + base64.RawURLEncoding.EncodeToString([]byte(id))
}

// parseToken undoes [token]. It takes no other form than token makes, so that one
// id has one subject.
func parseToken(t string) (string, error) {
	if plain(t) {
		return t, nil
	}
	encoded, ok := strings.CutPrefix(t, "=")
	if !ok {
		return "", fmt.Errorf("subject token %q: must consist of letters, digits, '-' and '_', or be '=' and base64url", t)
	}
	id, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return "", fmt.Errorf("subject token %q: %w", t, err)
	}
	// The decoder passes over line breaks, and what is plain is not to be encoded.
	if written := token(string(id)); written != t {
		return "", fmt.Errorf("subject token %q: must be written as %q", t, written)
	}
	return string(id), nil
}

func plain(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return s != ""
}

// subjectsOfLog is the pattern of all subjects with a prefix.
func subjectsOfLog(prefix string) string { return prefix + ".*.*" }

func subjectOf(prefix string, store domain.StoreID, id string) string {
	return prefix + "." + string(store) + "." + token(id)
}

// filterOf selects a store, or one id of it; an empty store selects everything.
func filterOf(prefix string, store domain.StoreID, id string) string {
	switch {
	case store == "":
		return subjectsOfLog(prefix)
	case id == "":
		return prefix + "." + string(store) + ".*"
	}
	return subjectOf(prefix, store, id)
}

// parseSubject takes a subject of the given prefix apart.
func parseSubject(prefix, subject string) (domain.StoreID, string, error) {
	rest, ok := strings.CutPrefix(subject, prefix+".")
	s, t, found := strings.Cut(rest, ".")
	if !ok || !found {
		return "", "", fmt.Errorf("must be %s.{store}.{id}", prefix)
	}
	store, err := domain.ParseStoreID(s)
	if err != nil {
		return "", "", err
	}
	id, err := parseToken(t)
	if err != nil {
		return "", "", err
	}
	return store, id, nil
}

func productsStream(epoch uint64) string { return streamProducts + strconv.FormatUint(epoch, 10) }

func productsSubjects(epoch uint64) string {
	return productsPrefix + "." + strconv.FormatUint(epoch, 10)
}

// Key names one entry of a bucket. [MakeKey] and [SystemKey] make one.
type Key string

// MakeKey is the key of something that belongs to a store. The id may be any
// text; equal keys come from equal parts only.
func MakeKey(store domain.StoreID, id string) Key { return Key(string(store) + "." + token(id)) }

// SystemKey is the key of something that belongs to no store. It is unequal to
// every key that [MakeKey] makes.
func SystemKey(name string) Key { return systemStore + "." + Key(token(name)) }

// CheckpointKey is where a projection keeps how far it has come.
func CheckpointKey() Key { return SystemKey("checkpoint") }

// stretchMark begins the last token of a stretch's subject, before its number and, behind
// another one, the token of the id. No key of a state has one.
const stretchMark = "+"

// StretchKey is the key of a stretch that a trail of an id has let go of.
func StretchKey(store domain.StoreID, id string, number uint64) Key {
	return Key(string(store) + "." + stretchMark + strconv.FormatUint(number, 10) + stretchMark + token(id))
}

// stretch undoes [StretchKey], and reports whether a key is one.
func (k Key) stretch() (of domain.Key, is bool, err error) {
	store, last, _ := strings.Cut(string(k), ".")
	rest, is := strings.CutPrefix(last, stretchMark)
	if !is {
		return of, false, nil
	}
	number, id, _ := strings.Cut(rest, stretchMark)
	if of.Stretch, err = strconv.ParseUint(number, 10, 64); err == nil {
		of.Store, of.ID, err = Key(store + "." + id).Parts()
	}
	if err == nil && (of.Stretch == 0 || StretchKey(of.Store, of.ID, of.Stretch) != k) {
		err = fmt.Errorf("key %q: must be {store}.%s{number}%s{id}", string(k), stretchMark, stretchMark)
	}
	return of, true, err
}

// Parts undoes [MakeKey] and [SystemKey]; the store is empty for the latter.
func (k Key) Parts() (store domain.StoreID, id string, err error) {
	s, t, ok := strings.Cut(string(k), ".")
	if !ok {
		return "", "", fmt.Errorf("key %q: must be {store}.{id}", string(k))
	}
	if s != systemStore {
		if store, err = domain.ParseStoreID(s); err != nil {
			return "", "", fmt.Errorf("key %q: %w", string(k), err)
		}
	}
	if id, err = parseToken(t); err != nil {
		return "", "", fmt.Errorf("key %q: %w", string(k), err)
	}
	return store, id, nil
}

// prefixOf is the subject prefix of a stream.
func prefixOf(stream string) string {
	switch stream {
	case streamPOS:
		return posPrefix
	case streamSync:
		return syncPrefix
	case streamDeadLetters:
		return deadPrefix
	case streamPublications:
		return publicationsPrefix
	case streamControl:
		return controlPrefix
	case streamHeads:
		return headsPrefix
	case streamTiles:
		return tilesPrefix
	}
	if epoch, ok := strings.CutPrefix(stream, streamProducts); ok {
		return productsPrefix + "." + epoch
	}
	return ""
}
