package tree

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Head is the tree of one log at one size.
type Head struct {
	Origin string // the installation and the log
	Size   int64  // messages, which is the position of the last
	Root   tlog.Hash
}

// Log is the log that a head is of, the last part of its origin.
func (h Head) Log() string { return h.Origin[strings.LastIndexByte(h.Origin, '/')+1:] }

// text is the body of a C2SP checkpoint.
func (h Head) text() string {
	return fmt.Sprintf("%s\n%d\n%s\n", h.Origin, h.Size, h.Root)
}

func parseText(text string) (Head, error) {
	lines := strings.SplitN(text, "\n", 4)
	if len(lines) < 4 || lines[0] == "" {
		return Head{}, errors.New("tree head: must have an origin, a size and a root, each on a line")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		return Head{}, fmt.Errorf("tree head: size %q: must be a whole number", lines[1])
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize {
		return Head{}, fmt.Errorf("tree head: root %q: must be %d bytes in base64", lines[2], tlog.HashSize)
	}
	// Lines that follow are extensions, of which other programs may know something.
	return Head{lines[0], size, tlog.Hash(root)}, nil
}

// Sign signs the head of a log. The result is a C2SP checkpoint.
func (k *SigningKey) Sign(log string, size int64, root tlog.Hash) ([]byte, error) {
	h := Head{k.public.origin(log), size, root}
	signed, err := note.Sign(&note.Note{Text: h.text()}, k.signer(log))
	if err != nil {
		return nil, fmt.Errorf("sign the tree head of %s at %d: %w", log, size, err)
	}
	return signed, nil
}

// UnknownSignerError says that a head bears no signature of the keys that were given.
// What it says may be true or not.
type UnknownSignerError struct{ Signer string } // its name and hash, as in a public key

func (e *UnknownSignerError) Error() string {
	return fmt.Sprintf("tree head: signed by %s, whose key is not known", e.Signer)
}

// ForgedError says that a head bears the name of a known key and not its signature.
type ForgedError struct{ Signer string }

func (e *ForgedError) Error() string {
	return fmt.Sprintf("tree head: the signature of %s is not valid: somebody has changed it, or made it without the key", e.Signer)
}

// OpenHead reads a signed head of one of the logs and checks that one of the keys has
// signed it. With an [*UnknownSignerError] or a [*ForgedError] the head is returned as
// it stands there; any other error says that it is none.
func OpenHead(signed []byte, log string, keys ...Key) (Head, error) {
	known := make([]note.Verifier, 0, len(keys))
	for i, k := range keys {
		if duplicate(keys[:i], k) {
			continue // a verifier given twice is ambiguous to note
		}
		v, err := note.NewVerifier(k.ForLog(log))
		if err != nil {
			return Head{}, fmt.Errorf("public key %s: %w", k, err)
		}
		known = append(known, v)
	}
	n, err := note.Open(signed, note.VerifierList(known...))
	var forged *note.InvalidSignatureError
	var unverified *note.UnverifiedNoteError
	switch {
	case errors.As(err, &forged):
		// The note's text is up to its first blank line.
		text, _, _ := strings.Cut(string(signed), "\n\n")
		h, parseErr := parseText(text + "\n")
		if parseErr != nil {
			return h, parseErr
		}
		return h, &ForgedError{forged.Name}
	case errors.As(err, &unverified):
		h, err := parseText(unverified.Note.Text)
		if err != nil {
			return h, err
		}
		return h, &UnknownSignerError{signers(unverified.Note.UnverifiedSigs)}
	case err != nil:
		return Head{}, fmt.Errorf("tree head: is no signed note: %w", err)
	}
	h, err := parseText(n.Text)
	if err != nil {
		return h, err
	}
	if h.Origin != n.Sigs[0].Name || h.Log() != log {
		return h, &ForgedError{n.Sigs[0].Name}
	}
	return h, nil
}

func duplicate(earlier []Key, k Key) bool {
	for _, e := range earlier {
		if e.Equal(k) {
			return true
		}
	}
	return false
}

func signers(list []note.Signature) string {
	names := make([]string, len(list))
	for i, s := range list {
		names[i] = fmt.Sprintf("%s+%08x", s.Name, s.Hash)
	}
	return strings.Join(names, ", ")
}

// PeekHead reads what a signed head says and trusts nobody for it. It reports whether it
// is one, and whether it bears the name that a key signs the log's heads under.
func PeekHead(signed []byte, key Key) (h Head, named, ok bool) {
	text, signatures, found := strings.Cut(string(signed), "\n\n")
	h, err := parseText(text + "\n")
	if !found || err != nil {
		return Head{}, false, false
	}
	return h, strings.Contains("\n"+signatures, "\n— "+h.Origin+" ") && h.Origin == key.origin(h.Log()), true
}

// SplitHeads takes apart a text that holds signed heads one behind the other, as a file
// that they are sent to does.
func SplitHeads(text []byte) [][]byte {
	var out [][]byte
	var body string
	for block := range strings.SplitSeq(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n\n") {
		block = strings.Trim(block, "\n")
		switch {
		case block == "":
		case strings.HasPrefix(block, "— ") && body != "":
			out = append(out, []byte(body+"\n\n"+block+"\n"))
			body = ""
		default:
			body = block
		}
	}
	if body != "" {
		out = append(out, []byte(body+"\n")) // no signature follows: whoever opens it says so
	}
	return out
}
