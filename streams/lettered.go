package streams

import (
	"context"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/tillstream/tillstream/domain"
)

// LetterNote is what one entry of the log of dead letters says, without the message:
// that there is a letter, or what became of one.
type LetterNote struct {
	ID    domain.Position // of the letter
	Store domain.StoreID
	Kind  Kind
	At    time.Time  // when it was found out; zero where the entry resolves one
	Now   Resolution // what became of it; [Open] where the entry is the letter
}

// Notes calls each with what was recorded of dead letters behind a position, oldest
// first, and returns up to where it has read.
func (d *DeadLetters) Notes(ctx context.Context, behind domain.Position, each func(LetterNote)) (domain.Position, error) {
	last, err := d.log.Last(ctx)
	if err != nil || last <= behind {
		return behind, err
	}
	err = d.log.Read(ctx, Query{From: behind + 1, To: last, Attributes: true}, func(m Message) error {
		h := nats.Header(m.Header)
		if id, err := strconv.ParseUint(h.Get(deadResolves), 10, 64); err == nil {
			each(LetterNote{ID: domain.Position(id), Store: m.Store, Now: Resolution(h.Get(deadResolution))})
			return nil
		}
		// Nobody else may publish here; what is no letter is none of ours.
		if letter, _, err := decodeLetter(m); err == nil {
			each(LetterNote{ID: m.Position, Store: m.Store, Kind: letter.Kind, At: letter.At})
		}
		return nil
	})
	return last, err
}
