package streams

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

// userInfoSubject answers every user with what it may do.
const userInfoSubject = "$SYS.REQ.USER.INFO"

// grants is what a user may send.
type grants struct {
	Allow []string `json:"allow"`
	Deny  []string `json:"deny"`
}

func (g *grants) permits(subject string) bool {
	covers := func(patterns []string) bool {
		for _, p := range patterns {
			if covered(subject, p) {
				return true
			}
		}
		return false
	}
	return g == nil || (len(g.Allow) == 0 || covers(g.Allow)) && !covers(g.Deny)
}

// covered reports whether a pattern matches a subject without wildcards.
func covered(subject, pattern string) bool {
	for {
		s, restS, moreS := strings.Cut(subject, ".")
		p, restP, moreP := strings.Cut(pattern, ".")
		switch {
		case p == ">":
			return true
		case p != "*" && p != s:
			return false
		case !moreS || !moreP:
			return moreS == moreP
		}
		subject, pattern = restS, restP
	}
}

// Excess lists the requests that could change what a log holds and that the program's
// user may send nevertheless. It asks the server for the user's permissions, and tries
// nothing.
func (c *Conn) Excess(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, ackWait)
	defer cancel()
	msg, err := c.askNC.RequestWithContext(ctx, userInfoSubject, nil)
	if err != nil {
		return nil, fmt.Errorf("ask what the user may do: %w", c.translate(err))
	}
	var answer struct {
		Data *struct {
			Permissions *struct {
				Publish *grants `json:"publish"`
			} `json:"permissions"`
		} `json:"data"`
	}
	if err := json.Unmarshal(msg.Data, &answer); err != nil || answer.Data == nil {
		return nil, errors.Join(errors.New("ask what the user may do: the server's answer cannot be read"), err)
	}
	var publish *grants
	if p := answer.Data.Permissions; p != nil {
		publish = p.Publish
	}
	var out []string
	for _, log := range kept() {
		for _, subject := range harmful(log) {
			if publish.permits(subject) {
				out = append(out, subject)
			}
		}
	}
	return out, nil
}

// Drift checks the streams that exist as [Conn.Ensure] does, and makes none: a missing
// one is told of by [*MissingError].
func (c *Conn) Drift(ctx context.Context) error {
	var errs []error
	for _, want := range c.topology() {
		stream, err := c.askJS.Stream(ctx, want.Name)
		switch {
		case errors.Is(err, jetstream.ErrStreamNotFound):
			errs = append(errs, &MissingError{want.Name})
		case err != nil:
			errs = append(errs, fmt.Errorf("stream %s: %w", want.Name, c.translate(err)))
		default:
			errs = append(errs, c.drift(want, stream.CachedInfo().Config))
		}
	}
	return errors.Join(errs...)
}

// MissingError says that a stream does not exist.
type MissingError struct{ Stream string }

func (e *MissingError) Error() string {
	return fmt.Sprintf("stream %s: does not exist; tillstream up makes it, empty", e.Stream)
}

// Extent is how far a log reaches, as the broker says.
type Extent struct {
	First, Last uint64 // positions; First is 0 when there is none
	Messages    uint64
	Bytes       uint64
}

// Extent asks how far a log reaches. The error is a [*MissingError] when there is no
// such stream.
func (c *Conn) Extent(ctx context.Context, stream string) (Extent, error) {
	s, err := c.askJS.Stream(ctx, stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return Extent{}, &MissingError{stream}
	}
	if err != nil {
		return Extent{}, fmt.Errorf("read %s: %w", stream, c.translate(err))
	}
	st := s.CachedInfo().State
	return Extent{st.FirstSeq, st.LastSeq, st.Msgs, st.Bytes}, nil
}

// Kept names the streams of an installation's evidence: the logs and the signed heads,
// in the order in which a copy takes them so that nothing in it speaks of what it lacks.
func Kept() []string { return []string{streamHeads, streamDeadLetters, streamSync, streamPOS} }
